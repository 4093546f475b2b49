/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The work that benchmarks measure: one run drives one device over a network that
 * stays the same for all runs of an id.
 */
#ifndef _BENCH_WORK_H
#define _BENCH_WORK_H

#include <stdbool.h>
#include <linux/types.h>
#include <linux/virtio_net.h>

#include "bench_net.h"
#include "vhost_guest.h"

#define BENCH_MAX_WORKERS	4

/**
 * struct bench_limit - How long a run lasts.
 * @ops: At least so many operations.
 * @ms: And at least so long; 0 where instructions are counted: the cost is then the
 *	mean of all rounds, as nothing disturbs them.
 */
struct bench_limit {
	__u64 ops;
	unsigned int ms;
};

/**
 * struct bench_result - What a run found.
 * @value: Cost of an operation, in the unit of the id.
 * @worker: CPU time of the worker for an operation.
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
 * struct bench_run - One device at work.
 * @net: What stands behind it.
 * @dev: The device.
 * @tid: Its worker threads.
 * @stat_fd: Their /proc/<tid>/stat.
 * @sched_fd: Their /proc/<tid>/schedstat.
 * @nworkers: How many.
 * @worker_cpu: Where they run, -1 for anywhere.
 * @busyloop_us: Busy polling.
 * @buf: GPA of the buffers, by the order they were added in.
 * @frame: What is sent.
 * @len: Its length.
 * @hdr: Its header.
 * @checked: The first burst to the guest was compared with what was sent.
 */
struct bench_run {
	struct bench_net *net;
	struct vg_dev dev;
	pid_t tid[BENCH_MAX_WORKERS];
	int stat_fd[BENCH_MAX_WORKERS];
	int sched_fd[BENCH_MAX_WORKERS];
	unsigned int nworkers;
	int worker_cpu;
	unsigned int busyloop_us;
	__u64 *buf;
	__u8 *frame;
	__u32 len;
	struct virtio_net_hdr hdr;
	bool checked;
};

/**
 * struct bench_work - An id.
 * @id: Its name.
 * @variant: Which of several lines of the id, or NULL.
 * @unit: Of the cost, after "ns/" or "insn/"; whole for a value.
 * @open: Build the network.
 * @run: Measure; 0 or -errno, with the reason printed.
 * @ops: Operations of a run when instructions are counted.
 * @busyloop_us: Busy polling.
 * @value: The figure stands for itself: no ratio, it must not exceed the peer's.
 */
struct bench_work {
	const char *id;
	const char *variant;
	const char *unit;
	int (*open)(struct bench_net *n);
	int (*run)(struct bench_run *r, const struct bench_limit *l,
		   struct bench_result *res);
	__u64 ops;
	unsigned int busyloop_us;
	bool value;
};

/* Ends with an id of NULL. */
extern const struct bench_work bench_works[];

/** bench_start() - Set up the device @path and bind the tap; 0 or -errno. */
int bench_start(struct bench_run *r, const char *path);
void bench_stop(struct bench_run *r);

/** bench_now_ns() - CLOCK_MONOTONIC. */
__u64 bench_now_ns(void);

#endif /* _BENCH_WORK_H */
