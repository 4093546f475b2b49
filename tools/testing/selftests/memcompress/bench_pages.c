// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and pages for the benchmarks of memcompress.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench_mcz.h"

#define BATCH	128

uint64_t bm_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* ---- devices ------------------------------------------------------------ */

static int attr_read(const struct bm_side *s, const char *name, char *buf, size_t size)
{
	char path[BM_PATH];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", s->disk, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	buf[n] = 0;
	return 0;
}

static int attr_write(const struct bm_side *s, const char *name, const char *value)
{
	char path[BM_PATH];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", s->disk, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : 0;
}

/* Is the device there? Notes its default algorithm. */
int bm_find(struct bm_side *s)
{
	char algs[256], *end, *at;
	int err = attr_read(s, "comp_algorithm", algs, sizeof(algs));

	s->fd = -1;
	if (err)
		return err;
	at = strchr(algs, '[');
	end = at ? strchr(at, ']') : NULL;
	if (!end || end - at > (ptrdiff_t)sizeof(s->fallback))
		return -EINVAL;
	*end = 0;
	strcpy(s->fallback, at + 1);
	return 0;
}

bool bm_has(const struct bm_side *s, const char *alg)
{
	char algs[256], *word, *rest = algs;

	if (attr_read(s, "comp_algorithm", algs, sizeof(algs)))
		return false;
	while ((word = strsep(&rest, " []\n"))) {
		if (!strcmp(word, alg))
			return true;
	}
	return false;
}

/* Set up with an algorithm, NULL = its default, and open. */
int bm_start(struct bm_side *s, const char *alg, uint64_t bytes)
{
	char path[BM_PATH];
	int err;

	err = attr_write(s, "comp_algorithm", alg ? alg : s->fallback);
	if (!err) {
		snprintf(path, sizeof(path), "%llu", (unsigned long long)bytes);
		err = attr_write(s, "disksize", path);
	}
	if (err) {
		printf("# %s: %s\n", s->disk, strerror(-err));
		return err;
	}
	snprintf(path, sizeof(path), "/dev/%s", s->disk);
	s->fd = open(path, O_RDWR | O_DIRECT);
	return s->fd < 0 ? -errno : 0;
}

void bm_stop(struct bm_side *s)
{
	unsigned int i;

	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	/* Whoever looks at new disks may have it open for a moment. */
	for (i = 0; attr_write(s, "reset", "1") == -EBUSY && i < 100; i++)
		usleep(50000);
}

/* A column of mm_stat, from 1. */
uint64_t bm_mm_stat(const struct bm_side *s, unsigned int column)
{
	char line[256], *word, *rest = line;

	if (attr_read(s, "mm_stat", line, sizeof(line)))
		return 0;
	while ((word = strsep(&rest, "\n "))) {
		if (*word && !--column)
			return strtoull(word, NULL, 10);
	}
	return 0;
}

/* ---- pages -------------------------------------------------------------- */

/* Memory that makes large bios: huge pages where there are any. */
int bm_alloc(struct bm_pages *p, size_t count)
{
	size_t size = (count * BM_PAGE + BM_HUGE - 1) & ~(BM_HUGE - 1);

	p->count = count;
	p->mem = aligned_alloc(BM_HUGE, size);
	if (!p->mem)
		return -ENOMEM;
	madvise(p->mem, size, MADV_HUGEPAGE);
	memset(p->mem, 0, size);
	return 0;
}

void bm_free(struct bm_pages *p)
{
	free(p->mem);
	p->mem = NULL;
}

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void bm_fill_noise(struct bm_pages *p)
{
	uint64_t *word = (uint64_t *)p->mem, state = 1;
	size_t i;

	for (i = 0; i < p->count * BM_PAGE / sizeof(*word); i++)
		word[i] = next(&state);
}

/* Text of a skewed vocabulary. */
static void fill_text(uint8_t *page, uint64_t *state)
{
	size_t at = 0, i, len;

	while (at < BM_PAGE) {
		uint64_t seed = next(state);
		uint64_t word = (seed & 0xffff) * (seed >> 16 & 0xffff) >> 20;

		len = 2 + word % 9;
		for (i = 0; i < len && at < BM_PAGE; i++)
			page[at++] = 'a' + next(&word) % 26;
		if (at < BM_PAGE)
			page[at++] = ' ';
	}
}

/* Objects of a heap: pointers into it, small numbers, zeroes. */
static void fill_heap(uint8_t *page, uint64_t *state)
{
	uint64_t *word = (uint64_t *)page, base = 0x7f0000000000ULL | (next(state) & 0xfffff000);
	size_t i;

	for (i = 0; i < BM_PAGE / sizeof(*word); i++) {
		uint64_t seed = next(state);

		switch (seed % 8) {
		case 0: case 1: case 2:
			word[i] = base + (seed >> 8 & 0xfff0);
			break;
		case 3:
			word[i] = seed >> 8 & 0xffff;
			break;
		case 4:
			word[i] = seed >> 20;
			break;
		default:
			word[i] = 0;
		}
	}
}

/* Content that compresses to about 40 %, the same at every call. */
void bm_fill_made(struct bm_pages *p)
{
	uint64_t state = 2;
	size_t i;

	for (i = 0; i < p->count; i++) {
		if (i & 1)
			fill_text(p->mem + i * BM_PAGE, &state);
		else
			fill_heap(p->mem + i * BM_PAGE, &state);
	}
}

static int read_all(int fd, uint8_t *to, size_t size)
{
	while (size) {
		ssize_t n = read(fd, to, size);

		if (n <= 0)
			return -EIO;
		to += n;
		size -= n;
	}
	return 0;
}

static int read_file(struct bm_pages *p, const char *dir, const char *name)
{
	size_t old = p->count, more;
	char path[512];
	struct stat st;
	uint8_t *mem;
	int fd, err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		goto out;
	}
	err = -ENOMEM;
	more = S_ISREG(st.st_mode) ? st.st_size / BM_PAGE : 0;
	mem = aligned_alloc(BM_PAGE, (old + more + 1) * BM_PAGE);
	if (!mem)
		goto out;
	memcpy(mem, p->mem, old * BM_PAGE);
	free(p->mem);
	p->mem = mem;
	p->count = old + more;
	err = read_all(fd, mem + old * BM_PAGE, more * BM_PAGE);
out:
	if (fd >= 0)
		close(fd);
	return err;
}

/*
 * The pages of all files of a directory. With @sample as many of them as @p has
 * pages, evenly; else @p becomes as large as they are.
 */
int bm_fill_from(struct bm_pages *p, const char *dir, bool sample)
{
	struct bm_pages all = { aligned_alloc(BM_PAGE, BM_PAGE), 0 };
	struct dirent **entry;
	int i, n, err = 0;
	size_t j;

	n = scandir(dir, &entry, NULL, alphasort);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		if (!err && entry[i]->d_name[0] != '.')
			err = read_file(&all, dir, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	if (!err && (!all.count || (sample && all.count < p->count)))
		err = -ENODATA;
	if (!err && !sample) {
		*p = all;
		return 0;
	}
	for (j = 0; !err && j < p->count; j++)
		memcpy(p->mem + j * BM_PAGE,
		       all.mem + j * all.count / p->count * BM_PAGE, BM_PAGE);
	free(all.mem);
	return err;
}

/* ---- I/O ---------------------------------------------------------------- */

/*
 * Write @count pages from @first to the device, or read them, each in a request of its own. Many
 * are handed over with a system call, as these would cost more than the device.
 */
int bm_rw(const struct bm_side *s, struct bm_pages *p, size_t first, size_t count,
	  bool write)
{
	static aio_context_t ctx;
	struct iocb cb[BATCH], *cbs[BATCH];
	struct io_event event[BATCH];
	const size_t end = first + count;
	size_t at, i, n;

	if (!ctx && syscall(SYS_io_setup, BATCH, &ctx))
		return -errno;
	memset(cb, 0, sizeof(cb));
	for (at = first; at < end; at += n) {
		n = end - at < BATCH ? end - at : BATCH;
		for (i = 0; i < n; i++) {
			cb[i].aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
			cb[i].aio_fildes = s->fd;
			cb[i].aio_buf = (uintptr_t)(p->mem + (at + i) * BM_PAGE);
			cb[i].aio_nbytes = BM_PAGE;
			cb[i].aio_offset = (at + i) * BM_PAGE;
			cbs[i] = &cb[i];
		}
		if (syscall(SYS_io_submit, ctx, n, cbs) != (long)n ||
		    syscall(SYS_io_getevents, ctx, n, n, event, NULL) != (long)n)
			return -EIO;
		for (i = 0; i < n; i++) {
			if (event[i].res != (int64_t)BM_PAGE)
				return -EIO;
		}
	}
	return 0;
}
