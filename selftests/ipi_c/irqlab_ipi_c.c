// SPDX-License-Identifier: GPL-2.0
/*
 * What ipi/modes does, in C: calls between CPUs in five modes, and what one of them costs. Reading
 * irqlab_ipi_c in debugfs does them all, in the same order and with the same stamps, and gives a table
 * of the same form.
 */

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/smp.h>

static unsigned int count = 100;
module_param(count, uint, 0600);
MODULE_PARM_DESC(count, "Calls in a batch");

static unsigned int batches = 10;
module_param(batches, uint, 0600);
MODULE_PARM_DESC(batches, "Batches, of which the best counts");

static unsigned int cpu;
module_param(cpu, uint, 0600);
MODULE_PARM_DESC(cpu, "The CPU that calls");

enum mode { DRY_RUN, SELF, SINGLE, BROADCAST, CONTENDED, NR_MODES };

static const char * const mode_names[NR_MODES] = {
	"dry_run", "self", "single", "broadcast", "contended",
};

struct batch {
	enum mode mode;
	unsigned int count;
	int own, other;
	u64 ns, one_way_ns;
};

static void stamp(void *info)
{
	u64 *arrived_ns = info;

	*arrived_ns = local_clock();
}

static void nothing(void *info)
{
}

static void add(void *info)
{
	atomic64_t *all = info;

	atomic64_inc(all);
}

static int call_and_stamp(struct batch *batch, int target)
{
	u64 sum_ns = 0, sent_ns, arrived_ns;
	unsigned int i;
	int err;

	for (i = 0; i < batch->count; i++) {
		sent_ns = local_clock();
		err = smp_call_function_single(target, stamp, &arrived_ns, 1);
		if (err)
			return err;
		sum_ns += arrived_ns - sent_ns;
	}
	batch->one_way_ns = sum_ns;
	return 0;
}

/* On the CPU that calls, in a thread that stays there. */
static int do_batch(void *data)
{
	struct batch *batch = data;
	atomic64_t all = ATOMIC64_INIT(0);
	u64 start_ns = local_clock(), sum_ns = 0, sent_ns;
	unsigned int i;
	int err = 0;

	batch->one_way_ns = 0;
	switch (batch->mode) {
	case DRY_RUN:
		for (i = 0; i < batch->count; i++) {
			sent_ns = local_clock();
			sum_ns += local_clock() - sent_ns;
		}
		batch->one_way_ns = sum_ns;
		break;
	case SELF:
		err = call_and_stamp(batch, batch->own);
		break;
	case SINGLE:
		err = call_and_stamp(batch, batch->other);
		break;
	case BROADCAST:
		for (i = 0; i < batch->count; i++)
			smp_call_function(nothing, NULL, 1);
		break;
	case CONTENDED:
		for (i = 0; i < batch->count; i++)
			smp_call_function(add, &all, 1);
		break;
	default:
		err = -EINVAL;
	}
	batch->ns = local_clock() - start_ns;
	return err;
}

static int best_batch(struct batch *best)
{
	struct batch batch = *best;
	unsigned int i;
	int err;

	for (i = 0; i < batches; i++) {
		cpus_read_lock();
		batch.other = cpumask_next_wrap(batch.own, cpu_online_mask);
		if (batch.other >= nr_cpu_ids || batch.other == batch.own)
			err = -ENXIO;
		else
			err = smp_call_on_cpu(batch.own, do_batch, &batch, false);
		cpus_read_unlock();
		if (err)
			return err;
		if (!i || batch.ns < best->ns)
			*best = batch;
		if (signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int modes_show(struct seq_file *m, void *unused)
{
	struct batch best = { .count = count, .own = cpu };
	int err;

	if (!count || !batches)
		return -EINVAL;
	seq_puts(m, "#mode count batches ns_per_call one_way_ns\n");
	for (best.mode = DRY_RUN; best.mode < NR_MODES; best.mode++) {
		u32 tenth;
		u64 ns;

		err = best_batch(&best);
		if (err)
			return err;
		ns = div_u64_rem(div_u64(best.ns * 10, best.count), 10, &tenth);
		seq_printf(m, "%s %u %u %llu.%u %llu\n", mode_names[best.mode], best.count, batches, ns,
			   tenth, div_u64(best.one_way_ns, best.count));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(modes);

static struct dentry *file;

static int __init ipi_c_init(void)
{
	file = debugfs_create_file("irqlab_ipi_c", 0400, NULL, NULL, &modes_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit ipi_c_exit(void)
{
	debugfs_remove(file);
}

module_init(ipi_c_init);
module_exit(ipi_c_exit);
MODULE_DESCRIPTION("Calls between CPUs in C, to compare irqlab with");
MODULE_LICENSE("GPL");
