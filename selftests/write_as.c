// SPDX-License-Identifier: GPL-2.0
/*
 * "write_as locked FILE WORDS" and "write_as threaded FILE WORDS" write a command as a program does that
 * has locked its memory, or that has a second thread. Exit code: 0, or the error's number.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *wait_on(void *unused)
{
	pause();
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t second;
	int file;

	if (argc != 4) {
		fprintf(stderr, "usage: %s locked | threaded FILE WORDS\n", argv[0]);
		return EINVAL;
	}
	if (!strcmp(argv[1], "locked") && mlockall(MCL_CURRENT | MCL_FUTURE))
		return errno;
	if (!strcmp(argv[1], "threaded") && (errno = pthread_create(&second, NULL, wait_on, NULL)))
		return errno;
	file = open(argv[2], O_WRONLY);
	if (file < 0 || write(file, argv[3], strlen(argv[3])) < 0)
		return errno;
	return 0;
}
