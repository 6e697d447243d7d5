// SPDX-License-Identifier: GPL-2.0

#include <linux/interrupt.h>
#include <linux/kernel_stat.h>

unsigned int rust_helper_irqlab_softirqs_count(unsigned int vector,
					       unsigned int cpu)
{
	return kstat_softirqs_cpu(vector, cpu);
}

void rust_helper_irqlab_tasklet_disable(struct tasklet_struct *t)
{
	tasklet_disable(t);
}

void rust_helper_irqlab_tasklet_enable(struct tasklet_struct *t)
{
	tasklet_enable(t);
}
