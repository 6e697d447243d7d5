// SPDX-License-Identifier: GPL-2.0

#include <linux/sprintf.h>
#include <linux/string.h>

/*
 * Neither kptr_restrict nor what it says of the current task is exported. But %pK prints zeros to
 * whom it hides addresses from: always if it is 2, and if it is 1 from those without CAP_SYSLOG. If
 * it is 0 it prints a hash, as %p does, and hides nothing that root could not see in /proc/kallsyms.
 */
bool rust_helper_irqlab_hides_addresses(void)
{
	char text[2 * sizeof(void *) + 1];

	snprintf(text, sizeof(text), "%pK", (void *)&snprintf);
	return strspn(text, "0") == strlen(text);
}
