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
 * A bio is served in the task that sends it. Its pieces are mostly whole pages;
 * direct I/O from odd addresses and file systems' small buffers come in parts,
 * which are read, changed and written back under one mutex.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/highmem.h>
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

/* Part of a page: by way of a page of our own. */
static int mcz_write_part(struct mcz_pool *pool, unsigned long index,
			  unsigned int offset, const struct bio_vec *bv)
{
	struct page *page = alloc_page(GFP_NOIO);
	void *addr;
	int r;

	if (!page)
		return -ENOMEM;
	mutex_lock(&pool->partial);
	r = mcz_pool_load(pool, index, page);
	if (!r) {
		addr = kmap_local_page(page);
		memcpy_from_bvec(addr + offset, (struct bio_vec *)bv);
		kunmap_local(addr);
		r = mcz_pool_store(pool, index, page);
	}
	mutex_unlock(&pool->partial);
	__free_page(page);
	return r;
}

static int mcz_read_part(struct mcz_pool *pool, unsigned long index,
			 unsigned int offset, const struct bio_vec *bv)
{
	struct page *page = alloc_page(GFP_NOIO);
	void *addr;
	int r;

	if (!page)
		return -ENOMEM;
	r = mcz_pool_load(pool, index, page);
	if (!r) {
		addr = kmap_local_page(page);
		memcpy_to_bvec((struct bio_vec *)bv, addr + offset);
		kunmap_local(addr);
	}
	__free_page(page);
	return r;
}

static int mcz_rw(struct mcz_pool *pool, unsigned long index, unsigned int offset,
		  const struct bio_vec *bv, bool write)
{
	int r;

	if (unlikely(index >= pool->nslots)) {
		mcz_count(pool, invalid_io, 1);
		return -EIO;
	}
	if (bv->bv_len == MCZ_PAGE && !bv->bv_offset)
		r = write ? mcz_pool_store(pool, index, bv->bv_page) :
			    mcz_pool_load(pool, index, bv->bv_page);
	else
		r = write ? mcz_write_part(pool, index, offset, bv) :
			    mcz_read_part(pool, index, offset, bv);
	if (unlikely(r)) {
		if (write)
			mcz_count(pool, failed_writes, 1);
		else
			mcz_count(pool, failed_reads, 1);
	}
	return r;
}

static void mcz_bio_rw(struct mcz_pool *pool, struct bio *bio)
{
	const bool write = op_is_write(bio_op(bio));
	unsigned long start = bio_start_io_acct(bio);
	struct bvec_iter iter = bio->bi_iter;

	while (iter.bi_size) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);
		unsigned int offset = (iter.bi_sector & (PAGE_SECTORS - 1)) <<
				      SECTOR_SHIFT;

		bv.bv_len = min_t(u32, bv.bv_len, MCZ_PAGE - offset);
		if (mcz_rw(pool, iter.bi_sector >> PAGE_SECTORS_SHIFT, offset,
			   &bv, write)) {
			bio->bi_status = BLK_STS_IOERR;
			break;
		}
		bio_advance_iter_single(bio, &iter, bv.bv_len);
	}
	bio_end_io_acct(bio, start);
	bio_endio(bio);
}

/* Pages that lie in the range as a whole are gone; they read as zeroes. */
static void mcz_bio_discard(struct mcz_pool *pool, struct bio *bio)
{
	sector_t first = bio->bi_iter.bi_sector;
	unsigned long index = DIV_ROUND_UP(first, PAGE_SECTORS);
	unsigned long end = bio_end_sector(bio) >> PAGE_SECTORS_SHIFT;

	for (end = min(end, pool->nslots); index < end; index++) {
		mcz_pool_free(pool, index);
		mcz_count(pool, notify_free, 1);
		cond_resched();
	}
	bio_endio(bio);
}

static void mcz_submit_bio(struct bio *bio)
{
	struct mcz_dev *dev = bio->bi_bdev->bd_disk->private_data;
	struct mcz_pool *pool = READ_ONCE(dev->pool);

	if (unlikely(!pool)) {
		bio_io_error(bio);
		return;
	}
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
		bio_endio(bio);
	}
}

static int __maybe_unused mcz_rw_page(struct gendisk *disk, sector_t sector,
				      struct page *page, bool write)
{
	struct mcz_dev *dev = disk->private_data;
	struct mcz_pool *pool = READ_ONCE(dev->pool);
	const struct bio_vec bv = {
		.bv_page = page,
		.bv_len = MCZ_PAGE,
	};

	return pool ? mcz_rw(pool, sector >> PAGE_SECTORS_SHIFT, 0, &bv, write) :
		      -EIO;
}

static void mcz_slot_free_notify(struct block_device *bdev, unsigned long index)
{
	struct mcz_dev *dev = bdev->bd_disk->private_data;
	struct mcz_pool *pool = READ_ONCE(dev->pool);

	if (pool && index < pool->nslots) {
		mcz_pool_free(pool, index);
		mcz_count(pool, notify_free, 1);
	}
}

static int mcz_open(struct gendisk *disk)
{
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

COMPAT_BLOCK_OPEN(mcz_open_op, mcz_open)
COMPAT_BLOCK_RW_PAGE(mcz_rw_page_op, mcz_rw_page)

static const struct block_device_operations mcz_sync_ops = {
	.owner = THIS_MODULE,
	.open = mcz_open_op,
	.submit_bio = mcz_submit_bio,
	.swap_slot_free_notify = mcz_slot_free_notify,
	.free_disk = mcz_free_disk,
	COMPAT_BLOCK_RW_PAGE_OP(mcz_rw_page_op)
};

static const struct block_device_operations mcz_async_ops = {
	.owner = THIS_MODULE,
	.open = mcz_open_op,
	.submit_bio = mcz_submit_bio,
	.swap_slot_free_notify = mcz_slot_free_notify,
	.free_disk = mcz_free_disk,
};

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
		mcz_pool_destroy(pool);
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
	WRITE_ONCE(dev->pool, pool);
	set_capacity_and_notify(dev->disk, pool->nslots * PAGE_SECTORS);
	return 0;
}

/**
 * mcz_dev_reset() - back to a bare device; all content is gone
 * @dev: device; lock held
 *
 * Return: 0, or -EBUSY while it is open.
 */
int mcz_dev_reset(struct mcz_dev *dev)
{
	int r;

	lockdep_assert_held(&dev->lock);
	r = mcz_claim(dev);
	if (r)
		return r;
	mcz_teardown(dev);
	mcz_unclaim(dev);
	return 0;
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
	r = compat_disk_set_sync(dev->disk, sync,
				 sync ? &mcz_sync_ops : &mcz_async_ops);
	if (!r)
		dev->sync = sync;
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
	r = compat_disk_set_sync(disk, true, &mcz_sync_ops);
	if (r)
		goto err;
	dev->sync = true;
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
 *
 * Context: process; may sleep; no sysfs file of the device may wait for the caller.
 * Return: 0, or -EBUSY while it is open.
 */
int mcz_dev_remove(struct mcz_dev *dev)
{
	int r;

	/* A reset holds the claim only while it holds the lock. */
	mutex_lock(&dev->lock);
	r = mcz_claim(dev);
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
