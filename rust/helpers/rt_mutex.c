// SPDX-License-Identifier: GPL-2.0

#include <linux/rtmutex.h>
#include <linux/slab.h>

void *rust_helper_irqlab_rt_mutex_new(const char *name, struct lock_class_key *key)
{
	struct rt_mutex *lock = kzalloc(sizeof(*lock), GFP_KERNEL);

	if (lock)
		__rt_mutex_init(lock, name, key);
	return lock;
}

void rust_helper_irqlab_rt_mutex_lock(void *lock)
{
	rt_mutex_lock(lock);
}

void rust_helper_irqlab_rt_mutex_unlock(void *lock)
{
	rt_mutex_unlock(lock);
}

void rust_helper_irqlab_rt_mutex_free(void *lock)
{
	kfree(lock);
}
