// SPDX-License-Identifier: GPL-2.0
/*
 * Devices behind an IOMMU: the IOTLB and its messages.
 *
 * 1. Problem. With VIRTIO_F_ACCESS_PLATFORM descriptors, and the ring's own
 *    address, hold addresses of an IOMMU's making. Only user space knows what they
 *    mean, and the guest changes it at any time.
 *
 * 2. Model. User space writes UPDATE and INVALIDATE messages to the device's file;
 *    the translations in force are a tree of ranges. Whoever meets an address that
 *    is in none of them leaves a MISS message to be read from the file, and stops;
 *    an UPDATE for that address runs the queue again. Waiting costs no thread and
 *    holds no lock.
 *
 * 3. Control. A queue stops at the first address that it cannot translate, so one
 *    message is all it ever needs: each has room for one, and no reader, however
 *    slow, makes us allocate another. A message is unread, or read and waiting for
 *    its UPDATE; meeting the same address again sends it once more, as a reader may
 *    have dropped it. The ring's areas are translated at the start of each run of
 *    the handler; the result stays in use until anything changes that it rests
 *    on: an address, the size of the ring, features, any translation. An area that
 *    lies in one piece is then accessed directly, one that is scattered by
 *    vha_meta_read() and vha_meta_write(), piece by piece.
 *
 *    Translations change under the mutexes of all queues. So when the write of an
 *    INVALIDATE returns, nobody uses the old translation any more.
 *
 * 4. Limits. Of more than max_iotlb_entries translations the oldest are forgotten.
 *    A ring whose areas need more entries than that never runs. What user space
 *    maps twice is read at the entry with the lower start.
 */
#include <linux/fs.h>
#include <linux/moduleparam.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vhost_iotlb.h>

#include "internal.h"

static int vha_max_iotlb_entries = 2048;
module_param_named(max_iotlb_entries, vha_max_iotlb_entries, int, 0444);
MODULE_PARM_DESC(max_iotlb_entries,
		 "Most translations of a device's IOTLB, entries (default 2048)");

/**
 * struct vha_tlb - the translations of a device
 * @core: what the cores see of it
 * @maps: the translations, in a tree and in order of age
 *
 * Protected by the mutexes of the device's queues: one is enough to read, all are
 * needed to write.
 */
struct vha_tlb {
	struct vha_iotlb core;
	struct vhost_iotlb maps;
};

static bool vha_tlb_find(struct vha_iotlb *core, u64 addr, struct vha_map *map)
{
	struct vha_tlb *tlb = container_of(core, struct vha_tlb, core);
	const struct vhost_iotlb_map *found;

	found = vhost_iotlb_itree_first(&tlb->maps, addr, addr);
	if (!found)
		return false;
	map->start = found->start;
	map->last = found->last;
	map->hva = found->addr;
	map->read = found->perm & VHOST_ACCESS_RO;
	map->write = found->perm & VHOST_ACCESS_WO;
	return true;
}

/**
 * vha_tlb_create() - an empty IOTLB
 *
 * Context: process; may sleep.
 * Return: the IOTLB, or NULL: no memory, or the module allows no entries.
 */
struct vha_tlb *vha_tlb_create(void)
{
	struct vha_tlb *tlb;

	if (vha_max_iotlb_entries <= 0)
		return NULL;
	tlb = kzalloc(sizeof(*tlb), GFP_KERNEL_ACCOUNT);
	if (!tlb)
		return NULL;
	tlb->core.find = vha_tlb_find;
	vhost_iotlb_init(&tlb->maps, vha_max_iotlb_entries,
			 VHOST_IOTLB_FLAG_RETIRE);
	return tlb;
}

/**
 * vha_tlb_destroy() - free an IOTLB that no queue uses
 * @tlb: IOTLB or NULL
 */
void vha_tlb_destroy(struct vha_tlb *tlb)
{
	if (!tlb)
		return;
	vhost_iotlb_reset(&tlb->maps);
	kfree(tlb);
}

/**
 * vha_tlb_core() - an IOTLB as an address space wants it
 * @tlb: IOTLB or NULL
 *
 * Return: what to put into struct vha_space.
 */
struct vha_iotlb *vha_tlb_core(struct vha_tlb *tlb)
{
	return tlb ? &tlb->core : NULL;
}

/**
 * vha_iotlb_miss() - ask user space for the translation that was missed last
 * @vq: queue; mutex held; its address space has returned -EAGAIN
 *
 * The queue runs again once there is one.
 */
void vha_iotlb_miss(struct vha_vq *vq)
{
	struct vha_dev *dev = vq->dev;
	struct vha_miss *miss = &vq->miss;

	lockdep_assert_held(&vq->mutex);
	spin_lock(&dev->msg_lock);
	miss->iova = vq->space.miss;
	miss->perm = vq->space.miss_write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO;
	miss->waiting = true;
	if (list_empty(&miss->unread))
		list_add_tail(&miss->unread, &dev->unread);
	spin_unlock(&dev->msg_lock);
	wake_up_interruptible_poll(&dev->msg_wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * vha_iotlb_forget() - a queue waits for no translation any more
 * @vq: queue; mutex held
 */
void vha_iotlb_forget(struct vha_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	spin_lock(&vq->dev->msg_lock);
	vq->miss.waiting = false;
	list_del_init(&vq->miss.unread);
	spin_unlock(&vq->dev->msg_lock);
}

/* Run the queues that have missed something between @first and @last. */
static void vha_iotlb_retry(struct vha_dev *dev, u64 first, u64 last)
{
	int i;

	for (i = 0; i < VHA_NQUEUES; i++) {
		struct vha_vq *vq = &dev->vq[i];
		bool run;

		spin_lock(&dev->msg_lock);
		run = vq->miss.waiting && first <= vq->miss.iova &&
		      vq->miss.iova <= last;
		if (run)
			vq->miss.waiting = false;
		spin_unlock(&dev->msg_lock);
		if (run && vq->sock)
			vha_worker_queue(dev->worker, i);
	}
}

/* The owner's side of an UPDATE, like any address that it gives us. */
static bool vha_iotlb_access_ok(const struct vhost_iotlb_msg *msg)
{
	if (msg->uaddr + (msg->size - 1) < msg->uaddr)
		return false;
	return !(msg->perm & VHOST_ACCESS_RW) ||
	       access_ok(u64_to_user_ptr(msg->uaddr), msg->size);
}

static bool vha_iotlb_apply(struct vha_dev *dev,
			    const struct vhost_iotlb_msg *msg)
{
	const u64 last = msg->iova + msg->size - 1;
	int i;

	lockdep_assert_held(&dev->mutex);
	if (!dev->tlb)
		return false;
	/* What has been translated may mean something else from now on. */
	for (i = 0; i < VHA_NQUEUES; i++)
		vha_vq_unmap(&dev->vq[i]);

	switch (msg->type) {
	case VHOST_IOTLB_UPDATE:
		if (!vha_iotlb_access_ok(msg))
			return false;
		if (vhost_iotlb_add_range(&dev->tlb->maps, msg->iova, last,
					  msg->uaddr, msg->perm))
			return false;
		vha_iotlb_retry(dev, msg->iova, last);
		return true;
	case VHOST_IOTLB_INVALIDATE:
		vhost_iotlb_del_range(&dev->tlb->maps, msg->iova, last);
		return true;
	}
	return false;
}

/**
 * vha_iotlb_write() - a message from user space
 * @dev: device
 * @from: struct vhost_msg or struct vhost_msg_v2; in both the message proper starts
 *	8 bytes in, and what is behind it need not be there
 *
 * Return: the size of the struct; -EINVAL for a message that is too short, of no
 * known format, or an UPDATE of no bytes; -EFAULT for one that there is no IOTLB
 * for, or that it refuses.
 */
ssize_t vha_iotlb_write(struct vha_dev *dev, struct iov_iter *from)
{
	struct {
		u32 type;
		u32 asid;
		struct vhost_iotlb_msg iotlb;
	} msg;
	bool done;

	BUILD_BUG_ON(sizeof(struct vhost_msg) != sizeof(struct vhost_msg_v2));
	BUILD_BUG_ON(offsetof(typeof(msg), iotlb) !=
		     offsetof(struct vhost_msg, iotlb));
	BUILD_BUG_ON(offsetof(typeof(msg), iotlb) !=
		     offsetof(struct vhost_msg_v2, iotlb));

	if (copy_from_iter(&msg, sizeof(msg), from) != sizeof(msg) ||
	    (msg.type != VHOST_IOTLB_MSG && msg.type != VHOST_IOTLB_MSG_V2) ||
	    (msg.iotlb.type == VHOST_IOTLB_UPDATE && !msg.iotlb.size))
		return -EINVAL;

	mutex_lock(&dev->mutex);
	vha_dev_lock_queues(dev);
	done = vha_iotlb_apply(dev, &msg.iotlb);
	vha_dev_unlock_queues(dev);
	mutex_unlock(&dev->mutex);
	return done ? sizeof(struct vhost_msg) : -EFAULT;
}

/* Take the oldest unread message. */
static bool vha_iotlb_next(struct vha_dev *dev, struct vhost_iotlb_msg *msg)
{
	struct vha_miss *miss;

	spin_lock(&dev->msg_lock);
	miss = list_first_entry_or_null(&dev->unread, struct vha_miss, unread);
	if (miss) {
		list_del_init(&miss->unread);
		msg->iova = miss->iova;
		msg->perm = miss->perm;
		msg->type = VHOST_IOTLB_MISS;
	}
	spin_unlock(&dev->msg_lock);
	return miss;
}

/* Is the wait for a message over? @r says how. */
static bool vha_iotlb_wait(struct vha_dev *dev, struct vhost_iotlb_msg *msg,
			   int *r)
{
	*r = 0;
	if (vha_iotlb_next(dev, msg))
		return true;
	*r = -EBADFD;
	return !READ_ONCE(dev->tlb);
}

/**
 * vha_iotlb_read() - a message to user space
 * @dev: device
 * @to: where to; with room for less than a message nothing happens
 * @noblock: do not wait for one
 *
 * Return: the size of the message, 0 without room; -EAGAIN when there is none and
 * the caller does not wait; -EBADFD when there is none and no IOTLB; -ERESTARTSYS.
 */
ssize_t vha_iotlb_read(struct vha_dev *dev, struct iov_iter *to, bool noblock)
{
	struct vhost_msg msg;

	if (iov_iter_count(to) < sizeof(msg))
		return 0;
	/* With its padding it goes to user space. */
	memset(&msg, 0, sizeof(msg));
	if (!vha_iotlb_next(dev, &msg.iotlb)) {
		int r;

		if (noblock)
			return -EAGAIN;
		if (wait_event_interruptible(dev->msg_wait,
					     vha_iotlb_wait(dev, &msg.iotlb, &r)))
			return -ERESTARTSYS;
		if (r)
			return r;
	}
	/* The formats differ in nothing else that we fill. */
	msg.type = READ_ONCE(dev->backend_features) &
		   BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) ? VHOST_IOTLB_MSG_V2 :
						       VHOST_IOTLB_MSG;
	return copy_to_iter(&msg, sizeof(msg), to);
}

/**
 * vha_iotlb_poll() - is there a message to read?
 * @dev: device
 * @file: its file
 * @wait: where the caller waits
 *
 * Return: EPOLLIN if so.
 */
__poll_t vha_iotlb_poll(struct vha_dev *dev, struct file *file,
			poll_table *wait)
{
	__poll_t mask = 0;

	poll_wait(file, &dev->msg_wait, wait);
	spin_lock(&dev->msg_lock);
	if (!list_empty(&dev->unread))
		mask = EPOLLIN | EPOLLRDNORM;
	spin_unlock(&dev->msg_lock);
	return mask;
}

/**
 * vha_area_size() - how long an area of the ring is
 * @vq: queue; mutex held
 * @area: which
 *
 * Return: bytes that driver and device use of it.
 */
size_t vha_area_size(const struct vha_vq *vq, enum vha_area area)
{
	const bool packed = vha_has_feature(vq, VIRTIO_F_RING_PACKED);
	const size_t event = vha_has_feature(vq, VIRTIO_RING_F_EVENT_IDX) ?
			     sizeof(__virtio16) : 0;

	switch (area) {
	case VHA_DESC:
		return array_size(vq->num, sizeof(*vq->desc));
	case VHA_AVAIL:
		return packed ? sizeof(struct vring_packed_desc_event) :
				struct_size(vq->avail, ring, vq->num) + event;
	default:
		return packed ? sizeof(struct vring_packed_desc_event) :
				struct_size(vq->used, ring, vq->num) + event;
	}
}

/*
 * Find out where an area is. Accesses that its users need: a packed ring's
 * descriptors are read and written, a used ring is only written.
 */
static int vha_area_map(struct vha_vq *vq, enum vha_area area, u64 *hva)
{
	const u64 addr = vq->addr[area], size = vha_area_size(vq, area);
	int r;

	r = vha_space_linear(&vq->space, addr, size, area == VHA_USED, hva);
	if (r >= 0 && area == VHA_DESC &&
	    vha_has_feature(vq, VIRTIO_F_RING_PACKED))
		r = vha_space_linear(&vq->space, addr, size, true, hva);
	return r;
}

/**
 * vha_vq_unmap() - something has changed that the ring's addresses rest on
 * @vq: queue; mutex held
 */
void vha_vq_unmap(struct vha_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	vq->mapped = false;
	vq->linear = !vq->space.iotlb;
	/* An IOVA is no address of the owner: it must not be taken for one. */
	vq->desc = vq->linear ? u64_to_user_ptr(vq->addr[VHA_DESC]) : NULL;
	vq->avail = vq->linear ? u64_to_user_ptr(vq->addr[VHA_AVAIL]) : NULL;
	vq->used = vq->linear ? u64_to_user_ptr(vq->addr[VHA_USED]) : NULL;
}

/**
 * vha_vq_remap() - find the ring again after vha_vq_unmap()
 * @vq: queue; mutex held
 *
 * Return: 0, or -EAGAIN: the ring cannot be used now. If all it lacks is a
 * translation, that has been asked for, and the queue runs once it comes. A queue
 * that no address was ever set for, or whose areas the IOTLB forbids to access,
 * waits for its next kick.
 */
int vha_vq_remap(struct vha_vq *vq)
{
	bool linear = true;
	u64 hva[VHA_NAREAS];
	int i, r;

	lockdep_assert_held(&vq->mutex);
	if (!vq->addr[VHA_DESC] && !vq->addr[VHA_AVAIL] && !vq->addr[VHA_USED])
		return -EAGAIN;
	if (!vq->space.iotlb) {
		vq->mapped = true;
		return 0;
	}

	for (i = 0; i < VHA_NAREAS; i++) {
		r = vha_area_map(vq, i, &hva[i]);
		if (r == -EAGAIN)
			vha_iotlb_miss(vq);
		if (r < 0)
			return -EAGAIN;
		linear &= r;
	}
	if (linear) {
		vq->desc = u64_to_user_ptr(hva[VHA_DESC]);
		vq->avail = u64_to_user_ptr(hva[VHA_AVAIL]);
		vq->used = u64_to_user_ptr(hva[VHA_USED]);
	}
	vq->linear = linear;
	vq->mapped = true;
	return 0;
}

/* Small values are moved whole: the driver may look at any time. */
static int vha_meta_get(void *buf, const void __user *from, size_t len)
{
	switch (len) {
	case sizeof(u16):
		return get_user(*(u16 *)buf, (const u16 __user *)from);
	case sizeof(u32):
		return get_user(*(u32 *)buf, (const u32 __user *)from);
	case sizeof(u64):
		return get_user(*(u64 *)buf, (const u64 __user *)from);
	default:
		return copy_from_user(buf, from, len) ? -EFAULT : 0;
	}
}

static int vha_meta_put(void __user *to, const void *buf, size_t len)
{
	switch (len) {
	case sizeof(u16):
		return put_user(*(const u16 *)buf, (u16 __user *)to);
	case sizeof(u32):
		return put_user(*(const u32 *)buf, (u32 __user *)to);
	case sizeof(u64):
		return put_user(*(const u64 *)buf, (u64 __user *)to);
	default:
		return copy_to_user(to, buf, len) ? -EFAULT : 0;
	}
}

static int vha_meta_copy(struct vha_vq *vq, enum vha_area area, size_t off,
			 void *buf, size_t len, bool write)
{
	u64 addr = vq->addr[area] + off;

	lockdep_assert_held(&vq->mutex);

	while (len) {
		struct iovec piece;
		int r;

		r = vha_space_translate(&vq->space, addr, len, write, &piece, 1);
		/* Longer than one piece: that one has been filled. */
		if (r < 0 && r != -ENOBUFS)
			return r;
		r = write ? vha_meta_put(piece.iov_base, buf, piece.iov_len) :
			    vha_meta_get(buf, piece.iov_base, piece.iov_len);
		if (r)
			return r;
		addr += piece.iov_len;
		buf += piece.iov_len;
		len -= piece.iov_len;
		/* A packed descriptor's flags, the last bytes, come last. */
		smp_wmb();
	}
	return 0;
}

/**
 * vha_meta_read() - read from an area of a ring behind an IOTLB
 * @vq: queue; mutex held; it has an IOTLB
 * @area: area
 * @off: offset in bytes
 * @buf: where to
 * @len: bytes; 2, 4 or 8 that lie in one piece are read at once
 *
 * Return: 0; -EFAULT when memory cannot be read; as vha_space_translate(), but
 * only when vha_vq_map() has not succeeded before.
 */
int vha_meta_read(struct vha_vq *vq, enum vha_area area, size_t off, void *buf,
		  size_t len)
{
	return vha_meta_copy(vq, area, off, buf, len, false);
}

/**
 * vha_meta_write() - write to an area of a ring behind an IOTLB
 * @vq: queue; mutex held; it has an IOTLB
 * @area: area
 * @off: offset in bytes
 * @buf: what to write
 * @len: bytes; 2, 4 or 8 that lie in one piece are written at once
 *
 * Return: as vha_meta_read().
 */
int vha_meta_write(struct vha_vq *vq, enum vha_area area, size_t off,
		   const void *buf, size_t len)
{
	return vha_meta_copy(vq, area, off, (void *)buf, len, true);
}
