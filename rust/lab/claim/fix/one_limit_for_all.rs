// SPDX-License-Identifier: GPL-2.0

//! access_ok() compares with a limit that each thread carries.
//!
//! It did, so that the kernel could pass its own buffers to functions that expect a user's: the thread
//! was given a higher limit meanwhile. Whether there is such a limit is seen by looking for the last
//! address that access_ok() lets pass, from two kinds of tasks.

use crate::claim::prelude::*;
use irqlab::{
    cpu::CpuId,
    smp,
    symbol::Address,
    task,
    user::is_user, //
};

claim! {
    quote: "a + size > current_thread_info()->addr_linig.seg",
    section: "Accessing Memory and System Calls",
    today: "since Linux 5.10, which took set_fs() from x86, the limit is the same for all threads: \
            where the user's part of the address space ends",
    functions: "access_ok(), __access_ok(), valid_user_address()",
    control: "the kernel thread asks about the kernel's addresses only",
    next: "echo FIX-01 > claims; grep ^FIX-01 claims",
}

/// The last address, from `low` on, of which access_ok() lets a byte pass; nothing if it lets none or all.
fn limit(low: usize) -> Option<usize> {
    let (mut passes, mut refused) = (low, usize::MAX - 1);
    if !is_user(passes, 1) || is_user(refused, 1) {
        return None;
    }
    while refused - passes > 1 {
        let middle = passes + (refused - passes) / 2;
        match is_user(middle, 1) {
            true => passes = middle,
            false => refused = middle,
        }
    }
    Some(passes)
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const KERNEL: usize = 1 << (usize::BITS - 1);

    let low = trial.pick(0, KERNEL);
    let of_user = limit(0);
    let of_kernel = smp::call_in_task(CpuId::current(), trial.task, |task: &_| {
        (limit(low), task::has_user_memory(task))
    })?;
    let (of_kernel, has_memory) = of_kernel;
    evidence.note(fmt!(
        "this task, which {} user memory: access_ok() lets pass up to {}",
        match task::has_user_memory(trial.task) {
            true => "has",
            false => "has no",
        },
        Address(of_user.unwrap_or(0))
    ))?;
    let (Some(of_user), Some(of_kernel)) = (of_user, of_kernel) else {
        evidence.check(false, fmt!("a kernel thread: there is no such limit"))?;
        return evidence.outdated();
    };
    evidence.note(fmt!(
        "a kernel thread, which {} user memory: up to {}",
        match has_memory {
            true => "has",
            false => "has no",
        },
        Address(of_kernel)
    ))?;
    if of_kernel != of_user {
        evidence.note(fmt!("the limit is the thread's"))?;
        return evidence.holds();
    }
    evidence.outdated()
}
