// SPDX-License-Identifier: GPL-2.0
/*
 * The part of some claims that only a program can play, as a kernel module raises no exception in user
 * mode and makes no system call.
 *
 * "user_part EXC-12" does what claim EXC-12 watches for, again and again until it is killed, and for
 * half an hour at most. "user_part all" does so for all claims of the table, in a process for each.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EFLAGS_TF 0x100
#define PAGE 4096UL

/* Between two rounds of a part. */
#define PAUSE_US 20000
#define LONGEST_S 1800

/* fork(), but the new process is killed when this one ends. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It has ended before. */
	if (getppid() != parent)
		_exit(1);
	return 0;
}

/* ---- Exceptions ------------------------------------------------------------------------------- */

static sigjmp_buf behind;

static void go_on_behind(int signal)
{
	siglongjmp(behind, signal);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	struct sigaction action = { .sa_handler = go_on_behind };
	unsigned int i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Executes one instruction that becomes a signal, and goes on. */
#define RAISE(text, ...)					\
	do {							\
		if (!sigsetjmp(behind, 1))			\
			asm volatile(text : : __VA_ARGS__	\
				     : "rax", "rcx", "rdx", "cc", "memory");	\
	} while (0)

/* The instruction after POPF becomes SIGTRAP. */
#define STEP "subq $128, %%rsp; pushfq; orq %0, (%%rsp); popfq; leaq 128(%%rsp), %%rsp"

/* Through a gate that user mode may not use, and through one that it may. */
static void raise_by_int(void)
{
	catch_signals();
	RAISE("int $0x81", "i"(0));
	RAISE("int $3", "i"(0));
}

/* A page that is mapped, and of a file that has none. */
static char *beyond_the_end(void)
{
	static char *page;

	if (!page) {
		int file = memfd_create("empty", 0);

		page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
		close(file);
	}
	return page;
}

/* One exception at least for each signal that exceptions become. */
static void raise_exceptions(void)
{
	catch_signals();
	RAISE("xorl %%ecx, %%ecx; divl %%ecx", "i"(0));
	RAISE("ud2", "i"(0));
	RAISE("int3", "i"(0));
	RAISE(STEP, "i"(EFLAGS_TF));
	RAISE("int $4", "i"(0));
	RAISE("hlt", "i"(0));
	RAISE("movb (%0), %%al", "r"(0UL));
	RAISE("movb (%0), %%al", "r"(beyond_the_end()));
}

/* ---- Threads ---------------------------------------------------------------------------------- */

/* The two of them, each on a CPU of its own. */
static int cpus[2];
static atomic_bool is_there, is_over;

static bool find_cpus(void)
{
	unsigned int found = 0;
	cpu_set_t set;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[found++] = cpu;
	return found == 2;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* A CPU that is not there any more is for the claim to miss. */
	sched_setaffinity(0, sizeof(set), &set);
}

static void *run_meanwhile(void *unused)
{
	pin(cpus[1]);
	atomic_store(&is_there, true);
	while (!atomic_load(&is_over))
		;
	return unused;
}

/* One thread takes away pages that another one, on another CPU, could use, too. */
static void unmap_beside_a_thread(void)
{
	static bool is_ready;
	pthread_t other;
	int round;

	if (!is_ready && !find_cpus())
		return;
	is_ready = true;
	atomic_store(&is_there, false);
	atomic_store(&is_over, false);
	if (pthread_create(&other, NULL, run_meanwhile, NULL))
		return;
	pin(cpus[0]);
	for (round = 0; round < 200 && !atomic_load(&is_there); round++)
		usleep(100);
	for (round = 0; round < 5; round++) {
		char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			break;
		*page = 1;
		munmap(page, PAGE);
	}
	atomic_store(&is_over, true);
	pthread_join(other, NULL);
}

/* Marks by which the claims know these: what is in RCX, or is the first argument of a system call. */
#define LOAD_ES 0x6972716c61620001
#define TELL_ES 0x6972716c61620002
#define WRONG_WRITE 0x6972716c61620003
#define READ_TIME 0x6972716c61620004
#define READ_TIME_BY_CALLS 0x6972716c61620005
#define END_OF_TIME 0x6972716c61620006
#define CALL_BY_SYSCALL 0x6972716c61620007
#define CALL_BY_INT 0x6972716c61620008
#define KEEPS_ITS_HANDLER 0x6972716c61620009
#define TAKES_IT_AWAY 0x6972716c6162000a
#define HAS_NONE 0x6972716c6162000b

/* Two page faults: behind the first ES is read, and the second has it in RAX. */
static void tell_es(void)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		_exit(1);
	asm volatile("movq %0, %%rcx\n\t"
		     "movb (%2), %%dl\n\t"
		     "xorl %%eax, %%eax\n\t"
		     "movw %%es, %%ax\n\t"
		     "movq %1, %%rcx\n\t"
		     "movb (%3), %%dl"
		     : : "r"(LOAD_ES), "r"(TELL_ES), "r"(pages), "r"(pages + PAGE)
		     : "rax", "rcx", "rdx", "cc", "memory");
	munmap(pages, 2 * PAGE);
}

/* A #GP, whose error code says 0x81, and then a page fault. */
static void write_where_nothing_is(void)
{
	catch_signals();
	RAISE("int $0x81", "i"(0));
	RAISE("movq %0, %%rcx; xorl %%eax, %%eax; movb %%al, (%%rax)", "r"(WRONG_WRITE));
}

/* The page fault becomes SIGBUS; what is in CX tells who raises it. */
#define READ_BEYOND "movq %0, %%rcx; movb (%1), %%al"

/* Reads in a process of its own, which must end by that. */
static void be_killed(unsigned long mark)
{
	pid_t child = fork_bound();

	if (!child) {
		/* No core dump. */
		prctl(PR_SET_DUMPABLE, 0);
		if (mark == TAKES_IT_AWAY)
			catch_signals();
		signal(SIGBUS, SIG_DFL);
		asm volatile(READ_BEYOND : : "r"(mark), "r"(beyond_the_end()) : "rax", "rcx", "memory");
		_exit(1);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* A process without a handler, one that takes it away, and this one with one. */
static void read_with_and_without_handler(void)
{
	be_killed(HAS_NONE);
	be_killed(TAKES_IT_AWAY);
	catch_signals();
	RAISE(READ_BEYOND, "r"(KEEPS_ITS_HANDLER), "r"(beyond_the_end()));
	RAISE(READ_BEYOND, "r"(KEEPS_ITS_HANDLER), "r"(beyond_the_end()));
}

/* ---- System calls ----------------------------------------------------------------------------- */

/* By SYSCALL, and as 32-bit programs do: getpid(), which where no such programs run is a #GP. */
static void call_the_kernel(void)
{
	catch_signals();
	syscall(SYS_getppid, CALL_BY_SYSCALL);
	RAISE("movl $20, %%eax; int $0x80", "D"(CALL_BY_INT));
}

static void read_the_time(void)
{
	struct timespec now;
	int i;

	syscall(SYS_getppid, READ_TIME);
	for (i = 0; i < 100; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
	syscall(SYS_getppid, END_OF_TIME);
	syscall(SYS_getppid, READ_TIME_BY_CALLS);
	for (i = 0; i < 100; i++)
		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	syscall(SYS_getppid, END_OF_TIME);
}

/* ---- Which claim needs what ------------------------------------------------------------------- */

/* A line for each claim: its id, and one round of its part. */
static const struct part {
	const char *id;
	void (*play)(void);
} parts[] = {
	{ "EXC-03", raise_by_int },
	{ "EXC-12", raise_exceptions },
	{ "EXC-19", call_the_kernel },
	{ "EXC-22", tell_es },
	{ "EXC-27", write_where_nothing_is },
	{ "EXC-28", read_with_and_without_handler },
	{ "EXC-29", read_the_time },
	{ "IPI-08", unmap_beside_a_thread },
};

#define NR_PARTS (sizeof(parts) / sizeof(*parts))

static void play(const struct part *part)
{
	for (;;) {
		part->play();
		usleep(PAUSE_US);
	}
}

int main(int argc, char **argv)
{
	const char *id = argc == 2 ? argv[1] : "";
	unsigned int i;

	alarm(LONGEST_S);
	for (i = 0; i < NR_PARTS; i++)
		if (!strcasecmp(id, parts[i].id))
			play(&parts[i]);
	if (strcmp(id, "all")) {
		fprintf(stderr, "usage: %s all, or one of:", argv[0]);
		for (i = 0; i < NR_PARTS; i++)
			fprintf(stderr, " %s", parts[i].id);
		fprintf(stderr, "\n");
		return 1;
	}
	for (i = 0; i < NR_PARTS; i++)
		if (!fork_bound())
			play(&parts[i]);
	for (;;)
		pause();
}
