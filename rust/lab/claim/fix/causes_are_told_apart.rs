// SPDX-License-Identifier: GPL-2.0

//! The causes of a page fault in the kernel are told apart.
//!
//! A page that is only absent is served; a wrong access and a bad pointer are fixed
//! up. vmalloc() memory was a cause where each task's page table got it on demand; on
//! x86-64 all share it, so that it does not fault. What has no fixup is a bug: EXC-13.

use crate::claim::{
    claim,
    judge,
    Finding,
    Trial, //
};
use crate::{
    fixup::{
        Case,
        Setting, //
    },
    refusal::Answer,
};
use irqlab::{
    context::Kind,
    emit,
    fixup::End,
    text::Text, //
};
use kernel::prelude::*;

claim! {
    quote: "if it passes then the address can be still not be valid for that process, therefor a Page Fault can be raised when: (four causes)",
    section: "The page fault",
    today: "the same, but for the second cause: on x86-64 all tasks share the page tables of vmalloc memory",
    functions: "exc_page_fault(), do_user_addr_fault(), handle_mm_fault()",
    control: "the absent page has been touched before",
    next: "echo all > fixup/access; cat fixup/access",
}

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let absent = if trial.is_control() {
        "user_valid"
    } else {
        "user_absent"
    };
    // Case, error code of its page fault if it has one, how it ends.
    let efault = End::Error(EFAULT.to_errno());
    let cases = [
        (absent, Some(0), End::Done),
        ("user_readonly_write", Some(3), efault),
        ("user_unmapped", Some(0), efault),
        ("kernel_valid", None, End::Done),
        ("guard", Some(0), efault),
    ];
    let mut setting = Setting::new(trial.task)?;
    let mut evidence = Text::new();
    let mut is_as_claimed = true;
    for (name, error_code, end) in cases {
        let case = Case::find(name)?;
        let attempt = setting.attempt(case, Kind::Task, 0, None, trial.task)?;
        let seen = attempt.exception.map(|exception| exception.error_code);
        is_as_claimed &= seen == error_code && attempt.end() == Some(end);
        evidence.separate("; ")?;
        emit!(&mut evidence, "{}: ", name)?;
        match seen {
            Some(error_code) => emit!(&mut evidence, "#PF with error code {}, ", error_code)?,
            None => emit!(&mut evidence, "no #PF, ")?,
        }
        match attempt.end() {
            Some(End::Done) => emit!(&mut evidence, "done")?,
            Some(End::Error(errno)) => emit!(&mut evidence, "{}", errno)?,
            _ => emit!(&mut evidence, "?")?,
        }
    }
    judge!(is_as_claimed, "{}", evidence)
}
