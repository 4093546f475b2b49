// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM and the vhost ioctls: the VMM's part.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kstest.h"
#include "vhost_guest.h"

/* ---- guest RAM ---------------------------------------------------------- */

int vg_mem_init(struct vg_mem *m, size_t size, unsigned int nregions)
{
	__u64 each = size / nregions & ~(__u64)(VG_PAGE - 1);
	unsigned int i;
	__u8 *p;

	memset(m, 0, sizeof(*m));
	if (!nregions || nregions > VG_MAX_REGIONS || !each)
		return -EINVAL;

	m->next = VG_GPA_BASE;
	for (i = 0; i < nregions; i++) {
		/* A guard page on both sides: no neighbour is reached by accident. */
		p = mmap(NULL, each + 2 * VG_PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			goto err_unmap;
		m->region[i].gpa = VG_GPA_BASE + i * each;
		m->region[i].size = each;
		m->region[i].hva = p + VG_PAGE;
		m->nregions++;
		if (mprotect(p + VG_PAGE, each, PROT_READ | PROT_WRITE))
			goto err_unmap;
	}
	return 0;

err_unmap:
	vg_mem_free(m);
	return -ENOMEM;
}

void vg_mem_free(struct vg_mem *m)
{
	unsigned int i;

	for (i = 0; i < m->nregions; i++)
		munmap(m->region[i].hva - VG_PAGE,
		       m->region[i].size + 2 * VG_PAGE);
	m->nregions = 0;
}

static const struct vg_region *find_region(const struct vg_mem *m, __u64 gpa)
{
	unsigned int i;

	for (i = 0; i < m->nregions; i++)
		if (gpa - m->region[i].gpa < m->region[i].size)
			return &m->region[i];
	return NULL;
}

__u64 vg_mem_alloc(struct vg_mem *m, size_t size, size_t align, bool contig)
{
	const struct vg_region *last = &m->region[m->nregions - 1];
	const struct vg_region *r;
	__u64 gpa;

	for (;;) {
		gpa = (m->next + align - 1) & ~(__u64)(align - 1);
		if (gpa + size > last->gpa + last->size)
			return 0;
		r = find_region(m, gpa);
		if (!contig || gpa + size <= r->gpa + r->size)
			break;
		m->next = r->gpa + r->size;
	}
	m->next = gpa + size;
	return gpa;
}

void *vg_mem_hva(const struct vg_mem *m, __u64 gpa)
{
	const struct vg_region *r = find_region(m, gpa);

	return r ? r->hva + (gpa - r->gpa) : NULL;
}

static void mem_copy(const struct vg_mem *m, __u64 gpa, __u8 *buf,
		     size_t len, bool write)
{
	const struct vg_region *r;
	__u8 *hva;
	size_t n;

	while (len) {
		r = find_region(m, gpa);
		if (!r)
			abort();
		hva = r->hva + (gpa - r->gpa);
		n = r->gpa + r->size - gpa;
		if (n > len)
			n = len;
		if (write)
			memcpy(hva, buf, n);
		else
			memcpy(buf, hva, n);
		buf += n;
		gpa += n;
		len -= n;
	}
}

void vg_mem_read(const struct vg_mem *m, __u64 gpa, void *to, size_t len)
{
	mem_copy(m, gpa, to, len, false);
}

void vg_mem_write(const struct vg_mem *m, __u64 gpa, const void *from,
		  size_t len)
{
	mem_copy(m, gpa, (__u8 *)from, len, true);
}

/* ---- device ------------------------------------------------------------- */

const char *vg_default_path(void)
{
	const char *path = getenv("VHOST_DEV");

	return path && *path ? path : "/dev/vhost-accel";
}

static void unload(void)
{
	/* Files of this process still hold the module. */
	close_range(3, ~0U, 0);
	if (system("rmmod vhost_accel >&2"))
		_exit(KSFT_FAIL);
}

void vg_require(const char *path)
{
	const char *ko = getenv("VMACCEL_KO");
	char cmd[512];

	if (geteuid())
		ksft_exit_skip("needs root\n");
	if (access(path, F_OK) && !strcmp(path, "/dev/vhost-net")) {
		if (system("modprobe vhost_net >&2"))
			ksft_exit_skip("no vhost_net in this kernel\n");
	} else if (access(path, F_OK)) {
		snprintf(cmd, sizeof(cmd),
			 "{ modprobe -a tun tap vhost_iotlb && insmod %s/%s; } >&2",
			 ko ? ko : ".", "vhost-accel/vhost_accel.ko");
		if (system(cmd))
			ksft_exit_skip("no %s: set VMACCEL_KO to the modules' directory\n",
				       path);
		atexit(unload);
	}
	if (access(path, R_OK | W_OK))
		ksft_exit_skip("no %s\n", path);
}

int vg_ioctl(int fd, unsigned long req, const void *arg)
{
	return ioctl(fd, req, arg) < 0 ? -errno : 0;
}

__u64 vg_features_of(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	__u64 features = 0;

	if (fd < 0)
		return 0;
	if (vg_ioctl(fd, VHOST_GET_FEATURES, &features))
		features = 0;
	close(fd);
	return features;
}

int vg_dev_open(struct vg_dev *d, const struct vg_config *cfg)
{
	size_t size = cfg->mem_size ? cfg->mem_size : 32ul << 20;
	unsigned int i;
	int err;

	memset(d, 0, sizeof(*d));
	d->path = cfg->path ? cfg->path : vg_default_path();
	d->features = cfg->features;
	d->busyloop_us = cfg->busyloop_us;
	d->hlen = cfg->features & (VG_F_MRG_RXBUF | VG_F_VERSION_1) ?
		  sizeof(struct virtio_net_hdr_v1) :
		  sizeof(struct virtio_net_hdr);
	for (i = 0; i < VG_RINGS; i++) {
		d->ring[i].kick = -1;
		d->ring[i].call = -1;
		d->ring[i].err = -1;
	}

	d->fd = open(d->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (d->fd < 0)
		return -errno;

	err = vg_mem_init(&d->mem, size, cfg->nregions ? cfg->nregions : 1);
	for (i = 0; !err && i < VG_RINGS; i++)
		err = vg_ring_init(&d->ring[i], &d->mem,
				   cfg->num ? cfg->num : 256, cfg->features);
	if (err)
		vg_dev_close(d);
	return err;
}

void vg_dev_close(struct vg_dev *d)
{
	unsigned int i;

	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	for (i = 0; i < VG_RINGS; i++)
		vg_ring_free(&d->ring[i]);
	vg_mem_free(&d->mem);
}

int vg_dev_set_mem(const struct vg_dev *d, const struct vg_mem *m)
{
	struct {
		struct vhost_memory table;
		struct vhost_memory_region region[VG_MAX_REGIONS];
	} t = { .table = { .nregions = m->nregions } };
	unsigned int i;

	for (i = 0; i < m->nregions; i++) {
		t.region[i].guest_phys_addr = m->region[i].gpa;
		t.region[i].memory_size = m->region[i].size;
		t.region[i].userspace_addr = (uintptr_t)m->region[i].hva;
	}
	return vg_ioctl(d->fd, VHOST_SET_MEM_TABLE, &t);
}

int vg_ring_set_fd(struct vg_dev *d, unsigned int index, unsigned long req, int fd)
{
	struct vhost_vring_file f = { .index = index, .fd = fd };

	return vg_ioctl(d->fd, req, &f);
}

static int set_state(struct vg_dev *d, unsigned int index, unsigned long req,
		     __u32 num)
{
	struct vhost_vring_state s = { .index = index, .num = num };

	return vg_ioctl(d->fd, req, &s);
}

/* What the device takes for the address of an area. */
static __u64 area(const struct vg_dev *d, __u64 gpa)
{
	return d->features & VG_F_PLATFORM ? gpa : (uintptr_t)vg_mem_hva(&d->mem, gpa);
}

int vg_ring_set_addr(struct vg_dev *d, unsigned int index)
{
	struct vg_ring *r = &d->ring[index];
	struct vhost_vring_addr a = {
		.index = index,
		.flags = d->addr_flags,
		.desc_user_addr = area(d, r->desc_gpa),
		.avail_user_addr = area(d, r->driver_gpa),
		.used_user_addr = area(d, r->device_gpa),
		.log_guest_addr = r->device_gpa,
	};

	return vg_ioctl(d->fd, VHOST_SET_VRING_ADDR, &a);
}

int vg_ring_setup(struct vg_dev *d, unsigned int index)
{
	struct vg_ring *r = &d->ring[index];
	int err;

	err = set_state(d, index, VHOST_SET_VRING_NUM, r->num);
	if (!err)
		err = vg_set_base(d, index, r->ops->base(r));
	if (!err)
		err = vg_ring_set_addr(d, index);
	if (!err)
		err = vg_ring_set_fd(d, index, VHOST_SET_VRING_KICK, r->kick);
	if (!err)
		err = vg_ring_set_fd(d, index, VHOST_SET_VRING_CALL, r->call);
	if (!err)
		err = vg_ring_set_fd(d, index, VHOST_SET_VRING_ERR, r->err);
	if (!err && d->busyloop_us)
		err = set_state(d, index, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
				d->busyloop_us);
	return err;
}

int vg_dev_setup(struct vg_dev *d)
{
	unsigned int i;
	int err;

	err = vg_ioctl(d->fd, VHOST_SET_OWNER, NULL);
	if (!err)
		err = vg_ioctl(d->fd, VHOST_SET_FEATURES, &d->features);
	if (!err)
		err = vg_dev_set_mem(d, &d->mem);
	for (i = 0; !err && i < VG_RINGS; i++)
		err = vg_ring_setup(d, i);
	return err;
}

int vg_set_backend(struct vg_dev *d, unsigned int index, int backend)
{
	return vg_ring_set_fd(d, index, VHOST_NET_SET_BACKEND, backend);
}

int vg_dev_start(struct vg_dev *d, int backend)
{
	int err = vg_set_backend(d, VG_RX, backend);

	return err ? err : vg_set_backend(d, VG_TX, backend);
}

int vg_dev_stop(struct vg_dev *d)
{
	int err = vg_set_backend(d, VG_RX, VG_NO_FD);

	return err ? err : vg_set_backend(d, VG_TX, VG_NO_FD);
}

__s64 vg_get_base(struct vg_dev *d, unsigned int index)
{
	struct vhost_vring_state s = { .index = index };
	int err = vg_ioctl(d->fd, VHOST_GET_VRING_BASE, &s);

	return err ? err : (__s64)s.num;
}

int vg_set_base(struct vg_dev *d, unsigned int index, __u32 base)
{
	return set_state(d, index, VHOST_SET_VRING_BASE, base);
}
