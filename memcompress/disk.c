// SPDX-License-Identifier: GPL-2.0
/*
 * The disk /dev/memcompressN: bios in, pages out.
 *
 * Life: created bare, with capacity 0; set up by its disk size, which makes the
 * store; reset or removed only while nobody has it open, which is made sure by
 * claiming it under the disk's open_mutex. So I/O always finds the store, without
 * a lock: whoever sends a bio has the disk open, and gets its answer before it
 * closes.
 *
 * A bio is served in the task that sends it, a large one by others too (job.c). The
 * device's blocks are pages, so that a bio is of whole pages of the device. Its
 * memory need not be: direct I/O from odd addresses and file systems' small buffers
 * come in pieces, which pass through a page of ours. A page of the device is so
 * always read and written as a whole. Pages that concern the backing device are
 * under way when the task goes on; only one that is to be read in pieces is waited
 * for.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mempool.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

static int mcz_major;

/**
 * mcz_disk_prefix() - what the devices are called
 *
 * Return: "memcompress", or "zram" in compatible mode.
 */
const char *mcz_disk_prefix(void)
{
	return mcz_zram_compat ? "zram" : "memcompress";
}

/* The next page of the bio's data, to or from @page; @iter moves on. */
static void mcz_copy_page(struct bio *bio, struct bvec_iter *iter,
			  struct page *page, bool to_page)
{
	void *addr = kmap_local_page(page);
	unsigned int done;

	for (done = 0; done < MCZ_PAGE;) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);

		bv.bv_len = min_t(u32, bv.bv_len, MCZ_PAGE - done);
		if (to_page)
			memcpy_from_bvec(addr + done, &bv);
		else
			memcpy_to_bvec(&bv, addr + done);
		bio_advance_iter_single(bio, iter, bv.bv_len);
		done += bv.bv_len;
	}
	kunmap_local(addr);
}

/*
 * A page from wherever it is. With @parent it may be under way on return; without it
 * is waited for.
 */
static int mcz_load(struct mcz_pool *pool, unsigned long index, struct page *page,
		    struct bio *parent)
{
	int r;

	do {
		r = mcz_pool_load(pool, index, page);
		if (r != -EAGAIN)
			return r;
		r = mcz_back_read(pool, index, page, parent);
	} while (r == -ESTALE);
	return r;
}

/* With its content taken @page is free, be it stored or under way. */
static int mcz_store(struct mcz_pool *pool, unsigned long index, struct page *page,
		     struct bio *parent)
{
	int r = mcz_pool_store(pool, index, page);

	if ((r == -EAGAIN || r == -ENOMEM) && pool->back)
		r = mcz_back_write(pool, index, page, parent);
	if (unlikely(r))
		mcz_owner_refused(page);
	return r;
}

/* A page whose data lies in pieces: by way of a page of our own. */
static int mcz_rw_pieces(struct mcz_pool *pool, unsigned long index,
			 struct bio *bio, struct bvec_iter *iter, bool write)
{
	/* Of a mempool, so that it comes, sooner or later. */
	struct page *page = mempool_alloc(&pool->bounce, GFP_NOIO);
	int r;

	if (write) {
		mcz_copy_page(bio, iter, page, true);
		r = mcz_store(pool, index, page, bio);
	} else {
		r = mcz_load(pool, index, page, NULL);
		if (!r)
			mcz_copy_page(bio, iter, page, false);
	}
	mempool_free(page, &pool->bounce);
	return r;
}

/* One page of the bio; @iter moves on unless it fails. */
static int mcz_bio_page(struct mcz_pool *pool, struct bio *bio,
			struct bvec_iter *iter, bool write)
{
	unsigned long index = iter->bi_sector >> PAGE_SECTORS_SHIFT;
	struct bio_vec bv = bio_iter_iovec(bio, *iter);
	int r;

	if (bv.bv_len == MCZ_PAGE) {
		r = write ? mcz_store(pool, index, bv.bv_page, bio) :
			    mcz_load(pool, index, bv.bv_page, bio);
		bio_advance_iter_single(bio, iter, MCZ_PAGE);
	} else {
		r = mcz_rw_pieces(pool, index, bio, iter, write);
	}
	if (unlikely(r)) {
		if (write)
			mcz_count(pool, failed_writes, 1);
		else
			mcz_count(pool, failed_reads, 1);
	}
	return r;
}

/**
 * mcz_bio_pages() - read or write pages of a bio
 * @pool: store
 * @bio: bio of whole pages of the device; may get parts that are still under way, and
 *	the status of an error
 * @iter: where to begin; moves on
 * @max: pages at most; fewer at the end of @bio, or after an error
 *
 * Context: process; may sleep.
 * Return: false after an error, which has been counted.
 */
bool mcz_bio_pages(struct mcz_pool *pool, struct bio *bio, struct bvec_iter *iter,
		   unsigned int max)
{
	const bool write = op_is_write(bio_op(bio));

	for (; max && iter->bi_size; max--) {
		if (mcz_bio_page(pool, bio, iter, write)) {
			/* Others may be at other parts. */
			WRITE_ONCE(bio->bi_status, BLK_STS_IOERR);
			return false;
		}
		cond_resched();
	}
	return true;
}

static void mcz_bio_rw(struct mcz_pool *pool, struct bio *bio)
{
	struct bvec_iter iter = bio->bi_iter;

	if (!mcz_job_share(pool, bio))
		mcz_bio_pages(pool, bio, &iter, UINT_MAX);
}

/* The pages are gone, and read as zeroes. */
static void mcz_bio_discard(struct mcz_pool *pool, struct bio *bio)
{
	mcz_pool_discard(pool, bio->bi_iter.bi_sector >> PAGE_SECTORS_SHIFT,
			 bio_end_sector(bio) >> PAGE_SECTORS_SHIFT);
}

/*
 * The block layer keeps to the device's end and to its blocks, which are pages;
 * whoever stacks devices need not. A zeroed or discarded part of a page would have
 * to be guessed at, so that no part is taken.
 */
static bool mcz_bio_valid(const struct mcz_pool *pool, struct bio *bio)
{
	const sector_t first = bio->bi_iter.bi_sector;
	const sector_t end = (sector_t)pool->nslots * PAGE_SECTORS;

	return !((first | bio_sectors(bio)) & (PAGE_SECTORS - 1)) &&
	       first <= end && bio_sectors(bio) <= end - first;
}

static void mcz_submit_bio(struct bio *bio)
{
	struct mcz_dev *dev = bio->bi_bdev->bd_disk->private_data;
	struct mcz_pool *pool = READ_ONCE(dev->pool);
	unsigned long start;

	if (unlikely(!pool)) {
		bio_io_error(bio);
		return;
	}
	if (unlikely(!mcz_bio_valid(pool, bio))) {
		mcz_count(pool, invalid_io, 1);
		bio_io_error(bio);
		return;
	}
	/* The block layer only warns. */
	if (op_is_write(bio_op(bio)) && unlikely(bdev_read_only(bio->bi_bdev))) {
		mcz_count(pool, failed_writes, 1);
		bio_io_error(bio);
		return;
	}

	start = bio_start_io_acct(bio);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		mcz_bio_rw(pool, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		mcz_bio_discard(pool, bio);
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
	}
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

#ifdef COMPAT_HAVE_RW_PAGE
/*
 * A huge page, a page that failed, and what concerns the backing device come again
 * as a bio.
 */
static int mcz_rw_page(struct block_device *bdev, sector_t sector,
		       struct page *page, enum req_op op)
{
	struct mcz_dev *dev = bdev->bd_disk->private_data;
	struct mcz_pool *pool = READ_ONCE(dev->pool);
	unsigned long index = sector >> PAGE_SECTORS_SHIFT;
	const bool write = op_is_write(op);
	int r;

	if (PageTransHuge(page))
		return -EOPNOTSUPP;
	if (!pool || sector & (PAGE_SECTORS - 1) || index >= pool->nslots ||
	    (write && bdev_read_only(bdev)))
		return -EIO;
	r = write ? mcz_pool_store(pool, index, page) :
		    mcz_pool_load(pool, index, page);
	if (!r)
		page_endio(page, write, 0);
	return r;
}
#endif

static void mcz_slot_free_notify(struct block_device *bdev, unsigned long index)
{
	struct mcz_dev *dev = bdev->bd_disk->private_data;
	struct mcz_pool *pool = READ_ONCE(dev->pool);

	if (pool && index < pool->nslots) {
		mcz_pool_free(pool, index);
		mcz_count(pool, notify_free, 1);
	}
}

static int mcz_open(COMPAT_OPEN_ARGS)
{
	struct gendisk *disk = COMPAT_OPEN_DISK;
	struct mcz_dev *dev = disk->private_data;

	lockdep_assert_held(&disk->open_mutex);
	return dev->claimed ? -EBUSY : 0;
}

static void mcz_free_disk(struct gendisk *disk)
{
	struct mcz_dev *dev = disk->private_data;

	mutex_destroy(&dev->lock);
	kfree(dev);
}

static const struct block_device_operations mcz_sync_ops = {
	.owner = THIS_MODULE,
	.open = mcz_open,
	.submit_bio = mcz_submit_bio,
	.swap_slot_free_notify = mcz_slot_free_notify,
	.free_disk = mcz_free_disk,
#ifdef COMPAT_HAVE_RW_PAGE
	.rw_page = mcz_rw_page,
#endif
};

static const struct block_device_operations mcz_async_ops = {
	.owner = THIS_MODULE,
	.open = mcz_open,
	.submit_bio = mcz_submit_bio,
	.swap_slot_free_notify = mcz_slot_free_notify,
	.free_disk = mcz_free_disk,
};

/**
 * mcz_disk_is_ours() - is a disk one of these?
 * @disk: any
 *
 * Return: true if so.
 */
bool mcz_disk_is_ours(const struct gendisk *disk)
{
	return disk->fops->owner == THIS_MODULE;
}

/* Nobody has the disk open, and nobody can open it until mcz_unclaim(). */
static int mcz_claim(struct mcz_dev *dev)
{
	struct gendisk *disk = dev->disk;
	int r = 0;

	mutex_lock(&disk->open_mutex);
	if (disk_openers(disk) || dev->claimed)
		r = -EBUSY;
	else
		dev->claimed = true;
	mutex_unlock(&disk->open_mutex);
	return r;
}

static void mcz_unclaim(struct mcz_dev *dev)
{
	mutex_lock(&dev->disk->open_mutex);
	dev->claimed = false;
	mutex_unlock(&dev->disk->open_mutex);
}

/* Nothing is lost by it: what page cache is left belongs to nobody. */
static void mcz_teardown(struct mcz_dev *dev)
{
	struct mcz_pool *pool = dev->pool;

	lockdep_assert_held(&dev->lock);
	sync_blockdev(dev->disk->part0);
	set_capacity_and_notify(dev->disk, 0);
	WRITE_ONCE(dev->pool, NULL);
	if (pool)
		mcz_demoter_destroy(pool->demoter);
	mcz_back_drain(dev->back);
	if (pool)
		mcz_pool_destroy(pool);
	mcz_back_close(dev->back);
	dev->back = NULL;
}

/**
 * mcz_dev_setup() - give a device its size and its store
 * @dev: device without one; lock held
 * @bytes: size, rounded up to a page
 *
 * Return: 0; -EBUSY when it has one; -EINVAL for 0; -EFBIG beyond
 * %MCZ_DISKSIZE_MAX; -ENOMEM; or what the crypto API refuses the algorithm with.
 */
int mcz_dev_setup(struct mcz_dev *dev, u64 bytes)
{
	struct mcz_pool *pool;
	int r;

	lockdep_assert_held(&dev->lock);
	if (dev->pool)
		return -EBUSY;
	if (!bytes)
		return -EINVAL;
	if (bytes > MCZ_DISKSIZE_MAX)
		return -EFBIG;
	pool = mcz_pool_create(dev->disk->disk_name, dev->alg,
			       round_up(bytes, MCZ_PAGE), dev->limit);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	pool->back = dev->back;
	r = pool->back ? mcz_demoter_create(pool, dev) : 0;
	if (r) {
		mcz_pool_destroy(pool);
		return r;
	}
	/* Pairs with READ_ONCE() of those who may have the device open already. */
	smp_store_release(&dev->pool, pool);
	set_capacity_and_notify(dev->disk, pool->nslots * PAGE_SECTORS);
	return 0;
}

static int mcz_set_sync(struct mcz_dev *dev, bool sync)
{
	int r = compat_disk_set_sync(dev->disk, sync,
				     sync ? &mcz_sync_ops : &mcz_async_ops);

	if (!r)
		dev->sync = sync;
	return r;
}

/* Claim it, with nothing under way to its backing device; -EINTR on a signal. */
static int mcz_claim_quiet(struct mcz_dev *dev)
{
	int r = dev->users ? -EBUSY : mcz_claim(dev);

	lockdep_assert_held(&dev->lock);
	if (r || !dev->pool)
		return r;
	r = mcz_demoter_stop(dev->pool->demoter);
	if (r)
		mcz_unclaim(dev);
	return r;
}

/**
 * mcz_dev_reset() - back to a new device: content and settings are gone
 * @dev: device; lock held
 *
 * Return: 0; -EBUSY while it is open, or objects move because user space says so;
 * -EINTR on a signal while the backing device is waited for.
 */
int mcz_dev_reset(struct mcz_dev *dev)
{
	int r;

	lockdep_assert_held(&dev->lock);
	r = mcz_claim_quiet(dev);
	if (r)
		return r;
	mcz_teardown(dev);
	dev->limit = 0;
	WRITE_ONCE(dev->wb_limited, false);
	atomic64_set(&dev->wb_limit, 0);
	strscpy(dev->alg, mcz_default_alg, sizeof(dev->alg));
	r = mcz_set_sync(dev, true);
	mcz_unclaim(dev);
	return r;
}

/**
 * mcz_dev_set_sync() - may swap wait for the device?
 * @dev: device without a store; lock held
 * @sync: true to let swap read in the faulting task, past the swap cache
 *
 * Return: 0, or -EBUSY when it is set up or open.
 */
int mcz_dev_set_sync(struct mcz_dev *dev, bool sync)
{
	int r;

	lockdep_assert_held(&dev->lock);
	if (dev->pool)
		return -EBUSY;
	r = mcz_claim(dev);
	if (r)
		return r;
	r = mcz_set_sync(dev, sync);
	mcz_unclaim(dev);
	return r;
}

/**
 * mcz_dev_create() - a new device
 * @id: its number
 *
 * Context: process; may sleep.
 * Return: the device, or an error pointer.
 */
struct mcz_dev *mcz_dev_create(int id)
{
	struct mcz_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	struct gendisk *disk;
	int r;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	mutex_init(&dev->lock);
	dev->id = id;
	strscpy(dev->alg, mcz_default_alg, sizeof(dev->alg));
	disk = compat_alloc_ram_disk(NUMA_NO_NODE, MCZ_PAGE);
	if (IS_ERR(disk)) {
		kfree(dev);
		return ERR_CAST(disk);
	}
	dev->disk = disk;
	disk->major = mcz_major;
	disk->first_minor = id;
	disk->minors = 1;
	disk->flags |= GENHD_FL_NO_PART;
	disk->fops = &mcz_sync_ops;
	disk->private_data = dev;
	snprintf(disk->disk_name, sizeof(disk->disk_name), "%s%d",
		 mcz_disk_prefix(), id);
	r = mcz_set_sync(dev, true);
	if (r)
		goto err;
	r = device_add_disk(NULL, disk, mcz_disk_groups);
	if (r)
		goto err;
	return dev;
err:
	/* mcz_free_disk() is for disks that have been added. */
	put_disk(disk);
	kfree(dev);
	return ERR_PTR(r);
}

/**
 * mcz_dev_remove() - remove a device with all that is in it
 * @dev: device; gone afterwards
 * @unload: with the module; wait for as long as it takes
 *
 * Context: process; may sleep; no sysfs file of the device may wait for the caller.
 * Return: 0; without @unload also what mcz_dev_reset() returns.
 */
int mcz_dev_remove(struct mcz_dev *dev, bool unload)
{
	int r;

	/* A reset holds the claim only while it holds the lock. */
	mutex_lock(&dev->lock);
	r = unload ? mcz_claim(dev) : mcz_claim_quiet(dev);
	mutex_unlock(&dev->lock);
	if (r)
		return r;
	/* Ends the sysfs files; after that nobody can set it up again. */
	del_gendisk(dev->disk);
	mutex_lock(&dev->lock);
	mcz_teardown(dev);
	mutex_unlock(&dev->lock);
	put_disk(dev->disk);
	return 0;
}

/**
 * mcz_disk_init() - before any device
 *
 * Return: 0 or a negative errno.
 */
int mcz_disk_init(void)
{
	mcz_major = register_blkdev(0, mcz_disk_prefix());
	return min(mcz_major, 0);
}

/** mcz_disk_exit() - after the last device */
void mcz_disk_exit(void)
{
	unregister_blkdev(mcz_major, mcz_disk_prefix());
}
