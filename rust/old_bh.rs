// SPDX-License-Identifier: GPL-2.0

//! Bottom halves as Linux 2.2 and 2.4 had them: 32 slots, of which one at a time runs in the whole
//! system.
//!
//! A driver gave its routine to a *slot*, whose number was its own in all kernels (`init_bh`); its
//! top half *marked* the slot (`mark_bh`), and the routine ran soon. However often it was marked
//! before, it ran once.
//!
//! ```text
//!             mark()               the soft IRQ takes it, and no other slot runs
//!     idle ───────────▶ marked ───────────────────────────────────────────────▶ running
//!      ▲                 │  ▲ another slot runs: marked again                      │
//!      │ disabled: stays │  │                                                      │
//!      │                 └──┴──────────── mark() ──────────────────────────────────┤
//!      └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! That no two ran at a time made drivers simple that had been written for one CPU, and wasted all
//! CPUs but one. Linux 2.4 therefore made tasklets, each of which is only kept from running beside
//! *itself*, and built bottom halves on them as this does: a slot is a tasklet of high priority
//! that first tries to take one lock which all slots share. If another slot has it, this one does
//! not spin: it marks itself again and lets its CPU go on. Linux 2.5 removed bottom halves.
//!
//! | Linux 2.2, 2.4 | here |
//! |---|---|
//! | `init_bh(nr, routine)` | [`BottomHalves::init`] |
//! | `remove_bh(nr)` | dropping the [`Slot`] |
//! | `mark_bh(nr)` | [`Slot::mark`], [`BottomHalves::mark`] |
//! | `disable_bh(nr)`, `enable_bh(nr)` (2.2) | [`Slot::disable`], dropping the [`Disabled`] |
//! | `bh_base[32]`, `bh_task_vec[32]` | [`BottomHalves`] |
//! | `global_bh_lock` | the lock of a [`BottomHalves`] |
//!
//! What differs: there were one set of slots and one lock in the system, and here in each
//! [`BottomHalves`]. A slot that is taken is refused, where `init_bh` replaced its routine. Whoever
//! disables a slot holds it, so that it is not removed meanwhile: `remove_bh` would have waited for
//! ever. Interrupts of other CPUs can no longer be switched off (`cli()`), so that no slot waits
//! for that.
//!
//! The slots that had an owner in Linux 2.4, where 15 to 31 were free:
//!
//! | slot | name | slot | name | slot | name |
//! |---|---|---|---|---|---|
//! | 0 | `TIMER_BH` | 5 | `SPECIALIX_BH` | 10 | `CYCLADES_BH` |
//! | 1 | `TQUEUE_BH` | 6 | `AURORA_BH` | 11 | `CM206_BH` |
//! | 2 | `DIGI_BH` | 7 | `ESP_BH` | 12 | `JS_BH` |
//! | 3 | `SERIAL_BH` | 8 | `SCSI_BH` | 13 | `MACSERIAL_BH` |
//! | 4 | `RISCOM8_BH` | 9 | `IMMEDIATE_BH` | 14 | `ISICOM_BH` |

mod names;
mod slot;

pub use names::{
    name,
    IMMEDIATE_BH, //
};

pub use slot::{
    Disabled,
    Slot, //
};

use crate::{
    context::{
        BottomHalvesDisabled,
        SoftIrq,
        Task, //
    },
    tasklet::{
        self,
        Tasklet, //
    },
};
use kernel::{
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        Arc,
        SpinLock, //
    },
};

/// How many slots there are.
pub const NR_SLOTS: u32 = 32;

/// What a slot does when it was marked.
pub trait Routine: Send + Sync {
    /// Runs in the soft IRQ, while no other slot of the set runs on any CPU.
    fn run(&self, softirq: &SoftIrq);
}

/// What is known of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether somebody's routine is in it.
    pub is_taken: bool,
    /// How many guards keep it disabled.
    pub nr_disabled: u32,
    /// Whether it was marked and has not run since.
    pub is_marked: bool,
    /// How often it was marked.
    pub nr_marks: u64,
    /// How often a routine of it ran.
    pub nr_runs: u64,
    /// How often it marked itself again, as another slot ran.
    pub nr_remarks: u64,
    /// How often it was its turn while no routine was in it.
    pub nr_empty: u64,
}

/// A set of 32 slots, of which one at a time runs.
///
/// ```
/// # use irqlab::{context::SoftIrq, old_bh::{BottomHalves, Routine, Slot}};
/// # use kernel::{prelude::*, sync::{atomic::{Atomic, Relaxed}, Arc}};
/// struct Count(Atomic<u32>);
///
/// impl Routine for Count {
///     fn run(&self, _softirq: &SoftIrq) {
///         self.0.add(1, Relaxed);
///     }
/// }
///
/// let set = BottomHalves::new()?;
/// let count = Arc::new(Count(Atomic::new(0)), GFP_KERNEL)?;
/// let slot: Slot = set.init(20, count.clone(), task)?;
/// slot.mark();
/// // Waits until it has run.
/// drop(slot);
/// assert_eq!(count.0.load(Relaxed), 1);
/// ```
///
/// # Invariants
///
/// `entries` has [`NR_SLOTS`] elements.
pub struct BottomHalves {
    entries: KVec<Arc<Tasklet<Entry>>>,
}

/// A slot of the set.
#[pin_data]
struct Entry {
    /// The lock that all slots share: whether one of them runs.
    is_running: Arc<Atomic<bool>>,
    is_taken: Atomic<bool>,
    /// Set while its owner gives it back: it cannot be marked.
    is_closing: Atomic<bool>,
    is_marked: Atomic<bool>,
    nr_disabled: Atomic<u32>,
    nr_marks: Atomic<u64>,
    nr_runs: Atomic<u64>,
    nr_remarks: Atomic<u64>,
    nr_empty: Atomic<u64>,
    // Taken in the soft IRQ: with bottom halves disabled elsewhere.
    #[pin]
    routine: SpinLock<Option<Arc<dyn Routine>>>,
}

impl BottomHalves {
    /// A set of empty slots.
    ///
    /// Errors: `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let is_running = Arc::new(Atomic::new(false), GFP_KERNEL)?;
        let mut entries = KVec::with_capacity(NR_SLOTS as usize, GFP_KERNEL)?;
        for _ in 0..NR_SLOTS {
            let entry = Tasklet::new(Entry::new(is_running.clone()));
            entries.push(Arc::pin_init(entry, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        // INVARIANT: One was pushed for each.
        Ok(Arc::new(Self { entries }, GFP_KERNEL)?)
    }

    /// Gives slot `number` a routine, until the [`Slot`] is dropped. If the slot was marked while it
    /// was empty, and its turn has not come yet, the routine runs then.
    ///
    /// Errors: `ERANGE` if there is no such slot, `EBUSY` if it is taken.
    pub fn init(
        self: &Arc<Self>,
        number: u32,
        routine: Arc<dyn Routine>,
        task: &Task,
    ) -> Result<Slot> {
        let entry = self.entry(number)?;
        if entry.is_taken.xchg(true, Full) {
            return Err(EBUSY);
        }
        entry.replace(Some(routine), task);
        // INVARIANT: It was free, and is now marked as taken.
        Ok(Slot::new(self.clone(), entry.clone(), number))
    }

    /// Has slot `number` run soon, once however often it is marked before. Marking an empty slot does
    /// nothing. May be called in any context but NMI.
    ///
    /// Errors: `ERANGE` if there is no such slot.
    ///
    /// ```
    /// # use irqlab::old_bh::{BottomHalves, State, NR_SLOTS};
    /// # use kernel::prelude::*;
    /// /// Marks all slots, and counts those that had something to run.
    /// fn mark_all(set: &BottomHalves) -> Result<usize> {
    ///     let mut nr_taken = 0;
    ///     for number in 0..NR_SLOTS {
    ///         set.mark(number)?;
    ///         let state: State = set.state(number)?;
    ///         nr_taken += usize::from(state.is_taken);
    ///     }
    ///     Ok(nr_taken)
    /// }
    ///
    /// # use irqlab::{context::SoftIrq, old_bh::Routine};
    /// # use kernel::sync::Arc;
    /// # struct Quiet;
    /// # impl Routine for Quiet {
    /// #     fn run(&self, _softirq: &SoftIrq) {}
    /// # }
    /// let set = BottomHalves::new()?;
    /// assert_eq!(mark_all(&set)?, 0);
    /// let slot = set.init(20, Arc::new(Quiet, GFP_KERNEL)?, task)?;
    /// assert_eq!(mark_all(&set)?, 1);
    /// assert_eq!(set.mark(NR_SLOTS), Err(ERANGE));
    /// ```
    #[inline]
    pub fn mark(&self, number: u32) -> Result {
        mark(self.entry(number)?);
        Ok(())
    }

    /// What is known of slot `number`.
    ///
    /// Errors: `ERANGE` if there is no such slot.
    pub fn state(&self, number: u32) -> Result<State> {
        Ok(self.entry(number)?.state())
    }

    #[inline]
    fn entry(&self, number: u32) -> Result<&Arc<Tasklet<Entry>>> {
        self.entries.get(number as usize).ok_or(ERANGE)
    }
}

/// Marks a slot.
#[inline]
fn mark(entry: &Tasklet<Entry>) {
    entry.nr_marks.add(1, Relaxed);
    if !entry.is_closing.load(Acquire) {
        // Before the tasklet is scheduled, as it looks for the mark when it runs.
        entry.is_marked.store(true, Release);
        entry.schedule_hi();
    }
}

impl Entry {
    fn new(is_running: Arc<Atomic<bool>>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            is_running,
            is_taken: Atomic::new(false),
            is_closing: Atomic::new(false),
            is_marked: Atomic::new(false),
            nr_disabled: Atomic::new(0),
            nr_marks: Atomic::new(0),
            nr_runs: Atomic::new(0),
            nr_remarks: Atomic::new(0),
            nr_empty: Atomic::new(0),
            routine <- new_spinlock!(None, "old_bh::Entry::routine"),
        })
    }

    /// Puts another routine into the slot, and gives back the one that was there.
    fn replace(&self, routine: Option<Arc<dyn Routine>>, task: &Task) -> Option<Arc<dyn Routine>> {
        let _no_soft_irq = BottomHalvesDisabled::new(task);
        // A variable, so that it is unlocked before a soft IRQ may want it.
        let mut place = self.routine.lock();
        core::mem::replace(&mut *place, routine)
    }

    fn state(&self) -> State {
        State {
            is_taken: self.is_taken.load(Relaxed),
            nr_disabled: self.nr_disabled.load(Relaxed),
            is_marked: self.is_marked.load(Relaxed),
            nr_marks: self.nr_marks.load(Relaxed),
            nr_runs: self.nr_runs.load(Relaxed),
            nr_remarks: self.nr_remarks.load(Relaxed),
            nr_empty: self.nr_empty.load(Relaxed),
        }
    }

    /// The slot's turn. The caller has the lock that all share.
    fn take_turn(&self, softirq: &SoftIrq) {
        if !self.is_marked.xchg(false, Full) {
            // It was marked between being taken off the list and the line above, in an earlier turn
            // which has served that mark.
            return;
        }
        let routine = self.routine.lock().clone();
        match routine {
            Some(routine) => {
                self.nr_runs.add(1, Relaxed);
                // Whoever removes it waits for this function and drops it after that, so that this
                // is not the last reference.
                routine.run(softirq);
            }
            None => self.nr_empty.add(1, Relaxed),
        }
    }
}

impl tasklet::Handler<tasklet::Kind> for Entry {
    fn run(this: &Tasklet<Self>, softirq: &SoftIrq) {
        if this.is_running.xchg(true, Acquire) {
            this.nr_remarks.add(1, Relaxed);
            this.schedule_hi();
            return;
        }
        this.take_turn(softirq);
        this.is_running.store(false, Release);
    }
}
