// SPDX-License-Identifier: GPL-2.0

//! Timers: how exact they are.

use super::claims;

mod expiries;

claims! {
    "TIME-01", soft_ones_need_no_tick, "high-resolution timers in soft IRQ context wait for the next tick";
    "TIME-02", coarse_and_exact, "timers are coarse, high-resolution timers exact; neither expires early";
}
