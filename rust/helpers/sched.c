// SPDX-License-Identifier: GPL-2.0

#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>

void rust_helper_irqlab_cond_resched(void)
{
	cond_resched();
}

/* The CPUs that the current task may run on. */
void rust_helper_irqlab_get_cpus_allowed(struct cpumask *cpus)
{
	cpumask_copy(cpus, current->cpus_ptr);
}

int rust_helper_irqlab_nr_cpus_allowed(void)
{
	return current->nr_cpus_allowed;
}

size_t rust_helper_irqlab_nr_kernel_threads(const char *part)
{
	struct task_struct *p;
	size_t count = 0;

	rcu_read_lock();
	for_each_process(p) {
		if (!(p->flags & PF_KTHREAD))
			continue;
		count += strnstr(p->comm, part, TASK_COMM_LEN) != NULL;
	}
	rcu_read_unlock();
	return count;
}

/* What must not be done; see dangerous.rs. Tells the context afterwards, and mends it. */
void rust_helper_irqlab_schedule_in_hardirq(unsigned long *count,
					    bool *were_disabled)
{
	unsigned long before = preempt_count();

	schedule();
	*count = preempt_count();
	*were_disabled = irqs_disabled();
	local_irq_disable();
	preempt_count_set(before);
}

int rust_helper_irqlab_nr_threads(void)
{
	return get_nr_threads(current);
}
