// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to break a packed ring. The descriptors of a buffer lie at the driver's next
 * places; the flags of the first make it available.
 */
#include "kstest.h"
#include "malformed.h"

#define F_NEXT		VRING_DESC_F_NEXT
#define F_WRITE		VRING_DESC_F_WRITE
#define F_INDIRECT	VRING_DESC_F_INDIRECT
#define F_AVAIL		VG_BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		VG_BIT(VRING_PACKED_DESC_F_USED)
#define LEN		100

void raw_packed(struct vg_ring *r, unsigned int i, __u64 gpa, __u32 len, __u16 flags,
		__u16 id)
{
	unsigned int at = (r->avail_idx + i) % r->num;
	bool wrap = r->avail_wrap ^ (r->avail_idx + i >= r->num);
	struct vring_packed_desc *d = &r->packed[at];

	d->addr = gpa;
	d->len = len;
	d->id = id;
	__atomic_store_n(&d->flags, flags | (wrap ? F_AVAIL : F_USED), __ATOMIC_RELEASE);
}

/* A chain of one: visible at once. */
static void one(struct scene *s, __u64 gpa, __u32 len, __u16 flags)
{
	raw_packed(s->r, 0, gpa, len, flags, 0);
	vg_ring_notify(s->r);
}

/* A chain of two, the head last. */
static void two(struct scene *s, __u64 gpa, __u32 len, __u16 head, __u16 second)
{
	raw_packed(s->r, 1, gpa, len, second, 0);
	raw_packed(s->r, 0, s->gpa + SCRATCH - VG_PAGE, LEN, head | F_NEXT, 0);
	vg_ring_notify(s->r);
}

static __u64 data(struct scene *s)
{
	return s->gpa + SCRATCH - VG_PAGE;
}

static __u64 ram_end(struct scene *s)
{
	const struct vg_mem *m = &s->b->d.mem;
	const struct vg_region *last = &m->region[m->nregions - 1];

	return last->gpa + last->size;
}

static struct vring_packed_desc *table_of(struct scene *s)
{
	return vg_mem_hva(&s->b->d.mem, s->gpa);
}

static void entry(struct vring_packed_desc *t, __u64 gpa, __u32 len, __u16 flags)
{
	*t = (struct vring_packed_desc){ .addr = gpa, .len = len, .flags = flags };
}

static void table(struct scene *s, __u32 len, __u16 more)
{
	one(s, s->gpa, len, F_INDIRECT | more);
}

static void p_endless(struct scene *s)
{
	unsigned int i = s->r->num;

	while (i--)
		raw_packed(s->r, i, data(s), 1, s->dir | F_NEXT, 0);
	vg_ring_notify(s->r);
}

static void p_endless_empty(struct scene *s)
{
	unsigned int i = s->r->num;

	while (i--)
		raw_packed(s->r, i, data(s), 0, s->dir | F_NEXT, 0);
	vg_ring_notify(s->r);
}

static void p_below_ram(struct scene *s)
{
	one(s, VG_GPA_BASE - LEN, LEN, s->dir);
}

static void p_behind_ram(struct scene *s)
{
	one(s, ram_end(s), LEN, s->dir);
}

static void p_across_end(struct scene *s)
{
	one(s, ram_end(s) - LEN + 1, LEN, s->dir);
}

static void p_len_max(struct scene *s)
{
	one(s, data(s), ~0U, s->dir);
}

static void p_addr_wrap(struct scene *s)
{
	one(s, -(__u64)LEN / 2, LEN, s->dir);
}

static void p_addr_max(struct scene *s)
{
	one(s, ~0ULL, ~0U, s->dir);
}

static void p_second_outside(struct scene *s)
{
	two(s, ram_end(s), LEN, s->dir, s->dir);
}

static void p_wrong_direction(struct scene *s)
{
	one(s, data(s), LEN, s->dir ^ F_WRITE);
}

static void p_out_after_in(struct scene *s)
{
	two(s, data(s), LEN, F_WRITE, 0);
}

static void p_out_and_in(struct scene *s)
{
	two(s, data(s), LEN, 0, F_WRITE);
}

static void p_empty(struct scene *s)
{
	one(s, data(s), 0, s->dir);
}

static void p_table_17(struct scene *s)
{
	entry(table_of(s), data(s), LEN, s->dir);
	table(s, 17, 0);
}

static void p_table_15(struct scene *s)
{
	entry(table_of(s), data(s), LEN, s->dir);
	table(s, 15, 0);
}

static void p_table_0(struct scene *s)
{
	table(s, 0, 0);
}

static void p_table_next(struct scene *s)
{
	entry(table_of(s), data(s), LEN, s->dir);
	raw_packed(s->r, 1, data(s), LEN, s->dir, 0);
	table(s, 16, F_NEXT);
}

static void p_table_huge(struct scene *s)
{
	table(s, ~0U & ~15U, 0);
}

static void p_table_1025(struct scene *s)
{
	struct vring_packed_desc *t = table_of(s);
	unsigned int i;

	for (i = 0; i < 1025; i++)
		entry(&t[i], data(s), 1, s->dir);
	table(s, 1025 * 16, 0);
}

static void p_table_outside(struct scene *s)
{
	one(s, ram_end(s), 32, F_INDIRECT);
}

static void p_table_across_end(struct scene *s)
{
	entry(vg_mem_hva(&s->b->d.mem, ram_end(s) - 16), data(s), 1, s->dir);
	one(s, ram_end(s) - 16, 32, F_INDIRECT);
}

static void p_table_wrap(struct scene *s)
{
	one(s, -16ULL, 48, F_INDIRECT);
}

static void p_table_data(struct scene *s)
{
	entry(table_of(s), ram_end(s), LEN, s->dir);
	table(s, 16, 0);
}

static void p_table_direction(struct scene *s)
{
	entry(table_of(s), data(s), LEN, s->dir ^ F_WRITE);
	table(s, 16, 0);
}

static void p_table_out_after_in(struct scene *s)
{
	entry(table_of(s), data(s), LEN, F_WRITE);
	entry(table_of(s) + 1, data(s), LEN, 0);
	table(s, 32, 0);
}

const struct breakage packed_breakages[] = {
	{ "chain as long as the ring, and on", p_endless, BREAKS_BOTH },
	{ "the same of empty descriptors", p_endless_empty, BREAKS_BOTH },
	{ "buffer below RAM", p_below_ram, BREAKS_BOTH },
	{ "buffer behind RAM", p_behind_ram, BREAKS_BOTH },
	{ "buffer across the end of RAM", p_across_end, BREAKS_BOTH },
	{ "buffer of 4 GiB", p_len_max, BREAKS_BOTH },
	{ "buffer that wraps", p_addr_wrap, BREAKS_BOTH },
	{ "buffer at the last byte, 4 GiB", p_addr_max, BREAKS_BOTH },
	{ "second buffer behind RAM", p_second_outside, BREAKS_BOTH },
	{ "buffer of the wrong direction", p_wrong_direction, BREAKS_BOTH },
	{ "readable after writable", p_out_after_in, BREAKS_BOTH },
	{ "readable and writable", p_out_and_in, BREAKS_BOTH },
	{ "no bytes", p_empty, BREAKS_RX },
	{ "table of 17 bytes", p_table_17, BREAKS_BOTH },
	{ "table of 15 bytes", p_table_15, BREAKS_BOTH },
	{ "table of 0 bytes", p_table_0, BREAKS_BOTH },
	{ "table with a next", p_table_next, BREAKS_BOTH },
	{ "table of 4 GiB", p_table_huge, BREAKS_BOTH },
	{ "table of 1025", p_table_1025, BREAKS_BOTH },
	{ "table behind RAM", p_table_outside, BREAKS_BOTH },
	{ "table across the end of RAM", p_table_across_end, BREAKS_BOTH },
	{ "table that wraps", p_table_wrap, BREAKS_BOTH },
	{ "table of a buffer behind RAM", p_table_data, BREAKS_BOTH },
	{ "table of the wrong direction", p_table_direction, BREAKS_BOTH },
	{ "readable after writable in a table", p_table_out_after_in, BREAKS_BOTH },
};

const unsigned int npacked_breakages = ARRAY_SIZE(packed_breakages);
