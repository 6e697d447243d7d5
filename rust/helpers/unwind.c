// SPDX-License-Identifier: GPL-2.0

#include <linux/interrupt.h>
#include <linux/kallsyms.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <asm/unwind.h>

static bool irqlab_is_kthread(const char *name)
{
	return current->flags & PF_KTHREAD && strstarts(current->comm, name);
}

/*
 * The return address of the first function on the CPU's IRQ stack, on which the caller runs, or 0
 * if it does not. The stack's place is not exported, but the unwinder knows it. Below the saved
 * stack pointer, at the very top, is what call_on_stack() has pushed.
 */
static unsigned long irqlab_irq_stack_caller(void)
{
	struct unwind_state state;

	unwind_start(&state, current, NULL, NULL);
	if (state.stack_info.type != STACK_TYPE_IRQ)
		return 0;
	return READ_ONCE_NOCHECK(state.stack_info.end[-2]);
}

/*
 * Whether do_softirq() is at @address, inlined or not, rather than the entry code of an interrupt.
 * There are a handful of such addresses, so the answers are kept; those that race for a place
 * lose it to each other, and ask again.
 */
static bool irqlab_is_do_softirq(unsigned long address)
{
	static unsigned long answers[32];
	char name[KSYM_SYMBOL_LEN];
	bool is_it;
	int i;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		unsigned long answer = READ_ONCE(answers[i]);

		/* The top bit of all kernel addresses is set, and gives way to the answer. */
		if (answer >> 1 == address << 1 >> 1)
			return answer & 1;
		if (!answer)
			break;
	}
	sprint_symbol_no_offset(name, address);
	is_it = strstarts(name, "do_softirq") || strstarts(name, "__local_bh_enable");
	if (i < ARRAY_SIZE(answers))
		WRITE_ONCE(answers[i], address << 1 | is_it);
	return is_it;
}

/* For a probe of softirq_entry: who serves the softirq, as a number of softirq::Executor. */
unsigned int rust_helper_irqlab_softirq_executor(void)
{
	enum { IRQ_EXIT, BH_ENABLE, KSOFTIRQD, KTIMERS, IDLE, OTHER };
	unsigned long stack = (unsigned long)task_stack_page(current);
	unsigned long caller;

	if ((unsigned long)__builtin_frame_address(0) - stack < THREAD_SIZE) {
		if (irqlab_is_kthread("ksoftirqd/"))
			return KSOFTIRQD;
		if (irqlab_is_kthread("ktimers/"))
			return KTIMERS;
		/* An interrupt of user mode does not leave the task's stack, which is empty. */
		return IS_ENABLED(CONFIG_PREEMPT_RT) ? BH_ENABLE : IRQ_EXIT;
	}
	caller = irqlab_irq_stack_caller();
	if (!caller)
		return OTHER;
	if (!irqlab_is_do_softirq(caller))
		return IRQ_EXIT;
	/* The idle loop calls do_softirq() after what it was asked to call without an interrupt. */
	return is_idle_task(current) ? IDLE : BH_ENABLE;
}

/*
 * The stack that this runs on, in any context. The unwinder knows the IRQ stack, whose place is
 * not exported.
 */
bool rust_helper_irqlab_stack_bounds(unsigned long *low, unsigned long *high)
{
	struct unwind_state state;

	unwind_start(&state, current, NULL, NULL);
	if (state.stack_info.type == STACK_TYPE_UNKNOWN)
		return false;
	*low = (unsigned long)state.stack_info.begin;
	*high = (unsigned long)state.stack_info.end;
	return true;
}
