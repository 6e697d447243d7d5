// SPDX-License-Identifier: GPL-2.0

#include <linux/spinlock.h>

void rust_helper_irqlab_raw_spin_lock_setup(raw_spinlock_t *lock, const char *name,
					    struct lock_class_key *key)
{
#ifdef CONFIG_DEBUG_SPINLOCK
	__raw_spin_lock_init(lock, name, key, LD_WAIT_SPIN);
#else
	raw_spin_lock_init(lock);
#endif
}

u32 rust_helper_irqlab_raw_spin_lock_word(const raw_spinlock_t *lock)
{
	return atomic_read(&lock->raw_lock.val);
}

unsigned long rust_helper_irqlab_raw_spin_lock_save(raw_spinlock_t *lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(lock, flags);
	return flags;
}

void rust_helper_irqlab_raw_spin_unlock_restore(raw_spinlock_t *lock, unsigned long flags)
{
	raw_spin_unlock_irqrestore(lock, flags);
}

void rust_helper_irqlab_raw_spin_lock(raw_spinlock_t *lock)
{
	raw_spin_lock(lock);
}

void rust_helper_irqlab_raw_spin_unlock(raw_spinlock_t *lock)
{
	raw_spin_unlock(lock);
}

/* Rust cannot initialise a static lock; see global.rs for what this one keeps. */
static DEFINE_RAW_SPINLOCK(irqlab_global_spinlock);

unsigned long rust_helper_irqlab_global_lock(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&irqlab_global_spinlock, flags);
	return flags;
}

void rust_helper_irqlab_global_unlock(unsigned long flags)
{
	raw_spin_unlock_irqrestore(&irqlab_global_spinlock, flags);
}
