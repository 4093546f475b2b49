// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues in guest memory, whatever their format.
 *
 * A buffer goes through three steps. vha_ring_take() parses the next available
 * one to segments and notes it in vq->taken[]; the caller may take many, fills in
 * the bytes that it wrote, and can take back the latest by vha_ring_untake();
 * vha_ring_publish() returns the others to the driver, all at once and in order.
 * Between two bursts nothing is taken, so a queue can be stopped there without a
 * loss. split.c and packed.c do this for the two formats.
 */
#include <linux/eventfd.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * vha_ring_run() - a turn of a queue's handler
 * @vq: queue
 *
 * Context: the worker, in the owner's address space.
 */
void vha_ring_run(struct vha_vq *vq)
{
	bool again;

	mutex_lock(&vq->mutex);
	if (!vq->sock || vha_vq_map(vq))
		goto out;
	vq->stats.runs++;
	vq->win.n = 0;
	vq->parsed = 0;
	vha_poll_stop(&vq->sock_poll);
	vha_ring_disable_notify(vq);
	again = vq->index == VHA_RX ? vha_handle_rx(vq) : vha_handle_tx(vq);
	/* The other queue's turn; then ours again. */
	if (again)
		vha_worker_queue(vq->dev->worker, vq->index);
out:
	mutex_unlock(&vq->mutex);
}

/**
 * vha_ring_copy_table() - copy entries of an indirect table
 * @vq: queue; mutex held
 * @gpa: guest address of the first one
 * @n: how many, at most the entries of vq->table
 *
 * Guest memory may continue in another region.
 *
 * Return: 0; -EFAULT when it is not the guest's memory, or not mapped; or as
 * vha_space_translate().
 */
int vha_ring_copy_table(struct vha_vq *vq, u64 gpa, u32 n)
{
	struct iovec iov[4];
	void *to = vq->table;
	int i, segs;

	segs = vha_space_translate(&vq->space, gpa, n * sizeof(vq->table[0]),
				   false, iov, ARRAY_SIZE(iov));
	if (segs < 0)
		return segs == -ENOBUFS ? -EFAULT : segs;
	for (i = 0; i < segs; i++) {
		if (copy_from_user(to, iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		to += iov[i].iov_len;
	}
	return 0;
}

/**
 * vha_ring_untake() - leave the buffers taken last in the ring
 * @vq: queue; mutex held
 * @n: how many, at most vq->ntaken
 */
void vha_ring_untake(struct vha_vq *vq, unsigned int n)
{
	if (vq->packed)
		vha_packed_untake(vq, n);
	else
		vq->ntaken -= n;
}

/**
 * vha_ring_more() - has the driver made buffers available that we have not seen?
 * @vq: queue; mutex held
 *
 * Return: true if so. An unreadable ring counts as yes: the handler will say why.
 */
bool vha_ring_more(struct vha_vq *vq)
{
	return vq->packed ? vha_packed_more(vq) : vha_split_more(vq);
}

/**
 * vha_ring_disable_notify() - ask the driver not to kick
 * @vq: queue; mutex held
 *
 * A wish: a fault only means that kicks come.
 */
void vha_ring_disable_notify(struct vha_vq *vq)
{
	int r = vq->packed ? vha_packed_disable_notify(vq) :
			     vha_split_disable_notify(vq);

	if (unlikely(r))
		vha_ring_error(vq, r);
}

/**
 * vha_ring_enable_notify() - ask the driver to kick for what it adds from here on
 * @vq: queue; mutex held
 *
 * Return: true when the driver has added buffers meanwhile: look again. Buffers
 * that were there before, but too small, do not count.
 */
bool vha_ring_enable_notify(struct vha_vq *vq)
{
	int r = vq->packed ? vha_packed_enable_notify(vq) :
			     vha_split_enable_notify(vq);

	if (unlikely(r < 0))
		vha_ring_error(vq, r);
	return r > 0;
}

/**
 * vha_ring_call() - call the driver
 * @vq: queue; mutex held
 */
void vha_ring_call(struct vha_vq *vq)
{
	if (!vq->call)
		return;
	vq->stats.signals++;
	eventfd_signal(vq->call);
}

/**
 * vha_ring_publish() - return buffers to the driver, call it if it wants
 * @vq: queue; mutex held
 * @n: how many of those taken; the others stay in the ring
 *
 * Return: 0, or -EFAULT when the ring cannot be written; the queue's error
 * eventfd has fired then.
 */
int vha_ring_publish(struct vha_vq *vq, unsigned int n)
{
	int r;

	if (unlikely(n < vq->ntaken))
		vha_ring_untake(vq, vq->ntaken - n);
	if (!n)
		return 0;
	r = vq->packed ? vha_packed_publish(vq) : vha_split_publish(vq);
	if (unlikely(r < 0)) {
		vha_ring_error(vq, r);
		return r;
	}
	if (r)
		vha_ring_call(vq);
	return 0;
}

/**
 * vha_ring_error() - the ring is broken: count, and tell the owner
 * @vq: queue; mutex held
 * @err: why, negative errno
 */
void vha_ring_error(struct vha_vq *vq, int err)
{
	vq->stats.errors++;
	pr_debug("vhost-accel: %s ring broken: %d\n",
		 vq->index == VHA_RX ? "rx" : "tx", err);
	if (vq->err)
		eventfd_signal(vq->err);
}
