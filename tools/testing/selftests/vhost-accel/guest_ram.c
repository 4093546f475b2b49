// SPDX-License-Identifier: GPL-2.0
/*
 * Compares the memory of two guests that should be alike, as QEMU keeps it in files.
 *
 *   guest_ram A B [ADDRESS LENGTH]     names every page that differs; exits with 0 when none does
 *
 * The bytes from ADDRESS on are not compared.
 *
 * The offset in the file is the guest physical address, as long as the guest has less memory
 * than fits below the PCI hole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE	4096
#define SHOWN	20

static unsigned char *map(const char *file, size_t *size)
{
	struct stat st;
	void *p;
	int fd;

	fd = open(file, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) || !st.st_size) {
		perror(file);
		return NULL;
	}
	p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED) {
		perror(file);
		return NULL;
	}
	*size = st.st_size;
	return p;
}

static void report(size_t at, const unsigned char *a, const unsigned char *b)
{
	unsigned int i, first = PAGE, last = 0, bytes = 0;

	for (i = 0; i < PAGE; i++) {
		if (a[i] == b[i])
			continue;
		if (first == PAGE)
			first = i;
		last = i;
		bytes++;
	}
	printf("GPA 0x%zx: %u bytes differ, offsets 0x%x to 0x%x, first %02x against %02x\n", at,
	       bytes, first, last, a[first], b[first]);
}

int main(int argc, char **argv)
{
	size_t at, size[2], pages = 0;
	size_t skip = 0, len = 0;
	unsigned char *ram[2];
	int i;

	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: guest_ram A B [ADDRESS LENGTH]\n");
		return 2;
	}
	if (argc == 5) {
		skip = strtoul(argv[3], NULL, 0);
		len = strtoul(argv[4], NULL, 0);
	}
	for (i = 0; i < 2; i++) {
		ram[i] = map(argv[1 + i], &size[i]);
		if (!ram[i])
			return 2;
	}
	if (size[0] != size[1]) {
		fprintf(stderr, "sizes differ: %zu and %zu bytes\n", size[0], size[1]);
		return 2;
	}
	if (skip > size[0] || len > size[0] - skip) {
		fprintf(stderr, "no memory at 0x%zx\n", skip);
		return 2;
	}
	memcpy(ram[1] + skip, ram[0] + skip, len);
	for (at = 0; at < size[0]; at += PAGE) {
		if (!memcmp(ram[0] + at, ram[1] + at, PAGE))
			continue;
		if (pages++ < SHOWN)
			report(at, ram[0] + at, ram[1] + at);
	}
	printf("%zu of %zu pages differ\n", pages, size[0] / PAGE);
	return pages != 0;
}
