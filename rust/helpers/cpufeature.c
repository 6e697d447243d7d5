// SPDX-License-Identifier: GPL-2.0

#include <asm/cpufeature.h>

bool rust_helper_irqlab_has_invlpgb(void)
{
	return cpu_feature_enabled(X86_FEATURE_INVLPGB);
}

bool rust_helper_irqlab_has_hypervisor(void)
{
	return boot_cpu_has(X86_FEATURE_HYPERVISOR);
}

bool rust_helper_irqlab_has_smap(void)
{
	return boot_cpu_has(X86_FEATURE_SMAP);
}
