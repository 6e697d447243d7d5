// SPDX-License-Identifier: GPL-2.0

//! FIX-01: access_ok() checks only the range.
//!
//! So it is quick, and a good address may still fault. The control asks the page tables
//! instead, by an access.

use super::{
    judge,
    Claim,
    Finding,
    Trial, //
};
use crate::{
    fixup::Setting,
    refusal::Answer, //
};
use irqlab::{
    emit,
    fixup::{
        self,
        Address,
        Paging, //
    },
    text::Text,
    user::{
        is_user,
        Page,
        Protection, //
    },
};

pub(super) const CLAIM: Claim = Claim {
    id: "FIX-01",
    text: "access_ok() checks only the range, not whether anything is there",
    control: "a load answers instead of access_ok()",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    const SIZE: usize = size_of::<u64>();

    let setting = Setting::new(trial.task)?;
    let unmapped = Page::new(Protection::None, trial.task)?.address();
    let cases = [
        ("mapped", setting.valid(), SIZE, true),
        ("unmapped", unmapped, SIZE, true),
        ("kernel", setting.island.inside(0).as_raw(), SIZE, false),
        ("wrapping", setting.valid(), usize::MAX - SIZE, false),
    ];
    let is_good = |at, size| {
        if !trial.is_control() {
            return is_user(at, size);
        }
        Address::user(at, trial.task)
            .and_then(|address| fixup::read(&address, Paging::Served(trial.task)))
            .is_ok()
    };
    let mut evidence = Text::new();
    let mut is_as_claimed = true;
    for (name, at, size, expected) in cases {
        let answer = is_good(at, size);
        is_as_claimed &= answer == expected;
        evidence.separate(", ")?;
        emit!(&mut evidence, "{} {:#x}: {}", name, at, answer)?;
    }
    judge!(is_as_claimed, "{}", evidence)
}
