// SPDX-License-Identifier: GPL-2.0

#include <linux/mutex.h>

/* Rust cannot initialise a static mutex; see global.rs and idt.rs for what this one keeps. */
static DEFINE_MUTEX(irqlab_global_mutex);

void rust_helper_irqlab_global_lock(void)
{
	mutex_lock(&irqlab_global_mutex);
}

void rust_helper_irqlab_global_unlock(void)
{
	mutex_unlock(&irqlab_global_mutex);
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
