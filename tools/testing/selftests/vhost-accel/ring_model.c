// SPDX-License-Identifier: GPL-2.0
/*
 * Device half of a split or packed ring.
 */
#include <string.h>
#include <sys/eventfd.h>

#include "ring_model.h"

#define AVAIL_BIT	0x0080
#define USED_BIT	0x8000
#define NEXT		VRING_DESC_F_NEXT
#define WRITE		VRING_DESC_F_WRITE
#define INDIRECT	VRING_DESC_F_INDIRECT

static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool event_idx(const struct model *m)
{
	return m->r->features & VG_F_EVENT_IDX;
}

static bool in_order(const struct model *m)
{
	return m->r->features & VG_F_IN_ORDER;
}

static void broken(struct model *m, const char *rule)
{
	if (!m->broken)
		m->broken = rule;
}

static void forward(const struct model *m, __u16 *at, bool *wrap, unsigned int n)
{
	unsigned int to = *at + n;

	if (to >= m->r->num) {
		to -= m->r->num;
		*wrap = !*wrap;
	}
	*at = to;
}

void model_start(struct model *m, const struct vg_ring *r, __u32 base)
{
	__u16 avail = base, used = base >> 16;

	memset(m, 0, sizeof(*m));
	m->r = r;
	m->packed = r->features & VG_F_PACKED;
	if (!m->packed) {
		m->avail = avail;
		m->used = r->used->idx;
		r->used->flags = 0;
		return;
	}
	if (!used)
		used = avail;
	m->avail = avail & 0x7fff;
	m->avail_wrap = avail >> 15;
	m->used = used & 0x7fff;
	m->used_wrap = used >> 15;
	r->device_event->flags = VRING_PACKED_EVENT_FLAG_ENABLE;
}

__u32 model_base(const struct model *m)
{
	if (!m->packed)
		return m->avail;
	return m->avail | (__u32)m->avail_wrap << 15 | (__u32)m->used << 16 |
	       (__u32)m->used_wrap << 31;
}

/* ---- taking ------------------------------------------------------------- */

bool model_more(const struct model *m)
{
	__u16 flags;

	if (!m->packed)
		return __atomic_load_n(&m->r->avail->idx, __ATOMIC_ACQUIRE) != m->avail;
	flags = __atomic_load_n(&m->r->packed[m->avail].flags, __ATOMIC_ACQUIRE);
	if (m->avail_wrap)
		return (flags & (AVAIL_BIT | USED_BIT)) == AVAIL_BIT;
	return (flags & (AVAIL_BIT | USED_BIT)) == USED_BIT;
}

static void add_seg(struct model *m, struct model_buf *b, __u64 addr, __u32 len, bool write)
{
	struct vg_seg *s = &b->seg[b->nsegs];

	if (b->nsegs == VG_MAX_SEGS) {
		broken(m, "a chain is too long");
		return;
	}
	if (b->room && !write)
		broken(m, "a segment to read stands behind one to write");
	s->gpa = addr;
	s->len = len;
	s->write = write;
	b->nsegs++;
	b->room += write ? len : 0;
}

static void take_split_table(struct model *m, struct model_buf *b, __u64 gpa, __u32 len)
{
	struct vring_desc d;
	__u32 i = 0;

	if (len % sizeof(d) || !len)
		broken(m, "a table is not a number of descriptors");
	do {
		vg_mem_read(m->r->mem, gpa + i * sizeof(d), &d, sizeof(d));
		if (d.flags & INDIRECT)
			broken(m, "a table within a table");
		add_seg(m, b, d.addr, d.len, d.flags & WRITE);
		i = d.next;
	} while (d.flags & NEXT && !m->broken && i < len / sizeof(d));
	if (d.flags & NEXT)
		broken(m, "a table goes on behind its end");
}

static void take_split(struct model *m, struct model_buf *b)
{
	__u16 at = m->r->avail->ring[m->avail & (m->r->num - 1)];
	const struct vring_desc *d;

	b->id = at;
	for (;;) {
		d = &m->r->desc[at];
		b->ndesc++;
		if (at >= m->r->num || b->ndesc > m->r->num) {
			broken(m, "a chain leaves the ring or has a loop");
			return;
		}
		if (d->flags & INDIRECT) {
			if (d->flags & NEXT)
				broken(m, "a chain goes on behind a table");
			take_split_table(m, b, d->addr, d->len);
		} else {
			add_seg(m, b, d->addr, d->len, d->flags & WRITE);
		}
		if (!(d->flags & NEXT))
			break;
		if (in_order(m) && d->next != (at + 1) % m->r->num)
			broken(m, "a chain jumps although order was promised");
		at = d->next;
	}
	m->avail++;
}

static void take_packed(struct model *m, struct model_buf *b)
{
	const struct vring_packed_desc *d;
	struct vring_packed_desc t;
	__u32 i;

	for (;;) {
		if (!model_more(m)) {
			broken(m, "a part of a chain is not available");
			return;
		}
		d = &m->r->packed[m->avail];
		b->ndesc++;
		forward(m, &m->avail, &m->avail_wrap, 1);
		if (d->flags & INDIRECT) {
			if (d->flags & NEXT || b->ndesc > 1)
				broken(m, "a table in a chain");
			for (i = 0; i < d->len / sizeof(t); i++) {
				vg_mem_read(m->r->mem, d->addr + i * sizeof(t), &t, sizeof(t));
				if (t.flags & ~WRITE)
					broken(m, "flags in a table");
				add_seg(m, b, t.addr, t.len, t.flags & WRITE);
			}
		} else {
			add_seg(m, b, d->addr, d->len, d->flags & WRITE);
		}
		if (!(d->flags & NEXT))
			break;
	}
	b->id = d->id;
}

bool model_take(struct model *m, struct model_buf *b)
{
	b->nsegs = 0;
	b->ndesc = 0;
	b->room = 0;
	if (!model_more(m))
		return false;
	if (m->packed)
		take_packed(m, b);
	else
		take_split(m, b);
	return true;
}

/* ---- giving back -------------------------------------------------------- */

static void call(struct model *m)
{
	m->calls++;
	eventfd_write(m->r->call, 1);
}

static bool use_split(struct model *m, struct model_buf *const *b, const __u32 *len,
		      unsigned int n)
{
	struct vring_used *used = m->r->used;
	const __u16 old = m->used;
	struct vring_used_elem *e;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (in_order(m) && i)
			break;
		e = &used->ring[(__u16)(old + i) & (m->r->num - 1)];
		e->id = b[in_order(m) ? n - 1 : i]->id;
		e->len = len[in_order(m) ? n - 1 : i];
	}
	m->used += n;
	__atomic_store_n(&used->idx, m->used, __ATOMIC_RELEASE);
	barrier();
	if (!event_idx(m))
		return !(__atomic_load_n(&m->r->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	/* Was the index that the driver waits for one of old ... used - 1? */
	return (__u16)(__atomic_load_n(&m->r->avail->ring[m->r->num], __ATOMIC_RELAXED) - old) <
	       n;
}

static void use_packed_one(struct model *m, const struct model_buf *b, __u32 len,
			   unsigned int skip)
{
	struct vring_packed_desc *d = &m->r->packed[m->used];
	__u16 flags = m->used_wrap ? AVAIL_BIT | USED_BIT : 0;

	d->id = b->id;
	d->len = len;
	if (len)
		flags |= WRITE;
	__atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
	forward(m, &m->used, &m->used_wrap, skip);
}

static bool use_packed(struct model *m, struct model_buf *const *b, const __u32 *len,
		       unsigned int n)
{
	const struct vring_packed_desc_event *wish = m->r->driver_event;
	const unsigned int old = m->used + (m->used_wrap ? 0 : m->r->num);
	unsigned int i, passed = 0, event;
	__u16 flags, off;

	for (i = 0; i < n; i++) {
		passed += b[i]->ndesc;
		if (!in_order(m))
			use_packed_one(m, b[i], len[i], b[i]->ndesc);
	}
	if (in_order(m))
		use_packed_one(m, b[n - 1], len[n - 1], passed);
	barrier();
	flags = __atomic_load_n(&wish->flags, __ATOMIC_ACQUIRE);
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags == VRING_PACKED_EVENT_FLAG_ENABLE)
		return true;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !event_idx(m))
		broken(m, "the driver's event structure");
	/* Two laps side by side; was the place one of the @passed from @old on? */
	off = __atomic_load_n(&wish->off_wrap, __ATOMIC_RELAXED);
	event = (off & 0x7fff) + (off & 0x8000 ? 0 : m->r->num);
	if ((off & 0x7fff) >= m->r->num)
		broken(m, "the driver waits for a position that does not exist");
	return (event + 2 * m->r->num - old) % (2 * m->r->num) < passed;
}

void model_use(struct model *m, struct model_buf *const *b, const __u32 *len, unsigned int n)
{
	if (m->packed ? use_packed(m, b, len, n) : use_split(m, b, len, n))
		call(m);
}

/* ---- kicks -------------------------------------------------------------- */

void model_wake(struct model *m)
{
	if (m->packed)
		m->r->device_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	else if (!event_idx(m))
		m->r->used->flags = VRING_USED_F_NO_NOTIFY;
}

bool model_sleep(struct model *m)
{
	__u16 *event;

	if (m->packed && event_idx(m)) {
		m->r->device_event->off_wrap = m->avail | m->avail_wrap << 15;
		__atomic_store_n(&m->r->device_event->flags, VRING_PACKED_EVENT_FLAG_DESC,
				 __ATOMIC_RELEASE);
	} else if (m->packed) {
		m->r->device_event->flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	} else if (event_idx(m)) {
		event = (__u16 *)&m->r->used->ring[m->r->num];
		*event = m->avail;
	} else {
		m->r->used->flags = 0;
	}
	barrier();
	return !model_more(m);
}
