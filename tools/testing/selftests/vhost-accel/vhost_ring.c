// SPDX-License-Identifier: GPL-2.0
/*
 * Driver half of a virtqueue: what a guest's virtio driver does, written from the
 * VIRTIO specification. The format-independent part is at the end of the file; a
 * format is a struct vg_ring_ops.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vhost_guest.h"

#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define load_once(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define store_once(p, v)	__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define full_fence()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

static bool has_event_idx(const struct vg_ring *r)
{
	return r->features & VG_F_EVENT_IDX;
}

/* ---- split rings -------------------------------------------------------- */

static __u16 *used_event(const struct vg_ring *r)
{
	return &r->avail->ring[r->num];
}

static __u16 *avail_event(const struct vg_ring *r)
{
	return (__u16 *)&r->used->ring[r->num];
}

static int split_layout(struct vg_ring *r, struct vg_mem *m)
{
	/* Pages of their own: who writes a page is known, as the tests of the log need. */
	r->desc_gpa = vg_mem_alloc(m, 16ul * r->num, VG_PAGE, true);
	r->driver_gpa = vg_mem_alloc(m, 6 + 2ul * r->num, VG_PAGE, true);
	r->device_gpa = vg_mem_alloc(m, 6 + 8ul * r->num, VG_PAGE, true);
	if (!r->desc_gpa || !r->driver_gpa || !r->device_gpa)
		return -ENOMEM;

	r->desc = vg_mem_hva(m, r->desc_gpa);
	r->avail = vg_mem_hva(m, r->driver_gpa);
	r->used = vg_mem_hva(m, r->device_gpa);
	return 0;
}

static void split_reset(struct vg_ring *r, __u32 base)
{
	unsigned int i;

	memset(r->desc, 0, 16ul * r->num);
	memset(r->avail, 0, 6 + 2ul * r->num);
	memset(r->used, 0, 6 + 8ul * r->num);
	memset(r->slot, 0, r->num * sizeof(*r->slot));
	for (i = 0; i < r->num; i++)
		r->desc[i].next = (i + 1) % r->num;
	r->free_head = 0;
	r->num_free = r->num;
	r->avail_idx = base;
	r->kick_idx = base;
	r->used_idx = base;
	r->avail->idx = base;
	r->used->idx = base;
}

static __u32 split_base(const struct vg_ring *r)
{
	return r->used_idx;
}

static void fill_desc(struct vring_desc *desc, const struct vg_seg *seg)
{
	desc->addr = seg->gpa;
	desc->len = seg->len;
	desc->flags = seg->write ? VRING_DESC_F_WRITE : 0;
}

static void fill_table(struct vring_desc *table, const struct vg_seg *seg,
		       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		fill_desc(&table[i], &seg[i]);
		table[i].next = i + 1;
		if (i + 1 < n)
			table[i].flags |= VRING_DESC_F_NEXT;
	}
}

static unsigned int split_ndesc(const struct vg_chain *c)
{
	switch (c->mode) {
	case VG_INDIRECT:
		return 1;
	case VG_MIXED:
		return c->nsegs > 1 ? 2 : 1;
	default:
		return c->nsegs;
	}
}

static int split_add(struct vg_ring *r, const struct vg_chain *c, void *token)
{
	unsigned int ndesc = split_ndesc(c);
	unsigned int direct = c->mode == VG_DIRECT ? c->nsegs :
			      c->mode == VG_MIXED ? 1 : 0;
	struct vring_desc *desc = NULL, *table;
	__u16 head = r->free_head;
	__u16 next = head;
	unsigned int i;

	if (!ndesc || ndesc > r->num_free)
		return -ENOSPC;

	r->slot[head].bytes = 0;
	for (i = 0; i < c->nsegs; i++)
		r->slot[head].bytes += c->seg[i].len;

	for (i = 0; i < ndesc; i++) {
		desc = &r->desc[next];
		next = desc->next;
		if (i < direct) {
			fill_desc(desc, &c->seg[i]);
		} else {
			table = vg_mem_hva(r->mem, c->table);
			fill_table(table, c->seg + direct, c->nsegs - direct);
			desc->addr = c->table;
			desc->len = 16 * (c->nsegs - direct);
			desc->flags = VRING_DESC_F_INDIRECT;
		}
		if (i + 1 < ndesc)
			desc->flags |= VRING_DESC_F_NEXT;
	}

	r->free_head = next;
	r->num_free -= ndesc;
	r->slot[head].token = token;
	r->slot[head].ndesc = ndesc;
	r->avail->ring[r->avail_idx++ & (r->num - 1)] = head;
	return 0;
}

static bool split_publish(struct vg_ring *r)
{
	__u16 old = r->kick_idx;
	__u16 new = r->avail_idx;

	if (old == new)
		return false;

	store_release(&r->avail->idx, new);
	r->kick_idx = new;
	/* The index must be out before the wish is read: pairs with the device. */
	full_fence();
	if (has_event_idx(r))
		return vring_need_event(load_once(avail_event(r)), new, old);
	return !(load_once(&r->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static bool split_peek(struct vg_ring *r, struct vg_used *u)
{
	struct vring_used_elem *e;

	if (load_acquire(&r->used->idx) == r->used_idx)
		return false;

	e = &r->used->ring[r->used_idx & (r->num - 1)];
	u->id = e->id;
	u->len = e->len;
	u->token = e->id < r->num ? r->slot[e->id].token : NULL;
	return true;
}

static void count_bytes(struct vg_ring *r, const struct vg_used *u)
{
	r->bytes += u->len ? u->len : r->slot[u->id].bytes;
}

static bool split_get(struct vg_ring *r, struct vg_used *u)
{
	unsigned int i;
	__u16 last;

	if (!split_peek(r, u))
		return false;

	r->used_idx++;
	if (!u->token)
		return true;

	count_bytes(r, u);
	last = u->id;
	for (i = 1; i < r->slot[u->id].ndesc; i++)
		last = r->desc[last].next;
	r->desc[last].next = r->free_head;
	r->free_head = u->id;
	r->num_free += r->slot[u->id].ndesc;
	r->slot[u->id].token = NULL;
	return true;
}

static unsigned int split_recycle(struct vg_ring *r, unsigned int max)
{
	struct vg_used u;
	unsigned int n;

	for (n = 0; n < max && split_peek(r, &u); n++) {
		r->used_idx++;
		if (!u.token)
			continue;
		count_bytes(r, &u);
		r->avail->ring[r->avail_idx++ & (r->num - 1)] = u.id;
	}
	return n;
}

static bool split_arm(struct vg_ring *r, unsigned int after)
{
	__u16 ready;

	if (!after)
		after = 1;
	if (has_event_idx(r)) {
		store_once(used_event(r), (__u16)(r->used_idx + after - 1));
	} else {
		store_once(&r->avail->flags, 0);
		after = 1;
	}
	/* The wish must be out before the index is read: pairs with the device. */
	full_fence();
	ready = load_acquire(&r->used->idx) - r->used_idx;
	return ready >= after;
}

static void split_disarm(struct vg_ring *r)
{
	if (has_event_idx(r))
		store_once(used_event(r), (__u16)(r->used_idx - 1));
	else
		store_once(&r->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

const struct vg_ring_ops vg_split_ops = {
	.layout = split_layout,
	.reset = split_reset,
	.base = split_base,
	.add = split_add,
	.publish = split_publish,
	.get = split_get,
	.recycle = split_recycle,
	.arm = split_arm,
	.disarm = split_disarm,
};

/* ---- any format --------------------------------------------------------- */

int vg_ring_init(struct vg_ring *r, struct vg_mem *m, unsigned int num,
		 __u64 features)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->kick = -1;
	r->call = -1;
	r->err = -1;
	if (features & VG_F_PACKED)
		return -EOPNOTSUPP;

	r->ops = &vg_split_ops;
	r->mem = m;
	r->num = num;
	r->features = features;
	err = r->ops->layout(r, m);
	if (err)
		return err;

	r->slot = calloc(num, sizeof(*r->slot));
	r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!r->slot || r->kick < 0 || r->call < 0 || r->err < 0) {
		vg_ring_free(r);
		return -ENOMEM;
	}
	r->ops->reset(r, 0);
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vg_ring_free(struct vg_ring *r)
{
	close_fd(&r->kick);
	close_fd(&r->call);
	close_fd(&r->err);
	free(r->slot);
	r->slot = NULL;
}

int vg_ring_add(struct vg_ring *r, const struct vg_chain *c, void *token)
{
	return r->ops->add(r, c, token);
}

bool vg_ring_kick(struct vg_ring *r)
{
	if (!r->ops->publish(r))
		return false;
	vg_ring_notify(r);
	return true;
}

void vg_ring_notify(struct vg_ring *r)
{
	r->kicks++;
	eventfd_write(r->kick, 1);
}

bool vg_ring_get(struct vg_ring *r, struct vg_used *u)
{
	return r->ops->get(r, u);
}

unsigned int vg_ring_recycle(struct vg_ring *r, unsigned int max)
{
	return r->ops->recycle(r, max);
}

static __u64 take_count(int fd)
{
	eventfd_t n;

	return eventfd_read(fd, &n) ? 0 : n;
}

__u64 vg_ring_ack(struct vg_ring *r)
{
	__u64 n = take_count(r->call);

	r->calls += n;
	return n;
}

__u64 vg_ring_errors(struct vg_ring *r)
{
	return take_count(r->err);
}

static __s64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Waits for a call till @end, a time of now_ms(), or for ever if it is negative. */
static int sleep_on_calls(struct vg_ring **ring, unsigned int n, __s64 end)
{
	struct pollfd pfd[VG_RINGS];
	__s64 left = -1;
	unsigned int i;
	int ready;

	for (i = 0; i < n; i++) {
		pfd[i].fd = ring[i]->call;
		pfd[i].events = POLLIN;
	}
	do {
		if (end >= 0)
			left = end - now_ms();
		ready = end >= 0 && left < 0 ? 0 : poll(pfd, n, left);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready ? -errno : -ETIMEDOUT;

	for (i = 0; i < n; i++)
		if (pfd[i].revents)
			vg_ring_ack(ring[i]);
	return 0;
}

/* A call may be an old one: it is no more than a reason to look again. */
static int wait_used(struct vg_ring **ring, unsigned int n, unsigned int after,
		     int timeout_ms)
{
	__s64 end = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	bool ready = false;
	unsigned int i;
	int err = 0;

	for (;;) {
		for (i = 0; i < n; i++)
			ready |= ring[i]->ops->arm(ring[i], after);
		if (ready)
			break;
		err = sleep_on_calls(ring, n, end);
		if (err)
			break;
		after = 1;
	}
	for (i = 0; i < n; i++)
		ring[i]->ops->disarm(ring[i]);
	return err;
}

int vg_ring_wait_n(struct vg_ring *r, unsigned int after, int timeout_ms)
{
	return wait_used(&r, 1, after, timeout_ms);
}

int vg_ring_wait(struct vg_ring *r, int timeout_ms)
{
	return wait_used(&r, 1, 1, timeout_ms);
}

int vg_ring_wait_any(struct vg_ring *a, struct vg_ring *b, int timeout_ms)
{
	struct vg_ring *ring[VG_RINGS] = { a, b };

	return wait_used(ring, VG_RINGS, 1, timeout_ms);
}
