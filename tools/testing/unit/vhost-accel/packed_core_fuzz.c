// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the packed ring parser.
 *
 * Input: slots that the chain may have and room for segments, a byte each (modulo
 * 17), then descriptors of 16 bytes: 16 of the ring, then those of every indirect
 * table. What is missing is zero.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/packed_cases.h"

#define NUM 16
#define MAX_TABLE 32
#define MAX_SEGS 16

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vring_packed_desc ring[NUM], table[MAX_TABLE];
	static struct vha_mem *mem;
	unsigned int steps = 0;
	struct vha_space space;
	struct vha_chain c;
	struct iovec *iov;
	u32 room, max;
	size_t part;
	int ret;

	if (!mem) {
		mem = malloc(sizeof(*mem) + sizeof(ring_case_guest));
		mem->nregions = ARRAY_SIZE(ring_case_guest);
		memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
		if (vha_mem_sort(mem))
			abort();
	}
	if (size < 2)
		return 0;
	space = (struct vha_space){ .mem = mem };
	room = data[0] % (NUM + 1);
	max = data[1] % (MAX_SEGS + 1);
	data += 2;
	size -= 2;
	memset(ring, 0, sizeof(ring));
	memset(table, 0, sizeof(table));
	part = min(size, sizeof(ring));
	memcpy(ring, data, part);
	memcpy(table, data + part, min(size - part, sizeof(table)));

	/* Exactly as many as allowed: the sanitizer sees one too many. */
	iov = malloc(max * sizeof(*iov));
	vha_packed_start_chain(&c, room, iov, max);
	do {
		struct vring_packed_desc copy;

		if (steps && c.next >= c.bound)
			abort();
		if (++steps > NUM + VHA_MAX_SEGS)
			abort();
		copy = c.indirect ? table[c.next % MAX_TABLE] : ring[c.next % NUM];
		ret = vha_packed_feed(&c, &space, &copy);
	} while (ret == VHA_FEED_MORE);
	if (ret > 0 || c.slots > room || c.out + c.in > max)
		abort();
	free(iov);
	return 0;
}
