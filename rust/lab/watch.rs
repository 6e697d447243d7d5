// SPDX-License-Identifier: GPL-2.0

//! Watching: what the kernel's tracepoints tell, as one kind of event, and who is told.
//!
//! ```text
//!     tracepoint ──▶ Probes ──▶ Watcher::see(event)      softirqs, nesting, tape
//! ```
//!
//! A watcher sees nothing until it is switched on, and costs nothing until then.
//! To see more, add the tracepoint to the library's table, an [`Event`], and a
//! line to `probes!` below.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    context::Unsleeping,
    softirq::{
        Executor,
        Vector, //
    },
    tracepoint::{
        self,
        Attached,
        Observer, //
    },
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// What happened, here and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A soft IRQ became pending.
    Raised(Vector),
    /// A soft IRQ begins to be served.
    Entered(Vector, Executor),
    /// It has been served.
    Left(Vector),
    /// A handler of a line is called.
    HandlerEntered(u32),
    /// It has returned, and says whether the interrupt was its own.
    HandlerLeft(u32, bool),
    /// An interrupt arrived that has no line.
    Interrupted(System),
    /// The CPU goes to the task with this number.
    Switched(u32),
    /// The lab raises an interrupt for the mechanism with this number.
    Raise(u32),
    /// The lab's top half has run for the mechanism with this number.
    Top(u32),
    /// The bottom half of that mechanism runs.
    Bottom(u32),
    /// The task that waited for it runs.
    Woken(u32),
}

impl Event {
    /// Whether this soft IRQ became pending, or begins to be served.
    pub(crate) fn is_of(self, vector: Vector) -> bool {
        matches!(self, Event::Raised(other) | Event::Entered(other, _) if other == vector)
    }
}

/// Interrupts that have a vector of their own instead of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    LocalTimer,
    Reschedule,
    CallFunction,
    CallFunctionSingle,
    IrqWork,
}

impl System {
    pub(crate) const ALL: [System; 5] = [
        System::LocalTimer,
        System::Reschedule,
        System::CallFunction,
        System::CallFunctionSingle,
        System::IrqWork,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            System::LocalTimer => "local_timer",
            System::Reschedule => "reschedule",
            System::CallFunction => "call_function",
            System::CallFunctionSingle => "call_function_single",
            System::IrqWork => "irq_work",
        }
    }
}

/// Who wants to see events.
pub(crate) trait Watcher: Send + Sync + Sized + 'static {
    /// Prepares for what it will see, after a while in which it has seen nothing.
    fn begin(&self) {}

    /// Attaches to what it wants to see, by calls of [`Attached::to`].
    fn attach(probes: &mut Attached<Probes<Self>>) -> Result;

    /// Sees an event, where it happens: see [`tracepoint`] for what may be done there.
    fn see(&self, event: Event);
}

/// A watcher as an observer of tracepoints.
pub(crate) struct Probes<W>(W);

impl<W> core::ops::Deref for Probes<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.0
    }
}

macro_rules! probes {
    ($($tracepoint:ident($event:ident) => $seen:expr,)*) => {$(
        impl<W: Watcher> Observer<tracepoint::$tracepoint> for Probes<W> {
            fn observe(&self, $event: &tracepoint::$tracepoint, _context: &Unsleeping) {
                self.0.see($seen);
            }
        }
    )*};
}

probes! {
    SoftirqRaise(event) => Event::Raised(event.vector),
    SoftirqEntry(event) => Event::Entered(event.vector, event.executor()),
    SoftirqExit(event) => Event::Left(event.vector),
    IrqHandlerEntry(event) => Event::HandlerEntered(event.irq),
    IrqHandlerExit(event) => Event::HandlerLeft(event.irq, event.is_handled),
    LocalTimerEntry(_event) => Event::Interrupted(System::LocalTimer),
    RescheduleEntry(_event) => Event::Interrupted(System::Reschedule),
    CallFunctionEntry(_event) => Event::Interrupted(System::CallFunction),
    CallFunctionSingleEntry(_event) => Event::Interrupted(System::CallFunctionSingle),
    IrqWorkEntry(_event) => Event::Interrupted(System::IrqWork),
    SchedSwitch(event) => Event::Switched(event.next_pid.unsigned_abs()),
}

/// A watcher at work. Dropping it waits until it sees nothing any more.
pub(crate) fn watch<W: Watcher>(watcher: W) -> Result<Attached<Probes<W>>> {
    watch_with(Arc::new(Probes(watcher), GFP_KERNEL)?)
}

fn watch_with<W: Watcher>(probes: Arc<Probes<W>>) -> Result<Attached<Probes<W>>> {
    probes.begin();
    let mut attached = Attached::new(probes);
    W::attach(&mut attached)?;
    Ok(attached)
}

/// A watcher with a switch.
#[pin_data]
pub(crate) struct Switched<W: Watcher> {
    probes: Arc<Probes<W>>,
    #[pin]
    attached: Mutex<Option<Attached<Probes<W>>>>,
}

impl<W: Watcher> Switched<W> {
    /// One that is off.
    pub(crate) fn new(watcher: W) -> Result<impl PinInit<Self>> {
        let probes = Arc::new(Probes(watcher), GFP_KERNEL)?;
        Ok(pin_init!(Self {
            probes,
            attached <- new_mutex!(None, "Switched::attached"),
        }))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.attached.lock().is_some()
    }

    /// Carries out `on`, `off` or `reset`, each of which may be the state already.
    ///
    /// Refusals: `EINVAL` for anything else.
    pub(crate) fn command(&self, command: &str, reset: impl FnOnce(&W)) -> Answer {
        let mut attached = self.attached.lock();
        match command {
            "on" if attached.is_none() => *attached = Some(watch_with(self.probes.clone())?),
            "off" => *attached = None,
            "on" => (),
            "reset" => reset(&self.probes),
            _ => refuse!(EINVAL, "'{}' is not one of: on, off, reset", command),
        }
        Ok(())
    }
}

impl<W: Watcher> core::ops::Deref for Switched<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.probes
    }
}
