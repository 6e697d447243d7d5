// SPDX-License-Identifier: GPL-2.0

#include <linux/workqueue.h>

/* A work item that puts off what cannot be done where it came up. */
void rust_helper_irqlab_late_init(struct work_struct *work, void (*func)(struct work_struct *work))
{
	INIT_WORK(work, func);
}

/*
 * The queue that it is put on: one of our own, as what is on the kernel's cannot be waited for, and the code that
 * it runs is this module's.
 */
static struct workqueue_struct *irqlab_late_queue;

int rust_helper_irqlab_late_begin(void)
{
	irqlab_late_queue = alloc_workqueue("irqlab_late", WQ_UNBOUND, 0);
	return irqlab_late_queue ? 0 : -ENOMEM;
}

/* Waits until all of it is done, to the last instruction. */
void rust_helper_irqlab_late_end(void)
{
	destroy_workqueue(irqlab_late_queue);
}

void rust_helper_irqlab_late_queue(struct work_struct *work)
{
	queue_work(irqlab_late_queue, work);
}
