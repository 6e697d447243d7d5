// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <linux/topology.h>

/* Whether both are threads of one core. */
bool rust_helper_irqlab_cpus_share_core(unsigned int one, unsigned int other)
{
	return cpumask_test_cpu(other, topology_sibling_cpumask(one));
}

/* The NUMA node, or -1. */
int rust_helper_irqlab_node_of_cpu(unsigned int cpu)
{
	return cpu_to_node(cpu);
}
