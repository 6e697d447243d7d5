// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <trace/events/ipi.h>

/* No CPU goes offline while preemption is off. */
int rust_helper_irqlab_smp_send_reschedule(unsigned int cpu)
{
	guard(preempt)();
	if (!cpu_online(cpu))
		return -ENXIO;
	smp_send_reschedule(cpu);
	return 0;
}
