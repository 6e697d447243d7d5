/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mechanisms: the ways to run the bottom half, as a driver that has but one of them uses it.
 */
#ifndef IRQLAB_DEFERRAL_C_MECHANISM_H
#define IRQLAB_DEFERRAL_C_MECHANISM_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_poll.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "record.h"

struct mechanism;

struct mechanism_kind {
	const char *name;
	int (*init)(struct mechanism *mechanism);
	/* Waits for the bottom half, which nothing defers any more. */
	void (*exit)(struct mechanism *mechanism);
	/* In the top half. */
	irqreturn_t (*defer)(struct mechanism *mechanism);
	/* In the line's own thread, if the bottom half is that. */
	irq_handler_t thread;
	/* Of the line's handler. */
	unsigned long irq_flags;
	/* For work queues. */
	unsigned int wq_flags;
	int max_active;
};

struct mechanism {
	const struct mechanism_kind *kind;
	union {
		struct tasklet_struct tasklet;
		struct {
			struct workqueue_struct *wq;
			union {
				struct work_struct work;
				struct delayed_work delayed_work;
			};
		};
		struct {
			struct kthread_worker *worker;
			struct kthread_work kthread_work;
		};
		struct {
			struct irq_poll iop;
			atomic_t completions;
		};
		struct {
			struct rcu_head rcu;
			unsigned long is_queued;
		};
		struct irq_work irq_work;
		struct hrtimer hrtimer;
		struct timer_list timer;
	};
	struct record record;
};

extern const struct mechanism_kind mechanism_kinds[];

struct mechanism *mechanism_create(const struct mechanism_kind *kind);
void mechanism_destroy(struct mechanism *mechanism);

#endif
