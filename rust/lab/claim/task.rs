// SPDX-License-Identifier: GPL-2.0

//! Tasklets: functions that a soft IRQ runs, each on one CPU at a time.

use super::claims;

claims! {
    "TASK-01", runs_once, "a tasklet scheduled many times before it runs, runs once";
    "TASK-02", never_beside_itself, "a tasklet never runs on two CPUs at a time; different ones do";
    "TASK-03", runs_where_it_was_scheduled, "a tasklet runs on the CPU that scheduled it";
    "TASK-04", high_priority_first, "tasklets of high priority run before the others";
    "TASK-05", disabled_stays_pending, "a disabled tasklet stays pending until it is enabled; disabling nests";
    "TASK-06", enabling_schedules_nothing, "tasklet_hi_enable() schedules a tasklet at high priority";
    "TASK-07", may_schedule_itself, "a tasklet may schedule itself again; killing it waits for it";
    "TASK-08", still_there, "what takes the place of tasklets runs in threads";
    "TASK-09", all_before_the_action_ends, "all enabled tasklets run before the action of their soft IRQ has ended";
    "TASK-10", number_is_not_limited, "the number of tasklets is not limited";
    "TASK-11", masking_keeps_an_activation, "masking a tasklet keeps an activation, masking BH work loses it";
}
