// SPDX-License-Identifier: GPL-2.0

//! A handler that blocks becomes a thread of its own, and the pinned thread goes on.
//!
//! What the handler waits for only the interrupted thread can give: if that did not go on, the
//! handler would never end. The control's handler holds the CPU instead of blocking, as a handler
//! of Linux would have to.

use super::actor::{
    level,
    on_cpu,
    spin_until,
    threads,
    Actor, //
};
use crate::claim::{
    prelude::*,
    skip, //
};
use irqlab::context::Kind;
use kernel::sync::atomic::{
    Atomic,
    Relaxed,
    Release, //
};

claim! {
    quote: "if the interrupt thread called a function that has to put it to sleep, the system \
            converts it automatically to a kernel thread, puts that to sleep and wakes the pinned \
            thread (translated)",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: the handler's state is handed to the level's kernel thread where it awaits \
            something",
    functions: "interrupt_thread::Handler::serve(), core::task::Poll::Pending",
    control: "the handler holds the CPU until it is let go",
    next: "echo 1 > interrupt_threads/on; echo level=5 wait=release > interrupt_threads/handlers; echo \
           level=5 > interrupt_threads/raise; cat interrupt_threads/pools; echo 5 > \
           interrupt_threads/release; echo 0 > interrupt_threads/on; echo level=5 wait=nothing > \
           interrupt_threads/handlers",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [cpu] = trial.cpus()?;
    let is_control = trial.is_control();
    let actor = Actor::blocking(!is_control)?;
    actor.holds.store(is_control, Relaxed);
    let pools = threads(&[(5, &actor)], trial)?;
    let level = level(5)?;
    let (came, goes_on) = (Atomic::new(false), Atomic::new(false));
    on_cpu(trial, cpu, |_here| {
        if pools.raise(level).is_ok() && spin_until(|| actor.nr_begun() == 1) {
            came.store(true, Relaxed);
            // Here again, and the handler has not ended.
            goes_on.store(actor.nr_ended() == 0, Relaxed);
        }
        actor.holds.store(false, Release);
        actor.let_go.complete();
    })?;
    trial.come("the end of the handler", || actor.nr_ended() == 1)?;
    let snapshots = actor.begun().zip(actor.ended());
    let Some((begin, end)) = snapshots.filter(|_| came.load(Relaxed)) else {
        skip!(Missed: "the interrupt did not come in time");
    };
    evidence.note(fmt!(
        "begun in {} context, with '{}' as the current thread",
        begin.kind(),
        begin.comm()
    ))?;
    evidence.check(
        goes_on.load(Relaxed),
        fmt!("the interrupted thread went on, and let the handler go on"),
    )?;
    evidence.check(
        end.kind() == Kind::Task
            && end.comm().starts_with("intr_5/")
            && end.pid != begin.pid
            && actor.may_sleep(),
        fmt!("ended in {} context, in '{}'", end.kind(), end.comm()),
    )?;
    evidence.check(
        end.cpu == begin.cpu && actor.nr_cpus_allowed() == 1,
        fmt!("bound to CPU {}", end.cpu),
    )?;
    evidence.holds()
}
