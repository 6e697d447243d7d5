// SPDX-License-Identifier: GPL-2.0

#include <linux/io.h>
#include <linux/spinlock.h>
#include <asm/i8259.h>

/* Which register is read next is a state of the 8259: one reader at a time. */
static DEFINE_RAW_SPINLOCK(irqlab_pic_lock);

/*
 * What the two 8259 mask and serve, the second one's lines above; false where there are none. The lock
 * of the kernel's driver is not exported, so that may go on between our steps, on another CPU. It may mask
 * a line or send an EOI, which changes no choice. Only when a line that it has masked interrupts does it
 * choose a register itself, to see whether the interrupt is spurious: then either side may read what
 * the other one has chosen. Ours may return the requested lines for those in service; the kernel may take
 * a real interrupt for a spurious one, count it, and send no EOI.
 */
bool rust_helper_irqlab_pic_read(u16 *masked, u16 *in_service)
{
	unsigned long flags;

	if (!nr_legacy_irqs())
		return false;
	raw_spin_lock_irqsave(&irqlab_pic_lock, flags);
	*masked = inb(PIC_MASTER_IMR) | inb(PIC_SLAVE_IMR) << 8;
	outb(0x0b, PIC_MASTER_CMD);
	outb(0x0b, PIC_SLAVE_CMD);
	*in_service = inb(PIC_MASTER_CMD) | inb(PIC_SLAVE_CMD) << 8;
	outb(0x0a, PIC_MASTER_CMD);
	outb(0x0a, PIC_SLAVE_CMD);
	raw_spin_unlock_irqrestore(&irqlab_pic_lock, flags);
	return true;
}
