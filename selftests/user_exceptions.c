// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions in user mode: what the process is told of each, and where it goes on.
 *
 * Each test raises one by an instruction between two labels. The signal's handler notes what it is
 * given, and has the program go on at the second label. Gives KTAP, with what was seen of each
 * exception as a line before its result; the addresses are relative to the instruction.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define ACCESS "/sys/kernel/debug/irqlab/fixup/access"
#define EFLAGS_TF 0x100
#define PAGE 4096UL
#define VALUE 0x0123456789abcdefUL

/* Error codes of a page fault: protection, write, user mode, fetch. */
#define PF_PROT 1
#define PF_WRITE 2
#define PF_USER 4
#define PF_FETCH 16

/* What the handler was given. */
static volatile struct {
	int count, signal, code;
	long trap, error;
	unsigned long address, ip;
} seen;

/* Where the instruction is, and where to go on; 0 to run it again. */
static volatile unsigned long instruction, resume;
/* A page that the handler is to make accessible. */
static void *volatile to_unlock;

static void handle(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen.count++;
	seen.signal = signal;
	seen.code = info->si_code;
	seen.address = (unsigned long)info->si_addr;
	seen.ip = registers[REG_RIP];
	seen.trap = registers[REG_TRAPNO];
	seen.error = registers[REG_ERR];
	registers[REG_EFL] &= ~EFLAGS_TF;
	if (to_unlock && seen.count == 1)
		mprotect(to_unlock, PAGE, PROT_READ | PROT_WRITE);
	else
		registers[REG_RIP] = resume;
}

/* An instruction, which the two labels are around, and what is to be done before. */
#define RAISE_AFTER(before, text, ...)					\
	asm volatile("leaq 2f(%%rip), %%rax\n\t"			\
		     "movq %%rax, %0\n\t"				\
		     "leaq 3f(%%rip), %%rax\n\t"			\
		     "movq %%rax, %1\n\t"				\
		     "xorl %%eax, %%eax\n\t"				\
		     before "\n"					\
		     "2: " text "\n"					\
		     "3:"						\
		     : "=m"(instruction), "=m"(resume)			\
		     : __VA_ARGS__					\
		     : "rax", "rcx", "rdx", "cc", "memory")
#define RAISE(text, ...) RAISE_AFTER("", text, __VA_ARGS__)

static char *page(int protection)
{
	return mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void load(unsigned long address)
{
	RAISE("movq (%2), %%rax", "r"(address));
}

static void store(unsigned long address)
{
	RAISE("movq %%rax, (%2)", "r"(address));
}

/* ---- What is raised. Each returns the address that it accesses, if it does. ------------------- */

/* An instruction that needs nothing. */
#define RAISES(name, text)		\
	static unsigned long name(void)	\
	{				\
		RAISE(text, "i"(0));	\
		return 0;		\
	}

RAISES(undefined, "ud2")
RAISES(privileged, "hlt")
RAISES(breakpoint, "int3")
RAISES(int_3, ".byte 0xcd, 3")
RAISES(int_4, "int $4")
RAISES(int_0, "int $0")
RAISES(int_14, "int $14")
RAISES(int_0x81, "int $0x81")

static unsigned long divide(void)
{
	RAISE_AFTER("xorl %%edx, %%edx", "divq %2", "r"(0UL));
	return 0;
}

static unsigned long read_unmapped(void)
{
	char *address = page(PROT_READ);

	munmap(address, PAGE);
	load((unsigned long)address);
	return (unsigned long)address;
}

static unsigned long write_unmapped(void)
{
	char *address = page(PROT_READ);

	munmap(address, PAGE);
	store((unsigned long)address);
	return (unsigned long)address;
}

static unsigned long write_readonly(void)
{
	char *address = page(PROT_READ);

	(void)*(volatile char *)address;
	store((unsigned long)address);
	return (unsigned long)address;
}

static unsigned long read_kernel(void)
{
	unsigned long address = 0xffff888000000000;

	load(address);
	return address;
}

static unsigned long read_non_canonical(void)
{
	load(0x8000000000000000);
	return 0;
}

static unsigned long read_beyond_end_of_file(void)
{
	int file = memfd_create("empty", 0);
	char *address = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);

	close(file);
	load((unsigned long)address);
	return (unsigned long)address;
}

static unsigned long fetch_without_permission(void)
{
	char *address = page(PROT_READ | PROT_WRITE);

	*address = 0x90;
	RAISE("jmp *%2", "r"(address));
	/* What faults is the first instruction there. */
	instruction = (unsigned long)address;
	return (unsigned long)address;
}

static unsigned long single_step(void)
{
	RAISE_AFTER("subq $128, %%rsp; pushfq; orq %2, (%%rsp); popfq",
		    "leaq 128(%%rsp), %%rsp", "i"(EFLAGS_TF));
	return 0;
}

/* Where SI_KERNEL is, the kernel says no more than that it was it. */
static const struct {
	const char *name;
	unsigned long (*raise)(void);
	int signal, code;
	long trap, error;
	bool has_address;	/* Or that of the instruction, for DE and UD. */
	int offset;		/* Of the saved RIP: 0 for a fault, the length for a trap. */
} cases[] = {
	{ "divide", divide, SIGFPE, FPE_INTDIV, 0, 0, true, 0 },
	{ "undefined", undefined, SIGILL, ILL_ILLOPN, 6, 0, true, 0 },
	{ "read_unmapped", read_unmapped, SIGSEGV, SEGV_MAPERR, 14, PF_USER, true, 0 },
	{ "write_unmapped", write_unmapped, SIGSEGV, SEGV_MAPERR, 14, PF_USER | PF_WRITE, true, 0 },
	{ "write_readonly", write_readonly, SIGSEGV, SEGV_ACCERR, 14,
	  PF_USER | PF_WRITE | PF_PROT, true, 0 },
	/* Whether the kernel has something there is none of the user's business. */
	{ "read_kernel", read_kernel, SIGSEGV, SEGV_MAPERR, 14, PF_USER | PF_PROT, true, 0 },
	{ "read_non_canonical", read_non_canonical, SIGSEGV, SI_KERNEL, 13, 0, false, 0 },
	{ "read_beyond_end_of_file", read_beyond_end_of_file, SIGBUS, BUS_ADRERR, 14, PF_USER, true, 0 },
	{ "fetch_without_permission", fetch_without_permission, SIGSEGV, SEGV_ACCERR, 14,
	  PF_USER | PF_FETCH | PF_PROT, true, 0 },
	{ "privileged", privileged, SIGSEGV, SI_KERNEL, 13, 0, false, 0 },
	{ "breakpoint", breakpoint, SIGTRAP, SI_KERNEL, 3, 0, false, 1 },
	{ "int_3", int_3, SIGTRAP, SI_KERNEL, 3, 0, false, 2 },
	{ "int_4", int_4, SIGSEGV, SI_KERNEL, 4, 0, false, 2 },
	/* The error code names the gate: its number times 8, and bit 1 for the IDT. */
	{ "int_0", int_0, SIGSEGV, SI_KERNEL, 13, 0 * 8 + 2, false, 0 },
	{ "int_14", int_14, SIGSEGV, SI_KERNEL, 13, 14 * 8 + 2, false, 0 },
	{ "int_0x81", int_0x81, SIGSEGV, SI_KERNEL, 13, 0x81 * 8 + 2, false, 0 },
	{ "single_step", single_step, SIGTRAP, TRAP_TRACE, 1, 0, false, 8 },
};

#define NR_CASES (sizeof(cases) / sizeof(*cases))

static bool failed;
static int number;

static void result(bool is_right, const char *name)
{
	failed |= !is_right;
	printf("%sok %d %s\n", is_right ? "" : "not ", ++number, name);
}

static void forget(void)
{
	memset((void *)&seen, 0, sizeof(seen));
	to_unlock = NULL;
}

static void becomes_a_signal(unsigned int i)
{
	unsigned long address;
	char name[64];

	forget();
	address = cases[i].raise();
	if (cases[i].has_address && !address)
		address = instruction;
	printf("# %s: %d x SIG%s, si_code %d, trap number %ld, error code %#lx, address %#lx, RIP %+ld\n",
	       cases[i].name, seen.count, sigabbrev_np(seen.signal), seen.code, seen.trap, seen.error,
	       seen.address, seen.ip - instruction);
	snprintf(name, sizeof(name), "%s: becomes a signal", cases[i].name);
	result(seen.count == 1 && seen.signal == cases[i].signal && seen.code == cases[i].code &&
	       seen.trap == cases[i].trap && seen.error == cases[i].error &&
	       (!cases[i].has_address || seen.address == address) &&
	       seen.ip - instruction == (unsigned long)cases[i].offset, name);
}

/* ---- What does not become a signal ---------------------------------------------------------------- */

static void runs_again(void)
{
	unsigned long *word = (unsigned long *)page(PROT_READ | PROT_WRITE);
	unsigned long value = 0;

	forget();
	*word = VALUE;
	mprotect(word, PAGE, PROT_NONE);
	to_unlock = word;
	RAISE("movq (%3), %%rax; movq %%rax, %2", "m"(value), "r"(word));
	printf("# runs_again: %d x SIG%s at RIP %+ld, then the load gave %#lx\n", seen.count,
	       sigabbrev_np(seen.signal), seen.ip - instruction, value);
	result(seen.count == 1 && seen.ip == instruction && value == VALUE,
	       "read_protected: the instruction runs again after the handler");
}

static void is_served(void)
{
	volatile unsigned long *word = (unsigned long *)page(PROT_READ | PROT_WRITE);

	forget();
	*word = VALUE;
	printf("# is_served: %d signals, the word is %#lx\n", seen.count, *word);
	result(seen.count == 0 && *word == VALUE, "write_absent: is served without a signal");
}

/* Gate 0x80 is permitted where the kernel runs 32-bit programs: then it is a system call. */
static void asks_for_a_system_call(void)
{
	long pid = 20; /* getpid() of i386 */

	forget();
	asm volatile("leaq 2f(%%rip), %%rcx\n\t"
		     "movq %%rcx, %1\n\t"
		     "leaq 3f(%%rip), %%rcx\n\t"
		     "movq %%rcx, %2\n"
		     "2: int $0x80\n"
		     "3:"
		     : "+a"(pid), "=m"(instruction), "=m"(resume)
		     :
		     : "rcx", "r8", "r9", "r10", "r11", "cc", "memory");
	printf("# int $0x80: %d signals, trap number %ld, error code %#lx, result %ld\n", seen.count,
	       seen.trap, seen.error, pid);
	if (seen.count)
		result(seen.signal == SIGSEGV && seen.trap == 13 && seen.error == 0x80 * 8 + 2 &&
		       seen.ip == instruction, "int_0x80: becomes a signal");
	else
		result(pid == getpid(), "int_0x80: is a system call");
}

/* The default action: the process ends by the signal. */
static void ends_the_process(void)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		signal(SIGILL, SIG_DFL);
		asm volatile("ud2");
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("# a child without a handler: ended by signal %d\n", WTERMSIG(status));
	result(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "undefined: ends the process");
}

/* ---- Bad addresses for the kernel ------------------------------------------------------------------ */

static const char *error_name(long error)
{
	return error ? strerrorname_np(error) : "0";
}

/* error_of CALL - the error number that a system call gives */
#define error_of(call) ((call) < 0 ? errno : 0)

struct range {
	const char *name;
	unsigned long address, size;
	int error;		/* Of a system call. */
	int refusal;		/* Of the lab's knob, before it tries. */
};

static void is_told_in_a_system_call(const struct range *range)
{
	char name[96];
	int ends[2], error;

	if (pipe(ends))
		return;
	forget();
	error = error_of(write(ends[1], (void *)range->address, range->size));
	close(ends[0]);
	close(ends[1]);
	printf("# write() from %s address %#lx: %s, %d signals\n", range->name, range->address,
	       error_name(error), seen.count);
	snprintf(name, sizeof(name), "%s: is told as an error of the system call", range->name);
	result(error == range->error && seen.count == 0, name);
}

/* Whether the last attempt at this address in the task's own context ended with an error. */
static int tell_lab(unsigned long address)
{
	char command[64];
	int file = open(ACCESS, O_WRONLY), error;

	snprintf(command, sizeof(command), "user task address=0x%lx", address);
	error = file < 0 ? errno : error_of(write(file, command, strlen(command)));
	if (file >= 0)
		close(file);
	return error;
}

static long last_end(void)
{
	char line[256], case_name[32], context[16], end[16] = "?";
	FILE *file = fopen(ACCESS, "r");
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %15s %*s %*s %*s %*s %*s %*s %*s %*s %15s", case_name, context,
			   end) == 3 && !strcmp(case_name, "user") && !strcmp(context, "task"))
			sscanf(end, "%ld", &value);
	if (file)
		fclose(file);
	return -value;
}

static void is_told_by_the_lab(const struct range *range)
{
	char name[96];
	int refusal;
	long error = 0;

	snprintf(name, sizeof(name), "%s: is told by a fixup of the lab", range->name);
	if (access(ACCESS, W_OK)) {
		printf("ok %d %s # SKIP there is no lab\n", ++number, name);
		return;
	}
	refusal = tell_lab(range->address);
	if (!refusal)
		error = last_end();
	printf("# the lab's access to %s address %#lx: refused with %s, ended with %s\n", range->name,
	       range->address, error_name(refusal), error_name(error));
	result(refusal == range->refusal && (refusal || error == range->error), name);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	char *mapped = page(PROT_READ | PROT_WRITE);
	/* Far from where the kernel maps something of its own choice. */
	char *unmapped = mmap((void *)0x10000000000, PAGE, PROT_READ,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	const struct range ranges[] = {
		{ "mapped", (unsigned long)mapped, 8, 0, 0 },
		{ "unmapped", (unsigned long)unmapped, 8, EFAULT, 0 },
		{ "null", 0, 8, EFAULT, 0 },
		{ "kernel", 0xffff888000000000, 8, EFAULT, EPERM },
		{ "non-canonical", 0x8000000000000000, 8, EFAULT, EPERM },
		{ "wrapping", -4UL, 8, EFAULT, EPERM },
	};
	const unsigned int nr_ranges = sizeof(ranges) / sizeof(*ranges);
	unsigned int i;

	memset(mapped, 1, PAGE);
	munmap(unmapped, PAGE);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaltstack(&alternate, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &action, NULL);

	printf("TAP version 13\n1..%lu\n", NR_CASES + 4 + 2 * nr_ranges);
	for (i = 0; i < NR_CASES; i++)
		becomes_a_signal(i);
	runs_again();
	is_served();
	asks_for_a_system_call();
	ends_the_process();
	for (i = 0; i < nr_ranges; i++) {
		is_told_in_a_system_call(&ranges[i]);
		is_told_by_the_lab(&ranges[i]);
	}
	return failed;
}
