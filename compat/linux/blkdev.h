/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_BLKDEV_H
#define COMPAT_LINUX_BLKDEV_H

#include <linux/version.h>
#include_next <linux/blkdev.h>

/*
 * Linux 6.9 gave blk_alloc_disk() the queue's limits, 6.11 put the queue's
 * features in there, and 6.5 changed what open() is handed. Linux 6.6 dropped
 * rw_page(), by which a swap device said that it is synchronous.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static inline struct gendisk *compat_alloc_ram_disk(int node, unsigned int page)
{
	struct queue_limits lim = {
		.logical_block_size = page,
		.physical_block_size = page,
		.io_min = page,
		.io_opt = page,
		.max_hw_discard_sectors = UINT_MAX,
		.max_write_zeroes_sectors = UINT_MAX,
		.features = BLK_FEAT_STABLE_WRITES,
	};

	return blk_alloc_disk(&lim, node);
}

static inline int compat_disk_set_sync(struct gendisk *disk, bool sync,
				       const struct block_device_operations *ops)
{
	struct queue_limits lim = queue_limits_start_update(disk->queue);

	if (sync)
		lim.features |= BLK_FEAT_SYNCHRONOUS;
	else
		lim.features &= ~BLK_FEAT_SYNCHRONOUS;
	return queue_limits_commit_update(disk->queue, &lim);
}

/* A disk that passes everything on: what its bios may be is for others to say. */
static inline struct gendisk *compat_alloc_pass_disk(int node)
{
	struct queue_limits lim = { };

	blk_set_stacking_limits(&lim);
	lim.max_zone_append_sectors = 0;
	lim.max_hw_discard_sectors = UINT_MAX;
	lim.max_secure_erase_sectors = UINT_MAX;
	lim.max_write_zeroes_sectors = UINT_MAX;
	lim.features |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA | BLK_FEAT_NOWAIT;
	return blk_alloc_disk(&lim, node);
}

#define COMPAT_OPEN_ARGS struct gendisk *opened, blk_mode_t mode
#define COMPAT_OPEN_DISK opened
#else
#include <linux/err.h>
#include <linux/pagemap.h>

static inline struct gendisk *compat_alloc_ram_disk(int node, unsigned int page)
{
	struct gendisk *disk = blk_alloc_disk(node);
	struct request_queue *q;

	if (!disk)
		return ERR_PTR(-ENOMEM);
	q = disk->queue;
	blk_queue_logical_block_size(q, page);
	blk_queue_physical_block_size(q, page);
	blk_queue_io_min(q, page);
	blk_queue_io_opt(q, page);
	q->limits.discard_granularity = page;
	blk_queue_max_discard_sectors(q, UINT_MAX);
	blk_queue_max_write_zeroes_sectors(q, UINT_MAX);
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
	blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, q);
	blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, q);
	return disk;
}

static inline struct gendisk *compat_alloc_pass_disk(int node)
{
	struct gendisk *disk = blk_alloc_disk(node);
	struct request_queue *q;

	if (!disk)
		return ERR_PTR(-ENOMEM);
	q = disk->queue;
	blk_set_stacking_limits(&q->limits);
	blk_queue_max_discard_sectors(q, UINT_MAX);
	blk_queue_max_secure_erase_sectors(q, UINT_MAX);
	blk_queue_max_write_zeroes_sectors(q, UINT_MAX);
	blk_queue_write_cache(q, true, true);
	blk_queue_flag_set(QUEUE_FLAG_NOWAIT, q);
	return disk;
}

static inline int compat_disk_set_sync(struct gendisk *disk, bool sync,
				       const struct block_device_operations *ops)
{
	disk->fops = ops;
	return 0;
}

#define COMPAT_OPEN_ARGS struct block_device *opened, fmode_t mode
#define COMPAT_OPEN_DISK (opened->bd_disk)
#define COMPAT_HAVE_RW_PAGE
#endif

/*
 * Linux 6.9 made an open block device a file; before, exclusive was a mode.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define COMPAT_BDEV struct file

static inline struct file *compat_bdev_open(const char *path, void *holder)
{
	return bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE,
				      holder, NULL);
}

static inline struct block_device *compat_bdev_of(struct file *handle)
{
	return file_bdev(handle);
}

static inline void compat_bdev_close(struct file *handle, void *holder)
{
	bdev_fput(handle);
}
#else
#define COMPAT_BDEV struct block_device

static inline struct block_device *compat_bdev_open(const char *path,
						    void *holder)
{
	return blkdev_get_by_path(path, FMODE_READ | FMODE_WRITE | FMODE_EXCL,
				  holder);
}

static inline struct block_device *compat_bdev_of(struct block_device *handle)
{
	return handle;
}

static inline void compat_bdev_close(struct block_device *handle, void *holder)
{
	blkdev_put(handle, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
}
#endif

#endif /* COMPAT_LINUX_BLKDEV_H */
