/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the ring formats share, behind vhost_guest.h.
 */
#ifndef _VHOST_RING_H
#define _VHOST_RING_H

#include "vhost_guest.h"

#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define load_once(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define store_once(p, v)	__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define full_fence()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

static inline bool vg_has(const struct vg_ring *r, __u64 feature)
{
	return r->features & feature;
}

/* Remember the first rule that the device breaks. */
static inline void vg_fault(struct vg_ring *r, const char *rule)
{
	if (!r->fault)
		r->fault = rule;
}

/* Id of the buffer that was added @i after the oldest one in the ring. */
static inline __u16 vg_order_at(const struct vg_ring *r, unsigned int i)
{
	return r->order[(r->oldest + i) % r->num];
}

/**
 * vg_order_count() - Buffers from one of the ring's up to that with an id.
 * @r: Ring.
 * @from: Place in the order to begin at.
 * @id: Id.
 *
 * Return: 1 if it is the very first, 0 if there is no such buffer.
 */
unsigned int vg_order_count(const struct vg_ring *r, unsigned int from, __u16 id);

/* Empty ring: no buffer, no batch. */
void vg_slots_clear(struct vg_ring *r);

#endif /* _VHOST_RING_H */
