// SPDX-License-Identifier: GPL-2.0

#include <linux/cpumask.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/nmi.h>

/* That something was asked for in an NMI which cannot be done there. */
void rust_helper_irqlab_warn_of_nmi(void)
{
	WARN_ONCE(1, "refused in an NMI");
}

static bool (*irqlab_handle_nmi)(struct pt_regs *regs);

static int irqlab_nmi(unsigned int type, struct pt_regs *regs)
{
	return irqlab_handle_nmi(regs) ? NMI_HANDLED : NMI_DONE;
}

/*
 * The kernel notes whose handlers take long, which on an emulated CPU says nothing: it may be away
 * for any time.
 */
static struct nmiaction irqlab_nmi_action = {
	.list = LIST_HEAD_INIT(irqlab_nmi_action.list),
	.handler = irqlab_nmi,
	.max_duration = U64_MAX,
	.name = "irqlab",
};

/* Once at a time: there is one handler. */
int rust_helper_irqlab_register_nmi(bool (*handle)(struct pt_regs *regs))
{
	irqlab_handle_nmi = handle;
	return __register_nmi_handler(NMI_LOCAL, &irqlab_nmi_action);
}

/* An NMI may also go to the own CPU; the vector of an IPI that is one does not count. */
void rust_helper_irqlab_send_nmi(unsigned int cpu)
{
	apic->send_IPI(cpu, NMI_VECTOR);
}

void rust_helper_irqlab_unregister_nmi(void)
{
	unregister_nmi_handler(NMI_LOCAL, "irqlab");
}
