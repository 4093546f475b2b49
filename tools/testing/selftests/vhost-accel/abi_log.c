// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios of the differential ABI test: the dirty log and the IOTLB.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi_play.h"

/* ---- the dirty log ------------------------------------------------------ */

#define LOG_SIZE	(VG_GPA_BASE / VG_PAGE / 8 + VG_PAGE)

static void *new_log(void)
{
	void *p = mmap(NULL, LOG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void set_base(struct play *p, const char *what, const void *bits)
{
	__u64 base = (uintptr_t)bits;

	play_say(p, what, vg_ioctl(p->d->fd, VHOST_SET_LOG_BASE, &base));
}

static void set_features(struct play *p, const char *what, __u64 extra)
{
	__u64 features = p->d->features | extra;

	play_say(p, what, vg_ioctl(p->d->fd, VHOST_SET_FEATURES, &features));
}

static void set_flag(struct play *p, const char *what, bool on)
{
	unsigned int i;

	p->d->addr_flags = on ? 1 << VHOST_VRING_F_LOG : 0;
	for (i = 0; i < VG_RINGS; i++)
		play_say(p, what, vg_ring_set_addr(p->d, i));
}

/* What a page is there for. */
static const char *use_of(const struct play *p, __u64 gpa)
{
	unsigned int i;

	for (i = 0; i < VG_RINGS; i++)
		if (gpa == (p->d->ring[i].device_gpa & ~(__u64)(VG_PAGE - 1)))
			return i ? "tx-used" : "rx-used";
	return gpa >= (p->rx.buf[0].gpa & ~(__u64)(VG_PAGE - 1)) ? "buffer" : "other";
}

/* Takes the bits; says which pages, and where bits are that name no page. */
static void say_bits(struct play *p, const char *what, __u8 *bits)
{
	__u64 gpa;
	size_t i;

	text_add(p->t, " %s:", what);
	if (!bits)
		return;
	for (i = 0; i < LOG_SIZE * 8; i++) {
		if (!(bits[i / 8] & 1 << i % 8))
			continue;
		gpa = i * VG_PAGE;
		if (vg_mem_hva(&p->d->mem, gpa))
			text_add(p->t, "%s,", use_of(p, gpa));
		else
			text_add(p->t, "nowhere,");
	}
	memset(bits, 0, LOG_SIZE);
}

void e_log(struct fix *f, struct text *t)
{
	void *bits = new_log();
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	set_base(&p, "base", bits);
	set_features(&p, "on", VG_F_LOG_ALL);
	set_flag(&p, "flag", true);
	play_tx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	say_bits(&p, "tx-bits", bits);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	play_rx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	say_bits(&p, "rx-bits", bits);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	set_features(&p, "off", 0);
	set_flag(&p, "flag", false);
	play_tx(&p);
	play_rx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	say_bits(&p, "bits", bits);
	play_end(&p);
	munmap(bits, LOG_SIZE);
}

/* The flag alone logs the ring, the feature alone what is received. */
void e_log_flag(struct fix *f, struct text *t)
{
	void *bits = new_log();
	struct play p;

	play_start(&p, f, t);
	set_base(&p, "base", bits);
	set_flag(&p, "flag", true);
	vg_dev_start(p.d, f->tap);
	play_rx(&p);
	vg_dev_stop(p.d);
	say_bits(&p, "flag-bits", bits);
	set_flag(&p, "flag", false);
	set_features(&p, "on", VG_F_LOG_ALL);
	vg_dev_start(p.d, f->tap);
	play_rx(&p);
	vg_dev_stop(p.d);
	say_bits(&p, "feature-bits", bits);
	play_end(&p);
	munmap(bits, LOG_SIZE);
}

void e_log_fd(struct fix *f, struct text *t)
{
	void *bits = new_log();
	int fd = play_event(0);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_say(&p, "fd", vg_ioctl(p.d->fd, VHOST_SET_LOG_FD, &fd));
	play_rx(&p);
	text_add(t, " fired:%d", play_fired(fd, 0));
	set_base(&p, "base", bits);
	set_features(&p, "on", VG_F_LOG_ALL);
	set_flag(&p, "flag", true);
	play_rx(&p);
	text_add(t, " fired:%d", play_fired(fd, SOON_MS));
	close(fd);
	fd = -1;
	play_say(&p, "unbind", vg_ioctl(p.d->fd, VHOST_SET_LOG_FD, &fd));
	play_rx(&p);
	vg_dev_stop(p.d);
	play_end(&p);
	munmap(bits, LOG_SIZE);
}

void e_log_swap(struct fix *f, struct text *t)
{
	void *a = new_log(), *b = new_log();
	struct play p;

	play_start(&p, f, t);
	set_base(&p, "base", a);
	set_features(&p, "on", VG_F_LOG_ALL);
	set_flag(&p, "flag", true);
	vg_dev_start(p.d, f->tap);
	play_rx(&p);
	set_base(&p, "swap", b);
	play_rx(&p);
	vg_dev_stop(p.d);
	say_bits(&p, "new", b);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	munmap(a, LOG_SIZE);
	play_rx(&p);
	vg_dev_stop(p.d);
	say_bits(&p, "new", b);
	play_end(&p);
	munmap(b, LOG_SIZE);
}

/* What a log that cannot be is answered with while the rings run. */
void e_log_bad_live(struct fix *f, struct text *t)
{
	struct vhost_vring_addr a = { .flags = 1 << VHOST_VRING_F_LOG };
	void *bits = new_log();
	struct vg_ring *r;
	struct play p;

	play_start(&p, f, t);
	r = &p.d->ring[VG_RX];
	a.desc_user_addr = (uintptr_t)r->desc;
	a.avail_user_addr = (uintptr_t)r->avail;
	a.used_user_addr = (uintptr_t)r->used;
	vg_dev_start(p.d, f->tap);
	set_base(&p, "kernel", (void *)0xffff888000000000ULL);
	set_features(&p, "on", VG_F_LOG_ALL);
	set_base(&p, "kernel", (void *)0xffff888000000000ULL);
	set_base(&p, "end", (void *)0x7fffffff0000ULL);
	set_base(&p, "last", (void *)~0ULL);
	set_base(&p, "good", bits);
	set_features(&p, "on", VG_F_LOG_ALL);
	set_base(&p, "kernel", (void *)0xffff888000000000ULL);
	a.log_guest_addr = r->device_gpa;
	play_say(&p, "addr", vg_ioctl(p.d->fd, VHOST_SET_VRING_ADDR, &a));
	a.log_guest_addr = r->device_gpa + 2;
	play_say(&p, "odd", vg_ioctl(p.d->fd, VHOST_SET_VRING_ADDR, &a));
	a.log_guest_addr = 1ULL << 58;
	play_say(&p, "far", vg_ioctl(p.d->fd, VHOST_SET_VRING_ADDR, &a));
	a.log_guest_addr = 1ULL << 62;
	play_say(&p, "far", vg_ioctl(p.d->fd, VHOST_SET_VRING_ADDR, &a));
	play_rx(&p);
	vg_dev_stop(p.d);
	say_bits(&p, "bits", bits);
	play_end(&p);
	munmap(bits, LOG_SIZE);
}

/* ---- the IOTLB ---------------------------------------------------------- */

/* The device has an IOTLB from now on; ring addresses are the guest's. */
static void platform(struct play *p)
{
	unsigned int i;

	p->d->features |= VG_F_PLATFORM;
	play_say(p, "on", vg_ioctl(p->d->fd, VHOST_SET_FEATURES, &p->d->features));
	for (i = 0; i < VG_RINGS; i++)
		play_say(p, "addr", vg_ring_set_addr(p->d, i));
}

static void message(struct play *p, __u8 type, __u64 iova, __u64 size, __u8 perm)
{
	struct vhost_msg m = {
		.type = VHOST_IOTLB_MSG,
		.iotlb = {
			.iova = iova,
			.size = size,
			.uaddr = (uintptr_t)vg_mem_hva(&p->d->mem, iova),
			.perm = perm,
			.type = type,
		},
	};
	ssize_t n = write(p->d->fd, &m, sizeof(m));

	if (n != sizeof(m))
		text_add(p->t, " write:%zd,%s", n, n < 0 ? text_err(-errno) : "");
}

static void map_all(struct play *p)
{
	message(p, VHOST_IOTLB_UPDATE, VG_GPA_BASE, p->d->mem.region[0].size,
		VHOST_ACCESS_RW);
}

static void unmap_all(struct play *p)
{
	message(p, VHOST_IOTLB_INVALIDATE, 0, ~0ULL, 0);
}

static void map_area(struct play *p, __u64 gpa, size_t len, __u8 perm)
{
	message(p, VHOST_IOTLB_UPDATE, gpa & ~(__u64)(VG_PAGE - 1),
		(len + gpa % VG_PAGE + VG_PAGE - 1) & ~(__u64)(VG_PAGE - 1), perm);
}

static void map_rings(struct play *p)
{
	unsigned int i;

	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &p->d->ring[i];

		map_area(p, r->desc_gpa, 16ul * r->num, VHOST_ACCESS_RW);
		map_area(p, r->driver_gpa, 6 + 2ul * r->num, VHOST_ACCESS_RW);
		map_area(p, r->device_gpa, 6 + 8ul * r->num, VHOST_ACCESS_RW);
	}
}

/* Reads a miss and says what is missing; its address, or 0. What is @old is passed over. */
static __u64 next_miss(struct play *p, __u64 old, int ms)
{
	struct vhost_msg m;
	const char *what = "buffer";
	unsigned int i;
	ssize_t n = -1;

	for (; n < 0 && ms >= 0; ms--) {
		n = read(p->d->fd, &m, sizeof(m));
		if (n > 0 && m.iotlb.iova == old)
			n = -1;
		if (n < 0 && ms)
			usleep(1000);
	}
	if (n < 0) {
		text_add(p->t, " miss:none");
		return 0;
	}
	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &p->d->ring[i];

		if (m.iotlb.iova == r->desc_gpa)
			what = "desc";
		else if (m.iotlb.iova == r->driver_gpa)
			what = "avail";
		else if (m.iotlb.iova == r->device_gpa)
			what = "used";
	}
	text_add(p->t, " miss:%zd,%u,%u,%s,%u", n, m.type, m.iotlb.type, what, m.iotlb.perm);
	return m.iotlb.iova;
}

static __u64 miss(struct play *p, int ms)
{
	return next_miss(p, 0, ms);
}

void e_iotlb(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	platform(&p);
	map_all(&p);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	play_tx(&p);
	play_rx(&p);
	miss(&p, 0);
	play_say(&p, "stop", vg_dev_stop(p.d));
	play_say_base(&p);
	play_end(&p);
}

/* Each miss in its turn, answered with no more than was asked for. */
void e_iotlb_misses(struct fix *f, struct text *t)
{
	__u64 iova = 0;
	struct play p;
	int i;

	play_start(&p, f, t);
	platform(&p);
	map_all(&p);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_rx(&p);
	unmap_all(&p);
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	for (i = 0; i < 3; i++) {
		iova = next_miss(&p, iova, SOON_MS);
		if (iova)
			map_area(&p, iova, VG_PAGE, VHOST_ACCESS_RW);
	}
	/* Header and frame lie close to each other. */
	iova = next_miss(&p, iova, SOON_MS);
	if (iova)
		map_area(&p, iova, 2 * VG_PAGE, VHOST_ACCESS_RO);
	play_tx_arrives(&p, p.peer, SOON_MS);
	vg_dev_stop(p.d);
	play_end(&p);
}

/* A device whose used ring is not mapped does not start. */
void e_iotlb_start(struct fix *f, struct text *t)
{
	struct vg_ring *r = &f->d.ring[VG_TX];
	struct play p;

	play_start(&p, f, t);
	platform(&p);
	play_say(&p, "start tx", vg_set_backend(p.d, VG_TX, f->tap));
	map_area(&p, r->device_gpa, 6 + 8ul * r->num, VHOST_ACCESS_RO);
	play_say(&p, "start tx", vg_set_backend(p.d, VG_TX, f->tap));
	unmap_all(&p);
	map_area(&p, r->device_gpa, 6 + 8ul * r->num, VHOST_ACCESS_RW);
	play_say(&p, "start tx", vg_set_backend(p.d, VG_TX, f->tap));
	map_all(&p);
	vg_ring_notify(r);
	play_tx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	play_end(&p);
}

/* A buffer may be read where it should be written, and the other way round. */
void e_iotlb_perm(struct fix *f, struct text *t)
{
	struct play p;
	unsigned int i;

	play_start(&p, f, t);
	platform(&p);
	map_all(&p);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_rx(&p);
	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &p.d->ring[i];
		struct vg_pool *pool = i ? &p.tx : &p.rx;

		unmap_all(&p);
		map_rings(&p);
		map_area(&p, pool->buf[0].gpa, BUFS * 1700, i ? VHOST_ACCESS_WO : VHOST_ACCESS_RO);
		vg_ring_errors(r);
		if (i) {
			play_put(&p);
			vg_ring_kick(r);
		} else {
			play_rx_send(&p, p.peer);
		}
		text_add(t, " err:%d", play_fired(r->err, SOON_MS));
		miss(&p, NEVER_MS);
		unmap_all(&p);
		map_all(&p);
		vg_ring_notify(r);
		if (i)
			play_tx_arrives(&p, p.peer, SOON_MS);
		else
			play_rx_arrives(&p, SOON_MS);
	}
	vg_dev_stop(p.d);
	play_end(&p);
}

void e_iotlb_invalidate(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	platform(&p);
	map_all(&p);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	message(&p, VHOST_IOTLB_INVALIDATE, p.d->ring[VG_TX].desc_gpa, 1, 0);
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, NEVER_MS);
	miss(&p, SOON_MS);
	/* Of something else. */
	message(&p, VHOST_IOTLB_UPDATE, VG_GPA_BASE + p.d->mem.region[0].size, VG_PAGE,
		VHOST_ACCESS_RW);
	play_tx_arrives(&p, p.peer, NEVER_MS);
	map_all(&p);
	play_tx_arrives(&p, p.peer, SOON_MS);
	vg_dev_stop(p.d);
	play_end(&p);
}

/* With the IOTLB go the addresses it gave a meaning to. */
void e_iotlb_drop(struct fix *f, struct text *t)
{
	struct play p;
	unsigned int i;
	long err;

	play_start(&p, f, t);
	platform(&p);
	map_all(&p);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	vg_dev_stop(p.d);
	p.d->features &= ~VG_F_PLATFORM;
	play_say(&p, "off", vg_ioctl(p.d->fd, VHOST_SET_FEATURES, &p.d->features));
	miss(&p, 0);
	map_all(&p);
	for (i = 0; i < VG_RINGS; i++)
		play_say(&p, "addr", vg_ring_set_addr(p.d, i));
	err = vg_dev_start(p.d, f->tap);
	play_say(&p, "start", err);
	if (!err) {
		play_tx(&p);
		play_rx(&p);
	}
	vg_dev_stop(p.d);
	play_end(&p);
}

/* The same features again make a new, empty IOTLB. */
void e_iotlb_again(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	platform(&p);
	map_all(&p);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "again", vg_ioctl(p.d->fd, VHOST_SET_FEATURES, &p.d->features));
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, NEVER_MS);
	miss(&p, SOON_MS);
	map_all(&p);
	play_tx_arrives(&p, p.peer, SOON_MS);
	vg_dev_stop(p.d);
	play_end(&p);
}
