/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the library crate needs from C beyond kernel::bindings. Kbuild says
 * which functions of these headers are bound.
 */

#include <linux/list.h>

#include <linux/irq_poll.h>
#include <linux/irq_sim.h>
#include <linux/sched/clock.h>
#include <linux/tracepoint.h>

/* The prototypes of tracepoints, which the library's have to agree with. */
#include <trace/events/irq.h>
#include <asm/trace/irq_vectors.h>

#include "../helpers/helpers.h"

/* Macros that bindgen cannot evaluate. */
#include <linux/fs.h>
#include <linux/preempt.h>
const u32 RUST_CONST_HELPER_FMODE_READ = (__force u32)FMODE_READ;
const u64 RUST_CONST_HELPER_PREEMPT_MASK = PREEMPT_MASK;
const u64 RUST_CONST_HELPER_SOFTIRQ_MASK = SOFTIRQ_MASK;
const u64 RUST_CONST_HELPER_HARDIRQ_MASK = HARDIRQ_MASK;
const u64 RUST_CONST_HELPER_NMI_MASK = NMI_MASK;
