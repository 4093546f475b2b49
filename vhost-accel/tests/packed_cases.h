/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of the packed ring's logic, for KUnit and for user space.
 */
#ifndef VHA_TESTS_PACKED_CASES_H
#define VHA_TESTS_PACKED_CASES_H

#include "../packed_core.h"
#include "ring_cases.h"

#define PACKED_CASE_NUM 4

#define PACKED_DESC(a, l, f, i) {					\
	.addr = cpu_to_le64(a), .len = cpu_to_le32(l),			\
	.id = cpu_to_le16(i), .flags = cpu_to_le16(f) }

#define PACKED_TABLE(n, i) PACKED_DESC(RING_TABLE_GPA, (n) * 16, RING_I, i)

struct packed_case {
	const char *name;
	/* Position of the chain's first slot in a ring of PACKED_CASE_NUM. */
	u16 pos;
	/* Slots that it may have; 0 means all. */
	u32 room;
	/* Room for segments; 0 means RING_CASE_SEGS. */
	unsigned int max;
	struct vring_packed_desc ring[PACKED_CASE_NUM];
	struct vring_packed_desc table[RING_CASE_SEGS];
	int ret;
	unsigned int out;
	unsigned int in;
	u64 len;
	u64 first;
	u16 id;
	u16 next_pos;
};

#define PACKED_W VHA_PACKED_WRAP

static const struct packed_case packed_cases[] = {
	{
		.name = "one readable",
		.pos = PACKED_W,
		.ring = { PACKED_DESC(0x1000, 100, 0, 7) },
		.out = 1, .len = 100, .first = RING_A_HVA + 0x1000,
		.id = 7, .next_pos = PACKED_W | 1,
	}, {
		.name = "one writable, in the last slot",
		.pos = PACKED_W | 3,
		.ring = { [3] = PACKED_DESC(0x1000, 100, RING_W, 0xffff) },
		.in = 1, .len = 100, .first = RING_A_HVA + 0x1000,
		.id = 0xffff, .next_pos = 0,
	}, {
		.name = "state flags do not concern the parser",
		.ring = { PACKED_DESC(0x40, 4, VHA_PACKED_STATE | 0x7f78, 1) },
		.out = 1, .len = 4, .first = RING_A_HVA + 0x40,
		.id = 1, .next_pos = 1,
	}, {
		.name = "chain across the end of the ring, id in its last slot",
		.pos = 3,
		.ring = { [3] = PACKED_DESC(0x10, 12, RING_N, 1),
			  [0] = PACKED_DESC(0x20, 20, RING_N | RING_W, 2),
			  [1] = PACKED_DESC(0x30, 30, RING_W, 3) },
		.out = 1, .in = 2, .len = 62, .first = RING_A_HVA + 0x10,
		.id = 3, .next_pos = PACKED_W | 2,
	}, {
		.name = "whole ring as one chain",
		.pos = PACKED_W | 2,
		.ring = { PACKED_DESC(2, 1, RING_N, 0), PACKED_DESC(3, 1, 0, 9),
			  PACKED_DESC(0, 1, RING_N, 0), PACKED_DESC(1, 1, RING_N, 0) },
		.out = 4, .len = 4, .first = RING_A_HVA,
		.id = 9, .next_pos = 2,
	}, {
		.name = "chain that never ends",
		.ring = { PACKED_DESC(0, 1, RING_N, 0), PACKED_DESC(0, 1, RING_N, 0),
			  PACKED_DESC(0, 1, RING_N, 0), PACKED_DESC(0, 1, RING_N, 0) },
		.ret = -EINVAL,
	}, {
		.name = "chain into slots that the device has",
		.room = 2,
		.ring = { PACKED_DESC(0, 1, RING_N, 0), PACKED_DESC(0, 1, RING_N, 0),
			  PACKED_DESC(0, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "chain up to slots that the device has",
		.room = 2,
		.ring = { PACKED_DESC(0, 1, RING_N, 0), PACKED_DESC(0, 1, 0, 4) },
		.out = 2, .len = 2, .first = RING_A_HVA, .id = 4, .next_pos = 2,
	}, {
		.name = "empty descriptor outside of memory",
		.ring = { PACKED_DESC(~0ULL, 0, RING_N, 0), PACKED_DESC(0, 4, RING_W, 5) },
		.in = 1, .len = 4, .first = RING_A_HVA, .id = 5, .next_pos = 2,
	}, {
		.name = "crosses into the next region",
		.ring = { PACKED_DESC(RING_B_GPA - 8, 16, 0, 0) },
		.out = 2, .len = 16, .first = RING_A_HVA + RING_B_GPA - 8,
		.next_pos = 1,
	}, {
		.name = "readable after writable",
		.ring = { PACKED_DESC(0, 1, RING_N | RING_W, 0), PACKED_DESC(1, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "readable after an empty writable",
		.ring = { PACKED_DESC(0, 0, RING_N | RING_W, 0), PACKED_DESC(1, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "outside of memory",
		.ring = { PACKED_DESC(RING_END_GPA - 4, 5, 0, 0) },
		.ret = -EFAULT,
	}, {
		.name = "one segment too many",
		.max = 1,
		.ring = { PACKED_DESC(0, 1, RING_N, 0), PACKED_DESC(1, 1, 0, 0) },
		.ret = -ENOBUFS,
	}, {
		.name = "indirect: all entries, without next",
		.pos = PACKED_W | 1,
		.ring = { [1] = PACKED_TABLE(3, 6) },
		.table = { PACKED_DESC(0x100, 1, 0, 50), PACKED_DESC(0x200, 2, RING_W, 51),
			   PACKED_DESC(0x300, 4, RING_W, 52) },
		.out = 1, .in = 2, .len = 7, .first = RING_A_HVA + 0x100,
		.id = 6, .next_pos = PACKED_W | 2,
	}, {
		.name = "indirect: next, indirect and state flags mean nothing in a table",
		.ring = { PACKED_TABLE(2, 6) },
		.table = { PACKED_DESC(0x100, 1, 0xfffd, 0), PACKED_DESC(0x200, 2, 0xfffd, 0) },
		.out = 2, .len = 3, .first = RING_A_HVA + 0x100,
		.id = 6, .next_pos = 1,
	}, {
		.name = "indirect, longer than the ring",
		.ring = { PACKED_TABLE(6, 2) },
		.table = { PACKED_DESC(0, 1, 0, 0), PACKED_DESC(1, 1, 0, 0),
			   PACKED_DESC(2, 1, 0, 0), PACKED_DESC(3, 1, 0, 0),
			   PACKED_DESC(4, 1, 0, 0), PACKED_DESC(5, 1, 0, 0) },
		.out = 6, .len = 6, .first = RING_A_HVA, .id = 2, .next_pos = 1,
	}, {
		.name = "indirect after a direct descriptor",
		.ring = { PACKED_DESC(0, 12, RING_N, 1), PACKED_TABLE(1, 3) },
		.table = { PACKED_DESC(0x100, 1, RING_W, 0) },
		.out = 1, .in = 1, .len = 13, .first = RING_A_HVA,
		.id = 3, .next_pos = 2,
	}, {
		.name = "indirect with next",
		.ring = { PACKED_DESC(RING_TABLE_GPA, 16, RING_I | RING_N, 0),
			  PACKED_DESC(0, 1, 0, 0) },
		.table = { PACKED_DESC(0, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect of no entries",
		.ring = { PACKED_DESC(RING_TABLE_GPA, 0, RING_I, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect length no multiple of 16",
		.ring = { PACKED_DESC(RING_TABLE_GPA, 24, RING_I, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect table too long",
		.ring = { PACKED_DESC(0, (VHA_MAX_SEGS + 1) * 16, RING_I, 0) },
		.ret = -E2BIG,
	}, {
		.name = "indirect table wraps around the address space",
		.ring = { PACKED_DESC(~0ULL - 15, 32, RING_I, 0) },
		.ret = -EFAULT,
	}, {
		.name = "indirect, readable after a direct writable",
		.ring = { PACKED_DESC(0, 1, RING_N | RING_W, 0), PACKED_TABLE(1, 0) },
		.table = { PACKED_DESC(0, 1, 0, 0) },
		.ret = -EINVAL,
	},
};

/**
 * packed_case_run() - parse the buffer of a case as the glue code would
 * @pc: the case
 * @mem: ring_case_guest, sorted
 * @c: result
 * @iov: RING_CASE_SEGS segments
 *
 * Return: 0 or the parser's error; -ELOOP when the parser did not end, -ENOTTY
 * when it asked for something that it may not ask for.
 */
static inline int packed_case_run(const struct packed_case *pc,
				  const struct vha_mem *mem, struct vha_chain *c,
				  struct iovec *iov)
{
	struct vha_space space = { .mem = mem };
	u32 room = pc->room ?: PACKED_CASE_NUM;
	unsigned int steps = 0;
	int ret;

	vha_packed_start_chain(c, room, iov, pc->max ?: RING_CASE_SEGS);
	do {
		u16 at = vha_packed_advance(pc->pos, c->indirect ? 0 : c->next,
					    PACKED_CASE_NUM);

		if (c->next >= (c->indirect ? c->bound : room) ||
		    c->next >= RING_CASE_SEGS ||
		    (c->indirect && c->table != RING_TABLE_GPA))
			return -ENOTTY;
		if (++steps > PACKED_CASE_NUM + RING_CASE_SEGS)
			return -ELOOP;
		ret = vha_packed_feed(c, &space, c->indirect ?
				      &pc->table[c->next] :
				      &pc->ring[vha_packed_index(at)]);
	} while (ret == VHA_FEED_MORE);
	return ret;
}

struct packed_step_case {
	const char *name;
	u16 pos;
	u32 n;
	u32 num;
	u16 to;
};

static const struct packed_step_case packed_step_cases[] = {
	{ "nowhere", PACKED_W | 5, 0, 8, PACKED_W | 5 },
	{ "one", PACKED_W | 5, 1, 8, PACKED_W | 6 },
	{ "to the last slot", PACKED_W, 7, 8, PACKED_W | 7 },
	{ "to the start", PACKED_W | 7, 1, 8, 0 },
	{ "across the end", 6, 4, 8, PACKED_W | 2 },
	{ "once round", 3, 8, 8, PACKED_W | 3 },
	{ "ring of one", 0, 1, 1, PACKED_W },
	{ "largest ring, last slot", PACKED_W, 0x7fff, 0x8000, 0xffff },
	{ "largest ring, to the start", 0xffff, 1, 0x8000, 0 },
	{ "largest ring, once round", 0x7fff, 0x8000, 0x8000, 0xffff },
	{ "no power of two", PACKED_W | 6, 3, 7, 2 },
};

struct packed_state_case {
	const char *name;
	u16 flags;
	u16 pos;
	bool avail;
};

static const struct packed_state_case packed_state_cases[] = {
	{ "never written, first lap", 0, PACKED_W, false },
	{ "available, first lap", VHA_PACKED_AVAIL, PACKED_W, true },
	{ "available, other flags set", VHA_PACKED_AVAIL | 0x7f7f, PACKED_W, true },
	{ "used, first lap", VHA_PACKED_STATE, PACKED_W, false },
	{ "available, second lap", VHA_PACKED_USED, 0, true },
	{ "used, second lap", 0, 0, false },
	{ "first lap's, seen from the second", VHA_PACKED_AVAIL, 0, false },
	{ "used in the first lap, seen from the second", VHA_PACKED_STATE, 0, false },
	{ "second lap's, seen from the first", VHA_PACKED_USED, PACKED_W, false },
};

struct packed_used_case {
	const char *name;
	u16 pos;
	u16 id;
	u32 len;
	u64 word;
};

static const struct packed_used_case packed_used_cases[] = {
	{ "nothing written, first lap", PACKED_W, 3, 0, 0x8080000300000000ULL },
	{ "written, first lap", PACKED_W | 9, 3, 60, 0x808200030000003cULL },
	{ "nothing written, second lap", 0, 0xffff, 0, 0x0000ffff00000000ULL },
	{ "written, second lap", 1, 0, 0xffffffff, 0x00020000ffffffffULL },
};

struct packed_base_case {
	const char *name;
	u32 base;
	u16 avail;
	u16 used;
};

static const struct packed_base_case packed_base_cases[] = {
	{ "fresh ring", 0x80008000, 0x8000, 0x8000 },
	{ "fresh ring, lower half only", 0x8000, 0x8000, 0x8000 },
	{ "somewhere, lower half only", 0x8123, 0x8123, 0x8123 },
	{ "second lap, lower half only", 0x0123, 0x0123, 0x0123 },
	{ "start of the second lap", 0, 0, 0 },
	{ "buffers in flight", 0x80058007, 0x8007, 0x8005 },
	{ "buffers in flight across the end", 0x80fe0001, 0x0001, 0x80fe },
};

struct packed_event_case {
	const char *name;
	bool valid;
	bool event_idx;
	u16 flags;
	u16 wanted;
	u16 pos;
	u32 n;
	u32 num;
	bool want;
};

#define PACKED_ENABLE VRING_PACKED_EVENT_FLAG_ENABLE
#define PACKED_DISABLE VRING_PACKED_EVENT_FLAG_DISABLE
#define PACKED_EVENT VRING_PACKED_EVENT_FLAG_DESC

static const struct packed_event_case packed_event_cases[] = {
	{ "enabled", true, false, PACKED_ENABLE, 0, 5, 1, 8, true },
	{ "enabled, with events", true, true, PACKED_ENABLE, 0x7fff, 5, 1, 8, true },
	{ "disabled", true, false, PACKED_DISABLE, 4, 5, 1, 8, false },
	{ "disabled, with events", true, true, PACKED_DISABLE, 4, 5, 1, 8, false },
	{ "disabled, no decision before", false, true, PACKED_DISABLE, 4, 5, 1, 8, false },
	{ "reserved flags", true, true, 3, 6, 5, 1, 8, true },
	{ "unknown flags", true, true, 0x8002, 6, 5, 1, 8, true },
	{ "descriptor, not negotiated", true, false, PACKED_EVENT, 6, 5, 1, 8, true },
	{ "descriptor, no decision before", false, true, PACKED_EVENT, 6, 5, 1, 8, true },
	{ "passed exactly", true, true, PACKED_EVENT, 4, 5, 1, 8, true },
	{ "not reached", true, true, PACKED_EVENT, 5, 5, 1, 8, false },
	{ "passed before", true, true, PACKED_EVENT, 3, 5, 1, 8, false },
	{ "first of a batch", true, true, PACKED_EVENT, 1, 5, 4, 8, true },
	{ "before a batch", true, true, PACKED_EVENT, 0, 5, 4, 8, false },
	{ "last slot, we wrapped", true, true, PACKED_EVENT, PACKED_W | 7, 0, 1, 8, true },
	{ "in the former lap", true, true, PACKED_EVENT, PACKED_W | 6, 2, 4, 8, true },
	{ "in the former lap, before the batch", true, true, PACKED_EVENT,
	  PACKED_W | 5, 2, 4, 8, false },
	{ "in the next lap", true, true, PACKED_EVENT, 1, PACKED_W | 5, 5, 8, false },
	{ "this slot in the next lap", true, true, PACKED_EVENT, 4, PACKED_W | 4, 7, 8, false },
	{ "this slot a lap ago, whole ring returned", true, true, PACKED_EVENT, 4,
	  PACKED_W | 4, 8, 8, true },
	{ "slot after this a lap ago", true, true, PACKED_EVENT, 5, PACKED_W | 4, 8, 8, true },
	{ "nothing returned", true, true, PACKED_EVENT, 4, 5, 0, 8, false },
	{ "largest ring, whole", true, true, PACKED_EVENT, 1, PACKED_W, 0x8000, 0x8000, true },
	{ "largest ring, next slot", true, true, PACKED_EVENT, PACKED_W, PACKED_W, 0x8000,
	  0x8000, false },
	{ "slot that the ring has not", true, true, PACKED_EVENT, 0x7fff, 5, 8, 8, false },
};

#endif /* VHA_TESTS_PACKED_CASES_H */
