// SPDX-License-Identifier: GPL-2.0

//! Exceptions and interrupts as the CPU delivers them: vectors, the IDT, and what the kernel makes of
//! them.

use super::claims;

mod selector_fault;

claims! {
    "EXC-01", faults_run_again, "a fault saves the address of the faulting instruction, which runs again on return";
    "EXC-02", traps_go_on_behind, "a trap saves the address of the next instruction";
    "EXC-03", gates_have_a_privilege, "a programmed exception through a gate with DPL < CPL is a general protection fault";
    "EXC-04", nmis_ignore_if, "an NMI ignores IF";
    "EXC-05", interrupts_wait_for_if, "a maskable interrupt waits while IF is 0, and is not lost";
    "EXC-06", idt_has_256_entries, "the IDT has 256 entries and is found through IDTR";
    "EXC-07", three_kinds_of_gates, "there are interrupt gates, trap gates and task gates";
    "EXC-08", task_gate_for_double_faults, "a task gate serves the double fault";
    "EXC-09", double_faults_end_it, "a double fault has error code 0 and cannot be recovered";
    "EXC-10", dispatched_through_the_idt, "vectors are dispatched through the IDT";
    "EXC-11", names_of_handlers, "handlers are do_*(), error_code, ret_from_exception and do_IRQ()";
    "EXC-12", most_become_a_signal, "most exceptions become a signal for the process";
    "EXC-13", kernel_faults_end_in_die, "a fault in the kernel without a fixup ends in die()";
    "EXC-14", never_over_an_interrupt, "an exception handler never preempts an interrupt handler";
    "EXC-15", control_paths_nest, "kernel control paths nest: exception over NMI over hard IRQ over soft IRQ over task";
    "EXC-16", three_kinds_of_stacks, "there are exception, hard IRQ and soft IRQ stacks of 4 or 8 KiB";
    "EXC-30", gates_lead_to_the_kernel, "a gate that leads to less privilege is a general protection fault";
}
