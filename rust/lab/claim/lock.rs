// SPDX-License-Identifier: GPL-2.0

//! Spinlocks: who has one when several CPUs want it.

use super::claims;

claims! {
    "LOCK-01", who_comes_first, "spinlocks are test-and-set: no matter who came first";
}
