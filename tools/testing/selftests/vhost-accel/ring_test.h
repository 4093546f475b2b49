/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _RING_TEST_H
#define _RING_TEST_H

#include "test_bed.h"

/* Ring formats, each with and without EVENT_IDX. */
#define RING_SPLIT		0x01
#define RING_SPLIT_ORDER	0x02
#define RING_PACKED		0x04
#define RING_PACKED_ORDER	0x08
#define RING_EVENT_IDX		0x0f
#define RING_FLAGS		0xf0
#define RING_ALL		0xff

/**
 * struct ring_case - A corner of the ring protocol.
 * @name: What it shows.
 * @fn: True if it holds.
 * @formats: Formats to run it with.
 */
struct ring_case {
	const char *name;
	bool (*fn)(void);
	unsigned int formats;
};

/* What the case that runs shall negotiate. */
extern __u64 ring_features;

/* Formats, corners of the ring protocol, and things that happen to the backend. */
extern const struct ring_case format_cases[];
extern const unsigned int format_ncases;
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
