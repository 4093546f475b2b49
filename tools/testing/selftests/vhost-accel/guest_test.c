// SPDX-License-Identifier: GPL-2.0
/*
 * The driver half of the rings against a model of the device, in this process: what
 * fails on a real device is then the device's fault. Needs no module.
 *
 * Driver and device take turns in a random order, or run as two threads. Whatever the
 * driver made available must be what the device takes, whatever the device used must be
 * what the driver gets, and who sleeps must be woken when it asked for that and, where
 * a place can be named, not before. A driver must also notice a device that breaks the
 * rules.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kstest.h"
#include "ring_model.h"

#define MEM_SIZE	(4ul << 20)
#define MAX_BUFS	512
#define MAX_TABLE	16
#define SOON_MS		30000

static const __u64 formats[] = {
	0, VG_F_IN_ORDER, VG_F_PACKED, VG_F_PACKED | VG_F_IN_ORDER,
};

static const char *format_name(__u64 features)
{
	static const char * const names[] = {
		"split", "split,in_order", "packed", "packed,in_order",
		"split,event_idx", "split,in_order,event_idx", "packed,event_idx",
		"packed,in_order,event_idx",
	};

	return names[!!(features & VG_F_IN_ORDER) + 2 * !!(features & VG_F_PACKED) +
		     4 * !!(features & VG_F_EVENT_IDX)];
}

static __u32 rnd(__u32 *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* ---- in turns ----------------------------------------------------------- */

/**
 * struct sent - A buffer as the driver made it.
 * @chain: What was added.
 * @room: Bytes the device may write.
 * @busy: In the ring.
 */
struct sent {
	struct vg_chain chain;
	__u32 room;
	bool busy;
};

struct used {
	struct sent *s;
	__u32 len;
};

/**
 * struct play - Both sides.
 * @mem: Guest RAM.
 * @r: Driver.
 * @m: Device.
 * @x: State of the random numbers.
 * @sent: Buffers.
 * @avail: Those in the ring that the device has not yet taken, in order.
 * @navail: How many.
 * @held: Those the device has taken.
 * @nheld: How many.
 * @used: Those the driver has not yet got back, in the order of use.
 * @nused: How many.
 * @driver_sleeps: The driver waits for a call after so many used buffers, 0 if not.
 * @exact: It must not come earlier.
 * @device_sleeps: The device waits for a kick.
 * @kicked: It has got one and has not yet noticed.
 * @why: What went wrong, or NULL.
 */
struct play {
	struct vg_mem mem;
	struct vg_ring r;
	struct model m;
	__u32 x;
	struct sent sent[MAX_BUFS];
	struct sent *avail[MAX_BUFS];
	unsigned int navail;
	struct model_buf held[MAX_BUFS];
	struct sent *held_sent[MAX_BUFS];
	unsigned int nheld;
	struct used used[MAX_BUFS];
	unsigned int nused;
	unsigned int driver_sleeps;
	bool exact;
	bool device_sleeps;
	bool kicked;
	const char *why;
};

static void wrong(struct play *p, const char *why)
{
	if (!p->why)
		p->why = why;
}

static bool pending(int fd)
{
	eventfd_t n;

	return !eventfd_read(fd, &n);
}

static void random_chain(struct play *p, struct sent *s)
{
	unsigned int most = p->r.num < MAX_TABLE ? p->r.num : MAX_TABLE;
	unsigned int i, out;

	s->chain.mode = rnd(&p->x) % 3;
	if (s->chain.mode == VG_MIXED && p->r.num < 2)
		s->chain.mode = VG_INDIRECT;
	if (s->chain.mode != VG_DIRECT)
		most = MAX_TABLE;
	s->chain.nsegs = 1 + rnd(&p->x) % most;
	out = rnd(&p->x) % (s->chain.nsegs + 1);
	s->room = 0;
	for (i = 0; i < s->chain.nsegs; i++) {
		struct vg_seg *seg = &s->chain.seg[i];

		seg->gpa = VG_GPA_BASE + rnd(&p->x) % MEM_SIZE;
		seg->len = 1 + rnd(&p->x) % 2000;
		seg->write = i >= out;
		s->room += seg->write ? seg->len : 0;
	}
}

static void driver_add(struct play *p)
{
	unsigned int i = rnd(&p->x) % MAX_BUFS;
	struct sent *s = &p->sent[i];

	if (s->busy)
		return;
	random_chain(p, s);
	if (vg_ring_add(&p->r, &s->chain, s))
		return;
	s->busy = true;
	p->avail[p->navail++] = s;
}

static bool unpublished(const struct play *p)
{
	return p->r.features & VG_F_PACKED ? p->r.unpublished : p->r.avail_idx != p->r.kick_idx;
}

static void driver_publish(struct play *p)
{
	const bool some = unpublished(p);
	const bool kicked = vg_ring_kick(&p->r);

	if (p->device_sleeps && !p->kicked && some && !kicked)
		wrong(p, "a device that sleeps is not kicked");
	if (kicked && !some)
		wrong(p, "a kick for nothing");
	if (kicked && !p->device_sleeps &&
	    (p->r.features & VG_F_PACKED || !(p->r.features & VG_F_EVENT_IDX)))
		wrong(p, "a device that is at work is kicked");
	p->kicked |= kicked;
}

static void driver_got(struct play *p, struct sent *s, __u32 len)
{
	if (!p->nused || p->used[0].s != s || p->used[0].len != len)
		wrong(p, "what the driver gets back is not what was used");
	else
		memmove(p->used, p->used + 1, --p->nused * sizeof(p->used[0]));
}

static void driver_get(struct play *p)
{
	unsigned int n = 1 + rnd(&p->x) % 8;
	struct vg_used u;

	if (vg_ring_ready(&p->r, MAX_BUFS) != p->nused)
		wrong(p, "the driver counts used buffers wrongly");
	while (n-- && vg_ring_get(&p->r, &u)) {
		driver_got(p, u.token, u.len);
		if (p->why)
			return;
		((struct sent *)u.token)->busy = false;
	}
}

/* The buffers come back unchanged, so what is expected of them stays. */
static void driver_recycle(struct play *p)
{
	unsigned int i, n = vg_ring_recycle(&p->r, 1 + rnd(&p->x) % 4);

	if (n > p->nused) {
		wrong(p, "more is recycled than was used");
		return;
	}
	for (i = 0; i < n; i++)
		p->avail[p->navail++] = p->used[i].s;
	p->nused -= n;
	memmove(p->used, p->used + n, p->nused * sizeof(p->used[0]));
}

static void driver_sleep(struct play *p)
{
	const bool event_idx = p->r.features & VG_F_EVENT_IDX;
	unsigned int after = event_idx ? 1 + rnd(&p->x) % 6 : 1;

	vg_ring_ack(&p->r);
	if (p->r.ops->arm(&p->r, after)) {
		if (p->nused < after)
			wrong(p, "the driver stays awake for nothing");
		p->r.ops->disarm(&p->r);
		return;
	}
	if (p->nused >= after)
		wrong(p, "the driver sleeps although it has what it waits for");
	p->driver_sleeps = after;
	p->exact = event_idx && after <= p->r.count;
}

static void check_call(struct play *p)
{
	bool called = pending(p->r.call);

	if (!p->driver_sleeps)
		return;
	if (p->nused >= p->driver_sleeps && !called)
		wrong(p, "a driver that sleeps is not called");
	if (p->nused < p->driver_sleeps && called && p->exact)
		wrong(p, "a driver is called before its time");
	if (called) {
		p->driver_sleeps = 0;
		p->r.ops->disarm(&p->r);
	}
}

static bool same_segs(const struct model_buf *b, const struct vg_chain *c)
{
	unsigned int i;

	if (b->nsegs != c->nsegs)
		return false;
	for (i = 0; i < b->nsegs; i++)
		if (b->seg[i].gpa != c->seg[i].gpa || b->seg[i].len != c->seg[i].len ||
		    b->seg[i].write != c->seg[i].write)
			return false;
	return true;
}

static void device_take(struct play *p)
{
	if (!model_take(&p->m, &p->held[p->nheld])) {
		if (p->navail && !unpublished(p))
			wrong(p, "the device does not see what was published");
		p->device_sleeps = model_sleep(&p->m);
		return;
	}
	if (!p->navail || !same_segs(&p->held[p->nheld], &p->avail[0]->chain)) {
		wrong(p, "what the device takes is not what was added");
		return;
	}
	p->held_sent[p->nheld++] = p->avail[0];
	memmove(p->avail, p->avail + 1, --p->navail * sizeof(p->avail[0]));
}

static void device_use(struct play *p, bool shuffle)
{
	struct model_buf *b[4];
	__u32 len[4];
	unsigned int i, n = 1 + rnd(&p->x) % 4;

	if (!p->nheld)
		return;
	if (n > p->nheld)
		n = p->nheld;
	for (i = 0; i < n; i++) {
		struct sent *s = p->held_sent[i];
		unsigned int j = shuffle ? i + rnd(&p->x) % (p->nheld - i) : i;

		if (j != i) {
			struct model_buf t = p->held[i];

			p->held[i] = p->held[j];
			p->held[j] = t;
			p->held_sent[i] = p->held_sent[j];
			p->held_sent[j] = s;
			s = p->held_sent[i];
		}
		b[i] = &p->held[i];
		len[i] = s->room;
		if (i == n - 1 || !(p->r.features & VG_F_IN_ORDER))
			len[i] = rnd(&p->x) % (s->room + 1);
		p->used[p->nused++] = (struct used){ s, len[i] };
	}
	model_use(&p->m, b, len, n);
	p->nheld -= n;
	memmove(p->held, p->held + n, p->nheld * sizeof(p->held[0]));
	memmove(p->held_sent, p->held_sent + n, p->nheld * sizeof(p->held_sent[0]));
	check_call(p);
}

/* Another device takes over. */
static void device_move(struct play *p)
{
	__u32 base = model_base(&p->m);
	__u64 calls = p->m.calls;
	const char *broken = p->m.broken;

	if (p->nheld)
		return;
	if (!p->nused && base != p->r.ops->base(&p->r))
		wrong(p, "driver and device disagree about the base");
	if (base != p->r.ops->stopped(&p->r))
		wrong(p, "driver and device disagree about where the device stopped");
	model_start(&p->m, &p->r, base);
	p->m.calls = calls;
	p->m.broken = broken;
	p->device_sleeps = false;
	p->kicked = false;
	model_wake(&p->m);
}

static void driver_turn(struct play *p)
{
	switch (rnd(&p->x) % 8) {
	case 0 ... 2:
		driver_add(p);
		break;
	case 3:
		driver_publish(p);
		break;
	case 4 ... 5:
		driver_get(p);
		break;
	case 6:
		driver_recycle(p);
		break;
	default:
		driver_sleep(p);
	}
}

static void device_turn(struct play *p, bool shuffle)
{
	if (p->device_sleeps) {
		/* What it has begun may come to an end. */
		device_use(p, shuffle);
		if (!p->kicked)
			return;
		p->device_sleeps = false;
		p->kicked = false;
		model_wake(&p->m);
	}
	switch (rnd(&p->x) % 16) {
	case 0 ... 8:
		device_take(p);
		break;
	case 9:
		device_move(p);
		break;
	default:
		device_use(p, shuffle);
	}
}

/* Neither may wait for the other. */
static void check_stuck(struct play *p)
{
	if (p->driver_sleeps && p->device_sleeps && !p->nheld) {
		p->driver_sleeps = 0;
		p->r.ops->disarm(&p->r);
	}
}

static bool play(__u64 features, unsigned int num, __u32 base, bool shuffle, unsigned int turns)
{
	static struct play p;
	__u32 seed = 1 + num + (features >> 29) + shuffle;
	unsigned int i;

	memset(&p, 0, sizeof(p));
	p.x = seed;
	if (vg_mem_init(&p.mem, MEM_SIZE, 1) || vg_ring_init(&p.r, &p.mem, num, features))
		ksft_exit_fail_msg("no memory\n");
	for (i = 0; i < MAX_BUFS; i++)
		p.sent[i].chain.table = vg_mem_alloc(&p.mem, 16 * MAX_TABLE, 16, true);
	p.r.ops->reset(&p.r, base);
	p.r.ops->disarm(&p.r);
	model_start(&p.m, &p.r, base);
	model_wake(&p.m);
	for (i = 0; i < turns && !p.why && !p.r.fault && !p.m.broken; i++) {
		if (rnd(&p.x) % 2 && !p.driver_sleeps)
			driver_turn(&p);
		else
			device_turn(&p, shuffle);
		check_stuck(&p);
	}
	if (!p.why)
		p.why = p.r.fault ? p.r.fault : p.m.broken;
	if (!p.why && (!p.m.calls || !p.r.kicks))
		p.why = "nobody was ever woken";
	if (p.why)
		ksft_print_msg("%s, %u entries, base %#x, turn %u: %s\n",
			       format_name(features), num, base, i, p.why);
	vg_ring_free(&p.r);
	vg_mem_free(&p.mem);
	return !p.why;
}

static void test_play(__u64 features)
{
	static const unsigned int sizes[] = { 1, 2, 4, 32, 256, 3, 7, 100 };
	const bool packed = features & VG_F_PACKED;
	const unsigned int turns = 20000;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const unsigned int num = sizes[i];

		/* A split ring has a power of two. */
		if (!packed && num & (num - 1))
			break;
		ok &= play(features, num, packed ? VG_BASE_PACKED(0, true) : 0, false, turns);
		ok &= play(features, num, packed ? VG_BASE_WRAP : 0xfffe, false, turns);
		if (packed)
			ok &= play(features, num, VG_BASE_PACKED(num - 1, false), false, turns);
		if (!(features & (VG_F_IN_ORDER | VG_F_EVENT_IDX)))
			ok &= play(features, num, packed ? VG_BASE_PACKED(num / 2, true) : 9,
				   true, turns);
	}
	ksft_test_result(ok, "%s: driver and device in turns\n", format_name(features));
}

/* ---- two threads -------------------------------------------------------- */

struct pair {
	struct vg_mem mem;
	struct vg_ring r;
	struct model m;
	bool stop;
};

/* Uses each buffer at once. */
static void *device_thread(void *arg)
{
	struct pair *p = arg;
	struct pollfd kick = { .fd = p->r.kick, .events = POLLIN };
	struct model_buf buf, *b = &buf;
	__u32 len;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		model_wake(&p->m);
		while (model_take(&p->m, &buf)) {
			len = buf.room;
			model_use(&p->m, &b, &len, 1);
		}
		if (!model_sleep(&p->m))
			continue;
		poll(&kick, 1, SOON_MS);
		pending(p->r.kick);
	}
	return NULL;
}

static void test_ping_pong(__u64 features)
{
	struct vg_chain c = { .nsegs = 2 };
	const unsigned int rounds = 3000;
	unsigned int i, done = 0, burst;
	struct pair p = { 0 };
	pthread_t thread;
	struct vg_used u;
	bool ok = true;

	if (vg_mem_init(&p.mem, MEM_SIZE, 1) || vg_ring_init(&p.r, &p.mem, 8, features))
		ksft_exit_fail_msg("no memory\n");
	c.seg[0] = (struct vg_seg){ VG_GPA_BASE, 100, false };
	c.seg[1] = (struct vg_seg){ VG_GPA_BASE, 10, true };
	p.r.ops->disarm(&p.r);
	model_start(&p.m, &p.r, p.r.ops->base(&p.r));
	if (pthread_create(&thread, NULL, device_thread, &p))
		ksft_exit_fail_msg("no thread\n");
	for (i = 0; ok && i < rounds; i += burst) {
		for (burst = 0; burst < 1 + i % 3; burst++)
			vg_ring_add(&p.r, &c, &p);
		vg_ring_kick(&p.r);
		for (done = 0; ok && done < burst; done++) {
			if (!vg_ring_ready(&p.r, 1))
				ok = !vg_ring_wait(&p.r, SOON_MS);
			ok = ok && vg_ring_get(&p.r, &u) && u.token == &p && u.len == 10;
		}
	}
	if (!ok || p.r.fault || p.m.broken)
		ksft_print_msg("round %u: %s\n", i, p.r.fault ? p.r.fault :
			       p.m.broken ? p.m.broken : "a buffer does not come back");
	__atomic_store_n(&p.stop, true, __ATOMIC_RELEASE);
	vg_ring_notify(&p.r);
	pthread_join(thread, NULL);
	ksft_test_result(ok && !p.r.fault && !p.m.broken, "%s: two threads\n",
			 format_name(features));
	vg_ring_free(&p.r);
	vg_mem_free(&p.mem);
}

/* ---- a device that breaks the rules ------------------------------------- */

struct crime {
	const char *name;
	__u64 features;
	void (*commit)(struct vg_ring *r);
};

static void use(struct vg_ring *r, __u32 id, __u32 len, __u16 flags)
{
	if (r->features & VG_F_PACKED) {
		r->packed[0].id = id;
		r->packed[0].len = len;
		r->packed[0].flags = flags;
	} else {
		r->used->ring[0].id = id;
		r->used->ring[0].len = len;
		r->used->idx = 1;
	}
}

#define USED	0x8080

static void unknown_id(struct vg_ring *r)
{
	use(r, 5, 0, USED);
}

static void huge_id(struct vg_ring *r)
{
	use(r, 60000, 0, USED);
}

static void long_len(struct vg_ring *r)
{
	use(r, 0, 301, USED);
}

static void next_flag(struct vg_ring *r)
{
	use(r, 0, 300, USED | VRING_DESC_F_NEXT);
}

static void chain_changed(struct vg_ring *r)
{
	r->packed[1].flags = USED;
	use(r, 0, 300, USED);
}

static void ahead(struct vg_ring *r)
{
	use(r, 0, 300, USED);
	r->used->idx = 3;
}

/* The second of two buffers, in a batch of one. */
static void short_batch(struct vg_ring *r)
{
	use(r, 3, 300, USED);
}

static void no_such_event(struct vg_ring *r)
{
	r->device_event->flags = 3;
}

static void event_outside(struct vg_ring *r)
{
	r->device_event->off_wrap = r->num;
	r->device_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
}

static void event_unasked(struct vg_ring *r)
{
	r->device_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
}

static const struct crime crimes[] = {
	{ "id of no buffer", 0, unknown_id },
	{ "id of no buffer", VG_F_PACKED, unknown_id },
	{ "id of no buffer", VG_F_PACKED | VG_F_IN_ORDER, unknown_id },
	{ "id out of range", 0, huge_id },
	{ "id out of range", VG_F_PACKED, huge_id },
	{ "length beyond the buffer", 0, long_len },
	{ "length beyond the buffer", VG_F_PACKED, long_len },
	{ "used descriptor with NEXT", VG_F_PACKED, next_flag },
	{ "second descriptor of a chain changed", VG_F_PACKED, chain_changed },
	{ "used index ahead", 0, ahead },
	{ "batch larger than the step", VG_F_IN_ORDER, short_batch },
	{ "event flags unknown", VG_F_PACKED, no_such_event },
	{ "event outside of the ring", VG_F_PACKED | VG_F_EVENT_IDX, event_outside },
	{ "event without EVENT_IDX", VG_F_PACKED, event_unasked },
};

static void test_crime(const struct crime *c)
{
	struct vg_chain chain = { .nsegs = 3 };
	struct vg_mem mem;
	struct vg_ring r;
	struct vg_used u;
	unsigned int i;

	if (vg_mem_init(&mem, MEM_SIZE, 1) || vg_ring_init(&r, &mem, 16, c->features))
		ksft_exit_fail_msg("no memory\n");
	for (i = 0; i < 3; i++)
		chain.seg[i] = (struct vg_seg){ VG_GPA_BASE, 100, true };
	vg_ring_add(&r, &chain, &chain);
	vg_ring_add(&r, &chain, &chain);
	vg_ring_kick(&r);
	if (r.fault)
		ksft_exit_fail_msg("fault before the crime: %s\n", r.fault);
	c->commit(&r);
	while (vg_ring_get(&r, &u) && u.token)
		;
	vg_ring_add(&r, &chain, &chain);
	vg_ring_kick(&r);
	ksft_test_result(r.fault, "%s: driver notices: %s\n", format_name(c->features), c->name);
	vg_ring_free(&r);
	vg_mem_free(&mem);
}

int main(void)
{
	unsigned int i;

	ksft_print_header();
	ksft_set_plan(4 * ARRAY_SIZE(formats) + ARRAY_SIZE(crimes));
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		test_play(formats[i]);
		test_play(formats[i] | VG_F_EVENT_IDX);
		test_ping_pong(formats[i]);
		test_ping_pong(formats[i] | VG_F_EVENT_IDX);
	}
	for (i = 0; i < ARRAY_SIZE(crimes); i++)
		test_crime(&crimes[i]);
	ksft_finished();
}
