// SPDX-License-Identifier: GPL-2.0
/*
 * The split ring in guest memory: copies in, copies out, kicks and calls.
 *
 * Entering and leaving a user access section costs as much as copying a small
 * frame, so each section here does the work of a whole burst. Within a section
 * nothing may be called; the parser works on the copies, outside.
 *
 * Every address used here lies in a range that access_ok() has passed when it
 * was set: the rings in vha_vq_access_ok(), guest memory in
 * vha_dev_set_memory(). user_access_begin() also stops speculation past the
 * bounds checks before it.
 *
 * Barriers: avail->idx is read before the entries that it covers (smp_rmb, pairs
 * with the driver's write barrier before its avail->idx); used entries and data
 * are written before used->idx (smp_wmb, pairs with the driver's read barrier
 * after used->idx); an index that the other side waits for is written before the
 * index that it may have moved is read (smp_mb, pairs with the same in the
 * driver).
 */
#include <linux/eventfd.h>
#include <linux/uaccess.h>

#include "internal.h"

static __virtio16 vha_virtio16(u16 v)
{
	return (__force __virtio16)cpu_to_le16(v);
}

static u16 vha_cpu16(__virtio16 v)
{
	return le16_to_cpu((__force __le16)v);
}

static __virtio16 __user *vha_used_event(const struct vha_vq *vq)
{
	return &vq->avail->ring[vq->num];
}

static __virtio16 __user *vha_avail_event(const struct vha_vq *vq)
{
	return (__virtio16 __user *)&vq->used->ring[vq->num];
}

/* The index may not go back behind @seen, up to where buffers were looked at. */
static int vha_ring_read_avail(struct vha_vq *vq, u16 seen)
{
	__virtio16 idx;
	int n;

	if (get_user(idx, &vq->avail->idx))
		return -EFAULT;
	n = vha_split_avail(vha_cpu16(idx), vq->last_avail, vq->num);
	if (unlikely(n < 0 || n < (u16)(seen - vq->last_avail)))
		return -EINVAL;
	vq->avail_idx = vha_cpu16(idx);
	/* The index before the entries that it covers. */
	smp_rmb();
	return 0;
}

/* Copy the first descriptors of up to a burst of buffers from @idx on. */
static int vha_ring_fill(struct vha_vq *vq, u16 idx)
{
	struct vha_window *w = &vq->win;
	unsigned int i, n;
	int r;

	if (idx == vq->avail_idx) {
		r = vha_ring_read_avail(vq, idx);
		if (unlikely(r))
			return r;
	}
	n = min_t(u16, vq->avail_idx - idx, VHA_BURST);
	w->n = 0;
	if (!n)
		return -ENOENT;

	if (!user_access_begin(vq->desc, array_size(vq->num, sizeof(*vq->desc))))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		u16 at = (u16)(idx + i) & (vq->num - 1);
		u64 *copy = (u64 *)&w->desc[i];
		u64 __user *desc;
		__virtio16 head;

		unsafe_get_user(head, &vq->avail->ring[at], fault);
		w->head[i] = vha_cpu16(head);
		/* The parser refuses such a head without a look at the copy. */
		if (unlikely(w->head[i] >= vq->num))
			continue;
		desc = (u64 __user *)&vq->desc[w->head[i]];
		unsafe_get_user(copy[0], desc, fault);
		unsafe_get_user(copy[1], desc + 1, fault);
	}
	user_access_end();
	w->first = idx;
	w->n = n;
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

/**
 * vha_ring_peek() - find an available buffer
 * @vq: queue; mutex held
 * @idx: available index, last_avail or after it
 *
 * Return: its slot in the window; -ENOENT when the driver has not made it
 * available; -EFAULT when the ring cannot be read; -EINVAL when its index is
 * impossible.
 */
int vha_ring_peek(struct vha_vq *vq, u16 idx)
{
	u16 slot = idx - vq->win.first;
	int r;

	if (likely(slot < vq->win.n))
		return slot;
	r = vha_ring_fill(vq, idx);
	return r ? r : 0;
}

/* Copy a piece of guest memory that may cross regions. */
static int vha_ring_copy_table(struct vha_vq *vq, u64 gpa, u32 n)
{
	struct iovec iov[4];
	void *to = vq->table;
	int i, segs;

	segs = vha_space_translate(&vq->space, gpa, n * sizeof(vq->table[0]),
				   false, iov, ARRAY_SIZE(iov));
	if (segs < 0)
		return segs == -ENOBUFS ? -EFAULT : segs;
	for (i = 0; i < segs; i++) {
		if (copy_from_user(to, iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		to += iov[i].iov_len;
	}
	return 0;
}

/* Feed the parser until the chain ends: at most one table's length. */
static int vha_ring_parse_rest(struct vha_vq *vq, struct vha_chain *c)
{
	u32 first = 0, n = 0;
	int r;

	do {
		const struct vring_desc *desc = vq->table;

		if (!c->indirect) {
			if (copy_from_user(vq->table, &vq->desc[c->next],
					   sizeof(*desc)))
				return -EFAULT;
		} else {
			if (c->next < first || c->next - first >= n) {
				/* A driver that jumps about gets no read-ahead. */
				n = c->next == first + n ?
				    min_t(u32, c->bound - c->next, VHA_BURST) : 1;
				first = c->next;
				r = vha_ring_copy_table(vq, c->table +
							first * sizeof(*desc),
							n);
				if (r)
					return r;
			}
			desc += c->next - first;
		}
		vq->parsed++;
		r = vha_chain_feed(c, &vq->space, desc);
	} while (r == VHA_FEED_MORE);
	return r;
}

/**
 * vha_ring_parse() - segments of an available buffer
 * @vq: queue; mutex held
 * @slot: from vha_ring_peek(); no other slot may be peeked at before
 * @c: parser; holds the result
 * @iov: room for segments
 * @max: entries of @iov
 *
 * Return: 0, or what vha_chain_feed() refuses the buffer with.
 */
int vha_ring_parse(struct vha_vq *vq, int slot, struct vha_chain *c,
		   struct iovec *iov, unsigned int max)
{
	int r = vha_chain_start(c, vq->win.head[slot], vq->num, iov, max);

	if (unlikely(r < 0))
		return r;
	r = vha_chain_feed(c, &vq->space, &vq->win.desc[slot]);
	if (unlikely(r == VHA_FEED_MORE))
		r = vha_ring_parse_rest(vq, c);
	return r;
}

/**
 * vha_ring_more() - has the driver made buffers available that we have not seen?
 * @vq: queue; mutex held
 *
 * Return: true if so. An unreadable ring counts as yes: the handler will say why.
 */
bool vha_ring_more(struct vha_vq *vq)
{
	__virtio16 idx;

	return get_user(idx, &vq->avail->idx) ||
	       vha_cpu16(idx) != vq->avail_idx;
}

/**
 * vha_ring_disable_notify() - ask the driver not to kick
 * @vq: queue; mutex held
 *
 * A wish: with EVENT_IDX not moving avail_event is enough, and a fault only
 * means that kicks come.
 */
void vha_ring_disable_notify(struct vha_vq *vq)
{
	if (vq->used_flags & VRING_USED_F_NO_NOTIFY)
		return;
	vq->used_flags |= VRING_USED_F_NO_NOTIFY;
	if (!vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX) &&
	    put_user(vha_virtio16(vq->used_flags), &vq->used->flags))
		vha_ring_error(vq, -EFAULT);
}

/**
 * vha_ring_enable_notify() - ask the driver to kick for what it adds from here on
 * @vq: queue; mutex held
 *
 * Return: true when the driver has added buffers meanwhile: look again. Buffers
 * that were there before, but too small, do not count.
 */
bool vha_ring_enable_notify(struct vha_vq *vq)
{
	__virtio16 idx;
	int r;

	vq->used_flags &= ~VRING_USED_F_NO_NOTIFY;
	if (vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		r = put_user(vha_virtio16(vq->avail_idx), vha_avail_event(vq));
	else
		r = put_user(vha_virtio16(vq->used_flags), &vq->used->flags);
	/* Be seen waiting before looking. */
	smp_mb();
	if (r || get_user(idx, &vq->avail->idx)) {
		vha_ring_error(vq, -EFAULT);
		return false;
	}
	return vha_cpu16(idx) != vq->avail_idx;
}

static void vha_ring_signal(struct vha_vq *vq)
{
	vq->stats.signals++;
	eventfd_signal(vq->call);
}

/**
 * vha_ring_publish() - return buffers to the driver, call it if it wants
 * @vq: queue; mutex held; last_avail is past these buffers
 * @n: entries of vq->used_elem, at most the size of the ring
 *
 * Return: 0, or -EFAULT when the used ring cannot be written; the queue's error
 * eventfd has fired then.
 */
int vha_ring_publish(struct vha_vq *vq, unsigned int n)
{
	bool event_idx = vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX);
	const u16 old_idx = vq->last_used;
	const u16 new_idx = old_idx + n;
	bool want;
	__virtio16 event;
	unsigned int i;

	if (!n)
		return 0;
	if (!user_access_begin(vq->used, struct_size(vq->used, ring, vq->num)))
		goto err;
	for (i = 0; i < n; i++) {
		u16 at = (u16)(old_idx + i) & (vq->num - 1);
		u64 *elem = (u64 *)&vq->used_elem[i];

		unsafe_put_user(elem[0], (u64 __user *)&vq->used->ring[at],
				fault);
	}
	/* Data and entries before the index that covers them. */
	smp_wmb();
	unsafe_put_user(vha_virtio16(new_idx), &vq->used->idx, fault);
	vq->last_used = new_idx;
	/* Our index before the driver's wish. */
	smp_mb();
	if (event_idx)
		unsafe_get_user(event, vha_used_event(vq), fault);
	else
		unsafe_get_user(event, &vq->avail->flags, fault);
	user_access_end();

	/* Lapped while nobody decided: the latest decision tells nothing. */
	if ((u16)(new_idx - vq->signalled) < n)
		vq->signalled_valid = false;
	if (!vq->call)
		return 0;

	if (vha_has_feature(vq, VIRTIO_F_NOTIFY_ON_EMPTY) &&
	    vq->avail_idx == vq->last_avail) {
		want = true;
	} else if (event_idx) {
		want = vha_split_need_signal(vq->signalled_valid,
					     vha_cpu16(event), new_idx,
					     vq->signalled);
		vq->signalled = new_idx;
		vq->signalled_valid = true;
	} else {
		want = !(vha_cpu16(event) & VRING_AVAIL_F_NO_INTERRUPT);
	}
	if (want)
		vha_ring_signal(vq);
	return 0;

fault:
	user_access_end();
	/* Its wish cannot be read, but it can see the buffers. */
	if (vq->last_used == new_idx && vq->call)
		vha_ring_signal(vq);
err:
	vha_ring_error(vq, -EFAULT);
	return -EFAULT;
}

/**
 * vha_ring_error() - the ring is broken: count, and tell the owner
 * @vq: queue; mutex held
 * @err: why, negative errno
 */
void vha_ring_error(struct vha_vq *vq, int err)
{
	vq->stats.errors++;
	pr_debug("vhost-accel: %s ring broken: %d\n",
		 vq->index == VHA_RX ? "rx" : "tx", err);
	if (vq->err)
		eventfd_signal(vq->err);
}
