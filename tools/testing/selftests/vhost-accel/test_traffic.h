/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames in both directions at a time, each checked to the last byte, and buffers at
 * addresses that are hard on a device.
 */
#ifndef _TEST_TRAFFIC_H
#define _TEST_TRAFFIC_H

#include "test_bed.h"

/**
 * struct traffic - Frames under way between a guest and its peer.
 * @b: Running bed.
 * @layout: Of TX buffers; that of RX buffers is the pool's.
 * @max: Longest frame.
 * @sent: Frames the guest has sent.
 * @seen: Of them, those the peer has checked.
 * @given: Frames the peer has sent.
 * @got: Of them, those the guest has checked.
 */
struct traffic {
	struct bed *b;
	enum vg_layout layout;
	unsigned int max;
	__u32 sent;
	__u32 seen;
	__u32 given;
	__u32 got;
};

/** traffic_len() - Length of the frame with a number: short, long, around a page. */
unsigned int traffic_len(const struct traffic *t, __u32 seq);

/** traffic_tx() - The guest sends @n frames and kicks; false after a diagnostic. */
bool traffic_tx(struct traffic *t, unsigned int n);

/** traffic_rx() - The peer sends @n frames; false after a diagnostic. */
bool traffic_rx(struct traffic *t, unsigned int n);

/**
 * traffic_drain() - Check all frames under way.
 * @t: Traffic.
 * @refill: Whether the guest posts RX buffers again as it takes frames.
 *
 * Return: false after a diagnostic.
 */
bool traffic_drain(struct traffic *t, bool refill);

/**
 * traffic_resync() - Forget the frames under way after the rings were reset.
 *
 * A last frame each way is awaited; what comes before it is passed over.
 * Return: false after a diagnostic.
 */
bool traffic_resync(struct traffic *t);

/**
 * traffic_place() - Make a pool whose buffers begin shortly before the end of a page.
 * @p: To fill in.
 * @m: Guest RAM.
 * @count: Buffers, a multiple of four.
 * @cap: Bytes each can hold.
 *
 * Every second one does: its header lies on two pages. One lies in two regions if RAM
 * has several. Data, and tables of descriptors, have pages of their own.
 * Return: 0 or -ENOMEM.
 */
int traffic_place(struct vg_pool *p, struct vg_mem *m, unsigned int count, __u32 cap);

#endif /* _TEST_TRAFFIC_H */
