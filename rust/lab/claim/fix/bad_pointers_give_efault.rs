// SPDX-License-Identifier: GPL-2.0

//! A bad user address in a copy gives EFAULT, not an oops.
//!
//! The tracepoint of page faults is the witness that there was one: what the range
//! check refuses gives EFAULT as well. A copy may try twice: a word, and then a byte.

use crate::{
    claim::prelude::*,
    fixup::Setting, //
};
use irqlab::{
    context::Unsleeping,
    fixup::address::PAGE_SIZE,
    symbol::Address,
    tracepoint::{
        Attached,
        Observer,
        PageFaultKernel, //
    },
    user::{
        self,
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
    quote: "thus if the exception is caused by an invalid parameter the instruction that caused it must be included in one of the functions",
    section: "The Exception Tables",
    today: "the same: a copy from or to user space ends with -EFAULT",
    functions: "copy_from_user(), get_user(), fixup_exception()",
    control: "an address of the kernel, which does not get as far as a fault",
    next: "echo user_unmapped task > fixup/access; cat fixup/steps",
}

/// Counts the page faults in one page.
struct Faults {
    page: usize,
    count: Atomic<u64>,
}

impl Observer<PageFaultKernel> for Faults {
    fn observe(&self, fault: &PageFaultKernel, _context: &Unsleeping) {
        if (self.page..self.page + PAGE_SIZE).contains(&fault.address) {
            self.count.add(1, Relaxed);
        }
    }
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    let setting = Setting::new(trial.task)?;
    let page = match trial.pick(true, false) {
        true => Page::new(Protection::None, trial.task)?.address(),
        false => setting.island.inside(0).as_raw(),
    };
    let faults = Faults {
        page,
        count: Atomic::new(0),
    };
    let mut watch = Attached::new(Arc::new(faults, GFP_KERNEL)?);
    watch.to::<PageFaultKernel>()?;
    let count = || watch.observer().count.load(Relaxed);
    let copied = user::copy_from_user(page, trial.task);
    let after_copy = count();
    let got = user::get_user(page, trial.task);
    let after_get = count();
    let say = |result: Result<u64>| match result {
        Ok(_) => c"0",
        Err(error) => error.name().unwrap_or(c"error"),
    };
    evidence.note(fmt!("address {}", Address(page)))?;
    evidence.check(
        copied == Err(EFAULT) && after_copy > 0,
        fmt!(
            "copy_from_user() gives {} after {after_copy} page faults",
            say(copied)
        ),
    )?;
    evidence.check(
        got == Err(EFAULT) && after_get > after_copy,
        fmt!(
            "get_user() gives {} after {}",
            say(got),
            after_get - after_copy
        ),
    )?;
    evidence.holds()
}
