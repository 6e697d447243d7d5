// SPDX-License-Identifier: GPL-2.0
/*
 * What irqlab's bench does, in C: one stimulus through every mechanism that Linux has, and a row of figures
 * each. Writing to irqlab_deferral_c in debugfs runs it, with the same words as the bench has:
 *
 *	line=sim0 count=50 mechanisms=tasklet,bh_wq burst=1 lines=1 cpu=0
 *
 * Reading gives a table whose columns are called as there.
 */

#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "line.h"
#include "mechanism.h"

/* How long an event may take before it is lost. */
#define PATIENCE_MS 2000

#define MAX_MECHANISMS 32
#define MAX_COUNT 1000000
#define MAX_BURST 1000
#define MAX_LINES 8

struct plan {
	const struct line_kind *line;
	unsigned int count;
	unsigned int burst;
	/* How many lines are raised together; the first is the one that is measured. */
	unsigned int lines;
	unsigned int cpu;
	bool is_chosen[MAX_MECHANISMS];
};

struct row {
	const char *mechanism;
	u64 arrived;
	u64 lost;
	u64 raised;
	struct summary stages[NR_STAGES];
};

/* The last run. */
static struct row rows[MAX_MECHANISMS];
static unsigned int nr_rows;
static char line_name[16];
static unsigned int last_cpu;
static DEFINE_MUTEX(bench_lock);

static struct workqueue_struct *workers;

/* The events of one mechanism, sent from a worker on the CPU that was asked for. */
struct sending {
	struct work_struct work;
	const struct plan *plan;
	struct line *lines;
	u64 events;
	u64 lost;
	int err;
};

/* An event, with an interrupt of each other line. A CPU runs what it was sent last first: so the others come before. */
static int raise_together(struct sending *sending)
{
	unsigned long flags;
	unsigned int i;
	int err;

	local_irq_save(flags);
	record_raised(&sending->lines->mechanism->record);
	err = line_raise(sending->lines);
	for (i = 1; i < sending->plan->lines && !err; i++)
		err = line_raise(&sending->lines[i]);
	local_irq_restore(flags);
	return err;
}

static int raise_all(struct sending *sending)
{
	struct record *record = &sending->lines->mechanism->record;
	unsigned int i;
	int err;

	for (i = 0; i < sending->plan->burst; i++) {
		if (sending->plan->lines > 1) {
			err = raise_together(sending);
		} else {
			record_raised(record);
			err = line_raise(sending->lines);
		}
		if (err)
			return err;
	}
	return 0;
}

static void send_all(struct work_struct *work)
{
	struct sending *sending = container_of(work, struct sending, work);

	while (sending->events < sending->plan->count && !sending->err) {
		sending->err = raise_all(sending);
		if (sending->err)
			break;
		sending->events++;
		if (!record_wait(&sending->lines->mechanism->record, PATIENCE_MS)) {
			sending->lost++;
			/* Others would not arrive either. */
			break;
		}
	}
}

/* Puts a mechanism of @kind on the first line, sends the events, and summarises them in @row. */
static int measure(const struct plan *plan, struct line *lines, const struct mechanism_kind *kind, struct row *row)
{
	struct mechanism *mechanism = mechanism_create(kind);
	struct sending sending = { .plan = plan, .lines = lines };
	int err;

	if (IS_ERR(mechanism))
		return PTR_ERR(mechanism);
	err = line_request(lines, mechanism);
	if (err)
		goto destroy;
	INIT_WORK_ONSTACK(&sending.work, send_all);
	queue_work_on(plan->cpu, workers, &sending.work);
	flush_work(&sending.work);
	destroy_work_on_stack(&sending.work);
	line_free(lines);
	err = sending.err ?: record_summarise(&mechanism->record, row->stages);
	row->mechanism = kind->name;
	row->lost = sending.lost;
	row->raised = sending.events * plan->burst;
	row->arrived = row->stages[BOTTOM].count;
destroy:
	mechanism_destroy(mechanism);
	return err;
}

static void remove_lines(struct line *lines, unsigned int nr)
{
	while (nr--) {
		if (nr)
			line_free(&lines[nr]);
		line_exit(&lines[nr]);
	}
}

/* Makes the line that is measured, and the others, on which is a top half that does nothing else. */
static int make_lines(const struct plan *plan, struct line *lines)
{
	unsigned int i;
	int err;

	for (i = 0; i < plan->lines; i++) {
		err = line_init(&lines[i], i ? line_kinds : plan->line);
		if (!err && i) {
			err = line_request(&lines[i], NULL);
			if (err)
				line_exit(&lines[i]);
		}
		if (err) {
			remove_lines(lines, i);
			return err;
		}
	}
	return 0;
}

static int run(const struct plan *plan)
{
	struct line lines[MAX_LINES];
	unsigned int i;
	int err = make_lines(plan, lines);

	if (err)
		return err;
	nr_rows = 0;
	for (i = 0; mechanism_kinds[i].name && !err; i++) {
		if (!plan->is_chosen[i])
			continue;
		err = measure(plan, lines, &mechanism_kinds[i], &rows[nr_rows]);
		if (!err)
			nr_rows++;
		if (signal_pending(current))
			err = -EINTR;
	}
	remove_lines(lines, plan->lines);
	return err;
}

static int choose(struct plan *plan, char *names)
{
	char *name;
	unsigned int i;

	while ((name = strsep(&names, ","))) {
		for (i = 0; mechanism_kinds[i].name; i++) {
			if (strcmp(name, "all") && strcmp(name, mechanism_kinds[i].name))
				continue;
			plan->is_chosen[i] = true;
			if (strcmp(name, "all"))
				break;
		}
		if (!mechanism_kinds[i].name && strcmp(name, "all"))
			return -EINVAL;
	}
	return 0;
}

static int choose_line(struct plan *plan, const char *name)
{
	const struct line_kind *kind;

	for (kind = line_kinds; kind->name; kind++) {
		size_t length = strlen(kind->name);

		if (!strncmp(name, kind->name, length) && !strcmp(name + length, "0")) {
			plan->line = kind;
			strscpy(line_name, name);
			return 0;
		}
	}
	return -ENODEV;
}

static int number(const char *text, unsigned int low, unsigned int high, unsigned int *value)
{
	int err = kstrtouint(text, 10, value);

	if (err)
		return err;
	return *value < low || *value > high ? -ERANGE : 0;
}

static int parse(struct plan *plan, char *command)
{
	char *word;
	int err;

	while ((word = strsep(&command, " \n"))) {
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		if (!strcmp(word, "line"))
			err = choose_line(plan, value);
		else if (!strcmp(word, "count"))
			err = number(value, 1, MAX_COUNT, &plan->count);
		else if (!strcmp(word, "burst"))
			err = number(value, 1, MAX_BURST, &plan->burst);
		else if (!strcmp(word, "lines"))
			err = number(value, 1, MAX_LINES, &plan->lines);
		else if (!strcmp(word, "cpu"))
			err = number(value, 0, nr_cpu_ids - 1, &plan->cpu);
		else if (!strcmp(word, "mechanisms"))
			err = choose(plan, value);
		else
			err = -EINVAL;
		if (err)
			return err;
	}
	return plan->line ? 0 : -EINVAL;
}

static ssize_t bench_write(struct file *file, const char __user *user, size_t length, loff_t *at)
{
	struct plan plan = { .count = 1000, .burst = 1, .lines = 1 };
	char *command __free(kfree) = NULL;
	int err;

	if (length > PAGE_SIZE)
		return -E2BIG;
	command = memdup_user_nul(user, length);
	if (IS_ERR(command))
		return PTR_ERR(no_free_ptr(command));
	guard(mutex)(&bench_lock);
	err = parse(&plan, command);
	if (err)
		return err;
	if (!memchr_inv(plan.is_chosen, 0, sizeof(plan.is_chosen)))
		choose(&plan, (char []){ "all" });
	if (!cpu_online(plan.cpu))
		return -ENXIO;
	last_cpu = plan.cpu;
	err = run(&plan);
	return err ?: length;
}

static int bench_show(struct seq_file *m, void *unused)
{
	unsigned int i;

	seq_puts(m, "# mechanisms: ");
	for (i = 0; mechanism_kinds[i].name; i++)
		seq_printf(m, "%s%s", i ? "," : "", mechanism_kinds[i].name);
	guard(mutex)(&bench_lock);
	seq_puts(m, "\n#mechanism line cpu count lost irq_p50 p50 p90 p99 p99.9 max wake_p50 wake_p99 coalesced "
		    "irq_min min wake_min\n");
	for (i = 0; i < nr_rows; i++) {
		const struct row *row = &rows[i];
		const struct summary *bottom = &row->stages[BOTTOM], *wake = &row->stages[WAKE];

		seq_printf(m, "%s %s %u %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu "
			   "%llu %llu %llu\n",
			   row->mechanism, line_name, last_cpu, row->arrived, row->lost,
			   row->stages[TOP].p50, bottom->p50, bottom->p90, bottom->p99, bottom->p99_9,
			   bottom->max, wake->p50, wake->p99, row->raised - row->arrived - row->lost,
			   row->stages[TOP].min, bottom->min, wake->min);
	}
	return 0;
}

static int bench_open(struct inode *inode, struct file *file)
{
	return single_open(file, bench_show, NULL);
}

static const struct file_operations bench_fops = {
	.owner		= THIS_MODULE,
	.open		= bench_open,
	.read		= seq_read,
	.write		= bench_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static struct dentry *file;

static int __init deferral_c_init(void)
{
	int err = records_init();

	if (err)
		return err;
	workers = alloc_workqueue("irqlab_c_workers", WQ_PERCPU, 0);
	if (!workers) {
		err = -ENOMEM;
		goto exit_records;
	}
	file = debugfs_create_file("irqlab_deferral_c", 0600, NULL, NULL, &bench_fops);
	err = PTR_ERR_OR_ZERO(file);
	if (err)
		goto destroy;
	return 0;

destroy:
	destroy_workqueue(workers);
exit_records:
	records_exit();
	return err;
}

static void __exit deferral_c_exit(void)
{
	debugfs_remove(file);
	destroy_workqueue(workers);
	records_exit();
}

module_init(deferral_c_init);
module_exit(deferral_c_exit);
MODULE_DESCRIPTION("Bottom halves in C, to compare irqlab with");
MODULE_LICENSE("GPL");
