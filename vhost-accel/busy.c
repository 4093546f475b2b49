// SPDX-License-Identifier: GPL-2.0
/*
 * Busy polling: waiting for work without sleeping.
 *
 * 1. Problem. A sleeping worker has to be woken: by the guest's kick, which is an
 *    exit, and by the host's packet, each with a trip through the scheduler.
 *    Polling saves that and burns the CPU instead.
 *
 * 2. Model. A wait begins when a handler has nothing left to do and nobody has
 *    asked for anything else. It ends when somebody asks, or when polling finds
 *    something that nobody asked for since kicks were off. poll_core.c decides
 *    from earlier waits how long polling is worth while.
 *
 * 3. Control. While the RX queue waits, the tap and the TX ring are looked at
 *    directly, with our entry out of the tap's wait queue and kicks off, since the
 *    answer to what the guest has just got comes from there. While the TX queue
 *    waits, its ring is, and packets for the guest come as a request. A CPU that
 *    another task wants is not polled on: there it would be delay alone.
 *
 * 4. Limits. Only the worker's thread uses the state here, so it needs no lock.
 *    A wait that polling did not end stays open over the sleep; who wakes the
 *    worker leaves the time (vha_worker_queue()).
 */
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "internal.h"

/* Is there work for somebody? Anybody's request counts. @tx: ring to look at. */
static bool vha_busy_found(struct vha_vq *vq, struct vha_vq *tx)
{
	if (READ_ONCE(vq->dev->worker->pending))
		return true;
	if (vq->index == VHA_RX && vha_rx_has_packet(vq))
		return true;
	return tx && vha_ring_more(tx);
}

/* Poll for @span ns from @start on. True when there is work. */
static bool vha_busy_spin(struct vha_vq *vq, struct vha_vq *tx, u64 start,
			  u64 span)
{
	do {
		if (vha_busy_found(vq, tx))
			return true;
		cpu_relax();
	} while (!need_resched() && !signal_pending(current) &&
		 single_task_running() && local_clock() - start < span);
	return false;
}

/**
 * vha_busy_poll() - wait for work without sleeping, as long as it is worth while
 * @vq: queue that has nothing to do; mutex held
 *
 * The wait ends as well with kicks and packets for the other queue: its work bit
 * is set then.
 *
 * Context: the worker.
 * Return: true when @vq has something to do now.
 */
bool vha_busy_poll(struct vha_vq *vq)
{
	struct vha_worker *worker = vq->dev->worker;
	struct vha_busy *busy = &worker->busy;
	struct vha_vq *tx = &vq->dev->vq[VHA_TX];
	struct vha_vq *look = tx;
	const bool rx = vq->index == VHA_RX;
	bool found;
	u32 span;

	lockdep_assert_held(&vq->mutex);
	if (!vq->busyloop_us || READ_ONCE(worker->pending))
		return false;

	busy->max = min_t(u64, (u64)vq->busyloop_us * NSEC_PER_USEC,
			  VHA_POLL_MAX_NS);
	busy->start = local_clock();
	WRITE_ONCE(busy->open, true);
	span = vha_poll_span(&busy->policy, busy->max);
	if (!span)
		return false;
	if (rx) {
		/* An ioctl may hold it for long: the worker does not wait. */
		if (!mutex_trylock(&tx->mutex))
			return false;
		if (tx->sock && !vha_vq_map(tx))
			vha_ring_disable_notify(tx);
		else
			look = NULL;
	}

	found = vha_busy_spin(vq, look, busy->start, span);
	if (found) {
		vha_poll_note(&busy->policy, local_clock() - busy->start,
			      busy->max);
		WRITE_ONCE(busy->open, false);
	}

	if (!rx)
		return found && vha_ring_more(vq);
	if (look && (vha_ring_more(tx) || vha_ring_enable_notify(tx)))
		vha_worker_queue(worker, VHA_TX);
	mutex_unlock(&tx->mutex);
	return found && vha_rx_has_packet(vq);
}

/**
 * vha_busy_woken() - the wait is over, if there was one
 * @worker: worker that has got work
 *
 * Context: the worker.
 */
void vha_busy_woken(struct vha_worker *worker)
{
	struct vha_busy *busy = &worker->busy;
	s64 gap;

	if (likely(!busy->open))
		return;
	/* No time was left if the worker was still awake. */
	gap = READ_ONCE(busy->woken) - busy->start;
	if (gap < 0)
		gap = local_clock() - busy->start;
	vha_poll_note(&busy->policy, max_t(s64, gap, 0), busy->max);
	WRITE_ONCE(busy->open, false);
}
