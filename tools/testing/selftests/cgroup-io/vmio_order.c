// SPDX-License-Identifier: GPL-2.0
/*
 * In what order the requests of cgroups come back.
 *
 *   vmio_order DEVICE EACH PARENT DIRECTORY...
 *
 * Sets a limit of a byte per second to the cgroup PARENT, sends EACH direct reads of
 * 4 KiB to DEVICE from every one of the cgroups below it, without waiting for any, prints
 * "sent", reads a line, and lifts the limit. Prints how many of each cgroup had come back
 * when the first of the cgroups had all of its own, and how many ms after the limit that
 * was; and when all had come back, "all" and how many ms that took.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void set(const char *dir, const char *file, const char *text)
{
	const ssize_t len = strlen(text);
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, len) != len)
		die(path);
	close(fd);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void send_all(aio_context_t ctx, int fd, char **dirs, unsigned int n,
		     unsigned int each, void *buf)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		set(dirs[i], "cgroup.procs", "0");
		for (j = 0; j < each; j++) {
			struct iocb cb = {
				.aio_data = i,
				.aio_lio_opcode = IOCB_CMD_PREAD,
				.aio_fildes = fd,
				.aio_buf = (uintptr_t)buf,
				.aio_nbytes = BLOCK,
				.aio_offset = (long long)(i * each + j) * BLOCK,
			}, *cbs[] = { &cb };

			if (syscall(SYS_io_submit, ctx, 1, cbs) != 1)
				die("io_submit");
		}
	}
}

int main(int argc, char **argv)
{
	const unsigned int n = argc - 4, each = argc > 4 ? atoi(argv[2]) : 0;
	unsigned int i, left, *had;
	struct io_event event;
	aio_context_t ctx = 0;
	int first = 1, fd;
	long long start;
	char line[16];
	void *buf;

	if (argc < 5 || !each) {
		fprintf(stderr, "usage: vmio_order DEVICE EACH PARENT DIRECTORY...\n");
		return 2;
	}
	had = calloc(n, sizeof(*had));
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0)
		die(argv[1]);
	if (!had || posix_memalign(&buf, BLOCK, BLOCK))
		die("memory");
	if (syscall(SYS_io_setup, n * each, &ctx))
		die("io_setup");
	set(argv[3], "io.vm.limit", "disk bps=1");
	send_all(ctx, fd, argv + 4, n, each, buf);
	puts("sent");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		die("line");
	start = now_ms();
	set(argv[3], "io.vm.limit", "disk bps=max");
	for (left = n * each; left; left--) {
		/* One by one: the count is to be that of the moment. */
		if (syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) != 1)
			die("io_getevents");
		if (event.res != BLOCK)
			die("read");
		if (++had[event.data] < each || !first)
			continue;
		first = 0;
		for (i = 0; i < n; i++)
			printf("%u ", had[i]);
		printf("%lld\n", now_ms() - start);
		fflush(stdout);
	}
	printf("all %lld\n", now_ms() - start);
	return 0;
}
