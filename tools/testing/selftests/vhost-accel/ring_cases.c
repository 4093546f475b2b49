// SPDX-License-Identifier: GPL-2.0
/*
 * Corners of the ring protocol: bursts, wrap-around, notification in both directions,
 * stop and restart under load, several queues, offloads.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kstest.h"
#include "ring_test.h"

#define ROOM	(VG_MAX_FRAME + 64)
#define SMALL	100

/* ---- helpers ------------------------------------------------------------ */

__u64 ring_features;

bool ring_open(struct bed *b, __u64 features, __u16 base)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = features,
		.rx_buf = 2048,
		.rx_count = 128,
		.base = base,
	};

	if (bed_open(b, &cfg))
		return false;
	if (bed_start(b)) {
		bed_close(b);
		return false;
	}
	return true;
}

bool ring_put(struct bed *b, __u32 seq, size_t len)
{
	vg_frame_fill(bed_buffer(0), len, seq);
	return !vg_tx_send(&b->d, &b->tx, NULL, bed_buffer(0), len, VG_LAYOUT_SINGLE);
}

/* The next frame the peer receives is frame @seq. */
bool ring_got(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr hdr;
	int n = vg_peer_recv(b->peer, &hdr, bed_buffer(1), ROOM, BED_SOON_MS);

	if (n == (int)len && vg_frame_check(bed_buffer(1), len, seq))
		return true;
	ksft_print_msg("frame %u: peer got %d bytes, frame %lld\n", seq, n,
		       n > 0 ? vg_frame_seq(bed_buffer(1), n) : -1);
	return false;
}

bool ring_reap(struct bed *b, unsigned int want)
{
	unsigned int n = 0;

	while (n < want) {
		if (vg_ring_wait(&b->d.ring[VG_TX], BED_SOON_MS)) {
			ksft_print_msg("%u of %u buffers returned\n", n, want);
			return false;
		}
		n += vg_tx_reap(&b->d, &b->tx);
	}
	return expect(n == want);
}

bool ring_send_rx(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr none = { 0 };

	vg_frame_fill(bed_buffer(2), len, seq);
	return expect(!vg_peer_send(b->peer, &none, bed_buffer(2), len));
}

bool ring_got_rx(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr_v1 hdr;
	int n = vg_ring_wait(&b->d.ring[VG_RX], BED_SOON_MS);

	if (!n)
		n = vg_rx_get(&b->d, &b->rx, &hdr, bed_buffer(3), ROOM);
	if (n == (int)len && vg_frame_check(bed_buffer(3), len, seq))
		return true;
	ksft_print_msg("frame %u: guest got %d bytes, frame %lld\n", seq, n,
		       n > 0 ? vg_frame_seq(bed_buffer(3), n) : -1);
	return false;
}

static bool called(struct vg_ring *r, int ms)
{
	struct pollfd p = { .fd = r->call, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* ---- bursts and wrap-around --------------------------------------------- */

static bool burst(struct bed *b, __u32 seq, unsigned int n, size_t len)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!expect(ring_put(b, seq + i, len)))
			return false;
	vg_ring_kick(&b->d.ring[VG_TX]);
	for (i = 0; i < n; i++)
		if (!ring_got(b, seq + i, len))
			return false;
	return ring_reap(b, n);
}

static bool c_tx_burst(void)
{
	struct bed b;
	bool ok;

	if (!ring_open(&b, ring_features, 0))
		return false;
	ok = burst(&b, 1, 64, SMALL) && burst(&b, 100, 63, 1514) &&
	     burst(&b, 200, 1, 20000) && burst(&b, 300, 64, 5000);
	bed_close(&b);
	return ok;
}

static bool c_rx_burst(void)
{
	struct bed b;
	bool ok = true;
	unsigned int i;

	if (!ring_open(&b, ring_features, 0))
		return false;
	for (i = 0; i < 120; i++)
		ok = ok && ring_send_rx(&b, i, SMALL + i);
	for (i = 0; i < 120; i++)
		ok = ok && ring_got_rx(&b, i, SMALL + i);
	bed_close(&b);
	return ok;
}

/* Frames wait in the backend while the guest has no buffers. */
static bool c_rx_backlog(void)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = ring_features,
		.rx_buf = 2048,
		.rx_count = 4,
	};
	struct bed b;
	bool ok = true;
	unsigned int i;

	if (bed_open(&b, &cfg))
		return false;
	ok = !bed_start(&b);
	for (i = 0; i < 100; i++)
		ok = ok && ring_send_rx(&b, i, SMALL);
	for (i = 0; i < 100; i++) {
		ok = ok && ring_got_rx(&b, i, SMALL);
		vg_rx_fill(&b.d, &b.rx);
	}
	bed_close(&b);
	return ok;
}

static bool around(__u64 features, unsigned int total)
{
	struct bed b;
	bool ok = true;
	unsigned int i, j;

	/* Both indices pass 65535 on the way. */
	if (!ring_open(&b, features, total > 65536 ? 0 : 65536 - total / 2))
		return false;
	for (i = 0; ok && i < total; i += 32)
		ok = burst(&b, i, 32, SMALL);
	for (i = 0; ok && i < total; i += 32) {
		for (j = 0; j < 32; j++)
			ok = ok && ring_send_rx(&b, i + j, SMALL);
		for (j = 0; j < 32; j++)
			ok = ok && ring_got_rx(&b, i + j, SMALL);
		vg_rx_fill(&b.d, &b.rx);
	}
	bed_close(&b);
	return ok;
}

static bool c_wrap(void)
{
	return around(ring_features, 640) && (!bed_long() || around(ring_features, 70016));
}

/* ---- notification ------------------------------------------------------- */

/* The guest is called when used_event is passed, not before, at any index. */
static bool used_event(__u16 base)
{
	struct vg_ring *r;
	struct bed b;
	unsigned int i;
	bool ok;

	if (!ring_open(&b, ring_features, base))
		return false;
	r = &b.d.ring[VG_TX];
	/* The first call after a start comes in any case. */
	ok = burst(&b, 0, 1, SMALL);
	vg_ring_ack(r);
	r->ops->arm(r, 8);
	for (i = 1; i < 8; i++) {
		ok = ok && ring_put(&b, i, SMALL);
		vg_ring_kick(r);
		ok = ok && ring_got(&b, i, SMALL);
	}
	ok = ok && expect(!called(r, BED_NEVER_MS));
	ok = ok && ring_put(&b, 8, SMALL);
	vg_ring_kick(r);
	ok = ok && expect(called(r, BED_SOON_MS)) && ring_got(&b, 8, SMALL);
	vg_ring_ack(r);
	ok = ok && expect(vg_tx_reap(&b.d, &b.tx) == 8);

	/* Passed within one burst: a single call. */
	r->ops->arm(r, 4);
	for (i = 20; i < 40; i++)
		ok = ok && ring_put(&b, i, SMALL);
	vg_ring_kick(r);
	for (i = 20; i < 40; i++)
		ok = ok && ring_got(&b, i, SMALL);
	ok = ok && expect(called(r, BED_SOON_MS));
	bed_close(&b);
	return ok;
}

static bool c_used_event(void)
{
	return used_event(0) && used_event(65535 - 4) && used_event(65535);
}

/* Does the device wait for the next buffer, and for nothing before? */
static bool waits(const struct vg_ring *r)
{
	const __u16 place = r->avail_idx | (r->avail_wrap ? VG_BASE_WRAP : 0);

	if (!(r->features & VG_F_PACKED))
		return __atomic_load_n((const __u16 *)&r->used->ring[r->num],
				       __ATOMIC_ACQUIRE) == r->avail_idx;
	return __atomic_load_n(&r->device_event->flags, __ATOMIC_ACQUIRE) ==
	       VRING_PACKED_EVENT_FLAG_DESC && r->device_event->off_wrap == place;
}

/* An idle device asks for a kick at exactly the next entry, at any index. */
static bool avail_event(__u16 base)
{
	struct vg_ring *r;
	struct bed b;
	unsigned int i, ms;
	bool ok = true;

	if (!ring_open(&b, ring_features, base))
		return false;
	r = &b.d.ring[VG_TX];
	for (i = 0; ok && i < 12; i++) {
		/* It may still be at work when the last frame has come back. */
		for (ms = 0; ms < BED_SOON_MS && !waits(r); ms++)
			usleep(1000);
		ok = expect(waits(r)) && ring_put(&b, i, SMALL) && expect(vg_ring_kick(r)) &&
		     ring_got(&b, i, SMALL) && ring_reap(&b, 1);
	}
	bed_close(&b);
	return ok;
}

static bool c_avail_event(void)
{
	return avail_event(0) && avail_event(65530);
}

/* Without EVENT_IDX the flags decide, in both directions. */
static bool c_flags(void)
{
	struct vg_ring *r;
	struct bed b;
	bool ok;

	if (!ring_open(&b, ring_features, 0))
		return false;
	r = &b.d.ring[VG_TX];
	ok = burst(&b, 0, 1, SMALL);
	vg_ring_ack(r);
	r->ops->disarm(r);
	ok = ok && ring_put(&b, 1, SMALL);
	vg_ring_kick(r);
	ok = ok && ring_got(&b, 1, SMALL) && expect(!called(r, BED_NEVER_MS));
	ok = ok && expect(bed_idles());
	if (r->features & VG_F_PACKED)
		ok = ok && expect(r->device_event->flags == VRING_PACKED_EVENT_FLAG_ENABLE);
	else
		ok = ok && expect(!(r->used->flags & VRING_USED_F_NO_NOTIFY));
	r->ops->arm(r, 1);
	ok = ok && ring_put(&b, 2, SMALL);
	vg_ring_kick(r);
	ok = ok && ring_got(&b, 2, SMALL) && expect(called(r, BED_SOON_MS));
	bed_close(&b);
	return ok;
}

/* An empty ring calls although the guest asked for no interrupt. */
static bool c_notify_on_empty(void)
{
	struct vg_ring *r;
	struct bed b;
	bool ok;

	if (!ring_open(&b, VG_F_NOTIFY_ON_EMPTY, 0))
		return false;
	r = &b.d.ring[VG_TX];
	ok = burst(&b, 0, 1, SMALL);
	vg_ring_ack(r);
	r->ops->disarm(r);
	ok = ok && ring_put(&b, 1, SMALL);
	vg_ring_kick(r);
	ok = ok && ring_got(&b, 1, SMALL) && expect(called(r, BED_SOON_MS));
	bed_close(&b);
	return ok;
}

/* ---- stop and start ----------------------------------------------------- */

/* Stopped in the middle of a burst: nothing is lost, nothing comes twice. */
static bool c_restart_tx(void)
{
	unsigned int round, rounds = bed_long() ? 200 : 10;
	struct vg_ring *r;
	__u32 seq = 0;
	struct bed b;
	bool ok = true;
	unsigned int i;

	if (!ring_open(&b, ring_features, 65000))
		return false;
	r = &b.d.ring[VG_TX];
	for (round = 0; ok && round < rounds; round++) {
		for (i = 0; i < 64; i++)
			ok = ok && ring_put(&b, seq + i, SMALL);
		vg_ring_kick(r);
		ok = ok && expect(!vg_dev_stop(&b.d));
		/* Drained: what was taken was returned. */
		ok = ok && expect(vg_get_base(&b.d, VG_TX) == r->ops->stopped(r));
		ok = ok && expect(vg_get_base(&b.d, VG_RX) ==
				  b.d.ring[VG_RX].ops->stopped(&b.d.ring[VG_RX]));
		ok = ok && expect(!vg_set_base(&b.d, VG_TX, vg_get_base(&b.d, VG_TX)));
		ok = ok && expect(!vg_dev_start(&b.d, b.backend));
		for (i = 0; ok && i < 64; i++)
			ok = ring_got(&b, seq + i, SMALL);
		ok = ok && ring_reap(&b, 64);
		seq += 64;
	}
	bed_close(&b);
	return ok;
}

static bool c_restart_rx(void)
{
	unsigned int round, rounds = bed_long() ? 200 : 10;
	__u32 seq = 0;
	struct bed b;
	bool ok = true;
	unsigned int i;

	if (!ring_open(&b, ring_features, 65000))
		return false;
	for (round = 0; ok && round < rounds; round++) {
		for (i = 0; i < 60; i++)
			ok = ok && ring_send_rx(&b, seq + i, SMALL);
		ok = ok && expect(!vg_dev_stop(&b.d));
		ok = ok && expect(vg_get_base(&b.d, VG_RX) ==
				  b.d.ring[VG_RX].ops->stopped(&b.d.ring[VG_RX]));
		ok = ok && expect(!vg_dev_start(&b.d, b.backend));
		for (i = 0; ok && i < 60; i++)
			ok = ring_got_rx(&b, seq + i, SMALL);
		vg_rx_fill(&b.d, &b.rx);
		seq += 60;
	}
	bed_close(&b);
	return ok;
}

/* Frames that the device has taken and found no buffers for go back to the backend. */
static bool c_restart_waiting(void)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = ring_features,
		.rx_buf = 2048,
		.rx_count = 4,
	};
	unsigned int i, sent = 0;
	struct bed b;
	bool ok;

	if (bed_open(&b, &cfg))
		return false;
	ok = !bed_start(&b);
	for (i = 0; ok && i < 100; i++) {
		for (; ok && sent < i + 30; sent++)
			ok = ring_send_rx(&b, sent, SMALL);
		ok = ok && ring_got_rx(&b, i, SMALL);
		if (i % 4 == 3) {
			ok = ok && expect(!vg_dev_stop(&b.d)) &&
			     expect(!vg_dev_start(&b.d, b.backend));
			vg_rx_fill(&b.d, &b.rx);
		}
	}
	bed_close(&b);
	return ok;
}

/* One ring is reset and set up anew while frames run through the other. */
static bool c_ring_reset(void)
{
	struct bed b;
	bool ok = true;
	unsigned int i;

	if (!ring_open(&b, ring_features, 100))
		return false;
	for (i = 0; ok && i < 8; i++) {
		unsigned int which = i % 2;
		struct vg_ring *r = &b.d.ring[which];

		ok = expect(!vg_set_backend(&b.d, which, VG_NO_FD));
		ok = ok && (which == VG_RX ? !bed_tx(&b, i, SMALL, VG_LAYOUT_CHAIN) :
					     !bed_rx(&b, i, SMALL));
		vg_ring_reset(r);
		if (which == VG_RX) {
			vg_pool_free(&b.rx);
			ok = ok && !vg_pool_init(&b.rx, &b.d.mem, 64, 2048);
			vg_rx_fill(&b.d, &b.rx);
		}
		ok = ok && expect(!vg_ring_setup(&b.d, which));
		ok = ok && expect(!vg_set_backend(&b.d, which, b.backend));
		ok = ok && bed_works(&b);
	}
	bed_close(&b);
	return ok;
}

/* ---- both directions at once -------------------------------------------- */

struct duplex {
	struct bed *b;
	unsigned int frames;
	bool ok;
};

static void *duplex_tx(void *arg)
{
	struct duplex *d = arg;
	unsigned int i, j;
	__u8 out[2000], in[2100];
	struct virtio_net_hdr hdr;

	for (i = 0; i < d->frames; i += 16) {
		for (j = 0; j < 16; j++) {
			vg_frame_fill(out, 60 + 100 * j, i + j);
			if (vg_tx_send(&d->b->d, &d->b->tx, NULL, out, 60 + 100 * j,
				       j % VG_LAYOUTS))
				return NULL;
		}
		vg_ring_kick(&d->b->d.ring[VG_TX]);
		for (j = 0; j < 16; j++) {
			int n = vg_peer_recv(d->b->peer, &hdr, in, sizeof(in), BED_SOON_MS);

			if (n != (int)(60 + 100 * j) || !vg_frame_check(in, n, i + j))
				return NULL;
		}
		for (j = 0; j < 16; j += vg_tx_reap(&d->b->d, &d->b->tx))
			if (vg_ring_wait(&d->b->d.ring[VG_TX], BED_SOON_MS))
				return NULL;
	}
	d->ok = true;
	return NULL;
}

static bool duplex_rx(struct duplex *d)
{
	int peer = vg_packet_open(d->b->peer_if, false);
	unsigned int i, j;
	bool ok = peer >= 0;

	for (i = 0; ok && i < d->frames; i += 16) {
		for (j = 0; j < 16; j++) {
			vg_frame_fill(bed_buffer(2), 60 + 300 * j, i + j);
			ok = ok && !vg_peer_send(peer, NULL, bed_buffer(2), 60 + 300 * j);
		}
		for (j = 0; j < 16; j++)
			ok = ok && ring_got_rx(d->b, i + j, 60 + 300 * j);
		vg_rx_fill(&d->b->d, &d->b->rx);
	}
	close(peer);
	return ok;
}

static bool c_duplex(void)
{
	struct bed b;
	struct duplex d = { .b = &b, .frames = bed_long() ? 50000 : 1600 };
	pthread_t thread;
	bool ok;

	if (!ring_open(&b, ring_features, 0))
		return false;
	if (pthread_create(&thread, NULL, duplex_tx, &d))
		return false;
	ok = duplex_rx(&d);
	pthread_join(thread, NULL);
	bed_close(&b);
	return expect(d.ok) && expect(ok);
}

/* ---- several queues ----------------------------------------------------- */

#define QUEUES	3

static bool c_multi_queue(void)
{
	struct vg_config cfg = { .features = ring_features };
	unsigned int q, i, n, tx_seen = 0, rx_seen = 0;
	struct vg_pool tx[QUEUES], rx[QUEUES];
	struct virtio_net_hdr none = { 0 };
	bool seen[QUEUES * 32] = { false };
	struct vg_dev d[QUEUES];
	int tap[QUEUES], peer = -1;
	bool ok = true;

	for (q = 0; ok && q < QUEUES; q++) {
		tap[q] = vg_tap_open("vgmq0", VG_TAP_MULTI_QUEUE | VG_TAP_OFFLOAD, 12);
		ok = expect(tap[q] >= 0) && expect(!vg_if_up("vgmq0", 0)) &&
		     expect(!vg_dev_open(&d[q], &cfg)) && expect(!vg_dev_setup(&d[q])) &&
		     expect(!vg_pool_init(&tx[q], &d[q].mem, 64, 2048)) &&
		     expect(!vg_pool_init(&rx[q], &d[q].mem, 128, 2048));
		vg_rx_fill(&d[q], &rx[q]);
		ok = ok && expect(!vg_dev_start(&d[q], tap[q]));
	}
	if (!ok)
		return false;
	peer = vg_packet_open("vgmq0", true);

	/* Every queue sends; the order holds within a queue. */
	for (q = 0; q < QUEUES; q++) {
		for (i = 0; i < 32; i++) {
			vg_frame_fill(bed_buffer(0), SMALL, q * 32 + i);
			vg_tx_send(&d[q], &tx[q], NULL, bed_buffer(0), SMALL, VG_LAYOUT_HDR);
		}
		vg_ring_kick(&d[q].ring[VG_TX]);
	}
	for (n = 0; ok && n < QUEUES * 32; n++) {
		struct virtio_net_hdr hdr;
		int len = vg_peer_recv(peer, &hdr, bed_buffer(1), ROOM, BED_SOON_MS);
		__s64 seq = len > 0 ? vg_frame_seq(bed_buffer(1), len) : -1;

		ok = expect(seq >= 0 && seq < QUEUES * 32) && expect(!seen[seq]) &&
		     expect(vg_frame_check(bed_buffer(1), len, seq)) &&
		     expect(seq % 32 == 0 || seen[seq - 1]);
		if (ok) {
			seen[seq] = true;
			tx_seen++;
		}
	}

	/* The host chooses the queue; whichever it is, the frame is there. */
	memset(seen, 0, sizeof(seen));
	for (i = 0; ok && i < QUEUES * 32; i++) {
		struct virtio_net_hdr hdr;

		vg_frame_tcp(bed_buffer(0), SMALL, i, false, 0, &hdr);
		ok = expect(!vg_peer_send(peer, &none, bed_buffer(0), SMALL));
	}
	while (ok && rx_seen < QUEUES * 32) {
		struct pollfd pfd[QUEUES];
		bool ready = false;

		for (q = 0; q < QUEUES; q++) {
			struct virtio_net_hdr_v1 hdr;
			int len;

			while ((len = vg_rx_get(&d[q], &rx[q], &hdr, bed_buffer(1), ROOM)) > 0) {
				__s64 seq = vg_frame_seq(bed_buffer(1), len);

				ok = ok && expect(seq >= 0 && seq < QUEUES * 32) &&
				     expect(!seen[seq]) &&
				     expect(vg_frame_tcp_check(bed_buffer(1), len, seq, false));
				if (ok)
					seen[seq] = true;
				rx_seen++;
			}
			ready |= d[q].ring[VG_RX].ops->arm(&d[q].ring[VG_RX], 1);
			pfd[q].fd = d[q].ring[VG_RX].call;
			pfd[q].events = POLLIN;
		}
		if (!ready && rx_seen < QUEUES * 32)
			ok = ok && expect(poll(pfd, QUEUES, BED_SOON_MS) > 0);
		for (q = 0; q < QUEUES; q++)
			vg_ring_ack(&d[q].ring[VG_RX]);
	}
	ok = ok && expect(vg_workers_become(getpid(), NULL, QUEUES) == QUEUES);

	for (q = 0; q < QUEUES; q++) {
		vg_dev_close(&d[q]);
		vg_pool_free(&tx[q]);
		vg_pool_free(&rx[q]);
		close(tap[q]);
	}
	close(peer);
	return ok && expect(tx_seen == QUEUES * 32);
}

/* ---- offloads ----------------------------------------------------------- */

static bool same_wish(const struct virtio_net_hdr *want, const struct virtio_net_hdr_v1 *hdr)
{
	return want->flags == hdr->flags && want->gso_type == hdr->gso_type &&
	       want->gso_size == hdr->gso_size && want->csum_start == hdr->csum_start &&
	       want->csum_offset == hdr->csum_offset;
}

static bool gso_tx(struct bed *b, __u32 seq, size_t len, bool v6, __u16 mss,
		   enum vg_layout layout)
{
	struct virtio_net_hdr_v1 hdr = { 0 };
	struct virtio_net_hdr want, in;
	int n;

	vg_frame_tcp(bed_buffer(0), len, seq, v6, mss, &want);
	memcpy(&hdr, &want, sizeof(want));
	if (!expect(!vg_tx_send(&b->d, &b->tx, &hdr, bed_buffer(0), len, layout)))
		return false;
	vg_ring_kick(&b->d.ring[VG_TX]);
	n = vg_peer_recv(b->peer, &in, bed_buffer(1), ROOM, BED_SOON_MS);
	memset(&hdr, 0, sizeof(hdr));
	memcpy(&hdr, &in, sizeof(in));
	return expect(n == (int)len) &&
	       expect(vg_frame_tcp_check(bed_buffer(1), len, seq, v6)) &&
	       expect(same_wish(&want, &hdr)) && ring_reap(b, 1);
}

static bool gso_rx(struct bed *b, __u32 seq, size_t len, bool v6, __u16 mss)
{
	struct virtio_net_hdr want;
	struct virtio_net_hdr_v1 hdr;
	int n;

	vg_frame_tcp(bed_buffer(0), len, seq, v6, mss, &want);
	if (!expect(!vg_peer_send(b->peer, &want, bed_buffer(0), len)) ||
	    !expect(!vg_ring_wait(&b->d.ring[VG_RX], BED_SOON_MS)))
		return false;
	n = vg_rx_get(&b->d, &b->rx, &hdr, bed_buffer(1), ROOM);
	vg_rx_fill(&b->d, &b->rx);
	return expect(n == (int)len) &&
	       expect(vg_frame_tcp_check(bed_buffer(1), len, seq, v6)) &&
	       expect(same_wish(&want, &hdr));
}

static bool offloads(enum bed_kind kind, __u64 features, unsigned int rx_buf)
{
	struct bed_config cfg = {
		.kind = kind,
		.features = features,
		.num = 1024,
		.rx_buf = rx_buf,
	};
	static const unsigned int lens[] = { 74, 1514, 3000, 9000, 32000, 65226 };
	struct bed b;
	bool ok;
	unsigned int i, l;
	__u32 seq = 0;

	if (bed_open(&b, &cfg))
		return false;
	ok = !bed_start(&b);
	for (l = 0; l < VG_LAYOUTS; l++) {
		b.rx.layout = l;
		for (i = 0; ok && i < ARRAY_SIZE(lens); i++) {
			__u16 mss = lens[i] > 1514 ? 1400 : 0;

			ok = gso_tx(&b, seq++, lens[i], false, mss, l) &&
			     gso_tx(&b, seq++, lens[i], true, mss, l) &&
			     gso_rx(&b, seq++, lens[i], false, mss) &&
			     gso_rx(&b, seq++, lens[i], true, mss);
		}
	}
	if (!ok)
		ksft_print_msg("%s, features %#llx\n", bed_kind_name(kind), features);
	bed_close(&b);
	return ok;
}

static bool c_offloads_tap(void)
{
	return offloads(BED_TAP, ring_features, 4096) &&
	       (ring_features & VG_F_PACKED || offloads(BED_TAP, VG_F_INDIRECT, 0)) &&
	       offloads(BED_TAP_SNDBUF, ring_features, 1000);
}

static bool c_offloads_macvtap(void)
{
	return offloads(BED_MACVTAP, ring_features, 4096);
}

#define CASE(fn, name, formats)	{ name, c_##fn, formats }
const struct ring_case ring_cases[] = {
	CASE(tx_burst, "tx burst", RING_EVENT_IDX),
	CASE(rx_burst, "rx burst", RING_EVENT_IDX),
	CASE(rx_backlog, "rx backlog", RING_ALL),
	CASE(wrap, "wrap-around", RING_ALL),
	CASE(used_event, "used event", RING_EVENT_IDX),
	CASE(avail_event, "avail event", RING_EVENT_IDX),
	CASE(flags, "notification flags", RING_FLAGS),
	CASE(notify_on_empty, "notify on empty", RING_SPLIT),
	CASE(restart_tx, "stop and start under tx", RING_EVENT_IDX),
	CASE(restart_rx, "stop and start under rx", RING_EVENT_IDX),
	CASE(restart_waiting, "stop and start with frames that wait", RING_EVENT_IDX),
	CASE(ring_reset, "reset of one ring", RING_ALL),
	CASE(duplex, "full duplex", RING_SPLIT | RING_PACKED),
	CASE(multi_queue, "multi-queue", RING_SPLIT | RING_PACKED),
	CASE(offloads_tap, "tap offloads", RING_SPLIT | RING_PACKED),
	CASE(offloads_macvtap, "macvtap offloads", RING_SPLIT),
};

const unsigned int ring_ncases = ARRAY_SIZE(ring_cases);
