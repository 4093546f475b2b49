// SPDX-License-Identifier: GPL-2.0
/*
 * Driver half of a split ring.
 *
 * Free descriptors are a list in which the one freed last comes first. With IN_ORDER
 * the driver must use them one after the other instead, so the list is left as it is
 * at the start, a circle, and freeing is counting.
 */
#include <errno.h>
#include <string.h>

#include "vhost_ring.h"

static __u16 *used_event(const struct vg_ring *r)
{
	return &r->avail->ring[r->num];
}

static __u16 *avail_event(const struct vg_ring *r)
{
	return (__u16 *)&r->used->ring[r->num];
}

static int split_layout(struct vg_ring *r, struct vg_mem *m)
{
	/* Pages of their own: who writes a page is known, as the tests of the log need. */
	r->desc_gpa = vg_mem_alloc(m, 16ul * r->num, VG_PAGE, true);
	r->driver_gpa = vg_mem_alloc(m, 6 + 2ul * r->num, VG_PAGE, true);
	r->device_gpa = vg_mem_alloc(m, 6 + 8ul * r->num, VG_PAGE, true);
	if (!r->desc_gpa || !r->driver_gpa || !r->device_gpa)
		return -ENOMEM;

	r->desc = vg_mem_hva(m, r->desc_gpa);
	r->avail = vg_mem_hva(m, r->driver_gpa);
	r->used = vg_mem_hva(m, r->device_gpa);
	return 0;
}

static void split_reset(struct vg_ring *r, __u32 base)
{
	unsigned int i;

	memset(r->desc, 0, 16ul * r->num);
	memset(r->avail, 0, 6 + 2ul * r->num);
	memset(r->used, 0, 6 + 8ul * r->num);
	vg_slots_clear(r);
	for (i = 0; i < r->num; i++)
		r->desc[i].next = (i + 1) % r->num;
	r->avail_idx = base;
	r->kick_idx = base;
	r->used_idx = base;
	r->avail->idx = base;
	r->used->idx = base;
}

static __u32 split_base(const struct vg_ring *r)
{
	return r->used_idx;
}

static __u32 split_stopped(const struct vg_ring *r)
{
	return load_acquire(&r->used->idx);
}

static void fill_desc(struct vring_desc *desc, const struct vg_seg *seg)
{
	desc->addr = seg->gpa;
	desc->len = seg->len;
	desc->flags = seg->write ? VRING_DESC_F_WRITE : 0;
}

static void fill_table(struct vring_desc *table, const struct vg_seg *seg,
		       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		fill_desc(&table[i], &seg[i]);
		table[i].next = i + 1;
		if (i + 1 < n)
			table[i].flags |= VRING_DESC_F_NEXT;
	}
}

static unsigned int split_ndesc(const struct vg_chain *c)
{
	switch (c->mode) {
	case VG_INDIRECT:
		return 1;
	case VG_MIXED:
		return c->nsegs > 1 ? 2 : 1;
	default:
		return c->nsegs;
	}
}

static int split_add(struct vg_ring *r, const struct vg_chain *c)
{
	unsigned int ndesc = split_ndesc(c);
	unsigned int direct = c->mode == VG_DIRECT ? c->nsegs :
			      c->mode == VG_MIXED ? 1 : 0;
	struct vring_desc *desc;
	__u16 head = r->free_head;
	__u16 next = head;
	unsigned int i;

	if (!ndesc || ndesc > r->num_free)
		return -ENOSPC;

	for (i = 0; i < ndesc; i++) {
		desc = &r->desc[next];
		next = desc->next;
		if (i < direct) {
			fill_desc(desc, &c->seg[i]);
		} else {
			fill_table(vg_mem_hva(r->mem, c->table), c->seg + direct,
				   c->nsegs - direct);
			desc->addr = c->table;
			desc->len = 16 * (c->nsegs - direct);
			desc->flags = VRING_DESC_F_INDIRECT;
		}
		if (i + 1 < ndesc)
			desc->flags |= VRING_DESC_F_NEXT;
	}

	r->free_head = next;
	r->num_free -= ndesc;
	r->slot[head].ndesc = ndesc;
	r->avail->ring[r->avail_idx++ & (r->num - 1)] = head;
	return head;
}

static bool split_publish(struct vg_ring *r)
{
	__u16 old = r->kick_idx;
	__u16 new = r->avail_idx;

	if (old == new)
		return false;

	store_release(&r->avail->idx, new);
	r->kick_idx = new;
	/* The index must be out before the wish is read: pairs with the device. */
	full_fence();
	if (vg_has(r, VG_F_EVENT_IDX))
		return vring_need_event(load_once(avail_event(r)), new, old);
	return !(load_once(&r->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static unsigned int split_ready(const struct vg_ring *r, unsigned int max)
{
	return (__u16)(load_acquire(&r->used->idx) - r->used_idx);
}

static bool split_peek(struct vg_ring *r, struct vg_used *u)
{
	unsigned int ready = split_ready(r, 1);
	const struct vring_used_elem *e;

	if (!ready)
		return false;

	e = &r->used->ring[r->used_idx & (r->num - 1)];
	u->id = e->id;
	u->len = e->len;
	if (ready > r->count)
		vg_fault(r, "the used index is ahead of what was made available");
	if (vg_has(r, VG_F_IN_ORDER) && vg_order_count(r, 0, e->id) > ready)
		vg_fault(r, "the used index does not cover all of a batch");
	return true;
}

static void split_pass(struct vg_ring *r, __u16 id)
{
	r->used_idx++;
}

static void split_release(struct vg_ring *r, __u16 id)
{
	__u16 last = id;
	unsigned int i;

	r->num_free += r->slot[id].ndesc;
	if (vg_has(r, VG_F_IN_ORDER))
		return;
	for (i = 1; i < r->slot[id].ndesc; i++)
		last = r->desc[last].next;
	r->desc[last].next = r->free_head;
	r->free_head = id;
}

/* With IN_ORDER the chain moves on to the descriptors whose turn it is. */
static __u16 split_again(struct vg_ring *r, __u16 id)
{
	const unsigned int ndesc = r->slot[id].ndesc;
	__u16 head = id;
	unsigned int i;

	if (vg_has(r, VG_F_IN_ORDER)) {
		head = r->free_head;
		for (i = 0; head != id && i < ndesc; i++) {
			const struct vring_desc *from = &r->desc[(id + i) % r->num];
			struct vring_desc *to = &r->desc[(head + i) % r->num];

			to->addr = from->addr;
			to->len = from->len;
			to->flags = from->flags;
		}
		r->free_head = (head + ndesc) % r->num;
	}
	if (head != id) {
		r->slot[head] = r->slot[id];
		r->slot[id].token = NULL;
	}
	r->avail->ring[r->avail_idx++ & (r->num - 1)] = head;
	return head;
}

static bool split_arm(struct vg_ring *r, unsigned int after)
{
	if (!after)
		after = 1;
	if (vg_has(r, VG_F_EVENT_IDX)) {
		store_once(used_event(r), (__u16)(r->used_idx + after - 1));
	} else {
		store_once(&r->avail->flags, 0);
		after = 1;
	}
	/* The wish must be out before the index is read: pairs with the device. */
	full_fence();
	return split_ready(r, after) >= after;
}

static void split_disarm(struct vg_ring *r)
{
	if (vg_has(r, VG_F_EVENT_IDX))
		store_once(used_event(r), (__u16)(r->used_idx - 1));
	else
		store_once(&r->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

const struct vg_ring_ops vg_split_ops = {
	.layout = split_layout,
	.reset = split_reset,
	.base = split_base,
	.stopped = split_stopped,
	.add = split_add,
	.publish = split_publish,
	.peek = split_peek,
	.pass = split_pass,
	.release = split_release,
	.again = split_again,
	.ready = split_ready,
	.arm = split_arm,
	.disarm = split_disarm,
};
