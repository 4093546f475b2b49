// SPDX-License-Identifier: GPL-2.0
/*
 * A process whose memory is larger than it may have, and that knows every page.
 *
 *   swap_load KIND MIB ROUNDS [CGROUP]
 *
 * Enters CGROUP, maps MIB of memory (KIND: anon, thp, memfd, fork), writes pages of
 * mixed content, and in each round reads all of them in random order, checks each
 * against what it wrote last, and rewrites one in four. "fork" does this in two
 * processes that share the pages copy-on-write. Exits 0 if no page ever differed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

struct load {
	uint8_t *mem;
	uint32_t *version;	/* of each page; 0 = never written */
	unsigned long pages;
	uint64_t state;
};

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
static void make(uint64_t *page, unsigned long i, uint32_t version)
{
	uint64_t seed = mix((uint64_t)version << 32 | (i + 1));
	unsigned int w, kind = seed % 8;

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
	if (kind)
		page[seed / 8 % (PAGE / 8)] = version;
}

static void rewrite(struct load *l, unsigned long i)
{
	l->version[i]++;
	make((uint64_t *)(l->mem + i * PAGE), i, l->version[i]);
}

static unsigned long round_of(struct load *l)
{
	unsigned long n, bad = 0;
	uint64_t want[PAGE / 8];

	for (n = 0; n < l->pages; n++) {
		unsigned long i = rnd(l) % l->pages;

		make(want, i, l->version[i]);
		if (memcmp(l->mem + i * PAGE, want, PAGE)) {
			fprintf(stderr, "page %lu, version %u: wrong content\n",
				i, l->version[i]);
			bad++;
		}
		if (rnd(l) % 4 == 0)
			rewrite(l, i);
	}
	return bad;
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

static uint8_t *map(const char *kind, size_t size)
{
	const size_t huge = 2 << 20;
	uint8_t *mem;

	if (!strcmp(kind, "memfd")) {
		int fd = memfd_create("load", 0);

		if (fd < 0 || ftruncate(fd, size))
			return MAP_FAILED;
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	mem = mmap(NULL, size + huge, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED || strcmp(kind, "thp"))
		return mem;
	mem = (uint8_t *)(((uintptr_t)mem + huge - 1) & ~(huge - 1));
	if (madvise(mem, size, MADV_HUGEPAGE))
		perror("MADV_HUGEPAGE");
	return mem;
}

int main(int argc, char **argv)
{
	unsigned long i, rounds, bad = 0;
	struct load l = { };
	int status = 0;
	pid_t child = 0;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: swap_load anon|thp|memfd|fork MIB ROUNDS [CGROUP]\n");
		return 2;
	}
	if (argc == 5 && enter(argv[4]) < 0)
		return 2;
	l.pages = strtoul(argv[2], NULL, 0) << 8;
	rounds = strtoul(argv[3], NULL, 0);
	l.version = calloc(l.pages, sizeof(*l.version));
	l.mem = map(argv[1], l.pages * PAGE);
	if (!l.version || l.mem == MAP_FAILED) {
		perror("memory");
		return 2;
	}
	l.state = getpid();
	for (i = 0; i < l.pages; i++)
		rewrite(&l, i);
	if (!strcmp(argv[1], "fork")) {
		child = fork();
		if (child < 0) {
			perror("fork");
			return 2;
		}
		l.state += child;
	}
	while (rounds--)
		bad += round_of(&l);
	if (child && (waitpid(child, &status, 0) < 0 || status))
		bad++;
	return bad ? 1 : 0;
}
