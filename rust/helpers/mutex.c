// SPDX-License-Identifier: GPL-2.0

#include <linux/mutex.h>

/* Rust cannot initialise a static mutex; see idt.rs for what this one keeps. */
static DEFINE_MUTEX(irqlab_idt_mutex);

void rust_helper_irqlab_idt_lock(void)
{
	mutex_lock(&irqlab_idt_mutex);
}

void rust_helper_irqlab_idt_unlock(void)
{
	mutex_unlock(&irqlab_idt_mutex);
}

/* The same for dpc/call_all.rs. */
static DEFINE_MUTEX(irqlab_dpc_call_mutex);

void rust_helper_irqlab_dpc_call_lock(void)
{
	mutex_lock(&irqlab_dpc_call_mutex);
}

void rust_helper_irqlab_dpc_call_unlock(void)
{
	mutex_unlock(&irqlab_dpc_call_mutex);
}
