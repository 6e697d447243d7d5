// SPDX-License-Identifier: GPL-2.0

//! What an interrupt thread costs, against a plain handler and against a threaded IRQ.
//!
//! Two pairs, all on one CPU. The same interrupt, which the CPU sends itself, is answered by a plain
//! handler, and by an interrupt thread. An interrupt of a simulated line is answered by a plain
//! handler, and by the line's thread, which stays on the CPUs that the line may go to. The
//! difference of each pair is what the thread costs. The least of many rounds, in which the four
//! take turns, is what each costs where nothing comes between. Where the clock counts
//! instructions (QEMU's -icount), these are instructions: the authors of Solaris report about 40
//! for their interrupt threads.

use super::actor::{
    level,
    on_cpu,
    spin_until, //
};
use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    line::Line,
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Task, //
    },
    cpu::Here,
    interrupt_thread::{
        Handler,
        Handlers,
        InterruptThreads,
        Run, //
    },
    irq::{
        Affinity,
        IrqReturn,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    lapic,
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
    quote: "since the initialisation of a thread at an interrupt would take long, interrupt threads \
            are used as a limited variant of kernel threads (translated); their authors report some \
            40 instructions more for each interrupt",
    section: "4.1.1.3. Example: Solaris Pinned Threads",
    today: "rebuilt: no switch unless the handler blocks; levels, counts and the handler's state cost \
            more than the original's",
    functions: "interrupt_thread::InterruptThreads::raise(), irq_thread()",
    control: "the interrupt thread's handler blocks once",
    next: "echo line=sim0 mechanisms=hard,int_thread,threaded > bench; cat bench",
}

const ROUNDS: usize = 200;

/// When the answer came, or 0.
struct Answered(Atomic<u64>);

impl Answered {
    fn new() -> Result<Arc<Self>> {
        Ok(Arc::new(Self(Atomic::new(0)), GFP_KERNEL)?)
    }

    fn answer(&self) {
        self.0.store(clock::now_ns(), Release);
    }

    /// The time from `raise` to the answer, in nanoseconds; 0 if it does not come.
    fn after_ns(&self, here: &Here<'_>, raise: impl Fn() -> bool) -> u64 {
        self.0.store(0, Relaxed);
        let start_ns = clock::now_ns();
        let came = raise()
            && spin_until(|| {
                // A thread that was woken may need the CPU to be offered.
                here.task.yield_if_needed();
                self.0.load(Acquire) != 0
            });
        if !came || here.is_stopped() {
            return 0;
        }
        self.0.load(Relaxed).wrapping_sub(start_ns)
    }
}

struct Plain(Arc<Answered>);

impl irq_work::Handler<irq_work::Kind<Now>> for Plain {
    fn run(this: &IrqWork<Self>, _irq: &HardIrq) {
        this.0.answer();
    }
}

struct InThread {
    answered: Arc<Answered>,
    blocks: bool,
}

impl Handler for InThread {
    async fn serve(this: Arc<Self>, run: Run) {
        if this.blocks {
            run.in_thread().await;
        }
        this.answered.answer();
    }
}

struct OnLine {
    line: Arc<Line>,
    answered: Arc<Answered>,
    is_threaded: Atomic<bool>,
}

impl ThreadedHandler for OnLine {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        if !self.line.source.acknowledge(irq) {
            return ThreadedIrqReturn::None;
        }
        if self.is_threaded.load(Relaxed) {
            return ThreadedIrqReturn::WakeThread;
        }
        self.answered.answer();
        ThreadedIrqReturn::Handled
    }

    fn handle_threaded(&self, _task: &Task) -> IrqReturn {
        self.answered.answer();
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if cfg!(CONFIG_KCSAN) {
        skip!("this kernel checks every access to memory, which costs more than what is compared");
    }
    if !lapic::is_used() {
        skip!("no local APIC: to take an interrupt from the PIC costs more than what is compared");
    }
    let [cpu] = trial.cpus()?;
    let answered = Answered::new()?;
    let plain = IrqWork::new(Ok(Plain(answered.clone())));
    let plain = KBox::pin_init(plain, GFP_KERNEL)?;
    let in_thread = InThread {
        answered: answered.clone(),
        blocks: trial.is_control(),
    };
    let level = level(5)?;
    let handlers = Handlers::new().thread(level, Arc::new(in_thread, GFP_KERNEL)?)?;
    let pools = InterruptThreads::new(handlers, trial.task)?;
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let reserved = group.reserve()?;
    let on_line = OnLine {
        line: line.clone(),
        answered: answered.clone(),
        is_threaded: Atomic::new(false),
    };
    let sharing = line.source.sharing();
    let registration = line
        .source
        .line()
        .request_threaded(sharing, line.name, Ok(on_line))?;
    // The thread follows. Elsewhere it would have to be woken from afar, or would find its CPU idle.
    let affinity = Affinity::new(line.source.line())?;
    affinity.set(core::iter::once(cpu))?;

    let raiser: &Line = &reserved;
    let costs: [Atomic<u64>; 4] = [const { Atomic::new(u64::MAX) }; 4];
    on_cpu(trial, cpu, |here| {
        let raise_line = || raiser.raise().is_ok();
        let threaded = &registration.handler().is_threaded;
        for _ in 0..ROUNDS {
            let all = [
                answered.after_ns(here, || plain.queue()),
                answered.after_ns(here, || pools.raise(level).is_ok()),
                {
                    threaded.store(false, Relaxed);
                    answered.after_ns(here, raise_line)
                },
                {
                    threaded.store(true, Relaxed);
                    answered.after_ns(here, raise_line)
                },
            ];
            for (cost, ns) in costs.iter().zip(all) {
                cost.store(cost.load(Relaxed).min(ns), Relaxed);
            }
            if all.contains(&0) {
                break;
            }
        }
    })?;
    let [plain_ns, thread_ns, line_ns, threaded_ns] = costs.each_ref().map(|ns| ns.load(Relaxed));
    if [plain_ns, thread_ns, line_ns, threaded_ns].contains(&0) {
        skip!(Busy: "an answer did not come, or took no time");
    }
    let Some(threaded_extra) = threaded_ns.checked_sub(line_ns).filter(|extra| *extra > 0) else {
        skip!(Coarse: "a line's thread was as quick as its handler");
    };
    trial.judge_by_clock();
    let thread_extra = thread_ns.saturating_sub(plain_ns);
    evidence.note(fmt!(
        "the least of {ROUNDS}, in ns: a plain handler {plain_ns}, an interrupt thread {thread_ns}"
    ))?;
    evidence.note(fmt!("a line's handler {line_ns}, its thread {threaded_ns}"))?;
    // Where to read the clock takes as long as what is measured, as without a local APIC, half is not seen.
    let is_between = (threaded_extra..threaded_extra * 2).contains(&(thread_extra * 2));
    if is_between && !trial.is_control() {
        skip!(
            Coarse: "the interrupt thread costs {thread_extra} ns \
             more, the threaded IRQ {threaded_extra}"
        );
    }
    evidence.check(
        thread_extra * 2 < threaded_extra,
        fmt!("the interrupt thread costs {thread_extra} more, the threaded IRQ {threaded_extra}"),
    )?;
    evidence.holds()
}
