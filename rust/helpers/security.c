// SPDX-License-Identifier: GPL-2.0

#include <linux/security.h>

bool rust_helper_irqlab_is_debugfs_locked_down(void)
{
	return security_locked_down(LOCKDOWN_DEBUGFS);
}
