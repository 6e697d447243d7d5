// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes from the handler of an interrupt to what defers its work, as two programs in eBPF count it.
 *
 *	bpf_latency IRQ EVENT
 *
 * One program is attached to the kernel's trace event irq_handler_entry, and notes when the handler of IRQ is called.
 * The other is attached to EVENT, such as tasklet_entry, and counts the time since then in a histogram, by its
 * logarithm: what `bpftrace` makes of
 *
 *	rawtracepoint:irq_handler_entry /arg0 == IRQ/ { @at[cpu] = nsecs }
 *	rawtracepoint:EVENT /@at[cpu]/ { @ = hist(nsecs - @at[cpu]); delete(@at[cpu]) }
 *
 * Says "attached" when both count, with how many bytes of machine code the kernel's compiler has made of each (0: they
 * are interpreted); and at SIGTERM, for each bucket: least, greatest, count; and how many calls were missed.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR_BUCKETS 64
/* The kernel writes a value for each possible CPU; no kernel for x86 has more than this (NR_CPUS_RANGE_END). */
#define NR_MAX_CPUS 8192

#define INSN(code_, dst, src, off_, imm_) \
	{ .code = (code_), .dst_reg = (dst), .src_reg = (src), .off = (off_), .imm = (imm_) }
#define MOV(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOV_IMM(dst, imm) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define ADD_IMM(dst, imm) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define SUB(dst, src) INSN(BPF_ALU64 | BPF_SUB | BPF_X, dst, src, 0, 0)
#define SHIFT_RIGHT(dst, imm) INSN(BPF_ALU64 | BPF_RSH | BPF_K, dst, 0, 0, imm)
#define LOAD(dst, src, off) INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE(dst, off, src) INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE_IMM(dst, off, imm) INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, off, imm)
#define STORE_32(dst, off, src) INSN(BPF_STX | BPF_MEM | BPF_W, dst, src, off, 0)
#define STORE_32_IMM(dst, off, imm) INSN(BPF_ST | BPF_MEM | BPF_W, dst, 0, off, imm)
#define IF_ZERO(reg, skip) INSN(BPF_JMP | BPF_JEQ | BPF_K, reg, 0, skip, 0)
#define IF_NOT_32(reg, imm, skip) INSN(BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, skip, imm)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##function)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* R0 becomes the address of the value whose 32-bit key is on top of the stack, or 0. */
#define LOOK_UP(map_fd) \
	MOV(BPF_REG_2, BPF_REG_10), \
	ADD_IMM(BPF_REG_2, -4), \
	INSN(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd), \
	INSN(0, 0, 0, 0, 0), \
	CALL(map_lookup_elem)

/* A step of a binary logarithm: R7 grows by @bits if R6 has more bits than that, which are taken off it. */
#define LOG_STEP(bits) \
	MOV(BPF_REG_1, BPF_REG_6), \
	SHIFT_RIGHT(BPF_REG_1, bits), \
	IF_ZERO(BPF_REG_1, 2), \
	MOV(BPF_REG_6, BPF_REG_1), \
	ADD_IMM(BPF_REG_7, bits)

/* Exit code: 4 if this kernel does not let this process have programs, else 1. */
static void fail(const char *what)
{
	int is_refused = errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP;

	fprintf(stderr, "bpf_latency: %s: %s\n", what, strerror(errno));
	exit(is_refused ? 4 : 1);
}

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* A value for each CPU and key. */
static int create_map(uint32_t nr_keys)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_PERCPU_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint64_t),
		.max_entries = nr_keys,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		fail("no map");
	return fd;
}

static int load(const struct bpf_insn *insns, size_t size)
{
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uintptr_t)insns,
		.insn_cnt = size / sizeof(*insns),
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0) {
		fputs(log, stderr);
		fail("the program is refused");
	}
	return fd;
}

static int attach(int program, const char *event)
{
	union bpf_attr attr = {
		.raw_tracepoint = { .name = (uintptr_t)event, .prog_fd = program },
	};
	int fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);

	if (fd < 0)
		fail(event);
	return fd;
}

static struct bpf_prog_info info_of(int program)
{
	struct bpf_prog_info info = {};
	union bpf_attr attr = {
		.info = { .bpf_fd = program, .info_len = sizeof(info), .info = (uintptr_t)&info },
	};

	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		fail("no information on the program");
	return info;
}

static int load_first(int stamps, int irq)
{
	const struct bpf_insn insns[] = {
		LOAD(BPF_REG_1, BPF_REG_1, 0),
		IF_NOT_32(BPF_REG_1, irq, 10),
		CALL(ktime_get_ns),
		MOV(BPF_REG_6, BPF_REG_0),
		STORE_32_IMM(BPF_REG_10, -4, 0),
		LOOK_UP(stamps),
		IF_ZERO(BPF_REG_0, 1),
		STORE(BPF_REG_0, 0, BPF_REG_6),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return load(insns, sizeof(insns));
}

static int load_second(int stamps, int histogram)
{
	const struct bpf_insn insns[] = {
		CALL(ktime_get_ns),
		MOV(BPF_REG_6, BPF_REG_0),
		STORE_32_IMM(BPF_REG_10, -4, 0),
		LOOK_UP(stamps),
		IF_ZERO(BPF_REG_0, 45),
		LOAD(BPF_REG_1, BPF_REG_0, 0),
		/* Nothing has begun. */
		IF_ZERO(BPF_REG_1, 43),
		STORE_IMM(BPF_REG_0, 0, 0),
		SUB(BPF_REG_6, BPF_REG_1),
		MOV_IMM(BPF_REG_7, 0),
		LOG_STEP(32),
		LOG_STEP(16),
		LOG_STEP(8),
		LOG_STEP(4),
		LOG_STEP(2),
		LOG_STEP(1),
		STORE_32(BPF_REG_10, -4, BPF_REG_7),
		LOOK_UP(histogram),
		IF_ZERO(BPF_REG_0, 3),
		LOAD(BPF_REG_1, BPF_REG_0, 0),
		ADD_IMM(BPF_REG_1, 1),
		STORE(BPF_REG_0, 0, BPF_REG_1),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return load(insns, sizeof(insns));
}

/* What all CPUs have counted in a bucket. */
static uint64_t count_of(int histogram, uint32_t bucket)
{
	static uint64_t counts[NR_MAX_CPUS];
	union bpf_attr attr = {
		.map_fd = histogram,
		.key = (uintptr_t)&bucket,
		.value = (uintptr_t)counts,
	};
	uint64_t sum = 0;

	memset(counts, 0, sizeof(counts));
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		fail("no bucket");
	for (int cpu = 0; cpu < NR_MAX_CPUS; cpu++)
		sum += counts[cpu];
	return sum;
}

int main(int argc, char **argv)
{
	int stamps, histogram, programs[2], links[2], signal;
	sigset_t signals;

	if (argc != 3) {
		fprintf(stderr, "usage: %s IRQ EVENT\n", argv[0]);
		return 2;
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	stamps = create_map(1);
	histogram = create_map(NR_BUCKETS);
	programs[0] = load_first(stamps, atoi(argv[1]));
	programs[1] = load_second(stamps, histogram);
	/* The second one first: what begins is to be counted. */
	links[1] = attach(programs[1], argv[2]);
	links[0] = attach(programs[0], "irq_handler_entry");
	printf("attached %u %u\n", info_of(programs[0]).jited_prog_len, info_of(programs[1]).jited_prog_len);
	fflush(stdout);
	sigwait(&signals, &signal);
	close(links[0]);
	close(links[1]);
	for (uint32_t bucket = 0; bucket < NR_BUCKETS; bucket++) {
		uint64_t count = count_of(histogram, bucket), least = 1ULL << bucket;

		if (count)
			printf("bucket %llu %llu %llu\n", (unsigned long long)(bucket ? least : 0),
			       (unsigned long long)(least - 1 + least), (unsigned long long)count);
	}
	printf("missed %llu\n", (unsigned long long)(info_of(programs[0]).recursion_misses +
						     info_of(programs[1]).recursion_misses));
	return 0;
}
