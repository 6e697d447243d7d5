// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/topology.h>
#include <uapi/linux/sched/types.h>

struct kthread_worker *rust_helper_irqlab_kthread_run_worker(const char *name)
{
	return kthread_run_worker(0, "%s", name);
}

/* kthread_run_worker_on_cpu() would take the name for a format. */
struct kthread_worker *rust_helper_irqlab_kthread_run_worker_on_cpu(unsigned int cpu,
								    const char *name)
{
	struct kthread_worker *worker;

	worker = kthread_create_worker_on_node(0, cpu_to_node(cpu), "%s/%u", name, cpu);
	if (!IS_ERR(worker)) {
		kthread_bind(worker->task, cpu);
		wake_up_process(worker->task);
	}
	return worker;
}

/* The kernel exports what sets the priorities that it chooses itself, and this. */
int rust_helper_irqlab_kthread_set_fifo(struct task_struct *task, unsigned int priority)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_FIFO,
		.sched_priority = priority,
	};

	return sched_setattr_nocheck(task, &attr);
}

/* May sleep. Changes nothing if the CPU is offline. */
int rust_helper_irqlab_kthread_rebind(struct task_struct *task, unsigned int cpu)
{
	return set_cpus_allowed_ptr(task, cpumask_of(cpu));
}

/* A worker's lockdep class is the helper's: one for all work of this crate. */
void rust_helper_irqlab_kthread_work_init(struct kthread_work *work,
					  void (*func)(struct kthread_work *work))
{
	kthread_init_work(work, func);
}
