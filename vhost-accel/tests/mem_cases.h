/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of the guest memory table, for KUnit and for user space.
 */
#ifndef VHA_TESTS_MEM_CASES_H
#define VHA_TESTS_MEM_CASES_H

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/types.h>

#include "../mem_core.h"

#define MEM_CASE_REGIONS 5
#define MEM_CASE_SEGS 4

#define MEM_TOP_GPA (~0ULL - 0xfff)

/*
 * The guest of the translation cases, in the order in which a user gives it:
 * low memory, a region that adjoins it elsewhere in the host, a hole, one page,
 * another hole, and the last page of the address space.
 */
static const struct vha_region mem_case_guest[MEM_CASE_REGIONS] = {
	{ .gpa = 0x40000, .size = 0x1000, .hva = 0x7f3000000000ULL },
	{ .gpa = 0, .size = 0x10000, .hva = 0x7f0000000000ULL },
	{ .gpa = MEM_TOP_GPA, .size = 0x1000, .hva = 0x7f4000000000ULL },
	{ .gpa = 0x10000, .size = 0x10000, .hva = 0x7f1000000000ULL },
	{ .gpa = 0x20000, .size = 1, .hva = 0x7f2000000000ULL },
};

struct mem_sort_case {
	const char *name;
	u32 n;
	struct vha_region in[MEM_CASE_REGIONS];
	int ret;
	/* Expected order, as indices of @in. */
	u32 order[MEM_CASE_REGIONS];
};

static const struct mem_sort_case mem_sort_cases[] = {
	{
		.name = "no region",
	}, {
		.name = "one region",
		.n = 1,
		.in = { { 0x1000, 0x1000, 0x5000 } },
	}, {
		.name = "one byte at the top",
		.n = 1,
		.in = { { ~0ULL, 1, 0x5000 } },
	}, {
		.name = "whole address space but one byte",
		.n = 1,
		.in = { { 0, ~0ULL, 0 } },
	}, {
		.name = "already sorted",
		.n = 3,
		.in = { { 0, 1, 0x10 }, { 1, 1, 0x20 }, { 2, 1, 0x30 } },
		.order = { 0, 1, 2 },
	}, {
		.name = "reversed",
		.n = 3,
		.in = { { 0x3000, 0x10, 0x10 }, { 0x2000, 0x10, 0x20 },
			{ 0x1000, 0x10, 0x30 } },
		.order = { 2, 1, 0 },
	}, {
		.name = "adjoining regions given backwards",
		.n = 2,
		.in = { { 0x2000, 0x1000, 0x10 }, { 0x1000, 0x1000, 0x20 } },
		.order = { 1, 0 },
	}, {
		.name = "two regions on one host address",
		.n = 2,
		.in = { { 0x1000, 0x1000, 0x5000 }, { 0x3000, 0x1000, 0x5000 } },
		.order = { 0, 1 },
	}, {
		.name = "empty region",
		.n = 1,
		.in = { { 0x1000, 0, 0x5000 } },
		.ret = -EFAULT,
	}, {
		.name = "empty region at zero",
		.n = 1,
		.in = { { 0, 0, 0 } },
		.ret = -EFAULT,
	}, {
		.name = "guest address wraps",
		.n = 1,
		.in = { { ~0ULL, 2, 0x5000 } },
		.ret = -EFAULT,
	}, {
		.name = "host address wraps",
		.n = 1,
		.in = { { 0, 2, ~0ULL } },
		.ret = -EFAULT,
	}, {
		.name = "same start",
		.n = 2,
		.in = { { 0x1000, 1, 0x10 }, { 0x1000, 1, 0x20 } },
		.ret = -EFAULT,
	}, {
		.name = "overlap by one byte",
		.n = 2,
		.in = { { 0x1000, 0x1001, 0x10 }, { 0x2000, 0x1000, 0x20 } },
		.ret = -EFAULT,
	}, {
		.name = "overlap given backwards",
		.n = 2,
		.in = { { 0x2000, 0x1000, 0x10 }, { 0x1000, 0x1001, 0x20 } },
		.ret = -EFAULT,
	}, {
		.name = "one inside another",
		.n = 3,
		.in = { { 0x1000, 0x9000, 0x10 }, { 0x2000, 1, 0x20 },
			{ 0x20000, 1, 0x30 } },
		.ret = -EFAULT,
	},
};

struct mem_xlat_case {
	const char *name;
	u64 gpa;
	u64 len;
	/* Room for segments; 0 means MEM_CASE_SEGS. */
	unsigned int max;
	int ret;
	struct {
		u64 hva;
		u64 len;
	} seg[MEM_CASE_SEGS];
};

/* On mem_case_guest. */
static const struct mem_xlat_case mem_xlat_cases[] = {
	{
		.name = "empty range",
		.gpa = 0x100,
	}, {
		.name = "empty range outside of memory",
		.gpa = 0x999999,
	}, {
		.name = "first byte",
		.len = 1,
		.ret = 1,
		.seg = { { 0x7f0000000000ULL, 1 } },
	}, {
		.name = "inside a region",
		.gpa = 0x1234,
		.len = 0x100,
		.ret = 1,
		.seg = { { 0x7f0000001234ULL, 0x100 } },
	}, {
		.name = "up to the end of a region",
		.gpa = 0x40000,
		.len = 0x1000,
		.ret = 1,
		.seg = { { 0x7f3000000000ULL, 0x1000 } },
	}, {
		.name = "across two adjoining regions",
		.gpa = 0xfff0,
		.len = 0x20,
		.ret = 2,
		.seg = { { 0x7f000000fff0ULL, 0x10 }, { 0x7f1000000000ULL, 0x10 } },
	}, {
		.name = "across three, the last one byte long",
		.gpa = 0xffff,
		.len = 0x10002,
		.ret = 3,
		.seg = { { 0x7f000000ffffULL, 1 }, { 0x7f1000000000ULL, 0x10000 },
			 { 0x7f2000000000ULL, 1 } },
	}, {
		.name = "exactly as many segments as there is room for",
		.gpa = 0xfff0,
		.len = 0x20,
		.max = 2,
		.ret = 2,
		.seg = { { 0x7f000000fff0ULL, 0x10 }, { 0x7f1000000000ULL, 0x10 } },
	}, {
		.name = "one segment more than there is room for",
		.gpa = 0xfff0,
		.len = 0x20,
		.max = 1,
		.ret = -ENOBUFS,
	}, {
		.name = "last byte of the address space",
		.gpa = ~0ULL,
		.len = 1,
		.ret = 1,
		.seg = { { 0x7f4000000fffULL, 1 } },
	}, {
		.name = "wraps around the address space into memory",
		.gpa = ~0ULL,
		.len = 2,
		.ret = -EFAULT,
	}, {
		.name = "everything there is",
		.len = ~0ULL,
		.ret = -EFAULT,
	}, {
		.name = "in a hole",
		.gpa = 0x30000,
		.len = 1,
		.ret = -EFAULT,
	}, {
		.name = "one byte before a region",
		.gpa = 0x3ffff,
		.len = 2,
		.ret = -EFAULT,
	}, {
		.name = "one byte past a region",
		.gpa = 0x40fff,
		.len = 2,
		.ret = -EFAULT,
	}, {
		.name = "just past a region",
		.gpa = 0x41000,
		.len = 1,
		.ret = -EFAULT,
	},
};

#define TLB_CASE_MAPS 5

/*
 * An IOTLB: two pages that adjoin in the host as well, one that adjoins them only
 * for the device, a page to be written, and the last page.
 */
static const struct vha_map tlb_case_maps[TLB_CASE_MAPS] = {
	{ 0x1000, 0x1fff, 0x7f0000001000ULL, .read = true },
	{ 0x2000, 0x2fff, 0x7f0000002000ULL, .read = true, .write = true },
	{ 0x3000, 0x3fff, 0x7f0000009000ULL, .read = true, .write = true },
	{ 0x5000, 0x5fff, 0x7f0000005000ULL, .write = true },
	{ MEM_TOP_GPA, ~0ULL, 0x7f4000000000ULL, .read = true },
};

static inline bool tlb_case_find(struct vha_iotlb *iotlb, u64 addr,
				 struct vha_map *map)
{
	int i;

	if (iotlb->find != tlb_case_find)
		return false;
	for (i = 0; i < TLB_CASE_MAPS; i++) {
		*map = tlb_case_maps[i];
		if (addr >= map->start && addr <= map->last)
			return true;
	}
	return false;
}

struct tlb_case {
	const char *name;
	u64 addr;
	u64 len;
	bool write;
	/* Room for segments; 0 means MEM_CASE_SEGS. */
	unsigned int max;
	int ret;
	struct {
		u64 hva;
		u64 len;
	} seg[MEM_CASE_SEGS];
	/* For -EAGAIN: the address missed. */
	u64 miss;
	/* Of vha_space_linear(), where there is no error and a byte at all. */
	bool linear;
};

static const struct tlb_case tlb_cases[] = {
	{
		.name = "no bytes, in no entry",
	}, {
		.name = "one entry",
		.addr = 0x1234,
		.len = 0x100,
		.ret = 1,
		.seg = { { 0x7f0000001234ULL, 0x100 } },
		.linear = true,
	}, {
		.name = "all of an entry",
		.addr = 0x2000,
		.len = 0x1000,
		.write = true,
		.ret = 1,
		.seg = { { 0x7f0000002000ULL, 0x1000 } },
		.linear = true,
	}, {
		.name = "two entries that adjoin in the host",
		.addr = 0x1ff0,
		.len = 0x20,
		.ret = 2,
		.seg = { { 0x7f0000001ff0ULL, 0x10 }, { 0x7f0000002000ULL, 0x10 } },
		.linear = true,
	}, {
		.name = "two entries that do not",
		.addr = 0x2ff0,
		.len = 0x20,
		.write = true,
		.ret = 2,
		.seg = { { 0x7f0000002ff0ULL, 0x10 }, { 0x7f0000009000ULL, 0x10 } },
	}, {
		.name = "no room for the second",
		.addr = 0x2ff0,
		.len = 0x20,
		.max = 1,
		.ret = -ENOBUFS,
	}, {
		.name = "first byte unknown",
		.addr = 0x4fff,
		.len = 2,
		.ret = -EAGAIN,
		.miss = 0x4fff,
	}, {
		.name = "a later byte unknown",
		.addr = 0x3ff0,
		.len = 0x20,
		.write = true,
		.ret = -EAGAIN,
		.miss = 0x4000,
	}, {
		.name = "write where reading is allowed",
		.addr = 0x1000,
		.len = 1,
		.write = true,
		.ret = -EPERM,
	}, {
		.name = "read where writing is allowed",
		.addr = 0x5000,
		.len = 1,
		.ret = -EPERM,
	}, {
		.name = "write that runs into what may be read only",
		.addr = 0x1fff,
		.len = 2,
		.write = true,
		.ret = -EPERM,
	}, {
		.name = "last byte of the address space",
		.addr = ~0ULL,
		.len = 1,
		.ret = 1,
		.seg = { { 0x7f4000000fffULL, 1 } },
		.linear = true,
	}, {
		.name = "wraps around the address space",
		.addr = ~0ULL,
		.len = 2,
		.ret = -EFAULT,
	},
};

#endif /* VHA_TESTS_MEM_CASES_H */
