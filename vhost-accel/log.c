// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: telling live migration what the device has written.
 *
 * 1. Problem. While a guest migrates, QEMU reads and clears a bitmap of guest
 *    pages and sends the pages whose bits were set. A page that we write without
 *    setting its bit afterwards arrives with old contents: silent corruption.
 *
 * 2. Model. Two things are written: buffers (VHOST_F_LOG_ALL) and the ring itself
 *    (VHOST_VRING_F_LOG). Buffers are known by their host addresses, and the pages
 *    behind them are found by the memory table, which works the same for guest
 *    addresses and for those of an IOMMU. The owner says where in guest memory the
 *    used ring is (log_guest_addr); of a packed ring that is the device event area
 *    only, so the descriptors that we write are found like buffers. Behind an
 *    IOMMU log_guest_addr is no guest address, and the used ring is found like a
 *    buffer, too.
 *
 * 3. Control. Set bits after the data, always, also after a copy that failed
 *    somewhere, for what it may have written. A bit that is set already is left
 *    alone: a full barrier stands between the data and the look at it, so whoever
 *    clears it later sees the data. Otherwise the word is changed by an atomic
 *    operation on user memory, which meets QEMU's exchange of the same word safely.
 *    No page is pinned.
 *
 *    A queue's log is changed under its mutex, and a turn of the handler holds that
 *    from the first write to the last bit: after VHOST_SET_LOG_BASE nothing
 *    touches the old log.
 *
 * 4. Limits. The work for a burst is bounded by its segments, each of which is
 *    looked up in at most max_mem_regions regions, and by its bytes. What lies in
 *    no region cannot be logged; that, and a log that cannot be written, fires the
 *    error eventfd, and what else there is to log is logged. If it was the ring
 *    itself, the queue rests.
 */
#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/futex.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include <asm/futex.h>

#include "internal.h"

/* How often a page of the log may go away between its fault and its use. */
#define VHA_LOG_TRIES 16

/* Set bits of an aligned word of user memory that another CPU may change. */
static int vha_log_or(u32 __user *word, u32 mask)
{
	u32 seen;
	int i, r;

	if (get_user(seen, word))
		return -EFAULT;
	if ((seen & mask) == mask)
		return 0;
	for (i = 0; i < VHA_LOG_TRIES; i++) {
		int old;

		pagefault_disable();
		r = arch_futex_atomic_op_inuser(FUTEX_OP_OR, mask, &old, word);
		pagefault_enable();
		if (!r)
			return 0;
		if (fault_in_safe_writeable((char __user *)word, sizeof(*word)))
			break;
		cond_resched();
	}
	return -EFAULT;
}

/* Log a piece of guest memory. */
static int vha_log_gpa(struct vha_vq *vq, u64 gpa, u64 len)
{
	u64 page, last, first, size, addr;

	if (!vha_log_span(vq->log_base, gpa, len, &first, &size))
		return -EFAULT;
	page = gpa >> VHA_LOG_SHIFT;
	last = (gpa + (len - 1)) >> VHA_LOG_SHIFT;
	while (page <= last) {
		u32 mask = vha_log_word(vq->log_base, &page, last, &addr);
		int r = vha_log_or(u64_to_user_ptr(addr), mask);

		if (r)
			return r;
	}
	return 0;
}

/* Log a piece of host memory, wherever the guest sees it. */
static int vha_log_hva(struct vha_vq *vq, u64 hva, u64 len)
{
	u64 gpa, part, found = 0;
	u32 next = 0;
	int r = 0;

	while (vha_log_alias(vq->space.mem, &next, hva, len, &gpa, &part)) {
		r = vha_log_gpa(vq, gpa, part) ?: r;
		found += part;
	}
	return found < len ? -EFAULT : r;
}

static void vha_log_signal(struct vha_vq *vq)
{
	/* Changed under the mutexes of all queues. */
	if (vq->dev->log_ctx)
		eventfd_signal(vq->dev->log_ctx);
}

/**
 * vha_log_iov() - log what has been written to buffers
 * @vq: queue; mutex held; vq->log is set
 * @iov: segments of the owner's address space
 * @niov: how many
 * @len: bytes from the start of the first segment on
 *
 * Context: the worker, in the owner's address space; may fault.
 * Return: 0 or -EFAULT.
 */
int vha_log_iov(struct vha_vq *vq, const struct iovec *iov, unsigned int niov,
		u64 len)
{
	unsigned int i;
	int r = 0;

	lockdep_assert_held(&vq->mutex);
	/* The data before the look at its bits. */
	smp_mb();
	for (i = 0; i < niov && len; i++) {
		u64 part = min_t(u64, iov[i].iov_len, len);

		r = vha_log_hva(vq, (unsigned long)iov[i].iov_base, part) ?: r;
		len -= part;
	}
	vha_log_signal(vq);
	return r;
}

static int vha_log_pieces(struct vha_vq *vq, u64 addr, u64 len)
{
	int r = 0;

	while (len) {
		struct iovec piece;
		int segs;

		segs = vha_space_translate(&vq->space, addr, len, true, &piece, 1);
		/* Longer than one piece: that one has been filled. */
		if (segs < 0 && segs != -ENOBUFS)
			return -EFAULT;
		r = vha_log_hva(vq, (unsigned long)piece.iov_base,
				piece.iov_len) ?: r;
		addr += piece.iov_len;
		len -= piece.iov_len;
	}
	return r;
}

/**
 * vha_log_area() - log what has been written to an area of the ring
 * @vq: queue; mutex held; vq->log_used is set
 * @area: area
 * @off: offset in bytes
 * @len: bytes, at least 1
 *
 * Context: the owner's address space; may fault.
 * Return: 0 or -EFAULT.
 */
int vha_log_area(struct vha_vq *vq, enum vha_area area, size_t off, size_t len)
{
	int r;

	lockdep_assert_held(&vq->mutex);
	/* The ring before the look at its bits. */
	smp_mb();
	if (vq->space.iotlb)
		r = vha_log_pieces(vq, vq->addr[area] + off, len);
	else if (area == VHA_USED)
		r = vha_log_gpa(vq, vq->log_addr + off, len);
	else
		r = vha_log_hva(vq, vq->addr[area] + off, len);
	if (!r)
		vha_log_signal(vq);
	return r;
}

static bool vha_log_range_ok(u64 base, u64 gpa, u64 len)
{
	u64 first, size;

	return vha_log_span(base, gpa, len, &first, &size) &&
	       access_ok(u64_to_user_ptr(first), size);
}

/**
 * vha_log_mem_ok() - can writes to all guest memory be logged?
 * @mem: sorted table or NULL
 * @base: address of the log
 *
 * Return: true if so; false also without a table.
 */
bool vha_log_mem_ok(const struct vha_mem *mem, u64 base)
{
	u32 i;

	if (!mem)
		return false;
	for (i = 0; i < mem->nregions; i++)
		if (!vha_log_range_ok(base, mem->regions[i].gpa,
				      mem->regions[i].size))
			return false;
	return true;
}

/**
 * vha_log_used_ok() - can writes to the used ring be logged?
 * @vq: queue; mutex held
 * @base: address of the log
 * @log_used: they shall be logged
 * @log_addr: guest-physical address of the used ring
 *
 * Return: true if so, or if they shall not. With an IOTLB the address is not used.
 */
bool vha_log_used_ok(const struct vha_vq *vq, u64 base, bool log_used,
		     u64 log_addr)
{
	return vq->space.iotlb || !log_used ||
	       vha_log_range_ok(base, log_addr, vha_area_size(vq, VHA_USED));
}

/**
 * vha_log_vq_ok() - can a queue run with this log?
 * @vq: queue; mutex held
 * @base: address of the log
 *
 * Return: true when there is a memory table and all that is to be logged can be.
 */
bool vha_log_vq_ok(const struct vha_vq *vq, u64 base)
{
	lockdep_assert_held(&vq->mutex);
	return vq->space.mem && (!vq->log || vha_log_mem_ok(vq->space.mem, base)) &&
	       vha_log_used_ok(vq, base, vq->log_used, vq->log_addr);
}

/**
 * vha_log_set_base() - VHOST_SET_LOG_BASE, legal at any time
 * @dev: device; mutex held
 * @argp: u64, address of the log
 *
 * A queue that runs and cannot use this log keeps the old one; the other changes.
 *
 * Return: 0, or -EFAULT for a bad pointer or a log that a queue cannot use.
 */
long vha_log_set_base(struct vha_dev *dev, void __user *argp)
{
	long r = 0;
	u64 base;
	int i;

	lockdep_assert_held(&dev->mutex);
	if (copy_from_user(&base, argp, sizeof(base)))
		return -EFAULT;
	for (i = 0; i < VHA_NQUEUES; i++) {
		struct vha_vq *vq = &dev->vq[i];

		mutex_lock(&vq->mutex);
		/* A stopped queue is checked when it starts. */
		if (vq->sock && !vha_log_vq_ok(vq, base))
			r = -EFAULT;
		else
			vq->log_base = base;
		mutex_unlock(&vq->mutex);
	}
	return r;
}

/**
 * vha_log_set_fd() - VHOST_SET_LOG_FD, legal at any time
 * @dev: device; mutex held
 * @argp: int, eventfd that is to fire when something has been logged, or -1
 *
 * Return: 0, -EFAULT for a bad pointer, -EBADF or -EINVAL for a bad file.
 */
long vha_log_set_fd(struct vha_dev *dev, void __user *argp)
{
	struct eventfd_ctx *ctx = NULL;
	int fd;

	lockdep_assert_held(&dev->mutex);
	if (get_user(fd, (int __user *)argp))
		return -EFAULT;
	if (fd != VHOST_FILE_UNBIND) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	vha_dev_lock_queues(dev);
	swap(dev->log_ctx, ctx);
	vha_dev_unlock_queues(dev);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}
