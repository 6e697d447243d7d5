// SPDX-License-Identifier: GPL-2.0

//! Deferred procedure calls: the bottom halves of Windows, as the library rebuilds them.

use super::claims;

mod probe;

claims! {
    "DPC-01", one_queue_per_cpu, "each CPU has a queue of DPCs; a DPC goes into that of the current CPU, or of the one set before";
    "DPC-02", queued_once, "inserting a queued DPC returns false and keeps the first arguments; removing tells whether it was queued";
    "DPC-03", high_goes_to_the_head, "a DPC of High importance goes to the head of the queue, one of any other to the tail";
    "DPC-04", urgent_ones_start_draining, "when a queue is drained depends on the importance of the DPC, the depth of the queue, and the rate";
    "DPC-05", ticks_adapt_the_depth, "at each tick the rate is averaged, a queue that waits is drained, and the maximum depth adapts itself";
    "DPC-06", off_the_queue_before_it_runs, "a DPC is taken off its queue before it runs: it may queue itself, and run on two CPUs at a time";
    "DPC-07", interrupts_stay_on, "a DPC runs with interrupts on, must not block, and is not interrupted by another DPC";
    "DPC-08", threaded_ones_give_way, "a threaded DPC runs in a thread and is preempted by ordinary DPCs; a switch makes it an ordinary one";
    "DPC-09", flush_waits_for_all, "a flush returns after all DPCs that were queued on all CPUs have run";
    "DPC-10", one_dpc_for_a_device, "a device has one DPC: two requests before it runs give one run";
    "DPC-11", watchdog_barks, "a watchdog notes a DPC that runs too long, and DPCs that run too long one after the other";
}
