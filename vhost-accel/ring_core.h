/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chains of descriptors, and split virtqueues as the device sees them: parsing and
 * event suppression.
 */
#ifndef VHA_RING_CORE_H
#define VHA_RING_CORE_H

#include <asm/byteorder.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "mem_core.h"

/** VHA_MAX_SEGS - most segments of one buffer; the peer's UIO_MAXIOV */
#define VHA_MAX_SEGS 1024

/** VHA_DESC_SIZE - bytes of a descriptor, of a split ring and of a packed one */
#define VHA_DESC_SIZE 16

/** VHA_MAX_INDIRECT - most descriptors of an indirect table, as in vhost */
#define VHA_MAX_INDIRECT 65536

/**
 * enum vha_feed - what the parsers make of a descriptor
 * @VHA_FEED_DONE: the chain is complete
 * @VHA_FEED_MORE: descriptor @next of the level that @indirect names is wanted
 */
enum vha_feed {
	VHA_FEED_DONE = 0,
	VHA_FEED_MORE = 1,
};

/**
 * struct vha_chain - parser of one buffer, and its result
 * @iov: where segments go: @out readable ones, then @in writable ones
 * @max: room in @iov
 * @len: sum of the lengths of the segments
 * @out: device-readable segments
 * @in: device-writable segments
 * @next: index of the descriptor wanted next
 * @left: descriptors that this level may still have; ends loops
 * @bound: entries of this level's table
 * @indirect: @next indexes the indirect table at guest address @table
 * @table: guest-physical address of the indirect table
 * @write_seen: a device-writable descriptor has come, even an empty one
 * @slots: packed ring: descriptors of the ring that the buffer takes
 * @id: packed ring: buffer id
 */
struct vha_chain {
	struct iovec *iov;
	unsigned int max;
	u64 len;
	unsigned int out;
	unsigned int in;
	u32 next;
	u32 left;
	u32 bound;
	bool indirect;
	bool write_seen;
	u64 table;
	u32 slots;
	u16 id;
};

/* x86 only: every ring that we serve is little endian, legacy ones too. */
static inline u16 vha16(__virtio16 v)
{
	return le16_to_cpu((__force __le16)v);
}

static inline u32 vha32(__virtio32 v)
{
	return le32_to_cpu((__force __le32)v);
}

static inline u64 vha64(__virtio64 v)
{
	return le64_to_cpu((__force __le64)v);
}

static inline __virtio16 vha_virtio16(u16 v)
{
	return (__force __virtio16)cpu_to_le16(v);
}

/**
 * vha_chain_reset() - an empty chain, of which a descriptor of the ring is wanted
 * @c: parser state, need not be initialised
 * @next: that descriptor
 * @count: descriptors that the chain may have in the ring, and one above @next
 * @iov: room for segments
 * @max: entries of @iov
 */
static inline void vha_chain_reset(struct vha_chain *c, u32 next, u32 count,
				   struct iovec *iov, unsigned int max)
{
	*c = (struct vha_chain) {
		.iov = iov,
		.max = max,
		.next = next,
		.left = count,
		.bound = count,
	};
}

/**
 * vha_chain_enter() - go on in an indirect table
 * @c: parser state
 * @addr: guest-physical address of the table
 * @len: its bytes
 * @most: descriptors that a table may have; of them %VHA_MAX_SEGS are followed
 *
 * Return: %VHA_FEED_MORE; -EINVAL when @len is no multiple of a descriptor, or 0;
 * -E2BIG for more than @most; -EFAULT when the table wraps.
 */
static inline int vha_chain_enter(struct vha_chain *c, u64 addr, u32 len,
				  u32 most)
{
	u32 count = len / VHA_DESC_SIZE;

	if (len % VHA_DESC_SIZE || !count)
		return -EINVAL;
	if (count > most)
		return -E2BIG;
	if (addr + (len - 1) < addr)
		return -EFAULT;
	c->indirect = true;
	c->table = addr;
	c->bound = count;
	/* A chain is no longer than a queue can be, whatever its table holds. */
	c->left = count < VHA_MAX_SEGS ? count : VHA_MAX_SEGS;
	c->next = 0;
	return VHA_FEED_MORE;
}

/**
 * vha_chain_add() - append what one descriptor describes
 * @c: parser state
 * @space: what @addr is
 * @addr: start
 * @len: bytes
 * @write: device-writable
 *
 * Return: 0; -EINVAL for readable after writable; or as vha_space_translate().
 */
static inline int vha_chain_add(struct vha_chain *c, struct vha_space *space,
				u64 addr, u32 len, bool write)
{
	const unsigned int used = c->out + c->in;
	int segs = vha_space_translate(space, addr, len, write, c->iov + used,
				       c->max - used);

	if (unlikely(segs < 0))
		return segs;
	if (write) {
		c->write_seen = true;
		c->in += segs;
	} else {
		if (unlikely(c->write_seen))
			return -EINVAL;
		c->out += segs;
	}
	c->len += len;
	return 0;
}

/**
 * vha_chain_single() - a buffer of one descriptor in one region, as most are
 * @c: receives the result, but for @slots and @id
 * @space: what @addr is
 * @addr: of its first descriptor
 * @len: of that
 * @flags: of that
 * @iov: room for segments
 * @max: entries of @iov
 *
 * Return: true if it is one; false says nothing: start the parser.
 */
static inline bool vha_chain_single(struct vha_chain *c,
				    const struct vha_space *space, u64 addr,
				    u32 len, u16 flags, struct iovec *iov,
				    unsigned int max)
{
	const bool write = flags & VRING_DESC_F_WRITE;

	if (unlikely((flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT)) ||
		     !len || !max))
		return false;
	if (unlikely(!vha_space_near(space, addr, len, iov)))
		return false;
	c->iov = iov;
	c->len = len;
	c->out = !write;
	c->in = write;
	c->write_seen = write;
	return true;
}

int vha_chain_start(struct vha_chain *c, u32 head, u32 num, struct iovec *iov,
		    unsigned int max);
int vha_chain_feed(struct vha_chain *c, struct vha_space *space,
		   const struct vring_desc *desc);
int vha_split_avail(u16 avail_idx, u16 last_avail, u32 num);
bool vha_split_need_signal(bool valid, u16 event, u16 new_idx, u16 old_idx);
int vha_hdr_fix(struct virtio_net_hdr *hdr, size_t frame_len);

#endif /* VHA_RING_CORE_H */
