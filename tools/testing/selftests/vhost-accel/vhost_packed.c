// SPDX-License-Identifier: GPL-2.0
/*
 * Driver half of a packed ring.
 *
 * One ring of descriptors, which the driver makes available and the device overwrites
 * with used ones. Whose a descriptor is stands in two bits of its flags, compared with
 * a wrap counter that each side flips whenever it passes the end of the ring: available
 * if AVAIL is the counter and USED is not, used if both are. So the state of either
 * side is a position and a counter, in one word with the counter as its top bit.
 *
 * A chain takes neighbouring descriptors; the device writes one, at the place of the
 * first that it has not yet written to, and steps over as many as the chain had. What
 * it may overwrite the driver must remember: in the slots, one for each descriptor.
 * The id of a buffer is its first slot. Since free slots are a list in which the one
 * freed last comes first, ids are in no order.
 *
 * The device looks at a buffer only if all before it are available. So everything that
 * was added becomes visible by the flags of the first descriptor, which are kept back.
 *
 * Each side tells the other by an event structure when it wants to be notified:
 * always, never, or (with EVENT_IDX) once a position has been passed.
 */
#include <errno.h>
#include <string.h>

#include "vhost_ring.h"

#define F_AVAIL		VG_BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		VG_BIT(VRING_PACKED_DESC_F_USED)
#define EVENT_WRAP	VG_BIT(VRING_PACKED_EVENT_F_WRAP_CTR)

/* A place in the ring: position and wrap counter. */
struct place {
	unsigned int at;
	bool wrap;
};

static void step(const struct vg_ring *r, struct place *p, unsigned int n)
{
	p->at += n;
	while (p->at >= r->num) {
		p->at -= r->num;
		p->wrap = !p->wrap;
	}
}

static struct place used_place(const struct vg_ring *r)
{
	return (struct place){ r->used_idx, r->used_wrap };
}

static struct place avail_place(const struct vg_ring *r)
{
	return (struct place){ r->avail_idx, r->avail_wrap };
}

static __u16 word(struct place p)
{
	return p.at | (p.wrap ? EVENT_WRAP : 0);
}

static int packed_layout(struct vg_ring *r, struct vg_mem *m)
{
	/* Pages of their own: who writes a page is known, as the tests of the log need. */
	r->desc_gpa = vg_mem_alloc(m, 16ul * r->num, VG_PAGE, true);
	r->driver_gpa = vg_mem_alloc(m, sizeof(*r->driver_event), VG_PAGE, true);
	r->device_gpa = vg_mem_alloc(m, sizeof(*r->device_event), VG_PAGE, true);
	if (!r->desc_gpa || !r->driver_gpa || !r->device_gpa)
		return -ENOMEM;

	r->packed = vg_mem_hva(m, r->desc_gpa);
	r->driver_event = vg_mem_hva(m, r->driver_gpa);
	r->device_event = vg_mem_hva(m, r->device_gpa);
	return 0;
}

/* As if all the ring had been used up to @base: nothing is available, nothing is new. */
static void packed_reset(struct vg_ring *r, __u32 base)
{
	unsigned int i;

	vg_slots_clear(r);
	r->avail_idx = base & (VG_BASE_WRAP - 1);
	r->avail_wrap = base & VG_BASE_WRAP;
	r->used_idx = r->avail_idx;
	r->used_wrap = r->avail_wrap;
	r->unpublished = 0;
	memset(r->packed, 0, 16ul * r->num);
	memset(r->driver_event, 0, sizeof(*r->driver_event));
	memset(r->device_event, 0, sizeof(*r->device_event));
	for (i = 0; i < r->num; i++) {
		const bool lap = i < r->used_idx ? r->used_wrap : !r->used_wrap;

		r->slot[i].next = (i + 1) % r->num;
		r->packed[i].flags = lap ? F_AVAIL | F_USED : 0;
	}
}

static __u32 packed_base(const struct vg_ring *r)
{
	return VG_BASE_PACKED(r->used_idx, r->used_wrap);
}

/* ---- adding ------------------------------------------------------------- */

/* Put the chain of a slot at the next place. */
static void put_chain(struct vg_ring *r, __u16 id)
{
	const unsigned int ndesc = r->slot[id].ndesc;
	struct place p = avail_place(r);
	__u16 flags, s = id;
	unsigned int i;

	for (i = 0; i < ndesc; i++, s = r->slot[s].next) {
		struct vring_packed_desc *d = &r->packed[p.at];

		d->addr = r->slot[s].desc.addr;
		d->len = r->slot[s].desc.len;
		d->id = id;
		flags = r->slot[s].desc.flags | (p.wrap ? F_AVAIL : F_USED);
		if (!r->unpublished++) {
			r->head_idx = p.at;
			r->head_flags = flags;
		} else {
			store_release(&d->flags, flags);
		}
		step(r, &p, 1);
	}
	r->avail_idx = p.at;
	r->avail_wrap = p.wrap;
}

/* In a table all entries count, one after the other; only WRITE has a meaning. */
static void fill_table(struct vring_packed_desc *table, const struct vg_chain *c)
{
	unsigned int i;

	for (i = 0; i < c->nsegs; i++) {
		table[i].addr = c->seg[i].gpa;
		table[i].len = c->seg[i].len;
		table[i].id = 0;
		table[i].flags = c->seg[i].write ? VRING_DESC_F_WRITE : 0;
	}
}

static int packed_add(struct vg_ring *r, const struct vg_chain *c)
{
	const bool direct = c->mode == VG_DIRECT;
	const unsigned int ndesc = direct ? c->nsegs : 1;
	struct vring_packed_desc *desc;
	__u16 id = r->free_head;
	__u16 s = id;
	unsigned int i;

	if (!ndesc || ndesc > r->num_free)
		return -ENOSPC;

	for (i = 0; i < ndesc; i++, s = r->slot[s].next) {
		desc = &r->slot[s].desc;
		if (direct) {
			desc->addr = c->seg[i].gpa;
			desc->len = c->seg[i].len;
			desc->flags = c->seg[i].write ? VRING_DESC_F_WRITE : 0;
			if (i + 1 < ndesc)
				desc->flags |= VRING_DESC_F_NEXT;
		} else {
			fill_table(vg_mem_hva(r->mem, c->table), c);
			desc->addr = c->table;
			desc->len = 16 * c->nsegs;
			desc->flags = VRING_DESC_F_INDIRECT;
		}
	}
	r->free_head = s;
	r->num_free -= ndesc;
	r->slot[id].ndesc = ndesc;
	put_chain(r, id);
	return id;
}

static __u16 packed_again(struct vg_ring *r, __u16 id)
{
	put_chain(r, id);
	return id;
}

static void packed_release(struct vg_ring *r, __u16 id)
{
	__u16 last = id;
	unsigned int i;

	for (i = 1; i < r->slot[id].ndesc; i++)
		last = r->slot[last].next;
	r->slot[last].next = r->free_head;
	r->free_head = id;
	r->num_free += r->slot[id].ndesc;
}

/* Does the step of @n descriptors up to @new pass the position of an event? */
static bool passes(const struct vg_ring *r, __u16 event, struct place new, unsigned int n)
{
	int at = event & ~EVENT_WRAP;

	/* On the lap before. */
	if (!!(event & EVENT_WRAP) != new.wrap)
		at -= r->num;
	return vring_need_event(at, new.at, (__u16)(new.at - n));
}

static bool packed_publish(struct vg_ring *r)
{
	const unsigned int n = r->unpublished;
	union {
		__u32 both;
		struct vring_packed_desc_event event;
	} wish;

	if (!n)
		return false;

	store_release(&r->packed[r->head_idx].flags, r->head_flags);
	r->unpublished = 0;
	/* The flags must be out before the wish is read: pairs with the device. */
	full_fence();
	wish.both = load_once((__u32 *)r->device_event);
	switch (wish.event.flags) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_DESC:
		if (!vg_has(r, VG_F_EVENT_IDX))
			vg_fault(r, "the device waits for a position without EVENT_IDX");
		if ((wish.event.off_wrap & ~EVENT_WRAP) >= r->num)
			vg_fault(r, "the device waits for a position that does not exist");
		return passes(r, wish.event.off_wrap, avail_place(r), n);
	default:
		if (wish.event.flags != VRING_PACKED_EVENT_FLAG_ENABLE)
			vg_fault(r, "the flags of the device's event structure are unknown");
		return true;
	}
}

/* ---- used buffers ------------------------------------------------------- */

static bool is_used(const struct vg_ring *r, struct place p)
{
	__u16 flags = load_acquire(&r->packed[p.at].flags);

	return !!(flags & F_AVAIL) == p.wrap && !!(flags & F_USED) == p.wrap;
}

/* A device that uses buffers in order changes the first descriptor of a chain only. */
static void check_rest(struct vg_ring *r, __u16 id)
{
	struct place p = used_place(r);
	__u16 s = id;
	unsigned int i;

	for (i = 1; i < r->slot[id].ndesc; i++) {
		const struct vring_packed_desc *d, *own;
		__u16 flags;

		s = r->slot[s].next;
		step(r, &p, 1);
		d = &r->packed[p.at];
		own = &r->slot[s].desc;
		flags = own->flags | (p.wrap ? F_AVAIL : F_USED);
		if (d->addr != own->addr || d->len != own->len || d->id != id ||
		    d->flags != flags)
			vg_fault(r, "a descriptor behind the first of a chain was changed");
	}
}

static bool packed_peek(struct vg_ring *r, struct vg_used *u)
{
	const struct vring_packed_desc *d = &r->packed[r->used_idx];

	if (!is_used(r, used_place(r)))
		return false;

	u->id = d->id;
	u->len = d->len;
	if (d->flags & ~(F_AVAIL | F_USED | VRING_DESC_F_WRITE))
		vg_fault(r, "a used descriptor has flags that mean nothing there");
	if (!r->shuffled && u->id < r->num && vg_order_count(r, 0, u->id) == 1)
		check_rest(r, u->id);
	return true;
}

static void packed_pass(struct vg_ring *r, __u16 id)
{
	struct place p = used_place(r);

	step(r, &p, id < r->num && r->slot[id].token ? r->slot[id].ndesc : 1);
	r->used_idx = p.at;
	r->used_wrap = p.wrap;
}

/* How many buffers the used entry at a place covers; 0 if there is none. */
static unsigned int covered(const struct vg_ring *r, struct place p, unsigned int before)
{
	unsigned int n = 1;

	if (!is_used(r, p))
		return 0;
	if (vg_has(r, VG_F_IN_ORDER))
		n = vg_order_count(r, before, r->packed[p.at].id);
	return n ? n : 1;
}

/* Walk over the used buffers from @p, the next one, up to @max or beyond; count them. */
static unsigned int walk(const struct vg_ring *r, struct place *p, unsigned int max)
{
	unsigned int n = r->batch ? r->batch : covered(r, *p, 0);
	unsigned int ready = 0;
	__u16 id;

	while (n) {
		id = r->packed[p->at].id;
		for (; n && ready < r->count; n--, ready++) {
			if (vg_has(r, VG_F_IN_ORDER))
				id = vg_order_at(r, ready);
			step(r, p, id < r->num ? r->slot[id].ndesc : 1);
		}
		if (ready >= max || ready >= r->count)
			break;
		n = covered(r, *p, ready);
	}
	return ready;
}

static unsigned int packed_ready(const struct vg_ring *r, unsigned int max)
{
	struct place p = used_place(r);

	return walk(r, &p, max);
}

/* Where the next-but-@skip used descriptor will be if the device keeps the order. */
static struct place expected_place(const struct vg_ring *r, unsigned int skip)
{
	struct place p = used_place(r);
	unsigned int i;

	for (i = 0; i < skip; i++)
		step(r, &p, i < r->count ? r->slot[vg_order_at(r, i)].ndesc : 1);
	return p;
}

static __u32 packed_stopped(const struct vg_ring *r)
{
	struct place p = used_place(r);

	walk(r, &p, r->num);
	return VG_BASE_PACKED(p.at, p.wrap);
}

static bool packed_arm(struct vg_ring *r, unsigned int after)
{
	if (!after || !vg_has(r, VG_F_EVENT_IDX))
		after = 1;
	if (vg_has(r, VG_F_EVENT_IDX)) {
		store_once(&r->driver_event->off_wrap, word(expected_place(r, after - 1)));
		store_release(&r->driver_event->flags, VRING_PACKED_EVENT_FLAG_DESC);
	} else {
		store_once(&r->driver_event->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
	}
	/* The wish must be out before the ring is read: pairs with the device. */
	full_fence();
	return packed_ready(r, after) >= after;
}

static void packed_disarm(struct vg_ring *r)
{
	store_once(&r->driver_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

const struct vg_ring_ops vg_packed_ops = {
	.layout = packed_layout,
	.reset = packed_reset,
	.base = packed_base,
	.stopped = packed_stopped,
	.add = packed_add,
	.publish = packed_publish,
	.peek = packed_peek,
	.pass = packed_pass,
	.release = packed_release,
	.again = packed_again,
	.ready = packed_ready,
	.arm = packed_arm,
	.disarm = packed_disarm,
};
