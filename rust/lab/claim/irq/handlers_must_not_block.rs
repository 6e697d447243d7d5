// SPDX-License-Identifier: GPL-2.0

//! A handler must not block.
//!
//! It has no thread of execution of its own that could wait: whom would the
//! scheduler put aside? The kernel says "scheduling while atomic" and, as its
//! count of contexts cannot be right, resets it, which shows here. The control
//! blocks in the line's thread, where that is nobody's business.
//!
//! With the library's types it takes a function that exists to misbehave:
//! everything else that sleeps demands a task's token (`selftests/compile_fail`).

use crate::{
    claim::{
        prelude::*,
        skip_dangerous, //
    },
    line::Line,
    refusal::refuse, //
};
use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    dangerous,
    irq::{
        IrqReturn,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    },
    Arc, //
};

claim! {
    quote: "an interrupt handler must never block, i.e. no process switch can be done while an interrupt handler is running",
    section: "nested execution of Ex./Int. Handlers",
    today: "the same: the scheduler reports \"scheduling while atomic\", and resets the count of contexts, which cannot be right",
    functions: "__schedule(), __schedule_bug()",
    control: "the line's thread blocks instead",
    next: "# on the host: make shell PARAMS=dangerous=1; there: echo IRQ-10 > claims; grep ^IRQ-10 \
           claims; dmesg | tail -n 40",
}

/// A handler that blocks, or whose thread does.
struct Blocker {
    line: Arc<Line>,
    in_thread: bool,
    depth_before: Atomic<u32>,
    depth_after: Atomic<u32>,
    is_done: Atomic<bool>,
}

impl Blocker {
    fn done(&self, before: u32, after: u32) {
        self.depth_before.store(before, Relaxed);
        self.depth_after.store(after, Relaxed);
        self.is_done.store(true, Release);
    }
}

impl ThreadedHandler for Blocker {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        if !self.line.source.acknowledge(irq) {
            return ThreadedIrqReturn::None;
        }
        if self.in_thread {
            return ThreadedIrqReturn::WakeThread;
        }
        let before = Snapshot::take().hardirq_depth();
        // Refused if it interrupts another task than the claim's: nothing is seen then.
        if let Ok(aftermath) = dangerous::schedule(irq) {
            self.done(before, aftermath.hardirq_depth);
        }
        ThreadedIrqReturn::Handled
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        let before = Snapshot::take().hardirq_depth();
        task.sleep_ms(1);
        self.done(before, Snapshot::take().hardirq_depth());
        IrqReturn::Handled
    }
}

/// Whom the interrupt interrupts: of a priority that the scheduler stays with.
struct Interrupted(Arc<Line>);

impl kthread::Handler<kthread::Kind> for Interrupted {
    fn run(this: &Work<Self>, _task: &Task) {
        let _ = this.0.raise();
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    skip_dangerous!(
        trial,
        "IRQ-10",
        "makes the kernel report 'scheduling while atomic'"
    );
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let _reserved = group.reserve()?;
    let [cpu] = trial.cpus()?;
    let blocker = Blocker {
        line: line.clone(),
        in_thread: trial.is_control(),
        depth_before: Atomic::new(0),
        depth_after: Atomic::new(0),
        is_done: Atomic::new(false),
    };
    let irq_line = line.source.line();
    let sharing = line.source.sharing();
    let registration = irq_line.request_threaded(sharing, line.name, Ok(blocker))?;
    let blocker = registration.handler();

    let had_warned = dangerous::has_warned();
    let worker = Worker::on(cpu, c"irqlab_blocks", Priority::Fifo)?;
    let work = Work::new(worker, Ok(Interrupted(line.clone())));
    let work = KBox::pin_init(work, GFP_KERNEL)?;
    work.queue();
    work.flush(trial.task)?;
    if !trial.eventually(2000, || blocker.is_done.load(Acquire)) {
        refuse!(EIO, "sim0: the handler did not come back");
    }
    let before = blocker.depth_before.load(Relaxed);
    let after = blocker.depth_after.load(Relaxed);
    let has_warned = dangerous::has_warned();
    evidence.check(
        before == 1 && after == 0,
        fmt!(
            "the {} of sim0 blocked: {before} hard IRQs deep before, {after} after",
            trial.pick("handler", "thread")
        ),
    )?;
    let word = |has_warned| if has_warned { "yes" } else { "no" };
    evidence.check(
        has_warned,
        fmt!(
            "the kernel has warned: {} before, {} after",
            word(had_warned),
            word(has_warned)
        ),
    )?;
    evidence.holds()
}
