// SPDX-License-Identifier: GPL-2.0
/*
 * Sends, receives and checks frames; places buffers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test_traffic.h"

#define TABLE_SIZE	(VG_MAX_SEGS * sizeof(struct vring_desc))
#define SLACK		64	/* what a layout adds between its segments */

/* Numbers of the peer's frames, which nobody takes for the guest's. */
#define FROM_PEER	0x40000000
#define LAST		0x7f000000

unsigned int traffic_len(const struct traffic *t, __u32 seq)
{
	static const unsigned int len[] = { 60, 4090, 123, 1514, 700, 9000, 2040 };
	unsigned int l = len[seq % ARRAY_SIZE(len)];

	return l < t->max ? l : t->max - seq % 16;
}

/* Waits for a buffer if all are in the ring. */
static int put_tx(struct traffic *t, unsigned int len)
{
	struct vg_dev *d = &t->b->d;
	int err;

	vg_frame_fill(bed_buffer(0), len, t->sent);
	for (;;) {
		err = vg_tx_send(d, &t->b->tx, NULL, bed_buffer(0), len, t->layout);
		if (err != -ENOSPC)
			return err;
		vg_ring_kick(&d->ring[VG_TX]);
		if (vg_ring_wait(&d->ring[VG_TX], BED_SOON_MS))
			return -ETIMEDOUT;
		vg_tx_reap(d, &t->b->tx);
	}
}

bool traffic_tx(struct traffic *t, unsigned int n)
{
	int err;

	for (; n; n--) {
		err = put_tx(t, traffic_len(t, t->sent));
		if (err) {
			ksft_print_msg("tx %u: %s\n", t->sent, strerror(-err));
			return false;
		}
		t->sent++;
	}
	vg_ring_kick(&t->b->d.ring[VG_TX]);
	return true;
}

bool traffic_rx(struct traffic *t, unsigned int n)
{
	struct virtio_net_hdr none = { 0 };
	int err;

	for (; n; n--) {
		unsigned int len = traffic_len(t, t->given);

		vg_frame_fill(bed_buffer(0), len, FROM_PEER + t->given);
		err = vg_peer_send(t->b->peer, &none, bed_buffer(0), len);
		if (err) {
			ksft_print_msg("rx %u: peer cannot send: %s\n", t->given,
				       strerror(-err));
			return false;
		}
		t->given++;
	}
	return true;
}

static bool take_tx(struct traffic *t)
{
	unsigned int len = traffic_len(t, t->seen);
	struct virtio_net_hdr hdr;
	int n;

	n = vg_peer_recv(t->b->peer, &hdr, bed_buffer(1), VG_MAX_FRAME, BED_SOON_MS);
	if (n != (int)len || !vg_frame_check(bed_buffer(1), len, t->seen)) {
		ksft_print_msg("tx %u of %u bytes: peer got %d\n", t->seen, len, n);
		return false;
	}
	t->seen++;
	return true;
}

static bool take_rx(struct traffic *t, bool refill)
{
	unsigned int len = traffic_len(t, t->got);
	struct virtio_net_hdr_v1 hdr;
	int n;

	n = vg_ring_wait(&t->b->d.ring[VG_RX], BED_SOON_MS);
	if (!n)
		n = vg_rx_get(&t->b->d, &t->b->rx, &hdr, bed_buffer(1), VG_MAX_FRAME);
	if (n != (int)len || !vg_frame_check(bed_buffer(1), len, FROM_PEER + t->got)) {
		ksft_print_msg("rx %u of %u bytes: guest got %d\n", t->got, len, n);
		return false;
	}
	t->got++;
	if (refill)
		vg_rx_fill(&t->b->d, &t->b->rx);
	return true;
}

bool traffic_drain(struct traffic *t, bool refill)
{
	while (t->seen != t->sent)
		if (!take_tx(t))
			return false;
	while (t->got != t->given)
		if (!take_rx(t, refill))
			return false;
	vg_tx_reap(&t->b->d, &t->b->tx);
	return true;
}

static bool resync_tx(struct traffic *t)
{
	struct virtio_net_hdr hdr;
	int n;

	vg_frame_fill(bed_buffer(0), 60, LAST);
	if (vg_tx_send(&t->b->d, &t->b->tx, NULL, bed_buffer(0), 60, VG_LAYOUT_SINGLE))
		return expect(!"a TX buffer is free");
	vg_ring_notify(&t->b->d.ring[VG_TX]);
	vg_ring_kick(&t->b->d.ring[VG_TX]);
	do {
		n = vg_peer_recv(t->b->peer, &hdr, bed_buffer(1), VG_MAX_FRAME, BED_SOON_MS);
	} while (n >= 0 && vg_frame_seq(bed_buffer(1), n) != LAST);
	return expect(n >= 0) && expect(!vg_ring_wait(&t->b->d.ring[VG_TX], BED_SOON_MS)) &&
	       expect(vg_tx_reap(&t->b->d, &t->b->tx));
}

static bool resync_rx(struct traffic *t)
{
	struct virtio_net_hdr none = { 0 };
	struct virtio_net_hdr_v1 hdr;
	int n;

	vg_frame_fill(bed_buffer(0), 60, LAST);
	if (vg_peer_send(t->b->peer, &none, bed_buffer(0), 60))
		return expect(!"the peer can send");
	do {
		if (vg_ring_wait(&t->b->d.ring[VG_RX], BED_SOON_MS))
			return expect(!"the last frame comes");
		n = vg_rx_get(&t->b->d, &t->b->rx, &hdr, bed_buffer(1), VG_MAX_FRAME);
		vg_rx_fill(&t->b->d, &t->b->rx);
	} while (n < 0 || vg_frame_seq(bed_buffer(1), n) != LAST);
	return true;
}

bool traffic_resync(struct traffic *t)
{
	t->seen = t->sent;
	t->got = t->given;
	return resync_tx(t) && resync_rx(t);
}

int traffic_place(struct vg_pool *p, struct vg_mem *m, unsigned int count, __u32 cap)
{
	size_t slot = (cap + SLACK + 2 * VG_PAGE - 1) & ~(size_t)(VG_PAGE - 1);
	__u64 border = m->region[0].gpa + m->region[0].size;
	__u64 table, data, half = slot * (count / 2);
	unsigned int i;

	memset(p, 0, sizeof(*p));
	p->mem = m;
	p->count = count;
	p->cap = cap;
	p->len = cap;
	p->buf = calloc(count, sizeof(*p->buf));
	table = vg_mem_alloc(m, count * TABLE_SIZE, VG_PAGE, false);
	if (m->nregions > 1 && m->next <= border - half)
		m->next = border - half;
	data = vg_mem_alloc(m, count * slot, VG_PAGE, false);
	if (!p->buf || !table || !data) {
		vg_pool_free(p);
		return -ENOMEM;
	}
	for (i = 0; i < count; i++) {
		p->buf[i].gpa = data + i * slot + (i % 2 ? 0 : VG_PAGE - 3 - i % 8);
		p->buf[i].chain.table = table + i * TABLE_SIZE;
	}
	/* The buffer before it begins with its slot and leaves the end free. */
	if (data + half == border)
		p->buf[count / 2].gpa = border - 6;
	m->next = (m->next + VG_PAGE - 1) & ~(__u64)(VG_PAGE - 1);
	vg_pool_reset(p);
	return 0;
}
