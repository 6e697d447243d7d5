// SPDX-License-Identifier: GPL-2.0

#include <linux/tracepoint.h>

void rust_helper_irqlab_tracepoint_synchronize_unregister(void)
{
	tracepoint_synchronize_unregister();
}
