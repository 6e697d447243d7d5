// SPDX-License-Identifier: GPL-2.0

//! The old bottom halves of the lab: one set of 32 slots, as Linux 2.4 had one in the system. The
//! mechanism `old_bh` has one of them; the others are the user's, to try what they do.

use crate::refusal::{
    refuse,
    Answer, //
};
use irqlab::{
    context::{
        BottomHalvesDisabled,
        SoftIrq,
        Task, //
    },
    emit,
    global::{
        Global,
        Published, //
    },
    interrupt::local_interrupt_disable,
    old_bh::{
        self,
        BottomHalves,
        Disabled,
        Routine,
        Slot,
        IMMEDIATE_BH,
        NR_SLOTS, //
    },
    text::Text, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// The lab's set, while there is a lab.
static SET: Global<BottomHalves> = Global::new();

/// The slot of the mechanism, which is that of drivers without one of their own.
pub(crate) const MECHANISM: u32 = IMMEDIATE_BH;

/// How often a slot may be disabled at a time.
const MAX_DISABLED: usize = 100;

/// The lab's set.
///
/// Errors: `ENODEV` if there is no lab.
pub(crate) fn set() -> Result<Arc<BottomHalves>> {
    SET.get().ok_or(ENODEV)
}

/// The lab's set, and the slots in it that the user has taken.
#[pin_data]
pub(crate) struct OldBh {
    set: Arc<BottomHalves>,
    #[pin]
    taken: Mutex<KVec<Taken>>,
    _published: Published<BottomHalves>,
}

/// A slot that the user has taken.
struct Taken {
    // First: they keep the slot from being removed.
    disabled: KVec<Disabled>,
    slot: Arc<Slot>,
}

/// The routine of such a slot. That it ran is counted elsewhere.
struct Nothing;

impl Routine for Nothing {
    fn run(&self, _softirq: &SoftIrq) {}
}

impl OldBh {
    pub(crate) fn new() -> Result<impl PinInit<Self>> {
        let set = BottomHalves::new()?;
        let published = SET.publish(set.clone())?;
        Ok(pin_init!(Self {
            set,
            taken <- new_mutex!(KVec::new(), "OldBh::taken"),
            _published: published,
        }))
    }

    /// Takes a slot.
    ///
    /// Refusals: `EBUSY` if it is taken.
    pub(crate) fn init(&self, number: u32, task: &Task) -> Answer {
        let mut taken = self.taken.lock();
        let slot = match self.set.init(number, Arc::new(Nothing, GFP_KERNEL)?, task) {
            Err(EBUSY) => refuse!(EBUSY, "slot {} is taken", number),
            slot => slot?,
        };
        let slot = Taken {
            disabled: KVec::new(),
            slot: Arc::new(slot, GFP_KERNEL)?,
        };
        Ok(taken.push(slot, GFP_KERNEL).map_err(Error::from)?)
    }

    /// Gives it back, which waits for its routine.
    ///
    /// Refusals: `EBUSY` if it is disabled, and those of [`Self::with`].
    pub(crate) fn remove(&self, number: u32) -> Answer {
        self.with(number, |taken, index| {
            if !taken[index].disabled.is_empty() {
                refuse!(EBUSY, "slot {} is disabled: enable it first", number);
            }
            drop(taken.remove(index));
            Ok(())
        })
    }

    /// Keeps its routine from running, and waits for it.
    ///
    /// Refusals: `ERANGE` if that was done too often, and those of [`Self::with`].
    pub(crate) fn disable(&self, number: u32, task: &Task) -> Answer {
        self.with(number, |taken, index| {
            let Taken { disabled, slot } = &mut taken[index];
            if disabled.len() == MAX_DISABLED {
                refuse!(ERANGE, "slot {} is disabled {} times", number, MAX_DISABLED);
            }
            Ok(disabled
                .push(slot.disable(task), GFP_KERNEL)
                .map_err(Error::from)?)
        })
    }

    /// Undoes one [`Self::disable`].
    ///
    /// Refusals: `EPERM` if it is not disabled, and those of [`Self::with`].
    pub(crate) fn enable(&self, number: u32) -> Answer {
        self.with(number, |taken, index| match taken[index].disabled.pop() {
            Some(disabled) => {
                drop(disabled);
                Ok(())
            }
            None => refuse!(EPERM, "slot {} is not disabled", number),
        })
    }

    /// Marks a slot, empty or not, `count` times before it can run.
    ///
    /// Refusals: `EPERM` if it is the mechanism's.
    pub(crate) fn mark(&self, number: u32, count: u64, task: &Task) -> Answer {
        if number == MECHANISM {
            refuse!(
                EPERM,
                "slot {} is the mechanism's: deferral/old_bh/schedule marks it",
                number
            );
        }
        // On PREEMPT_RT the first does not keep other tasks from serving the soft IRQ.
        let _guard = BottomHalvesDisabled::new(task);
        let _off = local_interrupt_disable();
        for _ in 0..count {
            self.set.mark(number)?;
        }
        Ok(())
    }

    /// Does something with a slot that the user has taken, given all of them and its index.
    ///
    /// Refusals: `EPERM` if it is the mechanism's, `ENODEV` if it is empty.
    fn with(&self, number: u32, f: impl FnOnce(&mut KVec<Taken>, usize) -> Answer) -> Answer {
        let mut taken = self.taken.lock();
        match taken.iter().position(|own| own.slot.number() == number) {
            Some(index) => f(&mut taken, index),
            None if number == MECHANISM => refuse!(EPERM, "slot {} is the mechanism's", number),
            None => refuse!(ENODEV, "slot {} is empty: init it first", number),
        }
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(
            text,
            "#slot name_in_2.4 taken_by disabled marked marks runs marked_again empty\n"
        )?;
        for number in 0..NR_SLOTS {
            let state = self.set.state(number)?;
            let taken_by = match number {
                _ if !state.is_taken => "-",
                MECHANISM => "mechanism",
                _ => "user",
            };
            emit!(
                text,
                "{:<2} {:<13} {:<9} {} {} {} {} {} {}\n",
                number,
                old_bh::name(number).map_or("-", |(name, _)| name),
                taken_by,
                state.nr_disabled,
                u8::from(state.is_marked),
                state.nr_marks,
                state.nr_runs,
                state.nr_remarks,
                state.nr_empty
            )?;
        }
        Ok(())
    }
}
