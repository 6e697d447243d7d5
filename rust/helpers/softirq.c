// SPDX-License-Identifier: GPL-2.0

#include <linux/interrupt.h>

/* Weak: the module loader leaves them NULL if they are not exported. */
extern typeof(open_softirq) open_softirq __weak;
extern typeof(raise_softirq) raise_softirq __weak;
extern typeof(__tasklet_schedule) __tasklet_schedule __weak;

/* The bits of the mask of pending softirqs. */
unsigned int rust_helper_irqlab_nr_pending_bits(void)
{
	return 8 * sizeof(local_softirq_pending_ref);
}

bool rust_helper_irqlab_open_softirq_is_exported(void)
{
	return open_softirq;
}

bool rust_helper_irqlab_raise_softirq_is_exported(void)
{
	return raise_softirq;
}

bool rust_helper_irqlab_tasklet_schedule_is_exported(void)
{
	return __tasklet_schedule;
}
