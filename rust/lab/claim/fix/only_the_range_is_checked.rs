// SPDX-License-Identifier: GPL-2.0

//! access_ok() checks only the range.
//!
//! So it is quick, and a good address may still fault. The control asks the page tables
//! instead, by an access.

use crate::{
    claim::prelude::*,
    fixup::Setting, //
};
use irqlab::{
    fixup::{
        self,
        Address,
        Paging, //
    },
    symbol,
    user::{
        is_user,
        Page,
        Protection, //
    },
};

claim! {
    quote: "access_ok() only perform a coarse check but if it passes then the address can be still \
            not be valid for that process",
    section: "The page fault",
    today: "the same: the range is compared with the end of user space, and nobody looks into the \
            page tables",
    functions: "access_ok(), valid_user_address()",
    control: "a load answers instead of access_ok()",
    next: "echo user_none task > fixup/access; cat fixup/steps",
}

pub(super) fn run(trial: &Trial<'_>, evidence: &mut Evidence) -> Answer<Verdict> {
    const SIZE: usize = size_of::<u64>();

    let setting = Setting::new(trial.task)?;
    let unmapped = Page::new(Protection::None, trial.task)?.address();
    let can_load = |at, _size| {
        Address::user(at, trial.task)
            .and_then(|address| fixup::read(&address, Paging::Served(trial.task)))
            .is_ok()
    };
    for (name, at, size, expected) in [
        ("mapped", setting.valid(), SIZE, true),
        ("unmapped", unmapped, SIZE, true),
        ("kernel", setting.island.inside(0).as_raw(), SIZE, false),
        ("wrapping", setting.valid(), usize::MAX - SIZE, false),
    ] {
        let answer = match trial.pick(true, false) {
            true => is_user(at, size),
            false => can_load(at, size),
        };
        evidence.check(
            answer == expected,
            fmt!("{name} {}: {answer}", symbol::Address(at)),
        )?;
    }
    evidence.holds()
}
