// SPDX-License-Identifier: GPL-2.0

#include <linux/device.h>
#include <linux/pci.h>
#include <linux/string.h>

/*
 * The device that comes after another one in the kernel's list, or the first one; takes a reference to
 * it, and gives back that of the other.
 */
struct pci_dev *rust_helper_irqlab_pci_next(struct pci_dev *dev)
{
	return pci_get_device(PCI_ANY_ID, PCI_ANY_ID, dev);
}

/*
 * How a device interrupts: its name, its pin (0: none), how many entries its MSI-X table has (0: none),
 * and the lines that it has by messages now, as far as there is room: of each its number, its CPU and its
 * vector, as rust_helper_irqlab_irq_info() has them. Returns how many.
 */
unsigned int rust_helper_irqlab_pci_lines(struct pci_dev *dev, char *name, size_t size, u8 *pin,
					  unsigned int *table, u32 (*lines)[3], unsigned int room)
{
	unsigned int count = 0, trigger, depth;
	unsigned long hwirq;
	char chip[8];
	bool masked;
	int irq;

	strscpy(name, pci_name(dev), size);
	*pin = dev->pin;
	*table = max(pci_msix_vec_count(dev), 0);
	/* Its driver may be about to give them back. */
	guard(device)(&dev->dev);
	if (!dev->msi_enabled && !dev->msix_enabled)
		return 0;
	while (count < room) {
		irq = pci_irq_vector(dev, count);
		if (irq <= 0)
			break;
		lines[count][0] = irq;
		if (!rust_helper_irqlab_irq_info(irq, chip, sizeof(chip), &hwirq, &trigger, &depth, &masked,
						 &lines[count][1], &lines[count][2]))
			break;
		count++;
	}
	return count;
}
