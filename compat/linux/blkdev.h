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
#define compat_alloc_ram_disk(node, page_size)				\
({									\
	struct queue_limits _lim = {					\
		.logical_block_size = (page_size),			\
		.physical_block_size = (page_size),			\
		.io_min = (page_size),					\
		.io_opt = (page_size),					\
		.max_hw_discard_sectors = UINT_MAX,			\
		.max_write_zeroes_sectors = UINT_MAX,			\
		.features = BLK_FEAT_STABLE_WRITES,			\
	};								\
	blk_alloc_disk(&_lim, (node));					\
})

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

#define COMPAT_BLOCK_OPEN(name, fn)					\
static int name(struct gendisk *disk, blk_mode_t mode)			\
{									\
	return fn(disk);						\
}

#define COMPAT_BLOCK_RW_PAGE(name, fn)
#define COMPAT_BLOCK_RW_PAGE_OP(name)
#else
#include <linux/err.h>
#include <linux/pagemap.h>

#define compat_alloc_ram_disk(node, page_size)				\
({									\
	struct gendisk *_disk = blk_alloc_disk(node);			\
									\
	if (_disk) {							\
		struct request_queue *_q = _disk->queue;		\
									\
		blk_queue_logical_block_size(_q, (page_size));		\
		blk_queue_physical_block_size(_q, (page_size));		\
		blk_queue_io_min(_q, (page_size));			\
		blk_queue_io_opt(_q, (page_size));			\
		_q->limits.discard_granularity = (page_size);		\
		blk_queue_max_discard_sectors(_q, UINT_MAX);		\
		blk_queue_max_write_zeroes_sectors(_q, UINT_MAX);	\
		blk_queue_flag_set(QUEUE_FLAG_NONROT, _q);		\
		blk_queue_flag_clear(QUEUE_FLAG_ADD_RANDOM, _q);	\
		blk_queue_flag_set(QUEUE_FLAG_STABLE_WRITES, _q);	\
	}								\
	_disk ?: ERR_PTR(-ENOMEM);					\
})

static inline int compat_disk_set_sync(struct gendisk *disk, bool sync,
				       const struct block_device_operations *ops)
{
	disk->fops = ops;
	return 0;
}

#define COMPAT_BLOCK_OPEN(name, fn)					\
static int name(struct block_device *bdev, fmode_t mode)		\
{									\
	return fn(bdev->bd_disk);					\
}

/* A huge page, and a page that failed, come again as a bio. */
#define COMPAT_BLOCK_RW_PAGE(name, fn)					\
static int name(struct block_device *bdev, sector_t sector,		\
		struct page *page, enum req_op op)			\
{									\
	int r;								\
									\
	if (PageTransHuge(page))					\
		return -EOPNOTSUPP;					\
	r = fn(bdev->bd_disk, sector, page, op_is_write(op));		\
	if (!r)								\
		page_endio(page, op_is_write(op), 0);			\
	return r;							\
}

#define COMPAT_BLOCK_RW_PAGE_OP(name) .rw_page = (name),
#endif

#endif /* COMPAT_LINUX_BLKDEV_H */
