// SPDX-License-Identifier: GPL-2.0

//! Work: what the halves of a mechanism do besides being measured, if an experiment wants it.
//!
//! ```text
//!     top half:     stamp ── work ── defer
//!     bottom half:                     └──▶ stamp ── work ── wake the task that waits
//! ```
//!
//! Work is to spin for a time: with the CPU, and whatever the context keeps from running on it. It does not
//! ask to be rescheduled: where the context can be preempted at all, the kernel does that by itself, and a
//! bottom half that asks behaves as one that works for less at a time.

use crate::{
    bench::Victims,
    line::{
        Heard,
        Late, //
    },
};
use irqlab::{
    clock,
    context::Task,
    rcu,
    word::Word, //
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

/// The longest time that one half may work for: far below what the kernel takes for a CPU that hangs.
pub(crate) const MAX_US: u64 = 100_000;

/// What both halves are to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halves {
    pub(crate) top_us: u32,
    pub(crate) bottom_us: u32,
}

impl Halves {
    /// Nothing.
    pub(crate) const IDLE: Self = Self {
        top_us: 0,
        bottom_us: 0,
    };
}

/// The work of one mechanism.
pub(crate) struct Work {
    top: Half,
    bottom: Half,
    /// Who is to want the CPU while a half works.
    victims: rcu::Slot<Victims>,
    /// Whether the interrupts are acknowledged later than by the top half, and how.
    is_late: Word,
    late: rcu::Slot<Late>,
}

/// A half of an interrupt's handling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Top,
    Bottom,
}

/// What one half does.
struct Half {
    /// 0 for nothing, not even for who watches or acknowledges, else the time in microseconds, plus 1.
    work: Word,
    /// Whether the victims are to want the CPU while this half works.
    is_aimed_at: Atomic<bool>,
}

impl Half {
    const fn new() -> Self {
        Self {
            work: Word::new(0),
            is_aimed_at: Atomic::new(false),
        }
    }

    fn set(&self, us: u32, is_wanted: bool, is_aimed_at: bool) {
        self.is_aimed_at.store(is_aimed_at, Relaxed);
        self.work.store(if us > 0 || is_wanted {
            u64::from(us) + 1
        } else {
            0
        });
    }
}

impl Work {
    pub(crate) const fn new() -> Self {
        Self {
            top: Half::new(),
            bottom: Half::new(),
            victims: rcu::Slot::new(),
            is_late: Word::new(0),
            late: rcu::Slot::new(),
        }
    }

    /// Has the halves work until the answer is dropped. Meanwhile `victims`, if there are any, want the CPU:
    /// while the bottom half works, or while the top half does if that alone has work. If `late` is there, it
    /// acknowledges the interrupts.
    pub(crate) fn begin<'a>(
        &'a self,
        halves: Halves,
        victims: Option<&Arc<Victims>>,
        late: Option<&Arc<Late>>,
        task: &'a Task,
    ) -> Working<'a> {
        let Halves { top_us, bottom_us } = halves;
        let is_watched = victims.is_some();
        let is_about_top = top_us > 0 && bottom_us == 0;
        self.victims.replace(victims.cloned(), task);
        self.late.replace(late.cloned(), task);
        self.is_late.store(late.is_some().into());
        self.top.set(top_us, is_watched, is_about_top);
        self.bottom
            .set(bottom_us, is_watched || late.is_some(), !is_about_top);
        Working { work: self, task }
    }

    /// What the top half does.
    #[inline]
    pub(crate) fn top(&self) {
        self.spend(&self.top, Which::Top);
    }

    /// What the bottom half does.
    #[inline]
    pub(crate) fn bottom(&self) {
        self.spend(&self.bottom, Which::Bottom);
    }

    /// Where the top half does not acknowledge the interrupt: what it heard.
    #[inline]
    pub(crate) fn acknowledge_later(&self) -> Option<Heard> {
        if self.is_late.load() == 0 {
            return None;
        }
        self.ask_late()
    }

    #[cold]
    fn ask_late(&self) -> Option<Heard> {
        self.late.read(|late, _unsleeping| late.top())
    }

    #[inline]
    fn spend(&self, half: &Half, which: Which) {
        match half.work.load() {
            0 => (),
            more => self.work_for(more - 1, half, which),
        }
    }

    #[cold]
    fn work_for(&self, us: u64, half: &Half, which: Which) {
        let ns = us * 1000;
        // Only a task can wait for a lock, and let go of it last.
        let task = Task::current().filter(|_| which == Which::Bottom);
        let may_wait = task.is_some();
        let contention = self.victims.read(|victims, _unsleeping| {
            victims.see(which);
            if may_wait {
                victims.contention()
            } else {
                None
            }
        });
        let work = || {
            if half.is_aimed_at.load(Relaxed) {
                self.victims.read(|victims, _unsleeping| victims.aim(ns));
            }
            clock::spin_ns(ns);
        };
        match contention.flatten().zip(task) {
            Some((contention, task)) => contention.work(task, work),
            None => work(),
        }
        if which == Which::Bottom && self.is_late.load() != 0 {
            self.late.read(|late, _unsleeping| late.bottom());
        }
    }
}

/// Keeps a mechanism's halves at work. Made by [`Work::begin`].
pub(crate) struct Working<'a> {
    work: &'a Work,
    task: &'a Task,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        // First, so that nothing comes that nobody acknowledges any more.
        self.work.is_late.store(0);
        self.work.top.set(0, false, false);
        self.work.bottom.set(0, false, false);
        self.work.victims.replace(None, self.task);
        self.work.late.replace(None, self.task);
    }
}
