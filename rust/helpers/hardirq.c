// SPDX-License-Identifier: GPL-2.0

#include <linux/hardirq.h>
#include <linux/percpu.h>

/* How many interrupts of the kind @which (enum irq_stat_counts) @cpu has counted. */
unsigned int rust_helper_irqlab_irq_stat(unsigned int which, unsigned int cpu)
{
	return READ_ONCE(per_cpu(irq_stat, cpu).counts[which]);
}
