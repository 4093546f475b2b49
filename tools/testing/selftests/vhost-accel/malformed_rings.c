// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to break a ring that VIRTIO and the limits of a device leave.
 */
#include "kstest.h"
#include "malformed.h"

#define F_NEXT		VRING_DESC_F_NEXT
#define F_WRITE		VRING_DESC_F_WRITE
#define F_INDIRECT	VRING_DESC_F_INDIRECT
#define LEN		100

void raw_desc(struct vring_desc *d, __u64 gpa, __u32 len, __u16 flags, __u16 next)
{
	d->addr = gpa;
	d->len = len;
	d->flags = flags;
	d->next = next;
}

static void publish(struct vg_ring *r, __u16 idx)
{
	__atomic_store_n(&r->avail->idx, idx, __ATOMIC_RELEASE);
	vg_ring_notify(r);
}

void raw_avail(struct vg_ring *r, __u16 head)
{
	r->avail->ring[r->avail_idx++ & (r->num - 1)] = head;
	r->kick_idx = r->avail_idx;
	publish(r, r->avail_idx);
}

static void ring_desc(struct scene *s, unsigned int i, __u64 gpa, __u32 len, __u16 flags,
		      __u16 next)
{
	raw_desc(&s->r->desc[i], gpa, len, flags, next);
}

static struct vring_desc *table_of(struct scene *s, unsigned int entries)
{
	ring_desc(s, D0, s->gpa, entries * sizeof(struct vring_desc), F_INDIRECT, 0);
	return vg_mem_hva(&s->b->d.mem, s->gpa);
}

/* A place in scratch memory behind the largest table. */
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

/* ---- available ring ----------------------------------------------------- */

static void m_head_num(struct scene *s)
{
	raw_avail(s->r, s->r->num);
}

static void m_head_max(struct scene *s)
{
	raw_avail(s->r, 0xffff);
}

static void m_avail_jump(struct scene *s)
{
	publish(s->r, s->r->used->idx + s->r->num + 1);
}

static void m_avail_back(struct scene *s)
{
	publish(s->r, s->r->used->idx - 1);
}

/* ---- descriptors -------------------------------------------------------- */

static void m_loop_self(struct scene *s)
{
	ring_desc(s, D0, data(s), 1, s->dir | F_NEXT, D0);
	raw_avail(s->r, D0);
}

static void m_loop_two(struct scene *s)
{
	ring_desc(s, D0, data(s), 1, s->dir | F_NEXT, D0 + 1);
	ring_desc(s, D0 + 1, data(s), 1, s->dir | F_NEXT, D0);
	raw_avail(s->r, D0);
}

static void m_loop_empty(struct scene *s)
{
	ring_desc(s, D0, data(s), 0, s->dir | F_NEXT, D0);
	raw_avail(s->r, D0);
}

static void m_next_num(struct scene *s)
{
	ring_desc(s, D0, data(s), LEN, s->dir | F_NEXT, s->r->num);
	raw_avail(s->r, D0);
}

static void m_next_max(struct scene *s)
{
	ring_desc(s, D0, data(s), LEN, s->dir | F_NEXT, 0xffff);
	raw_avail(s->r, D0);
}

static void at(struct scene *s, __u64 gpa, __u32 len)
{
	ring_desc(s, D0, gpa, len, s->dir, 0);
	raw_avail(s->r, D0);
}

static void m_below_ram(struct scene *s)
{
	at(s, VG_GPA_BASE - LEN, LEN);
}

static void m_across_start(struct scene *s)
{
	at(s, VG_GPA_BASE - 1, LEN);
}

static void m_behind_ram(struct scene *s)
{
	at(s, ram_end(s), LEN);
}

static void m_across_end(struct scene *s)
{
	at(s, ram_end(s) - LEN + 1, LEN);
}

static void m_len_max(struct scene *s)
{
	at(s, data(s), ~0U);
}

static void m_addr_null(struct scene *s)
{
	at(s, 0, LEN);
}

static void m_addr_wrap(struct scene *s)
{
	at(s, -(__u64)LEN / 2, LEN);
}

static void m_addr_max(struct scene *s)
{
	at(s, ~0ULL, ~0U);
}

static void m_second_outside(struct scene *s)
{
	ring_desc(s, D0, data(s), LEN, s->dir | F_NEXT, D0 + 1);
	ring_desc(s, D0 + 1, ram_end(s), LEN, s->dir, 0);
	raw_avail(s->r, D0);
}

static void m_wrong_direction(struct scene *s)
{
	ring_desc(s, D0, data(s), LEN, s->dir ^ F_WRITE, 0);
	raw_avail(s->r, D0);
}

static void m_out_after_in(struct scene *s)
{
	ring_desc(s, D0, data(s), LEN, F_WRITE | F_NEXT, D0 + 1);
	ring_desc(s, D0 + 1, data(s), LEN, 0, 0);
	raw_avail(s->r, D0);
}

static void m_out_and_in(struct scene *s)
{
	ring_desc(s, D0, data(s), LEN, F_NEXT, D0 + 1);
	ring_desc(s, D0 + 1, data(s), LEN, F_WRITE, 0);
	raw_avail(s->r, D0);
}

static void m_empty(struct scene *s)
{
	ring_desc(s, D0, data(s), 0, s->dir, 0);
	raw_avail(s->r, D0);
}

/* ---- indirect tables ---------------------------------------------------- */

static void m_table_len(struct scene *s)
{
	struct vring_desc *t = table_of(s, 2);

	raw_desc(t, data(s), LEN, s->dir, 0);
	s->r->desc[D0].len = 17;
	raw_avail(s->r, D0);
}

static void m_table_short(struct scene *s)
{
	struct vring_desc *t = table_of(s, 1);

	raw_desc(t, data(s), LEN, s->dir, 0);
	s->r->desc[D0].len = 15;
	raw_avail(s->r, D0);
}

static void m_table_empty(struct scene *s)
{
	table_of(s, 0);
	raw_avail(s->r, D0);
}

static void m_table_nested(struct scene *s)
{
	struct vring_desc *t = table_of(s, 1);

	raw_desc(t, s->gpa, 16, F_INDIRECT, 0);
	raw_avail(s->r, D0);
}

static void m_table_and_next(struct scene *s)
{
	struct vring_desc *t = table_of(s, 1);

	raw_desc(t, data(s), LEN, s->dir, 0);
	s->r->desc[D0].flags |= F_NEXT;
	s->r->desc[D0].next = D0 + 1;
	ring_desc(s, D0 + 1, data(s), LEN, s->dir, 0);
	raw_avail(s->r, D0);
}

static void m_table_loop(struct scene *s)
{
	struct vring_desc *t = table_of(s, 2);

	raw_desc(t, data(s), 1, s->dir | F_NEXT, 1);
	raw_desc(t + 1, data(s), 1, s->dir | F_NEXT, 0);
	raw_avail(s->r, D0);
}

static void m_table_next(struct scene *s)
{
	struct vring_desc *t = table_of(s, 2);

	raw_desc(t, data(s), 1, s->dir | F_NEXT, 2);
	raw_desc(t + 1, data(s), 1, s->dir | F_NEXT, 2);
	raw_avail(s->r, D0);
}

static void m_table_outside(struct scene *s)
{
	ring_desc(s, D0, ram_end(s), 32, F_INDIRECT, 0);
	raw_avail(s->r, D0);
}

static void m_table_across_end(struct scene *s)
{
	struct vring_desc *t = vg_mem_hva(&s->b->d.mem, ram_end(s) - 16);

	raw_desc(t, data(s), 1, s->dir | F_NEXT, 1);
	ring_desc(s, D0, ram_end(s) - 16, 32, F_INDIRECT, 0);
	raw_avail(s->r, D0);
}

static void m_table_wrap(struct scene *s)
{
	ring_desc(s, D0, -16ULL, 48, F_INDIRECT, 0);
	raw_avail(s->r, D0);
}

static void m_table_huge(struct scene *s)
{
	ring_desc(s, D0, s->gpa, ~0U & ~15, F_INDIRECT, 0);
	raw_avail(s->r, D0);
}

static void m_table_65537(struct scene *s)
{
	struct vring_desc *t = table_of(s, 65537);

	raw_desc(t, data(s), LEN, s->dir, 0);
	raw_avail(s->r, D0);
}

static void m_table_outside_data(struct scene *s)
{
	struct vring_desc *t = table_of(s, 1);

	raw_desc(t, ram_end(s), LEN, s->dir, 0);
	raw_avail(s->r, D0);
}

static void m_table_direction(struct scene *s)
{
	struct vring_desc *t = table_of(s, 1);

	raw_desc(t, data(s), LEN, s->dir ^ F_WRITE, 0);
	raw_avail(s->r, D0);
}

static void m_table_out_after_in(struct scene *s)
{
	struct vring_desc *t = table_of(s, 2);

	raw_desc(t, data(s), LEN, F_WRITE | F_NEXT, 1);
	raw_desc(t + 1, data(s), LEN, 0, 0);
	raw_avail(s->r, D0);
}

/* More segments than any device can hold. */
static void m_too_many(struct scene *s)
{
	struct vring_desc *t = table_of(s, 1100);
	unsigned int i;

	for (i = 0; i < 1100; i++)
		raw_desc(t + i, data(s), 1, s->dir | (i < 1099 ? F_NEXT : 0), i + 1);
	raw_avail(s->r, D0);
}

const struct breakage breakages[] = {
	{ "head is num", m_head_num, BREAKS_BOTH },
	{ "head is 65535", m_head_max, BREAKS_BOTH },
	{ "avail->idx jumps more than num", m_avail_jump, BREAKS_BOTH },
	{ "avail->idx goes back", m_avail_back, BREAKS_BOTH },
	{ "descriptor is its own next", m_loop_self, BREAKS_BOTH },
	{ "two descriptors in a circle", m_loop_two, BREAKS_BOTH },
	{ "empty descriptors in a circle", m_loop_empty, BREAKS_BOTH },
	{ "next is num", m_next_num, BREAKS_BOTH },
	{ "next is 65535", m_next_max, BREAKS_BOTH },
	{ "buffer below RAM", m_below_ram, BREAKS_BOTH },
	{ "buffer across the start of RAM", m_across_start, BREAKS_BOTH },
	{ "buffer behind RAM", m_behind_ram, BREAKS_BOTH },
	{ "buffer across the end of RAM", m_across_end, BREAKS_BOTH },
	{ "buffer of 4 GiB", m_len_max, BREAKS_BOTH },
	{ "buffer at 0", m_addr_null, BREAKS_BOTH },
	{ "buffer that wraps", m_addr_wrap, BREAKS_BOTH },
	{ "buffer at the last byte, 4 GiB", m_addr_max, BREAKS_BOTH },
	{ "second buffer behind RAM", m_second_outside, BREAKS_BOTH },
	{ "buffer of the wrong direction", m_wrong_direction, BREAKS_BOTH, STOCK_SKIPS },
	{ "readable after writable", m_out_after_in, BREAKS_BOTH },
	{ "readable and writable", m_out_and_in, BREAKS_BOTH, STOCK_SKIPS },
	{ "no bytes", m_empty, BREAKS_RX, STOCK_SKIPS },
	{ "table of 17 bytes", m_table_len, BREAKS_BOTH },
	{ "table of 15 bytes", m_table_short, BREAKS_BOTH },
	{ "table of 0 bytes", m_table_empty, BREAKS_BOTH },
	{ "table in a table", m_table_nested, BREAKS_BOTH },
	{ "table with a next", m_table_and_next, BREAKS_BOTH, STOCK_TAKES },
	{ "circle in a table", m_table_loop, BREAKS_BOTH },
	{ "next behind a table", m_table_next, BREAKS_BOTH },
	{ "table behind RAM", m_table_outside, BREAKS_BOTH },
	{ "table across the end of RAM", m_table_across_end, BREAKS_BOTH },
	{ "table that wraps", m_table_wrap, BREAKS_BOTH },
	{ "table of 4 GiB", m_table_huge, BREAKS_BOTH },
	{ "table of 65537", m_table_65537, BREAKS_BOTH },
	{ "table of a buffer behind RAM", m_table_outside_data, BREAKS_BOTH },
	{ "table of the wrong direction", m_table_direction, BREAKS_BOTH, STOCK_SKIPS },
	{ "readable after writable in a table", m_table_out_after_in, BREAKS_BOTH },
	{ "1100 segments", m_too_many, BREAKS_TX },
};

const unsigned int nbreakages = ARRAY_SIZE(breakages);
