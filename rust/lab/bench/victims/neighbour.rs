// SPDX-License-Identifier: GPL-2.0

//! The other line: the one that shares the interrupt of the line that is measured, or else a simulated one.

use super::{
    Latencies,
    Victim, //
};
use crate::{
    laboratory::Lab,
    line::{
        Attachment,
        Group,
        Line,
        Reserved, //
    },
    mechanism::{
        Instance,
        Mechanism, //
    },
    record::Record,
    refusal::Answer,
};
use irqlab::{
    clock,
    context::{
        HardIrq,
        Task, //
    },
    irq::ThreadedIrqReturn,
    rcu, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

/// The other line as a victim.
#[pin_data]
pub(super) struct Neighbour {
    /// While a run has it.
    line: rcu::Slot<Line>,
    is_raised: Atomic<bool>,
    due_ns: Atomic<u64>,
    latencies: Arc<Latencies>,
    #[pin]
    record: Record,
}

impl Neighbour {
    pub(super) fn new(latencies: Arc<Latencies>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            line: rcu::Slot::new(),
            is_raised: Atomic::new(false),
            due_ns: Atomic::new(0),
            latencies,
            record <- Record::new(),
        }? Error)
    }

    /// Raises its interrupt, which was due at `due_ns`, unless the last one has not been served.
    pub(super) fn raise(&self, due_ns: u64) {
        self.line.read(|line, _unsleeping| {
            if !self.is_raised.xchg(true, Full) {
                self.due_ns.store(due_ns, Relaxed);
                if line.raise_for(&self.record).is_err() {
                    self.is_raised.store(false, Relaxed);
                }
            }
        });
    }

    pub(super) fn is_raised(&self) -> bool {
        self.is_raised.load(Relaxed)
    }
}

impl Mechanism for Neighbour {
    fn defer(&self, _irq: &HardIrq) -> ThreadedIrqReturn {
        if self.is_raised.xchg(false, Full) {
            let latency_ns = clock::elapsed_ns(self.due_ns.load(Relaxed), clock::now_ns());
            let latency = self.latencies.of(Victim::Line);
            latency.count(latency_ns.unwrap_or(0));
        }
        ThreadedIrqReturn::Handled
    }

    fn record(&self) -> &Record {
        &self.record
    }
}

/// The other line, while a run has it.
pub(in crate::bench) struct Beside<'a> {
    line: Arc<Line>,
    /// The line itself, unless it is one of those that the run has anyway.
    own: Option<Reserved<'a>>,
}

impl<'a> Beside<'a> {
    /// The simulated line that is not `name`, and the others on the same interrupt.
    ///
    /// Refusals: `ENODEV`.
    pub(in crate::bench) fn group(lab: &Lab, name: &str) -> Answer<Group> {
        lab.lines.group(match name {
            "sim1" => "sim0",
            _ => "sim1",
        })
    }

    /// Takes the line beside those of `reserved`, or that of `group`.
    ///
    /// Refusals: those of [`Group::reserve`].
    pub(in crate::bench) fn reserve(reserved: &Reserved<'_>, group: &'a Group) -> Answer<Self> {
        Ok(match reserved.beside() {
            Some(line) => Self { line, own: None },
            None => Self {
                line: group.first(),
                own: Some(group.reserve()?),
            },
        })
    }

    pub(in crate::bench) fn name(&self) -> &'static str {
        self.line.name()
    }

    /// Whether its device waits to be unbound, so that the run should end.
    pub(in crate::bench) fn is_leaving(&self) -> bool {
        self.own.as_ref().is_some_and(Reserved::is_leaving)
    }

    /// Has the line interrupt as `neighbour`, until the answer is dropped. What is measured is on
    /// `reserved`.
    pub(super) fn attach<'b>(
        &self,
        reserved: &Reserved<'_>,
        neighbour: &'b Arc<Neighbour>,
        task: &'b Task,
    ) -> Answer<Attached<'b>> {
        let instance = Instance::new(c"victim", "a victim", neighbour.clone())?;
        let attachment = match &self.own {
            Some(own) => own.attach(&instance)?,
            None => reserved.attach_beside(&instance)?,
        };
        neighbour.is_raised.store(false, Relaxed);
        neighbour.line.replace(Some(self.line.clone()), task);
        Ok(Attached {
            neighbour,
            task,
            _attachment: attachment,
        })
    }
}

/// The other line at work. Made by [`Beside::attach`].
pub(super) struct Attached<'a> {
    neighbour: &'a Neighbour,
    task: &'a Task,
    // When nobody raises it any more.
    _attachment: Attachment,
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.neighbour.line.replace(None, self.task) {
            // What was not served, nobody would take back.
            line.source.silence();
        }
    }
}
