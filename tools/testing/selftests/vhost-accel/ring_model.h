/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device half of a virtqueue in user space: a small model, written from the VIRTIO
 * specification apart from the driver half, for the test of the latter.
 */
#ifndef _RING_MODEL_H
#define _RING_MODEL_H

#include "vhost_guest.h"

/**
 * struct model_buf - A buffer that the device has taken.
 * @seg: Its segments.
 * @nsegs: Segments in use.
 * @id: Its id.
 * @ndesc: Ring descriptors it holds.
 * @room: Bytes of the segments that the device may write.
 */
struct model_buf {
	struct vg_seg seg[VG_MAX_SEGS];
	unsigned int nsegs;
	__u16 id;
	unsigned int ndesc;
	__u32 room;
};

/**
 * struct model - A device at a ring.
 * @r: Ring, of which the model uses the areas in guest RAM and the eventfds, nothing
 *	that is the driver's own.
 * @packed: The format.
 * @avail: Split: index of the next buffer to take. Packed: position.
 * @avail_wrap: Packed: wrap counter for @avail.
 * @used: Split: index of the next used entry. Packed: position.
 * @used_wrap: Packed: wrap counter for @used.
 * @calls: Times it called the driver.
 * @broken: The first rule that the driver was seen to break, or NULL.
 */
struct model {
	const struct vg_ring *r;
	bool packed;
	__u16 avail;
	bool avail_wrap;
	__u16 used;
	bool used_wrap;
	__u64 calls;
	const char *broken;
};

/** model_start() - Begin at the base a driver hands over. */
void model_start(struct model *m, const struct vg_ring *r, __u32 base);

/** model_base() - Where a device goes on after this one, which has used all it took. */
__u32 model_base(const struct model *m);

/** model_more() - Is there a buffer to take? */
bool model_more(const struct model *m);

/** model_take() - Take the next available buffer; false if there is none. */
bool model_take(struct model *m, struct model_buf *b);

/**
 * model_use() - Give buffers back and call the driver if it wants that.
 * @m: Device.
 * @b: Buffers.
 * @len: Bytes written to each.
 * @n: Buffers; with IN_ORDER a single entry is written for all of them, so that all
 *	but the last must be full.
 */
void model_use(struct model *m, struct model_buf *const *b, const __u32 *len,
	       unsigned int n);

/** model_sleep() - Ask for a kick for what comes next; false if it has come already. */
bool model_sleep(struct model *m);

/** model_wake() - Ask for no kick. */
void model_wake(struct model *m);

#endif /* _RING_MODEL_H */
