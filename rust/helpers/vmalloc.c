// SPDX-License-Identifier: GPL-2.0

#include <linux/vmalloc.h>

void rust_helper_irqlab_vfree(void *page)
{
	vfree(page);
}

void rust_helper_irqlab_vm_unmap_aliases(void)
{
	vm_unmap_aliases();
}

void *rust_helper_irqlab_vmalloc_page(void)
{
	return vzalloc(PAGE_SIZE);
}
