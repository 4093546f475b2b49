// SPDX-License-Identifier: GPL-2.0
/*
 * vmballoon: the guest's end of a virtio balloon device.
 *
 * Drives device id 5 of an unmodified QEMU instead of virtio_balloon, with all of its
 * features, and moves memory in blocks of 2 MiB where it can. This file is the device's
 * life; guest_move.c inflates and deflates, guest_block.c has the blocks and free page
 * reporting, guest_hint.c hints at free memory for migration, guest_stats.c
 * answers for statistics, guest_oom.c gives memory back in an emergency, guest_link.c
 * obeys vmballoon_host.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poison.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_ring.h>

#include "guest.h"

/* Named in the order of the device's queues. */
enum vmg_vq {
	VMG_VQ_INFLATE,
	VMG_VQ_DEFLATE,
	VMG_VQ_STATS,
	VMG_VQ_HINT,
	VMG_VQ_REPORT,
	VMG_VQ_MAX,
};

/*
 * vmg_wait() - until the host has used the buffer of @vq
 *
 * Without its interrupt, too: see vmg_look().
 */
void vmg_wait(struct vmg_dev *dev, struct virtqueue *vq)
{
	unsigned int len;
	long left;

	do {
		const unsigned int ms = READ_ONCE(dev->deaf) ? VMG_DEAF_MS : VMG_LOOK_MS;

		left = wait_event_timeout(dev->acked,
					  virtqueue_get_buf(vq, &len) || virtqueue_is_broken(vq),
					  msecs_to_jiffies(ms));
	} while (!left);
	/* Used, but nobody said so. */
	WRITE_ONCE(dev->deaf, left == 1);
}

/* vmg_queue() - run work, unless the device is going */
void vmg_queue(struct vmg_dev *dev, struct work_struct *work)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->stop_lock, flags);
	if (!dev->stop)
		queue_work(dev->wq, work);
	spin_unlock_irqrestore(&dev->stop_lock, flags);
}

/* vmg_queue_resize() - bring the balloon to its size in @ms milliseconds */
void vmg_queue_resize(struct vmg_dev *dev, unsigned int ms)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->stop_lock, flags);
	if (!dev->stop)
		mod_delayed_work(dev->wq, &dev->resize, msecs_to_jiffies(ms));
	spin_unlock_irqrestore(&dev->stop_lock, flags);
}

/*
 * vmg_look() - look for news of the device in a while, if it may say nothing of them
 *
 * QEMU raises the interrupt for hints in a thread of its own, without the lock under which the
 * guest's answer lowers it. Both may end in an order in which the line is low while QEMU takes
 * it for high, and then there are no interrupts of this device any more, also where it is
 * migrated to. A device whose interrupts are messages is not concerned, but QEMU's balloon
 * has lines.
 */
void vmg_look(struct vmg_dev *dev)
{
	unsigned long flags;

	if (!READ_ONCE(dev->hinted))
		return;
	if (dev->stats)
		vmg_queue(dev, &dev->stats_work);
	spin_lock_irqsave(&dev->stop_lock, flags);
	/* Unless it is queued already, and sooner. */
	if (!dev->stop)
		queue_delayed_work(dev->wq, &dev->resize, msecs_to_jiffies(VMG_LOOK_MS));
	spin_unlock_irqrestore(&dev->stop_lock, flags);
}

static void vmg_set_stop(struct vmg_dev *dev, bool stop)
{
	spin_lock_irq(&dev->stop_lock);
	dev->stop = stop;
	spin_unlock_irq(&dev->stop_lock);
}

static void vmg_ack(struct virtqueue *vq)
{
	struct vmg_dev *dev = vq->vdev->priv;

	wake_up_all(&dev->acked);
}

static void vmg_changed(struct virtio_device *vdev)
{
	struct vmg_dev *dev = vdev->priv;

	vmg_queue_resize(dev, 0);
	if (dev->hint) {
		WRITE_ONCE(dev->hint_news, 1);
		vmg_queue(dev, &dev->hint_work);
	}
}

/* What was asked while work was stopped; also corrects what was said of the size. */
static void vmg_ask(struct vmg_dev *dev)
{
	if (dev->stats)
		vmg_queue(dev, &dev->stats_work);
	vmg_changed(dev->vdev);
}

/* The pattern of freed pages: 0 where they have none, or are zeroed. */
static u32 vmg_poison(void)
{
	if (want_init_on_free() || !page_poisoning_enabled_static())
		return 0;
	return PAGE_POISON * 0x01010101U;
}

static int vmg_find_queues(struct vmg_dev *dev)
{
	struct virtqueue_info info[VMG_VQ_MAX] = {
		[VMG_VQ_INFLATE] = { "inflate", vmg_ack },
		[VMG_VQ_DEFLATE] = { "deflate", vmg_ack },
	};
	struct virtqueue *vqs[VMG_VQ_MAX] = {};
	struct virtio_device *vdev = dev->vdev;
	int err;

	/* The device counts the queues that it offers, the kernel those with a name. */
	if (virtio_has_feature(vdev, VIRTIO_BALLOON_F_STATS_VQ)) {
		info[VMG_VQ_STATS].name = "stats";
		info[VMG_VQ_STATS].callback = vmg_stats_request;
	}
	if (virtio_has_feature(vdev, VIRTIO_BALLOON_F_FREE_PAGE_HINT)) {
		info[VMG_VQ_HINT].name = "free_page_vq";
		info[VMG_VQ_HINT].callback = vmg_ack;
	}
	if (virtio_has_feature(vdev, VIRTIO_BALLOON_F_REPORTING)) {
		info[VMG_VQ_REPORT].name = "reporting_vq";
		info[VMG_VQ_REPORT].callback = vmg_ack;
	}
	err = virtio_find_vqs(vdev, VMG_VQ_MAX, vqs, info, NULL);
	if (err)
		return err;
	dev->inflate = vqs[VMG_VQ_INFLATE];
	dev->deflate = vqs[VMG_VQ_DEFLATE];
	dev->stats = vqs[VMG_VQ_STATS];
	dev->hint = vqs[VMG_VQ_HINT];
	dev->report = vqs[VMG_VQ_REPORT];
	/* A device that was told of a pattern reports in vain. */
	dev->by_report = dev->report &&
			 virtqueue_get_vring_size(dev->report) >= VMG_BATCH_BLOCKS &&
			 (!virtio_has_feature(vdev, VIRTIO_BALLOON_F_PAGE_POISON) ||
			  !vmg_poison());
	return 0;
}

/* Queues and what the device is told at first; both after probe and resume. */
static int vmg_start(struct vmg_dev *dev)
{
	struct virtio_device *vdev = dev->vdev;
	int err;

	err = vmg_find_queues(dev);
	if (err)
		return err;
	if (virtio_has_feature(vdev, VIRTIO_BALLOON_F_PAGE_POISON)) {
		u32 poison = vmg_poison();

		virtio_cwrite_le(vdev, struct virtio_balloon_config, poison_val, &poison);
	}
	err = vmg_stats_prime(dev);
	if (err) {
		vdev->config->del_vqs(vdev);
		dev->report = NULL;
		return err;
	}
	virtio_device_ready(vdev);
	return 0;
}

/* An empty balloon and no queues. */
static void vmg_end(struct vmg_dev *dev)
{
	vmg_take_all(dev);
	vmg_hint_free_all(dev);
	virtio_reset_device(dev->vdev);
	dev->vdev->config->del_vqs(dev->vdev);
	/* Should the device not come back from sleep, free memory is reported in vain. */
	mutex_lock(&dev->report_lock);
	dev->report = NULL;
	mutex_unlock(&dev->report_lock);
}

static int vmg_validate(struct virtio_device *vdev)
{
	/*
	 * Freed pages with a content that must last: without a way to say so free
	 * memory cannot be reported.
	 */
	if (!want_init_on_free() && !page_poisoning_enabled_static())
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_PAGE_POISON);
	else if (!virtio_has_feature(vdev, VIRTIO_BALLOON_F_PAGE_POISON))
		__virtio_clear_bit(vdev, VIRTIO_BALLOON_F_REPORTING);
	/* Reports are made with memory isolated: nothing may be allocated then. */
	__virtio_clear_bit(vdev, VIRTIO_RING_F_INDIRECT_DESC);
	__virtio_clear_bit(vdev, VIRTIO_F_ACCESS_PLATFORM);
	return 0;
}

static int vmg_probe(struct virtio_device *vdev)
{
	struct vmg_dev *dev;
	int err;

	if (!vdev->config->get)
		return -EINVAL;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	dev->vdev = vdev;
	vdev->priv = dev;
	init_waitqueue_head(&dev->acked);
	spin_lock_init(&dev->stop_lock);
	INIT_WORK(&dev->stats_work, vmg_stats_work);
	/* Until all is in place the device may ask, and is answered later. */
	dev->stop = true;

	err = vmg_move_init(dev);
	if (err)
		goto err_free;
	dev->wq = alloc_workqueue("vmballoon",
				  WQ_FREEZABLE | WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!dev->wq) {
		err = -ENOMEM;
		goto err_move;
	}
	err = vmg_start(dev);
	if (err)
		goto err_wq;
	err = vmg_hint_init(dev);
	if (err)
		goto err_start;
	err = vmg_oom_init(dev);
	if (err)
		goto err_hint;
	err = vmg_reporting_start(dev);
	if (err)
		goto err_oom;
	vmg_set_stop(dev, false);
	vmg_ask(dev);
	vmg_link_start(dev);
	return 0;

err_oom:
	vmg_oom_exit(dev);
err_hint:
	vmg_hint_exit(dev);
err_start:
	virtio_reset_device(vdev);
	vdev->config->del_vqs(vdev);
err_wq:
	destroy_workqueue(dev->wq);
err_move:
	vmg_move_exit(dev);
err_free:
	kfree(dev);
	return err;
}

static void vmg_remove(struct virtio_device *vdev)
{
	struct vmg_dev *dev = vdev->priv;

	vmg_link_stop(dev);
	vmg_set_stop(dev, true);
	/* A device that was pulled out answers no more, and nobody says so. */
	wake_up_all(&dev->acked);
	cancel_delayed_work_sync(&dev->resize);
	cancel_work_sync(&dev->stats_work);
	cancel_work_sync(&dev->hint_work);
	/* Only now: resizing starts reports. */
	vmg_reporting_stop(dev);
	vmg_oom_exit(dev);
	vmg_hint_exit(dev);
	vmg_end(dev);
	destroy_workqueue(dev->wq);
	vmg_move_exit(dev);
	kfree(dev);
}

#ifdef CONFIG_PM_SLEEP
/*
 * The work queue is frozen, and so is the kernel's reporting. What is pending there finds
 * no queues unless the device comes back.
 */
static int vmg_freeze(struct virtio_device *vdev)
{
	vmg_set_stop(vdev->priv, true);
	vmg_end(vdev->priv);
	return 0;
}

static int vmg_restore(struct virtio_device *vdev)
{
	struct vmg_dev *dev = vdev->priv;
	int err = vmg_start(dev);

	if (err)
		return err;
	dev->hint_active = VIRTIO_BALLOON_CMD_ID_STOP;
	vmg_set_stop(dev, false);
	vmg_ask(dev);
	return 0;
}
#endif

static ssize_t blocks_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct vmg_dev *dev = dev_to_virtio(device)->priv;

	return sysfs_emit(buf, "%lu\n", READ_ONCE(dev->n_blocks));
}
static DEVICE_ATTR_RO(blocks);

static ssize_t pages_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct vmg_dev *dev = dev_to_virtio(device)->priv;

	return sysfs_emit(buf, "%ld\n", atomic_long_read(&dev->n_pages));
}
static DEVICE_ATTR_RO(pages);

static ssize_t grabbed_show(struct device *device, struct device_attribute *attr, char *buf)
{
	struct vmg_dev *dev = dev_to_virtio(device)->priv;

	return sysfs_emit(buf, "%lu\n", READ_ONCE(dev->grabbed));
}
static DEVICE_ATTR_RO(grabbed);

static struct attribute *vmg_attrs[] = {
	&dev_attr_grabbed.attr,
	&dev_attr_blocks.attr,
	&dev_attr_pages.attr,
	NULL
};
ATTRIBUTE_GROUPS(vmg);

static const struct virtio_device_id vmg_ids[] = {
	{ VIRTIO_ID_BALLOON, VIRTIO_DEV_ANY_ID },
	{ }
};

/*
 * No MODULE_DEVICE_TABLE(): installed beside virtio_balloon it would be chance which of
 * them a machine loads. Who wants this one names it.
 */

/* Not "must tell host": memory is used first in an emergency. */
static unsigned int vmg_features[] = {
	VIRTIO_BALLOON_F_STATS_VQ,
	VIRTIO_BALLOON_F_DEFLATE_ON_OOM,
	VIRTIO_BALLOON_F_FREE_PAGE_HINT,
	VIRTIO_BALLOON_F_PAGE_POISON,
	VIRTIO_BALLOON_F_REPORTING,
};

static struct virtio_driver vmg_driver = {
	.feature_table = vmg_features,
	.feature_table_size = ARRAY_SIZE(vmg_features),
	.driver.name = KBUILD_MODNAME,
	.driver.dev_groups = vmg_groups,
	.id_table = vmg_ids,
	.validate = vmg_validate,
	.probe = vmg_probe,
	.remove = vmg_remove,
	.config_changed = vmg_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = vmg_freeze,
	.restore = vmg_restore,
#endif
};
module_virtio_driver(vmg_driver);

MODULE_DESCRIPTION("virtio balloon that moves memory in large blocks");
MODULE_LICENSE("GPL");
