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
    line::Late, //
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
        let is_about_top = top_us > 0 && bottom_us == 0;
        self.victims.replace(victims.cloned(), task);
        self.late.replace(late.cloned(), task);
        self.is_late.store(late.is_some().into());
        let is_wanted = victims.is_some() || late.is_some();
        self.top.set(top_us, is_wanted, is_about_top);
        self.bottom.set(bottom_us, is_wanted, !is_about_top);
        Working { work: self, task }
    }

    /// Whether this half does anything besides.
    #[inline]
    pub(crate) fn is_busy(&self, which: Which) -> bool {
        self.half(which).work.load() != 0
    }

    /// Whether a half that serves this event, after `last`, only does so again as nobody has acknowledged it yet.
    pub(crate) fn is_repeated(&self, event: u64, last: u64) -> bool {
        event == last && self.is_late.load() != 0
    }

    const fn half(&self, which: Which) -> &Half {
        match which {
            Which::Top => &self.top,
            Which::Bottom => &self.bottom,
        }
    }

    /// Does what this half does besides.
    pub(crate) fn run(&self, which: Which) {
        let half = self.half(which);
        if let Some(us) = half.work.load().checked_sub(1) {
            self.work_for(us, half, which);
        }
    }

    /// Where the top half does not acknowledge the interrupt: whether it is for it.
    #[inline]
    pub(crate) fn acknowledge_later(&self) -> Option<bool> {
        if self.is_late.load() == 0 {
            return None;
        }
        self.ask_late()
    }

    #[cold]
    fn ask_late(&self) -> Option<bool> {
        self.late.read(|late, _unsleeping| late.top())
    }

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
