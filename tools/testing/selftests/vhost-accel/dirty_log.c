// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps a dirty log and compares guest RAM with what a migration would have copied.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dirty_log.h"
#include "kstest.h"

#define COMPLAINTS	5	/* pages that are named before the rest is only counted */

static __u8 *ram(const struct dlog *l, unsigned int page)
{
	return vg_mem_hva(&l->d->mem, VG_GPA_BASE + (__u64)page * VG_PAGE);
}

static bool in_table(const struct vg_mem *t, __u64 gpa)
{
	unsigned int i;

	for (i = 0; i < t->nregions; i++)
		if (gpa - t->region[i].gpa < t->region[i].size)
			return true;
	return false;
}

static long page_of(const struct dlog *l, __u64 gpa)
{
	if (!in_table(l->table, gpa))
		return -1;
	if (l->page_of)
		return l->page_of(l->arg, gpa);
	return dlog_page(l, gpa);
}

unsigned int dlog_page(const struct dlog *l, __u64 gpa)
{
	return (gpa - VG_GPA_BASE) / VG_PAGE;
}

static __u64 end_of(const struct vg_mem *t)
{
	__u64 end = 0;
	unsigned int i;

	for (i = 0; i < t->nregions; i++)
		if (t->region[i].gpa + t->region[i].size > end)
			end = t->region[i].gpa + t->region[i].size;
	return end;
}

int dlog_init(struct dlog *l, struct vg_dev *d, const struct vg_mem *table)
{
	unsigned int i;

	memset(l, 0, sizeof(*l));
	l->d = d;
	l->table = table;
	for (i = 0; i < d->mem.nregions; i++)
		l->npages += d->mem.region[i].size / VG_PAGE;
	/* More than needed: a bit beyond RAM is to be seen. */
	l->size = (end_of(table) / VG_PAGE / 8 + 2 * VG_PAGE) & ~(size_t)(VG_PAGE - 1);
	l->bits = mmap(NULL, l->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	l->shadow = malloc((size_t)l->npages * VG_PAGE);
	l->mine = calloc(l->npages, sizeof(*l->mine));
	l->seen = calloc(l->npages, sizeof(*l->seen));
	if (l->bits == MAP_FAILED || !l->shadow || !l->mine || !l->seen) {
		dlog_free(l);
		return -ENOMEM;
	}
	return 0;
}

void dlog_free(struct dlog *l)
{
	if (l->bits && l->bits != MAP_FAILED)
		munmap(l->bits, l->size);
	free(l->shadow);
	free(l->mine);
	free(l->seen);
	memset(l, 0, sizeof(*l));
}

int dlog_set_base(const struct dlog *l, const void *bits)
{
	__u64 base = (uintptr_t)bits;

	return vg_ioctl(l->d->fd, VHOST_SET_LOG_BASE, &base);
}

static int switch_log(struct dlog *l, bool on)
{
	struct vg_dev *d = l->d;
	unsigned int i;
	int err;

	d->features = on ? d->features | VG_F_LOG_ALL : d->features & ~VG_F_LOG_ALL;
	d->addr_flags = on ? 1 << VHOST_VRING_F_LOG : 0;
	err = vg_ioctl(d->fd, VHOST_SET_FEATURES, &d->features);
	for (i = 0; !err && i < VG_RINGS; i++)
		err = vg_ring_set_addr(d, i);
	return err;
}

int dlog_on(struct dlog *l)
{
	int err = dlog_set_base(l, l->bits);

	if (!err)
		err = switch_log(l, true);
	dlog_adopt(l);
	return err;
}

int dlog_off(struct dlog *l)
{
	return switch_log(l, false);
}

void dlog_mine(struct dlog *l, __u64 gpa, size_t len)
{
	unsigned int page = dlog_page(l, gpa), last = dlog_page(l, gpa + len - 1);

	for (; page <= last; page++)
		l->mine[page] = true;
}

void dlog_adopt_range(struct dlog *l, __u64 gpa, size_t len)
{
	vg_mem_read(&l->d->mem, gpa, l->shadow + (gpa - VG_GPA_BASE), len);
}

void dlog_adopt(struct dlog *l)
{
	dlog_adopt_range(l, VG_GPA_BASE, (size_t)l->npages * VG_PAGE);
}

static void take_bit(struct dlog *l, __u64 gpa)
{
	long page = page_of(l, gpa);

	if (page < 0) {
		if (!l->stray++)
			ksft_print_msg("bit of %#llx, where there is no RAM\n", gpa);
		return;
	}
	memcpy(l->shadow + (size_t)page * VG_PAGE, ram(l, page), VG_PAGE);
	l->seen[page] = true;
	l->taken++;
}

static void take_words(struct dlog *l, __u64 *bits, size_t first, size_t end)
{
	__u64 word;
	size_t w;

	for (w = first; w < end; w++) {
		if (!__atomic_load_n(&bits[w], __ATOMIC_RELAXED))
			continue;
		word = __atomic_exchange_n(&bits[w], 0, __ATOMIC_SEQ_CST);
		for (; word; word &= word - 1)
			take_bit(l, (w * 64 + __builtin_ctzll(word)) * VG_PAGE);
	}
}

void dlog_take(struct dlog *l, __u64 *bits)
{
	take_words(l, bits, 0, l->size / sizeof(*bits));
}

unsigned int dlog_sync(struct dlog *l)
{
	__u64 before = l->taken;
	unsigned int i;

	for (i = 0; i < l->table->nregions; i++) {
		const struct vg_region *r = &l->table->region[i];

		take_words(l, l->bits, r->gpa / VG_PAGE / 64,
			   (r->gpa + r->size - 1) / VG_PAGE / 64 + 1);
	}
	return l->taken - before;
}

static void complain(const struct dlog *l, unsigned int page)
{
	const __u8 *copy = l->shadow + (size_t)page * VG_PAGE;
	__u64 gpa = VG_GPA_BASE + (__u64)page * VG_PAGE;
	const __u8 *now = ram(l, page);
	unsigned int i, first = VG_PAGE, n = 0;
	const char *what = "buffers";

	for (i = 0; i < VG_PAGE; i++) {
		if (now[i] == copy[i])
			continue;
		if (!n++)
			first = i;
	}
	for (i = 0; i < VG_RINGS; i++) {
		const struct vg_ring *r = &l->d->ring[i];

		if (gpa >= r->desc_gpa && gpa < r->driver_gpa)
			what = i ? "TX descriptors" : "RX descriptors";
		else if (gpa >= r->device_gpa && gpa < r->device_gpa + 6 + 8ul * r->num)
			what = i ? "TX device area" : "RX device area";
	}
	ksft_print_msg("%#llx, %s: %u bytes from %u on changed, no bit\n", gpa, what, n,
		       first);
}

bool dlog_check(struct dlog *l)
{
	unsigned int page, lost = 0;

	dlog_take(l, l->bits);
	for (page = 0; page < l->npages; page++) {
		if (l->mine[page] ||
		    !memcmp(l->shadow + (size_t)page * VG_PAGE, ram(l, page), VG_PAGE))
			continue;
		if (lost++ < COMPLAINTS)
			complain(l, page);
	}
	if (lost)
		ksft_print_msg("%u pages lost\n", lost);
	return !lost && !l->stray;
}
