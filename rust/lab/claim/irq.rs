// SPDX-License-Identifier: GPL-2.0

//! Interrupt lines: their controllers, their handlers, and the CPUs that they go to.

use super::claims;

mod held;
mod isa;
mod local;
mod meeting;
mod parent;
mod routed;
mod sent;
mod steps;

claims! {
    "IRQ-01", line_n_has_vector_n_plus_32, "line n has vector n + 32";
    "IRQ-02", disabled_ones_are_kept, "a disabled line's interrupt is not lost";
    "IRQ-03", disabling_is_not_masking, "disabling a line at the controller is not masking in the CPU";
    "IRQ-04", interrupts_are_off_in_handlers, "handlers run with interrupts disabled";
    "IRQ-05", every_isr_of_a_shared_line_runs, "on a shared line every ISR runs";
    "IRQ-06", unclaimed_ones_disable_the_line, "a line whose interrupts nobody claims is disabled";
    "IRQ-07", allocated_at_the_last_moment, "a line can be allocated at the last moment and given back";
    "IRQ-08", flow_handlers_differ, "flow handlers differ: level, edge, simple, fasteoi";
    "IRQ-09", handlers_nest, "interrupt handlers of different lines nest";
    "IRQ-10", handlers_must_not_block, "a handler must not block";
    "IRQ-11", a_handler_and_a_thread, "a threaded IRQ: a primary handler, then a kernel thread that may sleep";
    "IRQ-12", distributed_between_cpus, "an interrupt goes to the CPU that does the least important work";
    "IRQ-13", three_parts_of_an_isr, "an ISR has three parts: critical, non-critical (with interrupts on), deferrable";
    "IRQ-14", lighter_than_a_process, "a handler is lighter than a process switch";
    "IRQ-15", parts_of_the_apics, "each CPU has a local APIC with LINT0, LINT1, timer, ICR and TPR, the I/O APIC a redirection table";
    "IRQ-16", one_cpu_at_a_time, "interrupt handling is not reentrant: a line's handler runs on one CPU at a time";
    "IRQ-17", devices_have_one_line, "each device has a single output line";
    "IRQ-18", lower_pin_goes_first, "of two pending interrupts, the one of the lower number goes first";
    "IRQ-19", acknowledged_at_the_pic, "the CPU acknowledges an interrupt at the ports of the PIC";
    "IRQ-20", twenty_four_entries, "the I/O APIC has 24 lines, and 24 entries in its redirection table";
    "IRQ-21", timer_tells_the_time, "the timer interrupt notifies the kernel that time has passed";
}
