// SPDX-License-Identifier: GPL-2.0
/*
 * TLB shootdowns: who takes memory away from a process interrupts every CPU that runs it.
 *
 * A thread on each CPU keeps the process's memory in that CPU's TLB while the first one changes the
 * memory. The kernel's own counts are the witness: TLB, and CAL, as there is no vector for it but that
 * of function calls. The control has processes of their own in place of the threads, whose TLBs have
 * nothing of that memory. Gives KTAP.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CPUS 1024
#define PAGE 4096UL
/* Changes of the memory. A CPU may be doing something else at a few of them. */
#define CHANGES 200
#define MOST (CHANGES / 2)
#define FEW (CHANGES / 10)

static int cpus[MAX_CPUS], nr_cpus;

/* Shared with the processes too. */
static struct shared {
	atomic_int running;
	atomic_bool end;
	volatile char memory[PAGE];
} *shared;

/* ---- The kernel's counts ---------------------------------------------------------------------- */

struct counts {
	unsigned long tlb[MAX_CPUS], cal[MAX_CPUS];
};

/* The columns of a row of /proc/interrupts, each for the CPU that the first line names. */
static void read_row(char *row, const int *columns, int nr_columns, unsigned long *counts)
{
	int i;

	for (i = 0; i < nr_columns; i++)
		counts[columns[i]] = strtoul(row, &row, 10);
}

static void read_counts(struct counts *counts)
{
	static char line[16 * MAX_CPUS];
	static int columns[MAX_CPUS];
	FILE *file = fopen("/proc/interrupts", "r");
	int nr_columns = 0;
	char *name;

	memset(counts, 0, sizeof(*counts));
	if (!file || !fgets(line, sizeof(line), file))
		exit(1);
	for (name = strtok(line, " \n"); name && nr_columns < MAX_CPUS; name = strtok(NULL, " \n"))
		columns[nr_columns++] = atoi(name + strlen("CPU")) % MAX_CPUS;
	while (fgets(line, sizeof(line), file)) {
		name = line + strspn(line, " ");
		if (!strncmp(name, "TLB:", 4))
			read_row(name + 4, columns, nr_columns, counts->tlb);
		else if (!strncmp(name, "CAL:", 4))
			read_row(name + 4, columns, nr_columns, counts->cal);
	}
	fclose(file);
}

/* ---- Those who run on the other CPUs ----------------------------------------------------------- */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		exit(1);
}

static void *run(void *cpu)
{
	pin(*(int *)cpu);
	atomic_fetch_add(&shared->running, 1);
	while (!atomic_load(&shared->end))
		(void)shared->memory[0];
	return NULL;
}

static void start_thread(pthread_t *thread, int *cpu)
{
	if (pthread_create(thread, NULL, run, cpu))
		exit(1);
}

static pid_t start_process(int *cpu)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(1);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(cpu);
	_exit(0);
}

/* ---- What is done to the memory, which but for munmap() stays mapped ---------------------------------------------------------------- */

static char *page(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		exit(1);
	page[0] = 1;
	return page;
}

static void unmap(void)
{
	munmap(page(), PAGE);
}

static void protect(void)
{
	mprotect(page(), PAGE, PROT_READ);
}

static void discard(void)
{
	madvise(page(), PAGE, MADV_DONTNEED);
}

static void nothing(void)
{
	*(volatile char *)page();
}

/* ---- The tests ---------------------------------------------------------------------------------- */

/* What the other CPUs run, and how many shootdowns each has to count. */
static const struct test {
	const char *name;
	void (*change)(void);
	bool are_processes;
	unsigned long min, max;
} tests[] = {
	{ "munmap: interrupts every CPU that runs a thread", unmap, false, MOST, -1UL },
	{ "mprotect: interrupts every CPU that runs a thread", protect, false, MOST, -1UL },
	{ "madvise: interrupts every CPU that runs a thread", discard, false, MOST, -1UL },
	{ "mmap: interrupts none of them", nothing, false, 0, FEW },
	{ "munmap: interrupts no CPU that runs another process", unmap, true, 0, FEW },
};

static bool run_test(const struct test *test)
{
	static struct counts before, after;
	static pthread_t threads[MAX_CPUS];
	static pid_t processes[MAX_CPUS];
	bool passed = true;
	int i;

	atomic_store(&shared->running, 0);
	atomic_store(&shared->end, false);
	for (i = 1; i < nr_cpus; i++) {
		if (test->are_processes)
			processes[i] = start_process(&cpus[i]);
		else
			start_thread(&threads[i], &cpus[i]);
	}
	while (atomic_load(&shared->running) < nr_cpus - 1)
		usleep(100);

	read_counts(&before);
	for (i = 0; i < CHANGES; i++)
		test->change();
	read_counts(&after);

	atomic_store(&shared->end, true);
	for (i = 1; i < nr_cpus; i++) {
		if (test->are_processes)
			waitpid(processes[i], NULL, 0);
		else
			pthread_join(threads[i], NULL);
	}
	for (i = 1; i < nr_cpus; i++) {
		unsigned long tlb = after.tlb[cpus[i]] - before.tlb[cpus[i]];
		unsigned long cal = after.cal[cpus[i]] - before.cal[cpus[i]];

		printf("# CPU %d: %lu TLB shootdowns, %lu function calls, in %d changes\n", cpus[i], tlb, cal,
		       CHANGES);
		/* Each comes by a function call; a call may have been counted just after. */
		passed &= tlb >= test->min && tlb <= test->max && cal + 1 >= tlb;
	}
	return passed;
}

/* CPUs that have the others invalidate by an instruction interrupt nobody. */
static bool has_invlpgb(void)
{
	static char line[8192];
	FILE *file = fopen("/proc/cpuinfo", "r");
	bool has = false;

	while (file && fgets(line, sizeof(line), file))
		has |= !strncmp(line, "flags", 5) && strstr(line, " invlpgb");
	if (file)
		fclose(file);
	return has;
}

int main(void)
{
	const unsigned int nr_tests = sizeof(tests) / sizeof(*tests);
	bool failed = false;
	unsigned int i;
	cpu_set_t set;
	int cpu;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	for (cpu = 0; cpu < CPU_SETSIZE && nr_cpus < MAX_CPUS; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[nr_cpus++] = cpu;
	printf("TAP version 13\n");
	if (nr_cpus < 2 || has_invlpgb()) {
		printf("1..0 # SKIP %s\n", nr_cpus < 2 ? "one CPU" : "TLBs are invalidated without interrupts");
		return 4;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	pin(cpus[0]);
	printf("1..%u\n", nr_tests);
	for (i = 0; i < nr_tests; i++) {
		bool passed = run_test(&tests[i]);

		printf("%s %u %s\n", passed ? "ok" : "not ok", i + 1, tests[i].name);
		failed |= !passed;
	}
	return failed;
}
