// SPDX-License-Identifier: GPL-2.0

//! Soft IRQs: what the kernel does after a hard IRQ, with interrupts on.

use super::claims;

mod all_vectors;
mod forced;
mod origin;

claims! {
    "SIRQ-01", at_most_thirty_two, "there are at most 32 soft IRQs, and a module cannot add one";
    "SIRQ-02", on_several_cpus, "the same soft IRQ may run on several CPUs at a time";
    "SIRQ-03", in_the_order_of_their_bits, "pending soft IRQs run in the order of their bits";
    "SIRQ-04", with_interrupts_on, "soft IRQs run with interrupts enabled, in no task's context";
    "SIRQ-05", where_they_are_checked, "soft IRQs run when bottom halves are enabled, a hard IRQ ends, or in ksoftirqd";
    "SIRQ-06", not_inside_others, "soft IRQs do not run in a hard IRQ, nor before the outermost section without them ends";
    "SIRQ-07", bounded_rounds, "after a bounded number of rounds in a row, ksoftirqd goes on";
    "SIRQ-08", a_ksoftirqd_for_each_cpu, "every CPU has a ksoftirqd of its own, bound to it";
    "SIRQ-09", masked_all_or_none, "a deferrable function can be masked by itself";
    "SIRQ-10", on_a_stack_of_their_own, "do_softirq() switches to the stack of soft IRQs";
    "SIRQ-11", ksoftirqds_loop, "ksoftirqd sleeps until a soft IRQ is pending, and serves it with preemption disabled";
    "SIRQ-12", timers_and_network, "soft IRQs run the kernel's timers, and receive network packets";
}
