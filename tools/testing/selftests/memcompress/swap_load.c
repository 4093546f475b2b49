// SPDX-License-Identifier: GPL-2.0
/*
 * A process whose memory is larger than it may have, and that knows every page.
 *
 *   swap_load [-c CGROUP] [-r ROUNDS] [-n] [-s FILE] KIND MIB
 *
 * Enters CGROUP, writes MIB of memory, and in each of ROUNDS rounds (1; 0: until
 * SIGTERM) reads pages in random order, checks each against what it wrote last, and
 * rewrites one in four; at the end it checks all of them. FILE always tells how far it
 * got: "round N wrong M", or "done N wrong M". With -n no page can be compressed.
 * Exits 0 if no page ever differed. Kinds:
 *
 *   anon    anonymous memory
 *   thp     in huge pages, of whatever sizes are enabled for madvise
 *   memfd   a shared mapping of a memory file
 *   fork    two processes that share the pages until they write
 *   ksm     many equal pages, which KSM may merge
 *   advice  told to swap pages out, or in, at random
 *   fault   swaps all of it out and measures every fault: prints "fault us: p50 A
 *           p99 B max C of N", and how many pages were "kept", as nobody took them
 *   hold    memory that cannot be swapped, not looked at until SIGTERM
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define KSM_PAGES 64
#define ADVICE_PAGES 64

struct load {
	const char *kind;
	const char *state_file;
	uint8_t *mem;
	uint32_t *version;	/* of each page */
	unsigned long pages;
	unsigned long kept;	/* pages that were to be swapped out and were not */
	unsigned long bad;
	uint64_t state;
	bool noise;
	uint32_t *us;		/* samples of fault times */
	unsigned long samples, room;
};

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	stop = 1;
}

static bool is(const struct load *l, const char *kind)
{
	return !strcmp(l->kind, kind);
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t rnd(struct load *l)
{
	return mix(l->state += 0x9e3779b97f4a7c15ULL);
}

/* The content of a page follows from its number and version. */
static void make(const struct load *l, uint64_t *page, unsigned long i)
{
	uint32_t version = l->version[i];
	uint64_t seed;
	unsigned int w, kind;

	if (is(l, "ksm"))
		i %= KSM_PAGES;
	seed = mix((uint64_t)version << 32 | (i + 1));
	kind = l->noise ? 3 : seed % 8;
	for (w = 0; w < PAGE / 8; w++) {
		switch (kind) {
		case 0:
			page[w] = 0;
			break;
		case 1:
			page[w] = (uint32_t)seed | seed << 32;
			break;
		case 2:
			page[w] = seed;
			break;
		case 3:
			page[w] = mix(seed + w);
			break;
		case 4:
			page[w] = w & 3 ? 0 : mix(seed + w);
			break;
		default:
			page[w] = seed + w / 4;
		}
	}
	if (kind > 3)
		page[seed / 8 % (PAGE / 8)] = version;
}

static void rewrite(struct load *l, unsigned long i)
{
	l->version[i]++;
	make(l, (uint64_t *)(l->mem + i * PAGE), i);
}

static void check(struct load *l, unsigned long i)
{
	uint64_t want[PAGE / 8];

	make(l, want, i);
	if (!memcmp(l->mem + i * PAGE, want, PAGE))
		return;
	if (l->bad++ < 10)
		fprintf(stderr, "%s: page %lu, version %u: wrong content\n",
			l->kind, i, l->version[i]);
}

static void tell(const struct load *l, const char *what, unsigned long n)
{
	char line[64];
	int fd, len;

	if (!l->state_file)
		return;
	len = snprintf(line, sizeof(line), "%s %lu wrong %lu\n", what, n, l->bad);
	fd = open(l->state_file, O_WRONLY | O_CREAT, 0644);
	if (fd < 0 || pwrite(fd, line, len, 0) != len)
		perror(l->state_file);
	if (fd >= 0)
		close(fd);
}

static void advise(struct load *l)
{
	static const int advice[] = { MADV_PAGEOUT, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLD };
	unsigned long n = rnd(l) % ADVICE_PAGES + 1;
	unsigned long i = rnd(l) % l->pages;

	if (n > l->pages - i)
		n = l->pages - i;
	if (madvise(l->mem + i * PAGE, n * PAGE, advice[rnd(l) % 4]))
		perror("madvise");
}

static void round_of(struct load *l)
{
	unsigned long n;

	for (n = 0; n < l->pages && !stop; n++) {
		unsigned long i = rnd(l) % l->pages;

		if (is(l, "advice") && n % 16 == 0)
			advise(l);
		check(l, i);
		if (rnd(l) % 4 == 0)
			rewrite(l, i);
	}
}

static uint32_t touch(const volatile uint8_t *at)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	(void)*at;
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
}

/*
 * Swap all out; fault it in page by page, in an order that no read-ahead guesses:
 * the step is a prime, so that it meets every page.
 */
static void fault_round(struct load *l)
{
	unsigned long n, i, step = 7919;
	unsigned char *in = malloc(l->pages);

	madvise(l->mem, l->pages * PAGE, MADV_PAGEOUT);
	if (!in || mincore(l->mem, l->pages * PAGE, in)) {
		perror("mincore");
		exit(2);
	}
	for (n = i = 0; n < l->pages && !stop; n++, i = (i + step) % l->pages) {
		if (in[i] & 1) {
			l->kept++;
			continue;
		}
		if (l->samples < l->room)
			l->us[l->samples++] = touch(l->mem + i * PAGE);
		check(l, i);
		if (rnd(l) % 4 == 0)
			rewrite(l, i);
	}
	free(in);
}

static int compare(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static void report_faults(struct load *l)
{
	unsigned long n = l->samples;

	if (n) {
		qsort(l->us, n, sizeof(*l->us), compare);
		printf("fault us: p50 %u p99 %u max %u of %lu\n", l->us[n / 2],
		       l->us[n * 99 / 100], l->us[n - 1], n);
	}
	printf("kept %lu\n", l->kept);
}

static int enter(const char *cgroup)
{
	char path[4096];
	int fd, n;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY);
	n = fd < 0 ? -1 : dprintf(fd, "%d", getpid());
	if (n < 0)
		perror(path);
	if (fd >= 0)
		close(fd);
	return n;
}

static uint8_t *map(const struct load *l)
{
	const size_t huge = 2 << 20, size = l->pages * PAGE;
	uint8_t *mem;

	if (is(l, "memfd")) {
		int fd = memfd_create("load", 0);

		if (fd < 0 || ftruncate(fd, size))
			return MAP_FAILED;
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	mem = mmap(NULL, size + huge, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		return mem;
	mem = (uint8_t *)(((uintptr_t)mem + huge - 1) & ~(huge - 1));
	if (is(l, "thp") && madvise(mem, size, MADV_HUGEPAGE))
		perror("MADV_HUGEPAGE");
	if (is(l, "ksm") && madvise(mem, size, MADV_MERGEABLE))
		perror("MADV_MERGEABLE");
	return mem;
}

static void hold(const struct load *l)
{
	if (mlock(l->mem, l->pages * PAGE)) {
		perror("mlock");
		exit(2);
	}
	tell(l, "round", 0);
	while (!stop)
		pause();
}

static int usage(void)
{
	fprintf(stderr, "Usage: swap_load [-c CGROUP] [-r ROUNDS] [-n] [-s FILE] KIND MIB\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	unsigned long i, n, rounds = 1;
	struct load l = { };
	int status = 0, opt;
	pid_t child = 0;

	while ((opt = getopt(argc, argv, "c:r:ns:")) != -1) {
		switch (opt) {
		case 'c':
			if (enter(optarg) < 0)
				return 2;
			break;
		case 'r':
			rounds = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			l.noise = true;
			break;
		case 's':
			l.state_file = optarg;
			break;
		default:
			return usage();
		}
	}
	if (argc - optind != 2)
		return usage();
	sigaction(SIGTERM, &term, NULL);
	l.kind = argv[optind];
	l.pages = strtoul(argv[optind + 1], NULL, 0) << 8;
	l.room = l.pages * (rounds ? rounds : 1);
	l.version = calloc(l.pages, sizeof(*l.version));
	l.us = calloc(l.room, sizeof(*l.us));
	l.mem = map(&l);
	if (!l.version || !l.us || l.mem == MAP_FAILED) {
		perror("memory");
		return 2;
	}
	if (is(&l, "hold")) {
		hold(&l);
		return 0;
	}
	l.state = getpid();
	for (i = 0; i < l.pages; i++)
		rewrite(&l, i);
	tell(&l, "round", 0);
	if (is(&l, "fork")) {
		child = fork();
		if (child < 0) {
			perror("fork");
			return 2;
		}
		l.state += child;
	}
	for (n = 0; (!rounds || n < rounds) && !stop; n++) {
		if (is(&l, "fault"))
			fault_round(&l);
		else
			round_of(&l);
		tell(&l, "round", n + 1);
	}
	for (i = 0; i < l.pages; i++)
		check(&l, i);
	if (child && (waitpid(child, &status, 0) < 0 || status))
		l.bad++;
	tell(&l, "done", n);
	if (is(&l, "fault"))
		report_faults(&l);
	return l.bad ? 1 : 0;
}
