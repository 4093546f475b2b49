// SPDX-License-Identifier: GPL-2.0
/*
 * The way of requests that find nobody waiting: by the leases of processors.
 *
 * A lease is of one cgroup and one target, those that last sent from the processor.
 * It has a lock of its own, which others take to recall it, and when a request
 * comes back on another processor.
 */
#include <linux/percpu.h>

#include "vmio.h"

/**
 * struct vmio_lease - what a processor may send by itself
 * @lock: protects all below; taken within the pool's
 * @lease: its places
 * @vm: whose requests, NULL if nothing is lent; read without the lock, too, but then only
 *      compared
 * @class: their class
 * @target: where they go
 * @done: when one came back last, or the first went there, in ns
 * @stats: what they were
 */
struct vmio_lease {
	spinlock_t lock;	/* this lease */
	struct vmlease lease;
	const struct cgio_vm *vm;
	struct vmio_class *class;
	struct vmio_target *target;
	u64 done;
	struct vmio_stats stats;
} ____cacheline_aligned_in_smp;

/**
 * vmio_leases_alloc() - processors to which nothing is lent
 *
 * Context: process; may sleep.
 * Return: the leases, or NULL if there is no memory.
 */
struct vmio_lease __percpu *vmio_leases_alloc(void)
{
	struct vmio_lease __percpu *leases = alloc_percpu(struct vmio_lease);
	int cpu;

	if (!leases)
		return NULL;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(leases, cpu)->lock);
	return leases;
}

/**
 * vmio_leases_free() - the end of them
 * @leases: to which nothing is lent, and by which nothing is under way
 *
 * Context: process.
 */
void vmio_leases_free(struct vmio_lease __percpu *leases)
{
	free_percpu(leases);
}

/**
 * vmio_lease_submit() - let a request go by the lease of this processor
 * @pool: pool
 * @io: request, with its size and kind
 * @vm: whose it is
 *
 * Context: process.
 * Return: true; false if there is no place for it, so that the pool has to look.
 */
bool vmio_lease_submit(struct vmio_pool *pool, struct vmio_io *io, const struct cgio_vm *vm)
{
	struct vmio_lease *lease = raw_cpu_ptr(pool->leases);
	unsigned long flags;
	bool go;

	if (READ_ONCE(lease->vm) != vm)
		return false;
	spin_lock_irqsave(&lease->lock, flags);
	go = lease->vm == vm && lease->target == io->target && vmlease_take(&lease->lease);
	if (go) {
		io->queued = ktime_get_ns();
		io->issued = io->queued;
		io->class = lease->class;
		io->lease = lease;
		io->term = lease->lease.term;
		if (lease->lease.busy == 1)
			lease->done = io->issued;
		vmio_stats_issue(&lease->stats, io, 0);
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	return go;
}

/**
 * vmio_lease_end() - a request comes back
 * @io: request
 *
 * Context: any.
 * Return: true; false if it did not go by a lease, or that was recalled: then the pool
 * counts it.
 */
bool vmio_lease_end(const struct vmio_io *io)
{
	struct vmio_lease *lease = io->lease;
	unsigned long flags;
	bool done;

	if (!lease)
		return false;
	spin_lock_irqsave(&lease->lock, flags);
	done = vmlease_done(&lease->lease, io->term);
	if (done) {
		lease->done = ktime_get_ns();
		vmio_stats_done(&lease->stats, lease->done - io->issued);
	}
	spin_unlock_irqrestore(&lease->lock, flags);
	return done;
}

/* What is at the disk is the pool's from now on. */
static void vmio_recall_one(struct vmio_pool *pool, struct vmio_lease *lease)
{
	struct vmio_class *class;
	u32 busy;

	lockdep_assert_held(&pool->lock);
	spin_lock(&lease->lock);
	class = lease->class;
	if (class) {
		struct vmio_target *target = lease->target;

		busy = vmlease_recall(&pool->book, &lease->lease);
		if (busy && (!target->busy || vmheap_before(target->done, lease->done)))
			target->done = lease->done;
		target->busy += busy;
		if (!target->stalled)
			pool->busy += busy;
		class->refs += busy;
		vmio_add_stats(&class->stats, &lease->stats);
		memset(&lease->stats, 0, sizeof(lease->stats));
		WRITE_ONCE(lease->vm, NULL);
		lease->class = NULL;
		lease->target = NULL;
	}
	spin_unlock(&lease->lock);
	vmio_class_put(pool, class);
}

/**
 * vmio_recall() - all that is at the disks is counted in the pool and its classes
 * @pool: pool; its lock held
 *
 * Context: any.
 */
void vmio_recall(struct vmio_pool *pool)
{
	int cpu;

	lockdep_assert_held(&pool->lock);
	pool->book.calm = 0;
	if (!pool->book.lent)
		return;
	for_each_possible_cpu(cpu)
		vmio_recall_one(pool, per_cpu_ptr(pool->leases, cpu));
}

/**
 * vmio_lend() - a request has found nobody waiting: the next may go by themselves
 * @pool: pool; its lock held
 * @io: request, of a class without limits and reservations
 * @vm: whose it is
 *
 * Context: process.
 */
void vmio_lend(struct vmio_pool *pool, const struct vmio_io *io, const struct cgio_vm *vm)
{
	struct vmio_lease *lease = raw_cpu_ptr(pool->leases);
	u32 n;

	lockdep_assert_held(&pool->lock);
	if (pool->adapt || pool->latency.wanted || io->target->stalled)
		return;
	/* That of a cgroup that is gone, or has none of its own, is not told by its VM. */
	if (pool->classes[vm->index] != io->class)
		return;
	n = vmlease_offer(&pool->book, pool->busy - pool->passed, vmio_window(pool));
	if (!n)
		return;
	spin_lock(&lease->lock);
	if (lease->class && (lease->vm != vm || lease->target != io->target)) {
		const bool idle = vmlease_is_idle(&lease->lease);

		spin_unlock(&lease->lock);
		if (idle)
			vmio_recall_one(pool, lease);
		return;
	}
	if (!lease->class) {
		io->class->refs++;
		lease->class = io->class;
		lease->target = io->target;
		WRITE_ONCE(lease->vm, vm);
	}
	vmlease_lend(&pool->book, &lease->lease, n);
	spin_unlock(&lease->lock);
}
