// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>

/* The first online CPU after @cpu (-1 to start); nr_cpu_ids or more: none. */
unsigned int rust_helper_irqlab_cpumask_next_online(int cpu)
{
	return cpumask_next(cpu, cpu_online_mask);
}
