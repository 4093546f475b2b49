/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One device at work, and what its work costs.
 */
#ifndef _BENCH_METER_H
#define _BENCH_METER_H

#include <stdbool.h>
#include <time.h>
#include <linux/types.h>
#include <linux/virtio_net.h>

#include "bench_net.h"
#include "vhost_guest.h"

#define BENCH_MAX_ROUNDS	8192

/**
 * struct bench_meter - Costs of a side.
 * @start_ns: Elapsed or CPU time at the start of the round.
 * @sum: Cost of all rounds.
 * @count: What had arrived on the far side before the first.
 * @kicks: Kicks of both rings then.
 * @calls: Calls of both rings then.
 * @worker: CPU time of the worker then.
 * @ops: Operations of all rounds.
 * @nrounds: Rounds.
 * @cost: Cost of an operation, by round.
 */
struct bench_meter {
	__u64 start_ns;
	__u64 sum;
	__s64 count;
	__u64 kicks;
	__u64 calls;
	__u64 worker;
	__u64 ops;
	unsigned int nrounds;
	double cost[BENCH_MAX_ROUNDS];
};

/**
 * struct bench_result - What a side's rounds came to.
 * @value: Cost of an operation.
 * @worker: CPU time of the worker for an operation, on average.
 * @ops: Operations, each verified on the far side.
 * @kicks: Times the device asked to be kicked, in these.
 * @calls: Times the device called.
 */
struct bench_result {
	double value;
	double worker;
	__u64 ops;
	__u64 kicks;
	__u64 calls;
};

/**
 * struct bench_side - A device at work.
 * @name: "ours" or "peer".
 * @path: Its node.
 * @features: What it negotiates.
 * @net: What stands behind it.
 * @dev: The device.
 * @tid: Its worker thread.
 * @clock: CPU time clock of that.
 * @stat: Its /proc/<tid>/stat.
 * @buf: GPA of the buffers, by the order they were added in.
 * @frame: What is sent.
 * @len: Its length.
 * @hdr: Its header.
 * @batch: Frames in a round.
 * @seq: Rounds so far.
 * @checked: The first burst to the guest was compared with what was sent.
 * @elapsed: A round costs elapsed time, not the worker's.
 * @meter: Costs.
 */
struct bench_side {
	const char *name;
	const char *path;
	__u64 features;
	struct bench_net net;
	struct vg_dev dev;
	pid_t tid;
	clockid_t clock;
	int stat;
	__u64 *buf;
	__u8 *frame;
	__u32 len;
	struct virtio_net_hdr hdr;
	unsigned int batch;
	unsigned int seq;
	bool checked;
	bool elapsed;
	struct bench_meter meter;
};

/** bench_complain() - Print what went wrong; returns @err. */
int bench_complain(const char *what, int err);

/** bench_now_ns() - CLOCK_MONOTONIC. */
__u64 bench_now_ns(void);

/**
 * bench_start() - Set up a device and bind its tap.
 * @s: With name, path, net, buffers, features.
 * @ring_num: Entries of the rings.
 * @busyloop_us: Busy polling.
 * @cpu: Where its worker runs.
 *
 * Return: 0 or -errno, with the reason printed.
 */
int bench_start(struct bench_side *s, unsigned int ring_num, unsigned int busyloop_us,
		unsigned int cpu);
void bench_stop(struct bench_side *s);

/** bench_settle() - Wait till the worker sleeps. */
int bench_settle(const struct bench_side *s);

/** bench_switches() - How often the worker has given up or lost its CPU. */
int bench_switches(const struct bench_side *s, __u64 *sum);

int meter_start(struct bench_side *s);
void meter_round_start(struct bench_side *s);

/** meter_round_end() - The end of a round of s->batch operations. */
int meter_round_end(struct bench_side *s);

/**
 * meter_stop() - The result, if all frames have arrived.
 * @s: Side.
 * @mean: The mean of all rounds, where nothing disturbs them. Else the cheapest
 *	tenth counts: what else a machine does can only add to a round.
 * @res: Receives it.
 */
int meter_stop(struct bench_side *s, bool mean, struct bench_result *res);

#endif /* _BENCH_METER_H */
