// SPDX-License-Identifier: GPL-2.0

#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

void rust_helper_irqlab_cond_resched(void)
{
	cond_resched();
}

int rust_helper_irqlab_nr_cpus_allowed(void)
{
	return current->nr_cpus_allowed;
}

size_t rust_helper_irqlab_nr_kernel_threads(void)
{
	struct task_struct *p;
	size_t count = 0;

	rcu_read_lock();
	for_each_process(p)
		count += !!(p->flags & PF_KTHREAD);
	rcu_read_unlock();
	return count;
}
