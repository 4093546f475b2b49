// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueue parser.
 *
 * Problem: a guest describes buffers by chains of descriptors in memory that
 * it can change at any time, and that may loop, point outside its memory, or
 * be endless. The parser must never read one byte of it twice, and must end.
 *
 * Model: the parser is fed. Glue code copies one descriptor (16 bytes) out of
 * guest memory and hands the copy over; the parser takes what it needs from the
 * copy, appends host-virtual segments, and names the descriptor that it wants
 * next: an index into the ring's table or into an indirect table. It touches no
 * guest memory, takes no lock and allocates nothing, so the same code runs in
 * the module, under KUnit and under a fuzzer.
 *
 * Control: each level of a chain has a budget of as many descriptors as its
 * table has entries, and 1024 of a table at most; whoever needs more walks in a
 * circle, or wants to keep us busy. The rules are those
 * of VIRTIO 1.2 section 2.7: device-readable segments come before writable
 * ones; an indirect descriptor ends the ring's own chain, its table holds no
 * further indirect descriptor, and the length of the table is a multiple of 16.
 * Inside a table the next field is followed, not assumed to be sequential.
 *
 * Limits: 1024 segments a buffer and 65536 descriptors a table, as vhost; of a
 * table at most 1024 are followed, as by QEMU.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/types.h>

#include "ring_core.h"

/**
 * vha_chain_start() - begin with the buffer whose first descriptor is @head
 * @c: parser state, need not be initialised
 * @head: index from the available ring
 * @num: entries of the ring
 * @iov: room for segments
 * @max: entries of @iov
 *
 * Return: %VHA_FEED_MORE (descriptor @head is wanted), or -EINVAL when @head is
 * not below @num.
 */
int vha_chain_start(struct vha_chain *c, u32 head, u32 num, struct iovec *iov,
		    unsigned int max)
{
	if (unlikely(head >= num))
		return -EINVAL;
	vha_chain_reset(c, head, num, iov, max);
	return VHA_FEED_MORE;
}

/**
 * vha_chain_feed() - take the descriptor that was wanted
 * @c: parser state
 * @space: what the addresses in descriptors are
 * @desc: copy of descriptor @c->next; not read twice by anybody
 *
 * Return: %VHA_FEED_DONE, %VHA_FEED_MORE, or
 * -EINVAL: loop, index out of range, readable after writable, bad or nested
 * indirect table;
 * -E2BIG: indirect table with more than %VHA_MAX_INDIRECT entries;
 * -EFAULT: bytes outside the guest's memory;
 * -EPERM: bytes that the IOTLB forbids;
 * -EAGAIN: bytes that the IOTLB does not know yet, see vha_space_translate();
 * -ENOBUFS: more segments than there is room for.
 */
int vha_chain_feed(struct vha_chain *c, struct vha_space *space,
		   const struct vring_desc *desc)
{
	u16 flags = vha16(desc->flags);
	u32 len = vha32(desc->len);
	int r;

	if (unlikely(!c->left))
		return -EINVAL;
	c->left--;

	if (unlikely(flags & VRING_DESC_F_INDIRECT)) {
		if (c->indirect || (flags & VRING_DESC_F_NEXT))
			return -EINVAL;
		return vha_chain_enter(c, vha64(desc->addr), len,
				       VHA_MAX_INDIRECT);
	}

	r = vha_chain_add(c, space, vha64(desc->addr), len,
			  flags & VRING_DESC_F_WRITE);
	if (unlikely(r))
		return r;

	if (likely(!(flags & VRING_DESC_F_NEXT)))
		return VHA_FEED_DONE;

	c->next = vha16(desc->next);
	if (unlikely(c->next >= c->bound || !c->left))
		return -EINVAL;
	return VHA_FEED_MORE;
}

/**
 * vha_split_avail() - buffers that the driver has made available
 * @avail_idx: avail->idx as just read
 * @last_avail: index up to which buffers have been taken
 * @num: entries of the ring
 *
 * Return: 0 to @num, or -EINVAL when the driver claims more than @num.
 */
int vha_split_avail(u16 avail_idx, u16 last_avail, u32 num)
{
	u16 n = avail_idx - last_avail;

	return likely(n <= num) ? n : -EINVAL;
}

/**
 * vha_split_need_signal() - does the driver want a call for this progress?
 * @valid: @old_idx is the index of a signal decision on this run of the ring
 * @event: used_event as the driver wrote it
 * @new_idx: used->idx now
 * @old_idx: used->idx at the decision before
 *
 * VIRTIO 1.2 section 2.7.7.2. Without a former decision the answer is yes: a
 * spurious call is harmless, a lost one is not.
 *
 * Return: true to signal.
 */
bool vha_split_need_signal(bool valid, u16 event, u16 new_idx, u16 old_idx)
{
	return !valid || vring_need_event(event, new_idx, old_idx);
}

/**
 * vha_hdr_fix() - check a guest's vnet header, repair hdr_len
 * @hdr: private copy of the header
 * @frame_len: bytes of header and frame together
 *
 * Drivers may leave hdr_len too small when they only ask for a checksum; the
 * stack wants it to cover the checksum field. Everything else is validated by
 * virtio_net_hdr_to_skb() behind the backend.
 *
 * Return: 0, or -EINVAL when the checksum field lies outside the frame.
 */
int vha_hdr_fix(struct virtio_net_hdr *hdr, size_t frame_len)
{
	u32 end;

	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	end = (u32)vha16(hdr->csum_start) + vha16(hdr->csum_offset) + 2;
	if (end <= vha16(hdr->hdr_len))
		return 0;
	if (end > frame_len || end > U16_MAX)
		return -EINVAL;
	hdr->hdr_len = vha_virtio16(end);
	return 0;
}
