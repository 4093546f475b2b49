// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that moves a device's packets.
 *
 * One thread for each device, named vhost-<pid of the owner>, as tools expect it
 * that pin vhost threads. Its CPU time is the VM's: a vhost_task is a thread of
 * the owner's process; a kthread (Linux 6.1, or on request) adopts the owner's
 * address space and is moved to its cgroups.
 *
 * Work is a set of bits: asking twice is as good as asking once, and nothing is
 * allocated. The bit is set before the thread is woken and taken before the
 * handler looks, so no request is lost. A handler that has done its share sets
 * its own bit again and returns: the other queue gets its turn. A thread that is
 * awake looks again before it sleeps, so nobody has to enter the scheduler for it.
 */
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>

#include "internal.h"

/* Is there work? If not, whoever has some from now on wakes the thread. */
static bool vha_worker_has_work(struct vha_worker *worker)
{
	if (READ_ONCE(worker->pending))
		return true;
	WRITE_ONCE(worker->awake, false);
	/* Be seen asleep before the last look; pairs with vha_worker_queue(). */
	smp_mb();
	return READ_ONCE(worker->pending);
}

/* Is it this queue's turn? Takes the bit, with a full barrier, if so. */
static bool vha_worker_take(struct vha_worker *worker, enum vha_queue queue)
{
	return test_bit(queue, &worker->pending) &&
	       test_and_clear_bit(queue, &worker->pending);
}

/* Do all pending work once. False, in the task state it came in, if none. */
static bool vha_worker_run(void *data)
{
	struct vha_worker *worker = data;
	struct vha_dev *dev = worker->dev;

	if (unlikely(!worker->thread))
		/* Pairs with vha_worker_show(): complete before it is seen. */
		smp_store_release(&worker->thread, get_pid(task_pid(current)));
	if (!vha_worker_has_work(worker))
		return false;
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(worker->awake, true);
	vha_busy_woken(worker);

	vha_cputime_begin(worker);
	/* A bit stays until its turn: nobody polls while the other has work. */
	if (vha_worker_take(worker, VHA_RX)) {
		vha_ring_run(&dev->vq[VHA_RX]);
		vha_cputime_end(worker, VHA_RX);
	}
	if (vha_worker_take(worker, VHA_TX)) {
		vha_ring_run(&dev->vq[VHA_TX]);
		vha_cputime_end(worker, VHA_TX);
	}
	cond_resched();
	return true;
}

static int vha_worker_kthread(void *data)
{
	struct vha_worker *worker = data;

	kthread_use_mm(worker->dev->mm);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!vha_worker_run(worker))
			schedule();
	}
	__set_current_state(TASK_RUNNING);
	kthread_unuse_mm(worker->dev->mm);
	return 0;
}

/* The owner was killed: its file may live on elsewhere, but nobody waits for us. */
static void vha_worker_killed(void *data)
{
}

static int vha_worker_start_kthread(struct vha_worker *worker)
{
	struct task_struct *task;
	int r;

	task = kthread_create(vha_worker_kthread, worker, "vhost-%d",
			      current->pid);
	if (IS_ERR(task))
		return PTR_ERR(task);
	r = cgroup_attach_task_all(current, task);
	if (r) {
		kthread_stop(task);
		return r;
	}
	worker->task = task;
	wake_up_process(task);
	return 0;
}

static int vha_worker_start(struct vha_worker *worker)
{
	struct vhost_task *vtsk;
	char name[TASK_COMM_LEN];

	if (worker->dev->kthread)
		return vha_worker_start_kthread(worker);

	snprintf(name, sizeof(name), "vhost-%d", current->pid);
	vtsk = vhost_task_create(vha_worker_run, vha_worker_killed, worker,
				 name);
	if (PTR_ERR_OR_ZERO(vtsk) == -EOPNOTSUPP)
		return vha_worker_start_kthread(worker);
	if (IS_ERR_OR_NULL(vtsk))
		return vtsk ? PTR_ERR(vtsk) : -ENOMEM;
	worker->vtsk = vtsk;
	vhost_task_start(vtsk);
	return 0;
}

/**
 * vha_worker_create() - start the thread of a device
 * @dev: device; its mm is set
 *
 * Context: process, the owner's; may sleep.
 * Return: the worker, or an error pointer.
 */
struct vha_worker *vha_worker_create(struct vha_dev *dev)
{
	struct vha_worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL_ACCOUNT);
	int r;

	if (!worker)
		return ERR_PTR(-ENOMEM);
	worker->dev = dev;
	vha_poll_policy_init(&worker->busy.policy);
	r = vha_worker_start(worker);
	if (r) {
		kfree(worker);
		return ERR_PTR(r);
	}
	return worker;
}

/**
 * vha_worker_destroy() - end the thread and wait for it
 * @worker: worker that nobody can queue work to any more
 *
 * Context: process; may sleep.
 */
void vha_worker_destroy(struct vha_worker *worker)
{
	if (worker->vtsk)
		vhost_task_stop(worker->vtsk);
	else
		kthread_stop(worker->task);
	put_pid(worker->thread);
	kfree(worker);
}

/**
 * vha_worker_queue() - have the worker look
 * @worker: worker
 * @queue: at what
 *
 * Context: any, also with interrupts off and under a wait queue's lock. The
 * task structure outlives a killed thread: vhost_task holds it.
 */
void vha_worker_queue(struct vha_worker *worker, enum vha_queue queue)
{
	/*
	 * Implies a full barrier: what led here is visible to the handler, and
	 * the bit to a worker that has been seen awake.
	 */
	if (test_and_set_bit(queue, &worker->pending) ||
	    READ_ONCE(worker->awake))
		return;
	if (READ_ONCE(worker->busy.open))
		WRITE_ONCE(worker->busy.woken, local_clock());
	if (worker->vtsk)
		vhost_task_wake(worker->vtsk);
	else
		wake_up_process(worker->task);
}
