/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of the split ring parser, for KUnit and for user space.
 */
#ifndef VHA_TESTS_RING_CASES_H
#define VHA_TESTS_RING_CASES_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/types.h>

#include "../ring_core.h"

#define RING_CASE_NUM 8
#define RING_CASE_SEGS 8

/* Guest of the cases: two adjoining regions of 64 KiB each. */
#define RING_A_HVA 0x7f0000000000ULL
#define RING_B_HVA 0x7f1000000000ULL
#define RING_B_GPA 0x10000
#define RING_END_GPA 0x20000

/* Where an indirect table lies; its contents come from the case. */
#define RING_TABLE_GPA 0x8000

static const struct vha_region ring_case_guest[] = {
	{ .gpa = 0, .size = 0x10000, .hva = RING_A_HVA },
	{ .gpa = RING_B_GPA, .size = 0x10000, .hva = RING_B_HVA },
};

#define RING_N VRING_DESC_F_NEXT
#define RING_W VRING_DESC_F_WRITE
#define RING_I VRING_DESC_F_INDIRECT

#define RING_DESC(a, l, f, n) {						\
	.addr = (__force __virtio64)cpu_to_le64(a),			\
	.len = (__force __virtio32)cpu_to_le32(l),			\
	.flags = (__force __virtio16)cpu_to_le16(f),			\
	.next = (__force __virtio16)cpu_to_le16(n) }

#define RING_TABLE(n) RING_DESC(RING_TABLE_GPA, (n) * 16, RING_I, 0)

struct ring_case {
	const char *name;
	u32 head;
	/* Room for segments; 0 means RING_CASE_SEGS. */
	unsigned int max;
	struct vring_desc ring[RING_CASE_NUM];
	struct vring_desc table[RING_CASE_NUM];
	int ret;
	unsigned int out;
	unsigned int in;
	u64 len;
	/* Host address of the first segment, if there is one. */
	u64 first;
};

static const struct ring_case ring_cases[] = {
	{
		.name = "one readable",
		.ring = { RING_DESC(0x1000, 100, 0, 0) },
		.out = 1, .len = 100, .first = RING_A_HVA + 0x1000,
	}, {
		.name = "one writable",
		.ring = { RING_DESC(0x1000, 100, RING_W, 0) },
		.in = 1, .len = 100, .first = RING_A_HVA + 0x1000,
	}, {
		.name = "last entry of the ring",
		.head = 7,
		.ring = { [7] = RING_DESC(0x1fff, 1, 0, 0) },
		.out = 1, .len = 1, .first = RING_A_HVA + 0x1fff,
	}, {
		.name = "readable, then writable, out of order in the table",
		.head = 5,
		.ring = { [5] = RING_DESC(0x10, 12, RING_N, 2),
			  [2] = RING_DESC(0x20, 20, RING_N | RING_W, 7),
			  [7] = RING_DESC(0x30, 30, RING_W, 0) },
		.out = 1, .in = 2, .len = 62, .first = RING_A_HVA + 0x10,
	}, {
		.name = "next is ignored without its flag",
		.ring = { RING_DESC(0x1000, 1, 0, 0xffff) },
		.out = 1, .len = 1, .first = RING_A_HVA + 0x1000,
	}, {
		.name = "whole ring as one chain",
		.ring = { RING_DESC(0, 1, RING_N, 1), RING_DESC(1, 1, RING_N, 2),
			  RING_DESC(2, 1, RING_N, 3), RING_DESC(3, 1, RING_N, 4),
			  RING_DESC(4, 1, RING_N, 5), RING_DESC(5, 1, RING_N, 6),
			  RING_DESC(6, 1, RING_N, 7), RING_DESC(7, 1, 0, 0) },
		.out = 8, .len = 8, .first = RING_A_HVA,
	}, {
		.name = "crosses into the next region",
		.ring = { RING_DESC(RING_B_GPA - 8, 16, 0, 0) },
		.out = 2, .len = 16, .first = RING_A_HVA + RING_B_GPA - 8,
	}, {
		.name = "empty descriptor alone",
		.ring = { RING_DESC(0x1000, 0, 0, 0) },
	}, {
		.name = "empty descriptor outside of memory",
		.ring = { RING_DESC(~0ULL, 0, RING_N, 1), RING_DESC(0, 4, RING_W, 0) },
		.in = 1, .len = 4, .first = RING_A_HVA,
	}, {
		.name = "unknown flags are ignored",
		.ring = { RING_DESC(0x40, 4, 0xfff8, 0) },
		.out = 1, .len = 4, .first = RING_A_HVA + 0x40,
	}, {
		.name = "head just past the ring",
		.head = 8,
		.ret = -EINVAL,
	}, {
		.name = "head far past the ring",
		.head = 0xffff,
		.ret = -EINVAL,
	}, {
		.name = "next just past the ring",
		.ring = { RING_DESC(0, 1, RING_N, 8) },
		.ret = -EINVAL,
	}, {
		.name = "descriptor points at itself",
		.ring = { RING_DESC(0, 1, RING_N, 0) },
		.ret = -EINVAL,
	}, {
		.name = "loop of two",
		.ring = { RING_DESC(0, 1, RING_N, 1), RING_DESC(1, 1, RING_N, 0) },
		.ret = -EINVAL,
	}, {
		.name = "loop of empty descriptors",
		.ring = { RING_DESC(0, 0, RING_N, 1), RING_DESC(0, 0, RING_N, 0) },
		.ret = -EINVAL,
	}, {
		.name = "readable after writable",
		.ring = { RING_DESC(0, 1, RING_N | RING_W, 1), RING_DESC(1, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "readable after an empty writable",
		.ring = { RING_DESC(0, 0, RING_N | RING_W, 1), RING_DESC(1, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "outside of memory",
		.ring = { RING_DESC(RING_END_GPA, 1, 0, 0) },
		.ret = -EFAULT,
	}, {
		.name = "last byte outside of memory",
		.ring = { RING_DESC(RING_END_GPA - 4, 5, 0, 0) },
		.ret = -EFAULT,
	}, {
		.name = "wraps around the address space",
		.ring = { RING_DESC(~0ULL - 3, 8, 0, 0) },
		.ret = -EFAULT,
	}, {
		.name = "longest length",
		.ring = { RING_DESC(0, 0xffffffff, 0, 0) },
		.ret = -EFAULT,
	}, {
		.name = "as many segments as there is room for",
		.max = 2,
		.ring = { RING_DESC(0, 1, RING_N, 1), RING_DESC(1, 1, 0, 0) },
		.out = 2, .len = 2, .first = RING_A_HVA,
	}, {
		.name = "one segment too many",
		.max = 2,
		.ring = { RING_DESC(0, 1, RING_N, 1), RING_DESC(1, 1, RING_N, 2),
			  RING_DESC(2, 1, 0, 0) },
		.ret = -ENOBUFS,
	}, {
		.name = "crossing a region takes a segment too many",
		.max = 1,
		.ring = { RING_DESC(RING_B_GPA - 8, 16, 0, 0) },
		.ret = -ENOBUFS,
	}, {
		.name = "indirect, one entry",
		.ring = { RING_TABLE(1) },
		.table = { RING_DESC(0x2000, 60, 0, 0) },
		.out = 1, .len = 60, .first = RING_A_HVA + 0x2000,
	}, {
		.name = "indirect with the write flag, which is ignored",
		.ring = { RING_DESC(RING_TABLE_GPA, 16, RING_I | RING_W, 0) },
		.table = { RING_DESC(0x2000, 60, 0, 0) },
		.out = 1, .len = 60, .first = RING_A_HVA + 0x2000,
	}, {
		.name = "indirect after a direct descriptor",
		.ring = { RING_DESC(0, 12, RING_N, 3), [3] = RING_TABLE(2) },
		.table = { RING_DESC(0x100, 1, RING_N, 1), RING_DESC(0x200, 2, RING_W, 0) },
		.out = 2, .in = 1, .len = 15, .first = RING_A_HVA,
	}, {
		.name = "indirect, next followed and not sequential",
		.ring = { RING_TABLE(4) },
		.table = { RING_DESC(0x100, 1, RING_N, 3), [3] = RING_DESC(0x200, 2, RING_N, 1),
			   [1] = RING_DESC(0x300, 4, 0, 0) },
		.out = 3, .len = 7, .first = RING_A_HVA + 0x100,
	}, {
		.name = "indirect, longer than the ring",
		.ring = { [7] = RING_TABLE(8) },
		.head = 7,
		.table = { RING_DESC(0, 1, RING_N, 1), RING_DESC(1, 1, RING_N, 2),
			   RING_DESC(2, 1, RING_N, 3), RING_DESC(3, 1, RING_N, 4),
			   RING_DESC(4, 1, RING_N, 5), RING_DESC(5, 1, RING_N, 6),
			   RING_DESC(6, 1, RING_N, 7), RING_DESC(7, 1, 0, 0) },
		.out = 8, .len = 8, .first = RING_A_HVA,
	}, {
		.name = "indirect of no entries",
		.ring = { RING_DESC(RING_TABLE_GPA, 0, RING_I, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect length no multiple of 16",
		.ring = { RING_DESC(RING_TABLE_GPA, 17, RING_I, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect shorter than an entry",
		.ring = { RING_DESC(RING_TABLE_GPA, 15, RING_I, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect with next",
		.ring = { RING_DESC(RING_TABLE_GPA, 16, RING_I | RING_N, 1),
			  RING_DESC(0, 1, 0, 0) },
		.table = { RING_DESC(0, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect table too long",
		.ring = { RING_DESC(0, (VHA_MAX_INDIRECT + 1) * 16, RING_I, 0) },
		.ret = -E2BIG,
	}, {
		.name = "indirect table wraps around the address space",
		.ring = { RING_DESC(~0ULL - 15, 32, RING_I, 0) },
		.ret = -EFAULT,
	}, {
		.name = "nested indirect",
		.ring = { RING_TABLE(2) },
		.table = { RING_TABLE(1) },
		.ret = -EINVAL,
	}, {
		.name = "indirect, next past its table but inside the ring",
		.ring = { RING_TABLE(2) },
		.table = { RING_DESC(0, 1, RING_N, 2), RING_DESC(0, 1, 0, 0),
			   RING_DESC(0, 1, 0, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect, loop",
		.ring = { RING_TABLE(2) },
		.table = { RING_DESC(0, 1, RING_N, 1), RING_DESC(0, 1, RING_N, 0) },
		.ret = -EINVAL,
	}, {
		.name = "indirect, readable after a direct writable",
		.ring = { RING_DESC(0, 1, RING_N | RING_W, 1), RING_TABLE(1) },
		.table = { RING_DESC(0, 1, 0, 0) },
		.ret = -EINVAL,
	},
};

/**
 * ring_case_run() - parse the buffer of a case as the glue code would
 * @rc: the case
 * @mem: ring_case_guest, sorted
 * @c: result
 * @iov: RING_CASE_SEGS segments
 *
 * Return: 0 or the parser's error; -ELOOP when the parser did not end, -ENOTTY
 * when it asked for something that it may not ask for.
 */
static inline int ring_case_run(const struct ring_case *rc,
				const struct vha_mem *mem, struct vha_chain *c,
				struct iovec *iov)
{
	struct vha_space space = { .mem = mem };
	unsigned int steps = 0;
	int ret;

	ret = vha_chain_start(c, rc->head, RING_CASE_NUM, iov,
			      rc->max ?: RING_CASE_SEGS);
	while (ret == VHA_FEED_MORE) {
		if (c->next >= c->bound || c->next >= RING_CASE_NUM ||
		    (c->indirect && c->table != RING_TABLE_GPA))
			return -ENOTTY;
		if (++steps > 2 * RING_CASE_NUM)
			return -ELOOP;
		ret = vha_chain_feed(c, &space,
				     c->indirect ? &rc->table[c->next] :
						   &rc->ring[c->next]);
	}
	return ret;
}

struct ring_avail_case {
	const char *name;
	u16 avail;
	u16 last;
	u32 num;
	int ret;
};

static const struct ring_avail_case ring_avail_cases[] = {
	{ "empty", 0, 0, 256, 0 },
	{ "empty at the wrap", 0xffff, 0xffff, 256, 0 },
	{ "one", 1, 0, 256, 1 },
	{ "one across the wrap", 0, 0xffff, 256, 1 },
	{ "full", 256, 0, 256, 256 },
	{ "full across the wrap", 0x7f, 0xff7f, 256, 256 },
	{ "one more than full", 257, 0, 256, -EINVAL },
	{ "backwards by one", 0, 1, 256, -EINVAL },
	{ "largest ring full", 0x8000, 0, 0x8000, 0x8000 },
	{ "ring of one", 8, 7, 1, 1 },
	{ "ring of one, two claimed", 9, 7, 1, -EINVAL },
};

struct ring_event_case {
	const char *name;
	bool valid;
	u16 event;
	u16 new_idx;
	u16 old_idx;
	bool want;
};

static const struct ring_event_case ring_event_cases[] = {
	{ "no decision before", false, 100, 1, 1, true },
	{ "no progress", true, 0, 5, 5, false },
	{ "passed exactly", true, 4, 5, 4, true },
	{ "not reached", true, 5, 5, 4, false },
	{ "passed long ago", true, 3, 5, 4, false },
	{ "passed within a batch", true, 10, 64, 0, true },
	{ "first of a batch", true, 0, 64, 0, true },
	{ "last of a batch", true, 63, 64, 0, true },
	{ "just past a batch", true, 64, 64, 0, false },
	{ "across the wrap, passed", true, 0xffff, 2, 0xfffe, true },
	{ "across the wrap, not reached", true, 2, 2, 0xfffe, false },
	{ "across the wrap, before the batch", true, 0xfffd, 2, 0xfffe, false },
};

struct ring_hdr_case {
	const char *name;
	u8 flags;
	u16 hdr_len;
	u16 csum_start;
	u16 csum_offset;
	u32 frame_len;
	int ret;
	u16 want_hdr_len;
};

#define RING_CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM

static const struct ring_hdr_case ring_hdr_cases[] = {
	{ "no checksum wanted", 0, 0, 0xffff, 0xffff, 60, 0, 0 },
	{ "header long enough", RING_CSUM, 54, 34, 16, 100, 0, 54 },
	{ "header ends with the field", RING_CSUM, 52, 34, 16, 100, 0, 52 },
	{ "header too short by one", RING_CSUM, 51, 34, 16, 100, 0, 52 },
	{ "header length absent", RING_CSUM, 0, 34, 16, 100, 0, 52 },
	{ "field ends with the frame", RING_CSUM, 0, 34, 16, 52, 0, 52 },
	{ "field outside of the frame", RING_CSUM, 0, 34, 16, 51, -EINVAL, 0 },
	{ "sum past 16 bits", RING_CSUM, 0, 0xffff, 0xffff, 0x30000, -EINVAL, 0 },
	{ "sum just past 16 bits", RING_CSUM, 0xffff, 0xfffe, 0, 0x30000, -EINVAL, 0xffff },
	{ "largest sum that fits", RING_CSUM, 0, 0xfffd, 0, 0x30000, 0, 0xffff },
};

#endif /* VHA_TESTS_RING_CASES_H */
