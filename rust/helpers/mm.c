// SPDX-License-Identifier: GPL-2.0

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

/* Who provides the pages of a file, as long as the file or a mapping of it exists. */
struct irqlab_demand {
	void (*provide)(void *context);
	void (*release)(void *context);
	void *context;
	struct module *owner;
};

static vm_fault_t irqlab_demand_fault(struct vm_fault *vmf)
{
	struct irqlab_demand *demand = vmf->vma->vm_private_data;
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (!page)
		return VM_FAULT_OOM;
	demand->provide(demand->context);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct irqlab_demand_vm_ops = {
	.fault = irqlab_demand_fault,
};

static int irqlab_demand_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &irqlab_demand_vm_ops;
	vma->vm_private_data = file->private_data;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTCOPY | VM_DONTDUMP);
	return 0;
}

static int irqlab_demand_release(struct inode *inode, struct file *file)
{
	struct irqlab_demand *demand = file->private_data;
	struct module *owner = demand->owner;

	demand->release(demand->context);
	kfree(demand);
	module_put(owner);
	return 0;
}

static const struct file_operations irqlab_demand_fops = {
	.owner = THIS_MODULE,
	.mmap = irqlab_demand_mmap,
	.release = irqlab_demand_release,
};

/*
 * Maps @size bytes into the current task's user space. A page of them is there when it was touched,
 * and @provide has returned. Calls @release in the end, also if it fails. @owner has the code of both, and is kept
 * until then. Returns the address, or an error number as vm_mmap() does.
 */
unsigned long rust_helper_irqlab_map_demand(unsigned long size, void (*provide)(void *context),
					    void (*release)(void *context), void *context,
					    struct module *owner)
{
	struct irqlab_demand *demand = kmalloc_obj(*demand);
	unsigned long address;
	struct file *file;

	if (!demand || !try_module_get(owner)) {
		release(context);
		kfree(demand);
		return -ENOMEM;
	}
	*demand = (struct irqlab_demand){ provide, release, context, owner };
	file = anon_inode_getfile("[irqlab]", &irqlab_demand_fops, demand, O_RDWR);
	if (IS_ERR(file)) {
		release(context);
		kfree(demand);
		module_put(owner);
		return PTR_ERR(file);
	}
	address = vm_mmap(file, 0, size, PROT_READ, MAP_PRIVATE, 0);
	fput(file);
	return address;
}

/* Whether what the current task maps is there at once, not when it is touched first. */
bool rust_helper_irqlab_locks_memory(void)
{
	return current->mm && READ_ONCE(current->mm->def_flags) & VM_LOCKED;
}
