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

use super::{
    parent::{
        Parent,
        Progress, //
    },
    steps::{
        self,
        Order,
        Step, //
    },
};
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
        Domain,
        Flow,
        Line, //
    },
    text::Text, //
};
use kernel::sync::{
    atomic::{
        Atomic,
        Full, //
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
    parent: Arc<Progress>,
    kind: Kind,
    runs: Atomic<u64>,
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
        const TRIES: u32 = 10_000;

        // The thread may be quicker than the rest of the flow handler, on
        // another CPU; what is asked is who waits for its end.
        for _ in 0..TRIES {
            if self.parent.has_returned() {
                self.order().note(Step::Thread);
                break;
            }
            task.sleep_us(1000, 100);
        }
        IrqReturn::Handled
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    for case in CASES {
        let (steps, nr_counted) = record(trial, case, trial.pick(case.flow, another(case.flow)))?;
        let mut clause = Text::new();
        emit!(&mut clause, "{}:", case.name)?;
        steps::show(&mut clause, steps)?;
        let expected = Order::of(case.expected);
        if steps != expected {
            emit!(&mut clause, ", instead of")?;
            steps::show(&mut clause, expected)?;
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
    let domain = Domain::new(1, Ok::<_, Error>(Order::new()))?;
    let line = Arc::new(domain.map(0, flow)?, GFP_KERNEL)?;
    let parent = Parent::of(&line)?;
    let noting = Noting {
        line: line.clone(),
        parent: parent.progress.clone(),
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
    parent.queue();
    trial.come("an interrupt", || parent.progress.has_returned())?;
    // The thread, and what comes after it.
    on_line.synchronize(trial.task)?;
    Ok((order.take(), on_line.nr_interrupts()?))
}
