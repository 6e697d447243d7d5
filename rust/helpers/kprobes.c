// SPDX-License-Identifier: GPL-2.0

#include <linux/kprobes.h>

/*
 * kallsyms_lookup_name() is not exported, but kprobes look names up. The probe
 * stays disabled. Anything but "no such name" says that there is one.
 */
bool rust_helper_irqlab_symbol_exists(const char *name)
{
	struct kprobe probe = {
		.symbol_name = name,
		.flags = KPROBE_FLAG_DISABLED,
	};
	int error = register_kprobe(&probe);

	if (!error)
		unregister_kprobe(&probe);
	return error != -ENOENT && error != -EOPNOTSUPP;
}
