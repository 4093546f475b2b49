/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmballoon: what its files share.
 *
 * Lock order: queue_lock before report_lock; spin locks (block_lock, hint_lock, the
 * page list's) are innermost and never nested in each other. The OOM and the memory
 * notifier take spin locks alone: they wait for neither host nor memory.
 */
#ifndef VMG_GUEST_H
#define VMG_GUEST_H

#include <linux/balloon_compaction.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/page_reporting.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "guest_core.h"

struct shrinker;
struct vmg_link;

/* Pages that may be taken back before the host is told: ranges. */
#define VMG_UNTOLD_MAX 4096

/* Milliseconds after which a device that may have lost its interrupts is looked at. */
#define VMG_LOOK_MS 2000

/* The same while it waits for a device that has lost them; more than one jiffy. */
#define VMG_DEAF_MS 20

/**
 * struct vmg_range - pages taken back that the host has not been told of
 * @pfn: first one
 * @n: how many
 */
struct vmg_range {
	u32 pfn;
	u32 n;
};

/**
 * struct vmg_dev - a balloon device
 * @vdev: the device
 * @inflate: pages to the host; by @queue_lock
 * @deflate: pages back; by @queue_lock
 * @stats: answers to the host's requests; by @stats_work alone
 * @hint: free memory that need not be migrated; by @hint_work alone
 * @report: blocks to the host and free memory; by @report_lock
 * @wq: runs all work; freezable
 * @acked: woken when the host has used a buffer
 * @stop_lock: protects @stop
 * @stop: no work may be queued any more
 * @resize: brings the balloon to its size
 * @stats_work: answers a request
 * @hint_work: carries out a hinting command
 * @hint_news: the device's configuration changed since the command was read
 * @queue_lock: protects @inflate, @deflate, @pfns, and single pages on their way
 * @pfns: pages to tell of; %VMG_BATCH_PAGES
 * @report_lock: protects @report and @report_sg
 * @report_sg: blocks to tell of
 * @by_report: blocks are told of by @report, else page by page
 * @reporting: free page reporting; registered if @registered
 * @registered: we are the kernel's reporting device
 * @grabbed: blocks kept so since probe; by reports alone
 * @pages: single pages of the balloon
 * @n_pages: how many
 * @block_lock: protects @grab, @blocks, @n_blocks, @untold, @n_untold, @spared
 * @grab: blocks to keep of what is reported; by @block_lock
 * @blocks: of the balloon, by page->lru
 * @n_blocks: how many
 * @untold: taken back in an emergency
 * @n_untold: how many entries
 * @spared: pages that the balloon lacked after an emergency; 0 once the target changes
 * @num_pages: target that was last read; written by @resize alone
 * @own_pages: the device's part of it, where the link's is larger; by @resize alone
 * @backoff: milliseconds until the next attempt; by @resize alone
 * @scarce: no block was to be had, until then or a new target; by @resize alone
 * @stat: buffer of @stats
 * @hint_lock: protects @hints and @n_hints
 * @hints: free memory allocated for hints, by page->lru
 * @n_hints: how many
 * @hint_id: of the running command, as the host reads it
 * @hint_stop: the command that ends hints, likewise
 * @hint_active: the command last carried out; by @hint_work alone
 * @hinted: there were hints, and interrupts may be lost since
 * @deaf: the last buffer was used without an interrupt
 * @hint_shrinker: frees @hints under pressure
 * @oom: frees the balloon before anything is killed
 * @memory: gives back blocks of memory that goes offline
 * @link: to vmballoon_host, or NULL; by probe and remove
 * @link_pages: what it wants the balloon to hold at least; written by its thread alone
 */
struct vmg_dev {
	struct virtio_device *vdev;
	struct virtqueue *inflate;
	struct virtqueue *deflate;
	struct virtqueue *stats;
	struct virtqueue *hint;
	struct virtqueue *report;
	struct workqueue_struct *wq;
	wait_queue_head_t acked;
	/* Protects stop; taken from interrupts. */
	spinlock_t stop_lock;
	bool stop;
	struct delayed_work resize;
	struct work_struct stats_work;
	struct work_struct hint_work;
	int hint_news;

	/* Protects inflate, deflate and pfns. */
	struct mutex queue_lock;
	__virtio32 *pfns;

	/* Protects report and report_sg. */
	struct mutex report_lock;
	struct scatterlist report_sg[VMG_BATCH_BLOCKS];
	bool by_report;
	struct page_reporting_dev_info reporting;
	bool registered;
	unsigned long grabbed;

	struct balloon_dev_info pages;
	atomic_long_t n_pages;
	/* Protects the members that follow, down to spared. */
	spinlock_t block_lock;
	unsigned int grab;
	struct list_head blocks;
	unsigned long n_blocks;
	struct vmg_range *untold;
	unsigned int n_untold;
	u64 spared;
	u32 num_pages;
	u32 own_pages;
	unsigned int backoff;
	bool scarce;

	struct virtio_balloon_stat stat[VIRTIO_BALLOON_S_NR];

	/* Protects hints and n_hints. */
	spinlock_t hint_lock;
	struct list_head hints;
	unsigned long n_hints;
	__virtio32 hint_id;
	__virtio32 hint_stop;
	u32 hint_active;
	bool hinted;
	bool deaf;
	struct shrinker *hint_shrinker;

	struct notifier_block oom;
	struct notifier_block memory;
	struct vmg_link *link;
	u32 link_pages;
};

/* guest_main.c */
void vmg_wait(struct vmg_dev *dev, struct virtqueue *vq);
void vmg_queue(struct vmg_dev *dev, struct work_struct *work);
void vmg_queue_resize(struct vmg_dev *dev, unsigned int ms);
void vmg_look(struct vmg_dev *dev);

/* guest_move.c */
int vmg_move_init(struct vmg_dev *dev);
void vmg_move_exit(struct vmg_dev *dev);
void vmg_take_all(struct vmg_dev *dev);
void vmg_have(struct vmg_dev *dev, struct vmg_holding *have);

/* guest_block.c */
struct page *vmg_block_alloc(void);
void vmg_block_free(struct vmg_dev *dev, struct page *page);
void vmg_account(struct vmg_dev *dev, struct page *page, long pages);
void vmg_blocks_keep(struct vmg_dev *dev, struct list_head *list, unsigned int n);
unsigned int vmg_blocks_take(struct vmg_dev *dev, struct list_head *list, unsigned int n);
unsigned int vmg_blocks_take_within(struct vmg_dev *dev, struct list_head *list,
				    unsigned int n, unsigned long start, unsigned long end);
int vmg_blocks_report(struct vmg_dev *dev, struct list_head *list);
int vmg_reporting_start(struct vmg_dev *dev);
void vmg_reporting_stop(struct vmg_dev *dev);

/* guest_grab.c */
void vmg_grab_reported(struct vmg_dev *dev, struct scatterlist *sg, unsigned int n);
unsigned int vmg_grab_blocks(struct vmg_dev *dev, unsigned int n);

/* guest_stats.c */
int vmg_stats_prime(struct vmg_dev *dev);
void vmg_stats_work(struct work_struct *work);
void vmg_stats_request(struct virtqueue *vq);

/* guest_hint.c */
int vmg_hint_init(struct vmg_dev *dev);
void vmg_hint_exit(struct vmg_dev *dev);
void vmg_hint_free_all(struct vmg_dev *dev);

/* guest_oom.c */
int vmg_oom_init(struct vmg_dev *dev);
void vmg_oom_exit(struct vmg_dev *dev);

/* guest_link.c */
void vmg_link_start(struct vmg_dev *dev);
void vmg_link_stop(struct vmg_dev *dev);

#endif /* VMG_GUEST_H */
