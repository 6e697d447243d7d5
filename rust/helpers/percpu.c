// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <linux/percpu.h>

/*
 * A word of each possible CPU, which holds the CPU's number, from bit @shift on: its place among what
 * each CPU has for itself, or 0.
 */
unsigned long rust_helper_irqlab_alloc_cpu_numbers(unsigned int shift)
{
	u64 __percpu *words = alloc_percpu(u64);
	unsigned int cpu;

	if (!words)
		return 0;
	for_each_possible_cpu(cpu)
		*per_cpu_ptr(words, cpu) = (u64)cpu << shift;
	return (__force unsigned long)words;
}

void rust_helper_irqlab_free_cpu_numbers(unsigned long words)
{
	free_percpu((__force u64 __percpu *)words);
}
