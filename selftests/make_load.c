// SPDX-License-Identifier: GPL-2.0
/*
 * Load of one kind on every CPU, for what is tested meanwhile: "make_load fork", "traffic", "timers" or
 * "hogs". Goes on until it is killed, with all of its processes, and for ten minutes at most.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONGEST_S 600
#define PORT 9999
#define TIMER_US 100

/* Processes that come and go. */
static void fork_on(void)
{
	for (;;) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		if (child > 0)
			waitpid(child, NULL, 0);
	}
}

/* Packets through the loopback device. Nobody has to take them. */
static void send_on(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int out = socket(AF_INET, SOCK_DGRAM, 0), in = socket(AF_INET, SOCK_DGRAM, 0);
	static char packet[1000];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ioctl(out, SIOCSIFFLAGS, &loopback);
	bind(in, (struct sockaddr *)&to, sizeof(to));
	for (;;) {
		sendto(out, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to));
		while (recv(in, packet, sizeof(packet), MSG_DONTWAIT) > 0)
			;
	}
}

static void nothing(int signal)
{
	(void)signal;
}

/* A timer that expires all the time. */
static void wait_on(void)
{
	struct itimerval often = { { 0, TIMER_US }, { 0, TIMER_US } };

	signal(SIGALRM, nothing);
	setitimer(ITIMER_REAL, &often, NULL);
	for (;;)
		pause();
}

static void compute_on(void)
{
	for (;;)
		asm volatile("");
}

static const struct {
	const char *name;
	void (*work)(void);
} loads[] = {
	{ "fork", fork_on },
	{ "traffic", send_on },
	{ "timers", wait_on },
	{ "hogs", compute_on },
};

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	void (*work)(void) = NULL;
	unsigned int i;

	for (i = 0; argc == 2 && i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(argv[1], loads[i].name))
			work = loads[i].work;
	if (!work) {
		fprintf(stderr, "usage: %s fork | traffic | timers | hogs\n", argv[0]);
		return 1;
	}
	while (cpus--) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work();
	}
	sleep(LONGEST_S);
	return 0;
}
