// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of what was recorded: latencies from each stage of an event to the next.
 */

#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/tsc.h>

#include "record.h"

/* Slots of each CPU's ring; a power of two. */
#define NR_SLOTS 8192
/* Events whose stamps are kept until their next stage; a power of two. */
#define NR_STAMPS 2048
/* How often somebody waits before the slots are taken out. */
#define WAITS 16

struct ring *irqlab_c_rings;
bool irqlab_c_counts_cycles;
DEFINE_PER_CPU(u64, irqlab_c_next);

static struct record *records[256];
static DEFINE_MUTEX(records_lock);

int records_init(void)
{
	int cpu;

	irqlab_c_rings = kcalloc(nr_cpu_ids, sizeof(*irqlab_c_rings), GFP_KERNEL);
	if (!irqlab_c_rings)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct ring *ring = &irqlab_c_rings[cpu];

		ring->slots = kvcalloc(NR_SLOTS, sizeof(*ring->slots), GFP_KERNEL);
		if (!ring->slots) {
			records_exit();
			return -ENOMEM;
		}
		ring->mask = NR_SLOTS - 1;
		ring->tail = (u64)cpu << RING_CPU_SHIFT;
		ring->limit = ring->tail + NR_SLOTS;
		per_cpu(irqlab_c_next, cpu) = ring->tail;
	}
	irqlab_c_counts_cycles = !check_tsc_unstable();
	return 0;
}

void records_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		kvfree(irqlab_c_rings[cpu].slots);
	kfree(irqlab_c_rings);
}

int record_init(struct record *record)
{
	enum stage stage;
	unsigned int i;

	init_completion(&record->arrival);
	for (stage = RAISE; stage < NR_STAGES; stage++) {
		record->stamps[stage] = kvcalloc(NR_STAMPS, sizeof(*record->stamps[stage]), GFP_KERNEL);
		if (!record->stamps[stage]) {
			record_exit(record);
			return -ENOMEM;
		}
	}
	guard(mutex)(&records_lock);
	for (i = 0; records[i]; i++)
		if (i == ARRAY_SIZE(records) - 1) {
			record_exit(record);
			return -ENOSPC;
		}
	records[i] = record;
	record->number = FIELD_PREP(TAG_RECORD, i);
	return 0;
}

/* ---- Taking out --------------------------------------------------------------------------------- */

static int add(struct latencies *latencies, u64 ns)
{
	if (latencies->count == latencies->room) {
		size_t room = latencies->room * 2 ?: 64;
		u64 *more = kvrealloc(latencies->ns, room * sizeof(*more), GFP_KERNEL);

		if (!more)
			return -ENOMEM;
		latencies->ns = more;
		latencies->room = room;
	}
	latencies->ns[latencies->count++] = ns;
	return 0;
}

static u64 elapsed_ns(u64 from, u64 to)
{
	if ((from ^ to) & STAMP_IS_NS || from > to)
		return 0;
	return to & STAMP_IS_NS ? to - from : mul_u64_u64_div_u64(to - from, 1000000, tsc_khz);
}

/* A bottom half that serves several events serves the last of them, which others were merged with. */
static int match(const struct slot *slot)
{
	struct record *record = records[FIELD_GET(TAG_RECORD, slot->tag)];
	enum stage stage = FIELD_GET(TAG_STAGE, slot->tag);
	u64 event = slot->tag & TAG_EVENT, at = event % NR_STAMPS;

	if (!record)
		return 0;
	record->stamps[stage][at].event = event;
	record->stamps[stage][at].stamp = slot->stamp;
	if (stage == RAISE || record->stamps[stage - 1][at].event != event)
		return 0;
	return add(&record->latencies[stage], elapsed_ns(record->stamps[stage - 1][at].stamp, slot->stamp));
}

static int by_stamp(const void *a, const void *b)
{
	const struct slot *one = a, *other = b;

	/* Those of one moment in the order of the stages. */
	if (one->stamp == other->stamp)
		return one->tag < other->tag ? -1 : one->tag > other->tag;
	return one->stamp < other->stamp ? -1 : 1;
}

/* Takes out what all CPUs have recorded. */
static int collect(void)
{
	struct slot *taken __free(kvfree) = NULL;
	size_t nr = 0, room = 0, i;
	int cpu, err = 0;

	guard(mutex)(&records_lock);
	for_each_possible_cpu(cpu)
		room += per_cpu(irqlab_c_next, cpu) - irqlab_c_rings[cpu].tail;
	taken = kvmalloc_array(room, sizeof(*taken), GFP_KERNEL);
	if (!taken)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct ring *ring = &irqlab_c_rings[cpu];

		for (; nr < room; nr++) {
			struct slot *slot = &ring->slots[ring->tail & ring->mask];

			if (!smp_load_acquire(&slot->tag))
				break;
			taken[nr] = *slot;
			slot->tag = 0;
			ring->tail++;
		}
		smp_store_release(&ring->limit, ring->tail + NR_SLOTS);
	}
	sort(taken, nr, sizeof(*taken), by_stamp, NULL);
	for (i = 0; i < nr && !err; i++)
		err = match(&taken[i]);
	return err;
}

void record_exit(struct record *record)
{
	unsigned int number = FIELD_GET(TAG_RECORD, record->number);
	enum stage stage;

	/* What is still in the rings is of nobody any more. */
	scoped_guard(mutex, &records_lock)
		if (records[number] == record)
			records[number] = NULL;
	for (stage = RAISE; stage < NR_STAGES; stage++) {
		kvfree(record->stamps[stage]);
		kvfree(record->latencies[stage].ns);
	}
}

bool record_wait(struct record *record, unsigned int ms)
{
	u64 event = atomic64_read(&record->raised);

	do {
		if (wait_for_completion_interruptible_timeout(&record->arrival, msecs_to_jiffies(ms)) <= 0)
			return false;
		/* Else it is left from an earlier event. */
	} while (smp_load_acquire(&record->arrived) < event);
	record_note(record, WAKE, event);
	return ++record->waits % WAITS || !collect();
}

/* ---- Figures ------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
	u64 one = *(const u64 *)a, other = *(const u64 *)b;

	return one < other ? -1 : one > other;
}

/* The value at or below which that many of ten thousand lie. */
static u64 percentile(const struct latencies *latencies, unsigned int share)
{
	return latencies->ns[DIV_ROUND_UP_ULL((u64)latencies->count * share, 10000) - 1];
}

int record_summarise(struct record *record, struct summary *stages)
{
	enum stage stage;
	int err = collect();

	if (err)
		return err;
	for (stage = RAISE; stage < NR_STAGES; stage++) {
		struct latencies *all = &record->latencies[stage];

		stages[stage] = (struct summary) {};
		if (!all->count)
			continue;
		sort(all->ns, all->count, sizeof(*all->ns), by_size, NULL);
		stages[stage] = (struct summary) {
			.count = all->count,
			.min = all->ns[0],
			.p50 = percentile(all, 5000),
			.p90 = percentile(all, 9000),
			.p99 = percentile(all, 9900),
			.p99_9 = percentile(all, 9990),
			.max = all->ns[all->count - 1],
		};
	}
	return 0;
}
