// SPDX-License-Identifier: GPL-2.0

//! A handler is lighter than a process switch.
//!
//! One stimulus, two answers. Every other interrupt is answered by its handler
//! alone; the others wake a thread of highest priority that waits on the same
//! CPU. Alternating, so that both see the same machine, and in medians, so that
//! what else goes on does not count: both answers begin with the same interrupt,
//! and a switch that cost nothing would make them equal.

use crate::{
    claim::{
        prelude::*,
        skip, //
    },
    line::Line,
    record::{
        Distribution,
        Merged, //
    },
};
use irqlab::{
    clock,
    completion::{
        Completion,
        Waited, //
    },
    context::{
        HardIrq,
        Kind,
        Snapshot,
        Task, //
    },
    cpu,
    irq::{
        Handler,
        IrqReturn,
        Registration, //
    },
    irq_work,
    kthread::{
        self,
        Priority,
        Work,
        Worker, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "The interrupt handler is lighter than a process.",
    section: "Introduction",
    today: "the same",
    functions: "common_interrupt(), wake_up_process(), __schedule()",
    control: "the handler answers every interrupt",
    next: "echo line=sim0 mechanisms=hard,kthread_fifo > bench; cat bench",
}

/// Interrupts of each kind.
const COUNT: u64 = 100;
/// How much longer the way to the thread has to be, in percent of that to the
/// handler. It is several times as long; equal ways differ by some percent.
const LONGER_PERCENT: u64 = 130;

/// Who answered, and how long after the interrupt was raised.
#[pin_data]
struct Answers {
    raised_ns: Atomic<u64>,
    /// The answer has to come from here; another CPU's costs differ.
    cpu: u32,
    handler: Distribution,
    thread: Distribution,
    in_hardirq: Atomic<u64>,
    in_thread: Atomic<u64>,
    #[pin]
    arrival: Completion,
}

impl Answers {
    /// Notes an answer from here and now.
    fn arrive(&self, distribution: &Distribution) {
        let now = Snapshot::take();
        distribution.count(now.stamp_ns.wrapping_sub(self.raised_ns.load(Relaxed)));
        if now.cpu == self.cpu {
            match now.kind() {
                Kind::HardIrq => self.in_hardirq.add(1, Relaxed),
                Kind::Task => self.in_thread.add(1, Relaxed),
                Kind::SoftIrq | Kind::Nmi => {}
            }
        }
        self.arrival.complete();
    }
}

struct Thread(Arc<Answers>);

impl kthread::Handler<kthread::Kind> for Thread {
    fn run(this: &Work<Self>, _task: &Task) {
        this.0.arrive(&this.0.thread);
    }
}

#[pin_data]
struct TopHalf {
    line: Arc<Line>,
    answers: Arc<Answers>,
    #[pin]
    thread: Work<Thread>,
    /// Whether the handler leaves the answer to the thread.
    is_waking: Atomic<bool>,
    is_second: Atomic<bool>,
}

impl Handler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        if !self.line.source.acknowledge(irq) {
            return IrqReturn::None;
        }
        if self.is_waking.load(Relaxed) {
            self.thread.queue();
        } else if self.is_second.load(Relaxed) {
            self.answers.arrive(&self.answers.thread);
        } else {
            self.answers.arrive(&self.answers.handler);
        }
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    if !irq_work::has_interrupt() {
        skip!("without a local APIC, an interrupt of a simulated line waits for the next tick");
    }
    trial.judge_by_clock();
    let line = trial.line("sim0")?;
    let group = trial.group("sim0")?;
    let reserved = group.reserve()?;
    let Some(cpu) = cpu::online().last() else {
        skip!("no CPU is online");
    };
    let answers = try_pin_init!(Answers {
        raised_ns: Atomic::new(0),
        cpu: cpu.as_u32(),
        handler: Distribution::new()?,
        thread: Distribution::new()?,
        in_hardirq: Atomic::new(0),
        in_thread: Atomic::new(0),
        arrival <- Completion::new(),
    }? Error);
    let answers = Arc::pin_init(answers, GFP_KERNEL)?;
    let worker = Worker::on(cpu, c"irqlab_switch", Priority::Fifo)?;
    let registration = request(&line, &answers, worker)?;
    let top_half = registration.handler();

    let lost = Atomic::new(0u64);
    let is_control = trial.is_control();
    let workers = &trial.lab.workers;
    let raiser: &Line = &reserved;
    cpu::run_on(workers, core::iter::once(cpu), trial.task, |here| {
        for number in 0..2 * COUNT {
            if here.is_stopped() || lost.load(Relaxed) > 0 {
                break;
            }
            let is_second = number % 2 == 1;
            top_half.is_second.store(is_second, Relaxed);
            let is_waking = is_second && !is_control;
            top_half.is_waking.store(is_waking, Relaxed);
            answers.raised_ns.store(clock::now_ns(), Relaxed);
            if raiser.raise().is_err()
                || answers.arrival.wait_ms(here.task, 2000) != Waited::Completed
            {
                lost.add(1, Relaxed);
            }
        }
    })?;

    let median = |distribution| -> Result<u64> {
        Ok(Merged::new(core::iter::once(distribution))?.summary().p50)
    };
    let handler_ns = median(&answers.handler)?;
    let thread_ns = median(&answers.thread)?;
    if lost.load(Relaxed) > 0 {
        skip!(Missed: "an answer did not come within 2 s");
    }
    let percent = thread_ns * 100 / handler_ns.max(1);
    evidence.note(fmt!(
        "{COUNT} interrupts on CPU {} answered by their handler, a median of {handler_ns} ns after they were raised",
        cpu.as_u32()
    ))?;
    evidence.note(fmt!(
        "{COUNT} answered by {}, {thread_ns} ns",
        trial.pick("a thread", "their handler as well")
    ))?;
    let (in_hardirq, in_thread) = (
        answers.in_hardirq.load(Relaxed),
        answers.in_thread.load(Relaxed),
    );
    evidence.check(
        in_hardirq >= COUNT && in_hardirq + in_thread == 2 * COUNT,
        fmt!("{in_hardirq} answers came from hardirq context, {in_thread} from a task"),
    )?;
    evidence.check(percent >= LONGER_PERCENT, fmt!("that is {percent} % of it"))?;
    evidence.holds()
}

fn request(
    line: &Arc<Line>,
    answers: &Arc<Answers>,
    worker: Arc<Worker>,
) -> Result<Arc<Registration<TopHalf>>> {
    let top_half = try_pin_init!(TopHalf {
        line: line.clone(),
        answers: answers.clone(),
        thread <- Work::new(worker, Ok(Thread(answers.clone()))),
        is_waking: Atomic::new(false),
        is_second: Atomic::new(false),
    }? Error);
    let irq_line = line.source.line();
    irq_line.request(line.source.sharing(), line.name, top_half)
}
