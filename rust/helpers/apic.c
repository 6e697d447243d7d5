// SPDX-License-Identifier: GPL-2.0

#include <asm/apic.h>

/* apic_read() goes through a static call that is not exported. */
unsigned int rust_helper_irqlab_apic_read(unsigned int reg)
{
	return apic->read(reg);
}
