// SPDX-License-Identifier: GPL-2.0

#include <linux/wait_bit.h>

void rust_helper_irqlab_wait_until_is(unsigned int *word, unsigned int value)
{
	wait_var_event(word, smp_load_acquire(word) == value);
}

/* Uses the address only: the word may be gone. */
void rust_helper_irqlab_wake_waiters_of(unsigned int *word)
{
	wake_up_var(word);
}
