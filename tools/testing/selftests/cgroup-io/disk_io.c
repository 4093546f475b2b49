// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of 4 KiB to a disk, past the page cache.
 *
 *   disk_io read DEVICE DEPTH COUNT
 *
 * COUNT reads, DEPTH of them at a time; 0 for any number.
 *
 *   disk_io flush DEVICE DEPTH
 *
 * From DEPTH processes each a write and a flush in turn, until killed.
 *
 *   disk_io check DEVICE DEPTH STATE
 *
 * DEPTH requests at a time, writes of known contents and reads that look for them, until
 * killed or until the disk is gone. The file STATE says "COUNT wrong WRONG" meanwhile, and
 * at the end of the disk "COUNT wrong WRONG gone".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 4096
#define WORDS (BLOCK / sizeof(uint64_t))
#define BLOCKS 4096
#define DEPTH_MAX 256
#define REPORT 16

/**
 * struct slot - a request at a time
 * @cb: as the kernel knows it
 * @buf: its data
 * @block: where
 */
struct slot {
	struct iocb cb;
	uint64_t *buf;
	uint32_t block;
};

static struct slot slots[DEPTH_MAX];
/* What was written last to each block; 0 if nothing was by this process. */
static uint32_t stamps[BLOCKS];
static aio_context_t ctx;
static int disk;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *block_buf(void)
{
	void *buf;

	if (posix_memalign(&buf, BLOCK, BLOCK))
		die("memory");
	memset(buf, 0, BLOCK);
	return buf;
}

/* Returns false if the disk is gone. */
static int submit(struct slot *s, uint16_t what)
{
	struct iocb *cbs[] = { &s->cb };

	s->cb = (struct iocb){
		.aio_data = (uintptr_t)s,
		.aio_lio_opcode = what,
		.aio_fildes = disk,
		.aio_buf = (uintptr_t)s->buf,
		.aio_nbytes = BLOCK,
		.aio_offset = (int64_t)s->block * BLOCK,
	};
	return syscall(SYS_io_submit, ctx, 1, cbs) == 1;
}

static void setup(unsigned int depth)
{
	unsigned int i;

	if (syscall(SYS_io_setup, depth, &ctx))
		die("io_setup");
	for (i = 0; i < depth; i++)
		slots[i].buf = block_buf();
}

static int read_some(unsigned int depth, unsigned long count)
{
	unsigned long sent, done = 0;
	struct io_event event;
	struct slot *s;

	setup(depth);
	for (sent = 0; sent < depth && (!count || sent < count); sent++) {
		slots[sent].block = random() % BLOCKS;
		if (!submit(&slots[sent], IOCB_CMD_PREAD))
			die("io_submit");
	}
	while (done < sent) {
		if (syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) != 1)
			die("io_getevents");
		if (event.res != BLOCK) {
			errno = -event.res;
			die("read");
		}
		done++;
		if (count && sent >= count)
			continue;
		s = (struct slot *)(uintptr_t)event.data;
		s->block = random() % BLOCKS;
		if (!submit(s, IOCB_CMD_PREAD))
			die("io_submit");
		sent++;
	}
	return 0;
}

static int flush_some(unsigned int depth)
{
	unsigned int i;

	for (i = 0; i < depth; i++) {
		void *buf;

		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		buf = block_buf();
		for (;;) {
			if (pwrite(disk, buf, BLOCK, (off_t)i * BLOCK) != BLOCK || fdatasync(disk))
				die("write");
		}
	}
	wait(NULL);
	return 1;
}

static int report(int fd, unsigned long count, unsigned long wrong, const char *end)
{
	char text[64];
	const int len = snprintf(text, sizeof(text), "%lu wrong %lu%s\n", count, wrong, end);

	if (pwrite(fd, text, len, 0) != len)
		die("state");
	return 0;
}

/* The same word all over: the block's number and its stamp; zeroes where nothing was written. */
static int is_wrong(const struct slot *s)
{
	const uint64_t word = s->buf[0];
	unsigned int i;

	for (i = 1; i < WORDS; i++) {
		if (s->buf[i] != word)
			return 1;
	}
	if (stamps[s->block])
		return word != ((uint64_t)s->block << 32 | stamps[s->block]);
	return word && word >> 32 != s->block;
}

/* A slot has blocks of its own, so that no two requests meet in one. */
static int next(struct slot *s, unsigned int depth)
{
	unsigned int i;

	s->block = s - slots + random() % (BLOCKS / depth) * depth;
	if (random() & 1)
		return submit(s, IOCB_CMD_PREAD);
	stamps[s->block]++;
	for (i = 0; i < WORDS; i++)
		s->buf[i] = (uint64_t)s->block << 32 | stamps[s->block];
	return submit(s, IOCB_CMD_PWRITE);
}

static int check(unsigned int depth, const char *state)
{
	const int fd = open(state, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	unsigned long count = 0, wrong = 0;
	struct io_event event;
	unsigned int i;

	if (fd < 0)
		die(state);
	setup(depth);
	for (i = 0; i < depth; i++) {
		if (!next(&slots[i], depth))
			return report(fd, count, wrong, " gone");
	}
	for (;;) {
		struct slot *s;

		if (syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) != 1)
			die("io_getevents");
		s = (struct slot *)(uintptr_t)event.data;
		if (event.res != BLOCK)
			return report(fd, count, wrong, " gone");
		wrong += s->cb.aio_lio_opcode == IOCB_CMD_PREAD && is_wrong(s);
		if (!(++count % REPORT))
			report(fd, count, wrong, "");
		if (!next(s, depth))
			return report(fd, count, wrong, " gone");
	}
}

int main(int argc, char **argv)
{
	const unsigned int depth = argc > 3 ? atoi(argv[3]) : 0;

	if (!depth || depth > DEPTH_MAX)
		goto usage;
	disk = open(argv[2], O_RDWR | O_DIRECT);
	if (disk < 0)
		die(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "read"))
		return read_some(depth, atol(argv[4]));
	if (argc == 4 && !strcmp(argv[1], "flush"))
		return flush_some(depth);
	if (argc == 5 && !strcmp(argv[1], "check"))
		return check(depth, argv[4]);
usage:
	fprintf(stderr, "usage: disk_io read DEVICE DEPTH COUNT\n"
		"       disk_io flush DEVICE DEPTH\n"
		"       disk_io check DEVICE DEPTH STATE\n");
	return 2;
}
