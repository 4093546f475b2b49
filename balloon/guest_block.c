// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks of 2 MiB, and free page reporting.
 *
 * A host discards what comes through the reporting queue element by element, whatever
 * its length: a block costs as much as a page, and none of its huge pages is split. The
 * device defines no way back: what was reported may be used again without a word.
 *
 * Where reporting is not offered, or the device ignores it because freed pages of this
 * guest have a pattern, blocks are told of page by page, in order: then a host may
 * at least put its huge pages back together, and the guest's list stays short.
 */
#include <linux/mm.h>

#include "guest.h"

/* Reclaim may be tried once, gently: what is not free can have single pages tried. */
#define VMG_BLOCK_GFP (GFP_HIGHUSER | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN)

/* vmg_block_alloc() - a block, or NULL */
struct page *vmg_block_alloc(void)
{
	return alloc_pages(VMG_BLOCK_GFP, VMG_BLOCK_ORDER);
}

/* vmg_account() - tell the kernel that it manages @pages more, or less */
void vmg_account(struct vmg_dev *dev, struct page *page, long pages)
{
	/* A balloon that deflates on OOM is still the guest's memory. */
	if (!virtio_has_feature(dev->vdev, VIRTIO_BALLOON_F_DEFLATE_ON_OOM))
		adjust_managed_page_count(page, pages);
}

/* A dump must not read what the host has discarded: that would bring it back. */
static void vmg_block_mark(struct page *page, bool offline)
{
	unsigned int i;

	for (i = 0; i < VMG_BLOCK_PAGES; i++) {
		if (offline)
			__SetPageOffline(page + i);
		else
			__ClearPageOffline(page + i);
	}
}

/* vmg_block_free() - free a block that was taken out of the balloon */
void vmg_block_free(struct vmg_dev *dev, struct page *page)
{
	vmg_account(dev, page, VMG_BLOCK_PAGES);
	__free_pages(page, VMG_BLOCK_ORDER);
}

/* vmg_blocks_keep() - put @n blocks into the balloon */
void vmg_blocks_keep(struct vmg_dev *dev, struct list_head *list, unsigned int n)
{
	struct page *page;

	list_for_each_entry(page, list, lru) {
		vmg_account(dev, page, -(long)VMG_BLOCK_PAGES);
		vmg_block_mark(page, true);
	}
	spin_lock(&dev->block_lock);
	list_splice_init(list, &dev->blocks);
	dev->n_blocks += n;
	spin_unlock(&dev->block_lock);
}

/*
 * vmg_blocks_take_within() - take up to @n blocks out of the balloon that have pages from
 * @start on, below @end
 *
 * Return: how many.
 */
unsigned int vmg_blocks_take_within(struct vmg_dev *dev, struct list_head *list,
				    unsigned int n, unsigned long start, unsigned long end)
{
	struct page *page, *next;
	unsigned int taken = 0;

	spin_lock(&dev->block_lock);
	list_for_each_entry_safe(page, next, &dev->blocks, lru) {
		unsigned long pfn = page_to_pfn(page);

		if (taken == n)
			break;
		if (pfn + VMG_BLOCK_PAGES <= start || pfn >= end)
			continue;
		list_move(&page->lru, list);
		taken++;
	}
	dev->n_blocks -= taken;
	spin_unlock(&dev->block_lock);
	list_for_each_entry(page, list, lru)
		vmg_block_mark(page, false);
	return taken;
}

/*
 * vmg_blocks_take() - take up to @n blocks out of the balloon, the last ones first
 *
 * Return: how many.
 */
unsigned int vmg_blocks_take(struct vmg_dev *dev, struct list_head *list, unsigned int n)
{
	return vmg_blocks_take_within(dev, list, n, 0, ULONG_MAX);
}

static int vmg_report_sg(struct vmg_dev *dev, struct scatterlist *sg, unsigned int n)
{
	int err;

	lockdep_assert_held(&dev->report_lock);
	if (!dev->report)
		return -ENODEV;
	err = virtqueue_add_inbuf(dev->report, sg, n, dev, GFP_NOWAIT | __GFP_NOWARN);
	if (err)
		return err;
	virtqueue_kick(dev->report);
	vmg_wait(dev, dev->report);
	return 0;
}

/*
 * vmg_blocks_report() - have the host discard blocks, at most %VMG_BATCH_BLOCKS
 *
 * Return: 0, or an error: then it did not.
 */
int vmg_blocks_report(struct vmg_dev *dev, struct list_head *list)
{
	struct page *page;
	unsigned int n = 0;
	int err;

	mutex_lock(&dev->report_lock);
	sg_init_table(dev->report_sg, VMG_BATCH_BLOCKS);
	list_for_each_entry(page, list, lru)
		sg_set_page(&dev->report_sg[n++], page, PAGE_SIZE << VMG_BLOCK_ORDER, 0);
	sg_mark_end(&dev->report_sg[n - 1]);
	err = vmg_report_sg(dev, dev->report_sg, n);
	mutex_unlock(&dev->report_lock);
	return err;
}

static int vmg_report_free(struct page_reporting_dev_info *reporting,
			   struct scatterlist *sg, unsigned int n)
{
	struct vmg_dev *dev = container_of(reporting, struct vmg_dev, reporting);
	int err;

	mutex_lock(&dev->report_lock);
	err = vmg_report_sg(dev, sg, n);
	mutex_unlock(&dev->report_lock);
	if (!err)
		vmg_grab_reported(dev, sg, n);
	return err;
}

/*
 * vmg_reporting_start() - report memory as it becomes free
 *
 * Return: 0, also where another device does that already: blocks need it not.
 */
int vmg_reporting_start(struct vmg_dev *dev)
{
	int err;

	if (!dev->report)
		return 0;
	if (virtqueue_get_vring_size(dev->report) < PAGE_REPORTING_CAPACITY)
		return -ENOSPC;
	dev->reporting.report = vmg_report_free;
	err = page_reporting_register(&dev->reporting);
	if (err == -EBUSY) {
		dev_info(&dev->vdev->dev, "free memory is reported by another device\n");
		return 0;
	}
	dev->registered = !err;
	return err;
}

/* vmg_reporting_stop() - the end of that; returns when no report runs */
void vmg_reporting_stop(struct vmg_dev *dev)
{
	if (dev->registered)
		page_reporting_unregister(&dev->reporting);
	dev->registered = false;
}
