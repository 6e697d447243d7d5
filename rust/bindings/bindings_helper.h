/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the library crate needs from C beyond kernel::bindings. Kbuild says
 * which functions of these headers are bound.
 */

#include <linux/list.h>

#include <linux/interrupt.h>
#include <linux/irq_poll.h>
#include <linux/irq_sim.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include <linux/tracepoint.h>

/* The prototypes of tracepoints, which the library's have to agree with. */
#include <trace/events/csd.h>
#include <trace/events/exceptions.h>
#include <trace/events/ipi.h>
#include <trace/events/irq.h>
#include <trace/events/net.h>
#include <trace/events/power.h>
#include <trace/events/printk.h>
#include <trace/events/sched.h>
#include <trace/events/signal.h>
#include <trace/events/syscalls.h>
#include <trace/events/timer.h>
#include <trace/events/workqueue.h>
#include <asm/trace/irq_vectors.h>

#include "../helpers/helpers.h"
#include "../irqlab_trace.h"

/* Macros that bindgen cannot evaluate. */
#include <linux/fs.h>
#include <linux/hrtimer_types.h>
#include <linux/kallsyms.h>
#include <linux/preempt.h>
#include <asm/cpufeatures.h>
#include <asm/extable_fixup_types.h>
#include <asm/page_types.h>
#include <asm/processor.h>
const u32 RUST_CONST_HELPER_FMODE_READ = (__force u32)FMODE_READ;
const u32 RUST_CONST_HELPER_HRTIMER_NORESTART = HRTIMER_NORESTART;
const u32 RUST_CONST_HELPER_IRQ_HANDLED = IRQ_HANDLED;
const u32 RUST_CONST_HELPER_IRQ_NONE = IRQ_NONE;
const u32 RUST_CONST_HELPER_IRQ_WAKE_THREAD = IRQ_WAKE_THREAD;
const u64 RUST_CONST_HELPER_PREEMPT_MASK = PREEMPT_MASK;
const u64 RUST_CONST_HELPER_SOFTIRQ_MASK = SOFTIRQ_MASK;
const u64 RUST_CONST_HELPER_HARDIRQ_MASK = HARDIRQ_MASK;
const u64 RUST_CONST_HELPER_NMI_MASK = NMI_MASK;
const size_t RUST_CONST_HELPER_EXCEPTION_STKSZ = EXCEPTION_STKSZ;
const size_t RUST_CONST_HELPER_IRQ_STACK_SIZE = IRQ_STACK_SIZE;
const size_t RUST_CONST_HELPER_KSYM_SYMBOL_LEN = KSYM_SYMBOL_LEN;
const size_t RUST_CONST_HELPER_THREAD_SIZE = THREAD_SIZE;

#include <linux/mman.h>
const u32 RUST_CONST_HELPER_MAP_ANONYMOUS = MAP_ANONYMOUS;
const u32 RUST_CONST_HELPER_MAP_PRIVATE = MAP_PRIVATE;
const u32 RUST_CONST_HELPER_PROT_NONE = PROT_NONE;
const u32 RUST_CONST_HELPER_PROT_READ = PROT_READ;
const u32 RUST_CONST_HELPER_PROT_WRITE = PROT_WRITE;
