// SPDX-License-Identifier: GPL-2.0
/*
 * The mechanisms that Linux has. Those of other systems, which irqlab builds itself, have no twin here.
 */

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "line.h"
#include "mechanism.h"

/* Completions that a poll handles at a time. */
#define WEIGHT 4

/* ---- The top half itself ------------------------------------------------------------------------ */

static irqreturn_t hard_defer(struct mechanism *mechanism)
{
	record_bottom(&mechanism->record);
	return IRQ_HANDLED;
}

/* ---- The line's own thread ---------------------------------------------------------------------- */

static irqreturn_t threaded_defer(struct mechanism *mechanism)
{
	return IRQ_WAKE_THREAD;
}

static irqreturn_t threaded_run(int irq, void *dev_id)
{
	struct line *line = dev_id;

	record_bottom(&line->mechanism->record);
	return IRQ_HANDLED;
}

/* ---- IRQ work ----------------------------------------------------------------------------------- */

static void irq_work_run_bottom(struct irq_work *irq_work)
{
	struct mechanism *mechanism = container_of(irq_work, struct mechanism, irq_work);

	record_bottom(&mechanism->record);
}

static int irq_work_setup(struct mechanism *mechanism)
{
	mechanism->irq_work = IRQ_WORK_INIT_HARD(irq_work_run_bottom);
	return 0;
}

static int irq_work_lazy_setup(struct mechanism *mechanism)
{
	mechanism->irq_work = IRQ_WORK_INIT_LAZY(irq_work_run_bottom);
	return 0;
}

static void irq_work_stop(struct mechanism *mechanism)
{
	irq_work_sync(&mechanism->irq_work);
}

static irqreturn_t irq_work_defer(struct mechanism *mechanism)
{
	irq_work_queue(&mechanism->irq_work);
	return IRQ_HANDLED;
}

/* ---- High-resolution timers --------------------------------------------------------------------- */

static enum hrtimer_restart hrtimer_run_bottom(struct hrtimer *hrtimer)
{
	struct mechanism *mechanism = container_of(hrtimer, struct mechanism, hrtimer);

	record_bottom(&mechanism->record);
	return HRTIMER_NORESTART;
}

static int hrtimer_hard_setup(struct mechanism *mechanism)
{
	hrtimer_setup(&mechanism->hrtimer, hrtimer_run_bottom, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	return 0;
}

static int hrtimer_soft_setup(struct mechanism *mechanism)
{
	hrtimer_setup(&mechanism->hrtimer, hrtimer_run_bottom, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_SOFT);
	return 0;
}

static void hrtimer_stop(struct mechanism *mechanism)
{
	hrtimer_cancel(&mechanism->hrtimer);
}

static irqreturn_t hrtimer_hard_defer(struct mechanism *mechanism)
{
	hrtimer_start(&mechanism->hrtimer, 0, HRTIMER_MODE_REL_PINNED_HARD);
	return IRQ_HANDLED;
}

static irqreturn_t hrtimer_soft_defer(struct mechanism *mechanism)
{
	hrtimer_start(&mechanism->hrtimer, 0, HRTIMER_MODE_REL_PINNED_SOFT);
	return IRQ_HANDLED;
}

/* ---- Tasklets ----------------------------------------------------------------------------------- */

static void tasklet_run_bottom(struct tasklet_struct *tasklet)
{
	struct mechanism *mechanism = container_of(tasklet, struct mechanism, tasklet);

	record_bottom(&mechanism->record);
}

static int tasklet_init_bottom(struct mechanism *mechanism)
{
	tasklet_setup(&mechanism->tasklet, tasklet_run_bottom);
	return 0;
}

static void tasklet_stop(struct mechanism *mechanism)
{
	tasklet_kill(&mechanism->tasklet);
}

static irqreturn_t tasklet_defer(struct mechanism *mechanism)
{
	tasklet_schedule(&mechanism->tasklet);
	return IRQ_HANDLED;
}

static irqreturn_t tasklet_hi_defer(struct mechanism *mechanism)
{
	tasklet_hi_schedule(&mechanism->tasklet);
	return IRQ_HANDLED;
}

/* ---- IRQ poll ----------------------------------------------------------------------------------- */

#ifdef CONFIG_IRQ_POLL
static int irq_poll_run(struct irq_poll *iop, int budget)
{
	struct mechanism *mechanism = container_of(iop, struct mechanism, iop);
	int found = min(atomic_xchg(&mechanism->completions, 0), 1);

	if (found)
		record_bottom(&mechanism->record);
	if (found < budget) {
		irq_poll_complete(iop);
		/* What came before it was complete has not scheduled it. */
		if (atomic_read(&mechanism->completions))
			irq_poll_sched(iop);
	}
	return found;
}

static int irq_poll_setup(struct mechanism *mechanism)
{
	irq_poll_init(&mechanism->iop, WEIGHT, irq_poll_run);
	return 0;
}

static void irq_poll_stop(struct mechanism *mechanism)
{
	irq_poll_disable(&mechanism->iop);
	/* For the end of the function that has completed it. */
	synchronize_rcu();
}

static irqreturn_t irq_poll_defer(struct mechanism *mechanism)
{
	atomic_inc(&mechanism->completions);
	irq_poll_sched(&mechanism->iop);
	return IRQ_HANDLED;
}
#endif

/* ---- Kernel threads ----------------------------------------------------------------------------- */

static void kthread_run_bottom(struct kthread_work *work)
{
	struct mechanism *mechanism = container_of(work, struct mechanism, kthread_work);

	record_bottom(&mechanism->record);
}

static int kthread_setup(struct mechanism *mechanism)
{
	mechanism->worker = kthread_run_worker(0, "irqlab_c_kt");
	if (IS_ERR(mechanism->worker))
		return PTR_ERR(mechanism->worker);
	kthread_init_work(&mechanism->kthread_work, kthread_run_bottom);
	return 0;
}

static int kthread_fifo_setup(struct mechanism *mechanism)
{
	int err = kthread_setup(mechanism);

	if (!err)
		sched_set_fifo(mechanism->worker->task);
	return err;
}

static void kthread_stop_bottom(struct mechanism *mechanism)
{
	kthread_destroy_worker(mechanism->worker);
}

static irqreturn_t kthread_defer(struct mechanism *mechanism)
{
	kthread_queue_work(mechanism->worker, &mechanism->kthread_work);
	return IRQ_HANDLED;
}

/* ---- Work queues -------------------------------------------------------------------------------- */

static void work_run_bottom(struct work_struct *work)
{
	struct mechanism *mechanism = container_of(work, struct mechanism, work);

	record_bottom(&mechanism->record);
}

static int wq_setup(struct mechanism *mechanism)
{
	const struct mechanism_kind *kind = mechanism->kind;

	mechanism->wq = alloc_workqueue("irqlab_c_%s", kind->wq_flags, kind->max_active, kind->name);
	return mechanism->wq ? 0 : -ENOMEM;
}

static int work_setup(struct mechanism *mechanism)
{
	INIT_WORK(&mechanism->work, work_run_bottom);
	return wq_setup(mechanism);
}

static void work_stop(struct mechanism *mechanism)
{
	destroy_workqueue(mechanism->wq);
}

static irqreturn_t work_defer(struct mechanism *mechanism)
{
	queue_work(mechanism->wq, &mechanism->work);
	return IRQ_HANDLED;
}

/* Delayed work begins with its work. */
static int delayed_work_setup(struct mechanism *mechanism)
{
	INIT_DELAYED_WORK(&mechanism->delayed_work, work_run_bottom);
	return wq_setup(mechanism);
}

static void delayed_work_stop(struct mechanism *mechanism)
{
	cancel_delayed_work_sync(&mechanism->delayed_work);
	destroy_workqueue(mechanism->wq);
}

static irqreturn_t delayed_work_defer(struct mechanism *mechanism)
{
	queue_delayed_work(mechanism->wq, &mechanism->delayed_work, 1);
	return IRQ_HANDLED;
}

/* ---- Timers ------------------------------------------------------------------------------------- */

static void timer_run_bottom(struct timer_list *timer)
{
	struct mechanism *mechanism = container_of(timer, struct mechanism, timer);

	record_bottom(&mechanism->record);
}

static int timer_setup_bottom(struct mechanism *mechanism)
{
	timer_setup(&mechanism->timer, timer_run_bottom, 0);
	return 0;
}

static void timer_stop(struct mechanism *mechanism)
{
	timer_shutdown_sync(&mechanism->timer);
}

static irqreturn_t timer_defer(struct mechanism *mechanism)
{
	mod_timer(&mechanism->timer, jiffies + 1);
	return IRQ_HANDLED;
}

/* ---- RCU ---------------------------------------------------------------------------------------- */

static void rcu_run_bottom(struct rcu_head *rcu)
{
	struct mechanism *mechanism = container_of(rcu, struct mechanism, rcu);

	clear_bit_unlock(0, &mechanism->is_queued);
	record_bottom(&mechanism->record);
}

static int rcu_setup(struct mechanism *mechanism)
{
	return 0;
}

static void rcu_stop(struct mechanism *mechanism)
{
	rcu_barrier();
}

/* RCU has it once at a time. */
static irqreturn_t rcu_defer(struct mechanism *mechanism)
{
	if (!test_and_set_bit(0, &mechanism->is_queued))
		call_rcu(&mechanism->rcu, rcu_run_bottom);
	return IRQ_HANDLED;
}

/* ---- The table ---------------------------------------------------------------------------------- */

#define MECHANISM(_name, _setup, _stop, _defer, ...) \
	{ .name = #_name, .init = _setup, .exit = _stop, .defer = _defer, .irq_flags = IRQF_NO_THREAD, ##__VA_ARGS__ }
#define WORK(_name, _flags, _max_active) \
	MECHANISM(_name, work_setup, work_stop, work_defer, .wq_flags = _flags, .max_active = _max_active)

const struct mechanism_kind mechanism_kinds[] = {
	{ .name = "hard", .defer = hard_defer, .irq_flags = IRQF_NO_THREAD },
	{ .name = "threadable", .defer = hard_defer },
	MECHANISM(irq_work, irq_work_setup, irq_work_stop, irq_work_defer),
	MECHANISM(hrtimer_hard, hrtimer_hard_setup, hrtimer_stop, hrtimer_hard_defer),
	MECHANISM(tasklet_hi, tasklet_init_bottom, tasklet_stop, tasklet_hi_defer),
	MECHANISM(tasklet, tasklet_init_bottom, tasklet_stop, tasklet_defer),
	WORK(bh_wq_hi, WQ_BH | WQ_PERCPU | WQ_HIGHPRI, 0),
	WORK(bh_wq, WQ_BH | WQ_PERCPU, 0),
#ifdef CONFIG_IRQ_POLL
	MECHANISM(irq_poll, irq_poll_setup, irq_poll_stop, irq_poll_defer),
#endif
	MECHANISM(hrtimer_soft, hrtimer_soft_setup, hrtimer_stop, hrtimer_soft_defer),
	{ .name = "threaded", .defer = threaded_defer, .thread = threaded_run, .irq_flags = IRQF_ONESHOT },
	MECHANISM(kthread_fifo, kthread_fifo_setup, kthread_stop_bottom, kthread_defer),
	MECHANISM(kthread, kthread_setup, kthread_stop_bottom, kthread_defer),
	WORK(percpu_wq_hi, WQ_PERCPU | WQ_HIGHPRI, 0),
	WORK(percpu_wq, WQ_PERCPU, 0),
	WORK(unbound_wq, WQ_UNBOUND, 0),
	WORK(rescuer_wq, WQ_UNBOUND | WQ_MEM_RECLAIM, 0),
	WORK(ordered_wq, WQ_UNBOUND | __WQ_ORDERED, 1),
	MECHANISM(delayed_wq, delayed_work_setup, delayed_work_stop, delayed_work_defer, .wq_flags = WQ_PERCPU),
	MECHANISM(timer, timer_setup_bottom, timer_stop, timer_defer),
	MECHANISM(irq_work_lazy, irq_work_lazy_setup, irq_work_stop, irq_work_defer),
	MECHANISM(call_rcu, rcu_setup, rcu_stop, rcu_defer),
	{}
};

struct mechanism *mechanism_create(const struct mechanism_kind *kind)
{
	struct mechanism *mechanism = kzalloc_obj(*mechanism);
	int err;

	if (!mechanism)
		return ERR_PTR(-ENOMEM);
	mechanism->kind = kind;
	err = record_init(&mechanism->record);
	if (err)
		goto free;
	err = kind->init ? kind->init(mechanism) : 0;
	if (err)
		goto exit_record;
	return mechanism;

exit_record:
	record_exit(&mechanism->record);
free:
	kfree(mechanism);
	return ERR_PTR(err);
}

void mechanism_destroy(struct mechanism *mechanism)
{
	if (mechanism->kind->exit)
		mechanism->kind->exit(mechanism);
	record_exit(&mechanism->record);
	kfree(mechanism);
}
