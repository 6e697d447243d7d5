// SPDX-License-Identifier: GPL-2.0

#include <linux/extable.h>
#include <linux/module.h>
#include <asm/extable.h>

/* The table of the module that this is linked into. */
const struct exception_table_entry *rust_helper_irqlab_extable_entry(size_t index)
{
	return &THIS_MODULE->extable[index];
}

size_t rust_helper_irqlab_extable_len(void)
{
	return THIS_MODULE->num_exentries;
}
