// SPDX-License-Identifier: GPL-2.0

#include <linux/uaccess.h>

bool rust_helper_irqlab_access_ok(unsigned long at, unsigned long size)
{
	return access_ok((void __user *)at, size);
}

unsigned long rust_helper_irqlab_copy_word_from_user(u64 *word, const void __user *at)
{
	return copy_from_user(word, at, sizeof(*word));
}

int rust_helper_irqlab_get_user_word(u64 *word, const u64 __user *at)
{
	return get_user(*word, at);
}

void rust_helper_irqlab_pagefault_disable(void)
{
	pagefault_disable();
}

void rust_helper_irqlab_pagefault_enable(void)
{
	pagefault_enable();
}

int rust_helper_irqlab_put_user_word(u64 word, u64 __user *at)
{
	return put_user(word, at);
}
