/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Recording: what each stage of an event saw, as raw words in a ring of its CPU, without locks. Whoever waits
 * for the events takes the words out, and makes figures of them. The words are those that irqlab stores.
 */
#ifndef IRQLAB_DEFERRAL_C_RECORD_H
#define IRQLAB_DEFERRAL_C_RECORD_H

#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/msr.h>

enum stage { RAISE, TOP, BOTTOM, WAKE, NR_STAGES };

/* Of a tag: the event's number, the record's, and the stage; and that there is something at all. */
#define TAG_EVENT GENMASK_ULL(47, 0)
#define TAG_RECORD GENMASK_ULL(55, 48)
#define TAG_STAGE GENMASK_ULL(57, 56)
#define TAG_SET BIT_ULL(63)

/* Of a stamp: it is of the scheduler's clock, as the counter of cycles is not to be trusted. */
#define STAMP_IS_NS BIT_ULL(63)

struct slot {
	/* Written last: what is not 0 is complete. */
	u64 tag;
	u64 stamp;
	u64 preempt_count;
	u32 pid;
	u32 flags;
	u64 stack_pointer;
	u64 stack;
	char comm[TASK_COMM_LEN];
} ____cacheline_aligned;

/* The ring of a CPU. */
struct ring {
	/* CPU << RING_CPU_SHIFT | number of the first slot that is not free. */
	u64 limit;
	struct slot *slots;
	u64 mask;
	/* Of the first slot that was not taken out. */
	u64 tail;
} ____cacheline_aligned;

#define RING_CPU_SHIFT 48

extern struct ring *irqlab_c_rings;
extern bool irqlab_c_counts_cycles;
/* The next slot: CPU << RING_CPU_SHIFT | its number. So what was read on another CPU is seen to be wrong. */
DECLARE_PER_CPU(u64, irqlab_c_next);

struct latencies {
	u64 *ns;
	size_t count, room;
};

struct record {
	/* As in a tag. */
	u64 number;
	/* The last event that was raised, that a top half has served, and that a bottom half has. */
	atomic64_t raised;
	u64 served, arrived;
	struct completion arrival;
	/* Those that found no free slot. */
	atomic64_t lost;
	unsigned int waits;
	/* For whoever takes out: the stamps of the last events, by their number; and what came of them. */
	struct {
		u64 event, stamp;
	} *stamps[NR_STAGES];
	struct latencies latencies[NR_STAGES];
};

struct summary {
	u64 count, min, p50, p90, p99, p99_9, max;
};

int records_init(void);
void records_exit(void);

int record_init(struct record *record);
void record_exit(struct record *record);

/* The latencies of each stage, from the one before. */
int record_summarise(struct record *record, struct summary *stages);

static __always_inline u64 record_stamp(void)
{
	return likely(irqlab_c_counts_cycles) ? rdtsc() : local_clock() | STAMP_IS_NS;
}

static __always_inline void record_note(struct record *record, enum stage stage, u64 event)
{
	u64 stamp = record_stamp(), next = this_cpu_read(irqlab_c_next);
	struct task_struct *task = current;
	struct ring *ring;
	struct slot *slot;

	do {
		ring = &irqlab_c_rings[next >> RING_CPU_SHIFT];
		if (unlikely(next >= READ_ONCE(ring->limit))) {
			atomic64_inc(&record->lost);
			return;
		}
	} while (!this_cpu_try_cmpxchg(irqlab_c_next, &next, next + 1));
	slot = &ring->slots[next & ring->mask];
	slot->stamp = stamp;
	slot->preempt_count = raw_cpu_read(__preempt_count);
#ifdef CONFIG_PREEMPT_RT
	slot->preempt_count |= (u64)task->softirq_disable_cnt << 32;
#endif
	slot->pid = task->pid;
	slot->flags = native_save_fl();
	slot->stack_pointer = current_stack_pointer;
	slot->stack = (u64)task_stack_page(task);
	memcpy(slot->comm, task->comm, sizeof(slot->comm));
	smp_store_release(&slot->tag, TAG_SET | (u64)stage << 56 | record->number | event);
}

/* Starts an event: called just before it is raised. */
static __always_inline void record_raised(struct record *record)
{
	record_note(record, RAISE, atomic64_inc_return(&record->raised));
}

static __always_inline void record_top(struct record *record)
{
	u64 event = atomic64_read(&record->raised);

	record_note(record, TOP, event);
	smp_store_release(&record->served, event);
}

static __always_inline void record_bottom(struct record *record)
{
	u64 event = smp_load_acquire(&record->served);

	record_note(record, BOTTOM, event);
	/* Whoever has consumed the completion that is seen here sees this event. */
	xchg(&record->arrived, event);
	if (!completion_done(&record->arrival))
		complete(&record->arrival);
}

/* Waits until a bottom half has served the last event that was raised. Returns whether one has. */
bool record_wait(struct record *record, unsigned int ms);

#endif
