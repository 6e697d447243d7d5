// SPDX-License-Identifier: GPL-2.0

//! Work queues: functions that kernel threads run.

use super::claims;

mod item;

claims! {
    "WORK-01", process_context, "work, if not of a BH queue, runs in process context, may block, and has no user address space";
    "WORK-02", threads_are_shared, "create_workqueue() makes one thread for each CPU";
    "WORK-03", one_at_a_time, "a single-threaded queue runs one item at a time";
    "WORK-04", never_before_the_delay, "queue_delayed_work() runs the work after the delay";
    "WORK-05", flushing_waits, "flushing waits for what is pending; destroying a queue drains it";
    "WORK-06", pending_is_refused, "queueing a pending item again is refused";
    "WORK-07", predefined_queue, "there is a predefined queue, 'events'";
    "WORK-08", blocking_holds_up_nobody, "one item that blocks does not hold up the others";
    "WORK-09", lists_belong_to_pools, "a queue has a list of its own, which its worker threads loop over";
    "WORK-10", cancelled_or_modified, "a delayed item can be cancelled, or given another delay, before it runs";
}
