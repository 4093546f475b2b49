/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packed virtqueues as the device sees them: positions, parsing, event suppression.
 */
#ifndef VHA_PACKED_CORE_H
#define VHA_PACKED_CORE_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/virtio_ring.h>

#include "ring_core.h"

/** VHA_PACKED_MAX - most entries of a packed ring: an index has 15 bits */
#define VHA_PACKED_MAX 32768

/** VHA_PACKED_WRAP - the wrap counter in a position; the index is below it */
#define VHA_PACKED_WRAP 0x8000

/** VHA_PACKED_FRESH - where both sides of a new ring begin */
#define VHA_PACKED_FRESH VHA_PACKED_WRAP

/** VHA_PACKED_AVAIL - flag of a descriptor that the driver has written */
#define VHA_PACKED_AVAIL 0x0080

/** VHA_PACKED_USED - flag of a descriptor that the device has written */
#define VHA_PACKED_USED 0x8000

/** VHA_PACKED_STATE - the flags that say whose a descriptor is */
#define VHA_PACKED_STATE (VHA_PACKED_AVAIL | VHA_PACKED_USED)

/**
 * vha_packed_index() - the slot of a position
 * @pos: position
 *
 * Return: index into the ring.
 */
static inline u32 vha_packed_index(u16 pos)
{
	return pos & (VHA_PACKED_WRAP - 1);
}

/**
 * vha_packed_advance() - the position some slots on
 * @pos: position in the ring
 * @n: slots, at most @num
 * @num: entries of the ring, 1 to %VHA_PACKED_MAX
 *
 * Return: the position; its wrap counter has changed if the ring's end was passed.
 */
static inline u16 vha_packed_advance(u16 pos, u32 n, u32 num)
{
	u32 index = vha_packed_index(pos) + n;
	u16 wrap = pos & VHA_PACKED_WRAP;

	if (index >= num) {
		index -= num;
		wrap ^= VHA_PACKED_WRAP;
	}
	return index | wrap;
}

/**
 * vha_packed_back() - the position some slots before
 * @pos: position in the ring
 * @n: slots, at most @num
 * @num: entries of the ring, 1 to %VHA_PACKED_MAX
 *
 * Return: what vha_packed_advance() by @n leads to @pos from.
 */
static inline u16 vha_packed_back(u16 pos, u32 n, u32 num)
{
	/* Twice round the ring is the same position again. */
	return vha_packed_advance(vha_packed_advance(pos, num - n, num), num, num);
}

/**
 * vha_packed_avail_state() - how an available descriptor looks
 * @pos: its position
 *
 * Return: the bits of %VHA_PACKED_STATE that are set in its flags; any others mean
 * that the driver has not made it available in this lap.
 */
static inline u16 vha_packed_avail_state(u16 pos)
{
	return pos & VHA_PACKED_WRAP ? VHA_PACKED_AVAIL : VHA_PACKED_USED;
}

/**
 * vha_packed_is_avail() - has the driver made a descriptor available?
 * @flags: its flags
 * @pos: its position
 *
 * Return: true if so.
 */
static inline bool vha_packed_is_avail(u16 flags, u16 pos)
{
	return (flags & VHA_PACKED_STATE) == vha_packed_avail_state(pos);
}

/**
 * vha_packed_used_word() - second half of a used descriptor
 * @pos: its position
 * @id: buffer id
 * @len: bytes written to the buffer
 *
 * Return: len, id and flags as one value to be stored in little endian.
 */
static inline u64 vha_packed_used_word(u16 pos, u16 id, u32 len)
{
	u16 flags = pos & VHA_PACKED_WRAP ? VHA_PACKED_STATE : 0;

	if (len)
		flags |= VRING_DESC_F_WRITE;
	return len | (u64)id << 32 | (u64)flags << 48;
}

/**
 * vha_packed_event_word() - contents of an event area
 * @pos: position of the event
 * @flags: VRING_PACKED_EVENT_FLAG_*
 *
 * Return: both as one value to be stored in little endian.
 */
static inline u32 vha_packed_event_word(u16 pos, u16 flags)
{
	return pos | (u32)flags << 16;
}

/**
 * vha_packed_base() - what VHOST_GET_VRING_BASE says
 * @avail: position up to which buffers have been taken
 * @used: position up to which buffers have been returned
 *
 * Return: the value.
 */
static inline u32 vha_packed_base(u16 avail, u16 used)
{
	return avail | (u32)used << 16;
}

void vha_packed_parse_base(u32 base, u16 *avail, u16 *used);
void vha_packed_start_chain(struct vha_chain *c, u32 room, struct iovec *iov,
			    unsigned int max);
int vha_packed_feed(struct vha_chain *c, struct vha_space *space,
		    const struct vring_packed_desc *desc);
bool vha_packed_need_signal(bool valid, bool event_idx, u32 event, u16 pos,
			    u32 n, u32 num);

#endif /* VHA_PACKED_CORE_H */
