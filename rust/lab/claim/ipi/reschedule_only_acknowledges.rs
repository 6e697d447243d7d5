// SPDX-License-Identifier: GPL-2.0

//! The reschedule interrupt only acknowledges; the work is done on the return from it.
//!
//! A thread of high priority is woken on a CPU that has interrupts off. Then the interrupt waits in
//! the CPU's local APIC; it is taken, and when its handler ends the thread has not run. It runs
//! after that, in the place of what was interrupted.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    hold::{
        attempt,
        Hold, //
    },
};
use irqlab::{
    context::{
        Task,
        Unsleeping, //
    },
    cpu::CpuId,
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
    lapic, smp,
    tracepoint::{
        Attached,
        Observer,
        RescheduleExit, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "when a CPU receives this type of interrupt, the corresponding handler named reschedule_interrupt() limits itself to acknowledging the interrupt, the rescheduling is done when returning from the interrupt;",
    section: "Inter-Processor Interrupts (IPIs)",
    today: "as the text says; the handler is called sysvec_reschedule_ipi(), and besides takes note that the CPU has to reschedule",
    functions: "sysvec_reschedule_ipi(), scheduler_ipi(), irqentry_exit_cond_resched()",
    control: "the interrupt is sent, but nobody is woken",
    next: "echo kind=reschedule count=100 > ipi/call; cat ipi/call",
}

const COUNT: u32 = 10;

/// What the observer and the thread have seen of one interrupt.
struct Steps {
    target: CpuId,
    is_armed: Atomic<bool>,
    runs: Atomic<u32>,
    /// How often the thread had run when the handler ended, plus 1.
    runs_at_exit: Atomic<u32>,
    /// Whether the thread found that the handler had ended.
    ran_after: Atomic<bool>,
}

struct Exits(Arc<Steps>);

impl Observer<RescheduleExit> for Exits {
    fn observe(&self, _event: &RescheduleExit, _context: &Unsleeping) {
        let steps = &self.0;
        if CpuId::current() == steps.target && steps.is_armed.xchg(false, Full) {
            steps
                .runs_at_exit
                .store(steps.runs.load(Acquire) + 1, Release);
        }
    }
}

struct Thread(Arc<Steps>);

impl kthread::Handler<kthread::Kind> for Thread {
    fn run(this: &Work<Self>, _task: &Task) {
        let steps = &this.0;
        let is_after = CpuId::current() == steps.target && steps.runs_at_exit.load(Acquire) > 0;
        steps.ran_after.store(is_after, Relaxed);
        steps.runs.fetch_add(1, Release);
    }
}

/// Counts over all times.
#[derive(Default)]
struct Counts {
    /// Interrupts that waited in the local APIC.
    waiting: u32,
    /// Their handlers that the kernel's tracepoint saw end.
    ended: u32,
    /// Of the threads, how many had run before the handler ended, and how many after.
    before: u32,
    after: u32,
    /// How many the scheduler has handed over by a call in place of this interrupt.
    by_call: u32,
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let [sender, target] = trial.cpus()?;
    let worker = Worker::on(target, c"irqlab_woken", Priority::Fifo)?;
    let steps = Arc::new(
        Steps {
            target,
            is_armed: Atomic::new(false),
            runs: Atomic::new(0),
            runs_at_exit: Atomic::new(0),
            ran_after: Atomic::new(false),
        },
        GFP_KERNEL,
    )?;
    let mut exits = Attached::new(Arc::new(Exits(steps.clone()), GFP_KERNEL)?);
    exits.to::<RescheduleExit>()?;
    let thread = KBox::pin_init(Work::new(worker, Ok(Thread(steps))), GFP_KERNEL)?;
    let mut counts = Counts::default();
    for _ in 0..COUNT {
        attempt(|| try_one(trial, sender, &thread, &mut counts))?;
    }
    let count = COUNT - counts.by_call;
    if count == 0 {
        skip!(
            "CPUs {} and {} share no cache: the scheduler wakes up by calls",
            sender.as_u32(),
            target.as_u32()
        );
    }
    evidence.check(
        counts.waiting == count,
        fmt!(
            "{count} times CPU {} {} on CPU {}, which has interrupts off: {} reschedule interrupts \
             waited in its local APIC",
            sender.as_u32(),
            trial.pick("woke a thread", "asked to reschedule"),
            target.as_u32(),
            counts.waiting
        ),
    )?;
    evidence.check(
        counts.ended == count && counts.before == 0,
        fmt!(
            "with interrupts on {} handlers ended, and {} threads had run by then",
            counts.ended,
            counts.before
        ),
    )?;
    evidence.check(
        counts.after == count,
        fmt!("threads that ran after their handler: {}", counts.after),
    )?;
    evidence.holds()
}

fn try_one(
    trial: &Trial<'_>,
    sender: CpuId,
    thread: &Work<Thread>,
    counts: &mut Counts,
) -> Answer<Option<()>> {
    let steps = &thread.0;
    let target = steps.target;
    steps.runs.store(0, Relaxed);
    steps.runs_at_exit.store(0, Relaxed);
    steps.ran_after.store(false, Relaxed);
    let by_call = || lapic::is_requested(lapic::CALL_FUNCTION_SINGLE_VECTOR);
    let by_reschedule = || lapic::is_requested(lapic::RESCHEDULE_VECTOR);
    let is_sent = Atomic::new(false);
    let (is_waiting, is_call) = (Atomic::new(false), Atomic::new(false));
    let is_control = trial.is_control();
    let is_in_time = Hold::off_unless(false, target).during(
        trial,
        &[sender],
        |_here| {
            if is_control {
                let _ = smp::reschedule(target);
            } else {
                thread.queue();
            }
            is_sent.store(true, Release);
        },
        || is_sent.load(Acquire) && (by_reschedule() || by_call()),
        || {
            is_waiting.store(by_reschedule(), Relaxed);
            is_call.store(by_call(), Relaxed);
            steps.is_armed.store(true, Release);
        },
    )?;
    let has_run = || steps.runs.load(Acquire) > 0;
    let patience_ms = if is_control { 10 } else { 2000 };
    if !is_in_time || !trial.eventually(patience_ms, has_run) && !is_control {
        thread.cancel(trial.task)?;
        return Ok(None);
    }
    if !is_waiting.load(Relaxed) && is_call.load(Relaxed) {
        counts.by_call += 1;
        return Ok(Some(()));
    }
    let runs_at_exit = steps.runs_at_exit.load(Acquire);
    counts.waiting += u32::from(is_waiting.load(Relaxed));
    counts.ended += u32::from(runs_at_exit > 0);
    counts.before += runs_at_exit.saturating_sub(1);
    counts.after += u32::from(steps.ran_after.load(Relaxed));
    Ok(Some(()))
}
