// SPDX-License-Identifier: GPL-2.0

//! Old bottom halves: those of Linux 2.2 and 2.4, as the library rebuilds them.

use super::claims;

mod runner;

claims! {
    "OLD-01", thirty_two_slots, "there are 32 slots for bottom halves; one that is marked several times runs once";
    "OLD-02", one_at_a_time, "only one bottom half runs at a time, in the whole system";
    "OLD-03", kept_not_spun_for, "one that is marked while another runs is kept, and no CPU spins for it";
    "OLD-04", disabling_counts_and_waits, "disable_bh() counts, and waits for the one that runs";
    "OLD-05", empty_slots_do_nothing, "marking an empty slot does nothing";
    "OLD-06", side_by_side, "of the same bodies, bottom halves never overlap, tasklets each not itself; soft IRQ work, DPCs and interrupt threads do";
}
