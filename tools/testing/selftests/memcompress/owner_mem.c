// SPDX-License-Identifier: GPL-2.0
/*
 * Memory in a cgroup, swapped out and in on command.
 *
 *   owner_mem CGROUP KIND CONTENT MIB
 *
 * Enters CGROUP, maps MIB (KIND: anon, thp, shared, or a path to a file in a tmpfs) and
 * fills it (CONTENT: noise, which cannot be compressed, or text). Then it obeys lines
 * on its input and answers each by one line, "ok" or what is wrong:
 *
 *   out      let all pages be swapped out
 *   in       read all pages, and check each
 *   stir N   N times: read some page and check it, let three others be swapped out
 *   leave    exit, and leave the file as it is
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define HUGE (2UL << 20)

static uint8_t *mem;
static unsigned long pages;
static int text;
static uint64_t state = 1;

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static void make(unsigned long i, uint64_t *page)
{
	uint64_t seed = mix(i + 1);
	unsigned int w;

	for (w = 0; w < PAGE / 8; w++) {
		page[w] = mix(seed + w);
		if (text)
			page[w] = 0x2020202020202020ULL | (page[w] & 0x0f0f);
	}
}

static int check(unsigned long i)
{
	uint64_t want[PAGE / 8];

	make(i, want);
	return memcmp(mem + i * PAGE, want, PAGE) != 0;
}

static int out(unsigned long first, unsigned long n)
{
	return madvise(mem + first * PAGE, n * PAGE, MADV_PAGEOUT);
}

static unsigned long any(void)
{
	return mix(state += 0x9e3779b97f4a7c15ULL) % pages;
}

static unsigned long stir(unsigned long n)
{
	unsigned long bad = 0;
	unsigned int i;

	while (n--) {
		bad += check(any());
		for (i = 0; i < 3; i++)
			out(any(), 1);
	}
	return bad;
}

static void answer(unsigned long bad)
{
	if (bad)
		printf("%lu pages are wrong\n", bad);
	else
		printf("ok\n");
	fflush(stdout);
}

static void enter(const char *cgroup)
{
	char path[256];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	procs = fopen(path, "w");
	if (!procs || fprintf(procs, "0\n") < 0 || fclose(procs)) {
		perror(path);
		exit(1);
	}
}

static void map(const char *kind, size_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;

	if (!strcmp(kind, "shared")) {
		fd = memfd_create("owner", 0);
		flags = MAP_SHARED;
	} else if (*kind == '/') {
		fd = open(kind, O_RDWR | O_CREAT, 0600);
		flags = MAP_SHARED;
	}
	if (fd >= 0 && ftruncate(fd, bytes)) {
		perror("ftruncate");
		exit(1);
	}
	mem = mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (mem == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	if (fd < 0) {
		mem = (uint8_t *)(((uintptr_t)mem + HUGE - 1) & -HUGE);
		madvise(mem, bytes, !strcmp(kind, "thp") ? MADV_HUGEPAGE :
							    MADV_NOHUGEPAGE);
	}
}

int main(int argc, char **argv)
{
	unsigned long i, bad;
	char line[64];

	if (argc != 5) {
		fprintf(stderr, "usage: owner_mem CGROUP KIND CONTENT MIB\n");
		return 2;
	}
	enter(argv[1]);
	text = !strcmp(argv[3], "text");
	pages = strtoul(argv[4], NULL, 0) * (1 << 20) / PAGE;
	map(argv[2], pages * PAGE);
	for (i = 0; i < pages; i++)
		make(i, (uint64_t *)(mem + i * PAGE));
	answer(0);
	while (fgets(line, sizeof(line), stdin)) {
		bad = 0;
		if (!strcmp(line, "out\n")) {
			/* What is on its way to the LRU is missed at first. */
			for (i = 0; i < 3; i++)
				out(0, pages);
		} else if (!strcmp(line, "in\n")) {
			for (i = 0; i < pages; i++)
				bad += check(i);
		} else if (!strncmp(line, "stir ", 5)) {
			bad = stir(strtoul(line + 5, NULL, 0));
		} else {
			return 0;
		}
		answer(bad);
	}
	return 0;
}
