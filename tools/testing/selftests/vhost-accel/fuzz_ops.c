// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of the fuzzer.
 *
 * Random ioctls alone rarely get a device to run. So one operation sets a device up as
 * a VMM would, another posts buffers that are mostly sound, and all others disturb what
 * these two have built: each ioctl with sound and with wild arguments, IOTLB messages,
 * memory that comes and goes, the backends' own ioctls, traffic from the peers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>

#include "fuzz_test.h"
#include "vhost_guest.h"

#ifndef VHOST_SET_FORK_FROM_OWNER
#define VHOST_SET_FORK_FROM_OWNER	_IOW(VHOST_VIRTIO, 0x84, __u8)
#define VHOST_GET_FORK_FROM_OWNER	_IOR(VHOST_VIRTIO, 0x85, __u8)
#endif

#define F_LOG_ALL	VG_BIT(VHOST_F_LOG_ALL)
#define F_IOTLB		VG_BIT(VIRTIO_F_ACCESS_PLATFORM)

__u64 fuzz_rnd(struct fuzz_rnd *r)
{
	r->x ^= r->x << 13;
	r->x ^= r->x >> 7;
	return r->x ^= r->x << 17;
}

__u32 fuzz_below(struct fuzz_rnd *r, __u32 n)
{
	return (fuzz_rnd(r) >> 20) % n;
}

bool fuzz_one_in(struct fuzz_rnd *r, __u32 n)
{
	return !fuzz_below(r, n);
}

/* Any number, small ones and edges more often. */
static __u64 wild(struct fuzz_rnd *r)
{
	static const __u64 edge[] = {
		0, 1, 2, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffffff, 0x7ffffffff000, 0x800000000000,
		0xffff888000000000, 0xffffffff81000000, -4096ULL, -16ULL, -1ULL,
	};

	switch (fuzz_below(r, 3)) {
	case 0:
		return edge[fuzz_below(r, sizeof(edge) / sizeof(edge[0]))];
	case 1:
		return fuzz_below(r, 64);
	default:
		return fuzz_rnd(r) >> fuzz_below(r, 64);
	}
}

/* An address of this process: in guest RAM, or anywhere. */
static __u64 address(struct fuzz_world *w, struct fuzz_rnd *r)
{
	if (fuzz_one_in(r, 20))
		return wild(r);
	return (uintptr_t)w->ram + (fuzz_below(r, FUZZ_RAM) & ~15U);
}

static __u8 *ring_at(struct fuzz_world *w, unsigned int dev, unsigned int q)
{
	return w->ram + (dev * 2 + q) * FUZZ_RING;
}

/* Split and packed rings of up to 512 entries have their areas at the same places. */
static __u8 *avail_at(struct fuzz_world *w, unsigned int dev, unsigned int q)
{
	return ring_at(w, dev, q) + 0x4000;
}

static __u8 *used_at(struct fuzz_world *w, unsigned int dev, unsigned int q)
{
	return ring_at(w, dev, q) + 0x6000;
}

static int event(struct fuzz_world *w, struct fuzz_rnd *r)
{
	if (fuzz_one_in(r, 10))
		return VG_NO_FD;
	if (fuzz_one_in(r, 20))
		return w->backend[fuzz_below(r, w->nbackends)];
	return w->event[fuzz_below(r, FUZZ_EVENTS)];
}

/* ---- a sound device ----------------------------------------------------- */

static void set_mem(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	struct {
		struct vhost_memory m;
		struct vhost_memory_region r[4];
	} t = { .m.nregions = 2 };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		t.r[i].guest_phys_addr = FUZZ_GPA + i * FUZZ_RAM / 2;
		t.r[i].memory_size = FUZZ_RAM / 2;
		t.r[i].userspace_addr = (uintptr_t)w->ram + i * FUZZ_RAM / 2;
	}
	if (fuzz_one_in(r, 8)) {
		t.m.nregions = fuzz_below(r, 5);
		for (i = fuzz_below(r, 4); i < 4; i++) {
			t.r[i].guest_phys_addr = fuzz_one_in(r, 2) ? wild(r) :
						 FUZZ_GPA + fuzz_below(r, FUZZ_RAM);
			t.r[i].memory_size = fuzz_one_in(r, 2) ? wild(r) : 1 + fuzz_below(r, 9000);
			t.r[i].userspace_addr = address(w, r);
		}
	}
	if (fuzz_one_in(r, 50))
		t.m.padding = 1;
	if (fuzz_one_in(r, 50))
		t.m.nregions = wild(r);
	ioctl(fd, VHOST_SET_MEM_TABLE, &t);
}

/* All of guest memory where the IOTLB's owner would have it, in a few pieces. */
static void iotlb_fill(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	unsigned int i, n = 1 + fuzz_below(r, 4);

	for (i = 0; i < 2 * n; i++) {
		struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2 };
		struct vhost_iotlb_msg msg = {
			/* Rings are named by host addresses, buffers by guest ones. */
			.iova = (i & 1 ? FUZZ_GPA : (uintptr_t)w->ram) + i / 2 * (FUZZ_RAM / n),
			.size = FUZZ_RAM / n,
			.uaddr = (uintptr_t)w->ram + i / 2 * (FUZZ_RAM / n),
			.perm = VHOST_ACCESS_RW,
			.type = VHOST_IOTLB_UPDATE,
		};
		ssize_t done;

		v2.iotlb = msg;
		done = write(fd, &v2, sizeof(v2));
		if (done < 0) {
			struct vhost_msg v1 = { .type = VHOST_IOTLB_MSG, .iotlb = msg };

			done = write(fd, &v1, sizeof(v1));
		}
	}
}

static void set_log(struct fuzz_world *w, int fd)
{
	/* A bit a page: the last pages of guest RAM hold more than all. */
	__u64 log = (uintptr_t)w->ram + FUZZ_RAM - 0x2000;

	ioctl(fd, VHOST_SET_LOG_BASE, &log);
}

static int backend(struct fuzz_world *w, struct fuzz_rnd *r)
{
	if (fuzz_one_in(r, 4))
		return w->backend[fuzz_below(r, w->nbackends)];
	return w->tap[fuzz_below(r, FUZZ_TAPS)];
}

void fuzz_start(struct fuzz_world *w, unsigned int i, struct fuzz_rnd *r)
{
	__u64 features = w->features & fuzz_rnd(r);
	int fd = w->fd[i];
	unsigned int q;

	/* Both formats and the common header often enough. */
	if (fuzz_one_in(r, 2))
		features |= w->features & (VG_F_VERSION_1 | VG_F_MRG_RXBUF);
	if (!fuzz_one_in(r, 4))
		features &= ~(VG_F_NET_HDR | F_IOTLB);
	ioctl(fd, VHOST_SET_OWNER);
	if (features & F_LOG_ALL)
		set_log(w, fd);
	ioctl(fd, VHOST_SET_FEATURES, &features);
	if (features & F_IOTLB)
		iotlb_fill(w, fd, r);
	set_mem(w, fd, r);
	for (q = 0; q < 2; q++) {
		struct fuzz_ring *f = &w->ring[i][q];
		bool packed = features & VG_F_PACKED;
		struct vhost_vring_state s = { .index = q, .num = 1u << fuzz_below(r, 10) };
		struct vhost_vring_addr a = {
			.index = q,
			.desc_user_addr = (uintptr_t)ring_at(w, i, q),
			.avail_user_addr = (uintptr_t)avail_at(w, i, q),
			.used_user_addr = (uintptr_t)used_at(w, i, q),
			.log_guest_addr = FUZZ_GPA + (used_at(w, i, q) - w->ram),
			.flags = !!(features & F_LOG_ALL),
		};
		struct vhost_vring_file file = { .index = q };

		file.fd = -1;
		ioctl(fd, VHOST_NET_SET_BACKEND, &file);
		f->num = s.num;
		f->packed = packed;
		f->next = 0;
		f->wrap = true;
		memset(ring_at(w, i, q), 0, FUZZ_RING);
		ioctl(fd, VHOST_SET_VRING_NUM, &s);
		s.num = !packed ? 0 : fuzz_one_in(r, 2) ? 0x8000 : 0x80008000;
		ioctl(fd, VHOST_SET_VRING_BASE, &s);
		ioctl(fd, VHOST_SET_VRING_ADDR, &a);
		file.fd = w->event[q];
		ioctl(fd, VHOST_SET_VRING_KICK, &file);
		file.fd = w->event[2 + q];
		ioctl(fd, VHOST_SET_VRING_CALL, &file);
		file.fd = w->event[4];
		ioctl(fd, VHOST_SET_VRING_ERR, &file);
		file.fd = backend(w, r);
		ioctl(fd, VHOST_NET_SET_BACKEND, &file);
	}
}

static void make_desc(struct vring_desc *d, struct fuzz_rnd *r, bool write)
{
	d->addr = FUZZ_GPA + FUZZ_DATA + fuzz_below(r, FUZZ_RAM - FUZZ_DATA);
	switch (fuzz_below(r, 8)) {
	case 0:
		d->len = fuzz_below(r, 65600);
		break;
	case 1:
		d->len = 0;
		break;
	default:
		d->len = 12 + fuzz_below(r, 1600);
	}
	d->flags = write ? VRING_DESC_F_WRITE : 0;
	if (fuzz_one_in(r, 60))
		d->addr = wild(r);
	if (fuzz_one_in(r, 60))
		d->len = wild(r);
	if (fuzz_one_in(r, 60))
		d->flags ^= 1 << fuzz_below(r, 3);
}

/* The descriptor becomes one of an indirect table that lies somewhere in RAM. */
static void make_indirect(struct fuzz_world *w, struct vring_desc *d, struct fuzz_rnd *r,
			  bool write, bool packed)
{
	unsigned int i, n = fuzz_one_in(r, 10) ? 1 + fuzz_below(r, 1100) : 1 + fuzz_below(r, 8);
	__u64 at = FUZZ_DATA + (fuzz_below(r, FUZZ_RAM - FUZZ_DATA - 0x8000) & ~15U);
	struct vring_desc *t = (struct vring_desc *)(w->ram + at);

	for (i = 0; i < n; i++) {
		make_desc(&t[i], r, write);
		t[i].next = i + 1;
		if (!packed && i + 1 < n)
			t[i].flags |= VRING_DESC_F_NEXT;
	}
	d->addr = FUZZ_GPA + at;
	d->len = n * sizeof(*t);
	d->flags = VRING_DESC_F_INDIRECT;
	if (fuzz_one_in(r, 30))
		d->len += fuzz_below(r, 40);
	if (fuzz_one_in(r, 30))
		d->flags |= fuzz_below(r, 8);
}

static void post_split(struct fuzz_world *w, unsigned int dev, unsigned int q,
		       struct fuzz_rnd *r)
{
	struct vring_desc *desc = (void *)ring_at(w, dev, q);
	struct vring_avail *avail = (void *)avail_at(w, dev, q);
	struct vring_used *used = (void *)used_at(w, dev, q);
	__u32 num = w->ring[dev][q].num & 0x3ff ?: 1;
	unsigned int i, n = 1 + fuzz_below(r, 20);
	__u16 idx = __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE);

	for (i = 0; i < n; i++) {
		__u16 head = fuzz_below(r, num), at = head, chain = fuzz_below(r, 4);

		if (fuzz_one_in(r, 200))
			chain = num;
		for (;;) {
			make_desc(&desc[at], r, q == VG_RX);
			if (fuzz_one_in(r, 6)) {
				make_indirect(w, &desc[at], r, q == VG_RX, false);
				break;
			}
			if (!chain--)
				break;
			desc[at].next = (at + 1) % num;
			desc[at].flags |= VRING_DESC_F_NEXT;
			at = desc[at].next;
		}
		avail->ring[(idx + i) % num] = fuzz_one_in(r, 300) ? wild(r) : head;
	}
	avail->flags = fuzz_below(r, 2);
	avail->ring[num] = idx + fuzz_below(r, 4);
	__atomic_store_n(&avail->idx, fuzz_one_in(r, 200) ? wild(r) : idx + (n < num ? n : num),
			 __ATOMIC_RELEASE);
}

#define PACKED_AVAIL	VG_BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	VG_BIT(VRING_PACKED_DESC_F_USED)

static void post_packed(struct fuzz_world *w, unsigned int dev, unsigned int q,
			struct fuzz_rnd *r)
{
	struct vring_packed_desc *ring = (void *)ring_at(w, dev, q);
	struct vring_packed_desc_event *driver = (void *)avail_at(w, dev, q);
	struct fuzz_ring *f = &w->ring[dev][q];
	__u32 num = f->num & 0x3ff ?: 1, next = f->next % num;
	unsigned int i, n = 1 + fuzz_below(r, 20);

	for (i = 0; i < n; i++) {
		struct vring_packed_desc *d = &ring[next];
		__u16 state = f->wrap ? PACKED_AVAIL : PACKED_USED;
		struct vring_desc plain = { 0 };

		/* Not yet given back: one lap is enough, mostly. */
		if (!!(d->flags & PACKED_AVAIL) != !!(d->flags & PACKED_USED) &&
		    !fuzz_one_in(r, 50))
			break;
		make_desc(&plain, r, q == VG_RX);
		if (fuzz_one_in(r, 6))
			make_indirect(w, &plain, r, q == VG_RX, true);
		else if (fuzz_one_in(r, 4))
			plain.flags |= VRING_DESC_F_NEXT;
		d->addr = plain.addr;
		d->len = plain.len;
		d->id = fuzz_one_in(r, 100) ? wild(r) : next;
		if (fuzz_one_in(r, 200))
			state ^= fuzz_below(r, 4) << VRING_PACKED_DESC_F_AVAIL;
		__atomic_store_n(&d->flags, plain.flags | state, __ATOMIC_RELEASE);
		if (++next == num) {
			next = 0;
			f->wrap = !f->wrap;
		}
	}
	f->next = next;
	driver->flags = fuzz_one_in(r, 20) ? wild(r) : fuzz_below(r, 3);
	driver->off_wrap = fuzz_one_in(r, 20) ? wild(r) : next | f->wrap << 15;
}

void fuzz_post(struct fuzz_world *w, unsigned int i, struct fuzz_rnd *r)
{
	unsigned int q;

	for (q = 0; q < 2; q++) {
		if (w->ring[i][q].packed)
			post_packed(w, i, q, r);
		else
			post_split(w, i, q, r);
		/* A kick, unless somebody has put the eventfd to another use. */
		if (write(w->event[q], &(__u64){ 1 }, sizeof(__u64)) < 0)
			continue;
	}
}

/* ---- ioctls ------------------------------------------------------------- */

static void op_start(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	unsigned int i = fuzz_below(r, FUZZ_DEVICES);

	fuzz_start(w, i, r);
	fuzz_post(w, i, r);
}

static void op_post(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	fuzz_post(w, fuzz_below(r, FUZZ_DEVICES), r);
}

static void op_features(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	__u64 bits = w->features & fuzz_rnd(r);

	if (fuzz_one_in(r, 8))
		bits |= fuzz_rnd(r);
	if (fuzz_one_in(r, 8)) {
		bits &= 3;
		ioctl(fd, VHOST_SET_BACKEND_FEATURES, &bits);
	} else {
		ioctl(fd, VHOST_SET_FEATURES, &bits);
	}
}

static void op_mem(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	set_mem(w, fd, r);
}

static void op_state(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	static const unsigned long cmd[] = {
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_GET_VRING_BASE,
		VHOST_SET_VRING_BUSYLOOP_TIMEOUT, VHOST_GET_VRING_BUSYLOOP_TIMEOUT,
		VHOST_SET_VRING_ENDIAN, VHOST_GET_VRING_ENDIAN,
	};
	unsigned long which = cmd[fuzz_below(r, sizeof(cmd) / sizeof(cmd[0]))];
	struct vhost_vring_state s = {
		.index = fuzz_one_in(r, 10) ? wild(r) : fuzz_below(r, 2),
		.num = wild(r),
	};

	/* What polls for long is the owner's own time, and ours. */
	if (which == VHOST_SET_VRING_BUSYLOOP_TIMEOUT)
		s.num %= 200;
	ioctl(fd, which, &s);
}

static void op_addr(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	struct vhost_vring_addr a = {
		.index = fuzz_below(r, 2),
		.flags = fuzz_below(r, 3),
		.desc_user_addr = address(w, r),
		.avail_user_addr = address(w, r),
		.used_user_addr = address(w, r),
		.log_guest_addr = fuzz_one_in(r, 2) ? wild(r) : FUZZ_GPA + fuzz_below(r, FUZZ_RAM),
	};
	unsigned int i = fuzz_below(r, FUZZ_DEVICES);

	if (fuzz_one_in(r, 2)) {
		a.desc_user_addr = (uintptr_t)ring_at(w, i, a.index);
		a.avail_user_addr = (uintptr_t)avail_at(w, i, a.index);
		a.used_user_addr = (uintptr_t)used_at(w, i, a.index);
	}
	ioctl(fd, VHOST_SET_VRING_ADDR, &a);
}

static void op_file(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	static const unsigned long cmd[] = {
		VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
		VHOST_SET_LOG_FD,
	};
	struct vhost_vring_file f = {
		.index = fuzz_one_in(r, 20) ? wild(r) : fuzz_below(r, 2),
		.fd = event(w, r),
	};
	unsigned long which = cmd[fuzz_below(r, sizeof(cmd) / sizeof(cmd[0]))];

	ioctl(fd, which, which == VHOST_SET_LOG_FD ? (void *)&f.fd : (void *)&f);
}

static void op_backend(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	struct vhost_vring_file f = {
		.index = fuzz_below(r, 2),
		.fd = fuzz_one_in(r, 3) ? -1 : backend(w, r),
	};

	ioctl(fd, VHOST_NET_SET_BACKEND, &f);
}

static void op_log(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	__u64 log = address(w, r);

	if (fuzz_one_in(r, 2))
		set_log(w, fd);
	else
		ioctl(fd, VHOST_SET_LOG_BASE, &log);
}

static void op_owner(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	__u8 mode = fuzz_below(r, 3);

	if (fuzz_one_in(r, 2))
		ioctl(fd, VHOST_RESET_OWNER);
	ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &mode);
	ioctl(fd, VHOST_SET_OWNER);
}

/* Any command on any argument, also one that another thread changes meanwhile. */
static void op_wild(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	unsigned int nr = fuzz_one_in(r, 4) ? fuzz_below(r, 256) : fuzz_below(r, 0x31);
	unsigned int dir = fuzz_below(r, 4), size = fuzz_one_in(r, 2) ? 8 : fuzz_below(r, 64);
	__u64 arg = fuzz_one_in(r, 4) ? wild(r) : address(w, r);

	/* RESET_OWNER and polling for hours end all fun. */
	if (nr == 2 || nr == 0x23)
		return;
	ioctl(fd, _IOC(dir, VHOST_VIRTIO, nr, size), (unsigned long)arg);
}

static void op_get(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	char path[64], text[4096];
	__u64 bits;
	int info;

	ioctl(fd, VHOST_GET_FEATURES, &bits);
	ioctl(fd, VHOST_GET_BACKEND_FEATURES, &bits);
	ioctl(fd, VHOST_GET_FORK_FROM_OWNER, &bits);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return;
	while (read(info, text, sizeof(text)) > 0)
		;
	close(info);
}

static void op_write(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	struct vhost_msg_v2 m = {
		.type = fuzz_one_in(r, 10) ? wild(r) : 1 + fuzz_below(r, 2),
		.asid = fuzz_one_in(r, 10) ? wild(r) : 0,
	};
	struct vhost_iotlb_msg msg = {
		.iova = fuzz_one_in(r, 4) ? wild(r) : fuzz_one_in(r, 2) ? address(w, r) :
			FUZZ_GPA + fuzz_below(r, FUZZ_RAM),
		.size = fuzz_one_in(r, 4) ? wild(r) : fuzz_below(r, 0x10000),
		.uaddr = address(w, r),
		.perm = fuzz_below(r, 5),
		.type = fuzz_one_in(r, 10) ? wild(r) : 1 + fuzz_below(r, 7),
	};
	__u8 raw[80] = { 0 };
	size_t len = fuzz_one_in(r, 10) ? fuzz_below(r, sizeof(raw)) : sizeof(m);

	if (fuzz_one_in(r, 4)) {
		iotlb_fill(w, fd, r);
		return;
	}
	m.iotlb = msg;
	memcpy(raw, &m, sizeof(m));
	if (write(fd, raw, len) < 0)
		return;
}

static void op_read(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	__u8 raw[160];

	poll(&p, 1, 0);
	if (w->endless && fuzz_one_in(r, 100))
		fcntl(fd, F_SETFL, fuzz_one_in(r, 2) ? 0 : O_NONBLOCK);
	if (read(fd, raw, fuzz_below(r, sizeof(raw))) < 0)
		return;
}

static void op_reopen(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	unsigned int i = fuzz_below(r, FUZZ_DEVICES);
	int new = open(w->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	/* The number is at no time another file's. */
	if (new < 0)
		return;
	dup3(new, w->fd[i], O_CLOEXEC);
	close(new);
}

/* ---- surroundings ------------------------------------------------------- */

static void op_kick(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	__u64 n = fuzz_one_in(r, 50) ? -2ULL : 1;
	int e = w->event[fuzz_below(r, FUZZ_EVENTS)];
	ssize_t done;

	if (fuzz_one_in(r, 3))
		done = read(e, &n, sizeof(n));
	else
		done = write(e, &n, sizeof(n));
	if (done < 0)
		return;
}

static void op_memory(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	__u8 *at = w->ram + (fuzz_below(r, FUZZ_RAM) & ~(VG_PAGE - 1));
	size_t len = VG_PAGE * (1 + fuzz_below(r, 4));

	if (at + len > w->ram + FUZZ_RAM)
		return;
	switch (fuzz_below(r, 6)) {
	case 0:
		madvise(at, len, MADV_DONTNEED);
		break;
	case 1:
		mprotect(at, len, PROT_READ);
		break;
	case 2:
		mprotect(at, len, PROT_NONE);
		break;
	case 3:
		madvise(at, len, MADV_MERGEABLE);
		break;
	case 4:
		mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
		     -1, 0);
		break;
	}
	/* Whatever went comes back, or no thread of ours lives long. */
	usleep(fuzz_below(r, 50));
	if (mprotect(at, len, PROT_READ | PROT_WRITE))
		mmap(at, len, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void op_scribble(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	__u8 *ring = ring_at(w, fuzz_below(r, FUZZ_DEVICES), fuzz_below(r, 2));
	unsigned int i, n = 1 + fuzz_below(r, 30);

	for (i = 0; i < n; i++) {
		__u16 *p = (__u16 *)(ring + (fuzz_below(r, FUZZ_RING) & ~1U));

		__u64 value = *p ^ VG_BIT(fuzz_below(r, 16));

		__atomic_store_n(p, fuzz_one_in(r, 2) ? wild(r) : value, __ATOMIC_RELAXED);
	}
}

static void op_peer(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	static const __u16 type[] = { 0x88b5, 0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806 };
	static __u8 buf[FUZZ_THREADS * 2][70000];
	__u8 *b = buf[r->x % (FUZZ_THREADS * 2)];
	int peer = w->peer[fuzz_below(r, FUZZ_TAPS)];
	struct virtio_net_hdr *h = (void *)b;
	unsigned int i, n = 1 + fuzz_below(r, 80);
	__u16 t = htons(type[fuzz_below(r, 6)]);
	size_t len = 14 + (fuzz_one_in(r, 8) ? fuzz_below(r, 65000) : fuzz_below(r, 1500));

	memset(h, 0, sizeof(*h));
	memset(b + sizeof(*h), 0xff, 12);
	memcpy(b + sizeof(*h) + 12, &t, 2);
	if (fuzz_one_in(r, 2)) {
		h->flags = fuzz_below(r, 4);
		h->gso_type = fuzz_below(r, 6);
		h->gso_size = fuzz_below(r, 1500);
		h->hdr_len = fuzz_below(r, 100);
		h->csum_start = fuzz_below(r, 60);
		h->csum_offset = fuzz_below(r, 20);
	}
	for (i = 0; i < n; i++)
		if (send(peer, b, sizeof(*h) + len, MSG_DONTWAIT) < 0)
			break;
	while (recv(peer, b, 70000, MSG_DONTWAIT) > 0)
		;
}

static void op_tap(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	int tap = w->tap[fuzz_below(r, FUZZ_TAPS)];
	struct ifreq ifr = { 0 };
	int v;

	switch (fuzz_below(r, 7)) {
	case 0:
		v = fuzz_one_in(r, 2) ? 10 : 12;
		ioctl(tap, TUNSETVNETHDRSZ, &v);
		break;
	case 1:
		ioctl(tap, TUNSETOFFLOAD, fuzz_below(r, 0x80));
		break;
	case 2:
		v = fuzz_one_in(r, 2) ? 0x7fffffff : fuzz_below(r, 200000);
		ioctl(tap, TUNSETSNDBUF, &v);
		break;
	case 3:
		ifr.ifr_flags = fuzz_one_in(r, 2) ? IFF_DETACH_QUEUE : IFF_ATTACH_QUEUE;
		ioctl(tap, TUNSETQUEUE, &ifr);
		ifr.ifr_flags = IFF_ATTACH_QUEUE;
		ioctl(tap, TUNSETQUEUE, &ifr);
		break;
	case 4:
	case 5:
		if (ioctl(tap, TUNGETIFF, &ifr))
			break;
		ifr.ifr_flags = fuzz_one_in(r, 4) ? 0 : IFF_UP;
		ioctl(w->peer[0], SIOCSIFFLAGS, &ifr);
		ifr.ifr_flags = IFF_UP;
		ioctl(w->peer[0], SIOCSIFFLAGS, &ifr);
		break;
	case 6:
		if (ioctl(tap, TUNGETIFF, &ifr))
			break;
		ifr.ifr_qlen = 1 + fuzz_below(r, 1000);
		ioctl(w->peer[0], SIOCSIFTXQLEN, &ifr);
		break;
	}
}

/* Somebody else has our files for a while, and uses them. */
static void op_fork(struct fuzz_world *w, int fd, struct fuzz_rnd *r)
{
	pid_t pid = fork();

	if (!pid) {
		unsigned int i;

		for (i = 0; i < 10; i++) {
			struct vhost_vring_state s = { .num = 256 };

			ioctl(w->fd[i % FUZZ_DEVICES], VHOST_SET_VRING_NUM, &s);
			ioctl(w->fd[i % FUZZ_DEVICES], VHOST_SET_OWNER);
			w->ram[FUZZ_DATA + i] = i;
		}
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static const struct {
	void (*fn)(struct fuzz_world *w, int fd, struct fuzz_rnd *r);
	unsigned int weight;
} ops[] = {
	{ op_start, 120 },
	{ op_post, 300 },
	{ op_features, 15 },
	{ op_mem, 15 },
	{ op_state, 15 },
	{ op_addr, 10 },
	{ op_file, 30 },
	{ op_backend, 40 },
	{ op_log, 10 },
	{ op_owner, 4 },
	{ op_wild, 15 },
	{ op_get, 10 },
	{ op_write, 30 },
	{ op_read, 20 },
	{ op_reopen, 4 },
	{ op_kick, 60 },
	{ op_memory, 30 },
	{ op_scribble, 30 },
	{ op_peer, 120 },
	{ op_tap, 30 },
	{ op_fork, 1 },
};

#define NOPS	(sizeof(ops) / sizeof(ops[0]))

void fuzz_op(struct fuzz_world *w, struct fuzz_rnd *r)
{
	static unsigned int sum;
	unsigned int i, pick, all = 0;

	if (!sum) {
		for (i = 0; i < NOPS; i++)
			all += ops[i].weight;
		sum = all;
	}
	pick = fuzz_below(r, sum);
	for (i = 0; pick >= ops[i].weight; i++)
		pick -= ops[i].weight;
	ops[i].fn(w, w->fd[fuzz_below(r, FUZZ_DEVICES)], r);
}
