// SPDX-License-Identifier: GPL-2.0

//! Groups: lines on the same interrupt, which experiments have together, as their
//! handlers have to agree whether the interrupt stays masked for a thread.

use super::{
    lines::Table,
    top_half::{
        needs_thread,
        OnLine, //
    },
    Line,
    State, //
};
use crate::{
    mechanism::{
        Instance,
        Taken, //
    },
    refusal::{
        prevented,
        Answer,
        Refusal, //
    },
};
use irqlab::context::Task;
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Arc, //
    },
};

/// A line and the others on the same interrupt.
pub(crate) struct Group {
    /// The first is the one that was asked for.
    pub(super) lines: KVec<Arc<Line>>,
    pub(super) table: Arc<Table>,
}

impl Group {
    /// The line that was asked for.
    pub(crate) fn first(&self) -> Arc<Line> {
        self.lines[0].clone()
    }

    /// Takes the lab's top halves off for an experiment.
    ///
    /// Refusals: `EBUSY` if another one has a line or it is disabled, `ENODEV`
    /// if its device was unbound.
    pub(crate) fn reserve(&self) -> Answer<Reserved<'_>> {
        let mut reserved = self.keep()?;
        for Member { line, state } in &reserved.0 {
            if state.disabled.is_some() {
                prevented!(
                    EBUSY,
                    "{0} is disabled (echo 1 >lines/{0}/enabled)",
                    line.name()
                );
            }
        }
        for Member { line, state } in &reserved.0 {
            if state.top_half.is_some() {
                line.settle();
            }
        }
        reserved.take_all_off();
        Ok(reserved)
    }

    /// Keeps the lines as they are, with what is on them, enabled or not.
    ///
    /// Refusals: `EBUSY` if an experiment has a line, `ENODEV` if its device was unbound.
    pub(super) fn keep(&self) -> Answer<Reserved<'_>> {
        let mut members = KVec::with_capacity(self.lines.len(), GFP_KERNEL)?;
        for line in &self.lines {
            let state = line.try_state()?;
            members.push(Member { line, state }, GFP_KERNEL)?;
        }
        self.must_be_whole()?;
        Ok(Reserved(members))
    }

    /// Refuses if a line has come to the interrupt since the group was made. When
    /// the others are locked, none can come.
    fn must_be_whole(&self) -> Answer {
        let irq = self.lines[0].source.line().irq();
        for entry in &*self.table.lock() {
            let is_member = self.lines.iter().any(|line| Arc::ptr_eq(line, &entry.line));
            if entry.line.source.line().irq() == irq && !is_member {
                prevented!(
                    EBUSY,
                    "{} has just come to the same interrupt: try again",
                    entry.line.name()
                );
            }
        }
        Ok(())
    }

    /// Puts `mechanism` behind the line's top half, or takes away what is there.
    /// After a refusal, what was there is still there.
    ///
    /// Refusals: those of [`Self::reserve`], and `EBUSY` if another line has the
    /// mechanism, or if somebody else on the interrupt does not agree to it.
    pub(crate) fn attach(&self, mechanism: Option<&Arc<Instance>>) -> Answer {
        let mut reserved = self.reserve()?;
        if reserved.0[0].state.has(mechanism) {
            return reserved.put_all_on();
        }
        let mut other = mechanism.map(Instance::take).transpose()?;
        core::mem::swap(&mut reserved.0[0].state.mechanism, &mut other);
        let done = reserved.put_all_on();
        if done.is_err() {
            reserved.take_all_off();
            reserved.0[0].state.mechanism = other;
        }
        done
    }
}

/// Lines that an experiment has for itself, with nothing on them. They get back
/// what they had when this is dropped. Dereferences to the one asked for.
pub(crate) struct Reserved<'a>(pub(super) KVec<Member<'a>>);

pub(super) struct Member<'a> {
    pub(super) line: &'a Arc<Line>,
    pub(super) state: Guard<'a, State, MutexBackend>,
}

/// The lab's top half and a mechanism on a reserved line, for as long as this lives.
pub(crate) struct Attachment {
    // First the handler: the mechanism is free when nothing calls it any more.
    pub(super) top_half: OnLine,
    _taken: Option<Taken>,
}

impl Reserved<'_> {
    /// Whether the device of one of them waits to be unbound, so that this should end.
    pub(crate) fn is_leaving(&self) -> bool {
        let mut lines = self.0.iter().map(|member| member.line);
        lines.any(|line| line.is_leaving.load(Relaxed))
    }

    /// Puts the lab's top half on the line, with `mechanism`, for as long as
    /// the answer lives. After a refusal the line is as it was.
    ///
    /// Refusals: `EBUSY` if another line has the mechanism, or if somebody else on
    /// the interrupt does not agree to it.
    pub(crate) fn attach(&self, mechanism: &Arc<Instance>) -> Answer<Attachment> {
        self.attach_to(self, mechanism)
    }

    /// The same without a mechanism: interrupts are counted, and that is all.
    pub(crate) fn attach_none(&self) -> Answer<Attachment> {
        Ok(Attachment {
            top_half: self.put_on(None)?,
            _taken: None,
        })
    }

    /// Another line on the same interrupt, if there is one.
    pub(crate) fn beside(&self) -> Option<Arc<Line>> {
        self.0.get(1).map(|member| member.line.clone())
    }

    /// As [`Self::attach`], to that line, after the first.
    pub(crate) fn attach_beside(&self, mechanism: &Arc<Instance>) -> Answer<Attachment> {
        match self.0.get(1) {
            Some(member) => self.attach_to(member.line, mechanism),
            None => prevented!(ENODEV, "no other line has the interrupt of {}", self.name()),
        }
    }

    fn attach_to(&self, line: &Line, mechanism: &Arc<Instance>) -> Answer<Attachment> {
        let mut states = self.0.iter().map(|member| &member.state);
        let taken = if states.any(|state| state.has(Some(mechanism))) {
            // A reserved line keeps its mechanism, but does not use it now.
            None
        } else {
            Some(mechanism.take()?)
        };
        Ok(Attachment {
            top_half: line.put_on(Some(mechanism))?,
            _taken: taken,
        })
    }

    /// Puts the lab's top halves on the lines, but where they are. Those with
    /// threads first: the others can follow them, but not the other way round.
    pub(super) fn put_all_on(&mut self) -> Answer {
        let mut refusal = None;
        for is_threaded in [true, false] {
            for Member { line, state } in &mut self.0 {
                let mechanism = state.mechanism.as_deref();
                if needs_thread(mechanism) != is_threaded
                    || state.top_half.is_some()
                    || state.is_retired
                {
                    continue;
                }
                match line.put_on(mechanism) {
                    Ok(top_half) => state.top_half = Some(top_half),
                    Err(why) => refusal = Some(why),
                }
            }
            // Whoever followed would keep those with threads from the interrupt for good.
            if refusal.as_ref().is_some_and(may_pass) {
                break;
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    fn take_all_off(&mut self) {
        for Member { state, .. } in &mut self.0 {
            state.top_half = None;
        }
        for Member { line, .. } in &self.0 {
            line.source.silence();
        }
    }

    /// As [`Self::put_all_on`], with patience.
    fn put_all_on_again(&mut self) -> Answer {
        const ATTEMPTS: u32 = 50;
        const PAUSE_MS: u32 = 10;

        for _ in 0..ATTEMPTS {
            match self.put_all_on() {
                Err(refusal) if may_pass(&refusal) => {
                    if let Some(task) = Task::current() {
                        task.sleep_ms(PAUSE_MS);
                    }
                }
                answer => return answer,
            }
        }
        self.put_all_on()
    }
}

/// Whether it may be otherwise soon: memory may come back, but who is on the interrupt will stay.
fn may_pass(refusal: &Refusal) -> bool {
    refusal.error != EBUSY && refusal.error != ENODEV
}

impl core::ops::Deref for Reserved<'_> {
    type Target = Line;

    fn deref(&self) -> &Line {
        self.0[0].line
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let Err(refusal) = self.put_all_on_again() else {
            return;
        };
        pr_warn!(
            "what was on {} is not given back: {}\n",
            self.name(),
            refusal
        );
        // Better without its mechanism than without its top half.
        for Member { state, .. } in &mut self.0 {
            if state.top_half.is_none() {
                state.mechanism = None;
            }
        }
        if let Err(refusal) = self.put_all_on_again() {
            pr_err!("nothing is on {} any more: {}\n", self.name(), refusal);
        }
    }
}
