// SPDX-License-Identifier: GPL-2.0

//! The page fault's handler raises no further exception.
//!
//! Here it does: who watches page faults, within the handler, executes what is undefined, and reads where
//! nothing is. Both have a fixup.

use crate::{
    claim::prelude::*,
    record::SnapshotCell, //
};
use irqlab::{
    context::{
        Snapshot,
        Unsleeping, //
    },
    exception::Vector,
    fixup::{
        self,
        address::PAGE_SIZE,
        instructions,
        Address,
        End,
        Island,
        Paging, //
    },
    tracepoint::{
        Attached,
        Observer,
        PageFaultKernel, //
    },
    user::{
        Page,
        Protection, //
    },
};
use kernel::sync::{
    atomic::{
        Atomic,
        Relaxed, //
    },
    Arc, //
};

claim! {
    quote: "When there is a Page Fault, the current process must be put in sleep therefore the Page Fault \
            exception never gives rises to further exceptions.",
    section: "nested execution of Ex./Int. Handlers",
    today: "a further exception is served as any other: tracers of page faults read memory that may not be \
            there, and the handler looks at the instruction that faulted",
    functions: "exc_page_fault(), is_prefetch(), fixup_exception()",
    control: "raises them behind the page fault",
    next: "echo guard task > fixup/access; cat fixup/steps",
}

/// Raises further exceptions in the handler of one.
struct Raiser {
    /// Whose that one is, and where.
    pid: i32,
    at: usize,
    island: Island,
    raises: bool,
    is_inside: Atomic<bool>,
    outer: SnapshotCell,
    /// How many page faults came while it was handled.
    nr_nested: Atomic<u64>,
    nr_undefined: Atomic<u64>,
    nr_recovered: Atomic<u64>,
}

impl Raiser {
    fn raise(&self) {
        let is_undefined = instructions::undefined().end == End::Trapped(Vector::UD.0);
        self.nr_undefined.add(u64::from(is_undefined), Relaxed);
        let read = fixup::read(&self.island.guard(0), Paging::Refused);
        self.nr_recovered
            .add(u64::from(read == Err(EFAULT)), Relaxed);
    }
}

impl Observer<PageFaultKernel> for Raiser {
    fn observe(&self, fault: &PageFaultKernel, _context: &Unsleeping) {
        let guard = self.island.guard(0).as_raw();
        if (guard..guard + PAGE_SIZE).contains(&fault.address) {
            let is_nested = self.is_inside.load(Relaxed);
            self.nr_nested.add(u64::from(is_nested), Relaxed);
        }
        if fault.address == self.at && current!().pid() == self.pid {
            self.outer.store(&Snapshot::take());
            self.is_inside.store(true, Relaxed);
            if self.raises {
                self.raise();
            }
            self.is_inside.store(false, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    trial.own_user_memory()?;
    let page = Page::new(Protection::ReadWrite, trial.task)?;
    let raiser = Raiser {
        pid: current!().pid(),
        at: page.address(),
        island: Island::new()?,
        raises: trial.pick(true, false),
        is_inside: Atomic::new(false),
        outer: SnapshotCell::new(),
        nr_nested: Atomic::new(0),
        nr_undefined: Atomic::new(0),
        nr_recovered: Atomic::new(0),
    };
    let mut attached = Attached::new(Arc::new(raiser, GFP_KERNEL)?);
    attached.to::<PageFaultKernel>()?;
    let address = Address::user(page.address(), trial.task)?;
    let read = fixup::read(&address, Paging::Served(trial.task));
    let raiser = attached.observer();
    if trial.is_control() {
        raiser.raise();
    }
    let was_seen = raiser.outer.load().is_some();
    evidence.check(
        was_seen && read == Ok(0),
        fmt!("a page fault of new memory, in whose handler this looked, was served"),
    )?;
    let (nr_undefined, nr_recovered) = (
        raiser.nr_undefined.load(Relaxed),
        raiser.nr_recovered.load(Relaxed),
    );
    let nr_nested = raiser.nr_nested.load(Relaxed);
    if nr_undefined == 0 && nr_recovered == 0 && nr_nested == 0 {
        evidence.note(fmt!(
            "in its handler UD2 and a load where nothing is raised nothing"
        ))?;
        return evidence.holds();
    }
    let place = trial.pick("in its handler", "behind it");
    evidence.check(
        nr_undefined == 1,
        fmt!("{place} UD2: {nr_undefined} #UD, handled"),
    )?;
    evidence.check(
        nr_recovered == 1 && nr_nested == 1,
        fmt!(
            "{place} a load where nothing is: {nr_recovered} EFAULT, and {nr_nested} further page faults in \
             the handler"
        ),
    )?;
    evidence.outdated()
}
