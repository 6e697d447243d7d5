// SPDX-License-Identifier: GPL-2.0

#include <linux/kthread.h>

struct kthread_worker *rust_helper_irqlab_kthread_run_worker(const char *name)
{
	return kthread_run_worker(0, "%s", name);
}

/* A worker's lockdep class is the helper's: one for all work of this crate. */
void rust_helper_irqlab_kthread_work_init(struct kthread_work *work,
					  void (*func)(struct kthread_work *work))
{
	kthread_init_work(work, func);
}
