// SPDX-License-Identifier: GPL-2.0
/*
 * Direct I/O to a block device at odd buffer addresses, checked byte by byte.
 *
 *   page_io DEVICE SEED PAGES
 *
 * Writes PAGES pages of mixed content in requests of 1 to 64 pages from buffers at
 * every 512-byte offset, in random order, some of them several times, and some at
 * a time discarded; then reads all back. Exits 0 if every byte is what was written
 * last.
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

/* One of the kinds a store treats differently. */
static void fill(uint8_t *page)
{
	unsigned int i, kind = rnd() % 6;
	uint64_t word = rnd();

	for (i = 0; i < PAGE; i += 8) {
		uint64_t v = 0;

		switch (kind) {
		case 0:	/* zero */
			break;
		case 1:	/* 32 bits repeated */
			v = (uint32_t)word | word << 32;
			break;
		case 2:	/* 64 bits repeated */
			v = word;
			break;
		case 3:	/* noise */
			v = rnd();
			break;
		case 4:	/* half noise */
			v = i & 8 ? rnd() : 0;
			break;
		default: /* compresses well */
			v = word + i / 64;
		}
		memcpy(page + i, &v, 8);
	}
}

int main(int argc, char **argv)
{
	unsigned long i, n, pages;
	uint8_t *model, *raw;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: page_io DEVICE SEED PAGES\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 0);
	pages = strtoul(argv[3], NULL, 0);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	model = calloc(pages, PAGE);
	raw = aligned_alloc(PAGE, (MAX_PAGES + 2) * PAGE);
	if (fd < 0 || !model || !raw || pages < MAX_PAGES) {
		perror(argv[1]);
		return 2;
	}

	for (n = 0; n < pages / 4; n++) {
		unsigned long count = 1 + rnd() % (rnd() % 4 ? 4 : MAX_PAGES);
		unsigned long at = rnd() % (pages - count + 1);
		uint8_t *buf = raw + rnd() % 8 * 512;
		uint64_t range[2] = { at * PAGE, count * PAGE };

		if (rnd() % 8 == 0) {
			if (ioctl(fd, BLKDISCARD, range)) {
				perror("BLKDISCARD");
				return 1;
			}
			memset(model + at * PAGE, 0, count * PAGE);
			continue;
		}
		for (i = 0; i < count; i++)
			fill(buf + i * PAGE);
		memcpy(model + at * PAGE, buf, count * PAGE);
		if (pwrite(fd, buf, count * PAGE, at * PAGE) != (ssize_t)(count * PAGE)) {
			perror("write");
			return 1;
		}
	}

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
