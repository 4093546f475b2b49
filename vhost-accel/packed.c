// SPDX-License-Identifier: GPL-2.0
/*
 * The packed ring in guest memory: copies in, copies out, event suppression.
 *
 * 1. Problem. Descriptors, availability and completion share 16 bytes, so a buffer
 *    costs one cache line to read and the same one to return; but there is no
 *    index that covers a burst: each descriptor says for itself whose it is.
 *
 * 2. Model. A position (packed_core.c) tells slot and lap. vq->last_used is where
 *    the next buffer is returned to, vq->last_avail where the next one is taken,
 *    vq->avail_idx up to where available descriptors have been seen. Buffers are
 *    returned in the order in which they came, so between bursts the first two
 *    are the same, and that is what VHOST_GET_VRING_BASE says.
 *
 * 3. Control. Up to 64 descriptors are copied in one user access section, until
 *    one is not available. Used descriptors are written in one section as well,
 *    each by one store of length, id and flags, the first one last: the driver
 *    looks at the slots in order, so it sees a burst at once or not at all, and
 *    never a part of a packet that has several buffers. With IN_ORDER the buffers
 *    of a TX burst are returned by one descriptor, which has the last one's id.
 *
 * 4. Limits. A chain has at most as many slots as have not been taken. A buffer
 *    that another device has taken and not returned is taken once more: a packet
 *    may be sent twice, but no buffer is lost.
 *
 * Barriers: a descriptor's flags are read before the rest (smp_rmb, pairs with
 * the driver's write barrier before its flags); data and later descriptors are
 * written before the first descriptor (smp_wmb, pairs with the driver's read
 * barrier after it); what the other side waits for is written before what it may
 * have done is read (smp_mb, pairs with the same in the driver).
 */
#include <linux/uaccess.h>

#include "internal.h"

static struct vring_packed_desc __user *vha_packed_ring(const struct vha_vq *vq)
{
	return (struct vring_packed_desc __user *)vq->desc;
}

static size_t vha_packed_off(u32 at)
{
	return at * sizeof(struct vring_packed_desc);
}

/* Length, id and flags of a descriptor are one value. */
static u64 __user *vha_packed_word(struct vring_packed_desc __user *desc)
{
	return (u64 __user *)&desc->len;
}

static u32 __user *vha_packed_driver_event(const struct vha_vq *vq)
{
	return (u32 __user *)vq->avail;
}

/* Pieces of the ring: where they are, if it lies in one piece, and where if not. */
static int vha_packed_put_event(struct vha_vq *vq, u16 pos, u16 flags)
{
	u32 event = vha_packed_event_word(pos, flags);
	int r;

	if (likely(vq->linear))
		r = put_user(event, (u32 __user *)vq->used);
	else
		r = vha_meta_write(vq, VHA_USED, 0, &event, sizeof(event));
	if (unlikely(vq->log_used) && !r)
		r = vha_log_area(vq, VHA_USED, 0, sizeof(event));
	return r;
}

/* Is the descriptor at a position available? 1, 0 or -EFAULT. */
static int vha_packed_look(struct vha_vq *vq, u16 pos)
{
	const u32 at = vha_packed_index(pos);
	__le16 flags;
	int r;

	if (likely(vq->linear))
		r = get_user(flags, &vha_packed_ring(vq)[at].flags);
	else
		r = vha_meta_read(vq, VHA_DESC, vha_packed_off(at) +
				  offsetof(struct vring_packed_desc, flags),
				  &flags, sizeof(flags));
	return r ? -EFAULT : vha_packed_is_avail(le16_to_cpu(flags), pos);
}

static int vha_packed_copy_desc(struct vha_vq *vq, u16 pos,
				struct vring_packed_desc *copy)
{
	const u32 at = vha_packed_index(pos);

	if (likely(vq->linear))
		return copy_from_user(copy, &vha_packed_ring(vq)[at],
				      sizeof(*copy)) ? -EFAULT : 0;
	return vha_meta_read(vq, VHA_DESC, vha_packed_off(at), copy,
			     sizeof(*copy));
}

/**
 * vha_packed_init() - set the positions of a ring that has not run
 * @vq: queue; mutex held
 * @avail: position to take buffers from
 * @used: position to return buffers to
 */
void vha_packed_init(struct vha_vq *vq, u16 avail, u16 used)
{
	vq->last_avail = avail;
	vq->avail_idx = avail;
	vq->last_used = used;
}

/**
 * vha_packed_aligned() - may a packed ring be there?
 * @addr: its areas
 *
 * Return: true if each is aligned as the format demands.
 */
bool vha_packed_aligned(const u64 *addr)
{
	return IS_ALIGNED(addr[VHA_DESC], VRING_DESC_ALIGN_SIZE) &&
	       IS_ALIGNED(addr[VHA_AVAIL], sizeof(u32)) &&
	       IS_ALIGNED(addr[VHA_USED], sizeof(u32));
}

/**
 * vha_packed_start() - pick up the ring where the driver sees it
 * @vq: queue; mutex held; vha_vq_access_ok()
 *
 * Context: the owner's address space.
 * Return: 0; -EINVAL for a size, a position or an alignment that a packed ring
 * cannot have; -EFAULT when the event area cannot be written.
 */
int vha_packed_start(struct vha_vq *vq)
{
	int r;

	if (vq->num > VHA_PACKED_MAX ||
	    vha_packed_index(vq->last_used) >= vq->num ||
	    !vha_packed_aligned(vq->addr))
		return -EINVAL;
	vha_packed_init(vq, vq->last_used, vq->last_used);
	vq->signalled = 0;
	r = vha_packed_put_event(vq, 0, VRING_PACKED_EVENT_FLAG_ENABLE);
	if (likely(!r))
		return 0;
	/* With an IOTLB nothing is mapped yet: what is missing is asked for. */
	if (r == -EAGAIN)
		vha_iotlb_miss(vq);
	if (!vq->linear)
		vha_ring_error(vq, r);
	return -EFAULT;
}

/* vha_packed_fill() for a ring in pieces. Return: descriptors copied, or -EFAULT. */
static int vha_packed_fill_iotlb(struct vha_vq *vq, unsigned int n)
{
	u16 pos = vq->last_avail;
	unsigned int i;

	for (i = 0; i < n; i++) {
		int r = vha_packed_look(vq, pos);

		if (r < 0)
			return r;
		if (!r)
			break;
		/* The flags before what they say to be there. */
		smp_rmb();
		if (vha_packed_copy_desc(vq, pos, &vq->win.packed[i]))
			return -EFAULT;
		pos = vha_packed_advance(pos, 1, vq->num);
	}
	return i;
}

/* Copy up to @n available descriptors. Return: how many, or -EFAULT. */
static int vha_packed_fill_linear(struct vha_vq *vq, unsigned int n)
{
	struct vring_packed_desc __user *ring = vha_packed_ring(vq);
	u32 at = vha_packed_index(vq->last_avail);
	u16 state = vha_packed_avail_state(vq->last_avail);
	unsigned int i;

	if (!user_access_begin(ring, array_size(vq->num, sizeof(*ring))))
		return -EFAULT;
	for (i = 0; i < n; i++) {
		u64 *copy = (u64 *)&vq->win.packed[i];

		unsafe_get_user(copy[1], vha_packed_word(&ring[at]), fault);
		if (((copy[1] >> 48) & VHA_PACKED_STATE) != state)
			break;
		/* The flags before what they say to be there. */
		smp_rmb();
		unsafe_get_user(copy[0], (u64 __user *)&ring[at].addr, fault);
		if (unlikely(++at == vq->num)) {
			at = 0;
			state ^= VHA_PACKED_STATE;
		}
	}
	user_access_end();
	return i;
fault:
	user_access_end();
	return -EFAULT;
}

/*
 * Copy available descriptors from last_avail on: as many as are wanted, and if
 * that was too few twice as many, up to a burst.
 */
static int vha_packed_fill(struct vha_vq *vq)
{
	const unsigned int n = min_t(u32, vq->num - vq->taken_slots, vq->fetch);
	struct vha_window *w = &vq->win;
	int r;

	w->n = 0;
	w->at = 0;
	if (!n)
		return -ENOBUFS;
	vq->fetch = min(2 * vq->fetch, VHA_BURST);
	r = likely(vq->linear) ? vha_packed_fill_linear(vq, n) :
				 vha_packed_fill_iotlb(vq, n);
	if (unlikely(r < 0))
		return r;
	w->n = r;
	vq->avail_idx = vha_packed_advance(vq->last_avail, r, vq->num);
	return r ? 0 : -ENOENT;
}

/* Feed the parser until the chain ends: at most the ring's and a table's length. */
static int vha_packed_parse_rest(struct vha_vq *vq, struct vha_chain *c)
{
	const struct vring_packed_desc *table = (void *)vq->table;
	const struct vha_window *w = &vq->win;
	u32 n = 0, first = 0;
	int r;

	do {
		const struct vring_packed_desc *desc = table;
		struct vring_packed_desc copy;

		if (!c->indirect) {
			u16 pos = vha_packed_advance(vq->last_avail, c->next,
						     vq->num);

			desc = &copy;
			if (w->at + c->next < w->n)
				desc = &w->packed[w->at + c->next];
			else if (vha_packed_copy_desc(vq, pos, &copy))
				return -EFAULT;
		} else {
			if (c->next == first + n) {
				first = c->next;
				n = min_t(u32, c->bound - first, VHA_BURST);
				r = vha_ring_copy_table(vq, c->table +
							first * sizeof(*desc),
							n);
				if (r)
					return r;
			}
			desc += c->next - first;
		}
		vq->parsed++;
		r = vha_packed_feed(c, &vq->space, desc);
	} while (r == VHA_FEED_MORE);
	return r;
}

/**
 * vha_packed_take() - see vha_ring_take()
 * @vq: queue; mutex held
 * @c: parser; holds the result
 * @iov: room for segments
 * @max: entries of @iov
 *
 * Return: as vha_ring_take().
 */
int vha_packed_take(struct vha_vq *vq, struct vha_chain *c, struct iovec *iov,
		    unsigned int max)
{
	const struct vring_packed_desc *desc;
	struct vha_window *w = &vq->win;
	int r;

	if (unlikely(w->at >= w->n)) {
		r = vha_packed_fill(vq);
		if (r)
			return r;
	}
	desc = &w->packed[w->at];
	if (likely(vha_chain_single(c, &vq->space, le64_to_cpu(desc->addr),
				    le32_to_cpu(desc->len),
				    le16_to_cpu(desc->flags), iov, max))) {
		c->id = le16_to_cpu(desc->id);
		c->slots = 1;
	} else {
		vha_packed_start_chain(c, vq->num - vq->taken_slots, iov, max);
		r = vha_packed_feed(c, &vq->space, desc);
		if (r == VHA_FEED_MORE)
			r = vha_packed_parse_rest(vq, c);
		if (r)
			return r;
	}
	vq->taken[vq->ntaken++] = (struct vha_taken){
		.id = c->id,
		.slots = c->slots,
	};
	vq->taken_slots += c->slots;
	vq->last_avail = vha_packed_advance(vq->last_avail, c->slots, vq->num);
	w->at += c->slots;
	/* A chain may go on where no copy has been made. */
	if (unlikely(w->at > w->n))
		vq->avail_idx = vq->last_avail;
	return 0;
}

/**
 * vha_packed_untake() - see vha_ring_untake()
 * @vq: queue; mutex held
 * @n: how many, at most vq->ntaken
 */
void vha_packed_untake(struct vha_vq *vq, unsigned int n)
{
	struct vha_window *w = &vq->win;
	u32 slots = 0;

	while (n--)
		slots += vq->taken[--vq->ntaken].slots;
	vq->taken_slots -= slots;
	vq->last_avail = vha_packed_back(vq->last_avail, slots, vq->num);
	if (w->at >= slots) {
		w->at -= slots;
	} else {
		w->at = 0;
		w->n = 0;
	}
}

/**
 * vha_packed_more() - see vha_ring_more()
 * @vq: queue; mutex held
 *
 * Return: as vha_ring_more().
 */
bool vha_packed_more(struct vha_vq *vq)
{
	return vha_packed_look(vq, vq->avail_idx);
}

/**
 * vha_packed_disable_notify() - ask the driver not to kick
 * @vq: queue; mutex held
 *
 * Return: 0 or -EFAULT.
 */
int vha_packed_disable_notify(struct vha_vq *vq)
{
	if (vq->used_flags & VRING_USED_F_NO_NOTIFY)
		return 0;
	vq->used_flags |= VRING_USED_F_NO_NOTIFY;
	return vha_packed_put_event(vq, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
}

/**
 * vha_packed_enable_notify() - ask the driver to kick for what it adds
 * @vq: queue; mutex held
 *
 * Return: 1 when the driver has added buffers meanwhile, 0, or -EFAULT.
 */
int vha_packed_enable_notify(struct vha_vq *vq)
{
	int r;

	vq->used_flags &= ~VRING_USED_F_NO_NOTIFY;
	if (vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		r = vha_packed_put_event(vq, vq->avail_idx,
					 VRING_PACKED_EVENT_FLAG_DESC);
	else
		r = vha_packed_put_event(vq, 0, VRING_PACKED_EVENT_FLAG_ENABLE);
	/* Be seen waiting before looking. */
	smp_mb();
	return r ? -EFAULT : vha_packed_look(vq, vq->avail_idx);
}

/* Does the driver want a call? @event is its wish as read after the buffers went. */
static bool vha_packed_wants_call(struct vha_vq *vq, u32 slots, u32 event)
{
	const u32 since = vq->signalled + slots;
	bool want;

	/* Lapped while nobody decided: the latest decision tells nothing. */
	if (since > vq->num)
		vq->signalled_valid = false;
	if (!vq->call) {
		vq->signalled = vq->signalled_valid ? since : 0;
		return false;
	}
	want = vha_packed_need_signal(vq->signalled_valid,
				      vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX),
				      event, vq->last_used, since, vq->num);
	vq->signalled = 0;
	vq->signalled_valid = true;
	return want;
}

/* Write @n used descriptors, @first at the head; read the driver's wish. */
static int vha_packed_write_linear(struct vha_vq *vq, unsigned int n, u64 first,
				   u32 *event)
{
	struct vring_packed_desc __user *ring = vha_packed_ring(vq);
	const struct vha_taken *taken = vq->taken;
	const u16 start = vq->last_used;
	const u32 num = vq->num;
	u16 pos = start;
	unsigned int i;

	if (!user_access_begin(ring, array_size(num, sizeof(*ring))))
		return -EFAULT;
	for (i = 1; i < n; i++) {
		pos = vha_packed_advance(pos, taken[i - 1].slots, num);
		unsafe_put_user(vha_packed_used_word(pos, taken[i].id, taken[i].len),
				vha_packed_word(&ring[vha_packed_index(pos)]),
				fault);
	}
	/* Data and all others before the one that the driver waits for. */
	smp_wmb();
	unsafe_put_user(first, vha_packed_word(&ring[vha_packed_index(start)]),
			fault);
	vq->last_used = vq->last_avail;
	/* The descriptors before the driver's wish. */
	smp_mb();
	unsafe_get_user(*event, vha_packed_driver_event(vq), fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static int vha_packed_put_word(struct vha_vq *vq, u16 pos, u64 word)
{
	const size_t off = vha_packed_off(vha_packed_index(pos)) +
			   offsetof(struct vring_packed_desc, len);

	return vha_meta_write(vq, VHA_DESC, off, &word, sizeof(word));
}

/* vha_packed_write_linear() for a ring in pieces. */
static int vha_packed_write_iotlb(struct vha_vq *vq, unsigned int n, u64 first,
				  u32 *event)
{
	const struct vha_taken *taken = vq->taken;
	u16 pos = vq->last_used;
	unsigned int i;

	for (i = 1; i < n; i++) {
		pos = vha_packed_advance(pos, taken[i - 1].slots, vq->num);
		if (vha_packed_put_word(vq, pos, vha_packed_used_word(pos, taken[i].id,
								      taken[i].len)))
			return -EFAULT;
	}
	/* As in vha_packed_write_linear(). */
	smp_wmb();
	if (vha_packed_put_word(vq, vq->last_used, first))
		return -EFAULT;
	vq->last_used = vq->last_avail;
	/* Likewise. */
	smp_mb();
	return vha_meta_read(vq, VHA_AVAIL, 0, event, sizeof(*event));
}

/*
 * Log the used descriptors of the first @n of vq->taken, which went to @pos and
 * behind it; neighbours at once.
 */
static int vha_packed_log_used(struct vha_vq *vq, u16 pos, unsigned int n)
{
	const struct vha_taken *taken = vq->taken;
	unsigned int i, run;
	int r = 0;

	for (i = 0; i < n; i += run) {
		const u32 at = vha_packed_index(pos);

		for (run = 1; i + run < n && at + run < vq->num; run++)
			if (taken[i + run - 1].slots != 1)
				break;
		r = vha_log_area(vq, VHA_DESC, vha_packed_off(at),
				 vha_packed_off(run)) ?: r;
		pos = vha_packed_advance(pos, run - 1 + taken[i + run - 1].slots,
					 vq->num);
	}
	return r;
}

/**
 * vha_packed_publish() - return all buffers taken to the driver
 * @vq: queue; mutex held
 *
 * Return: 1 when the driver wants a call, 0, or -EFAULT when the ring cannot be
 * written or the driver's wish cannot be read. In the former case nothing counts
 * as taken.
 */
int vha_packed_publish(struct vha_vq *vq)
{
	const struct vha_taken *taken = vq->taken;
	const bool batch = vha_ring_batches_used(vq);
	const unsigned int n = batch ? 1 : vq->ntaken;
	const u32 slots = vq->taken_slots;
	const u16 start = vq->last_used;
	u64 first;
	u32 event;
	int r;

	first = batch ? vha_packed_used_word(start, taken[vq->ntaken - 1].id, 0) :
			vha_packed_used_word(start, taken[0].id, taken[0].len);
	vq->ntaken = 0;
	vq->taken_slots = 0;
	r = likely(vq->linear) ? vha_packed_write_linear(vq, n, first, &event) :
				 vha_packed_write_iotlb(vq, n, first, &event);
	if (unlikely(vq->log_used) && vha_packed_log_used(vq, start, n))
		r = -EFAULT;
	if (likely(!r))
		return vha_packed_wants_call(vq, slots, event);

	if (vq->last_used != start) {
		/* Its wish cannot be read, but it can see the buffers. */
		vha_ring_call(vq);
	} else {
		vq->last_avail = start;
		vq->win.n = 0;
	}
	return -EFAULT;
}
