// SPDX-License-Identifier: GPL-2.0
/*
 * Direct I/O to a block device at odd buffer addresses, checked byte by byte.
 *
 *   page_io DEVICE SEED PAGES
 *
 * Writes PAGES pages of mixed content in requests of 1 to 64 pages from buffers at
 * every 512-byte offset, in random order, some of them several times, and some at
 * a time discarded or zeroed; then reads all back, directly and through the page
 * cache. Exits 0 if every byte is what was written last, and prints what the device
 * should count: pages stored, pages of one 32-bit value, pages of noise.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/fs.h>

#define PAGE		4096
#define MAX_PAGES	64

static uint64_t state;

static uint64_t rnd(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

enum kind {
	ZERO,
	WORD32,
	WORD64,
	NOISE,
	SOME_NOISE,
	TEXT,
	KINDS,
	NONE,	/* not stored */
};

/* One of the kinds a store treats differently. */
static enum kind fill(uint8_t *page)
{
	enum kind kind = rnd() % KINDS;
	uint64_t word = rnd();
	unsigned int i;

	for (i = 0; i < PAGE; i += 8) {
		uint64_t v = 0;

		switch (kind) {
		case ZERO:
			break;
		case WORD32:
			v = (uint32_t)word | word << 32;
			break;
		case WORD64:
			v = word;
			break;
		case NOISE:
			v = rnd();
			break;
		case SOME_NOISE:
			v = i % 32 ? 0 : rnd();
			break;
		default:
			v = word + i / 64;
		}
		memcpy(page + i, &v, 8);
	}
	return kind;
}

/* Everything, one page at a time, in buffers anywhere. */
static int check(int fd, uint8_t *raw, const uint8_t *model, unsigned long pages)
{
	unsigned long i;

	for (i = 0; i < pages; i++) {
		uint8_t *buf = raw + rnd() % 8 * 512;

		if (pread(fd, buf, PAGE, i * PAGE) != PAGE) {
			perror("read");
			return 1;
		}
		if (memcmp(buf, model + i * PAGE, PAGE)) {
			fprintf(stderr, "page %lu is not what was written\n", i);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long i, n, pages, count[KINDS] = { }, stored = 0;
	uint8_t *model, *raw;
	enum kind *kind;
	int fd, cached;

	if (argc != 4) {
		fprintf(stderr, "usage: page_io DEVICE SEED PAGES\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 0);
	pages = strtoul(argv[3], NULL, 0);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	cached = open(argv[1], O_RDONLY);
	model = calloc(pages, PAGE);
	kind = malloc(pages * sizeof(*kind));
	raw = aligned_alloc(PAGE, (MAX_PAGES + 2) * PAGE);
	if (fd < 0 || cached < 0 || !model || !kind || !raw || pages < MAX_PAGES) {
		perror(argv[1]);
		return 2;
	}
	for (i = 0; i < pages; i++)
		kind[i] = NONE;

	for (n = 0; n < pages / 4; n++) {
		unsigned long len = 1 + rnd() % (rnd() % 4 ? 4 : MAX_PAGES);
		unsigned long at = rnd() % (pages - len + 1);
		uint8_t *buf = raw + rnd() % 8 * 512;
		uint64_t range[2] = { at * PAGE, len * PAGE };

		if (rnd() % 8 == 0) {
			if (ioctl(fd, rnd() % 2 ? BLKDISCARD : BLKZEROOUT, range)) {
				perror("discard");
				return 1;
			}
			memset(model + at * PAGE, 0, len * PAGE);
			for (i = 0; i < len; i++)
				kind[at + i] = NONE;
			continue;
		}
		for (i = 0; i < len; i++)
			kind[at + i] = fill(buf + i * PAGE);
		memcpy(model + at * PAGE, buf, len * PAGE);
		if (pwrite(fd, buf, len * PAGE, at * PAGE) != (ssize_t)(len * PAGE)) {
			perror("write");
			return 1;
		}
	}
	if (check(fd, raw, model, pages) || check(cached, raw, model, pages))
		return 1;
	for (i = 0; i < pages; i++) {
		if (kind[i] != NONE) {
			count[kind[i]]++;
			stored++;
		}
	}
	printf("%lu %lu %lu\n", stored, count[ZERO] + count[WORD32], count[NOISE]);
	return 0;
}
