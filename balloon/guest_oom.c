// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that must come back at once: before a process is killed, and when memory goes
 * offline.
 *
 * Neither waits for the host: pages are used first, and it is told afterwards, which the
 * device allows. What cannot be noted for telling stays in the balloon.
 *
 * Before a process is killed all of the balloon may be used where the device offers
 * "deflate on OOM", else what is held for the link beyond the device's own target: that
 * holds even then.
 */
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/oom.h>

#include "guest.h"

/* Given back for each call before something would be killed: 64 MiB or 4 MiB. */
#define VMG_OOM_BLOCKS 32
#define VMG_OOM_PAGES 1024

/* Before others that give less. */
#define VMG_OOM_PRIORITY 90

/*
 * Note @n pages from @pfn for telling. Room was made sure of, unless both notifiers run
 * at once: the host is then not told of some, which costs it nothing.
 */
static void vmg_untold(struct vmg_dev *dev, unsigned long pfn, unsigned int n)
{
	spin_lock(&dev->block_lock);
	if (dev->n_untold < VMG_UNTOLD_MAX) {
		dev->untold[dev->n_untold].pfn = pfn;
		dev->untold[dev->n_untold].n = n;
		dev->n_untold++;
	}
	spin_unlock(&dev->block_lock);
}

static unsigned int vmg_untold_room(struct vmg_dev *dev)
{
	unsigned int room;

	spin_lock(&dev->block_lock);
	room = VMG_UNTOLD_MAX - dev->n_untold;
	spin_unlock(&dev->block_lock);
	return room;
}

/* Free blocks that are out of the balloon; how many pages. */
static unsigned long vmg_oom_free_blocks(struct vmg_dev *dev, struct list_head *list)
{
	struct page *page, *next;
	unsigned long pages = 0;

	list_for_each_entry_safe(page, next, list, lru) {
		if (!dev->by_report)
			vmg_untold(dev, page_to_pfn(page), VMG_BLOCK_PAGES);
		vmg_block_free(dev, page);
		pages += VMG_BLOCK_PAGES;
	}
	return pages;
}

static unsigned long vmg_oom_free_pages(struct vmg_dev *dev, unsigned int n)
{
	struct page *page;
	LIST_HEAD(list);

	n = balloon_page_list_dequeue(&dev->pages, &list, n);
	atomic_long_sub(n, &dev->n_pages);
	while ((page = balloon_page_pop(&list))) {
		vmg_untold(dev, page_to_pfn(page), 1);
		vmg_account(dev, page, 1);
		put_page(page);
	}
	return n;
}

/* The balloon is not to grow from here until the host changes its mind. */
static void vmg_spare(struct vmg_dev *dev)
{
	struct vmg_holding have = { .pages = max(atomic_long_read(&dev->n_pages), 0L) };
	u32 num_pages = READ_ONCE(dev->num_pages);

	spin_lock(&dev->block_lock);
	have.blocks = dev->n_blocks;
	if (num_pages > vmg_size(&have))
		dev->spared = num_pages - vmg_size(&have);
	spin_unlock(&dev->block_lock);
}

/* Pages that may be used before something is killed. */
static u64 vmg_oom_most(struct vmg_dev *dev)
{
	struct vmg_holding have;
	u64 size;

	vmg_have(dev, &have);
	size = vmg_size(&have);
	if (virtio_has_feature(dev->vdev, VIRTIO_BALLOON_F_DEFLATE_ON_OOM))
		return size;
	return size - min_t(u64, size, READ_ONCE(dev->own_pages));
}

static int vmg_oom_notify(struct notifier_block *nb, unsigned long unused, void *data)
{
	struct vmg_dev *dev = container_of(nb, struct vmg_dev, oom);
	unsigned long *freed = data, pages = 0;
	unsigned int room = vmg_untold_room(dev), blocks;
	u64 most = vmg_oom_most(dev);
	LIST_HEAD(list);

	blocks = min_t(u64, VMG_OOM_BLOCKS, most / VMG_BLOCK_PAGES);
	if (!dev->by_report)
		blocks = min(blocks, room);
	if (vmg_blocks_take(dev, &list, blocks))
		pages = vmg_oom_free_blocks(dev, &list);
	else if (min_t(u64, room, most))
		pages = vmg_oom_free_pages(dev, min3((u64)VMG_OOM_PAGES, (u64)room, most));
	if (!pages)
		return NOTIFY_OK;
	vmg_spare(dev);
	*freed += pages;
	vmg_queue_resize(dev, 0);
	return NOTIFY_OK;
}

/* Blocks cannot be migrated: those of memory that is to go are given back. */
static int vmg_memory_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct vmg_dev *dev = container_of(nb, struct vmg_dev, memory);
	const struct memory_notify *range = data;
	unsigned int most = UINT_MAX;
	LIST_HEAD(list);

	if (action != MEM_GOING_OFFLINE)
		return NOTIFY_OK;
	if (!dev->by_report)
		most = vmg_untold_room(dev);
	if (vmg_blocks_take_within(dev, &list, most, range->start_pfn,
				   range->start_pfn + range->nr_pages))
		vmg_oom_free_blocks(dev, &list);
	vmg_queue_resize(dev, 0);
	return NOTIFY_OK;
}

/*
 * vmg_oom_init() - be there in an emergency
 *
 * Return: 0 or an error.
 */
int vmg_oom_init(struct vmg_dev *dev)
{
	int err;

	dev->memory.notifier_call = vmg_memory_notify;
	err = register_memory_notifier(&dev->memory);
	if (err)
		return err;
	dev->oom.notifier_call = vmg_oom_notify;
	dev->oom.priority = VMG_OOM_PRIORITY;
	err = register_oom_notifier(&dev->oom);
	if (err)
		unregister_memory_notifier(&dev->memory);
	return err;
}

/* vmg_oom_exit() - the end of that */
void vmg_oom_exit(struct vmg_dev *dev)
{
	unregister_oom_notifier(&dev->oom);
	unregister_memory_notifier(&dev->memory);
}
