// SPDX-License-Identifier: GPL-2.0

#include <linux/sched/task_stack.h>
#include <asm/page_types.h>
#include <asm/processor.h>

bool rust_helper_irqlab_idle_polls(void)
{
	return boot_option_idle_override == IDLE_POLL;
}

/*
 * The stack that @sp was on, while a task ran on @cpu whose stack begins at @task_stack: 0 the task's, 1 the CPU's IRQ stack, 2 + n the
 * interrupt stack table's entry n. The IRQ stack's address is not exported to
 * modules, so it is what remains.
 */
unsigned int rust_helper_irqlab_stack_region(unsigned int cpu, unsigned long sp,
					     unsigned long task_stack)
{
	unsigned int n;

	if (sp - task_stack < THREAD_SIZE)
		return 0;
	for (n = 0; n < ARRAY_SIZE(cpu_tss_rw.x86_tss.ist); n++) {
		unsigned long top = per_cpu(cpu_tss_rw, cpu).x86_tss.ist[n];

		if (top && top - sp - 1 < EXCEPTION_STKSZ)
			return 2 + n;
	}
	return 1;
}

/* Entry @n, from 0, of this CPU's interrupt stack table. */
unsigned long rust_helper_irqlab_ist_top(unsigned int n)
{
	return this_cpu_read(cpu_tss_rw.x86_tss.ist[n]);
}
