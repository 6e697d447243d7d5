// SPDX-License-Identifier: GPL-2.0

#include <linux/ptrace.h>

bool rust_helper_irqlab_user_mode(struct pt_regs *regs)
{
	return user_mode(regs);
}
