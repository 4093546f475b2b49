/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual IOMMU, the VMM's half of VIRTIO_F_ACCESS_PLATFORM: it answers the misses of
 * a device's IOTLB and takes translations away again.
 *
 * What the guest library calls a GPA is an IOVA here. Guest RAM is a memfd with two
 * mappings: the library's, in order, and slots of one page each in another order, which
 * is all that the device is told of: by translations, and by a memory table with the
 * GPAs that the dirty log counts. So IOVA, GPA and HVA differ, and neighbours in one are
 * none in another. A page can be moved to another slot at any time; a slot that was left
 * is unmapped or filled with a pattern, so that whoever still uses it is found out.
 */
#ifndef _VIOMMU_H
#define _VIOMMU_H

#include <pthread.h>

#include "vhost_guest.h"

#define VI_GPA_BASE	0x10000000ULL	/* of the first slot */
#define VI_HELD		256

/**
 * struct viommu - Virtual IOMMU of one device.
 * @d: Device.
 * @table: Memory table of the device: the slots.
 * @memfd: Guest RAM.
 * @npages: Pages of it.
 * @nslots: Slots.
 * @view: The first slot.
 * @slot: Slot of each page.
 * @owner: Page that is or was in each slot, or -1.
 * @next: First slot never used.
 * @v2: Whether messages have the second format.
 * @scatter: Whether neighbours lie in slots apart.
 * @piece: Bytes of each answer: a power of two up to a page; 0 if all of RAM is one
 *	answer, which needs @scatter off.
 * @late_us: Answers come that late.
 * @hold: Misses are kept, not answered.
 * @perm: Permission of each page.
 * @lock: Protects @slot against an answer on its way, and @held.
 * @held: IOVAs of misses kept.
 * @nheld: How many.
 * @misses: Misses read.
 * @foreign: Of them, those outside of RAM, which are never answered.
 * @bad: Messages that broke a rule.
 * @thread: Answers.
 * @stop: Eventfd that ends it.
 */
struct viommu {
	struct vg_dev *d;
	struct vg_mem table;
	int memfd;
	unsigned int npages;
	unsigned int nslots;
	__u8 *view;
	unsigned int *slot;
	int *owner;
	unsigned int next;
	bool v2;
	bool scatter;
	unsigned int piece;
	unsigned int late_us;
	bool hold;
	__u8 *perm;
	pthread_mutex_t lock;
	__u64 held[VI_HELD];
	unsigned int nheld;
	unsigned int misses;
	unsigned int foreign;
	unsigned int bad;
	pthread_t thread;
	int stop;
};

/**
 * vi_open() - Take over a device whose features and rings are set, before it starts.
 * @v: To fill in; v2, scatter, piece and late_us are set already.
 * @d: Device.
 *
 * Return: 0 or -errno.
 */
int vi_open(struct viommu *v, struct vg_dev *d);
void vi_close(struct viommu *v);

/* The thread that answers. */
int vi_start(struct viommu *v);
void vi_stop(struct viommu *v);

/** vi_send() - Write one message; 0 or -errno. */
int vi_send(struct viommu *v, __u8 type, __u64 iova, __u64 size, __u64 uaddr, __u8 perm);

/** vi_map() - Update all pages of a range, as a VMM does before the device starts. */
int vi_map(struct viommu *v, __u64 iova, size_t len);
int vi_map_rings(struct viommu *v);

/** vi_flush() - Invalidate all. */
int vi_flush(struct viommu *v);

/** vi_page() - Page of RAM that an IOVA is in. */
unsigned int vi_page(__u64 iova);

/** vi_move() - Move a page to another slot; -ENOSPC if there is none left. */
int vi_move(struct viommu *v, unsigned int page);

/** vi_untouched() - Whether nobody has written to the slots left. */
bool vi_untouched(struct viommu *v);

/** vi_hold() - Keep misses; vi_release() answers those kept and all to come. */
void vi_hold(struct viommu *v);
void vi_release(struct viommu *v);

/** vi_wait_miss() - Wait till more than @than misses were read; 0 or -ETIMEDOUT. */
int vi_wait_miss(struct viommu *v, unsigned int than, int timeout_ms);

/** vi_page_of() - Page of RAM behind a GPA, for struct dlog. */
long vi_page_of(void *viommu, __u64 gpa);

/** vi_parse() - Check a message that was read; its IOVA, or -1 if it breaks a rule. */
__s64 vi_parse(const struct viommu *v, const void *message, ssize_t len);

#endif /* _VIOMMU_H */
