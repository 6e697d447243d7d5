// SPDX-License-Identifier: GPL-2.0

//! Stacks: which one each context ran on, with its bounds, and how deep on it.

use crate::{
    fixup::{
        Case,
        Setting, //
    },
    laboratory::Lab,
    refusal::Answer, //
};
use irqlab::{
    context::{
        Caller,
        Kind,
        Stack,
        StackRegion,
        Task, //
    },
    emit,
    symbol::Address,
    text::Text, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
};

/// The stacks that were found when they were measured last.
#[pin_data]
pub(crate) struct Stacks {
    #[pin]
    found: Mutex<[Option<Found>; Kind::ALL.len()]>,
}

/// The stack of a context, and that of an exception's handler which interrupts it.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) stack: Option<Stack>,
    pub(crate) exception: Option<Stack>,
}

impl Stacks {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            found <- new_mutex!([None; Kind::ALL.len()], "Stacks::found"),
        })
    }

    /// Measures them.
    ///
    /// Refusals: `EBUSY`, `ESRCH` for a task without user memory.
    pub(crate) fn run(&self, lab: &Lab, task: &Task) -> Answer {
        let _experiment = lab.begin(fmt!("stacks"))?;
        *self.found.lock() = find(Kind::ALL, task)?.map(Some);
        Ok(())
    }

    pub(crate) fn show(&self, text: &mut Text) -> Result {
        emit!(text, "#context stack low high size used\n")?;
        for found in self.found.lock().iter().flatten() {
            show_stack(text, found.kind.name(), "", found.stack)?;
            show_stack(text, "fault_in_", found.kind.name(), found.exception)?;
        }
        Ok(())
    }
}

fn show_stack(text: &mut Text, first: &str, second: &str, stack: Option<Stack>) -> Result {
    let Some(stack) = stack else {
        return emit!(text, "{}{} - - - - -\n", first, second);
    };
    emit!(
        text,
        "{}{} {} {} {} {} {}\n",
        first,
        second,
        stack.region,
        Address(stack.low),
        Address(stack.high),
        stack.size(),
        stack.used()
    )
}

/// Finds the stack of each context: in a call there, and in a page fault there.
pub(crate) fn find<const N: usize>(kinds: [Kind; N], task: &Task) -> Answer<[Found; N]> {
    let mut found = kinds.map(|kind| Found {
        kind,
        stack: None,
        exception: None,
    });
    {
        let caller = Caller::new(task)?;
        for found in &mut found {
            let cell = StackCell::new();
            caller.call(found.kind, task, &|| cell.store(Stack::current()))?;
            found.stack = cell.load();
        }
    }
    let mut setting = Setting::new(task)?;
    let guard = Case::find("guard")?;
    for found in &mut found {
        found.exception = setting.attempt(guard, found.kind, 0, None, task)?.stack;
    }
    Ok(found)
}

/// A place for a stack, written in any context.
struct StackCell {
    low: Atomic<usize>,
    high: Atomic<usize>,
    pointer: Atomic<usize>,
    region: Atomic<u32>,
}

impl StackCell {
    fn new() -> Self {
        Self {
            low: Atomic::new(0),
            high: Atomic::new(0),
            pointer: Atomic::new(0),
            region: Atomic::new(0),
        }
    }

    fn store(&self, stack: Option<Stack>) {
        if let Some(stack) = stack {
            self.low.store(stack.low, Relaxed);
            self.pointer.store(stack.pointer, Relaxed);
            self.region.store(stack.region.into_raw().into(), Relaxed);
            self.high.store(stack.high, Relaxed);
        }
    }

    fn load(&self) -> Option<Stack> {
        let high = self.high.load(Relaxed);
        (high > 0).then(|| Stack {
            region: StackRegion::from_raw(self.region.load(Relaxed) as u8),
            low: self.low.load(Relaxed),
            high,
            pointer: self.pointer.load(Relaxed),
        })
    }
}
