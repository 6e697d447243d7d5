// SPDX-License-Identifier: GPL-2.0
/*
 * "read_twice FILE" prints what is in a file, and once more from its beginning, by way of the same open file. Exit
 * code: 0, or the error's number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char bytes[4096];
	ssize_t length;
	int file;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return EINVAL;
	}
	file = open(argv[1], O_RDONLY);
	if (file < 0)
		return errno;
	for (int i = 0; i < 2; i++) {
		if (lseek(file, 0, SEEK_SET) < 0)
			return errno;
		while ((length = read(file, bytes, sizeof(bytes))) > 0)
			if (write(STDOUT_FILENO, bytes, length) != length)
				return EIO;
		if (length < 0)
			return errno;
	}
	return 0;
}
