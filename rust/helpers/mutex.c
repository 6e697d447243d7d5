// SPDX-License-Identifier: GPL-2.0

#include <linux/mutex.h>

/* Rust cannot initialise a static mutex; see global.rs for what this one keeps. */
static DEFINE_MUTEX(irqlab_global_mutex);

void rust_helper_irqlab_global_lock(void)
{
	mutex_lock(&irqlab_global_mutex);
}

void rust_helper_irqlab_global_unlock(void)
{
	mutex_unlock(&irqlab_global_mutex);
}
