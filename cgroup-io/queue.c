// SPDX-License-Identifier: GPL-2.0
/*
 * A request's way through a pool.
 *
 * dm sends its clone to the pool's private disk, with the cgroup of the original. There
 * it is queued in its VM's class, or goes on at once: when it has the turn and the disks
 * have room for it, or when it may not wait: swap, metadata and flushes, what reclaim
 * itself sends, and everything for a device that is being suspended.
 *
 * While nobody waits, processors send by leases (lease.c) without looking here.
 *
 * Who submits never waits for a turn and never sends what others have queued; that is
 * the worker's task, which runs when a request has come back, or a limit lets go on.
 *
 * A member may keep what it has for ever: a thin pool that is full, paths that are all
 * down, a suspended device below. If it brings nothing back for a second while the others
 * have no room, its requests are no longer counted in the window; they go there as they
 * would without us. The next that comes back ends that. Sending may wait, too; so each
 * member has a worker of its own for that, unless it is alone. The pool's worker for a member
 * that is alone is not the one for several: it may be at the first still when the second comes.
 */
#include <linux/blk-cgroup.h>
#include <linux/sched.h>

#include "vmio.h"

/* What one round of the worker, or of a drain, takes under the lock. */
#define VMIO_BATCH 32

/* Who brings nothing back for so long while others have no room has stalled. */
#define VMIO_STALL_NS NSEC_PER_SEC

/* What each request costs beside its bytes. */
#define VMIO_COST_BASE 4096

static struct vmio_io *vmio_io(const struct bio *bio)
{
	return dm_per_bio_data((struct bio *)bio, sizeof(struct vmio_io));
}

static enum vmio_kind vmio_kind(const struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_READ:
		return VMIO_READ;
	case REQ_OP_WRITE:
	case REQ_OP_WRITE_ZEROES:
		return VMIO_WRITE;
	default:
		return VMIO_OTHER;
	}
}

static void vmio_req(const struct vmio_io *io, struct vmshare_req *req)
{
	/* The size of a discard says nothing about the work. */
	const u32 bytes = io->kind == VMIO_OTHER ? 0 : io->bytes;

	req->cost = VMIO_COST_BASE + bytes;
	req->amount[VMSHARE_OPS] = 1;
	req->amount[VMSHARE_BYTES] = bytes;
}

/* Whoever waits for it could be what frees the memory that others wait with. */
static bool vmio_is_urgent(const struct bio *bio)
{
	return bio->bi_opf & (REQ_SWAP | REQ_META | REQ_PREFLUSH) ||
	       !bio_sectors(bio) || current->flags & PF_MEMALLOC;
}

/*
 * Have the disks room for one that has its turn? Those that did not wait for theirs do not
 * count, or who sends many of them would keep all others from the disks. What was lent is
 * called back if it is missed.
 */
static bool vmio_find_room(struct vmio_pool *pool)
{
	const u32 window = vmio_window(pool);

	lockdep_assert_held(&pool->lock);
	if (pool->busy - pool->passed + pool->book.lent < window)
		return true;
	if (!pool->book.lent)
		return false;
	vmio_recall(pool);
	return pool->busy - pool->passed < window;
}

/* Then nobody else waits when it stalls. */
static bool vmio_is_alone(const struct vmio_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	return list_is_singular(&pool->targets);
}

/* The request is at the disk from now on. */
static void vmio_start(struct vmio_pool *pool, struct vmio_io *io, u64 now)
{
	struct vmio_target *target = io->target;

	lockdep_assert_held(&pool->lock);
	if (!target->busy++)
		target->done = now;
	target->passed += io->passed;
	if (!target->stalled) {
		pool->busy++;
		pool->passed += io->passed;
	}
	io->issued = now;
	vmio_stats_issue(&io->class->stats, io, now - io->queued);
}

static struct bio *vmio_serve(struct vmio_pool *pool, struct vmshare_node *node, u64 now)
{
	struct vmio_class *class = container_of(node, struct vmio_class, self);
	struct bio *bio = bio_list_pop(&class->queue);
	struct vmio_io *io = vmio_io(bio);
	struct vmshare_req req;

	vmio_req(io, &req);
	vmshare_serve(&pool->sched, node, &req, now);
	vmio_start(pool, io, now);
	return bio;
}

/* It goes before its turn. */
static void vmio_pass(struct vmio_pool *pool, struct vmio_io *io, u64 now)
{
	struct vmshare_req req;

	vmio_req(io, &req);
	vmshare_charge(&pool->sched, &io->class->self, &req, now);
	io->class->stats.debt_ios++;
	io->passed = true;
	vmio_start(pool, io, now);
}

/* On to the disk; without a lock. */
static void vmio_issue(struct bio *bio, const struct vmio_target *target)
{
	/* Or its bytes would count for the private disk only. */
	bio_clear_flag(bio, BIO_CGROUP_ACCT);
	bio_set_dev(bio, target->dev->bdev);
	submit_bio_noacct(bio);
}

static void vmio_issue_all(struct bio_list *bios)
{
	struct blk_plug plug;
	struct bio *bio;

	blk_start_plug(&plug);
	while ((bio = bio_list_pop(bios))) {
		/* Who asked not to wait does not wait here. */
		bio->bi_opf &= ~REQ_NOWAIT;
		vmio_issue(bio, vmio_io(bio)->target);
	}
	blk_finish_plug(&plug);
}

/**
 * vmio_kick() - see to it that whoever has a turn gets it
 * @pool: pool; its lock held
 * @now: time in ns
 *
 * Context: any.
 */
void vmio_kick(struct vmio_pool *pool, u64 now)
{
	u64 next;

	lockdep_assert_held(&pool->lock);
	if (!vmio_find_room(pool)) {
		if (!vmio_is_alone(pool))
			queue_delayed_work(pool->wq, &pool->stall,
					   nsecs_to_jiffies(VMIO_STALL_NS));
		return;
	}
	next = vmshare_next(&pool->sched, now);
	if (next == now)
		queue_work(pool->wq, vmio_is_alone(pool) ? &pool->send : &pool->share);
	else if (next != VMSHARE_NEVER)
		hrtimer_start(&pool->timer, ns_to_ktime(next), HRTIMER_MODE_ABS);
}

static void vmio_target_work(struct work_struct *work)
{
	struct vmio_target *target = container_of(work, struct vmio_target, work);
	struct bio_list bios;

	spin_lock_irq(&target->pool->lock);
	bios = target->out;
	bio_list_init(&target->out);
	spin_unlock_irq(&target->pool->lock);
	vmio_issue_all(&bios);
}

/**
 * vmio_join() - a pool has one more member
 * @target: member
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int vmio_join(struct vmio_target *target)
{
	struct vmio_pool *pool = target->pool;

	bio_list_init(&target->out);
	INIT_WORK(&target->work, vmio_target_work);
	target->wq = alloc_workqueue("vmio-to-%s", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0,
				     target->dev->name);
	if (!target->wq)
		return -ENOMEM;
	spin_lock_irq(&pool->lock);
	list_add_tail(&target->node, &pool->targets);
	spin_unlock_irq(&pool->lock);
	return 0;
}

/**
 * vmio_leave() - a pool has one member less
 * @target: member, none of whose requests is left
 *
 * Context: process; may sleep.
 */
void vmio_leave(struct vmio_target *target)
{
	spin_lock_irq(&target->pool->lock);
	vmio_recall(target->pool);
	list_del(&target->node);
	spin_unlock_irq(&target->pool->lock);
	destroy_workqueue(target->wq);
}

static void vmio_set_stalled(struct vmio_target *target, bool stalled)
{
	struct vmio_pool *pool = target->pool;

	lockdep_assert_held(&pool->lock);
	if (target->stalled == stalled)
		return;
	target->stalled = stalled;
	if (stalled) {
		pool->busy -= target->busy;
		pool->passed -= target->passed;
	} else {
		pool->busy += target->busy;
		pool->passed += target->passed;
	}
}

/**
 * vmio_stall_work() - look for members that bring nothing back
 * @work: of a pool
 */
void vmio_stall_work(struct work_struct *work)
{
	struct vmio_pool *pool = container_of(to_delayed_work(work), struct vmio_pool, stall);
	struct vmio_target *target;
	u64 now;

	spin_lock_irq(&pool->lock);
	now = ktime_get_ns();
	list_for_each_entry(target, &pool->targets, node) {
		if (target->busy > target->passed && now - target->done >= VMIO_STALL_NS)
			vmio_set_stalled(target, true);
	}
	/* It comes again while there is no room. */
	vmio_kick(pool, now);
	spin_unlock_irq(&pool->lock);
}

/* What has its turn now, but no more than a few. */
static void vmio_serve_some(struct vmio_pool *pool, struct bio_list *bios)
{
	const u64 now = ktime_get_ns();
	struct vmshare_node *node;
	unsigned int n;

	lockdep_assert_held(&pool->lock);
	for (n = 0; n < VMIO_BATCH && vmio_find_room(pool); n++) {
		node = vmshare_pick(&pool->sched, now);
		if (!node)
			break;
		bio_list_add(bios, vmio_serve(pool, node, now));
	}
	vmio_kick(pool, now);
}

/**
 * vmio_send_work() - send what has its turn
 * @work: of a pool that has, or had, one member
 */
void vmio_send_work(struct work_struct *work)
{
	struct vmio_pool *pool = container_of(work, struct vmio_pool, send);
	struct bio_list bios = BIO_EMPTY_LIST;

	spin_lock_irq(&pool->lock);
	/* If others have come, they do not wait here. */
	if (vmio_is_alone(pool))
		vmio_serve_some(pool, &bios);
	else
		vmio_kick(pool, ktime_get_ns());
	spin_unlock_irq(&pool->lock);
	vmio_issue_all(&bios);
}

/**
 * vmio_share_work() - give what has its turn to those who send it
 * @work: of a pool that has, or had, several members
 */
void vmio_share_work(struct work_struct *work)
{
	struct vmio_pool *pool = container_of(work, struct vmio_pool, share);
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;

	spin_lock_irq(&pool->lock);
	vmio_serve_some(pool, &bios);
	while ((bio = bio_list_pop(&bios))) {
		struct vmio_target *target = vmio_io(bio)->target;

		bio_list_add(&target->out, bio);
		/* Before it comes back the target does not go. */
		queue_work(target->wq, &target->work);
	}
	spin_unlock_irq(&pool->lock);
}

/* Whose is it? That of a cgroup that is gone is its parent's. */
static struct vmio_class *vmio_class_of(struct vmio_pool *pool, const struct cgio_vm *vm)
{
	struct vmio_class *class;

	lockdep_assert_held(&pool->lock);
	for (class = pool->classes[vm->index]; !class; class = pool->classes[vm->index])
		vm = vm->parent;
	while (!class->refs)
		class = class->parent;
	return class;
}

/* Returns true if it has its turn at once. */
static bool vmio_enqueue(struct vmio_pool *pool, struct bio *bio, struct vmio_io *io,
			 const struct cgio_vm *vm, u64 now)
{
	struct vmio_class *class = io->class;
	const bool room = vmio_find_room(pool);
	struct vmshare_req req;
	bool first;

	lockdep_assert_held(&pool->lock);
	vmio_req(io, &req);
	if (room && vmshare_serve_alone(&pool->sched, &class->self, &req, now)) {
		vmio_start(pool, io, now);
		vmio_lend(pool, io, vm);
		return true;
	}
	/* Whoever sends waits with it. */
	vmio_recall(pool);
	first = !pool->sched.root.ready.top && !class->queue.head;
	bio_list_add(&class->queue, bio);
	vmshare_enqueue(&pool->sched, &class->self, now);
	if (first && room && vmshare_pick(&pool->sched, now) == &class->self) {
		vmio_serve(pool, &class->self, now);
		return true;
	}
	vmio_kick(pool, now);
	return false;
}

/**
 * vmio_submit_bio() - a request comes
 * @bio: dm's clone
 *
 * Context: process; does not wait for a turn.
 */
void vmio_submit_bio(struct bio *bio)
{
	struct vmio_pool *pool = bio->bi_bdev->bd_disk->private_data;
	struct vmio_io *io = vmio_io(bio);
	const bool urgent = vmio_is_urgent(bio);
	struct vmio_class *class;
	unsigned long flags;
	struct cgio_vm *vm;
	bool go = true;

	io->lease = NULL;
	io->passed = false;
	io->kind = vmio_kind(bio);
	io->bytes = bio->bi_iter.bi_size;
	rcu_read_lock();
	vm = cgio_vm_of(bio_blkcg_css(bio));
	if (!urgent && vmio_lease_submit(pool, io, vm)) {
		rcu_read_unlock();
		vmio_issue(bio, io->target);
		return;
	}
	spin_lock_irqsave(&pool->lock, flags);
	io->queued = ktime_get_ns();
	class = vmio_class_of(pool, vm);
	class->refs++;
	io->class = class;
	if (urgent || io->target->draining)
		vmio_pass(pool, io, io->queued);
	else
		go = vmio_enqueue(pool, bio, io, vm, io->queued);
	spin_unlock_irqrestore(&pool->lock, flags);
	rcu_read_unlock();
	if (go)
		vmio_issue(bio, io->target);
}

/**
 * vmio_class_put() - a class has one user less
 * @pool: its pool; lock held
 * @class: class; may be gone afterwards, and those above it
 *
 * Context: any.
 */
void vmio_class_put(struct vmio_pool *pool, struct vmio_class *class)
{
	lockdep_assert_held(&pool->lock);
	while (class && !--class->refs) {
		struct vmio_class *parent = class->parent;
		const u64 now = ktime_get_ns();

		vmshare_del(&pool->sched, &class->self, now);
		vmshare_del(&pool->sched, &class->group, now);
		list_del(&class->node);
		kfree_rcu(class, rcu);
		class = parent;
	}
}

/* Was it in time, for the nearest target from its own class upward? */
static void vmio_keep_latency(struct vmio_pool *pool, const struct vmio_io *io, u64 now)
{
	struct vmio_class *class = io->class;

	lockdep_assert_held(&pool->lock);
	while (class && !class->latency.target)
		class = class->parent;
	io->class->stats.late_ios += vmlat_done(&pool->latency, class ? &class->latency : NULL,
						io->issued, pool->busy - pool->passed,
						pool->window.base, now);
}

/* What the request says about the disk; nothing, if it moved no data. */
static void vmio_learn(struct vmio_pool *pool, const struct bio *bio,
		       const struct vmio_io *io, u64 ns, u64 now)
{
	struct vmshare_req req;

	lockdep_assert_held(&pool->lock);
	if (bio->bi_status || io->kind == VMIO_OTHER || !io->bytes ||
	    bio_op(bio) == REQ_OP_WRITE_ZEROES)
		return;
	if (pool->latency.wanted)
		vmio_keep_latency(pool, io, now);
	if (!pool->adapt)
		return;
	vmio_req(io, &req);
	vmwindow_done(&pool->window, min(req.cost, VMSHARE_AMOUNT_MAX), ns, pool->busy, now);
}

/**
 * vmio_end() - a request comes back
 * @bio: dm's clone
 *
 * Context: any.
 */
void vmio_end(struct bio *bio)
{
	const struct vmio_io *io = vmio_io(bio);
	struct vmio_class *class = io->class;
	struct vmio_target *target = io->target;
	struct vmio_pool *pool = target->pool;
	unsigned long flags;
	u64 now, ns;

	/* Refused on its way to the pool. */
	if (!class || vmio_lease_end(io))
		return;
	spin_lock_irqsave(&pool->lock, flags);
	now = ktime_get_ns();
	ns = now - io->issued;
	vmio_stats_done(&class->stats, ns);
	vmio_set_stalled(target, false);
	target->done = now;
	vmio_learn(pool, bio, io, ns, now);
	target->busy--;
	target->passed -= io->passed;
	pool->busy--;
	pool->passed -= io->passed;
	vmio_class_put(pool, class);
	vmio_kick(pool, now);
	spin_unlock_irqrestore(&pool->lock, flags);
}

/* Take a target's requests from a class's queue. */
static void vmio_take(const struct vmio_target *target, struct vmio_class *class,
		      struct bio_list *out, u64 now)
{
	struct vmio_pool *pool = target->pool;
	struct bio_list keep = BIO_EMPTY_LIST;
	struct bio *bio;

	lockdep_assert_held(&pool->lock);
	while ((bio = bio_list_pop(&class->queue))) {
		if (vmio_io(bio)->target != target) {
			bio_list_add(&keep, bio);
			continue;
		}
		vmshare_cancel(&pool->sched, &class->self, now);
		bio_list_add(out, bio);
	}
	class->queue = keep;
}

/* Let some of those that were taken pass. */
static void vmio_pass_some(struct vmio_pool *pool, struct bio_list *taken)
{
	struct bio_list bios = BIO_EMPTY_LIST;
	unsigned int n = 0;
	struct bio *bio;
	u64 now;

	spin_lock_irq(&pool->lock);
	now = ktime_get_ns();
	while (n++ < VMIO_BATCH && (bio = bio_list_pop(taken))) {
		vmio_pass(pool, vmio_io(bio), now);
		bio_list_add(&bios, bio);
	}
	spin_unlock_irq(&pool->lock);
	vmio_issue_all(&bios);
}

/**
 * vmio_drain() - nothing of a target waits any more
 * @target: target that is about to be suspended
 *
 * Looks at each request that waits once: others may have many there.
 *
 * Context: process; may sleep.
 */
void vmio_drain(struct vmio_target *target)
{
	struct vmio_pool *pool = target->pool;
	struct bio_list taken = BIO_EMPTY_LIST;
	struct vmio_class *class;
	u64 now;

	spin_lock_irq(&pool->lock);
	now = ktime_get_ns();
	target->draining = true;
	vmio_recall(pool);
	list_for_each_entry(class, &pool->list, node)
		vmio_take(target, class, &taken, now);
	spin_unlock_irq(&pool->lock);
	while (!bio_list_empty(&taken))
		vmio_pass_some(pool, &taken);
}

/**
 * vmio_undrain() - a target's requests wait for their turns again
 * @target: target
 *
 * Context: process.
 */
void vmio_undrain(struct vmio_target *target)
{
	spin_lock_irq(&target->pool->lock);
	target->draining = false;
	spin_unlock_irq(&target->pool->lock);
}
