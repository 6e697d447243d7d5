// SPDX-License-Identifier: GPL-2.0

//! The recorder: the lab's own tape, with its switch and its size.

use crate::{
    refusal::{
        refuse,
        Answer, //
    },
    tape::Tape,
    watch::{
        watch,
        Event,
        Eyes, //
    },
};
use irqlab::{
    context::{
        Snapshot,
        Task, //
    },
    emit,
    rcu,
    text::Text,
    tracepoint::Attached, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// The most events that a CPU's part of the tape can hold.
pub(crate) const MAX_EVENTS: u64 = 16_384;
/// The least.
pub(crate) const MIN_EVENTS: u64 = 16;

/// The recorder.
#[pin_data]
pub(crate) struct Recorder {
    /// The tape, while it is on: what the lab's halves write to.
    running: rcu::Slot<Eyes<Tape>>,
    #[pin]
    state: Mutex<State>,
}

struct State {
    attached: Option<Attached<Eyes<Tape>>>,
    /// The last tape, to be read when it is off.
    tape: Option<Arc<Eyes<Tape>>>,
    nr_events: u64,
}

impl Recorder {
    pub(crate) fn new() -> impl PinInit<Self> {
        const DEFAULT_EVENTS: u64 = 1024;

        pin_init!(Self {
            running: rcu::Slot::new(),
            state <- new_mutex!(
                State {
                    attached: None,
                    tape: None,
                    nr_events: DEFAULT_EVENTS,
                },
                "Recorder::state"
            ),
        })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.state.lock().attached.is_some()
    }

    /// Begins a new tape, unless one is running.
    pub(crate) fn start(&self, task: &Task) -> Answer {
        let mut state = self.state.lock();
        if state.attached.is_none() {
            let attached = watch(Tape::new(state.nr_events as usize)?)?;
            let tape = attached.observer().clone();
            self.running.replace(Some(tape.clone()), task);
            tape.start();
            state.tape = Some(tape);
            state.attached = Some(attached);
        }
        Ok(())
    }

    /// Ends it, if one is running. It can still be read.
    pub(crate) fn stop(&self, task: &Task) {
        let mut state = self.state.lock();
        if let Some(tape) = &state.tape {
            tape.stop();
        }
        self.running.replace(None, task);
        state.attached = None;
    }

    /// How many events the tape holds of each CPU.
    pub(crate) fn nr_events(&self) -> u64 {
        self.state.lock().nr_events
    }

    /// Makes it another number, from the next tape on.
    ///
    /// Refusals: `EBUSY` while one is running.
    pub(crate) fn resize(&self, nr_events: u64) -> Answer {
        let mut state = self.state.lock();
        if state.attached.is_some() {
            refuse!(EBUSY, "the tape is running");
        }
        state.nr_events = nr_events;
        Ok(())
    }

    /// Notes what the lab itself does. May be called in any context.
    #[inline]
    pub(crate) fn note(&self, event: Event, now: &Snapshot) {
        self.running.read(|tape| tape.note(event, now));
    }

    /// Shows the tape; `name` knows the mechanisms by their numbers.
    pub(crate) fn show(
        &self,
        text: &mut Text,
        task: &Task,
        name: impl Fn(u32) -> &'static str,
    ) -> Result {
        let (tape, is_on) = {
            let state = self.state.lock();
            (state.tape.clone(), state.attached.is_some())
        };
        let state = if is_on { "on" } else { "off" };
        let lost = tape.as_ref().map_or(0, |tape| tape.lost());
        emit!(
            text,
            "# {}, {} events lost; time since the first, in ns\n\
             {:<10} {:>3} {:<13} {:<20} {:<9} {:<7} {:<4} current\n",
            state,
            lost,
            "#time",
            "cpu",
            "event",
            "subject",
            "detail",
            "context",
            "IF"
        )?;
        let Some(tape) = tape else {
            return Ok(());
        };
        let mut first_ns = None;
        for noted in tape.events()? {
            let at = &noted.at;
            let first_ns = *first_ns.get_or_insert(at.stamp_ns);
            emit!(
                text,
                "{:<10} {:>3} ",
                at.stamp_ns.saturating_sub(first_ns),
                at.cpu
            )?;
            show_event(text, noted.event, &name)?;
            emit!(
                text,
                " {:<7} IF={} {}/{}\n",
                at.kind(),
                u8::from(!at.irqs_disabled),
                at.comm(),
                at.pid
            )?;
            task.yield_if_needed();
        }
        Ok(())
    }
}

/// Three columns: what happened, to what, and what else there is to say.
fn show_event(text: &mut Text, event: Event, name: impl Fn(u32) -> &'static str) -> Result {
    match event {
        Event::Raised(vector) => columns(text, "softirq_raise", vector, "-"),
        Event::Entered(vector, executor) => columns(text, "softirq_entry", vector, executor),
        Event::Left(vector) => columns(text, "softirq_exit", vector, "-"),
        Event::HandlerEntered(irq) => columns(text, "handler_entry", irq, "-"),
        Event::HandlerLeft(irq, is_handled) => {
            let detail = if is_handled { "handled" } else { "none" };
            columns(text, "handler_exit", irq, detail)
        }
        Event::Interrupted(system) => columns(text, "interrupt", system.name(), "-"),
        Event::Top(mechanism) => columns(text, "top_half", name(mechanism), "-"),
        Event::Bottom(mechanism) => columns(text, "bottom_half", name(mechanism), "-"),
    }
}

fn columns(
    text: &mut Text,
    event: &str,
    subject: impl kernel::fmt::Display,
    detail: impl kernel::fmt::Display,
) -> Result {
    emit!(text, "{:<13} {:<20} {:<9}", event, subject, detail)
}
