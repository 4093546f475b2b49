// SPDX-License-Identifier: GPL-2.0
/*
 * Hints at free memory for a migration.
 *
 * When the host begins to migrate this guest it may ask for memory that need not be
 * copied: we allocate what is free, in the largest blocks, and name it. It stays
 * allocated until the host says that it is done, so that nothing is written there
 * unseen, but is given up as soon as the guest needs it: a page that is written after
 * the hint is dirty and copied anyway.
 *
 * That holds for what was allocated after the command: before a new one is answered the
 * host must have read all that was said to the last. Blocks of then may have been
 * written since, and be taken for hints of now.
 *
 * The command is read when the configuration changed, and not again: QEMU shows "stop"
 * from when it has heard that a command is being answered.
 */
#include <linux/mm.h>
#include <linux/shrinker.h>

#include "guest.h"

#define VMG_HINT_PAGES BIT(MAX_PAGE_ORDER)
#define VMG_HINT_GFP (__GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN)

static u32 vmg_hint_command(struct vmg_dev *dev)
{
	u32 id;

	virtio_cread_le(dev->vdev, struct virtio_balloon_config, free_page_hint_cmd_id, &id);
	return id;
}

/* Whether the host wants no more of what it asked for by @id. */
static bool vmg_hint_ends(struct vmg_dev *dev, u32 id)
{
	return READ_ONCE(dev->stop) ||
	       (xchg(&dev->hint_news, 0) && vmg_hint_command(dev) != id);
}

/* Up to @most blocks back to the kernel; how many. */
static unsigned long vmg_hint_free(struct vmg_dev *dev, unsigned long most)
{
	struct page *page;
	unsigned long n;

	for (n = 0; n < most; n++) {
		spin_lock(&dev->hint_lock);
		page = balloon_page_pop(&dev->hints);
		if (page)
			dev->n_hints--;
		spin_unlock(&dev->hint_lock);
		if (!page)
			break;
		__free_pages(page, MAX_PAGE_ORDER);
		/* This may be all of the guest's free memory. */
		cond_resched();
	}
	return n;
}

/* vmg_hint_free_all() - no hints any more */
void vmg_hint_free_all(struct vmg_dev *dev)
{
	vmg_hint_free(dev, ULONG_MAX);
}

/* Take back what the host has read; true if @entries fit now. */
static bool vmg_hint_room(struct vmg_dev *dev, unsigned int entries)
{
	unsigned int len;

	while (virtqueue_get_buf(dev->hint, &len))
		;
	return dev->hint->num_free >= entries || virtqueue_is_broken(dev->hint);
}

static int vmg_hint_send_id(struct vmg_dev *dev, __virtio32 *id)
{
	struct scatterlist sg;
	int err;

	/* A host that stopped reading has the next command to say so. */
	if (!wait_event_timeout(dev->acked, vmg_hint_room(dev, 1), HZ))
		return -ENOSPC;
	sg_init_one(&sg, id, sizeof(*id));
	err = virtqueue_add_outbuf(dev->hint, &sg, 1, id, GFP_KERNEL);
	if (!err)
		virtqueue_kick(dev->hint);
	return err;
}

/* One block; an error ends the hints. */
static int vmg_hint_send_block(struct vmg_dev *dev)
{
	struct scatterlist sg;
	struct page *page;
	int err;

	/* One entry is for the command that ends the hints. */
	if (!wait_event_timeout(dev->acked, vmg_hint_room(dev, 2), HZ))
		return -ENOSPC;
	page = alloc_pages(VMG_HINT_GFP, MAX_PAGE_ORDER);
	if (!page)
		return -ENOMEM;
	sg_init_table(&sg, 1);
	sg_set_page(&sg, page, PAGE_SIZE << MAX_PAGE_ORDER, 0);
	err = virtqueue_add_inbuf(dev->hint, &sg, 1, page, GFP_KERNEL);
	if (err) {
		__free_pages(page, MAX_PAGE_ORDER);
		return err;
	}
	virtqueue_kick(dev->hint);
	spin_lock(&dev->hint_lock);
	balloon_page_push(&dev->hints, page);
	dev->n_hints++;
	spin_unlock(&dev->hint_lock);
	return 0;
}

static void vmg_hint_work(struct work_struct *work)
{
	struct vmg_dev *dev = container_of(work, struct vmg_dev, hint_work);
	unsigned int size;
	u32 id;

	if (READ_ONCE(dev->stop))
		return;
	size = virtqueue_get_vring_size(dev->hint);
	xchg(&dev->hint_news, 0);
	id = vmg_hint_command(dev);
	switch (vmg_hint_next(id, dev->hint_active)) {
	case VMG_HINT_FREE:
		vmg_hint_free_all(dev);
		break;
	case VMG_HINT_START:
		dev->hint_active = id;
		WRITE_ONCE(dev->hinted, true);
		vmg_look(dev);
		if (!wait_event_timeout(dev->acked, vmg_hint_room(dev, size), HZ))
			break;
		dev->hint_id = cpu_to_virtio32(dev->vdev, id);
		if (vmg_hint_send_id(dev, &dev->hint_id))
			break;
		while (!vmg_hint_ends(dev, id))
			if (vmg_hint_send_block(dev))
				break;
		vmg_hint_send_id(dev, &dev->hint_stop);
		break;
	case VMG_HINT_NONE:
	default:
		break;
	}
}

static unsigned long vmg_hint_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct vmg_dev *dev = compat_shrinker_data(shrinker);

	return READ_ONCE(dev->n_hints) * VMG_HINT_PAGES;
}

static unsigned long vmg_hint_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct vmg_dev *dev = compat_shrinker_data(shrinker);

	return vmg_hint_free(dev, DIV_ROUND_UP(sc->nr_to_scan, VMG_HINT_PAGES)) *
	       VMG_HINT_PAGES;
}

/*
 * vmg_hint_init() - be ready for hints, where the device may ask for them
 *
 * Return: 0, -ENOMEM, or -ENOSPC: the queue has no room for a command and a block.
 */
int vmg_hint_init(struct vmg_dev *dev)
{
	spin_lock_init(&dev->hint_lock);
	INIT_LIST_HEAD(&dev->hints);
	INIT_WORK(&dev->hint_work, vmg_hint_work);
	dev->hint_active = VIRTIO_BALLOON_CMD_ID_STOP;
	dev->hint_stop = cpu_to_virtio32(dev->vdev, VIRTIO_BALLOON_CMD_ID_STOP);
	if (!dev->hint)
		return 0;
	if (virtqueue_get_vring_size(dev->hint) < 2)
		return -ENOSPC;
	dev->hint_shrinker = compat_shrinker_new("vmballoon-hints", dev, vmg_hint_count,
						 vmg_hint_scan);
	return dev->hint_shrinker ? 0 : -ENOMEM;
}

/* vmg_hint_exit() - no hint runs any more */
void vmg_hint_exit(struct vmg_dev *dev)
{
	if (dev->hint_shrinker)
		compat_shrinker_free(dev->hint_shrinker);
	vmg_hint_free_all(dev);
}
