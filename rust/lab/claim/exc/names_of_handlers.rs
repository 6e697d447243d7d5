// SPDX-License-Identifier: GPL-2.0

//! The handlers are do_*(), reached through error_code and left through
//! ret_from_exception; do_IRQ() serves interrupts.
//!
//! All of these have other names now.

use crate::claim::{
    claim,
    found,
    Finding,
    Trial,
    Verdict, //
};
use crate::refusal::Answer;
use irqlab::{
    emit,
    symbol,
    text::Text, //
};
use kernel::prelude::*;

claim! {
    quote: "The name of the functions which implements exception handling always starts with the prefix do_",
    section: "do_handler_name()",
    today: "since Linux 5.8 they are called exc_*; common_interrupt() has taken the place of do_IRQ()",
    functions: "exc_page_fault(), common_interrupt(), error_entry, error_return",
    control: "takes the new names for the old ones",
    next: "cat idt",
}

/// Each old name, and what there is instead.
const NAMES: [(&CStr, &CStr); 6] = [
    (c"do_page_fault", c"exc_page_fault"),
    (c"do_divide_error", c"exc_divide_error"),
    (c"do_general_protection", c"exc_general_protection"),
    (c"do_IRQ", c"common_interrupt"),
    (c"error_code", c"error_entry"),
    (c"ret_from_exception", c"error_return"),
];

pub(super) fn run(trial: &Trial<'_>) -> Answer<Finding> {
    let mut evidence = Text::new();
    let (mut nr_old, mut nr_new) = (0, 0);
    for (old, new) in NAMES {
        let old = if trial.is_control() { new } else { old };
        let (has_old, has_new) = (
            symbol::exists(old, trial.task),
            symbol::exists(new, trial.task),
        );
        nr_old += usize::from(has_old);
        nr_new += usize::from(has_new);
        evidence.separate(", ")?;
        let say = |is_there| if is_there { "there" } else { "not there" };
        emit!(
            &mut evidence,
            "{} is {}, {} {}",
            old,
            say(has_old),
            new,
            say(has_new)
        )?;
    }
    let verdict = match (nr_old, nr_new) {
        (0, new) if new == NAMES.len() => Verdict::Outdated,
        (old, 0) if old == NAMES.len() => Verdict::Holds,
        _ => Verdict::Fails,
    };
    found(verdict, fmt!("{}", evidence))
}
