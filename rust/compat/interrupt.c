// SPDX-License-Identifier: GPL-2.0

/* What <linux/interrupt_rc.h> has, where it is not there: interrupt_off.rs uses it. */
#if !__has_include(<linux/interrupt_rc.h>)

#include <linux/irqflags.h>
#include <linux/percpu.h>

static DEFINE_PER_CPU(unsigned int, irqlab_off_depth);
static DEFINE_PER_CPU(unsigned long, irqlab_off_flags);

void rust_helper_irqlab_local_interrupt_disable(void)
{
	unsigned long flags;

	local_irq_save(flags);
	if (__this_cpu_inc_return(irqlab_off_depth) == 1)
		__this_cpu_write(irqlab_off_flags, flags);
}

void rust_helper_irqlab_local_interrupt_enable(void)
{
	unsigned long flags = __this_cpu_read(irqlab_off_flags);

	if (!__this_cpu_dec_return(irqlab_off_depth))
		local_irq_restore(flags);
}

#endif
