/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _FUZZ_TEST_H
#define _FUZZ_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>

#define FUZZ_DEVICES	3
#define FUZZ_THREADS	4
#define FUZZ_BACKENDS	24
#define FUZZ_EVENTS	6
#define FUZZ_TAPS	3

/* Guest RAM, half of it behind a second region; rings lie in the first pages. */
#define FUZZ_RAM	(4ul << 20)
#define FUZZ_GPA	0x100000ULL
#define FUZZ_RING	0x8000
#define FUZZ_DATA	(FUZZ_DEVICES * 2 * FUZZ_RING)

/* Counts in memory shared with the parent. */
enum fuzz_did { FUZZ_DID_OPS, FUZZ_DID_RX, FUZZ_DID_TX };

/**
 * struct fuzz_ring - What the driver half knows of a ring that was set up properly.
 * @num: Entries.
 * @packed: Format it was set up for.
 * @next: Packed: next slot to make available.
 * @wrap: Packed: wrap counter of @next.
 *
 * Read and written by all threads without a lock: a wrong value is as good as another.
 */
struct fuzz_ring {
	__u32 num;
	bool packed;
	__u32 next;
	bool wrap;
};

/**
 * struct fuzz_world - What the threads of one round share.
 * @path: Device node.
 * @features: Feature bits it offers.
 * @ram: Guest RAM.
 * @fd: Open devices; any thread may close and open them again.
 * @ring: Driver's view of the rings.
 * @backend: Descriptors of all kinds for SET_BACKEND, -1 included.
 * @nbackends: How many.
 * @tap: Those of them that are tuns.
 * @peer: Packet sockets at the other end of the taps.
 * @event: Eventfds.
 * @progress: By enum fuzz_did.
 * @endless: The parent kills this round: threads do not stop, reads may block.
 * @ops: Operations of each thread otherwise.
 */
struct fuzz_world {
	const char *path;
	__u64 features;
	__u8 *ram;
	int fd[FUZZ_DEVICES];
	struct fuzz_ring ring[FUZZ_DEVICES][2];
	int backend[FUZZ_BACKENDS];
	unsigned int nbackends;
	int tap[FUZZ_TAPS];
	int peer[FUZZ_TAPS];
	int event[FUZZ_EVENTS];
	__u32 *progress;
	bool endless;
	unsigned int ops;
};

/**
 * struct fuzz_rnd - A thread's random numbers.
 * @x: State, not 0.
 */
struct fuzz_rnd {
	__u64 x;
};

__u64 fuzz_rnd(struct fuzz_rnd *r);

/** fuzz_below() - A number below @n; @n is not 0. */
__u32 fuzz_below(struct fuzz_rnd *r, __u32 n);

/** fuzz_one_in() - True once in @n times. */
bool fuzz_one_in(struct fuzz_rnd *r, __u32 n);

/** fuzz_op() - One random operation. */
void fuzz_op(struct fuzz_world *w, struct fuzz_rnd *r);

/** fuzz_start() - Set up device @i as a VMM would, with random but sound parameters. */
void fuzz_start(struct fuzz_world *w, unsigned int i, struct fuzz_rnd *r);

/** fuzz_post() - Make buffers available in both rings of device @i, mostly sound ones. */
void fuzz_post(struct fuzz_world *w, unsigned int i, struct fuzz_rnd *r);

#endif /* _FUZZ_TEST_H */
