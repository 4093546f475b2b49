// SPDX-License-Identifier: GPL-2.0
/*
 * Packed virtqueue logic.
 *
 * 1. Problem. There is one ring of descriptors and no index: whether a descriptor
 *    is the device's is told by two flags in it, which mean the opposite every
 *    other lap. Driver and device each remember where they are and in which lap.
 *
 * 2. Model. A position is an index of 15 bits and the lap's parity, the wrap
 *    counter, in bit 15: the form that the ring's event areas and VHOST_*_VRING_BASE
 *    use. Going on by n slots may pass the end of the ring, which flips the wrap
 *    counter. A descriptor is available where its AVAIL flag equals the wrap
 *    counter and its USED flag does not; it is used when both equal it.
 *
 *    A buffer is a chain of descriptors in successive slots, which may go on at
 *    the start of the ring; its id stands in the last of them. As for split rings
 *    the parser is fed with copies, touches no guest memory, and names what it
 *    wants next: slot vha_chain.next of the chain, or an entry of the indirect
 *    table. A table is used as a whole, entry by entry; only its WRITE flags count.
 *
 * 3. Control. A chain has at most as many slots as the device does not hold
 *    already: longer ones run into themselves. Readable segments come before
 *    writable ones, and an indirect descriptor is the last of its chain.
 *
 * 4. Limits: rings of 32768 descriptors, as the format has it; tables of 1024
 *    entries, the most segments that a buffer can have anyway.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/types.h>

#include "packed_core.h"

/**
 * vha_packed_parse_base() - what VHOST_SET_VRING_BASE means
 * @base: the value: position to take buffers from, above it that to return them to
 * @avail: filled with the former
 * @used: filled with the latter
 *
 * Those who restore a device without buffers in flight may leave out the upper
 * half: both positions are the same then. A lap later all of its bits can be 0 as
 * well, but so are those of the lower half.
 */
void vha_packed_parse_base(u32 base, u16 *avail, u16 *used)
{
	*avail = base;
	*used = base >> 16 ? base >> 16 : base;
}

/**
 * vha_packed_start_chain() - begin with the buffer in the next slot
 * @c: parser state, need not be initialised
 * @room: slots that the chain may have, at least 1
 * @iov: room for segments
 * @max: entries of @iov
 *
 * Slot 0 of the chain is wanted then.
 */
void vha_packed_start_chain(struct vha_chain *c, u32 room, struct iovec *iov,
			    unsigned int max)
{
	vha_chain_reset(c, 0, room, iov, max);
}

/**
 * vha_packed_feed() - take the descriptor that was wanted
 * @c: parser state; @c->id and @c->slots are the buffer's when it is complete
 * @space: what the addresses in descriptors are
 * @desc: copy of slot @c->next of the chain, or of entry @c->next of the table;
 *	that it is available has been seen before
 *
 * Return: %VHA_FEED_DONE, %VHA_FEED_MORE, or
 * -EINVAL: chain longer than there is room for, readable after writable, or a bad
 * indirect table;
 * -E2BIG: indirect table with more than %VHA_MAX_SEGS entries;
 * -EFAULT, -EPERM, -EAGAIN, -ENOBUFS: see vha_space_translate().
 */
int vha_packed_feed(struct vha_chain *c, struct vha_space *space,
		    const struct vring_packed_desc *desc)
{
	u64 addr = le64_to_cpu(desc->addr);
	u32 len = le32_to_cpu(desc->len);
	u16 flags = le16_to_cpu(desc->flags);
	int r;

	if (unlikely(!c->left))
		return -EINVAL;
	c->left--;
	c->next++;
	if (likely(!c->indirect)) {
		c->slots++;
		c->id = le16_to_cpu(desc->id);
		if (flags & VRING_DESC_F_INDIRECT) {
			if (flags & VRING_DESC_F_NEXT)
				return -EINVAL;
			return vha_chain_enter(c, addr, len, VHA_MAX_SEGS);
		}
	}
	r = vha_chain_add(c, space, addr, len, flags & VRING_DESC_F_WRITE);
	if (unlikely(r))
		return r;
	if (unlikely(c->indirect))
		return c->left ? VHA_FEED_MORE : VHA_FEED_DONE;
	if (likely(!(flags & VRING_DESC_F_NEXT)))
		return VHA_FEED_DONE;
	return c->left ? VHA_FEED_MORE : -EINVAL;
}

/**
 * vha_packed_need_signal() - does the driver want a call for this progress?
 * @valid: @n counts from a former decision on this run of the ring
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was negotiated
 * @event: the driver's event area, one read after the buffers were returned
 * @pos: position up to which buffers have been returned
 * @n: slots returned since the former decision, at most @num
 * @num: entries of the ring
 *
 * VIRTIO 1.2 section 2.8.10. Flags that are reserved, and an area without a
 * decision before it, mean yes: a spurious call is harmless, a lost one is not.
 *
 * Return: true to signal.
 */
bool vha_packed_need_signal(bool valid, bool event_idx, u32 event, u16 pos,
			    u32 n, u32 num)
{
	const u16 flags = event >> 16;
	const u16 wanted = event;
	u32 behind;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (!event_idx || flags != VRING_PACKED_EVENT_FLAG_DESC || !valid)
		return true;

	/* How far the wanted slot lies behind us: 1 is the slot returned last. */
	behind = vha_packed_index(pos) - vha_packed_index(wanted);
	if ((pos ^ wanted) & VHA_PACKED_WRAP)
		behind += num;
	return behind - 1 < n;
}
