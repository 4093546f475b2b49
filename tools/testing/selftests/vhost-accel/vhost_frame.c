// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in guest RAM: pools of buffers, descriptor layouts, sending, receiving.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vhost_guest.h"

/* Bytes left free between two segments, so that no layout is contiguous. */
#define SEG_GAP		7
#define CHAIN_PIECES	7
#define LAYOUT_SLACK	((CHAIN_PIECES + 2) * SEG_GAP)
#define TABLE_SIZE	(VG_MAX_SEGS * sizeof(struct vring_desc))

static const char * const layout_names[VG_LAYOUTS] = {
	"single", "hdr", "chain", "indirect", "mixed",
};

const char *vg_layout_name(enum vg_layout layout)
{
	return layout < VG_LAYOUTS ? layout_names[layout] : "unknown";
}

/* ---- chains ------------------------------------------------------------- */

static __u64 put_seg(struct vg_chain *c, __u64 gpa, __u32 len, bool write)
{
	struct vg_seg *s = &c->seg[c->nsegs++];

	s->gpa = gpa;
	s->len = len;
	s->write = write;
	return gpa + len + SEG_GAP;
}

void vg_chain_cut(struct vg_chain *c, enum vg_layout layout, __u64 gpa,
		  unsigned int hlen, __u32 len, bool write)
{
	__u32 rest = len - hlen;
	__u32 piece;

	c->nsegs = 0;
	c->mode = layout == VG_LAYOUT_INDIRECT ? VG_INDIRECT :
		  layout == VG_LAYOUT_MIXED ? VG_MIXED : VG_DIRECT;
	if (layout == VG_LAYOUT_SINGLE || len <= hlen) {
		put_seg(c, gpa, len, write);
		return;
	}
	if (layout == VG_LAYOUT_HDR) {
		gpa = put_seg(c, gpa, hlen, write);
		put_seg(c, gpa, rest, write);
		return;
	}

	gpa = put_seg(c, gpa, hlen / 2, write);
	gpa = put_seg(c, gpa, hlen - hlen / 2, write);
	piece = rest / CHAIN_PIECES | 1;
	while (rest) {
		if (c->nsegs == CHAIN_PIECES + 1 || piece > rest)
			piece = rest;
		gpa = put_seg(c, gpa, piece, write);
		rest -= piece;
	}
}

static void chain_copy(const struct vg_mem *m, const struct vg_chain *c, size_t off,
		       __u8 *buf, size_t len, bool write)
{
	unsigned int i;
	size_t n;

	for (i = 0; i < c->nsegs && len; i++) {
		if (off >= c->seg[i].len) {
			off -= c->seg[i].len;
			continue;
		}
		n = c->seg[i].len - off;
		if (n > len)
			n = len;
		if (write)
			vg_mem_write(m, c->seg[i].gpa + off, buf, n);
		else
			vg_mem_read(m, c->seg[i].gpa + off, buf, n);
		buf += n;
		len -= n;
		off = 0;
	}
	if (len)
		abort();
}

void vg_chain_read(const struct vg_mem *m, const struct vg_chain *c, size_t off,
		   void *to, size_t len)
{
	chain_copy(m, c, off, to, len, false);
}

void vg_chain_write(const struct vg_mem *m, const struct vg_chain *c,
		    const void *from, size_t len, size_t off)
{
	chain_copy(m, c, off, (__u8 *)from, len, true);
}

/* ---- pools -------------------------------------------------------------- */

static void put_free(struct vg_pool *p, struct vg_buf *b)
{
	b->next = p->free;
	p->free = b;
}

int vg_pool_init(struct vg_pool *p, struct vg_mem *m, unsigned int count,
		 __u32 cap)
{
	unsigned int i;

	memset(p, 0, sizeof(*p));
	p->mem = m;
	p->count = count;
	p->cap = cap;
	p->len = cap;
	p->buf = calloc(count, sizeof(*p->buf));
	if (!p->buf)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		p->buf[i].gpa = vg_mem_alloc(m, cap + LAYOUT_SLACK, 64, false);
		p->buf[i].chain.table = vg_mem_alloc(m, TABLE_SIZE, 16, true);
		if (!p->buf[i].gpa || !p->buf[i].chain.table) {
			vg_pool_free(p);
			return -ENOMEM;
		}
		put_free(p, &p->buf[i]);
	}
	return 0;
}

void vg_pool_free(struct vg_pool *p)
{
	free(p->buf);
	p->buf = NULL;
	p->free = NULL;
}

void vg_pool_reset(struct vg_pool *p)
{
	unsigned int i;

	p->free = NULL;
	for (i = 0; i < p->count; i++)
		put_free(p, &p->buf[i]);
}

static struct vg_buf *take_free(struct vg_pool *p)
{
	struct vg_buf *b = p->free;

	if (b)
		p->free = b->next;
	return b;
}

/* A buffer of this pool, given the token of a used entry. */
static bool owns(const struct vg_pool *p, const void *token)
{
	return token && (const struct vg_buf *)token >= p->buf &&
	       (const struct vg_buf *)token < p->buf + p->count;
}

/* ---- TX ----------------------------------------------------------------- */

int vg_tx_send(struct vg_dev *d, struct vg_pool *p,
	       const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len,
	       enum vg_layout layout)
{
	static const struct virtio_net_hdr_v1 none;
	struct vg_buf *b;
	int err;

	if (d->hlen + len > p->cap)
		return -EMSGSIZE;
	b = take_free(p);
	if (!b)
		return -ENOSPC;

	vg_chain_cut(&b->chain, layout, b->gpa, d->hlen, d->hlen + len, false);
	vg_chain_write(&d->mem, &b->chain, hdr ? hdr : &none, d->hlen, 0);
	vg_chain_write(&d->mem, &b->chain, frame, len, d->hlen);
	err = vg_ring_add(&d->ring[VG_TX], &b->chain, b);
	if (err)
		put_free(p, b);
	return err;
}

unsigned int vg_tx_reap(struct vg_dev *d, struct vg_pool *p)
{
	struct vg_used u;
	unsigned int n = 0;

	while (vg_ring_get(&d->ring[VG_TX], &u)) {
		if (owns(p, u.token))
			put_free(p, u.token);
		n++;
	}
	return n;
}

/* ---- RX ----------------------------------------------------------------- */

unsigned int vg_rx_fill(struct vg_dev *d, struct vg_pool *p)
{
	struct vg_ring *r = &d->ring[VG_RX];
	struct vg_buf *b;
	unsigned int n = 0;

	while ((b = take_free(p))) {
		vg_chain_cut(&b->chain, p->layout, b->gpa, d->hlen, p->len, true);
		if (vg_ring_add(r, &b->chain, b)) {
			put_free(p, b);
			break;
		}
		n++;
	}
	vg_ring_kick(r);
	return n;
}

static int rx_first(struct vg_dev *d, struct vg_pool *p, struct vg_used *u,
		    struct virtio_net_hdr_v1 *hdr, __u8 *frame, size_t size)
{
	struct vg_buf *b = u->token;
	size_t len = u->len;

	if (len < d->hlen || len - d->hlen > size)
		return -EPROTO;

	vg_chain_read(&d->mem, &b->chain, 0, hdr, d->hlen);
	vg_chain_read(&d->mem, &b->chain, d->hlen, frame, len - d->hlen);
	if (!(d->features & VG_F_MRG_RXBUF))
		return len - d->hlen;
	return hdr->num_buffers ? (int)(len - d->hlen) : -EPROTO;
}

int vg_rx_get(struct vg_dev *d, struct vg_pool *p, struct virtio_net_hdr_v1 *hdr,
	      void *frame, size_t size)
{
	struct vg_ring *r = &d->ring[VG_RX];
	unsigned int more;
	struct vg_used u;
	int len, ret;

	if (!vg_ring_get(r, &u))
		return -EAGAIN;
	if (!owns(p, u.token) || u.len > p->len)
		return -EPROTO;

	memset(hdr, 0, sizeof(*hdr));
	hdr->num_buffers = 1;
	len = rx_first(d, p, &u, hdr, frame, size);
	put_free(p, u.token);
	if (len < 0)
		return len;

	more = d->features & VG_F_MRG_RXBUF ? hdr->num_buffers - 1 : 0;
	for (ret = len; more; more--) {
		/* The index moves once for all buffers of a frame. */
		if (!vg_ring_get(r, &u))
			return -EPROTO;
		if (!owns(p, u.token) || u.len > p->len ||
		    (size_t)ret + u.len > size)
			return -EPROTO;
		vg_chain_read(&d->mem, &((struct vg_buf *)u.token)->chain, 0,
			      (__u8 *)frame + ret, u.len);
		put_free(p, u.token);
		ret += u.len;
	}
	return ret;
}
