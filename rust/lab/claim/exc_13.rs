// SPDX-License-Identifier: GPL-2.0

//! EXC-13: a fault in the kernel without a fixup ends in die().
//!
//! With an oops on the console, and the end of the task that was running, or of the
//! machine, if oopses are to panic: nobody is left to give the verdict but the guest's
//! runner (`tools/test crash`). The control's access has a fixup, and goes on.

use super::{
    judge,
    skip_dangerous,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;
use irqlab::{
    dangerous,
    fixup::{
        access,
        Island,
        Paging, //
    },
    symbol::Address,
};

pub(super) const CLAIM: Claim = Claim {
    id: "EXC-13",
    text: "a fault in the kernel without a fixup ends in die()",
    control: "the access has a fixup",
    run,
};

fn run(trial: &Trial<'_>) -> Answer<Finding> {
    skip_dangerous!(trial, "EXC-13", "Oops");
    let island = Island::new()?;
    let nothing = island.guard(0);
    let outcome = if trial.is_control() {
        access::load(&nothing, Paging::Refused)?
    } else {
        dangerous::load(&nothing)
    };
    judge!(
        false,
        "a load from {}, where nothing is, went on at {}: {:?}",
        Address(nothing.as_raw()),
        Address(outcome.resumed_at),
        outcome.end
    )
}
