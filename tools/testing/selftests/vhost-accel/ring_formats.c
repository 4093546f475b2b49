// SPDX-License-Identifier: GPL-2.0
/*
 * What a ring format could get wrong: the end of the ring at every place of a chain,
 * the base handed from one device to another, who is notified and how often.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kstest.h"
#include "ring_test.h"

#define ROOM	(VG_MAX_FRAME + 64)
#define SMALL	100

/* ---- the end of the ring ------------------------------------------------ */

/* A frame in @nsegs pieces; vg_ring_kick() sends it. */
static bool put_pieces(struct bed *b, __u32 seq, size_t len, unsigned int nsegs)
{
	struct vg_buf *buf = b->tx.free;
	__u32 left = b->d.hlen + len;
	__u64 gpa = buf ? buf->gpa : 0;
	unsigned int i;

	if (!expect(buf))
		return false;
	buf->chain.mode = VG_DIRECT;
	buf->chain.nsegs = nsegs;
	for (i = 0; i < nsegs; i++) {
		struct vg_seg *s = &buf->chain.seg[i];

		s->gpa = gpa;
		s->len = i + 1 < nsegs ? left / (nsegs - i) : left;
		s->write = false;
		gpa += s->len + 3;
		left -= s->len;
	}
	vg_frame_fill(bed_buffer(0), len, seq);
	memset(bed_buffer(1), 0, b->d.hlen);
	vg_chain_write(&b->d.mem, &buf->chain, bed_buffer(1), b->d.hlen, 0);
	vg_chain_write(&b->d.mem, &buf->chain, bed_buffer(0), len, b->d.hlen);
	if (!expect(!vg_ring_add(&b->d.ring[VG_TX], &buf->chain, buf)))
		return false;
	b->tx.free = buf->next;
	return true;
}

static bool burst(struct bed *b, __u32 seq, unsigned int n, unsigned int nsegs)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!put_pieces(b, seq + i, SMALL, nsegs))
			return false;
	vg_ring_kick(&b->d.ring[VG_TX]);
	for (i = 0; i < n; i++)
		if (!ring_got(b, seq + i, SMALL))
			return false;
	return ring_reap(b, n);
}

/*
 * Chains of every length up to the whole ring, each of whose descriptors gets to stand
 * at the end of the ring: two laps, then they are shifted by one.
 */
static bool ends_tx(unsigned int num)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = ring_features,
		.num = num,
		.rx_buf = 2048,
	};
	unsigned int nsegs, shift;
	struct bed b;
	bool ok;

	if (bed_open(&b, &cfg))
		return false;
	ok = !bed_start(&b);
	for (nsegs = 1; ok && nsegs <= num; nsegs++) {
		const unsigned int n = num / nsegs;

		for (shift = 0; ok && shift < nsegs; shift++)
			ok = burst(&b, 0, n, nsegs) && burst(&b, 100, n, nsegs) &&
			     burst(&b, 200, 1, 1);
	}
	bed_close(&b);
	return ok;
}

/* Buffers of 1, 2 and 9 descriptors in turn, filled by frames of 1 to 3 buffers. */
static bool ends_rx(unsigned int num, unsigned int frames)
{
	static const enum vg_layout layouts[] = {
		VG_LAYOUT_CHAIN, VG_LAYOUT_SINGLE, VG_LAYOUT_HDR,
	};
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = ring_features,
		.num = num,
		.rx_buf = 400,
		.rx_count = 16,
	};
	struct bed b;
	unsigned int i;
	bool ok;

	if (bed_open(&b, &cfg))
		return false;
	ok = !bed_start(&b);
	for (i = 0; ok && i < frames; i++) {
		b.rx.layout = layouts[i % 3];
		ok = !bed_rx(&b, i, 60 + 317 * i % 1000);
	}
	bed_close(&b);
	return ok;
}

static bool c_ends(void)
{
	return ends_tx(8) && ends_rx(64, bed_long() ? 2000 : 100) &&
	       (!bed_long() || ends_tx(32));
}

static bool c_sizes(void)
{
	static const unsigned int sizes[] = { 1, 2, 4, 16, 1024, 32768 };
	unsigned int i, j;
	bool ok = true;

	for (i = 0; ok && i < ARRAY_SIZE(sizes); i++) {
		struct bed_config cfg = {
			.kind = BED_TAP,
			.features = ring_features,
			.num = sizes[i],
		};
		struct bed b;

		if (bed_open(&b, &cfg))
			return false;
		b.rx.layout = VG_LAYOUT_INDIRECT;
		ok = !bed_start(&b);
		for (j = 0; ok && j < 5; j++) {
			enum vg_layout layout = sizes[i] < 16 ? VG_LAYOUT_INDIRECT :
						j % VG_LAYOUTS;

			ok = !bed_tx(&b, j, SMALL, layout) && !bed_rx(&b, j, SMALL);
		}
		if (!ok)
			ksft_print_msg("ring of %u\n", sizes[i]);
		bed_close(&b);
	}
	return ok;
}

/* All descriptors at once, so that the driver has no place left, again and again. */
static bool c_full(void)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = ring_features,
		.num = 32,
		.rx_buf = 2048,
		.rx_count = 32,
	};
	unsigned int round, i;
	struct bed b;
	bool ok;

	if (bed_open(&b, &cfg))
		return false;
	ok = !bed_start(&b);
	for (round = 0; ok && round < 5; round++) {
		ok = expect(b.d.ring[VG_RX].num_free == 0);
		for (i = 0; ok && i < 32; i++)
			ok = expect(ring_put(&b, i, SMALL)) && ring_send_rx(&b, i, SMALL);
		ok = ok && expect(!ring_put(&b, 32, SMALL));
		vg_ring_kick(&b.d.ring[VG_TX]);
		for (i = 0; ok && i < 32; i++)
			ok = ring_got(&b, i, SMALL) && ring_got_rx(&b, i, SMALL);
		ok = ok && ring_reap(&b, 32);
		vg_rx_fill(&b.d, &b.rx);
	}
	bed_close(&b);
	return ok;
}

/* ---- frames of many buffers --------------------------------------------- */

struct sender {
	struct bed *b;
	unsigned int frames;
	int peer;
};

static void *send_large(void *arg)
{
	static __u8 frame[ROOM];
	struct sender *s = arg;
	unsigned int i;

	for (i = 0; i < s->frames; i++) {
		vg_frame_fill(frame, 3000 + 100 * (i % 50), i);
		if (vg_peer_send(s->peer, NULL, frame, 3000 + 100 * (i % 50)))
			break;
		/* Each is looked for while it is being written. */
		if (i % 8 == 7)
			usleep(1000);
	}
	return NULL;
}

/*
 * The guest looks at the ring all the time, so it sees the first buffer of a frame as
 * soon as it can: then it must see all of them.
 */
static bool c_merged(void)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.features = ring_features,
		.num = 256,
		.rx_buf = 300,
		.rx_count = 250,
	};
	struct virtio_net_hdr_v1 hdr;
	struct sender s = { .frames = bed_long() ? 20000 : 200 };
	unsigned int i = 0, idle = 0;
	pthread_t thread;
	struct bed b;
	bool ok;
	int n;

	if (bed_open(&b, &cfg))
		return false;
	s.b = &b;
	s.peer = vg_packet_open(b.peer_if, false);
	ok = !bed_start(&b) && expect(s.peer >= 0) &&
	     expect(!pthread_create(&thread, NULL, send_large, &s));
	b.d.ring[VG_RX].ops->disarm(&b.d.ring[VG_RX]);
	while (ok && i < s.frames) {
		n = vg_rx_get(&b.d, &b.rx, &hdr, bed_buffer(3), ROOM);
		if (n == -EAGAIN) {
			usleep(idle++ % 16 ? 0 : 200);
			ok = expect(idle < 1000000);
			continue;
		}
		ok = expect(n == (int)(3000 + 100 * (i % 50))) &&
		     expect(vg_frame_check(bed_buffer(3), n, i)) &&
		     expect(hdr.num_buffers == (n + b.d.hlen + 299) / 300);
		i++;
		vg_rx_fill(&b.d, &b.rx);
	}
	if (s.peer >= 0) {
		pthread_join(thread, NULL);
		close(s.peer);
	}
	bed_close(&b);
	return ok;
}

/* ---- stop, and go on elsewhere ------------------------------------------ */

/* Give the rings to a device that has just been opened, at the places given. */
static bool move_to_new(struct bed *b, const __u32 *base)
{
	unsigned int i;

	close(b->d.fd);
	b->d.fd = open(b->d.path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (!expect(b->d.fd >= 0) || !expect(!vg_dev_setup(&b->d)))
		return false;
	for (i = 0; i < VG_RINGS; i++)
		if (!expect(!vg_set_base(&b->d, i, base[i])))
			return false;
	return expect(!vg_dev_start(&b->d, b->backend));
}

/*
 * Stopped in the middle of bursts, in both directions. The next device begins where
 * the last one stood, be it another one as after a migration or the same, which may be
 * told its place in QEMU's way (both halves), in DPDK's (the lower half) or not at all.
 */
static bool c_move(void)
{
	const unsigned int rounds = bed_long() ? 200 : 12;
	unsigned int round, i, sent = 24;
	__u32 seq = 0, base[VG_RINGS];
	struct bed b;
	bool ok;

	if (!ring_open(&b, ring_features, 200))
		return false;
	ok = true;
	for (round = 0; ok && round < rounds; round++) {
		for (i = 0; ok && i < sent; i++) {
			ok = put_pieces(&b, seq + i, SMALL, 1 + (i + round) % 4) &&
			     ring_send_rx(&b, seq + i, SMALL);
			if (i == 12)
				vg_ring_kick(&b.d.ring[VG_TX]);
		}
		vg_ring_kick(&b.d.ring[VG_TX]);
		ok = ok && expect(!vg_dev_stop(&b.d));
		for (i = 0; ok && i < VG_RINGS; i++) {
			base[i] = vg_get_base(&b.d, i);
			ok = expect(base[i] == b.d.ring[i].ops->stopped(&b.d.ring[i]));
			/* A position 0 in the lap with counter 0 looks the same. */
			if (round % 4 == 2)
				base[i] &= 0xffff;
		}
		if (round % 4 == 3) {
			ok = ok && expect(!vg_dev_start(&b.d, b.backend));
		} else if (round % 2) {
			ok = ok && expect(!vg_set_base(&b.d, VG_TX, base[VG_TX])) &&
			     expect(!vg_set_base(&b.d, VG_RX, base[VG_RX])) &&
			     expect(!vg_dev_start(&b.d, b.backend));
		} else {
			ok = ok && move_to_new(&b, base);
		}
		for (i = 0; ok && i < sent; i++)
			ok = ring_got(&b, seq + i, SMALL) && ring_got_rx(&b, seq + i, SMALL);
		ok = ok && ring_reap(&b, sent);
		vg_rx_fill(&b.d, &b.rx);
		seq += sent;
	}
	bed_close(&b);
	return ok;
}

/* ---- notification ------------------------------------------------------- */

/* A frame there and one back, each waited for: not one call or kick may be missing. */
static bool c_ping_pong(void)
{
	const unsigned int rounds = bed_long() ? 20000 : 100;
	struct bed b;
	unsigned int i;
	bool ok = true;

	if (!ring_open(&b, ring_features, 65530))
		return false;
	for (i = 0; ok && i < rounds; i++)
		ok = !bed_tx(&b, i, SMALL, i % VG_LAYOUTS) && !bed_rx(&b, i, SMALL);
	bed_close(&b);
	return ok;
}

/* No calls when none are wanted; one kick starts a burst. */
static bool c_counts(void)
{
	struct vg_ring *tx, *rx;
	unsigned int i, round;
	struct bed b;
	__u64 kicks;
	bool ok;

	if (!ring_open(&b, ring_features, 65500))
		return false;
	tx = &b.d.ring[VG_TX];
	rx = &b.d.ring[VG_RX];
	/* The first call after a start comes in any case. */
	ok = !bed_tx(&b, 0, SMALL, VG_LAYOUT_SINGLE) && !bed_rx(&b, 0, SMALL) &&
	     expect(bed_idles());
	tx->ops->disarm(tx);
	rx->ops->disarm(rx);
	vg_ring_ack(tx);
	vg_ring_ack(rx);
	for (round = 0; ok && round < 3; round++) {
		for (i = 0; ok && i < 60; i++)
			ok = expect(ring_put(&b, i, SMALL)) && ring_send_rx(&b, i, SMALL);
		kicks = tx->kicks;
		vg_ring_kick(tx);
		ok = ok && expect(tx->kicks == kicks + 1);
		for (i = 0; ok && i < 60; i++)
			ok = ring_got(&b, i, SMALL);
		ok = ok && expect(bed_idles()) && expect(vg_ring_ready(tx, 60) == 60) &&
		     expect(vg_ring_ready(rx, 60) == 60);
		ok = ok && expect(!vg_ring_ack(tx)) && expect(!vg_ring_ack(rx));
		vg_tx_reap(&b.d, &b.tx);
		for (i = 0; ok && i < 60; i++) {
			struct virtio_net_hdr_v1 hdr;

			ok = expect(vg_rx_get(&b.d, &b.rx, &hdr, bed_buffer(3), ROOM) == SMALL);
		}
		tx->ops->disarm(tx);
		rx->ops->disarm(rx);
		vg_rx_fill(&b.d, &b.rx);
	}
	bed_close(&b);
	return ok;
}

#define CASE(fn, name, formats)	{ name, c_##fn, formats }
const struct ring_case format_cases[] = {
	CASE(ends, "end of the ring", RING_ALL),
	CASE(sizes, "ring of 1 to 32768", RING_EVENT_IDX),
	CASE(full, "full ring", RING_ALL),
	CASE(merged, "frames of many buffers", RING_EVENT_IDX),
	CASE(move, "stop and go on with another device", RING_ALL),
	CASE(ping_pong, "ping-pong", RING_ALL),
	CASE(counts, "kicks and calls counted", RING_ALL),
};

const unsigned int format_ncases = ARRAY_SIZE(format_cases);
