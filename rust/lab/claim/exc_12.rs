// SPDX-License-Identifier: GPL-2.0

//! EXC-12: most exceptions become a signal for the process.
//!
//! It takes a process that raises them, which a module has not: selftests/user_exceptions is
//! the experiment, a line of it for each exception.

use super::{
    skip,
    Claim,
    Finding,
    Trial, //
};
use crate::refusal::Answer;

pub(super) const CLAIM: Claim = Claim {
    id: "EXC-12",
    text: "most exceptions become a signal for the process",
    control: "none: see selftests/user_exceptions",
    run,
};

fn run(_trial: &Trial<'_>) -> Answer<Finding> {
    skip!("exceptions in user mode take a program: run selftests/user_exceptions")
}
