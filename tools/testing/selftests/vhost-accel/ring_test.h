/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _RING_TEST_H
#define _RING_TEST_H

#include "test_bed.h"

/**
 * struct ring_case - A corner of the ring protocol.
 * @name: What it shows.
 * @fn: True if it holds.
 */
struct ring_case {
	const char *name;
	bool (*fn)(void);
};

/* Corners of the ring protocol, and things that happen to the backend. */
extern const struct ring_case ring_cases[];
extern const unsigned int ring_ncases;
extern const struct ring_case backend_cases[];
extern const unsigned int backend_ncases;

/* A tap with buffers of 2048 bytes, running, both indices at @base. */
bool ring_open(struct bed *b, __u64 features, __u16 base);

/* Puts a frame into the TX ring; vg_ring_kick() sends it. */
bool ring_put(struct bed *b, __u32 seq, size_t len);

/* The next frame at the peer is this one. */
bool ring_got(struct bed *b, __u32 seq, size_t len);

/* So many TX buffers come back. */
bool ring_reap(struct bed *b, unsigned int want);

/* The peer sends; the next frame in the guest is this one. */
bool ring_send_rx(struct bed *b, __u32 seq, size_t len);
bool ring_got_rx(struct bed *b, __u32 seq, size_t len);

#endif /* _RING_TEST_H */
