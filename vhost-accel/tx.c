// SPDX-License-Identifier: GPL-2.0
/*
 * Guest to host.
 *
 * 1. Problem. A small frame costs the peer an access to the available ring, one
 *    to the descriptor, a walk over the memory table and two copies, each with
 *    its own entry into user access.
 *
 * 2. Model. Up to 64 frames, or 128 KiB, are one unit of work. Frames that fit
 *    into a page with their skb overhead go to a tap as XDP buffers, 64 in one
 *    sendmsg(); larger ones, and those for packet sockets, go one by one straight
 *    from guest memory.
 *
 * 3. Control. A burst has four steps: (a) parse the buffers, each to segments,
 *    and find room for the frames; (b) copy all small frames in one user access
 *    section by plain moves, the others one by one; (c) check headers and hand
 *    frames over in order; (d) return the buffers and call the guest once. Kicks
 *    stay disabled until the ring is found empty after a burst has gone out.
 *    After VHA_PKT_WEIGHT packets or VHA_BYTE_WEIGHT bytes the other queue has its
 *    turn.
 *
 * 4. Limits. A frame that nothing can be done with (too short, impossible header,
 *    unreadable memory, refused by the backend) is dropped and counted, and its
 *    buffer returned. A full backend keeps the frame in the ring until it can be
 *    written to again. A broken ring stops the queue until the next kick.
 */
#include <linux/etherdevice.h>
#include <linux/if_tun.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "internal.h"

/**
 * struct vha_tx_burst - a burst on its way
 * @n: frames
 * @bytes: bytes of the buffers taken
 * @pad: bytes in front of a frame in its page fragment
 * @batch: the backend takes XDP buffers
 * @err: why no more frames were taken; 0 = the burst is full
 */
struct vha_tx_burst {
	unsigned int n;
	u64 bytes;
	unsigned int pad;
	bool batch;
	int err;
};

/* A frame that is not sent has no bytes left, only its buffer. */
static void vha_tx_drop(struct vha_frame *f, u64 *counter)
{
	f->drop = counter;
	if (f->ptr)
		vha_frag_free(f->ptr);
	f->ptr = NULL;
	f->len = 0;
	f->plain = false;
}

static unsigned int vha_tx_truesize(const struct vha_tx_burst *b, u32 len)
{
	return SKB_DATA_ALIGN(b->pad + len) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
}

/* Step (a) for one frame: decide how it goes, and find room for it. */
static void vha_tx_place(struct vha_vq *vq, struct vha_tx_burst *b,
			 struct vha_frame *f, const struct vha_chain *c)
{
	unsigned int hlen = vq->vhost_hlen + vq->sock_hlen;
	u32 payload;

	f->ptr = NULL;
	f->drop = NULL;
	f->plain = false;
	f->iov = c->iov;
	f->niov = c->out;
	f->len = 0;
	if (unlikely(c->len < hlen + ETH_HLEN)) {
		vha_tx_drop(f, &vq->stats.drop_short);
		return;
	}
	if (unlikely(c->len > VHA_FRAME_MAX)) {
		vha_tx_drop(f, &vq->stats.drop_backend);
		return;
	}
	f->len = c->len;
	payload = f->len - hlen;
	if (!b->batch || vha_tx_truesize(b, payload) > PAGE_SIZE)
		return;

	f->ptr = vha_frag_alloc(&vq->dev->frag, vha_tx_truesize(b, payload));
	if (unlikely(!f->ptr)) {
		vha_tx_drop(f, &vq->stats.drop_nobuf);
		return;
	}
	f->plain = f->niov == 1 && payload <= VHA_INLINE_MAX && vq->sock_hlen;
}

/* Step (a): take up to a burst of buffers from the ring. */
static void vha_tx_collect(struct vha_vq *vq, struct vha_tx_burst *b)
{
	unsigned int segs = 0;
	struct vha_chain c;

	vq->fetch = VHA_BURST;
	for (b->n = 0; b->n < VHA_BURST && b->bytes < VHA_BURST_BYTES; b->n++) {
		b->err = vha_ring_take(vq, &c, vq->iov + segs,
				       min_t(unsigned int, VHA_MAX_SEGS,
					     VHA_IOV_POOL - segs));
		if (unlikely(b->err == -ENOBUFS && b->n)) {
			/* It is first in the next burst, with all the room. */
			b->err = 0;
			return;
		}
		if (unlikely(b->err))
			return;
		if (unlikely(c.write_seen)) {
			vha_ring_untake(vq, 1);
			b->err = -EINVAL;
			return;
		}
		vha_tx_place(vq, b, &vq->frame[b->n], &c);
		b->bytes += c.len;
		segs += c.out;
	}
}

/*
 * Plain moves of @len bytes, 8 at least; usable in a user access section. The
 * last 8 bytes are one move, whatever it overlaps.
 */
#define vha_unsafe_copy_from(dst, src, len, label)			\
do {									\
	u8 *_d = (dst);							\
	const u8 __user *_s = (src);					\
	size_t _o = 0, _last = (len) - 8;				\
									\
	for (;;) {							\
		unsafe_get_user(*(u64 *)(_d + _o),			\
				(const u64 __user *)(_s + _o), label);	\
		if (_o == _last)					\
			break;						\
		_o = min(_o + 8, _last);				\
	}								\
} while (0)

/* Step (b), small frames. After a fault the rest is left to vha_tx_copy(). */
static void vha_tx_copy_plain(struct vha_vq *vq, const struct vha_tx_burst *b)
{
	const unsigned int hlen = vq->sock_hlen;
	unsigned int i;

	if (!user_access_begin(vq->desc, array_size(vq->num, sizeof(*vq->desc))))
		return;
	for (i = 0; i < b->n; i++) {
		struct vha_frame *f = &vq->frame[i];
		const u8 __user *src;

		if (!f->plain)
			continue;
		src = f->iov->iov_base;
		vha_unsafe_copy_from(f->ptr + offsetof(struct tun_xdp_hdr, gso),
				     src, hlen, fault);
		vha_unsafe_copy_from(f->ptr + b->pad, src + hlen, f->len - hlen,
				     fault);
		f->plain = false;
		f->iov = NULL;
	}
fault:
	user_access_end();
}

/* Copy from segments: @skip bytes in, @len bytes. */
static bool vha_tx_gather(void *dst, const struct vha_frame *f, size_t skip,
			  size_t len)
{
	const struct iovec *v;

	for (v = f->iov; len; v++) {
		size_t part;

		if (skip >= v->iov_len) {
			skip -= v->iov_len;
			continue;
		}
		part = min(len, v->iov_len - skip);
		if (copy_from_user(dst, v->iov_base + skip, part))
			return false;
		dst += part;
		len -= part;
		skip = 0;
	}
	return true;
}

/* Step (b), all that plain moves did not do. */
static void vha_tx_copy(struct vha_vq *vq, const struct vha_tx_burst *b,
			struct vha_frame *f)
{
	struct tun_xdp_hdr *hdr = f->ptr;
	const unsigned int hlen = vq->sock_hlen;

	if (!f->iov)
		return;
	if (!hlen)
		memset(f->ptr, 0, b->pad);
	if (!vha_tx_gather(&hdr->gso, f, vq->vhost_hlen, hlen) ||
	    !vha_tx_gather(f->ptr + b->pad, f, vq->vhost_hlen + hlen,
			   f->len - vq->vhost_hlen - hlen))
		vha_tx_drop(f, &vq->stats.drop_fault);
}

/* Step (c) for XDP buffers. A tap frees what it refuses, unless it is gone. */
static void vha_tx_send_batch(struct vha_vq *vq, unsigned int n, u64 bytes)
{
	struct tun_msg_ctl ctl = {
		.type = TUN_MSG_PTR,
		.num = n,
		.ptr = vq->xdp,
	};
	struct msghdr msg = {
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
		.msg_flags = MSG_DONTWAIT,
	};
	unsigned int i;

	if (!n)
		return;
	if (likely(vq->sock->ops->sendmsg(vq->sock, &msg, 0) >= 0)) {
		vq->stats.packets += n;
		vq->stats.bytes += bytes;
		return;
	}
	vq->stats.drop_backend += n;
	for (i = 0; i < n; i++)
		vha_frag_free(vq->xdp[i].data_hard_start);
}

/* Step (c) for one frame from guest memory. */
static int vha_tx_send_one(struct vha_vq *vq, const struct vha_frame *f)
{
	struct msghdr msg = {
		/* Never MSG_MORE: a full tap would keep what waits for more. */
		.msg_flags = MSG_DONTWAIT,
	};
	size_t len = f->len - vq->vhost_hlen;
	int r;

	iov_iter_init(&msg.msg_iter, ITER_SOURCE, f->iov, f->niov, f->len);
	iov_iter_advance(&msg.msg_iter, vq->vhost_hlen);
	r = vq->sock->ops->sendmsg(vq->sock, &msg, len);
	if (r == -EAGAIN || r == -ENOMEM || r == -ENOBUFS)
		return -EAGAIN;
	if (unlikely(r < 0)) {
		vq->stats.drop_backend++;
		return 0;
	}
	vq->stats.packets++;
	vq->stats.copies++;
	vq->stats.bytes += len - vq->sock_hlen;
	return 0;
}

/* Step (c): hand over in order. Cuts the burst where the backend is full. */
static void vha_tx_send(struct vha_vq *vq, struct vha_tx_burst *b)
{
	const unsigned int hlen = vq->sock_hlen;
	unsigned int i, n, nxdp = 0;
	u64 bytes = 0;

	for (i = 0; i < b->n; i++) {
		struct vha_frame *f = &vq->frame[i];
		struct tun_xdp_hdr *hdr = f->ptr;
		u32 payload;

		if (!f->len)
			continue;
		if (!f->ptr) {
			vha_tx_send_batch(vq, nxdp, bytes);
			nxdp = 0;
			bytes = 0;
			if (vha_tx_send_one(vq, f)) {
				b->err = -EAGAIN;
				break;
			}
			continue;
		}
		if (unlikely(vha_hdr_fix(&hdr->gso, f->len))) {
			vha_tx_drop(f, &vq->stats.drop_hdr);
			continue;
		}
		payload = f->len - vq->vhost_hlen - hlen;
		hdr->buflen = vha_tx_truesize(b, payload);
		xdp_init_buff(&vq->xdp[nxdp], hdr->buflen, NULL);
		xdp_prepare_buff(&vq->xdp[nxdp], f->ptr, b->pad, payload, true);
		bytes += payload;
		nxdp++;
	}
	vha_tx_send_batch(vq, nxdp, bytes);

	/* The frame that waits and those behind it stay in the ring. */
	for (n = i; n < b->n; n++) {
		if (vq->frame[n].ptr)
			vha_frag_free(vq->frame[n].ptr);
	}
	b->n = i;
}

/* One burst; b->err says why it was not a full one. */
static void vha_tx_burst(struct vha_vq *vq, struct vha_tx_burst *b)
{
	struct sock *sk = vq->sock->sk;
	unsigned int i;

	b->batch = vq->tap && READ_ONCE(sk->sk_sndbuf) == INT_MAX;
	b->pad = SKB_DATA_ALIGN(NET_IP_ALIGN + NET_SKB_PAD + vq->sock_hlen +
				(sock_flag(sk, SOCK_XDP) ?
				 XDP_PACKET_HEADROOM : 0));
	vha_tx_collect(vq, b);
	if (!b->n)
		return;
	vha_tx_copy_plain(vq, b);
	for (i = 0; i < b->n; i++) {
		if (vq->frame[i].ptr)
			vha_tx_copy(vq, b, &vq->frame[i]);
		if (vq->frame[i].ptr)
			vq->stats.copies++;
	}
	vha_tx_send(vq, b);
	for (i = 0; i < b->n; i++) {
		if (unlikely(vq->frame[i].drop))
			(*vq->frame[i].drop)++;
	}
	if (unlikely(vha_ring_publish(vq, b->n)))
		b->err = -EIO;
}

/**
 * vha_handle_tx() - send what the guest has made available
 * @vq: TX queue; mutex held; it has a backend
 *
 * Context: the worker, in the owner's address space.
 * Return: true when there may be more to do at once.
 */
bool vha_handle_tx(struct vha_vq *vq)
{
	unsigned int packets = 0;
	struct vha_tx_burst b;
	u64 bytes = 0;

	while (packets < VHA_PKT_WEIGHT && bytes < VHA_BYTE_WEIGHT &&
	       vq->parsed < VHA_DESC_WEIGHT) {
		b.bytes = 0;
		vha_tx_burst(vq, &b);
		bytes += b.bytes;
		/* What a guest can make us do over again counts as well. */
		packets += max(b.n, 1U);
		cond_resched();
		if (b.err == -EAGAIN) {
			vha_poll_start(&vq->sock_poll, vq->sock->file);
			return false;
		}
		if (b.err && b.err != -ENOENT) {
			/* A used ring that could not be written has been reported. */
			if (b.err != -EIO)
				vha_ring_error(vq, b.err);
			return false;
		}
		if (b.n || !b.err || vha_busy_poll(vq))
			continue;
		if (!vha_ring_enable_notify(vq))
			return false;
		vha_ring_disable_notify(vq);
	}
	return true;
}
