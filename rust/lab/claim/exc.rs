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
    "EXC-17", checked_after_each_instruction, "whether an interrupt has come is checked after every instruction";
    "EXC-18", at_the_expense_of_the_interrupted, "a handler runs at the expense of the process that it has interrupted";
    "EXC-19", system_calls_by_int, "the instruction int implements system calls";
    "EXC-20", one_tss_for_each_process, "TR points at the TSS of the running process";
    "EXC-21", stack_pointer_saved_on_change, "SS and ESP are saved only when the privilege changes";
    "EXC-22", iret_clears_segments, "IRET clears data segment registers that hold a more privileged segment";
    "EXC-23", error_codes, "some exceptions push an error code; for the others the stub pushes 0";
    "EXC-24", page_faults_put_to_sleep, "a page fault puts the process to sleep";
    "EXC-25", page_faults_raise_no_more, "the page fault's handler raises no further exception";
    "EXC-26", ends_on_another_cpu, "an exception can begin on one CPU and end on another";
    "EXC-27", noted_in_the_process, "the handler stores vector and error code in the process";
    "EXC-28", handled_or_killed, "a process that has a handler for the signal goes on; one that has none is killed";
    "EXC-29", the_time_needs_a_trap, "reading the time needs a trap";
    "EXC-30", gates_lead_to_the_kernel, "a gate that leads to less privilege is a general protection fault";
}
