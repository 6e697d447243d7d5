// SPDX-License-Identifier: GPL-2.0

#include <linux/irq_work.h>
#include <asm/irq_work.h>

bool rust_helper_irqlab_irq_work_has_interrupt(void)
{
	return arch_irq_work_has_interrupt();
}

void rust_helper_irqlab_irq_work_init(struct irq_work *work,
				      void (*func)(struct irq_work *work),
				      unsigned int flags)
{
	*work = __IRQ_WORK_INIT(func, flags);
}
