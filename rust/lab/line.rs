// SPDX-License-Identifier: GPL-2.0

//! Lines: an interrupt line of a source, and what is attached to it.
//!
//! A line always has a top half of the lab on it, which counts; with a mechanism
//! attached, it also defers to that. An experiment that wants the line for
//! itself [borrows](Group::lend) it, and the line gets back what it had.

use crate::{
    laboratory::Lab,
    mechanism::{
        Instance,
        Taken, //
    },
    refusal::{
        refuse,
        Answer, //
    },
    source::Source,
};
use irqlab::{
    context::{
        HardIrq,
        Snapshot,
        Task, //
    },
    debugfs::Dir,
    irq::{
        self,
        IrqReturn,
        Registration,
        ThreadedIrqReturn, //
    },
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

mod steer;

/// One line.
#[pin_data]
pub(crate) struct Line {
    pub(crate) name: &'static CStr,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) counts: Arc<Counts>,
    #[pin]
    state: Mutex<State>,
}

/// What the line's top half has seen.
pub(crate) struct Counts {
    /// Interrupts that the lab raised through `trigger` or the bench.
    pub(crate) raised: Atomic<u64>,
    /// Interrupts of this source that its top half served.
    pub(crate) handled: Atomic<u64>,
    /// Calls for another device on a shared line.
    pub(crate) foreign: Atomic<u64>,
}

/// What is on the line between experiments.
struct State {
    // First the guard, which needs the handler to be on the line.
    disabled: Option<irq::Disabled<TopHalf>>,
    attachment: Option<Attachment>,
    is_retired: bool,
}

/// How a handler is requested. All on one interrupt do it the same way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// A top half only.
    Plain,
    /// With the line's own thread.
    Threaded,
}

impl Mode {
    fn of(mechanism: Option<&Arc<Instance>>) -> Self {
        match mechanism.and_then(|instance| instance.mechanism.thread()) {
            Some(_) => Mode::Threaded,
            None => Mode::Plain,
        }
    }
}

/// The lab's top half on a line, with or without a mechanism behind it.
pub(crate) struct Attachment {
    // First the handler: the mechanism is free when nothing calls it any more.
    registration: Arc<Registration<TopHalf>>,
    mechanism: Option<Taken>,
}

/// The top half.
struct TopHalf {
    source: Arc<dyn Source>,
    counts: Arc<Counts>,
    mechanism: Option<Arc<Instance>>,
}

impl TopHalf {
    #[inline]
    fn serve(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        if !self.source.acknowledge(irq) {
            self.counts.foreign.add(1, Relaxed);
            return ThreadedIrqReturn::None;
        }
        self.counts.handled.add(1, Relaxed);
        match &self.mechanism {
            None => ThreadedIrqReturn::Handled,
            Some(instance) => {
                instance.record().top(&Snapshot::take());
                instance.mechanism.defer(irq)
            }
        }
    }
}

impl irq::Handler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> IrqReturn {
        match self.serve(irq) {
            ThreadedIrqReturn::None => IrqReturn::None,
            ThreadedIrqReturn::Handled | ThreadedIrqReturn::WakeThread => IrqReturn::Handled,
        }
    }
}

impl irq::ThreadedHandler for TopHalf {
    fn handle(&self, irq: &HardIrq) -> ThreadedIrqReturn {
        self.serve(irq)
    }

    fn handle_threaded(&self, task: &Task) -> IrqReturn {
        if let Some(instance) = &self.mechanism {
            if let Some(bottom_half) = instance.mechanism.thread() {
                bottom_half.run(task);
            }
        }
        IrqReturn::Handled
    }
}

impl Line {
    /// The line of `source`, with nothing on it.
    fn new(name: &'static CStr, source: Arc<dyn Source>) -> Result<Arc<Self>> {
        let counts = Arc::new(
            Counts {
                raised: Atomic::new(0),
                handled: Atomic::new(0),
                foreign: Atomic::new(0),
            },
            GFP_KERNEL,
        )?;
        let line = Arc::pin_init(
            try_pin_init!(Self {
                name,
                source,
                counts,
                state <- new_mutex!(
                    State {
                        disabled: None,
                        attachment: None,
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

    /// Puts the lab's top half on the line.
    fn attachment(&self, mechanism: Option<Taken>, mode: Mode) -> Result<Attachment> {
        let top_half = TopHalf {
            source: self.source.clone(),
            counts: self.counts.clone(),
            mechanism: mechanism.as_ref().map(|taken| (**taken).clone()),
        };
        let (line, sharing) = (self.source.line(), self.source.sharing());
        let registration = match mode {
            Mode::Plain => line.request(sharing, self.name, Ok(top_half)),
            Mode::Threaded => line.request_threaded(sharing, self.name, Ok(top_half)),
        }?;
        Ok(Attachment {
            registration,
            mechanism,
        })
    }

    /// The state, unless an experiment has the line.
    fn try_state(&self) -> Answer<Guard<'_, State, MutexBackend>> {
        // Who only looks at it has it for a moment, and is no experiment.
        const TRIES: u32 = 3;

        for _ in 0..TRIES {
            match self.state.try_lock() {
                Some(state) if state.is_retired => {
                    refuse!(ENODEV, "the device of {} was unbound", self.name())
                }
                Some(state) => return Ok(state),
                None => Task::current().ok_or(EINVAL)?.sleep_ms(1),
            }
        }
        refuse!(EBUSY, "an experiment has {}", self.name());
    }

    /// Raises `count` interrupts, one after the other, without waiting.
    pub(crate) fn trigger(&self, count: u64, task: &Task) -> Answer {
        let state = self.try_state()?;
        let mechanism = state.attachment.as_ref().and_then(|a| a.mechanism.as_ref());
        for done in 0..count {
            if task.is_interrupted() {
                refuse!(EINTR, "interrupted after {} of {}", done, count);
            }
            if let Some(instance) = mechanism {
                instance.record().raised();
            }
            self.raise()?;
            task.yield_if_needed();
        }
        Ok(())
    }

    /// Raises one interrupt and counts it.
    pub(crate) fn raise(&self) -> Result {
        self.counts.raised.add(1, Relaxed);
        self.source.raise()
    }

    /// The name of the attached mechanism.
    pub(crate) fn attached(&self) -> Answer<&'static CStr> {
        let state = self.try_state()?;
        let taken = state.attachment.as_ref().and_then(|a| a.mechanism.as_ref());
        Ok(taken.map_or(c"none", |taken| taken.name))
    }

    /// Disables the line, unless it is.
    pub(crate) fn disable(&self, task: &Task) -> Answer {
        let mut state = self.try_state()?;
        if state.disabled.is_none() {
            let Some(attachment) = &state.attachment else {
                refuse!(ENODEV, "nothing is on {}", self.name());
            };
            let disabled = attachment.registration.disable(task)?;
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

    /// Takes everything off for good: the device is leaving. Waits for experiments.
    fn retire(&self) {
        let mut state = self.state.lock();
        state.is_retired = true;
        state.disabled = None;
        state.attachment = None;
    }
}

/// A line and the others on the same interrupt, which have to agree whether
/// their handlers are threaded.
pub(crate) struct Group {
    /// The first is the one that was asked for.
    lines: KVec<Arc<Line>>,
}

impl Group {
    /// Takes the lab's top halves off for an experiment.
    ///
    /// Refusals: `EBUSY` if another one has a line or it is disabled, `ENODEV`
    /// if its device was unbound.
    pub(crate) fn lend(&self) -> Answer<Lent<'_>> {
        let mut lent = Lent(KVec::with_capacity(self.lines.len(), GFP_KERNEL)?);
        for line in &self.lines {
            let state = line.try_state()?;
            if state.disabled.is_some() {
                refuse!(EBUSY, "{} is disabled", line.name());
            }
            let borrowed = Borrowed {
                line,
                state,
                mechanism: None,
            };
            lent.0.push(borrowed, GFP_KERNEL)?;
        }
        for borrowed in &mut lent.0 {
            let attachment = borrowed.state.attachment.take();
            borrowed.mechanism = attachment
                .and_then(|attachment| attachment.mechanism)
                .map(|taken| (*taken).clone());
        }
        Ok(lent)
    }

    /// Puts `mechanism` behind the line's top half, or takes away what is there.
    ///
    /// Refusals: those of [`Self::lend`], and `EBUSY` if another line has the
    /// mechanism.
    pub(crate) fn attach(&self, mechanism: Option<&Arc<Instance>>) -> Answer {
        let mut lent = self.lend()?;
        let first = &mut lent.0[0];
        if let Some(mechanism) = mechanism {
            // Taken for a moment, only to see that it is free.
            drop(mechanism.take()?);
        }
        first.mechanism = mechanism.cloned();
        Ok(lent.give_back()?)
    }
}

/// Lines that an experiment has for itself, with nothing on them. They get back
/// what they had when this is dropped. Dereferences to the one asked for.
pub(crate) struct Lent<'a>(KVec<Borrowed<'a>>);

struct Borrowed<'a> {
    line: &'a Line,
    state: Guard<'a, State, MutexBackend>,
    /// What was attached.
    mechanism: Option<Arc<Instance>>,
}

impl Lent<'_> {
    /// Puts the lab's top half on the line, with `mechanism`, for as long as
    /// the answer lives.
    pub(crate) fn attach(&self, mechanism: &Arc<Instance>) -> Answer<Attachment> {
        let mode = Mode::of(Some(mechanism));
        Ok(self.attachment(Some(mechanism.take()?), mode)?)
    }

    fn give_back(&mut self) -> Result {
        let modes = self.0.iter().map(|lent| Mode::of(lent.mechanism.as_ref()));
        let mode = modes.max().unwrap_or(Mode::Plain);
        for Borrowed {
            line,
            state,
            mechanism,
        } in &mut self.0
        {
            if state.attachment.is_none() {
                let taken = mechanism.take().and_then(|mechanism| mechanism.take().ok());
                state.attachment = Some(line.attachment(taken, mode)?);
            }
        }
        Ok(())
    }
}

impl core::ops::Deref for Lent<'_> {
    type Target = Line;

    fn deref(&self) -> &Line {
        self.0[0].line
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.give_back() {
            pr_err!("{}: lost its top half: {:?}\n", self.name, error);
        }
    }
}

/// All lines, each with its directory in debugfs.
#[pin_data]
pub(crate) struct Lines {
    dir: Dir,
    #[pin]
    entries: Mutex<KVec<Entry>>,
}

struct Entry {
    // First the files, which use the line.
    _files: crate::debugfs::LineFiles,
    line: Arc<Line>,
}

impl Lines {
    pub(crate) fn new(dir: Dir) -> impl PinInit<Self> {
        pin_init!(Self {
            dir,
            entries <- new_mutex!(KVec::new(), "Lines::entries"),
        })
    }

    /// Adds the line of a device that was bound.
    pub(crate) fn add(
        &self,
        lab: &Arc<Lab>,
        name: &'static CStr,
        source: Arc<dyn Source>,
    ) -> Result {
        let line = Line::new(name, source)?;
        let entry = Entry {
            _files: crate::debugfs::LineFiles::new(&self.dir, lab, &line)?,
            line,
        };
        let mut entries = self.entries.lock();
        entries.push(entry, GFP_KERNEL)?;
        // By name, however the devices were probed.
        for index in (1..entries.len()).rev() {
            if entries[index].line.name < entries[index - 1].line.name {
                entries.swap(index, index - 1);
            }
        }
        drop(entries);
        // A top half that counts. It comes after the others on the same
        // interrupt, and may have to follow their mode.
        let attached = self.attach_new(name);
        attached.map_err(|refusal| {
            self.remove(name);
            refusal.error
        })
    }

    /// Puts the top half on a new line, as soon as nobody has the others of its
    /// group.
    fn attach_new(&self, name: &CStr) -> Answer {
        const PATIENCE_MS: u32 = 10_000;
        const STEP_MS: u32 = 5;

        let group = self.group(name.to_str().map_err(|_| EINVAL)?)?;
        // Drivers probe in task context.
        let task = Task::current().ok_or(EINVAL)?;
        for _ in 0..PATIENCE_MS / STEP_MS {
            match group.attach(None) {
                // Not by waiting for the locks: they are of one class, and
                // nobody takes them in an order.
                Err(refusal) if refusal.error == EBUSY => task.sleep_ms(STEP_MS),
                answer => return answer,
            }
        }
        group.attach(None)
    }

    /// Removes the line of a device that is being unbound. Nothing of the lab
    /// is on it afterwards.
    pub(crate) fn remove(&self, name: &CStr) {
        let entry = {
            let mut entries = self.entries.lock();
            let index = entries.iter().position(|entry| entry.line.name == name);
            index.and_then(|index| entries.remove(index).ok())
        };
        if let Some(Entry { _files, line }) = entry {
            // The files wait for their readers and writers, who may be waiting
            // for the lock, so it is not held here.
            drop(_files);
            line.retire();
        }
    }

    /// The line called `name`, and the others on the same interrupt.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn group(&self, name: &str) -> Answer<Group> {
        let first = self.get(name)?;
        let irq = first.source.line().irq();
        let mut lines = KVec::new();
        lines.push(first.clone(), GFP_KERNEL)?;
        for Entry { line, .. } in &*self.entries.lock() {
            if line.source.line().irq() == irq && !Arc::ptr_eq(line, &first) {
                lines.push(line.clone(), GFP_KERNEL)?;
            }
        }
        Ok(Group { lines })
    }

    /// The line called `name`.
    ///
    /// Refusals: `ENODEV`.
    pub(crate) fn get(&self, name: &str) -> Answer<Arc<Line>> {
        let entries = self.entries.lock();
        let mut lines = entries.iter().map(|entry| &entry.line);
        match lines.find(|line| line.name.to_bytes() == name.as_bytes()) {
            Some(line) => Ok(line.clone()),
            None => refuse!(ENODEV, "no line '{}'", name),
        }
    }
}
