// SPDX-License-Identifier: GPL-2.0
/* All helpers are one object, as in the kernel's own rust/helpers. */

#include "helpers.h"

#include "bottom_half.c"
#include "cpumask.c"
#include "interrupt.c"
#include "irqdesc.c"
#include "irq_work.c"
#include "irqflags.c"
#include "kprobes.c"
#include "kthread.c"
#include "mutex.c"
#include "preempt.c"
#include "processor.c"
#include "sched.c"
#include "softirq.c"
#include "tracepoint.c"
#include "unwind.c"
