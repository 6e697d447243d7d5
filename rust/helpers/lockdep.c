// SPDX-License-Identifier: GPL-2.0

#include <linux/hardirq.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/rcupdate.h>

/*
 * What each token of a context promises, as far as a kernel that proves its locking can tell. Elsewhere
 * they are not called.
 */

void rust_helper_irqlab_assert_hardirq(void)
{
	lockdep_assert_in_irq();
	lockdep_assert_irqs_disabled();
}

void rust_helper_irqlab_assert_irqs_off(void)
{
	lockdep_assert_irqs_disabled();
}

void rust_helper_irqlab_assert_may_sleep(void)
{
	might_sleep();
}

void rust_helper_irqlab_assert_nmi(void)
{
	WARN_ON_ONCE(!in_nmi());
}

void rust_helper_irqlab_assert_softirq(void)
{
	lockdep_assert_in_softirq();
}

int rust_helper_irqlab_rcu_preempt_depth(void)
{
	return rcu_preempt_depth();
}
