// SPDX-License-Identifier: GPL-2.0
/*
 * The table of calls of the differential ABI test.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>

#include "abi_test.h"
#include "kstest.h"

#ifndef VHOST_SET_FORK_FROM_OWNER
#define VHOST_SET_FORK_FROM_OWNER	_IOW(VHOST_VIRTIO, 0x84, __u8)
#define VHOST_GET_FORK_FROM_OWNER	_IOR(VHOST_VIRTIO, 0x85, __u8)
#endif
#define VHOST_NEW_WORKER_		_IOR(VHOST_VIRTIO, 0x8, __u32)
#define VHOST_FREE_WORKER_		_IOW(VHOST_VIRTIO, 0x9, __u32)
#define VHOST_ATTACH_VRING_WORKER_	_IOW(VHOST_VIRTIO, 0x15, struct vhost_vring_state)
#define VHOST_GET_VRING_WORKER_		_IOWR(VHOST_VIRTIO, 0x16, struct vhost_vring_state)

#define KERNEL_ADDR	0xffff888000000000ULL
#define NO_ARG		(~0ULL)

/* ---- descriptors of every kind ------------------------------------------ */

static int make_fd(struct fix *f, enum fd_kind kind)
{
	int p[2];

	switch (kind) {
	case FD_EVENT:
	case FD_EVENT2:
		return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	case FD_PIPE:
		if (pipe2(p, O_CLOEXEC))
			return -1;
		close(p[1]);
		return p[0];
	case FD_EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case FD_TIMER:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	case FD_FILE:
		return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	case FD_DIR:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case FD_DEVNULL:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case FD_TTY:
		return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	case FD_INET_DGRAM:
		return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	case FD_INET_STREAM:
		return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case FD_INET_RAW:
		return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
	case FD_UNIX:
		return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	case FD_NETLINK:
		return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	case FD_PACKET_DGRAM:
		return socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	case FD_PACKET_RAW:
		return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	case FD_TUN_UNBOUND:
		return open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	case FD_OTHER:
		return open(f->d.path, O_RDWR | O_CLOEXEC);
	default:
		return -1;
	}
}

int fix_fd(struct fix *f, enum fd_kind kind)
{
	/* One of each for the whole program: files have no memory of their users. */
	static int fds[FD_KINDS];

	switch (kind) {
	case FD_NONE:
		return -1;
	case FD_MINUS2:
		return -2;
	case FD_CLOSED:
		return 1000;
	case FD_TAP:
		return f->tap;
	case FD_TAP2:
		return f->tap2;
	case FD_SELF:
		return f->d.fd;
	case FD_OTHER:
		return make_fd(f, kind);
	default:
		if (fds[kind] <= 0)
			fds[kind] = make_fd(f, kind);
		return fds[kind];
	}
}

/* ---- helpers ------------------------------------------------------------ */

static long do_ioctl(struct fix *f, unsigned long req, const void *arg)
{
	return vg_ioctl(f->d.fd, req, arg);
}

/* ---- ioctls by shape of their argument ---------------------------------- */

/* a: request, b: raw argument */
static long c_raw(struct fix *f, const struct call *c, struct text *t)
{
	return do_ioctl(f, c->a, (void *)(uintptr_t)c->b);
}

/* a: request that reads a __u64, b: value */
static long c_set_u64(struct fix *f, const struct call *c, struct text *t)
{
	__u64 v = c->b;

	return do_ioctl(f, c->a, &v);
}

/* a: request that writes a __u64 */
static long c_get_u64(struct fix *f, const struct call *c, struct text *t)
{
	__u64 v = 0x5a5a5a5a5a5a5a5aULL;
	long err = do_ioctl(f, c->a, &v);

	text_add(t, " out=%llx", v);
	return err;
}

/* The value is compared by a test of its own. */
static long c_get_features(struct fix *f, const struct call *c, struct text *t)
{
	__u64 v = 0;
	long err = do_ioctl(f, c->a, &v);

	text_add(t, " %s", v ? "some" : "none");
	return err;
}

/* a: request, b: value of one byte */
static long c_u8(struct fix *f, const struct call *c, struct text *t)
{
	__u8 v = c->b;
	long err = do_ioctl(f, c->a, &v);

	text_add(t, " out=%x", v);
	return err;
}

/* a: request, b: index, c: num */
static long c_state(struct fix *f, const struct call *c, struct text *t)
{
	struct vhost_vring_state s = { .index = c->b, .num = c->c };
	long err = do_ioctl(f, c->a, &s);

	text_add(t, " out=%x,%x", s.index, s.num);
	return err;
}

/* a: request, b: index, c: enum fd_kind */
static long c_file(struct fix *f, const struct call *c, struct text *t)
{
	struct vhost_vring_file file = { .index = c->b, .fd = fix_fd(f, c->c) };
	long err;

	if (c->c > FD_CLOSED && file.fd < 0) {
		text_add(t, " (no such descriptor: %s)", text_err(-errno));
		return 0;
	}
	err = do_ioctl(f, c->a, &file);
	if (c->c == FD_OTHER)
		close(file.fd);
	return err;
}

/* a: index, b: enum fd_kind; the request is the group's */
static long c_event(struct fix *f, const struct call *c, struct text *t)
{
	struct call file = { .a = f->req, .b = c->a, .c = c->b };

	return c_file(f, &file, t);
}

static long c_event_fault(struct fix *f, const struct call *c, struct text *t)
{
	return do_ioctl(f, f->req, (void *)8);
}

/* a: request, b: enum fd_kind */
static long c_fd(struct fix *f, const struct call *c, struct text *t)
{
	int fd = fix_fd(f, c->b);

	return do_ioctl(f, c->a, &fd);
}

/* ---- ring addresses ----------------------------------------------------- */

enum { AD_FLAGS, AD_DESC, AD_AVAIL, AD_USED, AD_LOG, AD_ALL, AD_INDEX };

/* a: what to change, b: how: added, or if c has AD_STORE, stored; AD_LOGGED sets the flag */
#define AD_STORE	1
#define AD_LOGGED	2

static long c_addr(struct fix *f, const struct call *c, struct text *t)
{
	struct vg_ring *r = &f->d.ring[0];
	struct vhost_vring_addr a = {
		.desc_user_addr = (uintptr_t)r->desc,
		.avail_user_addr = (uintptr_t)r->avail,
		.used_user_addr = (uintptr_t)r->used,
		.log_guest_addr = r->device_gpa,
	};
	__u64 *field[] = {
		[AD_DESC] = (void *)&a.desc_user_addr,
		[AD_AVAIL] = (void *)&a.avail_user_addr,
		[AD_USED] = (void *)&a.used_user_addr,
		[AD_LOG] = (void *)&a.log_guest_addr,
	};
	unsigned int i;

	if (c->c & AD_LOGGED)
		a.flags = 1 << VHOST_VRING_F_LOG;
	if (c->a == AD_INDEX)
		a.index = c->b;
	else if (c->a == AD_FLAGS)
		a.flags = c->b;
	else
		for (i = AD_DESC; i <= AD_LOG; i++)
			if (c->a == i || c->a == AD_ALL)
				*field[i] = c->c & AD_STORE ? c->b : *field[i] + c->b;
	return do_ioctl(f, VHOST_SET_VRING_ADDR, &a);
}

/* ---- memory table ------------------------------------------------------- */

enum mem_case {
	MEM_GOOD, MEM_NONE, MEM_TWO, MEM_PADDING, MEM_FLAGS, MEM_MAX, MEM_TOO_MANY,
	MEM_HUGE_COUNT, MEM_OVERLAP, MEM_SAME, MEM_ZERO_SIZE, MEM_ZERO_AT_ZERO,
	MEM_GPA_WRAP, MEM_GPA_END, MEM_HVA_WRAP, MEM_HVA_KERNEL, MEM_HVA_END,
	MEM_UNALIGNED, MEM_TRUNCATED, MEM_NO_RING
};

#define STOCK_MAX_REGIONS	64

/* a: enum mem_case */
static long c_mem(struct fix *f, const struct call *c, struct text *t)
{
	static struct {
		struct vhost_memory h;
		struct vhost_memory_region r[STOCK_MAX_REGIONS + 2];
	} m;
	struct vg_region *ram = &f->d.mem.region[0];
	struct vhost_memory_region *r = m.r;
	__u8 *page;
	long err;
	unsigned int i;

	memset(&m, 0, sizeof(m));
	m.h.nregions = 1;
	r[0].guest_phys_addr = ram->gpa;
	r[0].memory_size = ram->size;
	r[0].userspace_addr = (uintptr_t)ram->hva;
	r[1] = r[0];

	switch (c->a) {
	case MEM_NONE:
		m.h.nregions = 0;
		break;
	case MEM_TWO:
		m.h.nregions = 2;
		r[1].guest_phys_addr = ram->gpa + ram->size;
		break;
	case MEM_PADDING:
		m.h.padding = 1;
		break;
	case MEM_FLAGS:
		r[0].flags_padding = 1;
		break;
	case MEM_MAX:
	case MEM_TOO_MANY:
		m.h.nregions = STOCK_MAX_REGIONS + (c->a == MEM_TOO_MANY);
		for (i = 1; i < m.h.nregions; i++) {
			r[i].guest_phys_addr = i * VG_PAGE;
			r[i].memory_size = VG_PAGE;
			r[i].userspace_addr = (uintptr_t)ram->hva;
		}
		break;
	case MEM_HUGE_COUNT:
		m.h.nregions = 0xffffffff;
		break;
	case MEM_OVERLAP:
		m.h.nregions = 2;
		r[1].guest_phys_addr = ram->gpa + ram->size - 1;
		break;
	case MEM_SAME:
		m.h.nregions = 2;
		break;
	case MEM_ZERO_SIZE:
		r[0].memory_size = 0;
		break;
	case MEM_ZERO_AT_ZERO:
		r[0].guest_phys_addr = 0;
		r[0].memory_size = 0;
		break;
	case MEM_GPA_WRAP:
		r[0].guest_phys_addr = -(__u64)VG_PAGE;
		break;
	case MEM_GPA_END:
		r[0].guest_phys_addr = -ram->size;
		break;
	case MEM_HVA_WRAP:
		r[0].userspace_addr = -(__u64)VG_PAGE;
		break;
	case MEM_HVA_KERNEL:
		r[0].userspace_addr = KERNEL_ADDR;
		break;
	case MEM_HVA_END:
		r[0].memory_size = 1ULL << 63;
		break;
	case MEM_UNALIGNED:
		r[0].guest_phys_addr += 1;
		r[0].memory_size -= 5;
		r[0].userspace_addr += 3;
		break;
	case MEM_NO_RING:
		r[0].guest_phys_addr = 0;
		r[0].memory_size = VG_PAGE;
		break;
	case MEM_TRUNCATED:
		m.h.nregions = 2;
		page = mmap(NULL, 2 * VG_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(page + VG_PAGE, VG_PAGE, PROT_NONE);
		memcpy(page + VG_PAGE - 40, &m, 40);
		err = do_ioctl(f, VHOST_SET_MEM_TABLE, page + VG_PAGE - 40);
		munmap(page, 2 * VG_PAGE);
		return err;
	}
	return do_ioctl(f, VHOST_SET_MEM_TABLE, &m);
}

/* ---- the dirty log ------------------------------------------------------ */

/* a: bytes to leave out of a bitmap that would cover guest RAM */
static long c_log_base(struct fix *f, const struct call *c, struct text *t)
{
	static void *bits;
	__u64 base;

	if (!bits)
		bits = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	base = (uintptr_t)bits + c->a;
	return do_ioctl(f, VHOST_SET_LOG_BASE, &base);
}

/* ---- translations ------------------------------------------------------- */

enum io_case {
	IO_GOOD, IO_RO, IO_WO, IO_NO_PERM, IO_ODD_PERM, IO_NO_SIZE, IO_ALL, IO_ALL_NO_PERM,
	IO_KERNEL, IO_HVA_WRAP, IO_HVA_END, IO_IOVA_WRAP, IO_IOVA_END, IO_ODD, IO_ASID
};

/* a: 1 or 2, the format; b: message type; c: enum io_case */
static long c_translation(struct fix *f, const struct call *c, struct text *t)
{
	struct vg_region *ram = &f->d.mem.region[0];
	struct vhost_iotlb_msg m = {
		.iova = ram->gpa,
		.size = ram->size,
		.uaddr = (uintptr_t)ram->hva,
		.perm = VHOST_ACCESS_RW,
		.type = c->b,
	};
	struct vhost_msg v1 = { .type = VHOST_IOTLB_MSG };
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2 };
	ssize_t n;

	switch (c->c) {
	case IO_RO:
		m.perm = VHOST_ACCESS_RO;
		break;
	case IO_WO:
		m.perm = VHOST_ACCESS_WO;
		break;
	case IO_NO_PERM:
		m.perm = 0;
		break;
	case IO_ODD_PERM:
		m.perm = 0xff;
		break;
	case IO_NO_SIZE:
		m.size = 0;
		break;
	case IO_ALL_NO_PERM:
		m.perm = 0;
		m.iova = 0;
		m.size = ~0ULL;
		break;
	case IO_ALL:
		m.iova = 0;
		m.size = ~0ULL;
		break;
	case IO_KERNEL:
		m.uaddr = KERNEL_ADDR;
		break;
	case IO_HVA_WRAP:
		m.uaddr = -(__u64)VG_PAGE;
		break;
	case IO_HVA_END:
		m.uaddr = 0x7fffffffe000;
		break;
	case IO_IOVA_WRAP:
		m.iova = -(__u64)VG_PAGE;
		break;
	case IO_IOVA_END:
		m.iova = -ram->size;
		break;
	case IO_ODD:
		m.iova += 5;
		m.uaddr += 3;
		m.size = 77;
		break;
	case IO_ASID:
		v2.asid = 1;
		break;
	}
	v1.iotlb = m;
	v2.iotlb = m;
	n = c->a == 2 ? write(f->d.fd, &v2, sizeof(v2)) : write(f->d.fd, &v1, sizeof(v1));
	text_add(t, " n=%zd", n);
	return n < 0 ? -errno : 0;
}

/* ---- read, write, poll, the rest ---------------------------------------- */

/* a: bytes, b: 1 to block */
static long c_read(struct fix *f, const struct call *c, struct text *t)
{
	int flags = fcntl(f->d.fd, F_GETFL);
	char buf[256] = "";
	ssize_t n;
	long err;

	if (c->b)
		fcntl(f->d.fd, F_SETFL, flags & ~O_NONBLOCK);
	n = read(f->d.fd, buf, c->a);
	err = n < 0 ? -errno : 0;
	fcntl(f->d.fd, F_SETFL, flags);
	text_add(t, " n=%zd", n);
	return err;
}

/* a: first word, b: IOTLB message type, c: bytes | size field << 32 */
static long c_write(struct fix *f, const struct call *c, struct text *t)
{
	union {
		struct vhost_msg v1;
		struct vhost_msg_v2 v2;
		char bytes[256];
	} m = { 0 };
	struct vhost_iotlb_msg *io = c->a == VHOST_IOTLB_MSG_V2 ? &m.v2.iotlb : &m.v1.iotlb;
	ssize_t n;

	m.v1.type = c->a;
	io->type = c->b;
	io->size = c->c >> 32;
	io->perm = VHOST_ACCESS_RW;
	io->uaddr = (uintptr_t)f->d.mem.region[0].hva;
	n = write(f->d.fd, &m, (__u32)c->c);
	text_add(t, " n=%zd", n);
	return n < 0 ? -errno : 0;
}

static long c_poll(struct fix *f, const struct call *c, struct text *t)
{
	struct pollfd p = { .fd = f->d.fd, .events = ~0 };
	int n = poll(&p, 1, 0);

	text_add(t, " n=%d revents=%x", n, p.revents);
	return n < 0 ? -errno : 0;
}

static long c_epoll(struct fix *f, const struct call *c, struct text *t)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	long err = epoll_ctl(ep, EPOLL_CTL_ADD, f->d.fd, &ev) ? -errno : 0;

	close(ep);
	return err;
}

static long c_lseek(struct fix *f, const struct call *c, struct text *t)
{
	off_t pos = lseek(f->d.fd, c->a, SEEK_SET);

	text_add(t, " pos=%ld", (long)pos);
	return pos < 0 ? -errno : 0;
}

static long c_mmap(struct fix *f, const struct call *c, struct text *t)
{
	void *p = mmap(NULL, VG_PAGE, PROT_READ, MAP_SHARED, f->d.fd, 0);

	if (p != MAP_FAILED)
		munmap(p, VG_PAGE);
	return p == MAP_FAILED ? -errno : 0;
}

#ifdef __x86_64__
/* ioctl() as a 32-bit program makes it; a: request, b: value */
static long c_compat(struct fix *f, const struct call *c, struct text *t)
{
	__u64 *v = mmap(NULL, VG_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int ret = 54;

	if (v == MAP_FAILED)
		return -errno;
	*v = c->b;
	asm volatile("int $0x80" : "+a"(ret)
		     : "b"(f->d.fd), "c"((__u32)c->a), "d"((__u32)(uintptr_t)v)
		     : "memory", "r8", "r9", "r10", "r11");
	munmap(v, VG_PAGE);
	return ret;
}
#endif

/* ---- the table ---------------------------------------------------------- */

#define RAW(req, arg)	{ #req " arg=" #arg, c_raw, req, (__u64)(uintptr_t)(arg) }
#define FAULT(req)	{ #req " bad pointer", c_raw, req, 8 }
#define U64(req, v)	{ #req " " #v, c_set_u64, req, v }
#define STATE(req, i, v) { #req " " #i "," #v, c_state, req, i, v }
#define FD(req, i, k)	{ #req " " #i "," #k, c_file, req, i, FD_##k }
#define ADDR(what, v)	{ "VHOST_SET_VRING_ADDR " #what " +" #v, c_addr, AD_##what, v }
#define ADDR_IS(what, v) { "VHOST_SET_VRING_ADDR " #what "=" #v, c_addr, AD_##what, v, AD_STORE }
#define ADDR_LOG(what, v)							\
	{ "VHOST_SET_VRING_ADDR logged " #what " +" #v, c_addr, AD_##what, v, AD_LOGGED }
#define ADDR_LOG_IS(what, v)							\
	{ "VHOST_SET_VRING_ADDR logged " #what "=" #v, c_addr, AD_##what, v,	\
	  AD_LOGGED | AD_STORE }
#define LOG_BASE(v)	{ "VHOST_SET_LOG_BASE good" #v, c_log_base, v }
#define IO(v, op, what)	{ "IOTLB v" #v " " #op " " #what, c_translation, v, VHOST_IOTLB_##op,	\
			  IO_##what }
#define IO_GONE(op)	{ "IOTLB gone: " #op, c_translation, 2, VHOST_IOTLB_##op, IO_GOOD }
#define MEM(what)	{ "VHOST_SET_MEM_TABLE " #what, c_mem, MEM_##what }
#define BACKEND(i, k)	FD(VHOST_NET_SET_BACKEND, i, k)
#define EVENT(i, k)	{ "eventfd " #i "," #k, c_event, i, FD_##k }

static const struct call calls_features[] = {
	{ "VHOST_GET_FEATURES", c_get_features, VHOST_GET_FEATURES },
	FAULT(VHOST_GET_FEATURES),
	FAULT(VHOST_SET_FEATURES),
	U64(VHOST_SET_FEATURES, 0),
	U64(VHOST_SET_FEATURES, VG_F_VERSION_1),
	U64(VHOST_SET_FEATURES, VG_F_MODERN),
	U64(VHOST_SET_FEATURES, VG_F_NET_HDR),
	U64(VHOST_SET_FEATURES, VG_F_NET_HDR | VG_F_MRG_RXBUF),
	U64(VHOST_SET_FEATURES, VG_F_NOTIFY_ON_EMPTY),
	U64(VHOST_SET_FEATURES, VG_BIT(0)),
	U64(VHOST_SET_FEATURES, VG_BIT(VIRTIO_NET_F_HOST_TSO4)),
	U64(VHOST_SET_FEATURES, VG_BIT(VIRTIO_NET_F_HASH_REPORT)),
	U64(VHOST_SET_FEATURES, VG_BIT(63)),
	U64(VHOST_SET_FEATURES, ~0ULL),
	U64(VHOST_SET_FEATURES, VG_F_MODERN | VG_BIT(63)),
};

/* Turns the device into one with an IOTLB and, at the end, back. */
static const struct call calls_platform[] = {
	U64(VHOST_SET_FEATURES, VG_F_PLATFORM),
	U64(VHOST_SET_FEATURES, VG_F_MODERN | VG_F_PLATFORM),
	{ "IOTLB read 71", c_read, 71 },
	ADDR_IS(ALL, 0x1000), ADDR_IS(DESC, KERNEL_ADDR), ADDR_IS(AVAIL, 1), ADDR_IS(USED, 2),
	ADDR_IS(USED, ~3ULL), ADDR_LOG_IS(LOG, ~3ULL), ADDR_LOG(FLAGS, 1), ADDR(FLAGS, 0),
	IO(1, UPDATE, GOOD), IO(1, UPDATE, GOOD), IO(1, UPDATE, RO), IO(1, UPDATE, WO),
	IO(1, UPDATE, NO_PERM), IO(1, UPDATE, ODD_PERM), IO(1, UPDATE, NO_SIZE),
	IO(1, UPDATE, ALL), IO(1, UPDATE, ALL_NO_PERM), IO(1, UPDATE, KERNEL),
	IO(1, UPDATE, HVA_WRAP), IO(1, UPDATE, HVA_END), IO(1, UPDATE, IOVA_WRAP),
	IO(1, UPDATE, IOVA_END), IO(1, UPDATE, ODD), IO(1, INVALIDATE, GOOD),
	IO(1, INVALIDATE, NO_SIZE), IO(1, INVALIDATE, ALL), IO(1, INVALIDATE, IOVA_WRAP),
	IO(1, INVALIDATE, ODD), IO(1, MISS, GOOD), IO(1, ACCESS_FAIL, GOOD),
	IO(2, UPDATE, GOOD), IO(2, UPDATE, NO_SIZE), IO(2, UPDATE, KERNEL), IO(2, UPDATE, ASID),
	IO(2, INVALIDATE, GOOD), IO(2, INVALIDATE, ASID), IO(2, MISS, GOOD),
	U64(VHOST_SET_BACKEND_FEATURES, VG_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2)),
	IO(1, UPDATE, GOOD), IO(2, UPDATE, GOOD),
	U64(VHOST_SET_FEATURES, VG_F_MODERN | VG_F_PLATFORM),
	IO(2, UPDATE, GOOD),
	U64(VHOST_SET_FEATURES, VG_F_MODERN),
	IO_GONE(UPDATE), IO_GONE(INVALIDATE),
	{ "IOTLB gone: read 72", c_read, 72 },
	{ "IOTLB gone: poll", c_poll },
};

/* The log of a device whose features are those of its rings. */
static const struct call calls_log[] = {
	U64(VHOST_SET_FEATURES, VG_BIT(VHOST_F_LOG_ALL)),
	U64(VHOST_SET_FEATURES, VG_F_MODERN),
	FAULT(VHOST_SET_LOG_BASE),
	LOG_BASE(0), LOG_BASE(1), LOG_BASE(-0x100000),
	U64(VHOST_SET_FEATURES, VG_F_MODERN | VG_F_LOG_ALL),
	LOG_BASE(0), LOG_BASE(3),
	U64(VHOST_SET_LOG_BASE, 0),
	U64(VHOST_SET_LOG_BASE, 0x1000),
	U64(VHOST_SET_LOG_BASE, KERNEL_ADDR),
	U64(VHOST_SET_LOG_BASE, 0x7ffffffff000),
	U64(VHOST_SET_LOG_BASE, 0x7fffffff0000),
	U64(VHOST_SET_LOG_BASE, ~0ULL),
	LOG_BASE(0),
	ADDR_LOG(FLAGS, 1), ADDR_LOG(LOG, 4), ADDR_LOG(LOG, 2), ADDR_LOG_IS(LOG, 0),
	ADDR_LOG_IS(LOG, 1ULL << 62), ADDR_LOG_IS(LOG, 1ULL << 58),
	ADDR(LOG, 0), ADDR_LOG(LOG, 0),
	MEM(GOOD), MEM(TWO), MEM(GPA_END), MEM(GOOD),
	U64(VHOST_SET_FEATURES, VG_F_MODERN),
	U64(VHOST_SET_LOG_BASE, KERNEL_ADDR),
	U64(VHOST_SET_FEATURES, VG_F_MODERN | VG_F_LOG_ALL),
	U64(VHOST_SET_FEATURES, VG_F_MODERN),
	ADDR(FLAGS, 0),
	LOG_BASE(0),
	FAULT(VHOST_SET_LOG_FD),
	{ "VHOST_SET_LOG_FD EVENT", c_fd, VHOST_SET_LOG_FD, FD_EVENT },
	{ "VHOST_SET_LOG_FD EVENT2", c_fd, VHOST_SET_LOG_FD, FD_EVENT2 },
	{ "VHOST_SET_LOG_FD NONE", c_fd, VHOST_SET_LOG_FD, FD_NONE },
	{ "VHOST_SET_LOG_FD MINUS2", c_fd, VHOST_SET_LOG_FD, FD_MINUS2 },
	{ "VHOST_SET_LOG_FD PIPE", c_fd, VHOST_SET_LOG_FD, FD_PIPE },
	{ "VHOST_SET_LOG_FD CLOSED", c_fd, VHOST_SET_LOG_FD, FD_CLOSED },
	BACKEND(0, NONE), BACKEND(1, NONE),
	U64(VHOST_SET_LOG_BASE, KERNEL_ADDR),
	U64(VHOST_SET_FEATURES, VG_F_MODERN | VG_F_LOG_ALL),
	BACKEND(0, TAP), BACKEND(1, TAP), BACKEND(0, NONE), BACKEND(1, NONE),
};

static const struct call calls_set_owner[] = {
	RAW(VHOST_SET_OWNER, NULL),
	RAW(VHOST_SET_OWNER, NULL),
};

static const struct call calls_reset_owner[] = {
	RAW(VHOST_RESET_OWNER, NULL),
	RAW(VHOST_RESET_OWNER, NULL),
	RAW(VHOST_SET_OWNER, NULL),
	{ "VHOST_GET_VRING_BASE 0 after reset", c_state, VHOST_GET_VRING_BASE, 0, 0 },
	{ "VHOST_GET_VRING_BASE 1 after reset", c_state, VHOST_GET_VRING_BASE, 1, 0 },
};

static const struct call calls_backend_features[] = {
	{ "VHOST_GET_BACKEND_FEATURES", c_get_u64, VHOST_GET_BACKEND_FEATURES },
	FAULT(VHOST_GET_BACKEND_FEATURES),
	FAULT(VHOST_SET_BACKEND_FEATURES),
	U64(VHOST_SET_BACKEND_FEATURES, 0),
	U64(VHOST_SET_BACKEND_FEATURES, VG_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2)),
	U64(VHOST_SET_BACKEND_FEATURES, VG_BIT(0)),
	U64(VHOST_SET_BACKEND_FEATURES, ~0ULL),
};

static const struct call calls_mem[] = {
	FAULT(VHOST_SET_MEM_TABLE),
	MEM(GOOD), MEM(NONE), MEM(GOOD), MEM(TWO), MEM(PADDING), MEM(FLAGS), MEM(MAX),
	MEM(TOO_MANY), MEM(HUGE_COUNT), MEM(OVERLAP), MEM(SAME), MEM(ZERO_SIZE),
	MEM(ZERO_AT_ZERO), MEM(GPA_WRAP), MEM(GPA_END), MEM(HVA_WRAP),
	MEM(HVA_KERNEL), MEM(HVA_END), MEM(UNALIGNED), MEM(TRUNCATED), MEM(NO_RING),
};

static const struct call calls_num[] = {
	FAULT(VHOST_SET_VRING_NUM),
	STATE(VHOST_SET_VRING_NUM, 0, 0),
	STATE(VHOST_SET_VRING_NUM, 0, 1),
	STATE(VHOST_SET_VRING_NUM, 0, 3),
	STATE(VHOST_SET_VRING_NUM, 0, 255),
	STATE(VHOST_SET_VRING_NUM, 0, 256),
	STATE(VHOST_SET_VRING_NUM, 0, 32768),
	STATE(VHOST_SET_VRING_NUM, 0, 65535),
	STATE(VHOST_SET_VRING_NUM, 0, 65536),
	STATE(VHOST_SET_VRING_NUM, 0, 0x80000000),
	STATE(VHOST_SET_VRING_NUM, 0, ~0U),
	STATE(VHOST_SET_VRING_NUM, 1, 256),
	STATE(VHOST_SET_VRING_NUM, 2, 256),
	STATE(VHOST_SET_VRING_NUM, 2, 0),
	STATE(VHOST_SET_VRING_NUM, ~0U, 256),
};

static const struct call calls_base[] = {
	FAULT(VHOST_SET_VRING_BASE),
	FAULT(VHOST_GET_VRING_BASE),
	STATE(VHOST_GET_VRING_BASE, 0, 77),
	STATE(VHOST_SET_VRING_BASE, 0, 0),
	STATE(VHOST_SET_VRING_BASE, 0, 1),
	STATE(VHOST_GET_VRING_BASE, 0, 77),
	STATE(VHOST_SET_VRING_BASE, 0, 65535),
	STATE(VHOST_SET_VRING_BASE, 1, 65535),
	STATE(VHOST_GET_VRING_BASE, 0, 77),
	STATE(VHOST_GET_VRING_BASE, 1, 77),
	STATE(VHOST_SET_VRING_BASE, 0, 65536),
	STATE(VHOST_SET_VRING_BASE, 0, 0x80008000),
	STATE(VHOST_SET_VRING_BASE, 0, ~0U),
	STATE(VHOST_SET_VRING_BASE, 2, 0),
	STATE(VHOST_GET_VRING_BASE, 2, 0),
	STATE(VHOST_GET_VRING_BASE, ~0U, 0),
	STATE(VHOST_SET_VRING_BASE, 0, 0),
	STATE(VHOST_SET_VRING_BASE, 1, 0),
};

static const struct call calls_addr[] = {
	FAULT(VHOST_SET_VRING_ADDR),
	ADDR(FLAGS, 0), ADDR(FLAGS, 2), ADDR(FLAGS, ~0U),
	ADDR(INDEX, 1), ADDR(INDEX, 2), ADDR(INDEX, ~0U),
	ADDR(DESC, 1), ADDR(DESC, 8), ADDR(DESC, 16), ADDR(AVAIL, 1), ADDR(AVAIL, 2),
	ADDR(USED, 1), ADDR(USED, 2), ADDR(USED, 4), ADDR(LOG, 1), ADDR(LOG, 2),
	ADDR(LOG, 4), ADDR(AVAIL, 3),
	ADDR_IS(DESC, KERNEL_ADDR), ADDR_IS(AVAIL, KERNEL_ADDR), ADDR_IS(USED, KERNEL_ADDR),
	ADDR_IS(LOG, KERNEL_ADDR), ADDR_IS(DESC, 0), ADDR_IS(AVAIL, 0), ADDR_IS(USED, 0),
	ADDR_IS(ALL, 0), ADDR_IS(DESC, 0x7ffffffff000), ADDR_IS(USED, 0x7fffffffeff0),
	ADDR_IS(DESC, ~15ULL), ADDR_IS(AVAIL, ~1ULL), ADDR_IS(USED, ~3ULL),
	ADDR(FLAGS, 0),
};

/* Alone in its group: the flag stays on the ring. */
static const struct call calls_addr_log[] = {
	ADDR_LOG(FLAGS, 1), ADDR_LOG(LOG, 4), ADDR_LOG(LOG, 1), ADDR_LOG_IS(LOG, KERNEL_ADDR),
};

static const struct call calls_endian[] = {
	FAULT(VHOST_SET_VRING_ENDIAN),
	STATE(VHOST_SET_VRING_ENDIAN, 0, 0),
	STATE(VHOST_SET_VRING_ENDIAN, 0, 1),
	STATE(VHOST_SET_VRING_ENDIAN, 0, 2),
	STATE(VHOST_SET_VRING_ENDIAN, 2, 0),
	STATE(VHOST_GET_VRING_ENDIAN, 0, 5),
	STATE(VHOST_GET_VRING_ENDIAN, 2, 5),
};

/* For KICK, CALL and ERR: the group says which. */
static const struct call calls_event[] = {
	{ "eventfd bad pointer", c_event_fault },
	EVENT(0, EVENT), EVENT(0, EVENT), EVENT(0, EVENT2), EVENT(1, EVENT), EVENT(2, EVENT),
	EVENT(~0U, EVENT), EVENT(0, NONE), EVENT(0, NONE), EVENT(0, MINUS2), EVENT(0, CLOSED),
	EVENT(0, PIPE), EVENT(0, EPOLL), EVENT(0, TIMER), EVENT(0, FILE), EVENT(0, TAP),
	EVENT(0, INET_DGRAM), EVENT(0, SELF), EVENT(0, OTHER),
};

static const struct call calls_busyloop[] = {
	FAULT(VHOST_SET_VRING_BUSYLOOP_TIMEOUT),
	FAULT(VHOST_GET_VRING_BUSYLOOP_TIMEOUT),
	STATE(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 0, 50),
	STATE(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 0, 77),
	STATE(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 1, 77),
	STATE(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 1, ~0U),
	STATE(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 1, 77),
	STATE(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 2, 0),
	STATE(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, 2, 0),
	STATE(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 0, 0),
	STATE(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, 1, 0),
};

static const struct call calls_backend[] = {
	FAULT(VHOST_NET_SET_BACKEND),
	BACKEND(2, NONE), BACKEND(2, TAP), BACKEND(2, PIPE), BACKEND(~0U, NONE),
	BACKEND(0, MINUS2), BACKEND(0, CLOSED), BACKEND(0, EVENT), BACKEND(0, PIPE),
	BACKEND(0, EPOLL), BACKEND(0, TIMER), BACKEND(0, FILE), BACKEND(0, DIR),
	BACKEND(0, DEVNULL), BACKEND(0, TTY), BACKEND(0, INET_DGRAM), BACKEND(0, INET_STREAM),
	BACKEND(0, INET_RAW), BACKEND(0, UNIX), BACKEND(0, NETLINK),
	BACKEND(0, PACKET_DGRAM), BACKEND(0, SELF), BACKEND(0, OTHER),
	BACKEND(1, MINUS2), BACKEND(1, PIPE), BACKEND(1, SELF),
	BACKEND(0, TAP), BACKEND(0, TAP), BACKEND(1, TAP), BACKEND(0, NONE), BACKEND(0, NONE),
	BACKEND(1, NONE), BACKEND(0, TUN_UNBOUND), BACKEND(1, TUN_UNBOUND), BACKEND(0, NONE),
	BACKEND(1, NONE), BACKEND(0, PACKET_RAW), BACKEND(1, PACKET_RAW), BACKEND(0, TAP2),
	BACKEND(1, TAP2), BACKEND(0, NONE), BACKEND(1, NONE),
};

static const struct call calls_fork[] = {
	FAULT(VHOST_GET_FORK_FROM_OWNER),
	FAULT(VHOST_SET_FORK_FROM_OWNER),
	{ "VHOST_GET_FORK_FROM_OWNER", c_u8, VHOST_GET_FORK_FROM_OWNER, 0x5a },
	{ "VHOST_SET_FORK_FROM_OWNER 2", c_u8, VHOST_SET_FORK_FROM_OWNER, 2 },
	{ "VHOST_SET_FORK_FROM_OWNER 1", c_u8, VHOST_SET_FORK_FROM_OWNER, 1 },
	{ "VHOST_SET_FORK_FROM_OWNER 0", c_u8, VHOST_SET_FORK_FROM_OWNER, 0 },
	{ "VHOST_GET_FORK_FROM_OWNER after 0", c_u8, VHOST_GET_FORK_FROM_OWNER, 0x5a },
	RAW(VHOST_SET_OWNER, NULL),
	{ "VHOST_GET_FORK_FROM_OWNER owned", c_u8, VHOST_GET_FORK_FROM_OWNER, 0x5a },
	{ "VHOST_SET_FORK_FROM_OWNER owned", c_u8, VHOST_SET_FORK_FROM_OWNER, 1 },
};

static const struct call calls_unknown[] = {
	STATE(VHOST_NEW_WORKER_, 0, 0),
	STATE(VHOST_FREE_WORKER_, 0, 0),
	STATE(VHOST_ATTACH_VRING_WORKER_, 0, 0),
	STATE(VHOST_ATTACH_VRING_WORKER_, 2, 0),
	STATE(VHOST_GET_VRING_WORKER_, 0, 0),
	STATE(_IO(VHOST_VIRTIO, 0x05), 0, 0),
	STATE(_IO(VHOST_VIRTIO, 0x7f), 0, 0),
	STATE(_IO(VHOST_VIRTIO, 0x7f), 2, 0),
	FAULT(_IO(VHOST_VIRTIO, 0x7f)),
	STATE(TUNGETIFF, 0, 0),
	FAULT(TUNGETIFF),
	RAW(0, NULL),
	STATE(0xffffffff, 0, 0),
};

#define MSG(type, op, bytes, size)						\
	{ "write type=" #type " op=" #op " bytes=" #bytes " size=" #size, c_write,	\
	  type, op, (__u64)(size) << 32 | (bytes) }
static const struct call calls_files[] = {
	{ "read 0", c_read, 0 },
	{ "read 71", c_read, 71 },
	{ "read 72", c_read, 72 },
	{ "read 256", c_read, 256 },
	{ "read 71 blocking", c_read, 71, 1 },
	{ "read 72 blocking", c_read, 72, 1 },
	MSG(1, 2, 0, 1), MSG(1, 2, 3, 1), MSG(1, 2, 4, 1), MSG(1, 2, 39, 1),
	MSG(1, 2, 40, 1), MSG(1, 2, 71, 1), MSG(1, 2, 72, 1),
	MSG(1, 2, 200, 1), MSG(1, 2, 72, 0), MSG(1, 1, 72, 1), MSG(1, 3, 72, 1), MSG(1, 4, 72, 1),
	MSG(1, 99, 72, 1), MSG(2, 2, 72, 1), MSG(2, 2, 72, 0), MSG(2, 3, 72, 1),
	MSG(2, 2, 39, 1), MSG(2, 2, 40, 1),
	MSG(0, 2, 72, 1), MSG(3, 2, 72, 1), MSG(-1, 2, 72, 1),
	{ "poll", c_poll },
	{ "epoll_ctl", c_epoll },
	{ "lseek", c_lseek, 5 },
	{ "mmap", c_mmap },
};

#ifdef __x86_64__
static const struct call calls_compat[] = {
	{ "32-bit VHOST_GET_FEATURES", c_compat, VHOST_GET_FEATURES },
	{ "32-bit VHOST_SET_FEATURES", c_compat, VHOST_SET_FEATURES, VG_F_VERSION_1 },
	{ "32-bit VHOST_SET_FEATURES bad", c_compat, VHOST_SET_FEATURES, VG_BIT(63) },
	{ "32-bit VHOST_SET_VRING_NUM", c_compat, VHOST_SET_VRING_NUM, 256ULL << 32 },
	{ "32-bit unknown", c_compat, _IO(VHOST_VIRTIO, 0x7f) },
};
#endif

#define GROUP(name)	{ #name, calls_##name, ARRAY_SIZE(calls_##name) }
#define EVENTS(name, req) { name, calls_event, ARRAY_SIZE(calls_event), req }
const struct call_group abi_groups[] = {
	GROUP(features), GROUP(platform), GROUP(log), GROUP(set_owner), GROUP(reset_owner),
	GROUP(backend_features), GROUP(mem), GROUP(num), GROUP(base), GROUP(addr),
	GROUP(addr_log), GROUP(endian), EVENTS("kick", VHOST_SET_VRING_KICK),
	EVENTS("call", VHOST_SET_VRING_CALL), EVENTS("err", VHOST_SET_VRING_ERR),
	GROUP(busyloop), GROUP(backend), GROUP(fork), GROUP(unknown), GROUP(files),
#ifdef __x86_64__
	GROUP(compat),
#endif
};

const unsigned int abi_ngroups = ARRAY_SIZE(abi_groups);
