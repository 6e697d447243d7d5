// SPDX-License-Identifier: GPL-2.0

//! What the library promises to whoever has interrupts off, tried where a promise can be broken: a window
//! of interrupts that is opened there, and the table of gates that an exception's observer finds.

use irqlab::{
    context::{
        BottomHalvesDisabled,
        Task,
        Unsleeping, //
    },
    exception::{
        Exception,
        Observer,
        Vector,
        Watch, //
    },
    idt::{
        self,
        Change,
        Idt, //
    },
    interrupt::local_interrupt_disable,
    interrupt_window::{
        self,
        Window, //
    },
    new_raw_spinlock,
    raw_spinlock::RawSpinLock,
    rcu::Slot, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A window is refused, and opens nothing, where interrupts are off; it opens where they are on.
pub(super) fn window(task: &Task, mut report: impl FnMut(&str, bool)) -> Result {
    let try_one = || interrupt_window::open(Window::Nop, task, || (), || ());
    // With interrupts on there is a token to be had.
    let are_on = || Task::current().is_some();

    let guard = local_interrupt_disable();
    let (result, are_still_off) = (try_one(), !are_on());
    drop(guard);
    report(
        "refused with interrupts off",
        result == Err(EPERM) && are_still_off && are_on(),
    );
    report("open otherwise", try_one() == Ok(()) && are_on());
    Ok(())
}

/// There is no token of a task to be had where one may not sleep.
pub(super) fn token(task: &Task, mut report: impl FnMut(&str, bool)) -> Result {
    let is_refused = || Task::current().is_none();
    let guard = BottomHalvesDisabled::new(task);
    report("with bottom halves off", is_refused());
    drop(guard);
    let slot = Slot::new();
    slot.replace(Some(Arc::new((), GFP_KERNEL)?), task);
    let in_reader = slot.read(|(), _unsleeping| is_refused());
    // Where readers cannot be preempted the kernel does not count them.
    report(
        "in a reader",
        in_reader == Some(true) || !cfg!(CONFIG_PREEMPT_RCU),
    );
    let lock = KBox::pin_init(new_raw_spinlock!(()), GFP_KERNEL)?;
    let with_lock = lock.with(|(), _off| is_refused());
    report("with a raw spinlock held", with_lock && !is_refused());
    Ok(())
}

/// Keeps the table that the CPU had while the handler of an exception ran.
#[pin_data]
struct Keeper {
    #[pin]
    table: RawSpinLock<Option<Idt>>,
}

impl Observer for Keeper {
    fn observe(&self, exception: &Exception, _context: &Unsleeping) {
        if exception.vector == Vector::OF {
            self.table.with(|table, _off| *table = Some(Idt::current()));
        }
    }
}

/// The table that an observer has seen can be read when the copy is no longer in use.
pub(super) fn table(task: &Task, mut report: impl FnMut(&str, bool)) -> Result {
    if Idt::current().is_empty() || idt::is_fred() {
        return Ok(());
    }
    let keeper = pin_init!(Keeper {
        table <- new_raw_spinlock!(None),
    });
    let watch = Watch::new(Arc::pin_init(keeper, GFP_KERNEL)?)?;
    idt::undefined_by_copy(Change::Handler(Vector::UD), task)?;
    let kept = watch.observer().table.with(|table, _off| *table);
    let own = Idt::current();
    let is_whole = kept.is_some_and(|kept| {
        let is_same = |(a, b): (idt::Gate, idt::Gate)| a == b || a.vector == Vector::UD.0;
        kept.base() != own.base()
            && kept.len() == own.len()
            && kept.gates().zip(own.gates()).all(is_same)
    });
    report("the copy stays", is_whole);
    Ok(())
}
