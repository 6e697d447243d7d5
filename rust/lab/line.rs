// SPDX-License-Identifier: GPL-2.0

//! Lines: an interrupt line of a source, and what is attached to it.
//!
//! A line always has a [top half](top_half) of the lab on it, which counts; with a
//! mechanism attached, it also defers to that. An experiment that wants the line for
//! itself [reserves](Group::reserve) it, and the line gets back what it had.

use crate::{
    mechanism::{
        Instance,
        Taken, //
    },
    record::Record,
    refusal::{
        prevented,
        refuse,
        Answer, //
    },
    source::Source,
};
use irqlab::{
    context::Task,
    irq,
    kthread::Worker,
    trace,
    word::Word, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Arc,
        Mutex, //
    },
};

mod group;
mod late_ack;
mod lines;
mod steer;
mod top_half;

pub(crate) use group::{
    Attachment,
    Group,
    Reserved, //
};
pub(crate) use late_ack::{
    Heard,
    Late,
    LateAck,
    MAX_MS,
    MAX_RUNS, //
};
pub(crate) use lines::Lines;
pub(crate) use steer::Steered;

use top_half::{
    OnLine,
    Requester,
    TopHalf, //
};

/// One line.
#[pin_data]
pub(crate) struct Line {
    pub(crate) name: &'static CStr,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) counts: Arc<Counts>,
    requester: Requester,
    /// Whether the device waits to be unbound, so that whoever has the line should end.
    is_leaving: Atomic<bool>,
    #[pin]
    state: Mutex<State>,
}

/// What the line's top half has seen.
pub(crate) struct Counts {
    /// Interrupts that the lab raised through `trigger` or the bench.
    pub(crate) raised: Word,
    /// Interrupts of this source that its top half served.
    pub(crate) handled: Word,
    /// Calls for another device on a shared line.
    pub(crate) foreign: Word,
}

/// What is on the line.
struct State {
    // First the guard, which needs the handler to be on the line.
    disabled: Option<irq::Disabled<TopHalf>>,
    // Then the handler: the mechanism is free when nothing calls it any more.
    /// `None` while an experiment has the line; and when the kernel did not put it
    /// on again afterwards.
    top_half: Option<OnLine>,
    /// What is behind the top half, also while an experiment has the line.
    mechanism: Option<Taken>,
    is_retired: bool,
}

impl State {
    /// Whether `mechanism`, or none, is behind the top half.
    fn has(&self, mechanism: Option<&Arc<Instance>>) -> bool {
        match (self.mechanism.as_deref(), mechanism) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Line {
    /// The line of `source`, with nothing on it.
    fn new(name: &'static CStr, source: Arc<dyn Source>, worker: Arc<Worker>) -> Result<Arc<Self>> {
        let requester = Requester::new(worker, name, &source)?;
        let counts = Arc::new(
            Counts {
                raised: Word::new(0),
                handled: Word::new(0),
                foreign: Word::new(0),
            },
            GFP_KERNEL,
        )?;
        let line = Arc::pin_init(
            try_pin_init!(Self {
                name,
                source,
                counts,
                requester,
                is_leaving: Atomic::new(false),
                state <- new_mutex!(
                    State {
                        disabled: None,
                        top_half: None,
                        mechanism: None,
                        is_retired: false,
                    },
                    "Line::state"
                ),
            }? Error),
            GFP_KERNEL,
        )?;
        Ok(line)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or("?")
    }

    /// The state, unless an experiment has the line.
    fn try_state(&self) -> Answer<Guard<'_, State, MutexBackend>> {
        // Who only looks at it has it for a moment, and is no experiment.
        const TRIES: u32 = 3;

        for _ in 0..TRIES {
            match self.state.try_lock() {
                Some(state) if state.is_retired => {
                    prevented!(ENODEV, "the device of {} was unbound", self.name())
                }
                Some(state) => return Ok(state),
                None => Task::current().ok_or(EINVAL)?.sleep_ms(1),
            }
        }
        prevented!(EBUSY, "an experiment has {}", self.name());
    }

    /// The top half, which only an accident can have taken off a line that no
    /// experiment has.
    fn top_half<'a>(&self, state: &'a State) -> Answer<&'a OnLine> {
        match &state.top_half {
            Some(top_half) => Ok(top_half),
            None => refuse!(
                ENODEV,
                "nothing is on {0}, and its interrupts would be lost: echo none >lines/{0}/handlers",
                self.name()
            ),
        }
    }

    /// Raises `count` interrupts, one after the other, without waiting.
    ///
    /// Refusals: `EBUSY` if an experiment has the line, `ENODEV` if nothing is on
    /// it or its device leaves, `EINTR` after a signal.
    pub(crate) fn trigger(&self, count: u64, task: &Task) -> Answer {
        let state = self.try_state()?;
        self.top_half(&state)?;
        for done in 0..count {
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done, count);
            }
            if self.is_leaving.load(Relaxed) {
                prevented!(ENODEV, "the device left after {} of {}", done, count);
            }
            match &state.mechanism {
                Some(instance) => {
                    self.raise_for(instance.record())?;
                    instance.record().make_room();
                }
                None => self.raise()?,
            }
            task.yield_if_needed();
        }
        Ok(())
    }

    /// Raises one interrupt, of which the line's mechanism has no record, and counts it, unless the
    /// source refuses.
    pub(crate) fn raise(&self) -> Result {
        trace::note(|| trace::Raise {
            line: self.name(),
            mechanism: "none",
            event: 0,
        });
        self.raise_noted()
    }

    /// The same for the mechanism that has this record.
    pub(crate) fn raise_for(&self, record: &Record) -> Result {
        record.raised(self.name());
        self.raise_noted()
    }

    #[inline]
    fn raise_noted(&self) -> Result {
        // Before: it must not be seen handled and not raised.
        self.counts.raised.fetch_add(1);
        self.source.raise().inspect_err(|_| {
            self.counts.raised.fetch_sub(1);
        })
    }

    /// Waits until the device's interrupt has been served, but not for long.
    fn settle(&self) {
        const ATTEMPTS: u32 = 2000;
        const PAUSE_US: u32 = 100;

        let Some(task) = Task::current() else {
            return;
        };
        for _ in 0..ATTEMPTS {
            if !self.source.is_raised() {
                return;
            }
            task.sleep_us(PAUSE_US, PAUSE_US);
        }
        pr_warn!(
            "{}: an interrupt was not served, and is taken back\n",
            self.name()
        );
    }

    /// The name of the attached mechanism.
    pub(crate) fn attached(&self) -> Answer<&'static CStr> {
        let state = self.try_state()?;
        self.top_half(&state)?;
        Ok(state.mechanism.as_ref().map_or(c"none", |taken| taken.name))
    }

    /// Disables the line, unless it is.
    pub(crate) fn disable(&self, task: &Task) -> Answer {
        let mut state = self.try_state()?;
        if state.disabled.is_none() {
            let disabled = self.top_half(&state)?.disable(task)?;
            state.disabled = Some(disabled);
        }
        Ok(())
    }

    /// Enables the line, unless it is.
    pub(crate) fn enable(&self) -> Answer {
        drop(self.try_state()?.disabled.take());
        Ok(())
    }

    /// Whether the line is enabled.
    pub(crate) fn is_enabled(&self) -> Answer<bool> {
        Ok(self.try_state()?.disabled.is_none())
    }

    /// Tells those who use the line that its device is leaving.
    fn leave(&self) {
        self.is_leaving.store(true, Relaxed);
    }

    /// Takes everything off for good. Waits for experiments, which have been told to end.
    fn retire(&self) {
        let mut state = self.state.lock();
        state.is_retired = true;
        state.disabled = None;
        // Nobody can raise any more. What was raised would be nobody's, and keep
        // the interrupt from those who share it.
        self.source.silence();
        state.top_half = None;
        state.mechanism = None;
    }
}
