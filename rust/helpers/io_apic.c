// SPDX-License-Identifier: GPL-2.0

#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/stop_machine.h>

#define IRQLAB_IO_APIC_INDEX	0x00
#define IRQLAB_IO_APIC_DATA	0x10
#define IRQLAB_IO_APIC_SIZE	0x20
#define IRQLAB_IO_APIC_VERSION	0x01
#define IRQLAB_IO_APIC_ENTRIES	0x10

/* The I/O APIC with this place in the ACPI table of interrupt controllers; false if there is none. */
bool rust_helper_irqlab_io_apic_find(unsigned int place, u8 *id, u32 *address, u32 *first_line)
{
	struct acpi_table_header *table;
	struct acpi_madt_io_apic *found;
	u32 at = sizeof(struct acpi_table_madt);
	bool is_found = false;

	if (acpi_disabled || ACPI_FAILURE(acpi_get_table(ACPI_SIG_MADT, 1, &table)))
		return false;
	while (!is_found && at + sizeof(*found) <= table->length) {
		found = (void *)table + at;
		if (found->header.length < sizeof(found->header))
			break;
		at += found->header.length;
		if (found->header.type != ACPI_MADT_TYPE_IO_APIC || at > table->length || place--)
			continue;
		*id = found->id;
		*address = found->address;
		*first_line = found->global_irq_base;
		is_found = true;
	}
	acpi_put_table(table);
	return is_found;
}

struct irqlab_io_apic {
	void __iomem *registers;
	u32 version;
	u64 *entries;
	unsigned int room;
};

static u32 irqlab_io_apic_register(struct irqlab_io_apic *it, u32 number)
{
	writel(number, it->registers + IRQLAB_IO_APIC_INDEX);
	return readl(it->registers + IRQLAB_IO_APIC_DATA);
}

static int irqlab_io_apic_read(void *data)
{
	struct irqlab_io_apic *it = data;
	unsigned int count, index;
	u64 low;

	it->version = irqlab_io_apic_register(it, IRQLAB_IO_APIC_VERSION);
	count = (it->version >> 16 & 0xff) + 1;
	for (index = 0; index < min(count, it->room); index++) {
		low = irqlab_io_apic_register(it, IRQLAB_IO_APIC_ENTRIES + 2 * index);
		it->entries[index] = low |
			(u64)irqlab_io_apic_register(it, IRQLAB_IO_APIC_ENTRIES + 2 * index + 1) << 32;
	}
	return 0;
}

/*
 * A register is read in two steps, which the kernel's own lock keeps apart from those of others. It
 * is not exported, so all other CPUs stand still meanwhile, and hold no such lock.
 */
int rust_helper_irqlab_io_apic_read(u32 address, u32 *version, u64 *entries, unsigned int room)
{
	struct irqlab_io_apic it = { .entries = entries, .room = room };
	int err;

	it.registers = ioremap(address, IRQLAB_IO_APIC_SIZE);
	if (!it.registers)
		return -ENOMEM;
	err = stop_machine(irqlab_io_apic_read, &it, NULL);
	iounmap(it.registers);
	*version = it.version;
	return err;
}
