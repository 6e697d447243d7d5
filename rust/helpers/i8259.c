// SPDX-License-Identifier: GPL-2.0

#include <linux/io.h>
#include <linux/irqflags.h>
#include <asm/i8259.h>

/*
 * What the two 8259 mask and serve, the second one's lines above; false where there are none. The lock
 * of their driver is not exported: between the two writes that choose a register another CPU may send
 * an EOI, which changes no choice. Only after a spurious interrupt does the kernel choose itself.
 */
bool rust_helper_irqlab_pic_read(u16 *masked, u16 *in_service)
{
	unsigned long flags;

	if (!nr_legacy_irqs())
		return false;
	local_irq_save(flags);
	*masked = inb(PIC_MASTER_IMR) | inb(PIC_SLAVE_IMR) << 8;
	outb(0x0b, PIC_MASTER_CMD);
	outb(0x0b, PIC_SLAVE_CMD);
	*in_service = inb(PIC_MASTER_CMD) | inb(PIC_SLAVE_CMD) << 8;
	outb(0x0a, PIC_MASTER_CMD);
	outb(0x0a, PIC_SLAVE_CMD);
	local_irq_restore(flags);
	return true;
}
