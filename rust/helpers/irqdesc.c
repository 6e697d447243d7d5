// SPDX-License-Identifier: GPL-2.0

#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/string.h>

/*
 * irq_to_desc() is not exported; the descriptor is reached through its irq_data.
 * Callers keep the line allocated, so that the descriptor stays.
 */
static struct irq_desc *irqlab_desc(unsigned int irq)
{
	struct irq_data *data = irq_get_irq_data(irq);

	return data ? irq_data_to_desc(data) : NULL;
}

/* The sum of the line's columns in /proc/interrupts. */
bool rust_helper_irqlab_irq_count(unsigned int irq, unsigned long *count)
{
	struct irq_desc *desc = irqlab_desc(irq);
	int cpu;

	if (!desc || !desc->kstat_irqs)
		return false;
	*count = 0;
	for_each_possible_cpu(cpu)
		*count += irq_desc_kstat_cpu(desc, cpu);
	return true;
}

/*
 * Fails for a line that is not allocated. @trigger is an IRQ_TYPE_*; @cpu is
 * nr_cpu_ids or more where the controller names none.
 */
bool rust_helper_irqlab_irq_info(unsigned int irq, const char **chip,
				 unsigned long *hwirq, unsigned int *trigger,
				 unsigned int *depth, bool *masked,
				 unsigned int *cpu)
{
	struct irq_desc *desc = irqlab_desc(irq);
	struct irq_data *data;

	if (!desc)
		return false;
	data = irq_desc_get_irq_data(desc);
	*chip = data->chip && data->chip->name ? data->chip->name : "-";
	*hwirq = irqd_to_hwirq(data);
	*trigger = irqd_get_trigger_type(data);
	/* An I/O APIC keeps the level of a PCI line as a state, not as a type. */
	if (irqd_is_level_type(data))
		*trigger |= IRQ_TYPE_LEVEL_HIGH;
	/* And an MSI has no type, but its flow is called what it is. */
	else if (!*trigger && desc->name && !strcmp(desc->name, "edge"))
		*trigger |= IRQ_TYPE_EDGE_RISING;
	*depth = READ_ONCE(desc->depth);
	*masked = irqd_irq_masked(data);
	*cpu = cpumask_first(irq_data_get_effective_affinity_mask(data));
	return true;
}
