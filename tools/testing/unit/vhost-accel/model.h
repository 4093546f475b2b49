/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Naive models of the cores, for the property tests and the fuzzers.
 *
 * They answer the same questions by other means: no order, no hint, no budget,
 * 128-bit sums instead of careful comparisons, a set of visited descriptors
 * instead of a count. An error is only an error here: which one of several
 * applies first is not part of the contract; the case tables pin the codes.
 */
#ifndef UNIT_VHOST_ACCEL_MODEL_H
#define UNIT_VHOST_ACCEL_MODEL_H

#include <string.h>

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/types.h>

#include "mem_core.h"
#include "packed_core.h"
#include "ring_core.h"

typedef unsigned __int128 u128;

#define MODEL_SPACE ((u128)1 << 64)

static inline bool model_mem_valid(const struct vha_region *r, u32 n)
{
	u32 i, j;

	for (i = 0; i < n; i++) {
		u128 end = (u128)r[i].gpa + r[i].size;

		if (!r[i].size || end > MODEL_SPACE ||
		    (u128)r[i].hva + r[i].size > MODEL_SPACE)
			return false;
		for (j = 0; j < n; j++)
			if (j != i && r[j].gpa < end &&
			    r[i].gpa < (u128)r[j].gpa + r[j].size)
				return false;
	}
	return true;
}

static inline const struct vha_region *
model_region(const struct vha_region *r, u32 n, u128 gpa)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (gpa >= r[i].gpa && gpa < (u128)r[i].gpa + r[i].size)
			return &r[i];
	return NULL;
}

/* Returns the number of segments, or -1. */
static inline int model_translate(const struct vha_region *r, u32 n, u64 gpa,
				  u64 len, struct iovec *iov, unsigned int max)
{
	u128 at = gpa, end = (u128)gpa + len;
	unsigned int segs = 0;

	while (at < end) {
		const struct vha_region *hit = model_region(r, n, at);
		u128 stop;

		if (!hit || segs == max)
			return -1;
		stop = (u128)hit->gpa + hit->size;
		if (stop > end)
			stop = end;
		iov[segs].iov_base = (void *)(hit->hva + (u64)(at - hit->gpa));
		iov[segs].iov_len = stop - at;
		segs++;
		at = stop;
	}
	return segs;
}

/* An IOTLB of a few entries, which may overlap: the one that starts first wins. */
struct model_tlb {
	struct vha_iotlb core;
	const struct vha_map *maps;
	u32 n;
};

static inline bool model_tlb_find(struct vha_iotlb *core, u64 addr, struct vha_map *map)
{
	const struct model_tlb *t = (const struct model_tlb *)core;
	bool found = false;
	u32 i;

	for (i = 0; i < t->n; i++) {
		const struct vha_map *m = &t->maps[i];

		if (addr < m->start || addr > m->last || (found && m->start >= map->start))
			continue;
		*map = *m;
		found = true;
	}
	return found;
}

/*
 * Byte by byte: the number of segments, or an error, and whether it is one piece.
 * A segment ends where another entry begins to hold.
 */
static inline int model_tlb_translate(struct model_tlb *t, u64 addr, u64 len, bool write,
				      struct iovec *iov, unsigned int max, bool *linear)
{
	unsigned int segs = 0;
	struct vha_map map, last = { };
	u64 i;

	*linear = true;
	for (i = 0; i < len; i++) {
		u64 at = addr + i, hva;

		if (i && !at)
			return -EFAULT;
		if (segs && at <= last.last) {
			iov[segs - 1].iov_len++;
			continue;
		}
		if (!model_tlb_find(&t->core, at, &map))
			return -EAGAIN;
		if (write ? !map.write : !map.read)
			return -EPERM;
		if (segs == max)
			return -ENOBUFS;
		hva = map.hva + (at - map.start);
		if (segs && hva != (u64)iov[segs - 1].iov_base + iov[segs - 1].iov_len)
			*linear = false;
		iov[segs].iov_base = (void *)hva;
		iov[segs].iov_len = 1;
		segs++;
		last = map;
	}
	return segs;
}

struct model_chain {
	struct iovec *iov;
	unsigned int max;
	unsigned int out;
	unsigned int in;
	u64 len;
	bool writable;
};

/*
 * A ring of @num descriptors and the memory of indirect tables: entry @i of the
 * table at any address is table[i % ntable].
 */
struct model_ring {
	const struct vha_region *regions;
	u32 nregions;
	const struct vring_desc *ring;
	u32 num;
	const struct vring_desc *table;
	u32 ntable;
};

static inline const struct vring_desc *
model_table_entry(const struct model_ring *m, u32 i)
{
	return &m->table[i % m->ntable];
}

static inline bool model_add(const struct model_ring *m, struct model_chain *c,
			     const struct vring_desc *d)
{
	unsigned int used = c->out + c->in;
	int segs = model_translate(m->regions, m->nregions, d->addr, d->len,
				   c->iov + used, c->max - used);

	if (segs < 0)
		return false;
	if (d->flags & VRING_DESC_F_WRITE) {
		c->writable = true;
		c->in += segs;
	} else {
		if (c->writable)
			return false;
		c->out += segs;
	}
	c->len += d->len;
	return true;
}

static inline bool model_table(const struct model_ring *m, struct model_chain *c,
			       const struct vring_desc *head)
{
	static bool seen[VHA_MAX_INDIRECT];
	u32 count = head->len / 16, i = 0, followed = 0;

	if (head->len % 16 || !count || count > VHA_MAX_INDIRECT ||
	    (u128)head->addr + head->len > MODEL_SPACE)
		return false;
	memset(seen, 0, count);
	for (;;) {
		const struct vring_desc *d = model_table_entry(m, i);

		if (seen[i] || ++followed > VHA_MAX_SEGS ||
		    (d->flags & VRING_DESC_F_INDIRECT) || !model_add(m, c, d))
			return false;
		seen[i] = true;
		if (!(d->flags & VRING_DESC_F_NEXT))
			return true;
		if (d->next >= count)
			return false;
		i = d->next;
	}
}

static inline bool model_parse(const struct model_ring *m, u32 head,
			       struct model_chain *c)
{
	static bool seen[1 << 16];
	u32 i = head;

	memset(seen, 0, m->num);
	for (;;) {
		const struct vring_desc *d;

		if (i >= m->num || seen[i])
			return false;
		seen[i] = true;
		d = &m->ring[i];
		if (d->flags & VRING_DESC_F_INDIRECT)
			return !(d->flags & VRING_DESC_F_NEXT) &&
			       model_table(m, c, d);
		if (!model_add(m, c, d))
			return false;
		if (!(d->flags & VRING_DESC_F_NEXT))
			return true;
		i = d->next;
	}
}

/**
 * core_parse() - drive the core as the glue code does, over the same guest
 * @m: the guest
 * @mem: its table, sorted
 * @head: first descriptor
 * @c: result
 * @iov: room for segments
 * @max: entries of @iov
 * @steps: descriptors that were asked for
 *
 * Return: 0 or the core's error; 1 if it broke its contract.
 */
static inline int core_parse(const struct model_ring *m,
			     const struct vha_mem *mem, u32 head,
			     struct vha_chain *c, struct iovec *iov,
			     unsigned int max, unsigned int *steps)
{
	struct vha_space space = { .mem = mem };
	int ret;

	*steps = 0;
	ret = vha_chain_start(c, head, m->num, iov, max);
	while (ret == VHA_FEED_MORE) {
		struct vring_desc copy;

		if (c->next >= c->bound || (!c->indirect && c->next >= m->num) ||
		    ++*steps > m->num + VHA_MAX_INDIRECT)
			return 1;
		copy = c->indirect ? *model_table_entry(m, c->next) :
				     m->ring[c->next];
		ret = vha_chain_feed(c, &space, &copy);
	}
	return ret > 0 ? 1 : ret;
}

/*
 * A packed chain in slots @ring[0] on, of which @room may be its own; its indirect
 * table holds table[i % ntable]. The number of slots goes to @slots, the id to @id.
 */
static inline bool model_packed_parse(const struct model_ring *m, u32 room,
				      struct model_chain *c, u32 *slots, u16 *id)
{
	u32 i, j, count;

	for (i = 0; i < room; i++) {
		struct vring_desc d = m->ring[i % m->num];
		/* Bytes 12 and 13 are the id here, and the flags come last. */
		u16 flags = d.next;

		*slots = i + 1;
		*id = d.flags;
		if (flags & VRING_DESC_F_INDIRECT) {
			count = d.len / 16;
			if ((flags & VRING_DESC_F_NEXT) || d.len % 16 || !count ||
			    count > VHA_MAX_SEGS ||
			    (u128)d.addr + d.len > MODEL_SPACE)
				return false;
			for (j = 0; j < count; j++) {
				struct vring_desc e = *model_table_entry(m, j);

				e.flags = e.next;
				if (!model_add(m, c, &e))
					return false;
			}
			return true;
		}
		d.flags = flags;
		if (!model_add(m, c, &d))
			return false;
		if (!(flags & VRING_DESC_F_NEXT))
			return true;
	}
	return false;
}

/* Walks back slot by slot, as a position is a slot and the parity of a lap. */
static inline bool model_packed_signal(u16 wanted, u16 pos, u32 n, u32 num)
{
	while (n--) {
		pos = pos & 0x7fff ? (u16)(pos - 1) : (u16)((~pos & 0x8000) | (num - 1));
		if (pos == wanted)
			return true;
	}
	return false;
}

static inline bool model_same(const struct model_chain *want,
			      const struct vha_chain *got)
{
	return want->out == got->out && want->in == got->in &&
	       want->len == got->len &&
	       !memcmp(want->iov, got->iov,
		       (want->out + want->in) * sizeof(*want->iov));
}

#endif /* UNIT_VHOST_ACCEL_MODEL_H */
