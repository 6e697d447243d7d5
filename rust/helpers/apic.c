// SPDX-License-Identifier: GPL-2.0

#include <asm/apic.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

/* The register that says whether and how; 0 where the kernel uses no local APIC. */
u64 rust_helper_irqlab_apic_base(void)
{
	u64 base;

	if (!boot_cpu_has(X86_FEATURE_APIC) || rdmsrq_safe(MSR_IA32_APICBASE, &base))
		return 0;
	return base;
}

/* Where in the register it is depends on the driver. */
unsigned int rust_helper_irqlab_apic_id(void)
{
	return apic->get_apic_id(apic->read(APIC_ID));
}

u64 rust_helper_irqlab_apic_icr_read(void)
{
	return apic->icr_read();
}

/* The driver's function for it, which apic_icr_write() calls by a static call. */
unsigned long rust_helper_irqlab_apic_icr_writer(void)
{
	return (unsigned long)apic->icr_write;
}

/* Whether CPUs of this machine are started by something else than INIT and start-up. */
bool rust_helper_irqlab_apic_has_own_wakeup(void)
{
	return apic->wakeup_secondary_cpu || apic->wakeup_secondary_cpu_64;
}

/* apic_read() goes through a static call that is not exported. */
unsigned int rust_helper_irqlab_apic_read(unsigned int reg)
{
	return apic->read(reg);
}

/* Returns the old one. */
unsigned int rust_helper_irqlab_apic_set_task_priority(unsigned int priority)
{
	unsigned int old = apic->read(APIC_TASKPRI);

	apic->write(APIC_TASKPRI, priority);
	return old;
}

unsigned int rust_helper_irqlab_cpu_apicid(unsigned int cpu)
{
	return cpu_data(cpu).topo.apicid;
}
