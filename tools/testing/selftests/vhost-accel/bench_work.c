// SPDX-License-Identifier: GPL-2.0
/*
 * What the benchmarks do.
 *
 * Bulk work is charged to the worker thread: its CPU time, divided by frames that
 * are proven to have arrived. The generator never polls, and how fast it is does not
 * matter, since work comes in rounds and the worker finds each of them complete:
 *
 *   tx  a ring full of frames is made available and kicked once
 *   rx  the tap's queue is filled while the guest has posted no buffers, then a
 *       ring full of buffers is posted at once
 *
 * A round trip is charged by elapsed time, since it is all waiting and waking.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench_work.h"
#include "vhost_backend.h"

#define WAIT_MS		20000
#define SMALL_LEN	64
/* 45 segments of 1448 bytes behind 54 bytes of headers. */
#define TSO_HEADERS	54
#define TSO_MSS		1448
#define TSO_LEN		(TSO_HEADERS + 45 * TSO_MSS)
/* Pieces of a large frame as a Linux guest has them: page fragments. */
#define TSO_PIECE	32768
#define TSO_BATCH	8
#define TX_BUF		(TSO_LEN + 64)
#define RX_SMALL_BUF	1536
#define RX_LARGE_BUF	4096
#define RTT_BUFS	64

/* ---- the ring ----------------------------------------------------------- */

/* Sleep till @want buffers wait to be taken. */
static int wait_used(struct vg_ring *ring, unsigned int want)
{
	while (vg_ring_ready(ring, want) < want) {
		int err = vg_ring_wait_n(ring, want, WAIT_MS);

		if (err)
			return bench_complain("the device stopped using buffers", err);
	}
	return 0;
}

/* Add @count buffers of @size bytes to a ring; visible at the next kick. */
static int add_buffers(struct bench_side *s, unsigned int index, unsigned int count,
		       __u32 size,
		       void (*fill)(struct bench_side *s, struct vg_chain *c, __u64 gpa))
{
	struct vg_ring *ring = &s->dev.ring[index];
	struct vg_mem *mem = &s->dev.mem;
	struct vg_chain c;
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		s->buf[i] = vg_mem_alloc(mem, size, 64, true);
		memset(&c, 0, sizeof(c));
		c.table = vg_mem_alloc(mem, VG_MAX_SEGS * sizeof(struct vring_desc), 16,
				       true);
		if (!s->buf[i] || !c.table)
			return bench_complain("guest memory", -ENOMEM);
		fill(s, &c, s->buf[i]);
		err = vg_ring_add(ring, &c, &s->buf[i]);
		if (err)
			return bench_complain("filling the ring", err);
	}
	return 0;
}

/* ---- guest to host ------------------------------------------------------ */

static void put_frame(struct bench_side *s, __u64 gpa)
{
	const unsigned int hlen = s->dev.hlen;
	__u8 *p = vg_mem_hva(&s->dev.mem, gpa);

	memset(p, 0, hlen);
	memcpy(p, &s->hdr, sizeof(s->hdr));
	memcpy(p + hlen, s->frame, s->len);
}

/* A Linux guest has room for the header in front of a small frame. */
static void fill_small(struct bench_side *s, struct vg_chain *c, __u64 gpa)
{
	put_frame(s, gpa);
	c->mode = VG_DIRECT;
	c->nsegs = 1;
	c->seg[0].gpa = gpa;
	c->seg[0].len = s->dev.hlen + s->len;
}

/* And has the payload of a large one in page fragments, sent through a table. */
static void fill_large(struct bench_side *s, struct vg_chain *c, __u64 gpa)
{
	__u32 left = s->dev.hlen + s->len;
	__u32 part = s->dev.hlen + TSO_HEADERS;

	put_frame(s, gpa);
	c->mode = VG_INDIRECT;
	for (c->nsegs = 0; left; c->nsegs++) {
		c->seg[c->nsegs].gpa = gpa;
		c->seg[c->nsegs].len = part;
		gpa += part;
		left -= part;
		part = left < TSO_PIECE ? left : TSO_PIECE;
	}
}

static int prepare_tx_small(struct bench_side *s)
{
	s->len = SMALL_LEN;
	s->batch = BENCH_RING_NUM;
	memset(&s->hdr, 0, sizeof(s->hdr));
	bn_frame_udp(s->frame, s->len);
	return add_buffers(s, VG_TX, s->batch, s->dev.hlen + s->len, fill_small);
}

static int prepare_tx_tso(struct bench_side *s)
{
	s->len = TSO_LEN;
	s->batch = TSO_BATCH;
	vg_frame_tcp(s->frame, s->len, 1, false, TSO_MSS, &s->hdr);
	return add_buffers(s, VG_TX, s->batch, TX_BUF, fill_large);
}

/* The first round sends what was added, the others all of it again. */
static int send_round(struct bench_side *s)
{
	struct vg_ring *tx = &s->dev.ring[VG_TX];

	if (s->seq++)
		vg_ring_recycle(tx, s->batch);
	vg_ring_kick(tx);
	return wait_used(tx, s->batch);
}

/* ---- host to guest ------------------------------------------------------ */

static void fill_rx_small(struct bench_side *s, struct vg_chain *c, __u64 gpa)
{
	c->mode = VG_DIRECT;
	c->nsegs = 1;
	c->seg[0].gpa = gpa;
	c->seg[0].len = RX_SMALL_BUF;
	c->seg[0].write = true;
}

static void fill_rx_large(struct bench_side *s, struct vg_chain *c, __u64 gpa)
{
	fill_rx_small(s, c, gpa);
	c->seg[0].len = RX_LARGE_BUF;
}

/* Is the ring full of used buffers what was sent, to the byte? Recycles them. */
static bool burst_matches(struct bench_side *s)
{
	struct vg_ring *rx = &s->dev.ring[VG_RX];
	unsigned int i;

	for (i = 0; i < s->batch; i++) {
		__u32 skip = s->dev.hlen;
		__u32 done = 0;

		while (done < s->len) {
			const struct vg_used *u = &rx->last;
			const __u64 *buf;

			if (!vg_ring_recycle(rx, 1))
				return false;
			buf = u->id < rx->num ? rx->slot[u->id].token : NULL;
			if (!buf || u->len <= skip || u->len - skip > s->len - done ||
			    memcmp((__u8 *)vg_mem_hva(rx->mem, *buf) + skip,
				   s->frame + done, u->len - skip))
				return false;
			done += u->len - skip;
			skip = 0;
		}
	}
	return !vg_ring_ready(rx, 1);
}

static int prepare_rx_small(struct bench_side *s)
{
	s->len = SMALL_LEN;
	s->batch = BENCH_RING_NUM;
	memset(&s->hdr, 0, sizeof(s->hdr));
	bn_frame_udp(s->frame, s->len);
	return add_buffers(s, VG_RX, BENCH_RING_NUM, RX_SMALL_BUF, fill_rx_small);
}

static int prepare_rx_tso(struct bench_side *s)
{
	unsigned int bufs = (s->dev.hlen + TSO_LEN + RX_LARGE_BUF - 1) / RX_LARGE_BUF;

	s->len = TSO_LEN;
	s->batch = BENCH_RING_NUM / bufs;
	vg_frame_tcp(s->frame, s->len, 1, false, TSO_MSS, &s->hdr);
	return add_buffers(s, VG_RX, BENCH_RING_NUM, RX_LARGE_BUF, fill_rx_large);
}

/* A ring full of buffers and the frames that fill it. */
static int receive_round(struct bench_side *s)
{
	const bool gso = s->hdr.gso_type;
	struct vg_ring *rx = &s->dev.ring[VG_RX];
	__u64 bytes = rx->bytes;
	int err;

	err = bn_send(&s->net, gso ? &s->hdr : NULL, s->frame, s->len, s->batch);
	if (err)
		return bench_complain("sending into the tap", err);
	vg_ring_kick(rx);
	err = wait_used(rx, rx->num);
	if (err)
		return err;
	if (!s->checked && !burst_matches(s))
		return bench_complain("frames differ from what was sent", -EIO);
	s->checked = true;
	vg_ring_recycle(rx, rx->num);
	if (rx->bytes - bytes != (__u64)s->batch * (s->dev.hlen + s->len))
		return bench_complain("lengths differ from what was sent", -EIO);
	return 0;
}

/* ---- round trip --------------------------------------------------------- */

static int prepare_rtt(struct bench_side *s)
{
	unsigned int i;
	int err;

	s->len = SMALL_LEN;
	s->batch = 1;
	s->elapsed = true;
	memset(&s->hdr, 0, sizeof(s->hdr));
	err = add_buffers(s, VG_RX, BENCH_RING_NUM, RX_SMALL_BUF, fill_rx_small);
	if (err)
		return err;
	vg_ring_kick(&s->dev.ring[VG_RX]);
	for (i = 0; i < RTT_BUFS; i++)
		s->buf[i] = vg_mem_alloc(&s->dev.mem, RX_SMALL_BUF, 64, true);
	s->dev.ring[VG_TX].ops->disarm(&s->dev.ring[VG_TX]);
	return 0;
}

/* One frame there and back; this process is both the guest and the echo. */
static int round_trip(struct bench_side *s)
{
	struct vg_ring *tx = &s->dev.ring[VG_TX];
	struct vg_ring *rx = &s->dev.ring[VG_RX];
	__u64 *buf = &s->buf[s->seq % RTT_BUFS];
	struct vg_chain c = { 0 };
	__u64 bytes = rx->bytes;
	__u8 frame[2048];
	struct vg_used u;
	int len, err;

	while (vg_ring_get(tx, &u))
		;
	vg_frame_fill(s->frame, s->len, s->seq);
	fill_small(s, &c, *buf);
	err = vg_ring_add(tx, &c, buf);
	if (err)
		return bench_complain("no room for a frame", err);
	vg_ring_kick(tx);

	len = vg_peer_recv(s->net.sock, NULL, frame, sizeof(frame), WAIT_MS);
	if (len != (int)s->len || vg_frame_seq(frame, len) != s->seq)
		return bench_complain("the frame did not arrive", -EIO);
	s->seq++;
	err = vg_peer_send(s->net.sock, NULL, frame, len);
	if (err)
		return bench_complain("sending the frame back", err);

	err = wait_used(rx, 1);
	if (err)
		return err;
	if (vg_ring_recycle(rx, 2) != 1 || rx->bytes - bytes != s->dev.hlen + s->len)
		return bench_complain("not what was sent came back", -EIO);
	vg_ring_kick(rx);
	return 0;
}

/* ---- idle --------------------------------------------------------------- */

/* A guest that waits for traffic. */
static int prepare_idle(struct bench_side *s)
{
	int err = add_buffers(s, VG_RX, BENCH_RING_NUM, RX_SMALL_BUF, fill_rx_small);

	vg_ring_kick(&s->dev.ring[VG_RX]);
	return err;
}

/* ---- table -------------------------------------------------------------- */

const struct bench_work bench_works[] = {
	{ .id = "vhost.tx.64.xdpdrop.split", .unit = "pkt", .open = bn_open_xdpdrop,
	  .prepare = prepare_tx_small, .round = send_round, .rounds = 64 },
	{ .id = "vhost.tx.64.bridge.split", .unit = "pkt", .open = bn_open_bridge,
	  .prepare = prepare_tx_small, .round = send_round, .rounds = 32 },
	{ .id = "vhost.rx.64.split", .unit = "pkt", .open = bn_open_sender,
	  .prepare = prepare_rx_small, .round = receive_round, .rounds = 64 },
	{ .id = "vhost.tx.tso", .unit = "pkt", .open = bn_open_bridge,
	  .prepare = prepare_tx_tso, .round = send_round, .rounds = 32 },
	{ .id = "vhost.rx.tso", .unit = "pkt", .open = bn_open_gso_sender,
	  .prepare = prepare_rx_tso, .round = receive_round, .rounds = 32 },
	{ .id = "vhost.tx.64.xdpdrop.packed", .unit = "pkt", .open = bn_open_xdpdrop,
	  .prepare = prepare_tx_small, .round = send_round, .rounds = 64, .packed = true },
	{ .id = "vhost.tx.64.bridge.packed", .unit = "pkt", .open = bn_open_bridge,
	  .prepare = prepare_tx_small, .round = send_round, .rounds = 32, .packed = true },
	{ .id = "vhost.rx.64.packed", .unit = "pkt", .open = bn_open_sender,
	  .prepare = prepare_rx_small, .round = receive_round, .rounds = 64, .packed = true },
	{ .id = "vhost.tx.tso.packed", .unit = "pkt", .open = bn_open_bridge,
	  .prepare = prepare_tx_tso, .round = send_round, .rounds = 32, .packed = true },
	{ .id = "vhost.rx.tso.packed", .unit = "pkt", .open = bn_open_gso_sender,
	  .prepare = prepare_rx_tso, .round = receive_round, .rounds = 32, .packed = true },
	{ .id = "vhost.rtt.packed", .variant = "poll0", .unit = "trip", .open = bn_open_echo,
	  .prepare = prepare_rtt, .round = round_trip, .rounds = 500, .packed = true },
	{ .id = "vhost.rtt", .variant = "poll0", .unit = "trip", .open = bn_open_echo,
	  .prepare = prepare_rtt, .round = round_trip, .rounds = 500 },
	{ .id = "vhost.rtt", .variant = "poll50", .unit = "trip", .open = bn_open_echo,
	  .prepare = prepare_rtt, .round = round_trip, .rounds = 500,
	  .busyloop_us = 50 },
	{ .id = "idle.vhost", .unit = "wakeups/s", .open = bn_open_tap,
	  .prepare = prepare_idle },
	{ }
};
