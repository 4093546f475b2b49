// SPDX-License-Identifier: GPL-2.0
/*
 * A device: one open file, its owner, its features and its guest's memory.
 *
 * The owner is an address space, not a task: QEMU issues ioctls from several
 * threads. What the guest's memory table names are addresses in it.
 */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * vha_dev_create() - make a device without an owner
 *
 * The device is charged to the caller's memory cgroup, so that opening the node
 * many times costs nobody else.
 *
 * Context: process; may sleep.
 * Return: the device, or NULL without memory.
 */
struct vha_dev *vha_dev_create(void)
{
	struct vha_dev *dev = kvzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);

	if (!dev)
		return NULL;
	mutex_init(&dev->mutex);
	spin_lock_init(&dev->msg_lock);
	INIT_LIST_HEAD(&dev->unread);
	init_waitqueue_head(&dev->msg_wait);
	vha_vq_init(dev, VHA_RX);
	vha_vq_init(dev, VHA_TX);
	vha_netdev_add(&dev->vq[VHA_RX]);
	return dev;
}

/**
 * vha_dev_lock_queues() - stop all queues of a device
 * @dev: device; mutex held
 */
void vha_dev_lock_queues(struct vha_dev *dev)
{
	int i;

	lockdep_assert_held(&dev->mutex);
	for (i = 0; i < VHA_NQUEUES; i++)
		mutex_lock_nested(&dev->vq[i].mutex, i);
}

/**
 * vha_dev_unlock_queues() - let them go on
 * @dev: device
 */
void vha_dev_unlock_queues(struct vha_dev *dev)
{
	int i;

	for (i = 0; i < VHA_NQUEUES; i++)
		mutex_unlock(&dev->vq[i].mutex);
}

/* Free an IOTLB that is in no queue any more. Without a new one readers go home. */
static void vha_dev_swap_tlb(struct vha_dev *dev, struct vha_tlb *tlb)
{
	struct vha_tlb *old = dev->tlb;

	WRITE_ONCE(dev->tlb, tlb);
	vha_tlb_destroy(old);
	if (!tlb)
		wake_up_interruptible_poll(&dev->msg_wait,
					   EPOLLIN | EPOLLRDNORM);
}

/* Stop everything and forget the owner. Nobody else may be in an ioctl. */
static void vha_dev_cleanup(struct vha_dev *dev)
{
	int i;

	vha_sysfs_del(dev);
	vha_backend_stop(dev);
	for (i = 0; i < VHA_NQUEUES; i++) {
		struct vha_vq *vq = &dev->vq[i];

		mutex_lock(&vq->mutex);
		vha_poll_forget(&vq->kick_poll);
		mutex_unlock(&vq->mutex);
	}

	/* No wait queue knows the worker any more. */
	if (dev->worker)
		vha_worker_destroy(dev->worker);
	dev->worker = NULL;

	for (i = 0; i < VHA_NQUEUES; i++) {
		mutex_lock(&dev->vq[i].mutex);
		vha_vq_reset(&dev->vq[i]);
		mutex_unlock(&dev->vq[i].mutex);
	}
	kvfree(dev->mem);
	dev->mem = NULL;
	if (dev->log_ctx)
		eventfd_ctx_put(dev->log_ctx);
	dev->log_ctx = NULL;
	dev->backend_features = 0;
	vha_dev_swap_tlb(dev, NULL);
	vha_frag_drain(&dev->frag);
	dev->kthread = false;
	if (dev->mm)
		mmput(dev->mm);
	dev->mm = NULL;
}

/**
 * vha_dev_destroy() - the last reference to the file has gone
 * @dev: device
 *
 * Context: process; may sleep.
 */
void vha_dev_destroy(struct vha_dev *dev)
{
	vha_dev_cleanup(dev);
	vha_netdev_del(&dev->vq[VHA_RX]);
	kvfree(dev);
}

/**
 * vha_dev_check_owner() - may the caller set up this device?
 * @dev: device; mutex held
 *
 * Return: 0, or -EPERM when the caller's address space is not the owner's.
 */
int vha_dev_check_owner(struct vha_dev *dev)
{
	lockdep_assert_held(&dev->mutex);
	return dev->mm && dev->mm == current->mm ? 0 : -EPERM;
}

/**
 * vha_dev_set_owner() - VHOST_SET_OWNER: the caller becomes owner
 * @dev: device
 *
 * Starts the worker in the caller's cgroup, and all counters at 0.
 *
 * Return: 0, -EBUSY when there is an owner, -ENOMEM, or what starting a thread
 * fails with.
 */
long vha_dev_set_owner(struct vha_dev *dev)
{
	struct vha_worker *worker;
	long r = 0;
	int i;

	mutex_lock(&dev->mutex);
	if (dev->mm) {
		r = -EBUSY;
		goto out;
	}
	dev->mm = get_task_mm(current);
	if (!dev->mm) {
		r = -EINVAL;
		goto out;
	}
	/* Nobody but readers knows the counters as long as there is no worker. */
	for (i = 0; i < VHA_NQUEUES; i++) {
		memset(&dev->vq[i].stats, 0, sizeof(dev->vq[i].stats));
		dev->vq[i].kick_poll.wakes = 0;
	}
	worker = vha_worker_create(dev);
	if (IS_ERR(worker)) {
		r = PTR_ERR(worker);
		goto err_put_mm;
	}
	dev->worker = worker;
	r = vha_sysfs_add(dev);
	if (r)
		goto err_destroy_worker;
	goto out;

err_destroy_worker:
	vha_worker_destroy(worker);
	dev->worker = NULL;
err_put_mm:
	mmput(dev->mm);
	dev->mm = NULL;
out:
	mutex_unlock(&dev->mutex);
	return r;
}

/**
 * vha_dev_reset_owner() - VHOST_RESET_OWNER: back to the state after open
 * @dev: device
 *
 * Return: 0 or -EPERM.
 */
long vha_dev_reset_owner(struct vha_dev *dev)
{
	long r;

	mutex_lock(&dev->mutex);
	r = vha_dev_check_owner(dev);
	if (!r)
		vha_dev_cleanup(dev);
	mutex_unlock(&dev->mutex);
	return r;
}

/*
 * Replace the IOTLB, or add or remove one. What the rings' addresses are changes
 * with its coming and going, so the owner has to set them again then.
 */
static void vha_dev_set_tlb(struct vha_dev *dev, struct vha_tlb *tlb)
{
	const bool other = !dev->tlb != !tlb;
	int i;

	for (i = 0; i < VHA_NQUEUES; i++) {
		struct vha_vq *vq = &dev->vq[i];

		lockdep_assert_held(&vq->mutex);
		vq->space.iotlb = vha_tlb_core(tlb);
		if (other)
			vha_vq_forget_addr(vq);
		if (!tlb)
			vha_iotlb_forget(vq);
	}
	vha_dev_swap_tlb(dev, tlb);
}

/* Can each queue that runs log what it writes to guest memory? */
static bool vha_dev_log_ok(const struct vha_dev *dev)
{
	int i;

	for (i = 0; i < VHA_NQUEUES; i++) {
		const struct vha_vq *vq = &dev->vq[i];

		if (vq->sock && !vha_log_mem_ok(vq->space.mem, vq->log_base))
			return false;
	}
	return true;
}

/* A backend comes and goes under dev->mutex, and so does the format. */
static bool vha_dev_may_be(const struct vha_dev *dev, bool packed)
{
	int i;

	for (i = 0; i < VHA_NQUEUES; i++) {
		if (dev->vq[i].sock && dev->vq[i].packed != packed)
			return false;
	}
	return true;
}

/**
 * vha_dev_set_features() - VHOST_SET_FEATURES, legal at any time
 * @dev: device
 * @features: bits the driver has acknowledged
 *
 * With VIRTIO_F_ACCESS_PLATFORM each call makes a new, empty IOTLB.
 *
 * Return: 0; -EOPNOTSUPP for a bit that is not offered; -EBUSY for another ring
 * format while a queue has a backend; -EFAULT when there can be no IOTLB, or no
 * dirty log for the guest's memory.
 */
long vha_dev_set_features(struct vha_dev *dev, u64 features)
{
	const bool ours = features & (1ULL << VHOST_NET_F_VIRTIO_NET_HDR);
	const bool packed = features & (1ULL << VIRTIO_F_RING_PACKED);
	const bool log = features & (1ULL << VHOST_F_LOG_ALL);
	u16 hlen = sizeof(struct virtio_net_hdr);
	struct vha_tlb *tlb = NULL;
	int i;

	if (features & ~VHA_FEATURES)
		return -EOPNOTSUPP;
	if (features & ((1ULL << VIRTIO_NET_F_MRG_RXBUF) |
			(1ULL << VIRTIO_F_VERSION_1)))
		hlen = sizeof(struct virtio_net_hdr_mrg_rxbuf);
	if (features & (1ULL << VIRTIO_F_ACCESS_PLATFORM)) {
		tlb = vha_tlb_create();
		if (!tlb)
			return -EFAULT;
	}

	mutex_lock(&dev->mutex);
	if (!vha_dev_may_be(dev, packed)) {
		mutex_unlock(&dev->mutex);
		vha_tlb_destroy(tlb);
		return -EBUSY;
	}
	/* The worker sees all of the change or nothing of it. */
	vha_dev_lock_queues(dev);
	if (log && !vha_dev_log_ok(dev)) {
		vha_dev_unlock_queues(dev);
		mutex_unlock(&dev->mutex);
		vha_tlb_destroy(tlb);
		return -EFAULT;
	}
	vha_dev_set_tlb(dev, tlb);
	for (i = 0; i < VHA_NQUEUES; i++) {
		struct vha_vq *vq = &dev->vq[i];

		vq->features = features;
		vha_vq_set_format(vq, packed);
		vq->log = log;
		vq->vhost_hlen = ours ? hlen : 0;
		vq->sock_hlen = ours ? 0 : hlen;
		vq->direct = false;
		vha_vq_unmap(vq);
	}
	vha_dev_unlock_queues(dev);
	mutex_unlock(&dev->mutex);
	return 0;
}

/**
 * vha_dev_set_backend_features() - VHOST_SET_BACKEND_FEATURES
 * @dev: device
 * @features: bits that user space has acknowledged
 *
 * Return: 0 or -EOPNOTSUPP for a bit that is not offered.
 */
long vha_dev_set_backend_features(struct vha_dev *dev, u64 features)
{
	if (features & ~VHA_BACKEND_FEATURES)
		return -EOPNOTSUPP;
	mutex_lock(&dev->mutex);
	WRITE_ONCE(dev->backend_features, features);
	mutex_unlock(&dev->mutex);
	return 0;
}

/**
 * vha_dev_set_memory() - VHOST_SET_MEM_TABLE, legal at any time
 * @dev: device; mutex held
 * @argp: struct vhost_memory
 *
 * Return: 0; -EFAULT for a bad pointer or table, or one that the dirty log of a
 * queue that runs is too short for; -EOPNOTSUPP for non-zero padding; -E2BIG for
 * too many regions; -ENOMEM.
 */
long vha_dev_set_memory(struct vha_dev *dev, void __user *argp)
{
	struct vhost_memory __user *table = argp;
	struct vhost_memory head;
	struct vha_mem *mem;
	int r = -EFAULT;
	u32 i;

	lockdep_assert_held(&dev->mutex);
	if (copy_from_user(&head, table, offsetof(struct vhost_memory, regions)))
		return -EFAULT;
	if (head.padding)
		return -EOPNOTSUPP;
	if (head.nregions > vha_max_mem_regions)
		return -E2BIG;
	mem = kvzalloc(struct_size(mem, regions, head.nregions),
		       GFP_KERNEL_ACCOUNT);
	if (!mem)
		return -ENOMEM;

	mem->nregions = head.nregions;
	for (i = 0; i < head.nregions; i++) {
		struct vhost_memory_region region;

		if (copy_from_user(&region, &table->regions[i], sizeof(region)))
			goto err_free;
		mem->regions[i].gpa = region.guest_phys_addr;
		mem->regions[i].size = region.memory_size;
		mem->regions[i].hva = region.userspace_addr;
	}
	r = vha_mem_sort(mem);
	if (r)
		goto err_free;
	r = -EFAULT;
	for (i = 0; i < mem->nregions; i++) {
		const struct vha_region *region = &mem->regions[i];

		if (!access_ok((void __user *)(unsigned long)region->hva,
			       region->size))
			goto err_free;
	}

	/* The worker looks at its table only under its queue's mutex. */
	vha_dev_lock_queues(dev);
	for (i = 0; i < VHA_NQUEUES; i++) {
		const struct vha_vq *vq = &dev->vq[i];

		if (vq->sock && vq->log && !vha_log_mem_ok(mem, vq->log_base))
			goto err_unlock;
	}
	for (i = 0; i < VHA_NQUEUES; i++)
		dev->vq[i].space.mem = mem;
	swap(dev->mem, mem);
	r = 0;

err_unlock:
	vha_dev_unlock_queues(dev);
err_free:
	kvfree(mem);
	return r;
}

#ifdef VHOST_SET_FORK_FROM_OWNER
/**
 * vha_dev_set_fork() - VHOST_SET_FORK_FROM_OWNER: vhost_task or kthread
 * @dev: device
 * @argp: u8, VHOST_FORK_OWNER_TASK or VHOST_FORK_OWNER_KTHREAD
 *
 * Return: 0, -EBUSY once there is an owner, -EFAULT, -EINVAL.
 */
long vha_dev_set_fork(struct vha_dev *dev, void __user *argp)
{
	long r = 0;
	u8 mode;

	mutex_lock(&dev->mutex);
	if (dev->mm)
		r = -EBUSY;
	else if (get_user(mode, (u8 __user *)argp))
		r = -EFAULT;
	else if (mode != VHOST_FORK_OWNER_TASK &&
		 mode != VHOST_FORK_OWNER_KTHREAD)
		r = -EINVAL;
	else
		dev->kthread = mode == VHOST_FORK_OWNER_KTHREAD;
	mutex_unlock(&dev->mutex);
	return r;
}

/**
 * vha_dev_get_fork() - VHOST_GET_FORK_FROM_OWNER
 * @dev: device
 * @argp: u8 to fill
 *
 * Return: 0 or -EFAULT.
 */
long vha_dev_get_fork(struct vha_dev *dev, void __user *argp)
{
	u8 mode;

	mutex_lock(&dev->mutex);
	mode = dev->kthread ? VHOST_FORK_OWNER_KTHREAD : VHOST_FORK_OWNER_TASK;
	mutex_unlock(&dev->mutex);
	return put_user(mode, (u8 __user *)argp);
}
#endif
