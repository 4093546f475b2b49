// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for eventfds and sockets.
 *
 * The callback runs in the waker's context: a guest's kick in a vCPU thread, a
 * packet in softirq, each with the wait queue's lock held. It sets a bit, wakes
 * the worker if the bit was not set, and does nothing else; signalling another
 * eventfd from there would recurse.
 */
#include <linux/file.h>
#include <linux/poll.h>

#include "internal.h"

static int vha_poll_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			 void *key)
{
	struct vha_poll *poll = container_of(wait, struct vha_poll, wait);

	if (key_to_poll(key) & poll->mask) {
		WRITE_ONCE(poll->wakes, poll->wakes + 1);
		vha_worker_queue(poll->vq->dev->worker, poll->vq->index);
	}
	return 0;
}

static void vha_poll_enqueue(struct file *file, wait_queue_head_t *wqh,
			     poll_table *table)
{
	struct vha_poll *poll = container_of(table, struct vha_poll, table);

	if (poll->wqh)
		return;
	poll->wqh = wqh;
	poll->home = wqh;
	add_wait_queue(wqh, &poll->wait);
}

/**
 * vha_poll_init() - prepare
 * @poll: place to prepare
 * @vq: queue to run
 * @mask: events that concern it
 */
void vha_poll_init(struct vha_poll *poll, struct vha_vq *vq, __poll_t mask)
{
	init_waitqueue_func_entry(&poll->wait, vha_poll_wake);
	init_poll_funcptr(&poll->table, vha_poll_enqueue);
	poll->mask = mask;
	poll->vq = vq;
}

/**
 * vha_poll_start() - wait for events of a file; those already there count
 * @poll: place; its queue's mutex held
 * @file: file that the caller keeps until vha_poll_forget()
 *
 * Return: 0, or -EINVAL when the file reports an error.
 */
int vha_poll_start(struct vha_poll *poll, struct file *file)
{
	struct vha_vq *vq = poll->vq;
	__poll_t events;

	lockdep_assert_held(&vq->mutex);
	if (poll->wqh)
		return 0;
	events = vfs_poll(file, &poll->table);
	if (events & EPOLLERR) {
		vha_poll_forget(poll);
		return -EINVAL;
	}
	if (events & poll->mask)
		vha_worker_queue(vq->dev->worker, vq->index);
	return 0;
}

/**
 * vha_poll_rearm() - wait again, faster than vha_poll_start() where it may be
 * @poll: place; its queue's mutex held
 * @file: as for vha_poll_start()
 *
 * The caller must look for events after this, as they are not looked at here.
 */
void vha_poll_rearm(struct vha_poll *poll, struct file *file)
{
	lockdep_assert_held(&poll->vq->mutex);
	if (poll->wqh)
		return;
	if (unlikely(!poll->home)) {
		vha_poll_start(poll, file);
		return;
	}
	poll->wqh = poll->home;
	add_wait_queue(poll->wqh, &poll->wait);
	/* Pairs with skwq_has_sleeper(): be found before looking for events. */
	smp_mb();
}

/**
 * vha_poll_stop() - no callback from here on
 * @poll: place; its queue's mutex held
 */
void vha_poll_stop(struct vha_poll *poll)
{
	lockdep_assert_held(&poll->vq->mutex);
	if (!poll->wqh)
		return;
	remove_wait_queue(poll->wqh, &poll->wait);
	poll->wqh = NULL;
}

/**
 * vha_poll_forget() - vha_poll_stop(), and the file may go
 * @poll: place; its queue's mutex held
 */
void vha_poll_forget(struct vha_poll *poll)
{
	vha_poll_stop(poll);
	poll->home = NULL;
}
