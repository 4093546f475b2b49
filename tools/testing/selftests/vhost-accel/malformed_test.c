// SPDX-License-Identifier: GPL-2.0
/*
 * A guest may put anything into its rings and change it at any time. A broken ring
 * fires its error eventfd and stops till the next kick, a bad frame is dropped and
 * counted; the worker comes to rest, the other ring and other devices go on, nothing
 * is lost for good.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kstest.h"
#include "malformed.h"

#define FRAME	120

static struct bed bed, other;
static __u64 scratch;

/* ---- helpers ------------------------------------------------------------ */

static bool error_fires(struct vg_ring *r)
{
	struct pollfd p = { .fd = r->err, .events = POLLIN };

	return poll(&p, 1, BED_SOON_MS) > 0 && vg_ring_errors(r);
}

static bool ring_works(struct bed *b, unsigned int which)
{
	static __u32 seq = 0x100000;

	seq++;
	return which == VG_TX ? !bed_tx(b, seq, FRAME, VG_LAYOUT_HDR) :
				!bed_rx(b, seq, FRAME);
}

static bool counted(struct bed *b, const char *key, __s64 before)
{
	return bed_is_stock(b) || vg_counter(b->d.fd, key) > before;
}

static __s64 count(struct bed *b, const char *key)
{
	return vg_counter(b->d.fd, key);
}

static bool peer_sends(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr none = { 0 };

	vg_frame_fill(bed_buffer(2), len, seq);
	return !vg_peer_send(b->peer, &none, bed_buffer(2), len);
}

static bool guest_got(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr_v1 hdr;
	int n = -EAGAIN;

	if (!vg_ring_wait(&b->d.ring[VG_RX], BED_SOON_MS))
		n = vg_rx_get(&b->d, &b->rx, &hdr, bed_buffer(3), VG_MAX_FRAME);
	return n == (int)len && vg_frame_check(bed_buffer(3), n, seq);
}

static bool peer_got(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr hdr;
	int n = vg_peer_recv(b->peer, &hdr, bed_buffer(1), VG_MAX_FRAME, BED_SOON_MS);

	return n == (int)len && vg_frame_check(bed_buffer(1), n, seq);
}

static void drain_peer(struct bed *b)
{
	struct virtio_net_hdr hdr;

	while (vg_peer_recv(b->peer, &hdr, bed_buffer(1), VG_MAX_FRAME, 0) >= 0)
		;
}

/* ---- broken rings ------------------------------------------------------- */

static bool broken(const struct breakage *m, unsigned int which)
{
	struct scene s = {
		.b = &bed,
		.r = &bed.d.ring[which],
		.dir = which == VG_RX ? VRING_DESC_F_WRITE : 0,
		.gpa = scratch,
	};
	const char *key = which == VG_RX ? "rx_errors" : "tx_errors";
	__s64 errors = count(&bed, key);
	__s64 base;
	bool ok;
	int i;

	if (which == VG_RX) {
		/* No buffers but the bad one. */
		ok = expect(!vg_set_backend(&bed.d, VG_RX, VG_NO_FD));
		vg_ring_reset(s.r);
		ok = ok && expect(!vg_ring_setup(&bed.d, VG_RX)) &&
		     expect(!vg_set_backend(&bed.d, VG_RX, bed.backend));
	} else {
		ok = expect(ring_works(&bed, VG_TX));
	}
	base = vg_get_base(&bed.d, which);
	vg_ring_errors(s.r);

	m->make(&s);
	if (which == VG_RX)
		ok = ok && expect(peer_sends(&bed, 1, FRAME));
	ok = ok && expect(error_fires(s.r)) && expect(counted(&bed, key, errors));
	ok = ok && expect(bed_idles());
	ok = ok && expect(ring_works(&bed, !which)) && expect(ring_works(&other, VG_RX)) &&
	     expect(ring_works(&other, VG_TX));
	/* Kicking a broken ring makes it no better and no worse. */
	for (i = 0; i < 3; i++)
		vg_ring_notify(s.r);
	ok = ok && expect(bed_idles()) &&
	     expect(vg_get_base(&bed.d, which) == base ||
		    (m->stock == STOCK_SKIPS && bed_is_stock(&bed)));

	ok = expect(!bed_reset_ring(&bed, which)) && ok;
	/* The frame that met the broken ring is still there. */
	if (which == VG_RX) {
		ok = expect(guest_got(&bed, 1, FRAME)) && ok;
		vg_rx_fill(&bed.d, &bed.rx);
	}
	return expect(ring_works(&bed, which)) && ok;
}

/* The guest mends what is broken and kicks: the ring goes on where it stood. */
static bool mended(void)
{
	struct vg_ring *r = &bed.d.ring[VG_TX];
	bool ok;

	bed_reset_ring(&bed, VG_TX);
	ok = expect(ring_works(&bed, VG_TX));
	vg_frame_fill(bed_buffer(0), FRAME, 77);
	ok = ok && !vg_tx_send(&bed.d, &bed.tx, NULL, bed_buffer(0), FRAME, VG_LAYOUT_CHAIN);
	{
		__u16 head = r->avail->ring[(r->avail_idx - 1) & (r->num - 1)];
		__u16 next = r->desc[head].next;

		r->desc[head].next = head;
		vg_ring_kick(r);
		ok = ok && expect(error_fires(r));
		r->desc[head].next = next;
		vg_ring_notify(r);
	}
	ok = ok && expect(peer_got(&bed, 77, FRAME)) &&
	     expect(!vg_ring_wait(r, BED_SOON_MS)) &&
	     expect(vg_tx_reap(&bed.d, &bed.tx) == 1);
	return ok && expect(ring_works(&bed, VG_TX));
}

/* ---- bad frames --------------------------------------------------------- */

/* A chain of @len bytes goes out; its buffer comes back. */
static bool swallow(struct bed *b, const void *bytes, size_t len, unsigned int pieces)
{
	struct vg_ring *r = &b->d.ring[VG_TX];
	struct vg_chain c = { .nsegs = 0 };
	struct vg_used u;
	unsigned int i;

	if (bytes)
		vg_mem_write(&b->d.mem, scratch, bytes, len);
	for (i = 0; i < pieces; i++) {
		c.seg[i].gpa = scratch + i * (len / pieces);
		c.seg[i].len = i + 1 < pieces ? len / pieces : len - i * (len / pieces);
		c.nsegs++;
	}
	if (vg_ring_add(r, &c, &c))
		return false;
	vg_ring_kick(r);
	return !vg_ring_wait(r, BED_SOON_MS) && vg_ring_get(r, &u) && u.token == &c;
}

static bool short_frames(void)
{
	static const __u8 zero[64];
	unsigned int len, first = bed_is_stock(&bed) ? bed.d.hlen : 0;
	bool ok = true;

	bed_reset_ring(&bed, VG_TX);
	for (len = first; ok && len < bed.d.hlen + VG_ETH_HLEN; len++) {
		__s64 before = count(&bed, "tx_drop_short");

		/* Stock takes an empty frame for a broken ring. */
		if (bed_is_stock(&bed) && len == bed.d.hlen)
			continue;
		ok = expect(swallow(&bed, zero, len, 1)) &&
		     (len < 2 || expect(swallow(&bed, zero, len, 2))) &&
		     expect(counted(&bed, "tx_drop_short", before));
		if (!ok)
			ksft_print_msg("%u bytes\n", len);
	}
	return ok && expect(bed_idles()) && expect(ring_works(&bed, VG_TX)) &&
	       expect(!vg_ring_errors(&bed.d.ring[VG_TX]));
}

/* Headers that place the checksum outside of the frame come first. */
#define IMPOSSIBLE	3

static bool bad_headers(void)
{
	static const struct virtio_net_hdr_v1 bad[] = {
		{ .flags = 1, .csum_start = 200 },
		{ .flags = 1, .csum_start = 0xffff, .csum_offset = 0xffff },
		{ .flags = 1, .csum_start = 0, .csum_offset = 0xffff },
		{ .flags = 1, .csum_start = FRAME - 1, .csum_offset = 0 },
		{ .flags = 1, .csum_start = 0xffff, .csum_offset = 1, .hdr_len = 0xffff },
		{ .flags = 1, .csum_start = 34, .csum_offset = 16, .hdr_len = 0xffff },
		{ .flags = 0xff },
		{ .gso_type = 0x7f },
		{ .gso_type = 0xff, .flags = 0xff, .gso_size = 0xffff, .hdr_len = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 50, .hdr_len = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 50, .flags = 1,
		  .csum_start = 34, .csum_offset = 16 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 50 },
		{ .gso_type = 5, .gso_size = 50 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_ECN, .gso_size = 50 },
		{ .num_buffers = 0xffff },
	};
	__u8 bytes[12 + FRAME];
	bool ok = true;
	unsigned int i;

	bed_reset_ring(&bed, VG_TX);
	vg_frame_fill(bytes + 12, FRAME, 5);
	for (i = 0; ok && i < ARRAY_SIZE(bad); i++) {
		struct virtio_net_hdr_v1 good;
		__s64 drops = count(&bed, "tx_drop_hdr");

		memcpy(bytes, &bad[i], 12);
		/* The stock module keeps a frame like the first ones in the ring. */
		if (bed_is_stock(&bed) && i < IMPOSSIBLE)
			continue;
		ok = expect(swallow(&bed, bytes, sizeof(bytes), 1)) &&
		     expect(swallow(&bed, bytes, sizeof(bytes), 3));
		if (i < IMPOSSIBLE)
			ok = ok && expect(counted(&bed, "tx_drop_hdr", drops));

		/* The same on a real TCP frame. */
		vg_frame_tcp(bytes + 12, FRAME, 6, false, 0, (struct virtio_net_hdr *)&good);
		ok = ok && expect(swallow(&bed, bytes, sizeof(bytes), 1));
		vg_frame_fill(bytes + 12, FRAME, 5);
		drain_peer(&bed);
		ok = ok && expect(ring_works(&bed, VG_TX));
		if (!ok)
			ksft_print_msg("header %u\n", i);
	}
	return ok && expect(bed_idles());
}

/* Longer than any frame: dropped, or sent, but not the end of the ring. */
static bool giant_frame(void)
{
	static __u8 zero[200000];

	bed_reset_ring(&bed, VG_TX);
	if (!expect(swallow(&bed, zero, sizeof(zero), 4)))
		return false;
	drain_peer(&bed);
	return expect(bed_idles()) && expect(ring_works(&bed, VG_TX));
}

/* ---- RX buffers --------------------------------------------------------- */

/* An RX ring of our own making: nothing is posted. */
static bool bare_rx(void)
{
	struct vg_ring *r = &bed.d.ring[VG_RX];

	if (vg_set_backend(&bed.d, VG_RX, VG_NO_FD))
		return false;
	vg_ring_reset(r);
	vg_pool_reset(&bed.rx);
	return !vg_ring_setup(&bed.d, VG_RX) &&
	       !vg_set_backend(&bed.d, VG_RX, bed.backend);
}

static bool set_features(__u64 features)
{
	bed.d.features = features;
	return !vg_ioctl(bed.d.fd, VHOST_SET_FEATURES, &bed.d.features);
}

/* One buffer, too small for the frame: the frame goes, the buffer stays. */
static bool rx_too_small(void)
{
	__s64 drops = count(&bed, "rx_drop_nobuf");
	struct vring_desc *d = &bed.d.ring[VG_RX].desc[D0];
	struct vring_used *used = bed.d.ring[VG_RX].used;
	int ms;
	bool ok;

	ok = expect(!vg_dev_stop(&bed.d)) &&
	     expect(set_features(VG_F_MODERN & ~VG_F_MRG_RXBUF)) && bare_rx();
	raw_desc(d, scratch, 12 + 100, VRING_DESC_F_WRITE, 0);
	raw_avail(&bed.d.ring[VG_RX], D0);
	ok = ok && expect(peer_sends(&bed, 1, 101)) && expect(bed_idles()) &&
	     expect(counted(&bed, "rx_drop_nobuf", drops)) && expect(used->idx == 0) &&
	     expect(peer_sends(&bed, 2, 100));
	for (ms = 0; ok && ms < BED_SOON_MS; ms++) {
		if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE))
			break;
		usleep(1000);
	}
	ok = ok && expect(used->idx == 1) && expect(used->ring[0].len == 112) &&
	     expect(vg_frame_check(vg_mem_hva(&bed.d.mem, scratch + 12), 100, 2));
	ok = expect(!vg_dev_stop(&bed.d)) && expect(set_features(VG_F_MODERN)) && ok;
	return expect(!bed_reset_ring(&bed, VG_RX)) && expect(!bed_reset_ring(&bed, VG_TX)) &&
	       expect(bed_works(&bed)) && ok;
}

/* Some mergeable buffers, not enough: the worker waits at rest for more. */
static bool rx_too_few(void)
{
	struct virtio_net_hdr_v1 *hdr = vg_mem_hva(&bed.d.mem, scratch);
	struct vg_ring *r = &bed.d.ring[VG_RX];
	bool ok = bare_rx();
	unsigned int i, sum = 0;
	int ms;

	for (i = 0; i < 3; i++) {
		raw_desc(&r->desc[D0 + i], scratch + i * 256, 100, VRING_DESC_F_WRITE, 0);
		raw_avail(r, D0 + i);
	}
	ok = ok && expect(peer_sends(&bed, 3, 388)) && expect(bed_idles()) &&
	     expect(r->used->idx == 0) && expect(ring_works(&bed, VG_TX));
	raw_desc(&r->desc[D0 + i], scratch + i * 256, 100, VRING_DESC_F_WRITE, 0);
	raw_avail(r, D0 + i);
	for (ms = 0; ok && ms < BED_SOON_MS; ms++) {
		if (__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) == 4)
			break;
		usleep(1000);
	}
	for (i = 0; i < 4; i++)
		sum += r->used->ring[i].len;
	ok = ok && expect(r->used->idx == 4) && expect(sum == 400) &&
	     expect(hdr->num_buffers == 4);
	return expect(!bed_reset_ring(&bed, VG_RX)) && expect(bed_works(&bed)) && ok;
}

/* A full ring of buffers that do not hold the frame together. */
static bool rx_never_enough(void)
{
	struct vg_ring *r = &bed.d.ring[VG_RX];
	bool ok = bare_rx();
	unsigned int i;

	for (i = 0; i < r->num; i++) {
		raw_desc(&r->desc[i], scratch + i * 64, 20, VRING_DESC_F_WRITE, 0);
		raw_avail(r, i);
	}
	ok = ok && expect(peer_sends(&bed, 4, 20 * r->num)) && expect(bed_idles()) &&
	     expect(ring_works(&bed, VG_TX));
	return expect(!bed_reset_ring(&bed, VG_RX)) && expect(!vg_dev_stop(&bed.d)) &&
	       expect(!vg_dev_start(&bed.d, bed.backend)) && expect(bed_idles()) && ok;
}

/* ---- memory that is not there ------------------------------------------- */

#define page_of(hva)	((void *)((uintptr_t)(hva) & ~(uintptr_t)(VG_PAGE - 1)))

static bool remap(void *page)
{
	return mmap(page, VG_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page;
}

static bool tx_unmapped(void)
{
	void *hva = vg_mem_hva(&bed.d.mem, scratch);
	__s64 drops = count(&bed, "tx_drop_fault");
	bool ok;

	if (bed_is_stock(&bed))
		return true;
	bed_reset_ring(&bed, VG_TX);
	munmap(hva, VG_PAGE);
	/* Nothing readable; readable up to the middle; too long for one copy. */
	ok = expect(swallow(&bed, NULL, 200, 1)) && expect(swallow(&bed, NULL, 200, 3)) &&
	     expect(swallow(&bed, NULL, 3000, 1)) &&
	     expect(counted(&bed, "tx_drop_fault", drops));
	drops = count(&bed, "tx_drop_backend") + count(&bed, "tx_drop_fault");
	ok = ok && expect(swallow(&bed, NULL, 20000, 1)) &&
	     expect(count(&bed, "tx_drop_backend") + count(&bed, "tx_drop_fault") > drops);
	ok = ok && expect(bed_idles()) && expect(ring_works(&bed, VG_TX));
	return expect(remap(hva)) && ok;
}

static bool rx_unmapped(int prot)
{
	struct vg_ring *r = &bed.d.ring[VG_RX];
	void *hva = vg_mem_hva(&bed.d.mem, scratch);
	__s64 drops = count(&bed, "rx_drop_fault") + count(&bed, "rx_drop_backend");
	bool ok = bare_rx();
	int ms;

	raw_desc(&r->desc[D0], scratch, 2000, VRING_DESC_F_WRITE, 0);
	raw_avail(r, D0);
	if (prot == PROT_NONE)
		munmap(hva, VG_PAGE);
	else
		mprotect(hva, VG_PAGE, prot);
	ok = ok && expect(peer_sends(&bed, 1, FRAME)) && expect(peer_sends(&bed, 2, 1500)) &&
	     expect(bed_idles()) && expect(r->used->idx == 0) &&
	     expect(bed_is_stock(&bed) || count(&bed, "rx_drop_fault") +
		    count(&bed, "rx_drop_backend") >= drops + 2);
	ok = ok && expect(ring_works(&bed, VG_TX));
	if (prot == PROT_NONE)
		ok = expect(remap(hva)) && ok;
	else
		mprotect(hva, VG_PAGE, PROT_READ | PROT_WRITE);

	/* The buffer that could not be written serves the next frame. */
	ok = ok && expect(peer_sends(&bed, 3, FRAME));
	for (ms = 0; ok && ms < BED_SOON_MS; ms++) {
		if (__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE))
			break;
		usleep(1000);
	}
	ok = ok && expect(r->used->idx == 1) &&
	     expect(vg_frame_check(hva + bed.d.hlen, FRAME, 3));
	return expect(!bed_reset_ring(&bed, VG_RX)) && expect(bed_works(&bed)) && ok;
}

static bool rx_gone(void)
{
	return rx_unmapped(PROT_NONE);
}

static bool rx_readonly(void)
{
	return rx_unmapped(PROT_READ);
}

enum area { AREA_DESC, AREA_AVAIL, AREA_USED, AREA_USED_RO };

/* Part of a ring is unmapped while it runs. */
static bool ring_gone(unsigned int which, enum area area)
{
	struct vg_ring *r = &bed.d.ring[which];
	void *page = page_of(area == AREA_DESC ? (void *)r->desc :
			     area == AREA_AVAIL ? (void *)r->avail : (void *)r->used);
	__u8 keep[VG_PAGE];
	bool ok;

	bed_reset_ring(&bed, which);
	ok = expect(ring_works(&bed, which));
	vg_ring_errors(r);
	memcpy(keep, page, VG_PAGE);
	/* A frame is ready in the ring, then a piece of the ring goes away. */
	if (which == VG_TX) {
		vg_frame_fill(bed_buffer(0), FRAME, 1);
		ok = ok && !vg_tx_send(&bed.d, &bed.tx, NULL, bed_buffer(0), FRAME,
				       VG_LAYOUT_SINGLE);
		r->ops->publish(r);
		memcpy(keep, page, VG_PAGE);
	}
	if (area == AREA_USED_RO)
		mprotect(page, VG_PAGE, PROT_READ);
	else
		munmap(page, VG_PAGE);
	if (which == VG_TX)
		vg_ring_notify(r);
	else
		ok = ok && expect(peer_sends(&bed, 1, FRAME));
	ok = ok && expect(error_fires(r)) && expect(bed_idles());
	ok = ok && expect(ring_works(&other, VG_TX)) && expect(ring_works(&other, VG_RX));
	ok = expect(!vg_set_backend(&bed.d, which, VG_NO_FD)) && ok;
	if (area == AREA_USED || area == AREA_USED_RO)
		ok = expect(vg_set_backend(&bed.d, which, bed.backend) == -EFAULT) && ok;

	if (area == AREA_USED_RO)
		mprotect(page, VG_PAGE, PROT_READ | PROT_WRITE);
	else
		ok = expect(remap(page)) && ok;
	memcpy(page, keep, VG_PAGE);
	ok = expect(!bed_reset_ring(&bed, which)) && ok;
	usleep(1000);
	drain_peer(&bed);
	/* What came while the ring was away may still come. */
	while (!vg_ring_wait(&bed.d.ring[VG_RX], BED_NEVER_MS)) {
		struct virtio_net_hdr_v1 hdr;

		vg_rx_get(&bed.d, &bed.rx, &hdr, bed_buffer(3), VG_MAX_FRAME);
	}
	vg_rx_fill(&bed.d, &bed.rx);
	return expect(bed_works(&bed)) && ok;
}

static bool rings_gone(void)
{
	unsigned int which, area;
	bool ok = true;

	for (which = 0; which < VG_RINGS; which++)
		for (area = AREA_DESC; area <= AREA_USED_RO; area++) {
			ok = ring_gone(which, area) && ok;
			if (!ok)
				ksft_print_msg("ring %u, area %u\n", which, area);
		}
	return ok;
}

/* ---- a guest that races ------------------------------------------------- */

static bool stop_racing;

static __u32 rnd(__u32 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	return *x ^= *x << 5;
}

#define scribble(where, what)	__atomic_store_n(where, what, __ATOMIC_RELAXED)

/* Scribbles over descriptors, indirect tables, headers and the available ring. */
static void *racer(void *arg)
{
	struct vg_ring *r = arg;
	__u32 x = 12345;
	__u32 *mem = vg_mem_hva(&bed.d.mem, scratch);

	while (!__atomic_load_n(&stop_racing, __ATOMIC_RELAXED)) {
		struct vring_desc *d = &r->desc[rnd(&x) % r->num];

		switch (rnd(&x) % 8) {
		case 0:
			scribble(&d->flags, rnd(&x) % 8);
			break;
		case 1:
			scribble(&d->len, rnd(&x) >> rnd(&x) % 32);
			break;
		case 2:
			scribble(&d->addr, scratch + rnd(&x) % SCRATCH);
			break;
		case 3:
			scribble(&d->next, rnd(&x) % (2 * r->num));
			break;
		case 4:
			scribble(&d->addr, rnd(&x));
			break;
		case 5:
			scribble(&r->avail->ring[rnd(&x) % r->num], rnd(&x) % (r->num + 1));
			break;
		case 6:
			scribble(&mem[rnd(&x) % 1024], rnd(&x));
			break;
		case 7:
			raw_desc(d, scratch, 200, 0, 0);
			break;
		}
	}
	return NULL;
}

static bool racing(unsigned int which)
{
	unsigned int i, n = bed_long() ? 100000 : 3000;
	struct vg_ring *r = &bed.d.ring[which];
	pthread_t thread;
	bool ok = true;

	bed_reset_ring(&bed, which);
	stop_racing = false;
	if (pthread_create(&thread, NULL, racer, r))
		return false;
	for (i = 0; i < n; i++) {
		__u16 used = __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);

		/* Mostly plausible: broken rings bore. */
		__atomic_store_n(&r->avail->idx, used + 1 + i % 64, __ATOMIC_RELEASE);
		vg_ring_notify(r);
		if (which == VG_RX)
			peer_sends(&bed, i, 60 + i % 1400);
		if (i % 64 == 0)
			drain_peer(&bed);
	}
	__atomic_store_n(&stop_racing, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ok = expect(bed_idles()) && ok;
	ok = expect(ring_works(&other, VG_TX)) && expect(ring_works(&other, VG_RX)) && ok;

	/* The racer may have had the device write anywhere in RAM: start afresh. */
	bed_close(&bed);
	return ok;
}

/* ---- a device that excites itself --------------------------------------- */

/*
 * The error eventfd is the kick eventfd: each error asks for the next. That is the owner's
 * own time, but others go on, and it ends when one of them is taken away.
 */
static bool error_is_kick(void)
{
	struct scene s = { .b = &bed, .r = &bed.d.ring[VG_TX], .gpa = scratch };
	bool ok;

	bed_reset_ring(&bed, VG_TX);
	ok = expect(!vg_ring_set_fd(&bed.d, VG_TX, VHOST_SET_VRING_ERR, s.r->kick));
	raw_avail(s.r, s.r->num);
	usleep(50000);
	ok = ok && expect(ring_works(&other, VG_TX)) && expect(ring_works(&other, VG_RX)) &&
	     expect(ring_works(&bed, VG_RX));
	ok = expect(!vg_ring_set_fd(&bed.d, VG_TX, VHOST_SET_VRING_ERR, VG_NO_FD)) && ok;
	ok = ok && expect(bed_idles());
	return expect(!bed_reset_ring(&bed, VG_TX)) && expect(bed_works(&bed)) && ok;
}

/* ---- the rest ----------------------------------------------------------- */

static bool tap_deleted(void)
{
	__s64 drops = count(&bed, "tx_drop_backend");
	bool ok;

	bed_reset_ring(&bed, VG_TX);
	ok = expect(!vg_run("ip link del %s", bed.peer_if));
	if (!bed_is_stock(&bed)) {
		static __u8 zero[30000];

		ok = ok && expect(swallow(&bed, zero, 200, 1)) &&
		     expect(swallow(&bed, zero, sizeof(zero), 1)) &&
		     expect(counted(&bed, "tx_drop_backend", drops));
	}
	ok = ok && expect(bed_idles()) && expect(ring_works(&other, VG_TX));
	return expect(!vg_dev_stop(&bed.d)) && ok;
}

static __u64 available_kb(void)
{
	unsigned long long kb = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

enum refusal { REFUSE_SHORT, REFUSE_GSO, REFUSE_CSUM, REFUSE_FAULT, REFUSALS };

/* Frames that one or the other refuses, by the thousand: each would cost a page. */
static bool no_leak(void)
{
	unsigned int i, n = bed_long() ? 200000 : 6000;
	struct virtio_net_hdr_v1 *hdr = vg_mem_hva(&bed.d.mem, scratch);
	__u64 gone = scratch + SCRATCH - VG_PAGE;
	__u64 here = scratch;
	__u64 before, after;
	bool ok = true;

	bed_reset_ring(&bed, VG_TX);
	munmap(vg_mem_hva(&bed.d.mem, gone), VG_PAGE);
	before = available_kb();
	for (i = 0; ok && i < n; i++) {
		enum refusal what = i % REFUSALS;

		/* The stock module keeps the latter two in the ring. */
		if (bed_is_stock(&bed) && what >= REFUSE_CSUM)
			continue;
		memset(hdr, 0, sizeof(*hdr));
		if (what == REFUSE_GSO)
			hdr->gso_type = 0x7f;
		if (what == REFUSE_CSUM) {
			hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
			hdr->csum_start = 0xffff;
			hdr->csum_offset = 0xffff;
		}
		scratch = what == REFUSE_FAULT ? gone - 1000 : here;
		ok = expect(swallow(&bed, NULL, what == REFUSE_SHORT ? 12 + i % 13 + 1 : 3000, 1));
		scratch = here;
		if (i % 64 == 0)
			drain_peer(&bed);
	}
	after = available_kb();
	ksft_print_msg("available before %llu KiB, after %llu KiB\n", before, after);
	return expect(remap(vg_mem_hva(&bed.d.mem, gone))) && ok &&
	       expect(after + 8192 > before);
}

/* ---- packed rings ------------------------------------------------------- */

static struct vring_packed_desc *next_packed(struct vg_ring *r)
{
	return &r->packed[r->avail_idx % r->num];
}

/* Waits till the descriptor that was made available last is used. */
static bool comes_back(struct vg_ring *r)
{
	const __u16 both = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
	struct vring_packed_desc *d = next_packed(r);
	int ms;

	for (ms = 0; ms < BED_SOON_MS; ms++) {
		__u16 flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE) & both;

		if (flags == (r->avail_wrap ? both : 0))
			return true;
		usleep(1000);
	}
	return false;
}

/* The id means nothing to the device: it comes back as it is. */
static bool packed_ids(void)
{
	static const __u16 id[] = { 0, 255, 256, 0x7fff, 0x8000, 0xffff };
	struct vg_ring *r = &bed.d.ring[VG_TX];
	bool ok = true;
	unsigned int i;

	for (i = 0; ok && i < ARRAY_SIZE(id); i++) {
		ok = expect(!bed_reset_ring(&bed, VG_TX));
		memset(vg_mem_hva(&bed.d.mem, scratch), 0, 12);
		vg_frame_fill(vg_mem_hva(&bed.d.mem, scratch + 12), FRAME, i);
		raw_packed(r, 0, scratch, 12 + FRAME, 0, id[i]);
		vg_ring_notify(r);
		ok = ok && expect(comes_back(r)) && expect(next_packed(r)->id == id[i]) &&
		     expect(peer_got(&bed, i, FRAME));
	}
	return expect(!bed_reset_ring(&bed, VG_TX)) && expect(bed_works(&bed)) && ok;
}

/* A descriptor of another lap is not available, however it is kicked. */
static bool packed_laps(void)
{
	static const __u16 wrong[] = {
		0, 1 << VRING_PACKED_DESC_F_USED,
		1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED,
	};
	struct vg_ring *r = &bed.d.ring[VG_TX];
	bool ok = expect(!bed_reset_ring(&bed, VG_TX));
	unsigned int i, k;

	memset(vg_mem_hva(&bed.d.mem, scratch), 0, 12);
	vg_frame_fill(vg_mem_hva(&bed.d.mem, scratch + 12), FRAME, 1);
	for (i = 0; ok && i < ARRAY_SIZE(wrong); i++) {
		raw_packed(r, 0, scratch, 12 + FRAME, 0, 0);
		__atomic_store_n(&next_packed(r)->flags, wrong[i], __ATOMIC_RELEASE);
		for (k = 0; k < 10; k++)
			vg_ring_notify(r);
		ok = expect(bed_idles()) &&
		     expect(__atomic_load_n(&next_packed(r)->flags, __ATOMIC_ACQUIRE) == wrong[i]);
		/* It may have been seen as it should be for a moment before that. */
		drain_peer(&bed);
		ok = expect(!bed_reset_ring(&bed, VG_TX)) && ok;
	}
	return expect(bed_works(&bed)) && ok;
}

/* A wish for calls that cannot be: the device goes on, called or not. */
static bool packed_events(void)
{
	static const struct vring_packed_desc_event bad[] = {
		{ .flags = 3 }, { .flags = 0xffff, .off_wrap = 0xffff },
		{ .flags = 2, .off_wrap = 0x7fff }, { .flags = 2, .off_wrap = 256 },
		{ .flags = 2, .off_wrap = 0x8000 | 256 }, { .flags = 2, .off_wrap = 0xffff },
	};
	struct vg_ring *r = &bed.d.ring[VG_TX];
	bool ok = true;
	unsigned int i;

	for (i = 0; ok && i < ARRAY_SIZE(bad); i++) {
		ok = expect(!bed_reset_ring(&bed, VG_TX));
		*r->driver_event = bad[i];
		memset(vg_mem_hva(&bed.d.mem, scratch), 0, 12);
		vg_frame_fill(vg_mem_hva(&bed.d.mem, scratch + 12), FRAME, i);
		raw_packed(r, 0, scratch, 12 + FRAME, 0, 0);
		vg_ring_notify(r);
		ok = ok && expect(comes_back(r)) && expect(peer_got(&bed, i, FRAME)) &&
		     expect(!vg_ring_errors(r)) && expect(bed_idles());
	}
	return expect(!bed_reset_ring(&bed, VG_TX)) && expect(bed_works(&bed)) && ok;
}

static void *packed_racer(void *arg)
{
	struct vg_ring *r = arg;
	__u32 x = 54321;
	__u32 *mem = vg_mem_hva(&bed.d.mem, scratch);

	while (!__atomic_load_n(&stop_racing, __ATOMIC_RELAXED)) {
		struct vring_packed_desc *d = &r->packed[rnd(&x) % r->num];

		switch (rnd(&x) % 8) {
		case 0:
			scribble(&d->flags, d->flags ^ 1 << rnd(&x) % 3);
			break;
		case 1:
			scribble(&d->len, rnd(&x) >> rnd(&x) % 32);
			break;
		case 2:
			scribble(&d->addr, scratch + rnd(&x) % SCRATCH);
			break;
		case 3:
			scribble(&d->id, rnd(&x));
			break;
		case 4:
			scribble(&d->addr, rnd(&x));
			break;
		case 5:
			scribble(&d->flags, d->flags ^ (1 << VRING_PACKED_DESC_F_AVAIL |
							1 << VRING_PACKED_DESC_F_USED));
			break;
		case 6:
			scribble(&mem[rnd(&x) % 1024], rnd(&x));
			break;
		case 7:
			scribble(&r->driver_event->off_wrap, rnd(&x));
			scribble(&r->driver_event->flags, rnd(&x) % 4);
			break;
		}
	}
	return NULL;
}

/* Returns with the bed closed: the device may have written anywhere in RAM. */
static bool packed_racing(unsigned int which)
{
	const __u16 state = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
	unsigned int i, k, n = bed_long() ? 100000 : 2000;
	struct vg_ring *r = &bed.d.ring[which];
	__u16 dir = which == VG_RX ? VRING_DESC_F_WRITE : 0;
	pthread_t thread;
	bool ok = true;

	bed_reset_ring(&bed, which);
	stop_racing = false;
	if (pthread_create(&thread, NULL, packed_racer, r))
		return false;
	for (i = 0; i < n; i++) {
		/* All the ring in the state of the other lap: the device finds some of it. */
		for (k = 0; k < r->num; k++)
			scribble(&r->packed[k].flags,
				 (r->packed[k].flags & ~state & ~VRING_DESC_F_WRITE) | dir |
				 (i % 2 ? 1 << VRING_PACKED_DESC_F_USED :
					  1 << VRING_PACKED_DESC_F_AVAIL));
		vg_ring_notify(r);
		if (which == VG_RX)
			peer_sends(&bed, i, 60 + i % 1400);
		if (i % 64 == 0)
			drain_peer(&bed);
	}
	__atomic_store_n(&stop_racing, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ok = expect(bed_idles()) && ok;
	ok = expect(ring_works(&other, VG_TX)) && expect(ring_works(&other, VG_RX)) && ok;
	bed_close(&bed);
	return ok;
}

static bool open_beds(__u64 features)
{
	struct bed_config cfg = { .kind = BED_TAP, .features = features, .rx_buf = 2048 };

	if (bed_open(&bed, &cfg) || bed_start(&bed))
		return false;
	scratch = vg_mem_alloc(&bed.d.mem, SCRATCH, VG_PAGE, true);
	return scratch;
}

static const struct {
	const char *name;
	bool (*fn)(void);
} cases[] = {
	{ "a mended ring goes on", mended },
	{ "short frames", short_frames },
	{ "bad headers", bad_headers },
	{ "giant frame", giant_frame },
	{ "rx buffer too small", rx_too_small },
	{ "too few mergeable rx buffers", rx_too_few },
	{ "mergeable rx buffers that can never do", rx_never_enough },
	{ "tx buffer unmapped", tx_unmapped },
	{ "rx buffer unmapped", rx_gone },
	{ "rx buffer read-only", rx_readonly },
	{ "ring unmapped while it runs", rings_gone },
	{ "error eventfd is the kick eventfd", error_is_kick },
	{ "refused frames leak nothing", no_leak },
	{ "tap deleted while it runs", tap_deleted },
};

#define NCASES	(ARRAY_SIZE(cases))
#define F_PACKED	(VG_F_MODERN | VG_F_PACKED)

static const struct {
	const char *name;
	bool (*fn)(void);
} packed_cases[] = {
	{ "any buffer id", packed_ids },
	{ "descriptors of another lap", packed_laps },
	{ "impossible events", packed_events },
	{ "short frames", short_frames },
	{ "tx buffer unmapped", tx_unmapped },
	{ "refused frames leak nothing", no_leak },
};

static const char * const ring_name[VG_RINGS] = { "rx", "tx" };

static unsigned int packed_plan(void)
{
	unsigned int i, which, plan = ARRAY_SIZE(packed_cases) + VG_RINGS;

	for (i = 0; i < npacked_breakages; i++)
		for (which = 0; which < VG_RINGS; which++)
			plan += packed_breakages[i].rings >> which & 1;
	return plan;
}

static void packed_tests(void)
{
	unsigned int i, which;

	if (!open_beds(F_PACKED))
		ksft_exit_fail_msg("no device with packed rings\n");
	for (which = 0; which < VG_RINGS; which++)
		for (i = 0; i < npacked_breakages; i++)
			if (packed_breakages[i].rings >> which & 1)
				ksft_test_result(broken(&packed_breakages[i], which),
						 "packed %s: %s\n", ring_name[which],
						 packed_breakages[i].name);
	for (i = 0; i < ARRAY_SIZE(packed_cases); i++)
		ksft_test_result(packed_cases[i].fn(), "packed: %s\n", packed_cases[i].name);
	bed_close(&bed);
	for (which = 0; which < VG_RINGS; which++)
		ksft_test_result(open_beds(F_PACKED) && packed_racing(which),
				 "packed racing writer: %s\n", ring_name[which]);
}

int main(void)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.tap = "vgother",
		.features = VG_F_MODERN,
		.rx_buf = 2048,
	};
	unsigned int i, which, plan = NCASES + VG_RINGS;
	bool packed;

	ksft_print_header();
	vg_require(vg_default_path());
	packed = vg_features_of(vg_default_path()) & VG_F_PACKED;
	if (!open_beds(VG_F_MODERN) || bed_open(&other, &cfg) || bed_start(&other))
		ksft_exit_fail_msg("no device to test\n");

	for (i = 0; i < nbreakages; i++)
		for (which = 0; which < VG_RINGS; which++)
			plan += breakages[i].rings >> which & 1 &&
				!(breakages[i].stock == STOCK_TAKES && bed_is_stock(&bed));
	ksft_set_plan(plan + (packed ? packed_plan() : 0));

	for (which = 0; which < VG_RINGS; which++)
		for (i = 0; i < nbreakages; i++)
			if (breakages[i].rings >> which & 1 &&
			    !(breakages[i].stock == STOCK_TAKES && bed_is_stock(&bed)))
				ksft_test_result(broken(&breakages[i], which), "%s: %s\n",
						 ring_name[which], breakages[i].name);
	for (i = 0; i < NCASES; i++)
		ksft_test_result(cases[i].fn(), "%s\n", cases[i].name);

	bed_close(&bed);
	for (which = 0; which < VG_RINGS; which++)
		ksft_test_result(open_beds(VG_F_MODERN) && racing(which), "racing writer: %s\n",
				 ring_name[which]);
	if (packed)
		packed_tests();
	bed_close(&other);
	ksft_finished();
}
