// SPDX-License-Identifier: GPL-2.0

//! Interrupt threads, as Solaris has them: handlers that may block, in the place of what they
//! have interrupted.

use super::claims;

mod actor;

claims! {
    "SOL-01", pools_are_made_beforehand, "each CPU has a pool of interrupt threads made beforehand, one for each level";
    "SOL-02", pinned_until_it_ends_or_blocks, "the interrupted thread is pinned: it runs nowhere else until the handler ends or blocks";
    "SOL-03", goes_back_to_the_pinned_thread, "a handler that does not block returns to exactly the thread that it has interrupted";
    "SOL-04", blocking_makes_a_thread, "a handler that blocks becomes a thread of its own, bound to its CPU, and the interrupted thread goes on";
    "SOL-05", a_blocked_level_is_masked, "while a handler is blocked its level and those below stay masked on its CPU";
    "SOL-06", higher_levels_nest, "a higher level interrupts a lower one, and its time is not counted as the lower one's";
    "SOL-07", no_threads_above_the_lock_level, "levels above the lock level have no threads, and their handlers do not block";
    "SOL-08", blocked_handlers_are_counted, "handlers that block are counted";
    "SOL-09", costs_little_more_than_a_handler, "over a plain handler, an interrupt thread costs less than half of what a threaded IRQ does";
}
