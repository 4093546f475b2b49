// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time of the worker, queue by queue.
 *
 * 1. Problem. One thread serves both queues. The scheduler knows how long it has
 *    run, to the nanosecond and without the time that others had the CPU, but it
 *    brings its books up to date only where it switches threads and at each tick;
 *    and the function that would do it at any time is not exported.
 *
 * 2. Model. A clock read around each run of a handler tells how the thread's time
 *    divides among the queues; it includes time off the CPU and is only a weight.
 *    The amount comes from the scheduler: what its books have grown by is divided
 *    among the queues that ran meanwhile, by weight.
 *
 * 3. Control. Both are looked at before and after each run of a handler. Where the
 *    books have grown, the growth is booked and the weights start anew. The thread's
 *    start, its wake-ups and the handlers' frame go to the queues they were for.
 *
 * 4. Limits. The sum over the queues is the thread's time as the scheduler accounts
 *    it, less what it or we have not booked yet: at most the time since the latest
 *    tick and, while the thread sleeps, its last period of work. A handler that is
 *    preempted weighs too much until the scheduler's next entry, that is for the
 *    CPU time of a tick at most.
 */
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>

#include "internal.h"

static void vha_cputime_book(struct vha_worker *worker)
{
	struct vha_vq *vq = worker->dev->vq;
	u64 total = READ_ONCE(current->se.sum_exec_runtime);
	u64 rx = worker->weight[VHA_RX], tx = worker->weight[VHA_TX];
	u64 grown = total - worker->booked;

	if (!grown || !(rx | tx))
		return;
	if (tx)
		rx = rx ? mul_u64_u64_div_u64(grown, rx, rx + tx) : 0;
	else
		rx = grown;
	WRITE_ONCE(vq[VHA_RX].stats.worker_ns,
		   vq[VHA_RX].stats.worker_ns + rx);
	WRITE_ONCE(vq[VHA_TX].stats.worker_ns,
		   vq[VHA_TX].stats.worker_ns + grown - rx);
	worker->booked = total;
	worker->weight[VHA_RX] = 0;
	worker->weight[VHA_TX] = 0;
}

/**
 * vha_cputime_begin() - the worker begins to work
 * @worker: worker
 *
 * Context: the worker.
 */
void vha_cputime_begin(struct vha_worker *worker)
{
	vha_cputime_book(worker);
	worker->clock = local_clock();
}

/**
 * vha_cputime_end() - a handler has returned
 * @worker: worker; vha_cputime_begin() or vha_cputime_end() came before the handler
 * @queue: queue that the handler served
 *
 * Context: the worker.
 */
void vha_cputime_end(struct vha_worker *worker, enum vha_queue queue)
{
	u64 now = local_clock();

	/* The clocks of two CPUs may differ by a little. */
	worker->weight[queue] += max_t(s64, now - worker->clock, 1);
	worker->clock = now;
	vha_cputime_book(worker);
}
