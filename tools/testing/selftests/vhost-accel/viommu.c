// SPDX-License-Identifier: GPL-2.0
/*
 * Plays the VMM's half of an IOMMU for one vhost device.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kstest.h"
#include "viommu.h"

#define STRIDE		37	/* between the slots of neighbours; prime to the pages */
#define LEFT		0xc5	/* in a slot that was left */

#define load(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

static void *slot_hva(const struct viommu *v, unsigned int slot)
{
	return v->view + (size_t)slot * VG_PAGE;
}

static bool map_slot(struct viommu *v, unsigned int slot, unsigned int page)
{
	v->slot[page] = slot;
	v->owner[slot] = page;
	return mmap(slot_hva(v, slot), VG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    v->memfd, (off_t)page * VG_PAGE) != MAP_FAILED;
}

/* The library's mapping becomes one of the memfd, with what is in RAM already. */
static int share_ram(struct viommu *v)
{
	struct vg_mem *m = &v->d->mem;
	off_t off = 0;
	unsigned int i;

	v->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (v->memfd < 0 || ftruncate(v->memfd, (off_t)v->npages * VG_PAGE))
		return -errno;
	for (i = 0; i < m->nregions; i++) {
		struct vg_region *r = &m->region[i];

		if (pwrite(v->memfd, r->hva, r->size, off) != (ssize_t)r->size ||
		    mmap(r->hva, r->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 v->memfd, off) == MAP_FAILED)
			return -errno;
		off += r->size;
	}
	return 0;
}

static int make_slots(struct viommu *v)
{
	unsigned int i;
	void *p;

	p = mmap(NULL, (size_t)v->nslots * VG_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	v->view = p;
	for (i = 0; i < v->nslots; i++)
		v->owner[i] = -1;
	for (i = 0; i < v->npages; i++) {
		v->perm[i] = VHOST_ACCESS_RW;
		if (!map_slot(v, v->scatter ? i * STRIDE % v->npages : i, i))
			return -errno;
	}
	v->next = v->npages;
	v->table.nregions = 1;
	v->table.region[0].gpa = VI_GPA_BASE;
	v->table.region[0].size = (__u64)v->nslots * VG_PAGE;
	v->table.region[0].hva = v->view;
	return 0;
}

int vi_open(struct viommu *v, struct vg_dev *d)
{
	__u64 backend = VG_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2);
	unsigned int i;
	int err;

	v->d = d;
	v->memfd = -1;
	v->stop = -1;
	for (i = 0; i < d->mem.nregions; i++)
		v->npages += d->mem.region[i].size / VG_PAGE;
	v->nslots = 4 * v->npages;
	pthread_mutex_init(&v->lock, NULL);
	v->slot = calloc(v->npages, sizeof(*v->slot));
	v->perm = calloc(v->npages, sizeof(*v->perm));
	v->owner = calloc(v->nslots, sizeof(*v->owner));
	err = v->slot && v->perm && v->owner ? share_ram(v) : -ENOMEM;
	if (!err)
		err = make_slots(v);
	if (!err)
		err = vg_dev_set_mem(d, &v->table);
	if (!err && v->v2)
		err = vg_ioctl(d->fd, VHOST_SET_BACKEND_FEATURES, &backend);
	if (err)
		vi_close(v);
	return err;
}

void vi_close(struct viommu *v)
{
	vi_stop(v);
	if (v->view)
		munmap(v->view, (size_t)v->nslots * VG_PAGE);
	if (v->memfd >= 0)
		close(v->memfd);
	free(v->slot);
	free(v->perm);
	free(v->owner);
	v->view = NULL;
	v->memfd = -1;
	v->slot = NULL;
	v->perm = NULL;
	v->owner = NULL;
}

/* ---- messages ----------------------------------------------------------- */

int vi_send(struct viommu *v, __u8 type, __u64 iova, __u64 size, __u64 uaddr, __u8 perm)
{
	struct vhost_iotlb_msg m = {
		.iova = iova,
		.size = size,
		.uaddr = uaddr,
		.perm = perm,
		.type = type,
	};
	struct vhost_msg v1 = { .type = VHOST_IOTLB_MSG, .iotlb = m };
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2, .iotlb = m };
	ssize_t n, want = v->v2 ? sizeof(v2) : sizeof(v1);

	n = write(v->d->fd, v->v2 ? (void *)&v2 : (void *)&v1, want);
	if (n < 0)
		return -errno;
	return n == want ? 0 : -EPROTO;
}

static bool all_zero(const __u8 *p, size_t from, size_t to)
{
	for (; from < to; from++)
		if (p[from])
			return false;
	return true;
}

__s64 vi_parse(const struct viommu *v, const void *message, ssize_t len)
{
	const struct vhost_msg_v2 *v2 = message;
	const struct vhost_msg *v1 = message;
	const struct vhost_iotlb_msg *m = v->v2 ? &v2->iotlb : &v1->iotlb;
	size_t head = (const __u8 *)m - (const __u8 *)message;

	if (len != (v->v2 ? sizeof(*v2) : sizeof(*v1)) ||
	    v1->type != (v->v2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG) ||
	    m->type != VHOST_IOTLB_MISS || !(m->perm & VHOST_ACCESS_RW) ||
	    m->perm & ~VHOST_ACCESS_RW || m->size || m->uaddr)
		return -1;
	/* What no field covers must not tell what was in the kernel's memory. */
	if (!all_zero(message, 4, head) ||
	    !all_zero(message, head + offsetof(struct vhost_iotlb_msg, type) + 1, len))
		return -1;
	return m->iova;
}

unsigned int vi_page(__u64 iova)
{
	return (iova - VG_GPA_BASE) / VG_PAGE;
}

/* v->lock held: the slot must still be the page's when the device learns of it. */
static int answer(struct viommu *v, __u64 iova)
{
	unsigned int page = vi_page(iova);
	__u64 start;

	if (!v->piece)
		return vi_send(v, VHOST_IOTLB_UPDATE, VG_GPA_BASE, (__u64)v->npages * VG_PAGE,
			       (uintptr_t)v->view, VHOST_ACCESS_RW);
	start = iova & ~(__u64)(v->piece - 1);
	return vi_send(v, VHOST_IOTLB_UPDATE, start, v->piece,
		       (uintptr_t)slot_hva(v, v->slot[page]) + start % VG_PAGE, v->perm[page]);
}

int vi_map(struct viommu *v, __u64 iova, size_t len)
{
	__u64 end = iova + len;
	int err = 0;

	pthread_mutex_lock(&v->lock);
	while (!err && iova < end) {
		err = answer(v, iova);
		if (!v->piece)
			break;
		iova = (iova & ~(__u64)(v->piece - 1)) + v->piece;
	}
	pthread_mutex_unlock(&v->lock);
	return err;
}

int vi_map_rings(struct viommu *v)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < VG_RINGS; i++) {
		struct vg_ring *r = &v->d->ring[i];

		err = vi_map(v, r->desc_gpa, 16ul * r->num);
		if (!err)
			err = vi_map(v, r->driver_gpa, 6 + 2ul * r->num);
		if (!err)
			err = vi_map(v, r->device_gpa, 6 + 8ul * r->num);
	}
	return err;
}

int vi_flush(struct viommu *v)
{
	return vi_send(v, VHOST_IOTLB_INVALIDATE, 0, ~0ULL, 0, 0);
}

/* ---- misses ------------------------------------------------------------- */

static void take_message(struct viommu *v, const void *message, ssize_t len)
{
	__s64 iova = vi_parse(v, message, len);

	if (iova < 0) {
		store(&v->bad, v->bad + 1);
		return;
	}
	pthread_mutex_lock(&v->lock);
	if ((__u64)iova - VG_GPA_BASE >= (__u64)v->npages * VG_PAGE) {
		store(&v->foreign, v->foreign + 1);
	} else if (v->hold) {
		if (v->nheld < VI_HELD)
			v->held[v->nheld++] = iova;
	} else {
		if (v->late_us)
			usleep(v->late_us);
		answer(v, iova);
	}
	pthread_mutex_unlock(&v->lock);
	store(&v->misses, v->misses + 1);
}

static void *answer_misses(void *arg)
{
	struct viommu *v = arg;
	struct pollfd p[2] = {
		{ .fd = v->d->fd, .events = POLLIN },
		{ .fd = v->stop, .events = POLLIN },
	};
	char message[256];
	ssize_t n;

	while (!p[1].revents) {
		poll(p, 2, -1);
		while ((n = read(v->d->fd, message, sizeof(message))) > 0)
			take_message(v, message, n);
		if (n < 0 && errno != EAGAIN)
			store(&v->bad, v->bad + 1);
	}
	return NULL;
}

int vi_start(struct viommu *v)
{
	v->stop = eventfd(0, EFD_CLOEXEC);
	if (v->stop < 0)
		return -errno;
	return -pthread_create(&v->thread, NULL, answer_misses, v);
}

void vi_stop(struct viommu *v)
{
	if (v->stop < 0)
		return;
	eventfd_write(v->stop, 1);
	pthread_join(v->thread, NULL);
	close(v->stop);
	v->stop = -1;
}

void vi_hold(struct viommu *v)
{
	pthread_mutex_lock(&v->lock);
	v->hold = true;
	pthread_mutex_unlock(&v->lock);
}

void vi_release(struct viommu *v)
{
	pthread_mutex_lock(&v->lock);
	v->hold = false;
	while (v->nheld)
		answer(v, v->held[--v->nheld]);
	pthread_mutex_unlock(&v->lock);
}

int vi_wait_miss(struct viommu *v, unsigned int than, int timeout_ms)
{
	for (; timeout_ms > 0; timeout_ms--) {
		if (load(&v->misses) > than)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/* ---- slots -------------------------------------------------------------- */

/* From here on nobody may have anything to do with the slot. */
static void leave_slot(struct viommu *v, unsigned int slot)
{
	if (slot % 4 == 3) {
		mmap(slot_hva(v, slot), VG_PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		return;
	}
	mmap(slot_hva(v, slot), VG_PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memset(slot_hva(v, slot), LEFT, VG_PAGE);
}

int vi_move(struct viommu *v, unsigned int page)
{
	unsigned int old = v->slot[page];
	int err;

	if (v->next == v->nslots)
		return -ENOSPC;
	pthread_mutex_lock(&v->lock);
	map_slot(v, v->next++, page);
	err = vi_send(v, VHOST_IOTLB_INVALIDATE, VG_GPA_BASE + (__u64)page * VG_PAGE, VG_PAGE,
		      0, 0);
	leave_slot(v, old);
	pthread_mutex_unlock(&v->lock);
	return err;
}

bool vi_untouched(struct viommu *v)
{
	unsigned int slot, i;

	for (slot = 0; slot < v->next; slot++) {
		const __u8 *p = slot_hva(v, slot);

		if (v->slot[v->owner[slot]] == slot || slot % 4 == 3)
			continue;
		for (i = 0; i < VG_PAGE; i++)
			if (p[i] != LEFT) {
				ksft_print_msg("page %d: written at %u where it no longer is\n",
					       v->owner[slot], i);
				return false;
			}
	}
	return true;
}

long vi_page_of(void *viommu, __u64 gpa)
{
	struct viommu *v = viommu;

	return v->owner[(gpa - VI_GPA_BASE) / VG_PAGE];
}
