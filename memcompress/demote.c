// SPDX-License-Identifier: GPL-2.0
/*
 * Demotion: what is cold goes from memory to the backing device.
 *
 * Problem: once memory is at its limit, without demotion what was stored first keeps
 * it and what is stored now, which is wanted back sooner, goes to the slow tier.
 *
 * Model: a clock. A hand goes around the slot table. An object that it finds is
 * marked %MCZ_IDLE; to be read makes it %MCZ_OBJ again. One that is idle yet when
 * the hand comes by again is cold. User space may mark all and move what it likes,
 * with the files that zram has for it.
 *
 * Control: a store wakes a worker when the arena is above 15/16 of its limit, or the
 * page's owner above its own mark; it moves cold objects until the arena is below
 * 7/8, or the owner below its mark, then sleeps. It moves them in batches of
 * %MCZ_MOVES, one batch at a time in a device: the slot becomes %MCZ_WB, the bytes
 * are copied and written; when all of the batch are written each slot that is still
 * what it was becomes %MCZ_DISK, and the bytes leave the arena. To store, free or
 * read takes %MCZ_WB away, and the copy is dropped; since a slot is in one batch
 * only, no other can have put it back.
 *
 * Limits: two rounds of the hand without anything to move, a full or failing
 * backing device, or the spent budget of writeback_limit end it; it tries again
 * when a store wakes it a tenth of a second later. Objects of one repeated value are
 * not moved, as a block is larger.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/highmem.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/zsmalloc.h>

#include "slot.h"

/* Objects on their way at a time. */
#define MCZ_MOVES 32

/**
 * struct mcz_move - an object on its way
 * @bio: the write
 * @vec: its one segment
 * @page: copy of the bytes
 * @demoter: whose it is
 * @index: slot
 * @word: of the slot, as long as nobody touched it
 * @block: where to
 */
struct mcz_move {
	struct bio bio;
	struct bio_vec vec;
	struct page *page;
	struct mcz_demoter *demoter;
	unsigned long index;
	unsigned long word;
	unsigned long block;
};

/**
 * struct mcz_demoter - what moves objects of a store
 * @pool: the store
 * @dev: its device, for the budget
 * @wq: its worker's queue
 * @work: the worker
 * @lock: one batch at a time; protects all below but @wanted and @retry
 * @stopped: no batch begins any more
 * @hand: slot that the clock is at
 * @n: objects in the batch
 * @move: the batch
 * @left: writes that have no answer yet, and one for the sender
 * @done: they all have
 * @wanted: an owner above its mark, held; or NULL
 * @retry: jiffies before which the worker is not woken
 */
struct mcz_demoter {
	struct mcz_pool *pool;
	struct mcz_dev *dev;
	struct workqueue_struct *wq;
	struct work_struct work;
	struct mutex lock;	/* the batch */
	bool stopped;
	unsigned long hand;
	unsigned int n;
	struct mcz_move *move[MCZ_MOVES];
	atomic_t left;
	struct completion done;
	struct mcz_owner *wanted;
	unsigned long retry;
};

/* ---- the budget ---- */

static bool mcz_budget_take(struct mcz_dev *dev)
{
	return !READ_ONCE(dev->wb_limited) ||
	       atomic64_dec_if_positive(&dev->wb_limit) >= 0;
}

static void mcz_budget_return(struct mcz_dev *dev)
{
	if (READ_ONCE(dev->wb_limited))
		atomic64_inc(&dev->wb_limit);
}

/* ---- a batch ---- */

static void mcz_move_endio(struct bio *bio)
{
	struct mcz_move *m = bio->bi_private;

	if (atomic_dec_and_test(&m->demoter->left))
		complete(&m->demoter->done);
}

static bool mcz_may_move(struct mcz_pool *pool, const struct mcz_obj *obj,
			 enum mcz_what what)
{
	if (obj->codec == MCZ_PATTERN)
		return false;
	if (what & MCZ_WHAT_HUGE)
		return obj->codec == MCZ_RAW;
	if (what & MCZ_WHAT_OWNERS)
		return mcz_owner_admit(pool, mcz_owner_at(obj->owner), 0) !=
		       MCZ_ADMIT;
	return true;
}

/* Is this slot one to move? Then copy it. Its block has been chosen. */
static bool mcz_move_copy(struct mcz_pool *pool, struct mcz_move *m,
			  enum mcz_what what)
{
	unsigned long *slot = mcz_slot_find(pool, m->index);
	unsigned long word = mcz_slot_lock(slot);
	const enum mcz_kind kind = mcz_slot_kind(word);
	struct mcz_obj *obj = mcz_slot_obj(word);
	void *buf = page_address(m->page);
	bool yes = false;

	if ((kind != MCZ_OBJ && kind != MCZ_IDLE) || !mcz_may_move(pool, obj, what))
		goto out;
	if (kind == MCZ_OBJ && what & MCZ_WHAT_IDLE) {
		if (what & MCZ_WHAT_MARK)
			mcz_slot_set(slot, mcz_slot_from_obj(obj, MCZ_IDLE));
		goto out;
	}
	memcpy(buf, zs_map_object(pool->arena, obj->handle, ZS_MM_RO), obj->len);
	zs_unmap_object(pool->arena, obj->handle);
	memset(buf + obj->len, 0, MCZ_PAGE - obj->len);
	m->word = mcz_slot_from_obj(obj, MCZ_WB);
	mcz_slot_set(slot, m->word);
	yes = true;
out:
	mcz_slot_unlock(slot);
	return yes;
}

static void mcz_move_send(struct mcz_demoter *d, struct mcz_move *m)
{
	bio_init(&m->bio, mcz_back_bdev(d->pool->back), &m->vec, 1,
		 REQ_OP_WRITE | REQ_SWAP);
	__bio_add_page(&m->bio, m->page, MCZ_PAGE, 0);
	m->bio.bi_iter.bi_sector = (sector_t)m->block * PAGE_SECTORS;
	m->bio.bi_end_io = mcz_move_endio;
	m->bio.bi_private = m;
	atomic_inc(&d->left);
	submit_bio(&m->bio);
}

/* Fill the batch from slots at @pos and after; -ENOSPC, -EIO, -EBUSY end it early. */
static int mcz_batch_fill(struct mcz_demoter *d, enum mcz_what what,
			  unsigned long *pos, unsigned long end)
{
	struct mcz_pool *pool = d->pool;
	struct blk_plug plug;
	int r = 0;

	lockdep_assert_held(&d->lock);
	d->n = 0;
	reinit_completion(&d->done);
	atomic_set(&d->left, 1);
	if (d->stopped)
		return -EBUSY;
	blk_start_plug(&plug);
	while (d->n < MCZ_MOVES && *pos < end) {
		struct mcz_move *m = d->move[d->n];
		unsigned long *slot = mcz_slot_find(pool, *pos);
		enum mcz_kind kind;
		long block;

		if (!slot) {
			*pos = round_down(*pos, MCZ_SLOTS_PER_LEAF) +
			       MCZ_SLOTS_PER_LEAF;
			cond_resched();
			continue;
		}
		kind = mcz_slot_kind(READ_ONCE(*slot));
		if (kind != MCZ_OBJ && kind != MCZ_IDLE) {
			if (!(++*pos % MCZ_SLOTS_PER_LEAF))
				cond_resched();
			continue;
		}
		if (!mcz_budget_take(d->dev)) {
			r = -EIO;
			break;
		}
		block = mcz_back_alloc(pool->back);
		if (block < 0) {
			mcz_budget_return(d->dev);
			r = block;
			break;
		}
		m->block = block;
		m->index = (*pos)++;
		if (mcz_move_copy(pool, m, what)) {
			mcz_move_send(d, m);
			d->n++;
		} else {
			mcz_back_free(pool->back, block);
			mcz_budget_return(d->dev);
		}
		cond_resched();
	}
	blk_finish_plug(&plug);
	return r;
}

/* Wait for the batch and swing its slots over. */
static int mcz_batch_commit(struct mcz_demoter *d, unsigned int *moved)
{
	struct mcz_pool *pool = d->pool;
	unsigned int i;
	int r = 0;

	if (!atomic_dec_and_test(&d->left))
		wait_for_completion(&d->done);
	for (i = 0; i < d->n; i++) {
		struct mcz_move *m = d->move[i];
		int error = blk_status_to_errno(m->bio.bi_status);

		bio_uninit(&m->bio);
		if (error) {
			mcz_count(pool, bd_errors, 1);
			r = error;
		} else {
			mcz_count(pool, bd_writes, 1);
		}
		if (mcz_pool_move(pool, m->index, m->word, m->block, !error))
			(*moved)++;
		else
			mcz_back_free(pool->back, m->block);
	}
	return r;
}

static int mcz_batch(struct mcz_demoter *d, enum mcz_what what, unsigned long *pos,
		     unsigned long end, unsigned int *moved)
{
	int r = mcz_batch_fill(d, what, pos, end);

	return mcz_batch_commit(d, moved) ?: r;
}

/* ---- the clock ---- */

static bool mcz_above(struct mcz_pool *pool, unsigned int sixteenths)
{
	unsigned long limit = READ_ONCE(pool->limit);

	return limit && zs_get_total_pages(pool->arena) >
			limit - limit * (16 - sixteenths) / 16;
}

/*
 * Move cold objects until the store, or @owner, is below its mark; -EAGAIN when there
 * are none.
 */
static int mcz_clock(struct mcz_demoter *d, struct mcz_owner *owner)
{
	enum mcz_what what = MCZ_WHAT_IDLE | MCZ_WHAT_MARK;
	struct mcz_pool *pool = d->pool;
	unsigned long idle_for = 0, from;
	unsigned int moved, packed = 0;
	int r = 0;

	if (owner)
		what |= MCZ_WHAT_OWNERS;
	while (!r) {
		if (owner ? mcz_owner_admit(pool, owner, 0) == MCZ_ADMIT :
			    !mcz_above(pool, 14))
			break;
		moved = 0;
		mutex_lock(&d->lock);
		if (d->hand >= pool->nslots)
			d->hand = 0;
		from = d->hand;
		r = mcz_batch(d, what, &d->hand, pool->nslots, &moved);
		idle_for = moved ? 0 : idle_for + d->hand - from;
		mutex_unlock(&d->lock);
		if (idle_for > 2 * pool->nslots)
			r = -EAGAIN;
		packed += moved;
		if (!owner && packed >= 8 * MCZ_MOVES) {
			zs_compact(pool->arena);
			packed = 0;
		}
		cond_resched();
	}
	if (!owner && packed)
		zs_compact(pool->arena);
	return r;
}

static void mcz_demote_work(struct work_struct *work)
{
	struct mcz_demoter *d = container_of(work, struct mcz_demoter, work);
	struct mcz_owner *owner = xchg(&d->wanted, NULL);
	int r;

	r = mcz_clock(d, NULL);
	if (owner) {
		if (!r || r == -EAGAIN)
			r = mcz_clock(d, owner);
		mcz_owner_put(owner);
	}
	WRITE_ONCE(d->retry, jiffies + (r ? HZ / 10 : 0));
}

/**
 * mcz_demote_check() - a store may have made the worker necessary
 * @pool: store
 * @owner: whose page it was; held
 *
 * Context: any but interrupts.
 */
void mcz_demote_check(struct mcz_pool *pool, struct mcz_owner *owner)
{
	struct mcz_demoter *d = pool->demoter;
	bool wanted = mcz_owner_admit(pool, owner, 0) != MCZ_ADMIT;

	if ((!wanted && !mcz_above(pool, 15)) ||
	    time_before(jiffies, READ_ONCE(d->retry)))
		return;
	if (wanted && !READ_ONCE(d->wanted)) {
		mcz_owner_hold(owner);
		if (cmpxchg(&d->wanted, NULL, owner))
			mcz_owner_put(owner);
	}
	queue_work(d->wq, &d->work);
}

/**
 * mcz_demote_now() - move objects because user space says so
 * @pool: store with a backing device
 * @what: which
 * @first: first slot
 * @end: slot after the last
 *
 * Context: process; may sleep.
 * Return: 0; -ENOSPC when the backing device is full; -EIO when the budget is spent
 * or a write failed; -EBUSY when the store goes; -EINTR when the task is being killed.
 */
int mcz_demote_now(struct mcz_pool *pool, enum mcz_what what, unsigned long first,
		   unsigned long end)
{
	struct mcz_demoter *d = pool->demoter;
	unsigned long pos = first;
	unsigned int moved = 0;
	int r = 0;

	while (!r && pos < end) {
		if (fatal_signal_pending(current) || mutex_lock_killable(&d->lock))
			return -EINTR;
		r = mcz_batch(d, what, &pos, end, &moved);
		mutex_unlock(&d->lock);
		cond_resched();
	}
	return r;
}

/**
 * mcz_demote_mark() - mark all objects idle
 * @pool: store
 *
 * Context: process; may sleep.
 */
void mcz_demote_mark(struct mcz_pool *pool)
{
	unsigned long index, *slot, word;

	for (index = 0; index < pool->nslots; index++) {
		if (!(index % MCZ_SLOTS_PER_LEAF))
			cond_resched();
		slot = mcz_slot_find(pool, index);
		if (!slot) {
			index |= MCZ_SLOTS_PER_LEAF - 1;
			continue;
		}
		if (mcz_slot_kind(READ_ONCE(*slot)) != MCZ_OBJ)
			continue;
		word = mcz_slot_lock(slot);
		if (mcz_slot_kind(word) == MCZ_OBJ)
			mcz_slot_set(slot, mcz_slot_from_obj(mcz_slot_obj(word),
							     MCZ_IDLE));
		mcz_slot_unlock(slot);
	}
}

/* ---- life ---- */

/**
 * mcz_demoter_stop() - let no object move any more
 * @d: demoter, or NULL
 *
 * A backing device that does not answer holds up a batch for as long as it likes, but
 * not whoever waits here.
 *
 * Context: process; may sleep.
 * Return: 0; -EINTR on a signal: objects move on.
 */
int mcz_demoter_stop(struct mcz_demoter *d)
{
	if (!d)
		return 0;
	if (mutex_lock_interruptible(&d->lock))
		return -EINTR;
	d->stopped = true;
	mutex_unlock(&d->lock);
	return 0;
}

/**
 * mcz_demoter_destroy() - no object moves any more
 * @d: demoter of a store that gets no I/O, also one half made; or NULL
 *
 * Context: process; may sleep.
 */
void mcz_demoter_destroy(struct mcz_demoter *d)
{
	unsigned int i;

	if (!d)
		return;
	if (d->wq)
		destroy_workqueue(d->wq);
	if (d->wanted)
		mcz_owner_put(d->wanted);
	for (i = 0; i < MCZ_MOVES; i++) {
		if (d->move[i] && d->move[i]->page)
			__free_page(d->move[i]->page);
		kfree(d->move[i]);
	}
	mutex_destroy(&d->lock);
	kfree(d);
}

/**
 * mcz_demoter_create() - let objects of a store move
 * @pool: store with a backing device
 * @dev: its device
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int mcz_demoter_create(struct mcz_pool *pool, struct mcz_dev *dev)
{
	struct mcz_demoter *d = kzalloc(sizeof(*d), GFP_KERNEL);
	unsigned int i;

	if (!d)
		return -ENOMEM;
	d->pool = pool;
	d->dev = dev;
	d->retry = jiffies;
	mutex_init(&d->lock);
	init_completion(&d->done);
	INIT_WORK(&d->work, mcz_demote_work);
	d->wq = alloc_workqueue("mcz_demote", WQ_MEM_RECLAIM | WQ_UNBOUND, 1);
	for (i = 0; i < MCZ_MOVES; i++) {
		d->move[i] = kzalloc(sizeof(*d->move[i]), GFP_KERNEL);
		if (d->move[i]) {
			d->move[i]->demoter = d;
			d->move[i]->page = alloc_page(GFP_KERNEL);
		}
		if (!d->wq || !d->move[i] || !d->move[i]->page) {
			mcz_demoter_destroy(d);
			return -ENOMEM;
		}
	}
	pool->demoter = d;
	return 0;
}
