// SPDX-License-Identifier: GPL-2.0

#include <linux/preempt.h>

unsigned long rust_helper_irqlab_preempt_count(void)
{
	return preempt_count();
}

/* PREEMPT_RT counts softirqs in the task; softirq_count() knows where. */
unsigned long rust_helper_irqlab_softirq_count(void)
{
	return softirq_count();
}

void rust_helper_irqlab_preempt_disable(void)
{
	preempt_disable();
}

void rust_helper_irqlab_preempt_enable(void)
{
	preempt_enable();
}
