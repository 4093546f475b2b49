// SPDX-License-Identifier: GPL-2.0
/*
 * The steps of the balloon, and single pages.
 *
 * Single pages are the last resort: told of one by one, they split huge pages of the
 * host. They can be migrated, so that they cost the guest no large blocks.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "guest.h"

/* Milliseconds between attempts to get memory that is not to be had. */
#define VMG_BACKOFF_MIN 200
#define VMG_BACKOFF_MAX 5000

/* Milliseconds after which others get a turn: those who put the machine to sleep wait for it. */
#define VMG_TURN_MS 100

static void vmg_tell(struct vmg_dev *dev, struct virtqueue *vq, unsigned int n)
{
	struct scatterlist sg;

	lockdep_assert_held(&dev->queue_lock);
	sg_init_one(&sg, dev->pfns, n * sizeof(*dev->pfns));
	/* The queue is empty: only a device that is gone takes no buffer. */
	if (virtqueue_add_outbuf(vq, &sg, 1, dev, GFP_NOWAIT))
		return;
	virtqueue_kick(vq);
	vmg_wait(dev, vq);
}

static void vmg_set_pfn(struct vmg_dev *dev, unsigned int i, unsigned long pfn)
{
	dev->pfns[i] = cpu_to_virtio32(dev->vdev, pfn);
}

/* @n pages from @pfn on, a batch at a time. */
static void vmg_tell_range(struct vmg_dev *dev, struct virtqueue *vq, unsigned long pfn,
			   unsigned int n)
{
	while (n) {
		unsigned int i, batch = min(n, VMG_BATCH_PAGES);

		for (i = 0; i < batch; i++)
			vmg_set_pfn(dev, i, pfn + i);
		vmg_tell(dev, vq, batch);
		pfn += batch;
		n -= batch;
	}
}

static void vmg_tell_blocks(struct vmg_dev *dev, struct virtqueue *vq,
			    struct list_head *list)
{
	struct page *page;

	mutex_lock(&dev->queue_lock);
	list_for_each_entry(page, list, lru)
		vmg_tell_range(dev, vq, page_to_pfn(page), VMG_BLOCK_PAGES);
	mutex_unlock(&dev->queue_lock);
}

/* What was taken back in an emergency. */
static void vmg_tell_untold(struct vmg_dev *dev)
{
	struct vmg_range range;
	bool more;

	mutex_lock(&dev->queue_lock);
	do {
		spin_lock(&dev->block_lock);
		more = dev->n_untold;
		if (more)
			range = dev->untold[--dev->n_untold];
		spin_unlock(&dev->block_lock);
		if (more)
			vmg_tell_range(dev, dev->deflate, range.pfn, range.n);
	} while (more);
	mutex_unlock(&dev->queue_lock);
}

static unsigned int vmg_give_blocks(struct vmg_dev *dev, unsigned int n)
{
	struct page *page, *next;
	unsigned int got = 0;
	LIST_HEAD(list);

	while (got < n) {
		page = vmg_block_alloc();
		if (!page)
			break;
		list_add(&page->lru, &list);
		got++;
	}
	if (!got)
		return 0;
	if (!dev->by_report) {
		vmg_tell_blocks(dev, dev->inflate, &list);
	} else if (vmg_blocks_report(dev, &list)) {
		list_for_each_entry_safe(page, next, &list, lru)
			__free_pages(page, VMG_BLOCK_ORDER);
		return 0;
	}
	vmg_blocks_keep(dev, &list, got);
	return got;
}

static unsigned int vmg_take_blocks(struct vmg_dev *dev, unsigned int n)
{
	struct page *page, *next;
	LIST_HEAD(list);

	n = vmg_blocks_take(dev, &list, n);
	if (!dev->by_report)
		vmg_tell_blocks(dev, dev->deflate, &list);
	list_for_each_entry_safe(page, next, &list, lru)
		vmg_block_free(dev, page);
	return n;
}

static unsigned int vmg_give_pages(struct vmg_dev *dev, unsigned int n)
{
	struct page *page;
	unsigned int got = 0;
	LIST_HEAD(list);

	while (got < n) {
		page = balloon_page_alloc();
		if (!page)
			break;
		balloon_page_push(&list, page);
		got++;
	}
	if (!got)
		return 0;
	mutex_lock(&dev->queue_lock);
	got = 0;
	list_for_each_entry(page, &list, lru)
		vmg_set_pfn(dev, got++, page_to_pfn(page));
	/* Only then into the balloon: an emergency may take them out, and use them, at once. */
	vmg_tell(dev, dev->inflate, got);
	atomic_long_add(got, &dev->n_pages);
	while ((page = balloon_page_pop(&list))) {
		vmg_account(dev, page, -1);
		balloon_page_enqueue(&dev->pages, page);
	}
	mutex_unlock(&dev->queue_lock);
	return got;
}

static unsigned int vmg_take_pages(struct vmg_dev *dev, unsigned int n)
{
	struct page *page;
	LIST_HEAD(list);

	mutex_lock(&dev->queue_lock);
	/* Less than that where some are being migrated. */
	n = balloon_page_list_dequeue(&dev->pages, &list, n);
	if (n) {
		unsigned int i = 0;

		atomic_long_sub(n, &dev->n_pages);
		list_for_each_entry(page, &list, lru)
			vmg_set_pfn(dev, i++, page_to_pfn(page));
		vmg_tell(dev, dev->deflate, n);
		while ((page = balloon_page_pop(&list))) {
			vmg_account(dev, page, 1);
			put_page(page);
		}
	}
	mutex_unlock(&dev->queue_lock);
	return n;
}

static unsigned int vmg_break(struct vmg_dev *dev)
{
	struct page *page;
	LIST_HEAD(list);
	unsigned int i;

	if (!vmg_blocks_take(dev, &list, 1))
		return 0;
	page = list_first_entry(&list, struct page, lru);
	list_del(&page->lru);
	split_page(page, VMG_BLOCK_ORDER);
	atomic_long_add(VMG_BLOCK_PAGES, &dev->n_pages);
	for (i = 0; i < VMG_BLOCK_PAGES; i++)
		balloon_page_enqueue(&dev->pages, page + i);
	return 1;
}

/* vmg_have() - what the balloon has */
void vmg_have(struct vmg_dev *dev, struct vmg_holding *have)
{
	spin_lock(&dev->block_lock);
	have->blocks = dev->n_blocks;
	spin_unlock(&dev->block_lock);
	have->pages = max(atomic_long_read(&dev->n_pages), 0L);
}

/* One step; 0 if it could not be made. */
static unsigned int vmg_step(struct vmg_dev *dev, const struct vmg_step *step)
{
	switch (step->move) {
	case VMG_GIVE_BLOCKS:
		return vmg_give_blocks(dev, step->n);
	case VMG_GIVE_PAGES:
		return vmg_give_pages(dev, step->n);
	case VMG_TAKE_BLOCKS:
		return vmg_take_blocks(dev, step->n);
	case VMG_TAKE_PAGES:
		return vmg_take_pages(dev, step->n);
	case VMG_BREAK:
		return vmg_break(dev);
	case VMG_REST:
	default:
		return 0;
	}
}

static void vmg_write_actual(struct vmg_dev *dev)
{
	struct vmg_holding have;
	u32 actual;

	vmg_have(dev, &have);
	/* What is held for the link the device did not ask for. */
	actual = min_t(u64, vmg_size(&have), dev->own_pages);
	/* Little endian, also of legacy devices. */
	virtio_cwrite_le(dev->vdev, struct virtio_balloon_config, actual, &actual);
}

static u64 vmg_read_target(struct vmg_dev *dev)
{
	u32 own, num_pages, link_pages = READ_ONCE(dev->link_pages);
	u64 spared;

	virtio_cread_le(dev->vdev, struct virtio_balloon_config, num_pages, &own);
	WRITE_ONCE(dev->own_pages, link_pages > own ? own : U32_MAX);
	num_pages = max(own, link_pages);
	spin_lock(&dev->block_lock);
	if (num_pages != dev->num_pages) {
		dev->spared = 0;
		dev->backoff = VMG_BACKOFF_MIN;
		dev->scarce = false;
	}
	spared = dev->spared;
	spin_unlock(&dev->block_lock);
	WRITE_ONCE(dev->num_pages, num_pages);
	if (virtio_has_feature(dev->vdev, VIRTIO_BALLOON_F_DEFLATE_ON_OOM))
		own = 0;
	return max_t(u64, vmg_target(num_pages, spared), own);
}

static void vmg_resize(struct work_struct *work)
{
	struct vmg_dev *dev = container_of(to_delayed_work(work), struct vmg_dev, resize);
	unsigned long end = jiffies + msecs_to_jiffies(VMG_TURN_MS);
	struct vmg_holding have = {};
	u64 size, target;

	if (READ_ONCE(dev->stop))
		return;
	target = vmg_read_target(dev);
	vmg_have(dev, &have);
	size = vmg_size(&have);
	if (target >= size + VMG_BLOCK_PAGES &&
	    vmg_grab_blocks(dev, min_t(u64, (target - size) / VMG_BLOCK_PAGES, UINT_MAX)))
		vmg_write_actual(dev);
	while (!READ_ONCE(dev->stop) && !virtqueue_is_broken(dev->inflate)) {
		struct vmg_step step;

		/* What came back must not be given again before that. */
		vmg_tell_untold(dev);
		target = vmg_read_target(dev);
		vmg_have(dev, &have);
		have.scarce = dev->scarce;
		step = vmg_next(&have, target);
		if (step.move == VMG_REST) {
			dev->scarce = false;
			break;
		}
		if (vmg_step(dev, &step)) {
			dev->backoff = VMG_BACKOFF_MIN;
			vmg_write_actual(dev);
		} else if (step.move == VMG_GIVE_BLOCKS) {
			dev->scarce = true;
		} else {
			dev->scarce = false;
			vmg_queue_resize(dev, dev->backoff);
			dev->backoff = min(2 * dev->backoff, (unsigned int)VMG_BACKOFF_MAX);
			break;
		}
		if (time_after(jiffies, end)) {
			vmg_queue_resize(dev, 0);
			break;
		}
		cond_resched();
	}
	vmg_write_actual(dev);
	vmg_look(dev);
}

/* vmg_take_all() - empty the balloon; the host's target does not matter */
void vmg_take_all(struct vmg_dev *dev)
{
	struct vmg_holding have;
	struct vmg_step step;

	vmg_tell_untold(dev);
	for (;;) {
		vmg_have(dev, &have);
		step = vmg_next(&have, 0);
		if (step.move == VMG_REST)
			break;
		/* Pages in migration come back at once. */
		if (!vmg_step(dev, &step))
			schedule_timeout_uninterruptible(1);
		cond_resched();
	}
	vmg_write_actual(dev);
}

#ifdef CONFIG_BALLOON_COMPACTION
static int vmg_migrate(struct balloon_dev_info *pages, struct page *to, struct page *from,
		       enum migrate_mode mode)
{
	struct vmg_dev *dev = container_of(pages, struct vmg_dev, pages);
	unsigned long flags;

	/* Who holds it may be allocating, and this be on behalf of that. */
	if (!mutex_trylock(&dev->queue_lock))
		return -EAGAIN;
	/* First, as once it is in the balloon an emergency may take it out and use it. */
	vmg_set_pfn(dev, 0, page_to_pfn(to));
	vmg_tell(dev, dev->inflate, 1);
	get_page(to);
	if (page_zone(to) != page_zone(from)) {
		vmg_account(dev, from, 1);
		vmg_account(dev, to, -1);
	}
	spin_lock_irqsave(&pages->pages_lock, flags);
	balloon_page_insert(pages, to);
	pages->isolated_pages--;
	__count_vm_event(BALLOON_MIGRATE);
	spin_unlock_irqrestore(&pages->pages_lock, flags);

	vmg_set_pfn(dev, 0, page_to_pfn(from));
	vmg_tell(dev, dev->deflate, 1);
	mutex_unlock(&dev->queue_lock);

	balloon_page_finalize(from);
	put_page(from);
	return MIGRATEPAGE_SUCCESS;
}
#else
/* Where pages of a balloon do not move, nobody asks. */
#define vmg_migrate NULL
#endif

/*
 * vmg_move_init() - an empty balloon
 *
 * Return: 0 or -ENOMEM.
 */
int vmg_move_init(struct vmg_dev *dev)
{
	mutex_init(&dev->queue_lock);
	mutex_init(&dev->report_lock);
	spin_lock_init(&dev->block_lock);
	INIT_LIST_HEAD(&dev->blocks);
	balloon_devinfo_init(&dev->pages);
	dev->pages.migratepage = vmg_migrate;
	dev->backoff = VMG_BACKOFF_MIN;
	INIT_DELAYED_WORK(&dev->resize, vmg_resize);
	dev->pfns = kmalloc_array(VMG_BATCH_PAGES, sizeof(*dev->pfns), GFP_KERNEL);
	dev->untold = kvmalloc_array(VMG_UNTOLD_MAX, sizeof(*dev->untold), GFP_KERNEL);
	if (dev->pfns && dev->untold)
		return 0;
	vmg_move_exit(dev);
	return -ENOMEM;
}

/* vmg_move_exit() - the balloon is empty */
void vmg_move_exit(struct vmg_dev *dev)
{
	kfree(dev->pfns);
	kvfree(dev->untold);
}
