// SPDX-License-Identifier: GPL-2.0
/*
 * Set-up of a virtqueue: the VHOST_*_VRING_* ioctls.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "internal.h"

/**
 * vha_vq_init() - a queue of a new device
 * @dev: device
 * @index: which
 */
void vha_vq_init(struct vha_dev *dev, enum vha_queue index)
{
	struct vha_vq *vq = &dev->vq[index];

	mutex_init(&vq->mutex);
	vq->dev = dev;
	vq->index = index;
	INIT_LIST_HEAD(&vq->miss.unread);
	vha_poll_init(&vq->kick_poll, vq, EPOLLIN);
	vha_poll_init(&vq->sock_poll, vq,
		      index == VHA_RX ? EPOLLIN : EPOLLOUT);
	mutex_lock(&vq->mutex);
	vha_vq_reset(vq);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_vq_forget_addr() - the addresses of the ring mean nothing any more
 * @vq: queue; mutex held
 */
void vha_vq_forget_addr(struct vha_vq *vq)
{
	memset(vq->addr, 0, sizeof(vq->addr));
	vq->log_used = false;
	vq->log_addr = -1;
	vha_vq_unmap(vq);
}

/**
 * vha_vq_reset() - back to the state after open
 * @vq: queue; mutex held; it has no backend and waits for nothing
 */
void vha_vq_reset(struct vha_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	vq->num = 1;
	vq->features = 0;
	vq->log = false;
	vq->log_base = 0;
	vq->space.mem = NULL;
	vq->space.iotlb = NULL;
	vha_vq_forget_addr(vq);
	vha_iotlb_forget(vq);
	vq->packed = false;
	vq->avail_idx = 0;
	vq->last_avail = 0;
	vq->last_used = 0;
	vq->signalled_valid = false;
	vq->used_flags = 0;
	vq->busyloop_us = 0;
	vq->vhost_hlen = 0;
	vq->sock_hlen = 0;
	if (vq->kick)
		fput(vq->kick);
	vq->kick = NULL;
	if (vq->call)
		eventfd_ctx_put(vq->call);
	vq->call = NULL;
	if (vq->err)
		eventfd_ctx_put(vq->err);
	vq->err = NULL;
}

static bool vha_ring_addr_ok(const struct vha_vq *vq, const u64 *addr)
{
	const struct vring_desc __user *desc = u64_to_user_ptr(addr[VHA_DESC]);
	const struct vring_avail __user *avail = u64_to_user_ptr(addr[VHA_AVAIL]);
	const struct vring_used __user *used = u64_to_user_ptr(addr[VHA_USED]);
	/* With the event word always: EVENT_IDX may be switched on later. */
	const size_t event = sizeof(__virtio16);

	/* Device addresses are looked up when they are used. */
	if (vq->space.iotlb)
		return true;

	if (vq->packed)
		return access_ok(desc, array_size(vq->num, sizeof(*desc))) &&
		       access_ok(avail, sizeof(struct vring_packed_desc_event)) &&
		       access_ok(used, sizeof(struct vring_packed_desc_event));
	return access_ok(desc, array_size(vq->num, sizeof(*desc))) &&
	       access_ok(avail, struct_size(avail, ring, vq->num) + event) &&
	       access_ok(used, struct_size(used, ring, vq->num) + event);
}

/**
 * vha_vq_set_format() - split or packed, as the driver has acknowledged
 * @vq: queue; mutex held; it has no backend if the format changes
 * @packed: the ring is a packed one
 *
 * A base of the other format means nothing: the ring is a new one then.
 */
void vha_vq_set_format(struct vha_vq *vq, bool packed)
{
	lockdep_assert_held(&vq->mutex);
	if (vq->packed == packed)
		return;
	vq->packed = packed;
	if (packed) {
		vha_packed_init(vq, VHA_PACKED_FRESH, VHA_PACKED_FRESH);
	} else {
		vq->last_avail = 0;
		vq->avail_idx = 0;
	}
}

/**
 * vha_vq_access_ok() - is the ring set up so that it may start?
 * @vq: queue; mutex held
 *
 * Return: true when there is a memory table, the ring lies in user space, and what
 * the dirty log shall hold fits into it.
 */
bool vha_vq_access_ok(struct vha_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	return vha_log_vq_ok(vq, vq->log_base) &&
	       vha_ring_addr_ok(vq, vq->addr);
}

/**
 * vha_vq_start() - pick up the ring where the driver sees it
 * @vq: queue; mutex held; vha_vq_access_ok()
 *
 * Context: the owner's address space.
 * Return: 0; -EFAULT when the used ring or event area cannot be accessed; -EINVAL
 * for what a packed ring cannot be.
 */
int vha_vq_start(struct vha_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	vq->used_flags = 0;
	vq->signalled_valid = false;
	return vq->packed ? vha_packed_start(vq) : vha_split_start(vq);
}

static long vha_vring_set_num(struct vha_vq *vq, void __user *argp)
{
	struct vhost_vring_state s;

	if (vq->sock)
		return -EBUSY;
	if (copy_from_user(&s, argp, sizeof(s)))
		return -EFAULT;
	if (!s.num || s.num > 0xffff || (s.num & (s.num - 1)))
		return -EINVAL;
	vq->num = s.num;
	vha_vq_unmap(vq);
	return 0;
}

static long vha_vring_set_addr(struct vha_vq *vq, void __user *argp)
{
	struct vhost_vring_addr a;
	u64 addr[VHA_NAREAS];
	bool log_used;

	if (copy_from_user(&a, argp, sizeof(a)))
		return -EFAULT;
	if (a.flags & ~BIT(VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if ((a.avail_user_addr & (VRING_AVAIL_ALIGN_SIZE - 1)) ||
	    (a.used_user_addr & (VRING_USED_ALIGN_SIZE - 1)) ||
	    (a.log_guest_addr & (VRING_USED_ALIGN_SIZE - 1)))
		return -EINVAL;

	addr[VHA_DESC] = a.desc_user_addr;
	addr[VHA_AVAIL] = a.avail_user_addr;
	addr[VHA_USED] = a.used_user_addr;
	/* A stopped ring is checked when it starts: its size may yet change. */
	log_used = a.flags & BIT(VHOST_VRING_F_LOG);
	if (vq->sock &&
	    (!vha_ring_addr_ok(vq, addr) ||
	     (vq->packed && !vha_packed_aligned(addr)) ||
	     !vha_log_used_ok(vq, vq->log_base, log_used, a.log_guest_addr)))
		return -EINVAL;
	memcpy(vq->addr, addr, sizeof(vq->addr));
	vq->log_used = log_used;
	vq->log_addr = a.log_guest_addr;
	vha_vq_unmap(vq);
	/* What it may have waited for at the old place will not come. */
	if (vq->sock)
		vha_worker_queue(vq->dev->worker, vq->index);
	return 0;
}

static long vha_vring_set_base(struct vha_vq *vq, void __user *argp)
{
	struct vhost_vring_state s;

	if (vq->sock)
		return -EBUSY;
	if (copy_from_user(&s, argp, sizeof(s)))
		return -EFAULT;
	if (vq->packed) {
		u16 avail, used;

		vha_packed_parse_base(s.num, &avail, &used);
		vha_packed_init(vq, avail, used);
		return 0;
	}
	if (s.num > 0xffff)
		return -EINVAL;
	vq->last_avail = s.num;
	vq->avail_idx = s.num;
	return 0;
}

static long vha_vring_put_state(struct vha_vq *vq, void __user *argp, u32 num)
{
	struct vhost_vring_state s = { .index = vq->index, .num = num };

	return copy_to_user(argp, &s, sizeof(s)) ? -EFAULT : 0;
}

static u32 vha_vring_base(const struct vha_vq *vq)
{
	return vq->packed ? vha_packed_base(vq->last_avail, vq->last_used) :
			    vq->last_avail;
}

static long vha_vring_set_busyloop(struct vha_vq *vq, void __user *argp)
{
	struct vhost_vring_state s;

	if (copy_from_user(&s, argp, sizeof(s)))
		return -EFAULT;
	vq->busyloop_us = s.num;
	return 0;
}

/* Callbacks of the old eventfd have ended when this returns. */
static long vha_vring_set_kick(struct vha_vq *vq, void __user *argp)
{
	struct vhost_vring_file f;
	struct file *file = NULL;

	if (copy_from_user(&f, argp, sizeof(f)))
		return -EFAULT;
	if (f.fd != VHOST_FILE_UNBIND) {
		file = eventfd_fget(f.fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	if (file == vq->kick) {
		if (file)
			fput(file);
		return 0;
	}
	vha_poll_forget(&vq->kick_poll);
	if (vq->kick)
		fput(vq->kick);
	vq->kick = file;
	/* A kick that has come before counts. */
	return file ? vha_poll_start(&vq->kick_poll, file) : 0;
}

static long vha_vring_set_eventfd(struct eventfd_ctx **where,
				  void __user *argp)
{
	struct vhost_vring_file f;
	struct eventfd_ctx *ctx = NULL;

	if (copy_from_user(&f, argp, sizeof(f)))
		return -EFAULT;
	if (f.fd != VHOST_FILE_UNBIND) {
		ctx = eventfd_ctx_fdget(f.fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	swap(*where, ctx);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

/**
 * vha_vring_ioctl() - an ioctl that concerns one queue
 * @dev: device; mutex held; the caller is its owner
 * @cmd: ioctl
 * @argp: its argument; it begins with the index of the queue
 *
 * Return: 0; -ENOBUFS for an index that is no queue; -EBUSY for what a backend
 * forbids; -EFAULT, -EINVAL, -EOPNOTSUPP for bad arguments; -ENOTTY for an ioctl
 * that is not known.
 */
long vha_vring_ioctl(struct vha_dev *dev, unsigned int cmd, void __user *argp)
{
	struct vha_vq *vq;
	u32 index;
	long r;

	lockdep_assert_held(&dev->mutex);
	if (get_user(index, (u32 __user *)argp))
		return -EFAULT;
	if (index >= VHA_NQUEUES)
		return -ENOBUFS;
	vq = &dev->vq[array_index_nospec(index, VHA_NQUEUES)];

	mutex_lock(&vq->mutex);
	switch (cmd) {
	case VHOST_SET_VRING_NUM:
		r = vha_vring_set_num(vq, argp);
		break;
	case VHOST_SET_VRING_ADDR:
		r = vha_vring_set_addr(vq, argp);
		break;
	case VHOST_SET_VRING_BASE:
		r = vha_vring_set_base(vq, argp);
		break;
	case VHOST_GET_VRING_BASE:
		r = vha_vring_put_state(vq, argp, vha_vring_base(vq));
		break;
	case VHOST_SET_VRING_KICK:
		r = vha_vring_set_kick(vq, argp);
		break;
	case VHOST_SET_VRING_CALL:
		r = vha_vring_set_eventfd(&vq->call, argp);
		break;
	case VHOST_SET_VRING_ERR:
		r = vha_vring_set_eventfd(&vq->err, argp);
		break;
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
		r = vha_vring_set_busyloop(vq, argp);
		break;
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		r = vha_vring_put_state(vq, argp, vq->busyloop_us);
		break;
	default:
		r = -ENOTTY;
	}
	mutex_unlock(&vq->mutex);
	return r;
}
