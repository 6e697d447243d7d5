// SPDX-License-Identifier: GPL-2.0

#include <linux/bottom_half.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>

enum { IRQLAB_NOT_TURNED, IRQLAB_WAS_TASK, IRQLAB_WAS_SOFTIRQ };

/* How many interrupts of the kind @which (enum irq_stat_counts) @cpu has counted. */
unsigned int rust_helper_irqlab_irq_stat(unsigned int which, unsigned int cpu)
{
	return READ_ONCE(per_cpu(irq_stat, cpu).counts[which]);
}

/* Has the kernel count a hard IRQ until hardirq_end(). Called with interrupts off. */
void rust_helper_irqlab_hardirq_begin(void)
{
	__irq_enter_raw();
}

void rust_helper_irqlab_hardirq_end(void)
{
	__irq_exit_raw();
}

/*
 * Turns a hard IRQ into a soft IRQ on the spot, and enables interrupts: the steps of irq_exit() and
 * handle_softirqs(), in their order. An odd softirq count says that a soft IRQ is served; where it
 * is odd already an even number is added. PREEMPT_RT has no such count: preemption is disabled.
 * Returns what softirq_to_hardirq() needs to know.
 */
unsigned int rust_helper_irqlab_hardirq_to_softirq(void)
{
	unsigned int before = IRQLAB_WAS_TASK;

	if ((preempt_count() & (HARDIRQ_MASK | NMI_MASK)) != HARDIRQ_OFFSET)
		return IRQLAB_NOT_TURNED;
	__preempt_count_sub(HARDIRQ_OFFSET);
#ifdef CONFIG_PREEMPT_RT
	__preempt_count_add(PREEMPT_OFFSET);
#else
	if (in_serving_softirq())
		before = IRQLAB_WAS_SOFTIRQ;
	__local_bh_disable_ip(_THIS_IP_, SOFTIRQ_DISABLE_OFFSET);
	if (before == IRQLAB_WAS_TASK)
		__preempt_count_sub(SOFTIRQ_OFFSET);
#endif
	lockdep_hardirq_exit();
	lockdep_softirq_enter();
	local_irq_enable();
	return before;
}

void rust_helper_irqlab_softirq_to_hardirq(unsigned int before)
{
	if (before == IRQLAB_NOT_TURNED)
		return;
	local_irq_disable();
	lockdep_softirq_exit();
	lockdep_hardirq_enter();
#ifdef CONFIG_PREEMPT_RT
	__preempt_count_sub(PREEMPT_OFFSET);
#else
	if (before == IRQLAB_WAS_TASK)
		__preempt_count_add(SOFTIRQ_OFFSET);
	_local_bh_enable();
#endif
	__preempt_count_add(HARDIRQ_OFFSET);
}
