/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dirty log as a VMM uses it while a guest migrates: a bitmap that the device
 * fills, and a copy of guest RAM that stands for the destination's.
 *
 * A sync takes the bits with an atomic exchange and copies the pages they name. When
 * the device rests, a page that differs from its copy was written without its bit: the
 * guest would have been corrupted. What the guest itself writes is known by other means
 * in a real VMM; here such pages are named with dlog_mine(), or copied with dlog_adopt()
 * while the device is stopped.
 */
#ifndef _DIRTY_LOG_H
#define _DIRTY_LOG_H

#include "vhost_guest.h"

/**
 * struct dlog - A dirty log.
 * @d: Device that is logged.
 * @table: Guest RAM as the device was told: bits count pages of its addresses.
 * @page_of: Which page of RAM, counted from the guest's first, an address of @table
 *	names, or -1; by default the one with that GPA.
 * @arg: For @page_of.
 * @bits: Bitmap.
 * @size: Its bytes, a multiple of a page.
 * @shadow: The copy.
 * @mine: Pages that the guest writes, too: not compared.
 * @seen: Pages whose bits were taken.
 * @npages: Pages of RAM.
 * @taken: Bits taken.
 * @stray: Bits that name no RAM.
 */
struct dlog {
	struct vg_dev *d;
	const struct vg_mem *table;
	long (*page_of)(void *arg, __u64 gpa);
	void *arg;
	__u64 *bits;
	size_t size;
	__u8 *shadow;
	bool *mine;
	bool *seen;
	unsigned int npages;
	__u64 taken;
	__u64 stray;
};

/** dlog_init() - Make bitmap and copy; the device learns nothing yet. */
int dlog_init(struct dlog *l, struct vg_dev *d, const struct vg_mem *table);
void dlog_free(struct dlog *l);

/** dlog_set_base() - Hand the bitmap to the device. */
int dlog_set_base(const struct dlog *l, const void *bits);

/** dlog_on() - Log writes: base, features, ring addresses, as QEMU does; adopts. */
int dlog_on(struct dlog *l);

/** dlog_off() - Log no longer. */
int dlog_off(struct dlog *l);

/** dlog_mine() - The guest writes these bytes while the device runs. */
void dlog_mine(struct dlog *l, __u64 gpa, size_t len);

/** dlog_page() - Page of RAM that holds an address of the guest. */
unsigned int dlog_page(const struct dlog *l, __u64 gpa);

/** dlog_adopt() - Copy all of RAM. */
void dlog_adopt(struct dlog *l);
void dlog_adopt_range(struct dlog *l, __u64 gpa, size_t len);

/** dlog_take() - Sync from a bitmap, which may be one the device no longer has. */
void dlog_take(struct dlog *l, __u64 *bits);

/** dlog_sync() - Sync; returns how many bits were taken. */
unsigned int dlog_sync(struct dlog *l);

/**
 * dlog_check() - Sync, compare, look for bits outside of RAM.
 *
 * The device must be at rest. Return: false after diagnostics.
 */
bool dlog_check(struct dlog *l);

#endif /* _DIRTY_LOG_H */
