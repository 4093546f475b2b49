// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that overwrite, read and discard pages of a block device, checked.
 *
 *   back_stress DEVICE SEED PAGES SECONDS THREADS [errors]
 *
 * Every page says what it is: its number, a generation, and noise made of both. The
 * first half of the pages is shared out among the threads: what comes back is what
 * the owner wrote last. In the second half all write everywhere: what comes back is
 * zero or one whole generation that somebody wrote. With "errors" requests may fail;
 * the page may be any since the last one that did not fail then, but whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#define PAGE		4096
#define MAX_COUNT	32

struct page {
	uint64_t index;
	uint64_t gen;	/* 0: a page of zeroes */
	uint64_t word[PAGE / 8 - 2];
};

static int fd;
static uint64_t seed;
static unsigned long pages;
static unsigned int threads;
static int may_fail;
static time_t end;
static atomic_ulong next_gen = 1, failures, ops;

/* Of the pages of the first half: the last generation written, the last for sure. */
static uint64_t *last, *sure;

static uint64_t mix(uint64_t z)
{
	z += 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* A quarter is all noise, the others compress more or less. */
static void make(struct page *p, uint64_t index, uint64_t gen)
{
	unsigned int i, noisy = (gen & 3) * (PAGE / 8) / 4;

	memset(p, 0, sizeof(*p));
	if (!gen)
		return;
	p->index = index;
	p->gen = gen;
	for (i = 0; i < PAGE / 8 - 2; i++)
		p->word[i] = mix(seed ^ index << 40 ^ gen ^
				 (uint64_t)(i < noisy || (gen & 3) == 3 ? i : 0) << 50);
}

static int is(const struct page *p, uint64_t index, uint64_t gen)
{
	struct page want;

	make(&want, index, gen);
	return !memcmp(p, &want, sizeof(want));
}

static int check(const struct page *p, uint64_t index)
{
	if (!is(p, index, p->gen))
		return 0;
	if (index < pages / 2)
		return p->gen >= sure[index] && p->gen <= last[index];
	return p->gen < next_gen;
}

static int failed(const char *what)
{
	if (may_fail && errno == EIO) {
		failures++;
		return 0;
	}
	perror(what);
	return 1;
}

static int op(struct page *buf, uint64_t r, unsigned long first, unsigned long n)
{
	unsigned long i, count = 1 + (r >> 8) % MAX_COUNT, at;
	unsigned int what = r % 16;
	uint64_t range[2];
	int bad;

	if (count > n)
		count = n;
	at = first + (r >> 16) % (n - count + 1);
	if (what < 8) {
		if (pread(fd, buf, count * PAGE, at * PAGE) != (ssize_t)(count * PAGE))
			return failed("read");
		for (i = 0; i < count; i++) {
			if (check(&buf[i], at + i))
				continue;
			fprintf(stderr, "page %lu: holds page %llu, generation %llu\n", at + i,
				(unsigned long long)buf[i].index, (unsigned long long)buf[i].gen);
			return 1;
		}
		return 0;
	}
	for (i = 0; i < count; i++) {
		uint64_t gen = what < 15 ? next_gen++ : 0;

		if (what < 15)
			make(&buf[i], at + i, gen);
		if (at + i >= pages / 2)
			continue;
		if (gen)
			last[at + i] = gen;
		else
			sure[at + i] = 0;
	}
	range[0] = at * PAGE;
	range[1] = count * PAGE;
	if (what < 15)
		bad = pwrite(fd, buf, count * PAGE, at * PAGE) != (ssize_t)(count * PAGE);
	else
		bad = ioctl(fd, BLKDISCARD, range);
	if (bad && failed(what < 15 ? "write" : "discard"))
		return 1;
	for (i = 0; i < count && at < pages / 2 && !bad; i++) {
		if (what == 15)
			last[at + i] = 0;
		sure[at + i] = last[at + i];
	}
	return 0;
}

static void *thread(void *arg)
{
	unsigned long id = (unsigned long)arg, mine = pages / 2 / threads;
	struct page *buf = aligned_alloc(PAGE, MAX_COUNT * PAGE);
	uint64_t r = mix(seed + id);

	while (buf && time(NULL) < end) {
		r = mix(r);
		if (r >> 63 ? op(buf, r, id * mine, mine) :
			      op(buf, r, pages / 2, pages - pages / 2))
			exit(1);
		ops++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t range[2] = { 0 };
	pthread_t *id;
	unsigned long i;

	if (argc < 6) {
		fprintf(stderr, "usage: back_stress DEVICE SEED PAGES SECONDS THREADS [errors]\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_DIRECT);
	seed = strtoull(argv[2], NULL, 0);
	pages = strtoul(argv[3], NULL, 0);
	end = time(NULL) + atoi(argv[4]);
	threads = atoi(argv[5]);
	may_fail = argc > 6;
	last = calloc(pages, sizeof(*last));
	sure = calloc(pages, sizeof(*sure));
	id = calloc(threads + 1, sizeof(*id));
	if (fd < 0 || !last || !sure || !id || !threads || pages / 2 / threads < MAX_COUNT) {
		perror(argv[1]);
		return 2;
	}
	range[1] = pages * PAGE;
	if (ioctl(fd, BLKDISCARD, range)) {
		perror("BLKDISCARD");
		return 2;
	}
	for (i = 0; i < threads; i++) {
		if (pthread_create(&id[i], NULL, thread, (void *)i))
			return 2;
	}
	for (i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	printf("# %lu requests, %lu failed\n", ops, failures);
	return 0;
}
