// SPDX-License-Identifier: GPL-2.0

//! Flow handlers differ: level, edge, simple, fasteoi.
//!
//! A controller of the lab's own records what the kernel has it do, and in which
//! order, around the handler on its line. What is expected is what each flow is
//! for: a level-triggered line is masked until its device was served, an edge is
//! acknowledged first, so that the next one is seen, and a transparent controller
//! hears only of the end. A oneshot thread keeps the line masked until it ends.
//!
//! The flow of per-CPU interrupts is not exported to modules, so it is not shown.

use crate::claim::prelude::*;
use irqlab::{
    context::{
        HardIrq,
        Task, //
    },
    emit,
    irq::{
        self,
        IrqReturn,
        Sharing,
        ThreadedHandler,
        ThreadedIrqReturn, //
    },
    irq_chip::{
        Chip,
        Domain,
        Flow,
        Line, //
    },
    irq_work::{
        self,
        IrqWork,
        Now, //
    },
    text::Text, //
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
    quote: "The execution path is optimized for different types of interrupts, that are: Level type […], Edge type […], Simple type […], Fast EOI type […], Per CPU type",
    section: "Interrupt Handler Activation",
    today: "the same since 2.6.18; the one for per-CPU interrupts is not exported to modules, and so is not shown",
    functions: "handle_level_irq(), handle_edge_irq(), handle_simple_irq(), handle_fasteoi_irq(), handle_percpu_irq()",
    control: "the lines have another flow than is expected",
    next: "cat /proc/interrupts",
}

/// What is recorded: what the chip does, and what runs on the line.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
enum Step {
    Mask = 1,
    Unmask,
    Ack,
    MaskAck,
    Eoi,
    Handler,
    Thread,
}

impl Step {
    const ALL: [Step; 7] = [
        Step::Mask,
        Step::Unmask,
        Step::Ack,
        Step::MaskAck,
        Step::Eoi,
        Step::Handler,
        Step::Thread,
    ];

    const fn name(self) -> &'static str {
        match self {
            Step::Mask => "mask",
            Step::Unmask => "unmask",
            Step::Ack => "ack",
            Step::MaskAck => "mask_ack",
            Step::Eoi => "eoi",
            Step::Handler => "handler",
            Step::Thread => "thread",
        }
    }
}

/// Steps in their order, four bits each, the last one lowest: up to 16.
struct Order(Atomic<u64>);

impl Order {
    const BITS: u32 = 4;

    fn note(&self, step: Step) {
        let mut steps = self.0.load(Relaxed);
        while let Err(others) = self
            .0
            .cmpxchg(steps, steps << Self::BITS | step as u64, Full)
        {
            steps = others;
        }
    }

    /// The steps so far, and forgets them.
    fn take(&self) -> u64 {
        self.0.xchg(0, Full)
    }

    const fn of(steps: &[Step]) -> u64 {
        let mut packed = 0;
        let mut index = 0;
        while index < steps.len() {
            packed = packed << Self::BITS | steps[index] as u64;
            index += 1;
        }
        packed
    }
}

/// The chip does nothing but to record.
impl Chip for Order {
    fn mask(&self, _hwirq: u32) {
        self.note(Step::Mask);
    }

    fn unmask(&self, _hwirq: u32) {
        self.note(Step::Unmask);
    }

    fn ack(&self, _hwirq: u32) {
        self.note(Step::Ack);
    }

    fn mask_ack(&self, _hwirq: u32) {
        self.note(Step::MaskAck);
    }

    fn eoi(&self, _hwirq: u32) {
        self.note(Step::Eoi);
    }
}

/// What is on the line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// A handler during which the next interrupt arrives.
    Again,
    /// A handler with a oneshot thread.
    Oneshot,
}

struct Case {
    name: &'static str,
    flow: Flow,
    kind: Kind,
    expected: &'static [Step],
}

const CASES: &[Case] = &[
    Case {
        name: "simple",
        flow: Flow::Simple,
        kind: Kind::Plain,
        expected: &[Step::Handler],
    },
    Case {
        name: "level",
        flow: Flow::Level,
        kind: Kind::Plain,
        expected: &[Step::MaskAck, Step::Handler, Step::Unmask],
    },
    Case {
        name: "level, oneshot",
        flow: Flow::Level,
        kind: Kind::Oneshot,
        expected: &[Step::MaskAck, Step::Handler, Step::Thread, Step::Unmask],
    },
    Case {
        name: "edge",
        flow: Flow::Edge,
        kind: Kind::Plain,
        expected: &[Step::Ack, Step::Handler],
    },
    Case {
        name: "edge, again meanwhile",
        flow: Flow::Edge,
        kind: Kind::Again,
        expected: &[
            Step::Ack,
            Step::Handler,
            Step::MaskAck,
            Step::Unmask,
            Step::Handler,
        ],
    },
    Case {
        name: "fasteoi",
        flow: Flow::FastEoi,
        kind: Kind::Plain,
        expected: &[Step::Handler, Step::Eoi],
    },
    Case {
        name: "fasteoi, oneshot",
        flow: Flow::FastEoi,
        kind: Kind::Oneshot,
        expected: &[
            Step::Mask,
            Step::Handler,
            Step::Eoi,
            Step::Thread,
            Step::Unmask,
        ],
    },
];

/// The handler on the line.
struct Noting {
    line: Arc<Line<Order>>,
    raiser: Arc<Progress>,
    kind: Kind,
    runs: Atomic<u64>,
}

/// How far the one who raises has come.
struct Progress {
    has_returned: Atomic<bool>,
}

impl Noting {
    fn order(&self) -> &Order {
        self.line.domain().chip()
    }

    fn serve(&self, irq: &HardIrq) {
        self.order().note(Step::Handler);
        if self.runs.fetch_add(1, Full) == 0 && self.kind == Kind::Again {
            let _ = self.line.raise(irq);
        }
    }
}

impl irq::Handler for Noting {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        self.serve(irq);
        IrqReturn::Handled
    }
}

impl ThreadedHandler for Noting {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        self.serve(irq);
        ThreadedIrqReturn::WakeThread
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        const PATIENCE_MS: u32 = 1000;

        // The thread may be quicker than the rest of the flow handler, on
        // another CPU; what is asked is who waits for its end.
        for _ in 0..PATIENCE_MS {
            if self.raiser.has_returned.load(Acquire) {
                break;
            }
            task.sleep_us(100, 100);
        }
        self.order().note(Step::Thread);
        IrqReturn::Handled
    }
}

/// Raises the line, from hard IRQ context.
struct Raiser {
    line: Arc<Line<Order>>,
    progress: Arc<Progress>,
}

impl irq_work::Handler<irq_work::Kind<Now>> for Raiser {
    fn run(this: &IrqWork<Self>, irq: &HardIrq) {
        let _ = this.line.raise(irq);
        this.progress.has_returned.store(true, Release);
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    for case in CASES {
        let (steps, nr_counted) = record(trial, case, trial.pick(case.flow, another(case.flow)))?;
        let mut clause = Text::new();
        emit!(&mut clause, "{}:", case.name)?;
        show(&mut clause, steps)?;
        let expected = Order::of(case.expected);
        if steps != expected {
            emit!(&mut clause, ", instead of")?;
            show(&mut clause, expected)?;
        }
        if nr_counted != 1 {
            emit!(&mut clause, ", counted {nr_counted} times")?;
        }
        evidence.check(steps == expected && nr_counted == 1, fmt!("{}", clause))?;
    }
    evidence.holds()
}

/// A flow with other steps.
const fn another(flow: Flow) -> Flow {
    match flow {
        Flow::Simple => Flow::FastEoi,
        Flow::Level => Flow::Edge,
        Flow::Edge => Flow::Level,
        Flow::FastEoi => Flow::Simple,
    }
}

/// The steps of one interrupt, and how often the kernel counted it.
fn record(trial: &Trial<'_>, case: &Case, flow: Flow) -> Answer<(u64, usize)> {
    let domain = Domain::new(1, Ok::<_, Error>(Order(Atomic::new(0))))?;
    let line = Arc::new(domain.map(0, flow)?, GFP_KERNEL)?;
    let progress = Progress {
        has_returned: Atomic::new(false),
    };
    let progress = Arc::new(progress, GFP_KERNEL)?;
    let noting = Noting {
        line: line.clone(),
        raiser: progress.clone(),
        kind: case.kind,
        runs: Atomic::new(0),
    };
    let on_line = line.line();
    // One of the two.
    let (name, sharing) = (c"irqlab-flow", Sharing::Exclusive);
    let (_plain, _oneshot);
    if case.kind == Kind::Oneshot {
        _oneshot = on_line.request_threaded(sharing, name, Ok(noting))?;
    } else {
        _plain = on_line.request(sharing, name, Ok(noting))?;
    }
    // Starting the line up is no part of the flow.
    let order = domain.chip();
    order.take();
    let raiser = Raiser {
        line: line.clone(),
        progress: progress.clone(),
    };
    let raiser = KBox::pin_init(IrqWork::new(Ok(raiser)), GFP_KERNEL)?;
    raiser.queue();
    trial.eventually(1000, || progress.has_returned.load(Acquire));
    // The thread, and what comes after it.
    on_line.synchronize(trial.task)?;
    Ok((order.take(), on_line.nr_interrupts()?))
}

fn show(text: &mut Text, steps: u64) -> Result {
    let count = (u64::BITS - steps.leading_zeros()).div_ceil(Order::BITS);
    for index in (0..count).rev() {
        let code = steps >> (index * Order::BITS) & 0xf;
        if let Some(step) = Step::ALL.iter().find(|step| **step as u64 == code) {
            emit!(text, " {}", step.name())?;
        }
    }
    Ok(())
}
