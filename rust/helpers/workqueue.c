// SPDX-License-Identifier: GPL-2.0

#include <linux/workqueue.h>

/* A work item that puts off what cannot be done where it came up. */
void rust_helper_irqlab_late_init(struct work_struct *work, void (*func)(struct work_struct *work))
{
	INIT_WORK(work, func);
}

/* On a queue that may not be waited for: it may sleep long. */
void rust_helper_irqlab_late_queue(struct work_struct *work)
{
	queue_work(system_dfl_wq, work);
}
