// SPDX-License-Identifier: GPL-2.0
/*
 * The split ring in guest memory: copies in, copies out, event suppression.
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
#include <linux/uaccess.h>

#include "internal.h"

static size_t vha_avail_off(unsigned int i)
{
	return offsetof(struct vring_avail, ring) + i * sizeof(__virtio16);
}

static size_t vha_used_off(unsigned int i)
{
	return offsetof(struct vring_used, ring) +
	       i * sizeof(struct vring_used_elem);
}

static __virtio16 __user *vha_used_event(const struct vha_vq *vq)
{
	return &vq->avail->ring[vq->num];
}

static __virtio16 __user *vha_avail_event(const struct vha_vq *vq)
{
	return (__virtio16 __user *)&vq->used->ring[vq->num];
}

/* Pieces of the ring: where they are, if it lies in one piece, and where if not. */
static int vha_split_get_avail_idx(struct vha_vq *vq, __virtio16 *idx)
{
	if (likely(vq->linear))
		return get_user(*idx, &vq->avail->idx);
	return vha_meta_read(vq, VHA_AVAIL, offsetof(struct vring_avail, idx),
			     idx, sizeof(*idx));
}

/* Log a part of the used ring that has been written. */
static int vha_split_log(struct vha_vq *vq, size_t off, size_t len)
{
	if (likely(!vq->log_used))
		return 0;
	return vha_log_area(vq, VHA_USED, off, len);
}

/* Log @n used entries from index @idx on, and the index behind them. */
static int vha_split_log_used(struct vha_vq *vq, u16 idx, unsigned int n)
{
	const unsigned int at = idx & (vq->num - 1);
	const unsigned int part = min(n, vq->num - at);
	const size_t size = sizeof(struct vring_used_elem);
	int r;

	r = vha_log_area(vq, VHA_USED, vha_used_off(at), part * size);
	if (n > part)
		r = vha_log_area(vq, VHA_USED, vha_used_off(0),
				 (n - part) * size) ?: r;
	return vha_log_area(vq, VHA_USED, offsetof(struct vring_used, idx),
			    sizeof(__virtio16)) ?: r;
}

static int vha_split_put_flags(struct vha_vq *vq)
{
	const size_t off = offsetof(struct vring_used, flags);
	__virtio16 flags = vha_virtio16(vq->used_flags);
	int r;

	if (likely(vq->linear))
		r = put_user(flags, &vq->used->flags);
	else
		r = vha_meta_write(vq, VHA_USED, off, &flags, sizeof(flags));
	return r ? r : vha_split_log(vq, off, sizeof(flags));
}

static int vha_split_put_avail_event(struct vha_vq *vq)
{
	const size_t off = vha_used_off(vq->num);
	__virtio16 event = vha_virtio16(vq->avail_idx);
	int r;

	if (likely(vq->linear))
		r = put_user(event, vha_avail_event(vq));
	else
		r = vha_meta_write(vq, VHA_USED, off, &event, sizeof(event));
	return r ? r : vha_split_log(vq, off, sizeof(event));
}

/*
 * The start, with nothing mapped yet: what is missing is asked for and reported
 * as broken. A used ring that may only be read is not written, and then the
 * handler will not use it.
 */
static int vha_split_start_iotlb(struct vha_vq *vq, __virtio16 *idx)
{
	__virtio16 flags;
	int r;

	r = vha_meta_read(vq, VHA_USED, offsetof(struct vring_used, flags),
			  &flags, sizeof(flags));
	if (!r)
		r = vha_split_put_flags(vq);
	if (!r || r == -EPERM)
		r = vha_meta_read(vq, VHA_USED, offsetof(struct vring_used, idx),
				  idx, sizeof(*idx));
	if (r == -EAGAIN)
		vha_iotlb_miss(vq);
	if (r)
		vha_ring_error(vq, r);
	return r;
}

/**
 * vha_split_start() - pick up the ring where the driver sees it
 * @vq: queue; mutex held; vha_vq_access_ok()
 *
 * Context: the owner's address space.
 * Return: 0, or -EFAULT when the used ring cannot be accessed.
 */
int vha_split_start(struct vha_vq *vq)
{
	__virtio16 idx;

	if (unlikely(!vq->linear)) {
		if (vha_split_start_iotlb(vq, &idx))
			return -EFAULT;
	} else if (vha_split_put_flags(vq) || get_user(idx, &vq->used->idx)) {
		return -EFAULT;
	}
	vq->last_used = vha16(idx);
	vq->avail_idx = vq->last_avail;
	return 0;
}

/* The index may not go back behind @seen, up to where buffers were looked at. */
static int vha_split_read_avail(struct vha_vq *vq, u16 seen)
{
	__virtio16 idx;
	int n;

	if (vha_split_get_avail_idx(vq, &idx))
		return -EFAULT;
	n = vha_split_avail(vha16(idx), vq->last_avail, vq->num);
	if (unlikely(n < 0 || n < (u16)(seen - vq->last_avail)))
		return -EINVAL;
	vq->avail_idx = vha16(idx);
	/* The index before the entries that it covers. */
	smp_rmb();
	return 0;
}

/* vha_split_fill() for a ring in pieces. */
static int vha_split_fill_iotlb(struct vha_vq *vq, u16 idx, unsigned int n)
{
	struct vha_window *w = &vq->win;
	unsigned int i;

	for (i = 0; i < n; i++) {
		u16 at = (u16)(idx + i) & (vq->num - 1);
		__virtio16 head;

		if (vha_meta_read(vq, VHA_AVAIL, vha_avail_off(at), &head,
				  sizeof(head)))
			return -EFAULT;
		w->head[i] = vha16(head);
		if (unlikely(w->head[i] >= vq->num))
			continue;
		if (vha_meta_read(vq, VHA_DESC, w->head[i] * sizeof(w->desc[i]),
				  &w->desc[i], sizeof(w->desc[i])))
			return -EFAULT;
	}
	w->first = idx;
	w->n = n;
	return 0;
}

/*
 * Copy the first descriptors of buffers from @idx on: as many as are wanted, and
 * if that was too few twice as many, up to a burst.
 */
static int vha_split_fill(struct vha_vq *vq, u16 idx)
{
	struct vha_window *w = &vq->win;
	unsigned int i, n;
	int r;

	if (idx == vq->avail_idx) {
		r = vha_split_read_avail(vq, idx);
		if (unlikely(r))
			return r;
	}
	n = min_t(u16, vq->avail_idx - idx, vq->fetch);
	vq->fetch = min(2 * vq->fetch, VHA_BURST);
	w->n = 0;
	if (!n)
		return vq->ntaken < vq->num ? -ENOENT : -ENOBUFS;
	if (unlikely(!vq->linear))
		return vha_split_fill_iotlb(vq, idx, n);

	if (!user_access_begin(vq->desc, array_size(vq->num, sizeof(*vq->desc))))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		u16 at = (u16)(idx + i) & (vq->num - 1);
		u64 *copy = (u64 *)&w->desc[i];
		u64 __user *desc;
		__virtio16 head;

		unsafe_get_user(head, &vq->avail->ring[at], fault);
		w->head[i] = vha16(head);
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

static int vha_split_copy_desc(struct vha_vq *vq, u32 i)
{
	const size_t size = sizeof(*vq->table);

	if (likely(vq->linear))
		return copy_from_user(vq->table, &vq->desc[i], size) ?
		       -EFAULT : 0;
	return vha_meta_read(vq, VHA_DESC, i * size, vq->table, size);
}

/* Feed the parser until the chain ends: at most one table's length. */
static int vha_split_parse_rest(struct vha_vq *vq, struct vha_chain *c)
{
	u32 first = 0, n = 0;
	int r;

	do {
		const struct vring_desc *desc = vq->table;

		if (!c->indirect) {
			if (vha_split_copy_desc(vq, c->next))
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
 * vha_split_take() - see vha_ring_take()
 * @vq: queue; mutex held
 * @c: parser; holds the result
 * @iov: room for segments
 * @max: entries of @iov
 *
 * Return: as vha_ring_take().
 */
int vha_split_take(struct vha_vq *vq, struct vha_chain *c, struct iovec *iov,
		   unsigned int max)
{
	struct vha_window *w = &vq->win;
	const u16 idx = vq->last_avail + vq->ntaken;
	u16 slot = idx - w->first;
	const struct vring_desc *desc;
	u32 head;
	int r;

	if (unlikely(slot >= w->n)) {
		r = vha_split_fill(vq, idx);
		if (r)
			return r;
		slot = 0;
	}
	head = w->head[slot];
	desc = &w->desc[slot];
	if (unlikely(head >= vq->num ||
		     !vha_chain_single(c, &vq->space, vha64(desc->addr),
				       vha32(desc->len),
				       vha16(desc->flags), iov, max))) {
		r = vha_chain_start(c, head, vq->num, iov, max);
		if (r < 0)
			return r;
		r = vha_chain_feed(c, &vq->space, desc);
		if (r == VHA_FEED_MORE)
			r = vha_split_parse_rest(vq, c);
		if (r)
			return r;
	}
	vq->taken[vq->ntaken++] = (struct vha_taken){ .id = head };
	return 0;
}

/**
 * vha_split_more() - see vha_ring_more()
 * @vq: queue; mutex held
 *
 * Return: as vha_ring_more().
 */
bool vha_split_more(struct vha_vq *vq)
{
	__virtio16 idx;

	return vha_split_get_avail_idx(vq, &idx) ||
	       vha16(idx) != vq->avail_idx;
}

/**
 * vha_split_disable_notify() - ask the driver not to kick
 * @vq: queue; mutex held
 *
 * With EVENT_IDX not moving avail_event is enough.
 *
 * Return: 0 or -EFAULT.
 */
int vha_split_disable_notify(struct vha_vq *vq)
{
	if (vq->used_flags & VRING_USED_F_NO_NOTIFY)
		return 0;
	vq->used_flags |= VRING_USED_F_NO_NOTIFY;
	if (vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		return 0;
	return vha_split_put_flags(vq);
}

/**
 * vha_split_enable_notify() - ask the driver to kick for what it adds
 * @vq: queue; mutex held
 *
 * Return: 1 when the driver has added buffers meanwhile, 0, or -EFAULT.
 */
int vha_split_enable_notify(struct vha_vq *vq)
{
	__virtio16 idx;
	int r;

	vq->used_flags &= ~VRING_USED_F_NO_NOTIFY;
	if (vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		r = vha_split_put_avail_event(vq);
	else
		r = vha_split_put_flags(vq);
	/* Be seen waiting before looking. */
	smp_mb();
	if (r || vha_split_get_avail_idx(vq, &idx))
		return -EFAULT;
	return vha16(idx) != vq->avail_idx;
}

/* Does the driver want a call? @event is its wish as read after @new_idx went out. */
static bool vha_split_wants_call(struct vha_vq *vq, unsigned int n, u16 event)
{
	const u16 new_idx = vq->last_used;
	bool want;

	/* Lapped while nobody decided: the latest decision tells nothing. */
	if ((u16)(new_idx - vq->signalled) < n)
		vq->signalled_valid = false;
	if (!vq->call)
		return false;

	if (vha_has_feature(vq, VIRTIO_F_NOTIFY_ON_EMPTY) &&
	    vq->avail_idx == vq->last_avail)
		return true;
	if (!vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		return !(event & VRING_AVAIL_F_NO_INTERRUPT);
	want = vha_split_need_signal(vq->signalled_valid, event, new_idx,
				     vq->signalled);
	vq->signalled = new_idx;
	vq->signalled_valid = true;
	return want;
}

/* The writing part of vha_split_publish() for a ring in pieces. */
static int vha_split_publish_iotlb(struct vha_vq *vq, unsigned int entries,
				   u16 new_idx, __virtio16 *event)
{
	const u16 old_idx = vq->last_used;
	const __virtio16 idx = vha_virtio16(new_idx);
	const bool event_idx = vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX);
	unsigned int i;

	for (i = 0; i < entries; i++) {
		u16 at = (u16)(old_idx + i) & (vq->num - 1);

		if (vha_meta_write(vq, VHA_USED, vha_used_off(at), &vq->taken[i],
				   sizeof(vq->taken[i])))
			return -EFAULT;
	}
	/* As in vha_split_publish(). */
	smp_wmb();
	if (vha_meta_write(vq, VHA_USED, offsetof(struct vring_used, idx), &idx,
			   sizeof(idx)))
		return -EFAULT;
	vq->last_used = new_idx;
	/* Likewise. */
	smp_mb();
	return vha_meta_read(vq, VHA_AVAIL,
			     event_idx ? vha_avail_off(vq->num) :
					 offsetof(struct vring_avail, flags),
			     event, sizeof(*event));
}

/**
 * vha_split_publish() - return all buffers taken to the driver
 * @vq: queue; mutex held
 *
 * Return: 1 when the driver wants a call, 0, or -EFAULT when the used ring cannot
 * be written or the driver's wish cannot be read.
 */
int vha_split_publish(struct vha_vq *vq)
{
	const unsigned int n = vq->ntaken;
	const u16 old_idx = vq->last_used;
	const u16 new_idx = old_idx + n;
	unsigned int i, entries = n;
	__virtio16 event;

	/* One entry, where the first buffer's would be, that names the last one. */
	if (vha_ring_batches_used(vq)) {
		vq->taken[0] = vq->taken[n - 1];
		entries = 1;
	}
	vq->last_avail += n;
	vq->ntaken = 0;
	if (unlikely(!vq->linear)) {
		if (vha_split_publish_iotlb(vq, entries, new_idx, &event))
			goto err;
		goto out;
	}
	if (!user_access_begin(vq->used, struct_size(vq->used, ring, vq->num)))
		return -EFAULT;
	for (i = 0; i < entries; i++) {
		u16 at = (u16)(old_idx + i) & (vq->num - 1);
		u64 *elem = (u64 *)&vq->taken[i];

		unsafe_put_user(elem[0], (u64 __user *)&vq->used->ring[at],
				fault);
	}
	/* Data and entries before the index that covers them. */
	smp_wmb();
	unsafe_put_user(vha_virtio16(new_idx), &vq->used->idx, fault);
	vq->last_used = new_idx;
	/* Our index before the driver's wish. */
	smp_mb();
	if (vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		unsafe_get_user(event, vha_used_event(vq), fault);
	else
		unsafe_get_user(event, &vq->avail->flags, fault);
	user_access_end();
out:
	if (unlikely(vq->log_used) && vha_split_log_used(vq, old_idx, n))
		goto err;
	return vha_split_wants_call(vq, n, vha16(event));

fault:
	user_access_end();
err:
	if (unlikely(vq->log_used))
		vha_split_log_used(vq, old_idx, n);
	/* Its wish cannot be read, but it can see the buffers. */
	if (vq->last_used == new_idx)
		vha_ring_call(vq);
	return -EFAULT;
}
