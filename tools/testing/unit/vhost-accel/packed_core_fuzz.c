// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the packed ring parser against the naive model, and of its events and
 * positions.
 *
 * Input: slots that the chain may have and room for segments, a byte each (modulo
 * 17), then descriptors of 16 bytes: 16 of the ring, then those of every indirect
 * table. What is missing is zero.
 */
#include <string.h>

#include "../fuzz.h"
#include "model.h"
#include "tests/packed_cases.h"

#define NUM 16
#define MAX_TABLE 32
#define MAX_SEGS 16

static void fuzz_small(const u8 *data, size_t size)
{
	u16 v[6], pos, wanted, avail, used;
	u32 num, n, event;
	bool want;

	if (size < sizeof(v))
		return;
	memcpy(v, data, sizeof(v));
	num = 1U << (v[0] % 16);
	pos = (v[1] & VHA_PACKED_WRAP) | (v[1] & (num - 1));
	wanted = (v[2] & VHA_PACKED_WRAP) | (v[2] & (num - 1));
	n = v[3] % (num + 1);

	if (vha_packed_advance(vha_packed_back(pos, n, num), n, num) != pos)
		abort();
	want = model_packed_signal(wanted, pos, n, num);
	event = vha_packed_event_word(wanted, VRING_PACKED_EVENT_FLAG_DESC);
	if (vha_packed_need_signal(true, true, event, pos, n, num) != want)
		abort();
	/* Positions outside of the ring are the driver's own affair. */
	event = v[2] | (u32)v[4] << 16;
	want = v[4] != VRING_PACKED_EVENT_FLAG_DISABLE;
	if (vha_packed_need_signal(v[5] & 1, v[5] & 2, event, pos, n, num) != want &&
	    ((v[5] & 3) != 3 || v[4] != VRING_PACKED_EVENT_FLAG_DESC))
		abort();
	vha_packed_parse_base(event, &avail, &used);
	if (avail != v[2] || used != (v[4] ? v[4] : v[2]))
		abort();
	if (used == v[4] && vha_packed_base(avail, used) != event)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vring_packed_desc ring[NUM], table[MAX_TABLE];
	static struct vha_mem *mem;
	struct iovec want_iov[MAX_SEGS];
	struct model_chain want = { .iov = want_iov };
	struct model_ring m = {
		.regions = ring_case_guest, .nregions = ARRAY_SIZE(ring_case_guest),
		.ring = (struct vring_desc *)ring, .num = NUM,
		.table = (struct vring_desc *)table, .ntable = MAX_TABLE,
	};
	unsigned int steps = 0;
	struct vha_space space;
	struct vha_chain c;
	struct iovec *iov;
	u32 room, max, slots = 0;
	size_t part;
	u16 id = 0;
	int ret;

	if (!mem) {
		mem = malloc(sizeof(*mem) + sizeof(ring_case_guest));
		mem->nregions = ARRAY_SIZE(ring_case_guest);
		memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
		if (vha_mem_sort(mem))
			abort();
	}
	fuzz_small(data, size);
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
	want.max = max;
	if (model_packed_parse(&m, room, &want, &slots, &id) != !ret)
		abort();
	if (!ret && (!model_same(&want, &c) || c.slots != slots || c.id != id))
		abort();
	free(iov);
	return 0;
}
