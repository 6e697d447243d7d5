// SPDX-License-Identifier: GPL-2.0

//! What nearly every claim needs.

pub(super) use super::{
    claim,
    evidence::{
        Evidence,
        Verdict, //
    },
    trial::Trial,
};
pub(super) use crate::refusal::Answer;
pub(super) use kernel::prelude::*;
