// SPDX-License-Identifier: GPL-2.0
/*
 * What the scenarios of the differential ABI test are played with: frames through one
 * device, and words for what became of them.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi_play.h"

void play_start(struct play *p, struct fix *f, struct text *t)
{
	memset(p, 0, sizeof(*p));
	p->f = f;
	p->d = &f->d;
	p->t = t;
	p->peer = vg_packet_open(f->name, false);
	if (p->peer < 0 || vg_pool_init(&p->rx, &f->d.mem, BUFS, 512) ||
	    vg_pool_init(&p->tx, &f->d.mem, BUFS, 512))
		text_add(t, " no play");
	vg_rx_fill(p->d, &p->rx);
}

void play_end(struct play *p)
{
	close(p->peer);
	vg_pool_free(&p->rx);
	vg_pool_free(&p->tx);
}

/* Puts a frame into the TX ring; the caller kicks, or does not. */
void play_put(struct play *p)
{
	char frame[FRAME];

	vg_frame_fill(frame, sizeof(frame), ++p->seq);
	vg_tx_send(p->d, &p->tx, NULL, frame, sizeof(frame), VG_LAYOUT_HDR);
}

/* Says whether the frame put last arrives. */
void play_tx_arrives(struct play *p, int peer, int ms)
{
	char frame[FRAME + 100];
	int len = vg_peer_recv(peer, NULL, frame, sizeof(frame), ms);

	if (len < 0)
		text_add(p->t, " tx:nothing");
	else
		text_add(p->t, " tx:%s", len == FRAME &&
			 vg_frame_check(frame, len, p->seq) ? "good" : "bad");
}

void play_tx(struct play *p)
{
	play_put(p);
	vg_ring_kick(&p->d->ring[VG_TX]);
	play_tx_arrives(p, p->peer, SOON_MS);
	vg_ring_wait(&p->d->ring[VG_TX], SOON_MS);
	text_add(p->t, " reaped:%u", vg_tx_reap(p->d, &p->tx));
}

void play_rx_arrives(struct play *p, int ms)
{
	struct virtio_net_hdr_v1 hdr;
	char frame[FRAME + 100];
	int len;

	vg_ring_wait(&p->d->ring[VG_RX], ms);
	len = vg_rx_get(p->d, &p->rx, &hdr, frame, sizeof(frame));
	if (len == -EAGAIN)
		text_add(p->t, " rx:nothing");
	else
		text_add(p->t, " rx:%s,%u", len == FRAME &&
			 vg_frame_check(frame, len, p->seq) ? "good" : "bad",
			 hdr.num_buffers);
	vg_rx_fill(p->d, &p->rx);
}

void play_rx_send(struct play *p, int peer)
{
	char frame[FRAME];

	vg_frame_fill(frame, sizeof(frame), ++p->seq);
	vg_peer_send(peer, NULL, frame, sizeof(frame));
}

void play_rx(struct play *p)
{
	play_rx_send(p, p->peer);
	play_rx_arrives(p, SOON_MS);
}

void play_say(struct play *p, const char *what, long err)
{
	text_add(p->t, " %s:%s", what, text_err(err));
}

void play_say_base(struct play *p)
{
	text_add(p->t, " base:%lld,%lld", vg_get_base(p->d, VG_RX),
		 vg_get_base(p->d, VG_TX));
}

int play_event(unsigned int count)
{
	return eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC);
}

bool play_fired(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t n;

	return poll(&p, 1, ms) > 0 && !eventfd_read(fd, &n);
}
