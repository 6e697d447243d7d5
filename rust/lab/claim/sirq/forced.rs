// SPDX-License-Identifier: GPL-2.0

//! Whether the kernel forces handlers and soft IRQs into threads.

use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::proc;

/// Whether it does: with PREEMPT_RT, or as the boot parameter `threadirqs` tells it.
pub(super) fn are_threads_forced(trial: &Trial<'_>) -> Answer<bool> {
    if cfg!(CONFIG_PREEMPT_RT) {
        return Ok(true);
    }
    let Ok(line) = proc::read(c"/proc/cmdline", trial.task) else {
        skip!("/proc/cmdline cannot be read");
    };
    let mut words = line.as_str().split_ascii_whitespace();
    Ok(words.any(|word| word == "threadirqs"))
}
