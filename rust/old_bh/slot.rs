// SPDX-License-Identifier: GPL-2.0

//! A slot that somebody has, and the guard that keeps it disabled.

use super::{
    mark,
    BottomHalves,
    Entry,
    State, //
};
use crate::{
    context::{
        Context,
        Task, //
    },
    deferred::warn_unless_may_wait,
    tasklet::{
        self,
        Tasklet, //
    },
};
use kernel::sync::{
    atomic::{
        Acquire,
        Full,
        Relaxed,
        Release, //
    },
    Arc, //
};

/// A slot with its owner's routine. Dropping it has the routine run once more if the slot is marked,
/// waits for it, and empties the slot: where one may sleep, and not in a routine of the set, which would wait for
/// itself for ever. The kernel warns of both.
///
/// How long it waits is up to others. A slot that is marked has its turn when the CPU that it was marked on serves
/// soft IRQs, or another one in its place if that goes offline; and then between two turns of other slots. There is
/// no order of who comes first: where slots on other CPUs mark themselves without end, each of their turns is followed
/// by another try.
///
/// # Invariants
///
/// The slot is marked as taken, for this alone. It is disabled only by guards that hold this.
pub struct Slot {
    entry: Arc<Tasklet<Entry>>,
    number: u32,
    // Last: the set, which has the entry as well.
    _set: Arc<BottomHalves>,
}

impl Slot {
    pub(super) fn new(set: Arc<BottomHalves>, entry: Arc<Tasklet<Entry>>, number: u32) -> Self {
        Self {
            entry,
            number,
            _set: set,
        }
    }

    /// Which one it is.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Has the routine run soon, once however often the slot is marked before. May be called in any
    /// context but NMI.
    #[inline]
    pub fn mark(&self) {
        mark(&self.entry);
    }

    /// What is known of it.
    pub fn state(&self) -> State {
        self.entry.state()
    }

    /// Keeps the routine from running until the guard is dropped, and waits for it if it runs now.
    /// Nests.
    ///
    /// If the slot is marked meanwhile it stays so, and keeps its soft IRQ, and with that ksoftirqd,
    /// busy.
    ///
    /// ```
    /// # use irqlab::{context::{SoftIrq, Task}, old_bh::{BottomHalves, Disabled, Routine, Slot}};
    /// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
    /// # struct Count(Atomic<u32>);
    /// # impl Routine for Count {
    /// #     fn run(&self, _softirq: &SoftIrq) {
    /// #         self.0.add(1, Relaxed);
    /// #     }
    /// # }
    /// fn hold_back(slot: &Arc<Slot>, task: &Task) -> Disabled {
    ///     let disabled = slot.disable(task);
    ///     pr_info!("slot {} is off {} times\n", slot.number(), slot.state().nr_disabled);
    ///     disabled
    /// }
    ///
    /// # let count = Arc::new(Count(Atomic::new(0)), GFP_KERNEL)?;
    /// # let slot = BottomHalves::new()?.init(20, count.clone(), task)?;
    /// # let slot = Arc::new(slot, GFP_KERNEL)?;
    /// let disabled = hold_back(&slot, task);
    /// slot.mark();
    /// assert_eq!(count.0.load(Relaxed), 0);
    /// drop(disabled);
    /// drop(slot);
    /// assert_eq!(count.0.load(Relaxed), 1);
    /// ```
    pub fn disable(self: &Arc<Self>, task: &Task) -> Disabled {
        let tasklet = self.entry.disable(task);
        self.entry.nr_disabled.add(1, Relaxed);
        // INVARIANT: Just counted.
        Disabled {
            _tasklet: tasklet,
            slot: self.clone(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        warn_unless_may_wait(false);
        // SAFETY: Dropping a slot is only correct where one may sleep; who does it elsewhere was warned.
        let task = unsafe { Task::assume() };

        // From here on it cannot be marked: a routine that marks its own slot comes to an end.
        self.entry.is_closing.xchg(true, Full);
        // Killing waits until the soft IRQ has taken the tasklet, which it does: by the type invariant the slot is
        // not disabled, as guards hold it, and one that was forgotten holds it for ever. A CPU that goes offline
        // leaves its tasklets to another.
        self.entry.kill(task);
        // What is still marked has found another slot running. Each round is a try of its own, after which that one
        // has ended: it ends with the first that finds none, and cannot be marked in between.
        while self.entry.is_marked.load(Acquire) {
            // It was to mark itself again as another slot ran, and could not while it was killed.
            self.entry.schedule_hi();
            self.entry.kill(task);
        }
        let routine = self.entry.replace(None, task);
        // Who marked it just before it was closed may have had it run just now.
        self.entry.kill(task);
        drop(routine);
        self.entry.is_closing.store(false, Relaxed);
        self.entry.is_taken.store(false, Release);
    }
}

/// Keeps a slot disabled. Made by [`Slot::disable`].
///
/// # Invariants
///
/// It is counted in the slot's `nr_disabled`.
pub struct Disabled {
    // First: it is enabled before it may be removed.
    _tasklet: tasklet::Disabled<Entry>,
    slot: Arc<Slot>,
}

impl Drop for Disabled {
    fn drop(&mut self) {
        self.slot.entry.nr_disabled.fetch_sub(1, Relaxed);
    }
}
