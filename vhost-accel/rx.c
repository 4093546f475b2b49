// SPDX-License-Identifier: GPL-2.0
/*
 * Host to guest.
 *
 * 1. Problem. The peer asks the backend for each packet by recvmsg(), which
 *    looks up the tap, makes a header and copies in three steps, each with its
 *    own entry into user access; and it goes to the ring descriptor by
 *    descriptor.
 *
 * 2. Model. A tap queues packets in a ptr_ring that we may consume from. What it
 *    would write is the vnet header made from the skb, a VLAN tag put back into
 *    place, and the bytes. The length of its header is its user's choice
 *    (TUNSETVNETHDRSZ) and not visible to us; but the first packet, read through
 *    recvmsg(), tells it.
 *
 * 3. Control. Up to 64 packets, or 128 KiB, are one unit of work: (a) each packet gets the
 *    buffers it needs, several with MRG_RXBUF; (b) small linear packets into one
 *    segment are written in one user access section by plain moves, others
 *    through an iov_iter; (c) the buffers are returned and the guest is called
 *    once. Packets of packet sockets, XDP frames, and all packets while the tap's
 *    header is unknown or not ours go through recvmsg() one by one.
 *
 *    While there is work, our entry is out of the backend's wait queue: packets
 *    arrive without waking anybody. It goes back in when no packet is left.
 *
 * 4. Limits. With packets but no buffers the queue waits for a kick about buffers
 *    newly added; buffers that were there and are too small do not count, so a
 *    guest that posts one small buffer cannot make the worker spin. A packet that
 *    fits in no buffer, or not in the whole ring, is dropped and counted.
 */
#include <linux/if_tun.h>
#include <linux/if_vlan.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/ptr_ring.h>
#include <linux/skbuff.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "internal.h"

/**
 * vha_rx_return_packets() - give packets taken from the tap back to it
 * @vq: RX queue; mutex held
 */
void vha_rx_return_packets(struct vha_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	if (vq->rxq_head != vq->rxq_tail)
		ptr_ring_unconsume(vq->ring, vq->rxq + vq->rxq_head,
				   vq->rxq_tail - vq->rxq_head, tun_ptr_free);
	vq->rxq_head = 0;
	vq->rxq_tail = 0;
}

/* Take packets from the tap's ring. False when there are none. */
static bool vha_rx_refill(struct vha_vq *vq)
{
	if (vq->rxq_head != vq->rxq_tail)
		return true;
	vq->rxq_head = 0;
	/* A packet through recvmsg() may change what comes after it. */
	vq->rxq_tail = ptr_ring_consume_batched(vq->ring, vq->rxq,
						vq->direct ? VHA_BURST : 1);
	return vq->rxq_tail;
}

/**
 * vha_rx_has_packet() - is there a packet for the guest?
 * @vq: RX queue; mutex held; it has a backend
 *
 * Return: true if the backend, or we, hold one.
 */
bool vha_rx_has_packet(struct vha_vq *vq)
{
	if (vq->rxq_head != vq->rxq_tail)
		return true;
	if (vq->ring)
		return !ptr_ring_empty(vq->ring);
	return !skb_queue_empty_lockless(&vq->sock->sk->sk_receive_queue);
}

static u32 vha_rx_skb_len(const struct sk_buff *skb)
{
	return skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
}

/* Length of the next packet without vnet header; false when there is none. */
static bool vha_rx_peek_len(struct vha_vq *vq, u32 *len)
{
	struct sk_buff_head *queue = &vq->sock->sk->sk_receive_queue;
	struct sk_buff *skb;
	unsigned long flags;

	if (vq->ring) {
		if (!vha_rx_refill(vq))
			return false;
		skb = vq->rxq[vq->rxq_head];
		*len = tun_is_xdp_frame(skb) ? tun_ptr_to_xdp(skb)->len :
					       vha_rx_skb_len(skb);
		return true;
	}

	spin_lock_irqsave(&queue->lock, flags);
	skb = skb_peek(queue);
	if (skb)
		*len = vha_rx_skb_len(skb);
	spin_unlock_irqrestore(&queue->lock, flags);
	return skb;
}

/**
 * struct vha_rx_burst - a burst on its way
 * @n: packets that have buffers
 * @bufs: buffers they take
 * @segs: entries of vq->iov filled
 */
struct vha_rx_burst {
	unsigned int n;
	unsigned int bufs;
	unsigned int segs;
};

/*
 * Step (a) for one packet: find buffers for @f->len bytes. After a failure it has
 * none.
 *
 * Return: 0; -ENOENT when there are not enough buffers now; -EMSGSIZE when they
 * can never do; -EAGAIN when the burst is full; or why the ring is broken.
 */
static int vha_rx_gather(struct vha_vq *vq, struct vha_rx_burst *b,
			 struct vha_frame *f)
{
	const bool mergeable = vha_has_feature(vq, VIRTIO_NET_F_MRG_RXBUF);
	const unsigned int max = min_t(unsigned int, VHA_IOV_POOL,
				       b->segs + VHA_MAX_SEGS);
	unsigned int segs = b->segs;
	u32 left = f->len;
	int r = 0;

	f->iov = vq->iov + b->segs;
	while (left) {
		struct vha_chain c;
		u32 part;

		r = vha_ring_take(vq, &c, vq->iov + segs, max - segs);
		if (unlikely(r == -ENOBUFS))
			r = b->n ? -EAGAIN : -EMSGSIZE;
		if (unlikely(r))
			goto untake;
		part = min_t(u64, c.len, left);
		vq->taken[vq->ntaken - 1].len = part;
		left -= part;
		segs += c.in;
		if (unlikely(c.out || !part))
			r = -EINVAL;
		else if (left && !mergeable)
			r = -EMSGSIZE;
		if (unlikely(r))
			goto untake;
	}
	f->niov = segs - b->segs;
	f->nbufs = vq->ntaken - b->bufs;
	b->segs = segs;
	b->bufs = vq->ntaken;
	b->n++;
	return 0;

untake:
	/* What was taken in vain is work as well. */
	vq->parsed += vq->ntaken - b->bufs;
	vha_ring_untake(vq, vq->ntaken - b->bufs);
	return r;
}

/*
 * The first @n packets have been written, the last of them perhaps only in part.
 * The guest gets them all, so each is logged whatever befell another. What cannot
 * be logged is reported.
 */
static void vha_rx_log(struct vha_vq *vq, unsigned int n)
{
	unsigned int i;
	int r = 0;

	if (likely(!vq->log))
		return;
	for (i = 0; i < n; i++) {
		const struct vha_frame *f = &vq->frame[i];

		r = vha_log_iov(vq, f->iov, f->niov, f->len) ?: r;
	}
	if (r)
		vha_ring_error(vq, r);
}

/* A packet by recvmsg(). Return: packets taken, or as vha_rx_burst(). */
static int vha_rx_recvmsg(struct vha_vq *vq, u64 *bytes)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct vha_frame *f = &vq->frame[0];
	struct vha_rx_burst b = { };
	struct virtio_net_hdr hdr = { };
	struct iov_iter start;
	__virtio16 nbufs;
	u32 len, want;
	bool fits;
	int r;

	if (!vha_rx_peek_len(vq, &len))
		return 0;
	want = vq->sock_hlen + len;
	f->len = vq->vhost_hlen + want;
	vq->fetch = 1;
	r = vha_rx_gather(vq, &b, f);
	if (r && r != -EMSGSIZE)
		return r;
	/* What can never fit is read into nothing: the backend drops it. */
	fits = !r;
	iov_iter_init(&msg.msg_iter, ITER_DEST, f->iov, fits ? f->niov : 0,
		      fits ? f->len : 0);
	start = msg.msg_iter;
	if (fits)
		iov_iter_advance(&msg.msg_iter, vq->vhost_hlen);
	if (vq->ring)
		msg.msg_control = vq->rxq[vq->rxq_head++];
	*bytes += f->len;
	r = vq->sock->ops->recvmsg(vq->sock, &msg, fits ? want : 0,
				   MSG_DONTWAIT | MSG_TRUNC);
	if (!fits) {
		vq->stats.drop_nobuf++;
		return 1;
	}
	/* Somebody else read it, or the header is not what we think. */
	if (r != want) {
		vq->stats.drop_backend++;
		goto untake;
	}
	vq->direct = vq->tap && vq->sock_hlen;

	nbufs = (__force __virtio16)cpu_to_le16(f->nbufs);
	if (vq->vhost_hlen) {
		if (copy_to_iter(&hdr, sizeof(hdr), &start) != sizeof(hdr))
			goto fault;
	} else {
		iov_iter_advance(&start, sizeof(hdr));
	}
	if (vq->vhost_hlen + vq->sock_hlen > sizeof(hdr) &&
	    copy_to_iter(&nbufs, sizeof(nbufs), &start) != sizeof(nbufs))
		goto fault;
	vq->stats.packets++;
	vq->stats.copies++;
	vq->stats.bytes += len;
	vha_rx_log(vq, 1);
	return vha_ring_publish(vq, b.bufs) ? -EIO : 1;
fault:
	vq->stats.drop_fault++;
untake:
	vha_ring_untake(vq, b.bufs);
	vha_rx_log(vq, 1);
	return 1;
}

/* Step (a): buffers for the packets at hand. */
static int vha_rx_plan(struct vha_vq *vq, struct vha_rx_burst *b)
{
	u32 bytes = 0;
	int i, r = 0;

	for (i = vq->rxq_head; i < vq->rxq_tail && bytes < VHA_BURST_BYTES; i++) {
		struct vha_frame *f = &vq->frame[b->n];
		struct sk_buff *skb = vq->rxq[i];
		u32 vlan;

		if (tun_is_xdp_frame(skb))
			break;
		vlan = skb_vlan_tag_present(skb) ? VLAN_HLEN : 0;
		if (virtio_net_hdr_from_skb(skb, &f->hdr, true, true, vlan)) {
			r = -EPROTO;
			break;
		}
		f->ptr = skb;
		f->len = vq->sock_hlen + skb->len + vlan;
		r = vha_rx_gather(vq, b, f);
		if (r)
			break;
		bytes += f->len;
		f->plain = f->niov == 1 && !vlan && !skb_is_nonlinear(skb) &&
			   skb->len >= VHA_INLINE_MIN &&
			   skb->len <= VHA_INLINE_MAX;
	}
	return b->n ? 0 : r;
}

/*
 * Plain moves of @len bytes, 8 at least; usable in a user access section. The
 * last 8 bytes are one move, whatever it overlaps.
 */
#define vha_unsafe_copy_to(dst, src, len, label)			\
do {									\
	u8 __user *_d = (dst);						\
	const u8 *_s = (src);						\
	size_t _o = 0, _last = (len) - 8;				\
									\
	for (;;) {							\
		unsafe_put_user(*(const u64 *)(_s + _o),		\
				(u64 __user *)(_d + _o), label);	\
		if (_o == _last)					\
			break;						\
		_o = min(_o + 8, _last);				\
	}								\
} while (0)

/* Step (b) for a run of small packets. Return: the first one not written. */
static unsigned int vha_rx_copy_plain(struct vha_vq *vq, unsigned int i,
				      unsigned int n)
{
	const u64 __user *any = vq->frame[i].iov->iov_base;
	const bool long_hdr = vq->sock_hlen > sizeof(struct virtio_net_hdr);
	const __virtio16 one = (__force __virtio16)cpu_to_le16(1);

	if (!user_access_begin(any, sizeof(*any)))
		return i;
	for (; i < n && vq->frame[i].plain; i++) {
		struct vha_frame *f = &vq->frame[i];
		const struct sk_buff *skb = f->ptr;
		u8 __user *to = f->iov->iov_base;

		vha_unsafe_copy_to(to, (const u8 *)&f->hdr, sizeof(f->hdr),
				   fault);
		to += sizeof(f->hdr);
		if (long_hdr) {
			unsafe_put_user(one, (__virtio16 __user *)to, fault);
			to += sizeof(one);
		}
		vha_unsafe_copy_to(to, skb->data, skb->len, fault);
	}
fault:
	user_access_end();
	return i;
}

/* Step (b) for one packet of any kind. */
static bool vha_rx_copy(struct vha_vq *vq, struct vha_frame *f)
{
	__virtio16 nbufs = (__force __virtio16)cpu_to_le16(f->nbufs);
	struct sk_buff *skb = f->ptr;
	struct iov_iter to;
	int off = 0;

	iov_iter_init(&to, ITER_DEST, f->iov, f->niov, f->len);
	if (copy_to_iter(&f->hdr, sizeof(f->hdr), &to) != sizeof(f->hdr))
		return false;
	if (vq->sock_hlen > sizeof(f->hdr) &&
	    copy_to_iter(&nbufs, sizeof(nbufs), &to) != sizeof(nbufs))
		return false;
	if (skb_vlan_tag_present(skb)) {
		__be16 tag[2] = {
			skb->vlan_proto,
			htons(skb_vlan_tag_get(skb)),
		};

		off = offsetof(struct vlan_ethhdr, h_vlan_proto);
		if (skb_copy_datagram_iter(skb, 0, &to, off) ||
		    copy_to_iter(tag, sizeof(tag), &to) != sizeof(tag))
			return false;
	}
	return !skb_copy_datagram_iter(skb, off, &to, skb->len - off);
}

/* Drop the first packet at hand. */
static void vha_rx_drop(struct vha_vq *vq, u64 *counter)
{
	(*counter)++;
	kfree_skb(vq->rxq[vq->rxq_head++]);
}

/* Count on the tap what recvmsg() would have counted; mostly one netdev's. */
static void vha_rx_account(struct vha_vq *vq, unsigned int done)
{
	const struct net_device *dev = NULL;
	unsigned int i, packets = 0, bytes = 0;

	for (i = 0; i < done; i++) {
		const struct sk_buff *skb = vq->frame[i].ptr;

		if (skb->dev != dev) {
			if (packets)
				vha_netdev_account(vq, dev, packets, bytes);
			dev = skb->dev;
			packets = 0;
			bytes = 0;
		}
		packets++;
		bytes += vq->frame[i].len - vq->sock_hlen;
	}
	if (packets)
		vha_netdev_account(vq, dev, packets, bytes);
}

/*
 * A burst of packets straight from the tap's ring.
 *
 * Return: packets taken, 0 when there are none; -ENOENT when the next one waits
 * for buffers; otherwise why the ring is broken, -EIO if that is reported.
 */
static int vha_rx_burst(struct vha_vq *vq, u64 *bytes)
{
	struct vha_rx_burst b = { };
	unsigned int i, done = 0, bufs = 0;
	u64 sum = 0;
	int r;

	if (!vq->direct)
		return vha_rx_recvmsg(vq, bytes);
	if (!vha_rx_refill(vq))
		return 0;
	if (tun_is_xdp_frame(vq->rxq[vq->rxq_head]))
		return vha_rx_recvmsg(vq, bytes);

	vq->fetch = vq->rxq_tail - vq->rxq_head;
	r = vha_rx_plan(vq, &b);
	if (r == -EMSGSIZE || r == -EPROTO) {
		vha_rx_drop(vq, r == -EPROTO ? &vq->stats.drop_hdr :
					       &vq->stats.drop_nobuf);
		return 1;
	}
	if (r)
		return r;

	while (done < b.n) {
		if (vq->frame[done].plain)
			done = vha_rx_copy_plain(vq, done, b.n);
		if (done == b.n)
			break;
		/* What faulted above is tried here once more, and then given up. */
		if (!vha_rx_copy(vq, &vq->frame[done]))
			break;
		done++;
	}
	if (vq->tun)
		vha_rx_account(vq, done);
	for (i = 0; i < done; i++) {
		bufs += vq->frame[i].nbufs;
		sum += vq->frame[i].len - vq->sock_hlen;
		consume_skb(vq->frame[i].ptr);
	}
	vq->rxq_head += done;
	vq->stats.packets += done;
	vq->stats.copies += done;
	vq->stats.bytes += sum;
	*bytes += sum;
	/* Its buffers are the next packet's; this one is gone. */
	if (done < b.n)
		vha_rx_drop(vq, &vq->stats.drop_fault);
	vha_rx_log(vq, min(done + 1, b.n));
	return vha_ring_publish(vq, bufs) ? -EIO : max(done, 1U);
}

/**
 * vha_handle_rx() - give the guest what the backend has for it
 * @vq: RX queue; mutex held; it has a backend
 *
 * Context: the worker, in the owner's address space.
 * Return: true when there may be more to do at once.
 */
bool vha_handle_rx(struct vha_vq *vq)
{
	unsigned int packets = 0;
	u64 bytes = 0;
	int r;

	while (packets < VHA_PKT_WEIGHT && bytes < VHA_BYTE_WEIGHT &&
	       vq->parsed < VHA_DESC_WEIGHT) {
		r = vha_rx_burst(vq, &bytes);
		/* What others can make us do over again counts as well. */
		packets += max(r, 1);
		cond_resched();
		if (r > 0)
			continue;
		if (r == -ENOENT) {
			if (!vha_ring_enable_notify(vq))
				return false;
			vha_ring_disable_notify(vq);
		} else if (r < 0) {
			if (r != -EIO)
				vha_ring_error(vq, r);
			return false;
		} else if (!vha_busy_poll(vq)) {
			vha_poll_rearm(&vq->sock_poll, vq->sock->file);
			if (!vha_rx_has_packet(vq))
				return false;
			vha_poll_stop(&vq->sock_poll);
		}
	}
	return true;
}
