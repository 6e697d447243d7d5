// SPDX-License-Identifier: GPL-2.0

#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/sprintf.h>
#include <linux/string.h>
#include <asm/hw_irq.h>
#include <asm/irqdomain.h>

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

/* One of them. */
bool rust_helper_irqlab_irq_count_on(unsigned int irq, unsigned int cpu,
				     unsigned long *count)
{
	struct irq_desc *desc = irqlab_desc(irq);

	if (!desc || !desc->kstat_irqs)
		return false;
	*count = irq_desc_kstat_cpu(desc, cpu);
	return true;
}

/*
 * Whether the kernel looks at what the line's handlers return, and disables a line whose interrupts
 * nobody claims. Booted with noirqdebug it leaves all lines out that are requested.
 */
bool rust_helper_irqlab_irq_is_watched(unsigned int irq)
{
	struct irq_desc *desc = irqlab_desc(irq);

	return desc && !(READ_ONCE(desc->status_use_accessors) & IRQ_NO_DEBUG);
}

/* Whether one has to wait for the line's controller, behind a bus, as for I2C. */
bool rust_helper_irqlab_irq_is_behind_bus(unsigned int irq)
{
	struct irq_data *data = irq_get_irq_data(irq);

	return data && data->chip && data->chip->irq_bus_lock;
}

/* The function of the threads of lines, which has no name that a module can use. */
static void *irqlab_irq_thread;

/*
 * Learns it from a handler on the line that has a thread, if there is one. Called by who has put a handler on the
 * line, before anybody can take it off; and by each thread, which may begin before that.
 */
void rust_helper_irqlab_irq_learn_thread(unsigned int irq)
{
	struct irqaction *action;
	struct irq_desc *desc;

	if (READ_ONCE(irqlab_irq_thread))
		return;
	desc = irqlab_desc(irq);
	if (!desc)
		return;
	guard(raw_spinlock_irqsave)(&desc->lock);
	for (action = desc->action; action; action = action->next) {
		if (action->thread)
			WRITE_ONCE(irqlab_irq_thread, kthread_func(action->thread));
	}
}

/*
 * Whether the current task is a thread of the line, also one whose handler is about to be taken off. A
 * thread's handler is there as long as the thread runs.
 */
bool rust_helper_irqlab_irq_is_served_here(unsigned int irq)
{
	void *function = READ_ONCE(irqlab_irq_thread);
	struct irqaction *action;

	if (!function || !in_task() || !(current->flags & PF_KTHREAD) ||
	    kthread_func(current) != function)
		return false;
	action = kthread_data(current);
	return action->irq == irq;
}

/* The CPUs that were asked for, and those that the controller chose from them. */
bool rust_helper_irqlab_irq_cpus(unsigned int irq, struct cpumask *asked,
				     struct cpumask *effective)
{
	struct irq_data *data = irq_get_irq_data(irq);

	if (!data)
		return false;
	cpumask_copy(asked, irq_data_get_affinity_mask(data));
	cpumask_copy(effective, irq_data_get_effective_affinity_mask(data));
	return true;
}

/*
 * The CPUs that the line may interrupt from its next interrupt on, as in /proc/irq/N/smp_affinity: a controller
 * that cannot be asked at any time is asked then.
 */
bool rust_helper_irqlab_irq_cpus_next(unsigned int irq, struct cpumask *cpus)
{
	struct irq_desc *desc = irqlab_desc(irq);
	const struct cpumask *next;

	if (!desc)
		return false;
	guard(raw_spinlock_irqsave)(&desc->lock);
	next = irq_data_get_affinity_mask(&desc->irq_data);
#ifdef CONFIG_GENERIC_PENDING_IRQ
	if (irqd_is_setaffinity_pending(&desc->irq_data))
		next = desc->pending_mask;
#endif
	cpumask_copy(cpus, next);
	return true;
}

/*
 * The names of the handlers on the line, with commas between, as far as they have
 * room; and whether all of them keep it masked until a thread has finished.
 */
bool rust_helper_irqlab_irq_handlers(unsigned int irq, char *names, size_t size,
				     bool *oneshot)
{
	struct irq_desc *desc = irqlab_desc(irq);
	struct irqaction *action;
	size_t length = 0;

	if (!desc)
		return false;
	*oneshot = true;
	guard(raw_spinlock_irqsave)(&desc->lock);
	for (action = desc->action; action; action = action->next) {
		length += scnprintf(names + length, size - length, "%s%s",
				    length ? ", " : "", action->name ?: "?");
		if (!(action->flags & IRQF_ONESHOT))
			*oneshot = false;
	}
	return true;
}

/* Whether an interrupt of the line that this CPU sends stays here. */
bool rust_helper_irqlab_irq_goes_here(struct irq_data *data)
{
	return cpumask_test_cpu(smp_processor_id(),
				irq_data_get_effective_affinity_mask(data));
}

/*
 * Of the CPUs that were asked for, has the line go to those that are online; to all that
 * are if none is. For lines whose chip redirects. Called with the line's lock held.
 */
void rust_helper_irqlab_irq_choose_cpus(struct irq_data *data)
{
	struct cpumask *chosen = data->common->effective_affinity;

	if (!cpumask_and(chosen, irq_data_get_affinity_mask(data), cpu_online_mask))
		cpumask_copy(chosen, cpu_online_mask);
	irq_chip_redirect_set_affinity(data, chosen, false);
}

/*
 * A CPU that goes offline is taken out of those that the line goes to. This puts it back
 * when it sends again, if it was asked for. Called with interrupts off.
 */
void rust_helper_irqlab_irq_take_back_cpu(struct irq_data *data)
{
	if (likely(rust_helper_irqlab_irq_goes_here(data)) || !cpu_online(smp_processor_id()) ||
	    !cpumask_test_cpu(smp_processor_id(), irq_data_get_affinity_mask(data)))
		return;
	guard(raw_spinlock)(&irq_data_to_desc(data)->lock);
	rust_helper_irqlab_irq_choose_cpus(data);
}

/* Only the lines of a local APIC have one; the chip data of others is not its. */
static unsigned int irqlab_vector(struct irq_data *data)
{
	struct irq_cfg *cfg;

	if (x86_vector_domain &&
	    irq_domain_get_irq_data(x86_vector_domain, data->irq)) {
		cfg = irqd_cfg(data);
		if (cfg)
			return READ_ONCE(cfg->vector);
	}
	return 0;
}

/*
 * Fails for a line that is not allocated. @trigger is an IRQ_TYPE_*; @cpu is
 * nr_cpu_ids or more where the controller names none, or several; @vector is 0
 * where there is none.
 */
bool rust_helper_irqlab_irq_info(unsigned int irq, char *chip, size_t size,
				 unsigned long *hwirq, unsigned int *trigger,
				 unsigned int *depth, bool *masked,
				 unsigned int *cpu, unsigned int *vector)
{
	struct irq_desc *desc = irqlab_desc(irq);
	const struct cpumask *effective;
	struct irq_data *data;

	if (!desc)
		return false;
	data = irq_desc_get_irq_data(desc);
	strscpy(chip, data->chip && data->chip->name ? data->chip->name : "-", size);
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
	effective = irq_data_get_effective_affinity_mask(data);
	*cpu = cpumask_weight(effective) == 1 ? cpumask_first(effective) : nr_cpu_ids;
	*vector = irqlab_vector(data);
	return true;
}
