// SPDX-License-Identifier: GPL-2.0
/*
 * Driver half of a virtqueue: what a guest's virtio driver does, written from the
 * VIRTIO specification. Here is what does not depend on the format of the ring, which
 * is behind struct vg_ring_ops.
 *
 * The driver remembers the order in which it added the buffers in the ring. With
 * IN_ORDER the device must use them in that order, and an entry it writes may stand
 * for a whole batch: it carries the id of the last of them, the others count as
 * written to the end. Without IN_ORDER any order is right.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vhost_ring.h"

/* ---- order -------------------------------------------------------------- */

unsigned int vg_order_count(const struct vg_ring *r, unsigned int from, __u16 id)
{
	unsigned int i;

	for (i = from; i < r->count; i++)
		if (vg_order_at(r, i) == id)
			return i - from + 1;
	return 0;
}

static void order_push(struct vg_ring *r, __u16 id)
{
	r->order[(r->oldest + r->count++) % r->num] = id;
}

/* Nearly always the oldest one. */
static void order_remove(struct vg_ring *r, __u16 id)
{
	unsigned int i = vg_order_count(r, 0, id);

	if (!i)
		return;
	r->shuffled |= i > 1;
	for (i--; i; i--)
		r->order[(r->oldest + i) % r->num] = vg_order_at(r, i - 1);
	r->oldest = (r->oldest + 1) % r->num;
	r->count--;
}

void vg_slots_clear(struct vg_ring *r)
{
	memset(r->slot, 0, r->num * sizeof(*r->slot));
	r->oldest = 0;
	r->count = 0;
	r->shuffled = false;
	r->batch = 0;
	r->num_free = r->num;
	r->free_head = 0;
	r->fault = NULL;
}

/* ---- rings -------------------------------------------------------------- */

int vg_ring_init(struct vg_ring *r, struct vg_mem *m, unsigned int num,
		 __u64 features)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->kick = -1;
	r->call = -1;
	r->err = -1;
	r->ops = features & VG_F_PACKED ? &vg_packed_ops : &vg_split_ops;
	r->mem = m;
	r->num = num;
	r->features = features;
	err = r->ops->layout(r, m);
	if (err)
		return err;

	r->slot = calloc(num, sizeof(*r->slot));
	r->order = calloc(num, sizeof(*r->order));
	r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!r->slot || !r->order || r->kick < 0 || r->call < 0 || r->err < 0) {
		vg_ring_free(r);
		return -ENOMEM;
	}
	vg_ring_reset(r);
	return 0;
}

void vg_ring_reset(struct vg_ring *r)
{
	r->ops->reset(r, vg_has(r, VG_F_PACKED) ? VG_BASE_PACKED(0, true) : 0);
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
	free(r->order);
	r->slot = NULL;
	r->order = NULL;
}

int vg_ring_add(struct vg_ring *r, const struct vg_chain *c, void *token)
{
	int id = r->ops->add(r, c);
	struct vg_slot *s;
	unsigned int i;

	if (id < 0)
		return id;

	s = &r->slot[id];
	s->token = token;
	s->bytes = 0;
	s->room = 0;
	for (i = 0; i < c->nsegs; i++) {
		s->bytes += c->seg[i].len;
		s->room += c->seg[i].write ? c->seg[i].len : 0;
	}
	order_push(r, id);
	return 0;
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

static void check_used(struct vg_ring *r, const struct vg_used *u)
{
	if (u->id >= r->num || !r->slot[u->id].token)
		vg_fault(r, "the id of a used buffer is not that of one in the ring");
	else if (u->len > r->slot[u->id].room)
		vg_fault(r, "more bytes are said to be written than a buffer has room for");
}

/* Step to the next used buffer, which may be one of a batch. */
static bool next_used(struct vg_ring *r, struct vg_used *u)
{
	if (!r->batch) {
		if (!r->ops->peek(r, &r->last))
			return false;
		check_used(r, &r->last);
		r->batch = vg_has(r, VG_F_IN_ORDER) ? vg_order_count(r, 0, r->last.id) : 1;
		if (!r->batch)
			r->batch = 1;
	}
	*u = r->last;
	if (r->batch-- > 1) {
		u->id = vg_order_at(r, 0);
		u->len = r->slot[u->id].room;
	}
	u->token = u->id < r->num ? r->slot[u->id].token : NULL;
	if (u->token) {
		r->bytes += u->len ? u->len : r->slot[u->id].bytes;
		order_remove(r, u->id);
	}
	r->ops->pass(r, u->id);
	return true;
}

bool vg_ring_get(struct vg_ring *r, struct vg_used *u)
{
	if (!next_used(r, u))
		return false;
	if (u->token) {
		r->ops->release(r, u->id);
		r->slot[u->id].token = NULL;
	}
	return true;
}

unsigned int vg_ring_recycle(struct vg_ring *r, unsigned int max)
{
	struct vg_used u;
	unsigned int n;

	for (n = 0; n < max && next_used(r, &u); n++)
		if (u.token)
			order_push(r, r->ops->again(r, u.id));
	return n;
}

unsigned int vg_ring_ready(const struct vg_ring *r, unsigned int max)
{
	return r->ops->ready(r, max);
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
