/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The work that benchmarks measure.
 */
#ifndef _BENCH_WORK_H
#define _BENCH_WORK_H

#include <stdbool.h>
#include <linux/types.h>

#include "bench_meter.h"

#define BENCH_RING_NUM	256

/**
 * struct bench_work - An id.
 * @id: Its name.
 * @variant: Which of several lines of the id, or NULL.
 * @unit: Of the cost, after "ns/" or "insn/"; whole for a value.
 * @open: Build the network.
 * @prepare: Fill the rings of a device that has just been started.
 * @round: Do the work of a round; it is complete on return. NULL: the figure is how
 *	often the worker runs while nothing happens, and must not exceed the peer's.
 * @rounds: Rounds when instructions are counted.
 * @busyloop_us: Busy polling.
 * @packed: Ours has packed rings; the peer knows split ones only.
 *
 * The functions return 0 or -errno, with the reason printed.
 */
struct bench_work {
	const char *id;
	const char *variant;
	const char *unit;
	int (*open)(struct bench_net *n, unsigned int index);
	int (*prepare)(struct bench_side *s);
	int (*round)(struct bench_side *s);
	unsigned int rounds;
	unsigned int busyloop_us;
	bool packed;
};

/* Ends with an id of NULL. */
extern const struct bench_work bench_works[];

#endif /* _BENCH_WORK_H */
