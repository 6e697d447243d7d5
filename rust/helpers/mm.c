// SPDX-License-Identifier: GPL-2.0

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>

/*
 * Who provides the pages of a file, until that is ended, which whoever has mapped it does, or else the file when
 * all mappings of it are gone. User space can keep a mapping for longer than the module of @provide is there.
 */
struct irqlab_demand {
	/* Held for reading while @provide is called. Taken under locks of the address space, and so never with one. */
	struct rw_semaphore lock;
	void (*provide)(void *context);
	void (*release)(void *context);
	void *context;
	/* Has the code of both, and is kept. Null when it was ended. */
	struct module *owner;
};

static vm_fault_t irqlab_demand_fault(struct vm_fault *vmf)
{
	struct irqlab_demand *demand = vmf->vma->vm_private_data;
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	bool is_there;

	if (!page)
		return VM_FAULT_OOM;
	down_read(&demand->lock);
	is_there = demand->owner;
	if (is_there)
		demand->provide(demand->context);
	up_read(&demand->lock);
	if (!is_there) {
		put_page(page);
		return VM_FAULT_SIGBUS;
	}
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

static void irqlab_demand_end(struct irqlab_demand *demand)
{
	struct module *owner;

	down_write(&demand->lock);
	owner = demand->owner;
	demand->owner = NULL;
	up_write(&demand->lock);
	if (!owner)
		return;
	demand->release(demand->context);
	module_put(owner);
}

static int irqlab_demand_release(struct inode *inode, struct file *file)
{
	irqlab_demand_end(file->private_data);
	kfree(file->private_data);
	return 0;
}

static const struct file_operations irqlab_demand_fops = {
	.owner = THIS_MODULE,
	.mmap = irqlab_demand_mmap,
	.release = irqlab_demand_release,
};

/*
 * Maps @size bytes into the current task's user space. A page of them is there when it was touched,
 * and @provide has returned. @owner has the code of @provide and @release, and is kept until @release was called,
 * once: by rust_helper_irqlab_end_demand() with @file, or when that is gone; here if this fails.
 * Returns the address, or an error number as vm_mmap() does.
 */
unsigned long rust_helper_irqlab_map_demand(unsigned long size, void (*provide)(void *context),
					    void (*release)(void *context), void *context,
					    struct module *owner, struct file **file)
{
	struct irqlab_demand *demand = kmalloc_obj(*demand);
	unsigned long address;

	if (!demand || !try_module_get(owner)) {
		release(context);
		kfree(demand);
		return -ENOMEM;
	}
	*demand = (struct irqlab_demand){
		.provide = provide, .release = release, .context = context, .owner = owner,
	};
	init_rwsem(&demand->lock);
	*file = anon_inode_getfile("[irqlab]", &irqlab_demand_fops, demand, O_RDWR);
	if (IS_ERR(*file)) {
		irqlab_demand_end(demand);
		kfree(demand);
		return PTR_ERR(*file);
	}
	address = vm_mmap(*file, 0, size, PROT_READ, MAP_PRIVATE, 0);
	if (IS_ERR_VALUE(address))
		rust_helper_irqlab_end_demand(*file);
	return address;
}

/* Waits until nobody is in @provide, and calls @release: neither is called any more. */
void rust_helper_irqlab_end_demand(struct file *file)
{
	irqlab_demand_end(file->private_data);
	fput(file);
}

/* Whether what the current task maps is there at once, not when it is touched first. */
bool rust_helper_irqlab_locks_memory(void)
{
	return current->mm && READ_ONCE(current->mm->def_flags) & VM_LOCKED;
}
