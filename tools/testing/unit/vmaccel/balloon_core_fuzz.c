// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of guests with a stock balloon driver, and of texts.
 *
 * Input: words of 64 bits; each 14 that follow are statistics, sizes, and a step in time. The
 * same bytes are a text.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

#include "balloon_core.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define CHECK(cond) do {		\
	if (!(cond))			\
		abort();		\
} while (0)

static void texts(const u8 *data, size_t size)
{
	char *text = malloc(size + 1), *path, out[8];
	uint64_t number;

	memcpy(text, data, size);
	text[size] = 0;
	if (vma_parse_number(text, 1000, &number))
		CHECK(number <= 1000);
	if (vma_parse_socket(text, &number))
		CHECK(number >= VMA_VM_MIN && number <= VMA_VM_MAX);
	if (vma_parse_line(text, &number, &path) && number) {
		CHECK(number >= VMA_VM_MIN && number <= VMA_VM_MAX);
		CHECK(path > text && path + strlen(path) <= text + size && *path == '/');
	}
	vma_clean(text);
	if (size >= sizeof(number)) {
		memcpy(&number, data, sizeof(number));
		vma_format_size(out, sizeof(out), number);
		CHECK(strlen(out) <= 5);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vma_guest guest = {};
	struct vma_clock clock = {};
	u64 word[14];

	texts(data, size);
	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		struct vma_stats stats;
		struct vma_size sizes = {};
		struct vma_report report;
		uint64_t value;

		memcpy(word, data, sizeof(word));
		memcpy(&stats, word, sizeof(stats));
		memcpy(&sizes, word + 8, 5 * sizeof(word[0]));
		sizes.ram = sizes.ram % VMA_SIZE_MAX + 0x100000;
		sizes.actual %= VMA_SIZE_MAX + 1;
		stats.actual %= VMA_SIZE_MAX + 1;
		sizes.counted = word[13] & 1;
		clock.now += word[13] >> 2 & 0x3fff;
		clock.wall = word[13] >> 20;
		vma_guest_look(&guest, &stats, word[13] & 2, &clock);
		vma_guest_rest(&guest, &sizes, &clock);
		vma_guest_report(&guest, &sizes, &report);
		CHECK(report.avail <= report.total && report.active_file <= report.total);
		value = vma_value(&guest, &sizes);
		CHECK(value && value <= sizes.ram && !(value % 4096));
		vma_worth(value, sizes.order, word[12]);
		if (word[13] & 4)
			vma_guest_forget(&guest);
	}
	return 0;
}
