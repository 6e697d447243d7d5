// SPDX-License-Identifier: GPL-2.0

//! access_ok() compares with a limit that each thread carries.
//!
//! It did, so that the kernel could pass its own buffers to functions that expect a user's: the thread
//! was given a higher limit meanwhile. Whether there is such a limit is seen by looking for the last
//! address that access_ok() lets pass, from two kinds of tasks.

use crate::claim::prelude::*;
use irqlab::{
    context::Task,
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
    control: "the same task asks twice, and no kernel thread",
    next: "echo FIX-01 > claims; grep ^FIX-01 claims",
}

/// The last address of which access_ok() lets a byte pass; nothing if it lets none or all.
fn limit() -> Option<usize> {
    let (mut passes, mut refused) = (0, usize::MAX - 1);
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
    let ask = |task: &Task| (limit(), task::has_user_memory(task));
    let (of_user, _) = ask(trial.task);
    let (of_kernel, has_memory) = if trial.is_control() {
        ask(trial.task)
    } else {
        smp::call_in_task(CpuId::current(), trial.task, ask)?
    };
    evidence.note(fmt!(
        "this task, which {} user memory: access_ok() lets pass up to {}",
        match task::has_user_memory(trial.task) {
            true => "has",
            false => "has no",
        },
        Address(of_user.unwrap_or(0))
    ))?;
    let (Some(of_user), Some(of_kernel)) = (of_user, of_kernel) else {
        evidence.check(false, fmt!("there is no such limit"))?;
        return evidence.outdated();
    };
    evidence.check(
        !has_memory,
        fmt!(
            "{}, which {} user memory: up to {}",
            trial.pick("a kernel thread", "this task once more"),
            match has_memory {
                true => "has",
                false => "has no",
            },
            Address(of_kernel)
        ),
    )?;
    if of_kernel != of_user {
        evidence.note(fmt!("the limit is the thread's"))?;
        return evidence.holds();
    }
    evidence.outdated()
}
