// SPDX-License-Identifier: GPL-2.0
/*
 * The backing device: where pages go that may not be in memory.
 *
 * Problem: a page that finds no room in memory would be a write error, for swap of
 * every VM. With a backing device it is written there, in the middle of reclaim:
 * without waiting for memory, and without waiting for I/O inside of submit_bio(),
 * where the bios that one sends are not even started before one returns.
 *
 * Model: a block of 4 KiB holds the bytes of one object, as they would be in the
 * arena, and zeroes after them. The object itself, with length, codec, owner and
 * checksum, stays in memory; its slot is of kind %MCZ_DISK, its handle the block.
 * Which blocks are taken is in a bitmap. Nothing on the device outlives the store.
 *
 * Control: each direction has a fixed number of requests, each with its page and its
 * bio, all made when the device is attached. Who finds none waits for one; a request
 * once taken depends on nobody who waits. A read waits as long as the device likes, and
 * that may let the reads of one VM wait for seconds: who finds none for a read makes one
 * more, and waits only where there is no memory. A worker sends them, in the order of
 * their blocks as far as they were allocated so, another ends them. A page counts as
 * a part of the bio that it came with (bio_inc_remaining()): that ends when the last
 * of its pages has, with an error if one of them had.
 *
 * A write takes a free block, and the slot is swung over when it is done; until then
 * the slot is what it was. A read holds its block: it is in a hash by block from
 * before the slot's lock is given up, and a block that is freed while somebody
 * reads it is only marked, and freed by the last reader. So nothing is ever written
 * over what is being read, and a checksum that does not match means damage.
 *
 * Limits: a backing device that hangs holds up those who need it, at most
 * %MCZ_BACK_IOS pages of writes and whoever comes after them; what is in memory is
 * served all the same. A failed write leaves the slot as it was and frees the block:
 * the next one tries another.
 */
#include <linux/bio.h>
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "slot.h"

/* Pages in flight in each direction. */
#define MCZ_BACK_IOS 64
#define MCZ_BACK_HASH_BITS 6

/**
 * struct mcz_back_io - a page on its way
 * @list: in the free list, or among those to be sent
 * @pin: a read, in the hash of blocks being read
 * @work: ends it
 * @back: backing device
 * @set: free list that it belongs to
 * @extra: a read's, freed after it
 * @pool: store
 * @index: slot
 * @block: block on the device
 * @freed: the block has been freed while it was read
 * @bio: the request
 * @vec: its one segment
 * @page: the block's bytes
 * @obj: write: the object to be published
 * @head: read: copy of the object
 * @target: read: page to fill
 * @parent: bio that the page came with, or NULL
 * @done: without @parent: whom to wake
 * @r: without @parent: the result, for them
 */
struct mcz_back_io {
	struct list_head list;
	struct hlist_node pin;
	struct work_struct work;
	struct mcz_back *back;
	struct mcz_back_set *set;
	bool extra;
	struct mcz_pool *pool;
	unsigned long index;
	unsigned long block;
	bool freed;
	struct bio bio;
	struct bio_vec vec;
	struct page *page;
	struct mcz_obj *obj;
	struct mcz_obj head;
	struct page *target;
	struct bio *parent;
	struct completion *done;
	int *r;
};

/**
 * struct mcz_back_set - the requests of one direction
 * @lock: protects @free
 * @free: those not in use
 * @count: how many they are, to wait for one
 * @end: ends one
 * @io: all
 */
struct mcz_back_set {
	spinlock_t lock;	/* free */
	struct list_head free;
	struct semaphore count;
	work_func_t end;
	struct mcz_back_io *io[MCZ_BACK_IOS];
};

/**
 * struct mcz_back - a backing device
 * @handle: it is open exclusively
 * @bdev: the device
 * @path: name that it was given
 * @nblocks: blocks of %MCZ_PAGE
 * @map: blocks taken
 * @left: blocks free
 * @hint: where to look for a free one
 * @wq: sends and ends requests
 * @lock: protects @send, @readers, the freed marks; innermost but for the bitmap
 * @send: requests to be sent
 * @send_work: sends them
 * @readers: blocks being read
 * @reads: requests for reads
 * @writes: requests for writes
 */
struct mcz_back {
	COMPAT_BDEV *handle;
	struct block_device *bdev;
	char *path;
	unsigned long nblocks;
	unsigned long *map;
	atomic_long_t left;
	unsigned long hint;
	struct workqueue_struct *wq;
	spinlock_t lock;	/* send, readers */
	struct list_head send;
	struct work_struct send_work;
	struct hlist_head readers[1 << MCZ_BACK_HASH_BITS];
	struct mcz_back_set reads;
	struct mcz_back_set writes;
};

/* ---- blocks ---- */

/**
 * mcz_back_bdev() - the block device itself
 * @back: backing device
 *
 * Return: it.
 */
struct block_device *mcz_back_bdev(const struct mcz_back *back)
{
	return back->bdev;
}

/**
 * mcz_back_alloc() - take a block
 * @back: backing device
 *
 * Context: any.
 * Return: the block, or -ENOSPC.
 */
long mcz_back_alloc(struct mcz_back *back)
{
	unsigned long start = READ_ONCE(back->hint), block;
	int round;

	/* Do not search the map of a full device for every page. */
	if (atomic_long_dec_if_positive(&back->left) < 0)
		return -ENOSPC;
	for (round = 0; round < 2; round++, start = 0) {
		block = start;
		while (true) {
			block = find_next_zero_bit(back->map, back->nblocks,
						   block);
			if (block >= back->nblocks)
				break;
			if (!test_and_set_bit(block, back->map)) {
				WRITE_ONCE(back->hint, block + 1);
				return block;
			}
		}
	}
	atomic_long_inc(&back->left);
	return -ENOSPC;
}

static void mcz_block_clear(struct mcz_back *back, unsigned long block)
{
	clear_bit(block, back->map);
	/* Who is promised a block finds one. */
	atomic_long_inc_return_release(&back->left);
}

static struct hlist_head *mcz_readers(struct mcz_back *back, unsigned long block)
{
	return &back->readers[hash_long(block, MCZ_BACK_HASH_BITS)];
}

static struct mcz_back_io *mcz_reader(struct mcz_back *back, unsigned long block)
{
	struct mcz_back_io *io;

	lockdep_assert_held(&back->lock);
	hlist_for_each_entry(io, mcz_readers(back, block), pin) {
		if (io->block == block)
			return io;
	}
	return NULL;
}

/**
 * mcz_back_free() - a block is not needed any more
 * @back: backing device
 * @block: block that no slot points to
 *
 * Context: any but interrupts; also with interrupts off and under spinlocks.
 */
void mcz_back_free(struct mcz_back *back, unsigned long block)
{
	struct mcz_back_io *io;

	spin_lock(&back->lock);
	io = mcz_reader(back, block);
	if (io)
		io->freed = true;
	else
		mcz_block_clear(back, block);
	spin_unlock(&back->lock);
}

/* Before the slot's lock is given up, that is: before anybody can free the block. */
static void mcz_back_pin(struct mcz_back_io *io)
{
	struct mcz_back *back = io->back;

	spin_lock(&back->lock);
	io->freed = false;
	hlist_add_head(&io->pin, mcz_readers(back, io->block));
	spin_unlock(&back->lock);
}

static void mcz_back_unpin(struct mcz_back_io *io)
{
	struct mcz_back *back = io->back;
	struct mcz_back_io *other;

	spin_lock(&back->lock);
	hlist_del(&io->pin);
	if (io->freed) {
		other = mcz_reader(back, io->block);
		if (other)
			other->freed = true;
		else
			mcz_block_clear(back, io->block);
	}
	spin_unlock(&back->lock);
}

/* ---- requests ---- */

static struct mcz_back_io *mcz_io_make(struct mcz_back *back, struct mcz_back_set *set,
				       gfp_t gfp)
{
	struct mcz_back_io *io = kzalloc(sizeof(*io), gfp);

	if (!io)
		return NULL;
	INIT_WORK(&io->work, set->end);
	io->back = back;
	io->set = set;
	io->page = alloc_page(gfp);
	if (io->page)
		return io;
	kfree(io);
	return NULL;
}

static void mcz_io_free(struct mcz_back_io *io)
{
	__free_page(io->page);
	kfree(io);
}

/* One of the set; its semaphore has been taken. */
static struct mcz_back_io *mcz_io_take(struct mcz_back_set *set)
{
	struct mcz_back_io *io;

	spin_lock(&set->lock);
	io = list_first_entry(&set->free, struct mcz_back_io, list);
	list_del(&io->list);
	spin_unlock(&set->lock);
	return io;
}

static struct mcz_back_io *mcz_io_get(struct mcz_back_set *set)
{
	down(&set->count);
	return mcz_io_take(set);
}

/* The reads of one VM may have all of the set, and wait. */
static struct mcz_back_io *mcz_io_get_read(struct mcz_back *back)
{
	struct mcz_back_io *io;

	if (!down_trylock(&back->reads.count))
		return mcz_io_take(&back->reads);
	io = mcz_io_make(back, &back->reads, GFP_NOIO | __GFP_NOWARN | __GFP_NORETRY |
						     __GFP_NOMEMALLOC);
	if (!io)
		return mcz_io_get(&back->reads);
	io->extra = true;
	return io;
}

static void mcz_io_put(struct mcz_back_io *io)
{
	struct mcz_back_set *set = io->set;

	if (io->extra) {
		mcz_io_free(io);
		return;
	}
	spin_lock(&set->lock);
	list_add(&io->list, &set->free);
	spin_unlock(&set->lock);
	up(&set->count);
}

/* The bio has its answer; in interrupts, mostly. */
static void mcz_io_endio(struct bio *bio)
{
	struct mcz_back_io *io = bio->bi_private;

	queue_work(io->back->wq, &io->work);
}

static void mcz_send_work(struct work_struct *work)
{
	struct mcz_back *back = container_of(work, struct mcz_back, send_work);
	struct mcz_back_io *io, *next;
	struct blk_plug plug;
	LIST_HEAD(send);

	spin_lock(&back->lock);
	list_splice_init(&back->send, &send);
	spin_unlock(&back->lock);
	blk_start_plug(&plug);
	/* A request that was sent may be free and taken again at once. */
	list_for_each_entry_safe(io, next, &send, list)
		submit_bio(&io->bio);
	blk_finish_plug(&plug);
}

static void mcz_io_send(struct mcz_back_io *io, blk_opf_t opf)
{
	struct mcz_back *back = io->back;

	bio_init(&io->bio, back->bdev, &io->vec, 1, opf);
	__bio_add_page(&io->bio, io->page, MCZ_PAGE, 0);
	io->bio.bi_iter.bi_sector = (sector_t)io->block * PAGE_SECTORS;
	io->bio.bi_end_io = mcz_io_endio;
	io->bio.bi_private = io;
	spin_lock(&back->lock);
	list_add_tail(&io->list, &back->send);
	spin_unlock(&back->lock);
	queue_work(back->wq, &back->send_work);
}

static noinline_for_stack int mcz_io_wait(struct mcz_back_io *io, blk_opf_t opf)
{
	DECLARE_COMPLETION_ONSTACK(done);
	int r = 0;

	io->done = &done;
	io->r = &r;
	mcz_io_send(io, opf);
	wait_for_completion(&done);
	return r;
}

/* Send it, and without a parent wait for the answer. */
static int mcz_io_run(struct mcz_back_io *io, blk_opf_t opf, struct bio *parent)
{
	io->parent = parent;
	if (!parent)
		return mcz_io_wait(io, opf);
	bio_inc_remaining(parent);
	mcz_io_send(io, opf);
	return 0;
}

/* Free the request, then tell: whoever is told may take the device away. */
static void mcz_io_done(struct mcz_back_io *io, int r)
{
	struct completion *done = io->done;
	struct bio *parent = io->parent;

	if (!parent)
		*io->r = r;
	bio_uninit(&io->bio);
	mcz_io_put(io);
	if (!parent) {
		complete(done);
		return;
	}
	if (r)
		parent->bi_status = BLK_STS_IOERR;
	bio_endio(parent);
}

static int mcz_io_result(struct mcz_back_io *io)
{
	int r = blk_status_to_errno(io->bio.bi_status);

	if (r)
		mcz_count(io->pool, bd_errors, 1);
	return r;
}

/* ---- write ---- */

static void mcz_write_done(struct work_struct *work)
{
	struct mcz_back_io *io = container_of(work, struct mcz_back_io, work);
	struct mcz_pool *pool = io->pool;
	int r = mcz_io_result(io);

	if (r) {
		mcz_back_free(io->back, io->block);
		mcz_owner_count(mcz_owner_at(io->obj->owner), io_errors, 1);
		mcz_pool_drop(io->obj);
		if (io->parent)
			mcz_count(pool, failed_writes, 1);
	} else {
		mcz_count(pool, bd_writes, 1);
		mcz_pool_publish(pool, io->index, io->obj);
	}
	mcz_io_done(io, r);
}

/**
 * mcz_back_write() - write a page to the backing device
 * @pool: store, which has one
 * @index: slot that mcz_pool_store() was tried with
 * @page: the page
 * @parent: bio that waits for the page; NULL: wait for it here
 *
 * Context: process; may sleep.
 * Return: 0: it is on its way, @parent gets the answer; -ENOSPC when the device is
 * full; -ENOMEM; without @parent also what the device answers.
 */
int mcz_back_write(struct mcz_pool *pool, unsigned long index, struct page *page,
		   struct bio *parent)
{
	struct mcz_back *back = pool->back;
	struct mcz_back_io *io;
	struct mcz_obj *obj;
	long block;
	void *buf;

	/* The store may have failed to make the very slot. */
	if (!mcz_slot_find(pool, index))
		return -ENOMEM;
	/* Memory is waited for before a request is taken, not with one in hand. */
	obj = mcz_pool_head(pool);
	if (!obj)
		return -ENOMEM;
	io = mcz_io_get(&back->writes);
	block = mcz_back_alloc(back);
	if (block < 0) {
		mcz_pool_head_free(obj);
		mcz_io_put(io);
		return block;
	}
	buf = page_address(io->page);
	mcz_pool_pack(pool, obj, page, buf);
	/* What other pages left there is nobody's business. */
	memset(buf + obj->len, 0, MCZ_PAGE - obj->len);
	obj->handle = block;
	io->block = block;
	io->pool = pool;
	io->index = index;
	io->obj = obj;
	return mcz_io_run(io, REQ_OP_WRITE | REQ_SWAP, parent);
}

/* ---- read ---- */

static void mcz_read_done(struct work_struct *work)
{
	struct mcz_back_io *io = container_of(work, struct mcz_back_io, work);
	struct mcz_pool *pool = io->pool;
	struct mcz_owner *owner = mcz_owner_at(io->head.owner);
	int r = mcz_io_result(io);

	if (r) {
		mcz_owner_count(owner, io_errors, 1);
	} else {
		mcz_count(pool, bd_reads, 1);
		r = mcz_pool_unpack(pool, &io->head, page_address(io->page),
				    io->target);
	}
	mcz_back_unpin(io);
	mcz_owner_put(owner);
	if (r && io->parent)
		mcz_count(pool, failed_reads, 1);
	mcz_io_done(io, r);
}

/**
 * mcz_back_read() - read a page from the backing device
 * @pool: store, which has one
 * @index: slot that mcz_pool_load() found to be there
 * @page: to fill
 * @parent: bio that waits for the page; NULL: wait for it here
 *
 * Context: process; may sleep.
 * Return: 0: it is on its way, @parent gets the answer; -ESTALE: it is not there any
 * more; without @parent also -EBADMSG when it is damaged, or what the device
 * answers.
 */
int mcz_back_read(struct mcz_pool *pool, unsigned long index, struct page *page,
		  struct bio *parent)
{
	struct mcz_back *back = pool->back;
	struct mcz_back_io *io = mcz_io_get_read(back);
	unsigned long *slot = mcz_slot_find(pool, index);
	unsigned long word = mcz_slot_lock(slot);

	if (mcz_slot_kind(word) != MCZ_DISK) {
		mcz_slot_unlock(slot);
		mcz_io_put(io);
		return -ESTALE;
	}
	io->head = *mcz_slot_obj(word);
	io->block = io->head.handle;
	mcz_owner_hold(mcz_owner_at(io->head.owner));
	mcz_back_pin(io);
	mcz_slot_unlock(slot);
	io->pool = pool;
	io->index = index;
	io->target = page;
	return mcz_io_run(io, REQ_OP_READ, parent);
}

/* ---- life ---- */

static int mcz_set_init(struct mcz_back *back, struct mcz_back_set *set,
			work_func_t done)
{
	unsigned int i;

	spin_lock_init(&set->lock);
	INIT_LIST_HEAD(&set->free);
	sema_init(&set->count, MCZ_BACK_IOS);
	set->end = done;
	for (i = 0; i < MCZ_BACK_IOS; i++) {
		struct mcz_back_io *io = mcz_io_make(back, set, GFP_KERNEL);

		set->io[i] = io;
		if (!io)
			return -ENOMEM;
		list_add_tail(&io->list, &set->free);
	}
	return 0;
}

static void mcz_set_free(struct mcz_back_set *set)
{
	unsigned int i;

	for (i = 0; i < MCZ_BACK_IOS; i++) {
		if (set->io[i])
			mcz_io_free(set->io[i]);
	}
}

/*
 * Devices that must allocate memory to write cannot be where reclaim writes to:
 * files by way of a loop device, ZFS volumes. What is compressed memory itself makes
 * no room at all.
 */
static int mcz_back_check(struct mcz_back *back, bool force)
{
	const struct gendisk *disk = back->bdev->bd_disk;

	if (mcz_disk_is_ours(disk) || strstarts(disk->disk_name, "zram"))
		return -EINVAL;
	if (!force && (strstarts(disk->disk_name, "loop") ||
		       strstarts(disk->disk_name, "zd")))
		return -EPERM;
	if (bdev_logical_block_size(back->bdev) > MCZ_PAGE)
		return -EINVAL;
	back->nblocks = bdev_nr_bytes(back->bdev) / MCZ_PAGE;
	atomic_long_set(&back->left, back->nblocks);
	return back->nblocks ? 0 : -EINVAL;
}

/**
 * mcz_back_open() - attach a backing device
 * @path: of a block device; what is on it is lost
 * @force: take one that may deadlock, too
 *
 * Context: process; may sleep.
 * Return: the backing device, or an error pointer: -EPERM: it needs @force; -EINVAL:
 * it cannot be one; -ENOTBLK; -EBUSY: somebody has it; -ENOMEM; and others.
 */
struct mcz_back *mcz_back_open(const char *path, bool force)
{
	struct mcz_back *back = kvzalloc(sizeof(*back), GFP_KERNEL);
	int r = -ENOMEM;

	if (!back)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&back->lock);
	INIT_LIST_HEAD(&back->send);
	INIT_WORK(&back->send_work, mcz_send_work);
	back->path = kstrdup(path, GFP_KERNEL);
	if (!back->path)
		goto err;
	back->handle = compat_bdev_open(path, back);
	if (IS_ERR(back->handle)) {
		r = PTR_ERR(back->handle);
		back->handle = NULL;
		goto err;
	}
	back->bdev = compat_bdev_of(back->handle);
	r = mcz_back_check(back, force);
	if (r)
		goto err;
	r = -ENOMEM;
	back->map = kvcalloc(BITS_TO_LONGS(back->nblocks), sizeof(long),
			     GFP_KERNEL);
	back->wq = alloc_workqueue("mcz_back", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!back->map || !back->wq ||
	    mcz_set_init(back, &back->reads, mcz_read_done) ||
	    mcz_set_init(back, &back->writes, mcz_write_done))
		goto err;
	return back;
err:
	mcz_back_close(back);
	return ERR_PTR(r);
}

/**
 * mcz_back_close() - detach a backing device
 * @back: one that no store uses any more, or NULL
 *
 * Context: process; may sleep.
 */
void mcz_back_close(struct mcz_back *back)
{
	if (!back)
		return;
	if (back->wq)
		destroy_workqueue(back->wq);
	mcz_set_free(&back->reads);
	mcz_set_free(&back->writes);
	kvfree(back->map);
	if (back->handle)
		compat_bdev_close(back->handle, back);
	kfree(back->path);
	kvfree(back);
}

/**
 * mcz_back_path() - the name of a backing device
 * @back: it, or NULL
 *
 * Return: the name that it was given, or "none".
 */
const char *mcz_back_path(const struct mcz_back *back)
{
	return back ? back->path : "none";
}

/**
 * mcz_back_drain() - wait until no request is under way
 * @back: backing device whose store gets no more I/O, or NULL
 *
 * Context: process; may sleep.
 */
void mcz_back_drain(struct mcz_back *back)
{
	if (back)
		drain_workqueue(back->wq);
}
