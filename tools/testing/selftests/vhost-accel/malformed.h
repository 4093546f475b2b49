/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MALFORMED_H
#define _MALFORMED_H

#include "test_bed.h"

/**
 * struct scene - What a malformed ring is made of.
 * @b: Running device whose ring is broken.
 * @r: That ring.
 * @dir: VRING_DESC_F_WRITE for RX, 0 for TX: what a good descriptor of it has.
 * @gpa: Free guest memory, SCRATCH bytes.
 */
struct scene {
	struct bed *b;
	struct vg_ring *r;
	__u16 dir;
	__u64 gpa;
};

#define SCRATCH		0x200000

#define BREAKS_RX	0x1
#define BREAKS_TX	0x2
#define BREAKS_BOTH	(BREAKS_RX | BREAKS_TX)

/* Descriptors of a ring of 256 that no pool uses. */
#define D0		200

/**
 * struct breakage - One way to break a ring.
 * @name: What is wrong.
 * @make: Does it, and makes it visible to the device.
 * @rings: BREAKS_* of the rings it applies to.
 * @stock: What the stock module does instead, if it does.
 */
struct breakage {
	const char *name;
	void (*make)(struct scene *s);
	unsigned int rings;
	enum { STOCK_SAME, STOCK_TAKES, STOCK_SKIPS } stock;
};

extern const struct breakage breakages[];
extern const unsigned int nbreakages;
extern const struct breakage packed_breakages[];
extern const unsigned int npacked_breakages;

/** raw_avail() - Make a chain visible that starts at descriptor @head. */
void raw_avail(struct vg_ring *r, __u16 head);

/** raw_desc() - Write a descriptor. */
void raw_desc(struct vring_desc *d, __u64 gpa, __u32 len, __u16 flags, __u16 next);

/**
 * raw_packed() - Make a descriptor of a packed ring available.
 * @r: Ring.
 * @i: So many places after the driver's next one.
 * @gpa: Buffer.
 * @len: Its length.
 * @flags: Without those that make it available.
 * @id: Buffer id.
 */
void raw_packed(struct vg_ring *r, unsigned int i, __u64 gpa, __u32 len, __u16 flags,
		__u16 id);

#endif /* _MALFORMED_H */
