// SPDX-License-Identifier: GPL-2.0

//! The program that plays user mode's part in some claims, `selftests/user_part`: what other programs do
//! meanwhile is no evidence.

use crate::refusal::{
    Obstacle,
    Refusal, //
};
use irqlab::context::Snapshot;
use kernel::{
    fmt,
    prelude::*, //
};

pub(super) const NAME: &str = "user_part";

/// Where it is in a guest of `make shell`.
const PATH: &str = "/irqlab/user_part";

/// The refusal if it does not play its part in the claim: what was not seen, and how to have it play.
pub(super) fn missing(id: &str, what: fmt::Arguments<'_>) -> Refusal {
    Refusal::skip(
        Obstacle::Machine,
        fmt!("{what}: run '{PATH} {id} &' (outside of the guest: where the selftests are) and try again"),
    )
}

/// Whether the current task is one of its processes or threads.
pub(super) fn is_current() -> bool {
    Snapshot::take().comm() == NAME
}
