// SPDX-License-Identifier: GPL-2.0

//! Interrupts between CPUs (inter-processor interrupts, IPIs): function calls, rescheduling, TLBs.

use super::claims;

claims! {
    "IPI-01", vectors_between_cpus, "the vectors between CPUs: 0xfb to call a function, 0xfc to reschedule, 0xfd to invalidate TLBs";
    "IPI-02", all_but_the_sender, "smp_call_function() runs on all CPUs but the sender, on_each_cpu() on all";
    "IPI-03", synchronous_at_the_sender, "a call to another CPU is synchronous at the sender, asynchronous at the receiver";
    "IPI-04", one_queue, "calls between CPUs have two priorities: made at once, or queued";
    "IPI-05", one_interrupt_for_the_list, "a list for each CPU carries the requests: one interrupt for all that are in it";
    "IPI-06", calls_to_oneself_are_inline, "a call to oneself is made inline, without an interrupt; IRQ work interrupts";
    "IPI-07", reschedule_only_acknowledges, "the reschedule interrupt only acknowledges; the work is done on the return from it";
    "IPI-08", flushes_interrupt_the_others, "an invalidation of TLBs interrupts the other CPUs";
    "IPI-09", senders_do_not_wait, "senders to the same CPU do not wait for each other";
    "IPI-10", delayed_not_lost, "a CPU with interrupts off delays a call, and does not lose it";
    "IPI-11", polling_takes_no_interrupt, "an idle CPU that polls gets no interrupt for a call";
    "IPI-12", halting_has_its_own, "the call-function interrupt halts the other CPUs";
    "IPI-13", they_start_cpus, "IPIs wake up additional cores";
}
