// SPDX-License-Identifier: GPL-2.0
/*
 * Shares, limits and reservations of a tree of classes.
 *
 * Problem: VMs send more requests to a disk or a link than it takes. Each VM was
 * promised something: a part by its shares, no more than its limits, no less than its
 * reservation. VMs lie in a tree, and what a class has is divided by its children, be
 * the one who set their values a stranger.
 *
 * Model: mClock's order, level by level. First come classes whose reservation is due,
 * the one most overdue first; then the class that has had least for its shares. A class
 * beyond a limit is in neither order, and nor is what lies below it. Whoever is served
 * pays in all three coins, and so does every class above it: a child's turn uses up its
 * parent's share, limit and reservation.
 *
 *   root -+- A  shares 100                 B and C divide half the disk 1:3; while C
 *         '- D  shares 100                 has nothing to send, B has all of that half;
 *              +- B  shares 100            while D is at its limit, A has the rest.
 *              '- C  shares 300
 *
 * Shares are start-time fair queueing: each class has a start tag in the virtual time
 * of its parent, and the first tag goes next. A request moves it by cost over weight.
 * Virtual time is the tag that the last to be served by share started with. It has
 * nothing to do with the clock, so that shares hold at any speed; a class that comes
 * back from idleness starts at virtual time, without savings. Two classes that always
 * have requests are never further apart than one request of each, in cost over weight;
 * one that sends the next request only when it has its answer counts as one of them.
 *
 * Limits are buckets with a hole: requests pour in, the limit runs out. Above a mark of
 * %VMSHARE_BURST_NS the class waits. So in any time t there pass at most the rate times
 * (t + %VMSHARE_BURST_NS), and one request.
 *
 * A reservation is a time at which the next request is due. It moves by the time that
 * the request may take at the reserved rate, whether the request came by reservation or
 * by share: a reservation is a floor of the share, not on top of it. It moves at most
 * one request ahead of the clock, so that what a class had by its share in good times
 * is not held against it in bad ones; and it stays at most %VMSHARE_CREDIT_NS behind,
 * %VMSHARE_PAUSE_NS of a class that comes back from idleness. The children of a class
 * that was promised something divide that, whatever they were promised; those of one
 * that was promised nothing have their promises from above it.
 *
 * What may not wait (swap, metadata, flushes) is charged when it passes. Later requests
 * of the class pay that back: up to %VMSHARE_DEBT_NS of a limit, and up to
 * %VMSHARE_AMOUNT_MAX of share.
 *
 * Limits: promises of more than there is are kept in turn, but among the children of
 * each class every %VMSHARE_DUE_RUN + 1st turn goes by share, so that they starve nobody. What a
 * reservation takes beyond its class's share is remembered as %VMSHARE_AMOUNT_MAX of
 * cost at most. All work is a few steps for each level of the tree times the logarithm
 * of the classes in it, but for classes whose limits let them go on at the same time.
 */
#include <linux/container_of.h>
#include <linux/minmax.h>

#include "share_core.h"

#define NS_PER_S 1000000000ULL

/* Virtual time is cost << this / weight. */
#define VMSHARE_SHIFT 20

/* Where the waiting of many ends at once, how many of them a turn lets go on. */
#define VMSHARE_EXPIRE 16

#define vmshare_of(node, member) container_of(node, struct vmshare_node, member)

static u64 vmshare_later(u64 a, u64 b)
{
	return vmheap_before(a, b) ? b : a;
}

static u64 vmshare_vcost(u64 cost, u32 weight)
{
	return (cost << VMSHARE_SHIFT) / weight;
}

/* How far ahead of virtual time a start tag is; a tag of long ago counts as not. */
static u64 vmshare_ahead(const struct vmshare_node *n)
{
	u64 ahead = n->start - n->parent->vtime;

	return ahead > vmshare_vcost(VMSHARE_AMOUNT_MAX, n->weight) ? 0 : ahead;
}

/* Let run out of the buckets what has since the last time. */
static void vmshare_settle(struct vmshare_node *n, u64 now)
{
	unsigned int i;
	u64 elapsed;

	if (!vmheap_before(n->settled, now))
		return;
	elapsed = now - n->settled;
	n->settled = now;
	for (i = 0; i < VMSHARE_UNITS; i++) {
		struct vmshare_limit *l = &n->limit[i];

		if (!l->rate)
			continue;
		if (elapsed > l->level / l->rate)
			l->level = 0;
		else
			l->level -= elapsed * l->rate;
	}
}

/* The most that debts may put into a bucket; what fits of the fastest rates. */
static u64 vmshare_debt(u64 rate)
{
	return min(rate, 1ULL << 33) * VMSHARE_DEBT_NS;
}

/* When a class is within its limits again; @now or before if it is. */
static u64 vmshare_free_at(struct vmshare_node *n, u64 now)
{
	unsigned int i;
	u64 wait = 0;

	vmshare_settle(n, now);
	for (i = 0; i < VMSHARE_UNITS; i++) {
		const struct vmshare_limit *l = &n->limit[i];
		const u64 burst = l->rate * VMSHARE_BURST_NS;

		if (l->rate && l->level > burst)
			wait = max(wait, (l->level - burst - 1) / l->rate + 1);
	}
	return wait ? n->settled + wait : now;
}

/* The first of a class's own promises, or false if it has none. */
static bool vmshare_own_due(const struct vmshare_node *n, u64 *due)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < VMSHARE_UNITS; i++) {
		const struct vmshare_reserve *r = &n->reserve[i];

		if (!r->rate || (any && !vmheap_before(r->due, *due)))
			continue;
		*due = r->due;
		any = true;
	}
	return any;
}

/* That of a class without promises is the first below it that could be served. */
static bool vmshare_first_due(const struct vmshare_node *n, u64 *due)
{
	if (vmshare_own_due(n, due))
		return true;
	if (n->due.top)
		*due = n->due.top->key;
	return n->due.top;
}

/* No promise is due before @floor. */
static void vmshare_due_floor(struct vmshare_node *n, u64 floor)
{
	unsigned int i;

	for (i = 0; i < VMSHARE_UNITS; i++)
		n->reserve[i].due = vmshare_later(n->reserve[i].due, floor);
}

/* Be in @heap under @key, or not at all. */
static void vmshare_move(struct vmheap *heap, struct vmheap_node *node, bool in, u64 key)
{
	if (vmheap_has(node)) {
		if (in && node->key == key)
			return;
		vmheap_remove(heap, node);
	}
	if (in) {
		node->key = key;
		vmheap_insert(heap, node);
	}
}

/* Until when its limits have kept a class waiting that waits; one may be let go on later. */
static u64 vmshare_waited_until(const struct vmshare_node *n, u64 now)
{
	return vmheap_before(n->by_time.key, now) ? n->by_time.key : now;
}

/* A class begins to wait for its limits, goes on doing so, or does not. */
static void vmshare_wait(struct vmshare_sched *s, struct vmshare_node *n, bool waits,
			 u64 free_at, u64 now)
{
	const bool waited = vmheap_has(&n->by_time);

	if (waits && !waited)
		n->throttled -= now;
	else if (waited && !waits)
		n->throttled += vmshare_waited_until(n, now);
	vmshare_move(&s->waiting, &n->by_time, waits, free_at);
}

/* Put a class where it belongs, after anything has changed in it or below. */
static void vmshare_place(struct vmshare_sched *s, struct vmshare_node *n, u64 now)
{
	const bool work = n->queued || n->ready.top;
	const bool was_ready = vmheap_has(&n->by_share);
	bool ready = work, waits = false, due;
	u64 free_at = 0, first_due = 0;

	if (work) {
		free_at = vmshare_free_at(n, now);
		waits = vmheap_before(now, free_at);
		ready = !waits;
	}
	if (work && !was_ready) {
		const bool waited = vmheap_has(&n->by_time);

		vmshare_due_floor(n, now - (waited ? VMSHARE_CREDIT_NS : VMSHARE_PAUSE_NS));
	}
	if (ready && !was_ready)
		n->start = n->parent->vtime + vmshare_ahead(n);
	due = ready && vmshare_first_due(n, &first_due);
	vmshare_wait(s, n, waits, free_at, now);
	vmshare_move(&n->parent->ready, &n->by_share, ready, n->start);
	vmshare_move(&n->parent->due, &n->by_due, due, first_due);
}

static void vmshare_refresh(struct vmshare_sched *s, struct vmshare_node *n, u64 now)
{
	for (; n->parent; n = n->parent)
		vmshare_place(s, n, now);
}

static void vmshare_pay_limit(struct vmshare_limit *l, u64 amount, bool debt)
{
	u64 level = l->level + amount * NS_PER_S;

	if (!l->rate)
		return;
	if (debt)
		level = min(level, max(l->level, vmshare_debt(l->rate)));
	l->level = level;
}

static void vmshare_pay_reserve(struct vmshare_reserve *r, u64 amount, u64 now)
{
	u64 total, ns;

	if (!r->rate)
		return;
	total = amount * NS_PER_S + r->rest;
	ns = total / r->rate;
	r->rest = total % r->rate;
	r->due = vmshare_later(r->due, now - VMSHARE_CREDIT_NS) + ns;
	if (vmheap_before(now + ns, r->due)) {
		r->due = now + ns;
		r->rest = 0;
	}
}

static void vmshare_pay_share(struct vmshare_node *n, u64 cost)
{
	const u64 most = vmshare_vcost(VMSHARE_AMOUNT_MAX, n->weight);
	struct vmshare_node *p = n->parent;
	u64 ahead;

	/* Served by share: what it starts with is the virtual time. */
	if (p->ready.top == &n->by_share)
		p->vtime = n->start;
	ahead = vmshare_ahead(n) + vmshare_vcost(cost, n->weight);
	n->start = p->vtime + min(ahead, most);
}

/* A class pays for a request, and so do all above it. */
static void vmshare_pay(struct vmshare_node *n, const struct vmshare_req *req, u64 now,
			bool debt)
{
	unsigned int i;

	for (; n->parent; n = n->parent) {
		vmshare_settle(n, now);
		for (i = 0; i < VMSHARE_UNITS; i++) {
			u64 amount = min(req->amount[i], VMSHARE_AMOUNT_MAX);

			vmshare_pay_limit(&n->limit[i], amount, debt);
			vmshare_pay_reserve(&n->reserve[i], amount, now);
		}
		vmshare_pay_share(n, min(req->cost, VMSHARE_AMOUNT_MAX));
	}
}

/**
 * vmshare_init() - an empty tree
 * @s: scheduler
 */
void vmshare_init(struct vmshare_sched *s)
{
	*s = (struct vmshare_sched){ .root.weight = VMSHARE_WEIGHT_DEFAULT };
}

/**
 * vmshare_add() - a new class
 * @n: class
 * @parent: the class it is to divide, which must have no requests of its own
 * @weight: %VMSHARE_WEIGHT_MIN to %VMSHARE_WEIGHT_MAX
 *
 * Return: true; false without effect where @parent has requests or is too deep.
 */
bool vmshare_add(struct vmshare_node *n, struct vmshare_node *parent, u32 weight)
{
	if (parent->queued || parent->depth >= VMSHARE_DEPTH_MAX)
		return false;
	*n = (struct vmshare_node){
		.parent = parent,
		.weight = weight,
		.depth = parent->depth + 1,
	};
	parent->children++;
	return true;
}

/**
 * vmshare_del() - a class goes
 * @s: scheduler
 * @n: class; what requests it has are forgotten
 * @now: time in ns
 *
 * Return: true; false without effect while it has children.
 */
bool vmshare_del(struct vmshare_sched *s, struct vmshare_node *n, u64 now)
{
	if (n->children)
		return false;
	n->queued = 0;
	vmshare_refresh(s, n, now);
	n->parent->children--;
	return true;
}

/**
 * vmshare_set_weight() - change a class's shares
 * @s: scheduler
 * @n: class, not the root
 * @weight: %VMSHARE_WEIGHT_MIN to %VMSHARE_WEIGHT_MAX
 * @now: time in ns
 *
 * What the class was served lately counts as if it was with @weight.
 */
void vmshare_set_weight(struct vmshare_sched *s, struct vmshare_node *n, u32 weight,
			u64 now)
{
	n->start = n->parent->vtime + vmshare_ahead(n) * n->weight / weight;
	n->weight = weight;
	vmshare_refresh(s, n, now);
}

/**
 * vmshare_set_limit() - change a class's limit
 * @s: scheduler
 * @n: class, not the root
 * @unit: of what
 * @rate: per second, at most %VMSHARE_RATE_MAX; 0 for no limit
 * @now: time in ns
 *
 * The class owes what it owed, but for no longer than %VMSHARE_DEBT_NS.
 */
void vmshare_set_limit(struct vmshare_sched *s, struct vmshare_node *n,
		       enum vmshare_unit unit, u64 rate, u64 now)
{
	struct vmshare_limit *l = &n->limit[unit];

	vmshare_settle(n, now);
	n->rates += !!rate - !!l->rate;
	l->rate = rate;
	l->level = min(l->level, vmshare_debt(rate));
	vmshare_refresh(s, n, now);
}

/**
 * vmshare_set_reserve() - change a class's reservation
 * @s: scheduler
 * @n: class, not the root
 * @unit: of what
 * @rate: per second, at most %VMSHARE_RATE_MAX; 0 for none
 * @now: time in ns
 *
 * What the class had ahead of time counts at the new rate, so that nobody gains by
 * changing it.
 */
void vmshare_set_reserve(struct vmshare_sched *s, struct vmshare_node *n,
			 enum vmshare_unit unit, u64 rate, u64 now)
{
	struct vmshare_reserve *r = &n->reserve[unit];
	u64 ahead = r->rest;

	if (vmheap_before(now, r->due))
		ahead += (r->due - now) * r->rate;
	n->rates += !!rate - !!r->rate;
	*r = (struct vmshare_reserve){
		.rate = rate,
		.due = rate ? now + ahead / rate : now,
		.rest = rate ? ahead % rate : ahead,
	};
	vmshare_refresh(s, n, now);
}

/**
 * vmshare_enqueue() - a class has one more request
 * @s: scheduler
 * @n: class without children
 * @now: time in ns
 */
void vmshare_enqueue(struct vmshare_sched *s, struct vmshare_node *n, u64 now)
{
	if (!n->queued++)
		vmshare_refresh(s, n, now);
}

/* It and all above it are at no limit, and were promised nothing. */
static bool vmshare_is_plain(const struct vmshare_node *n)
{
	for (; n->parent; n = n->parent) {
		if (n->rates)
			return false;
	}
	return true;
}

/**
 * vmshare_serve_alone() - a request of a class goes at once
 * @s: scheduler
 * @n: class without children
 * @req: what the request counts for
 * @now: time in ns
 *
 * As vmshare_enqueue(), vmshare_pick() and vmshare_serve() do it, but in one pass and
 * without heaps, which is possible while nobody has anything to choose from.
 *
 * Return: true; false without effect if somebody has a request that could go, or if
 * limits or reservations count.
 */
bool vmshare_serve_alone(struct vmshare_sched *s, struct vmshare_node *n,
			 const struct vmshare_req *req, u64 now)
{
	const u64 cost = min(req->cost, VMSHARE_AMOUNT_MAX);

	if (s->root.ready.top || n->queued || !vmshare_is_plain(n) ||
	    (s->waiting.top && !vmheap_before(now, s->waiting.top->key)))
		return false;
	for (; n->parent; n = n->parent) {
		struct vmshare_node *p = n->parent;

		p->vtime += vmshare_ahead(n);
		n->start = p->vtime + vmshare_vcost(cost, n->weight);
		p->run = 0;
	}
	return true;
}

/**
 * vmshare_cancel() - a class has one request less, which was not served
 * @s: scheduler
 * @n: class with requests
 * @now: time in ns
 */
void vmshare_cancel(struct vmshare_sched *s, struct vmshare_node *n, u64 now)
{
	if (!--n->queued)
		vmshare_refresh(s, n, now);
}

/* Those whose limits let them go on by now; some of them, if others can go on. */
static void vmshare_expire(struct vmshare_sched *s, u64 now)
{
	unsigned int i;

	for (i = 0; i < VMSHARE_EXPIRE || !s->root.ready.top; i++) {
		struct vmheap_node *first = s->waiting.top;

		if (!first || vmheap_before(now, first->key))
			break;
		vmshare_refresh(s, vmshare_of(first, by_time), now);
	}
}

/**
 * vmshare_pick() - whose turn is it?
 * @s: scheduler
 * @now: time in ns
 *
 * Level by level: the child whose promise is due, or else the one that has had least for
 * its shares.
 *
 * Return: the class to vmshare_serve() next, or NULL while there is none: see
 * vmshare_next().
 */
struct vmshare_node *vmshare_pick(struct vmshare_sched *s, u64 now)
{
	struct vmshare_node *n = &s->root;

	vmshare_expire(s, now);
	if (!n->ready.top)
		return NULL;
	while (n->ready.top) {
		if (n->due.top && !vmheap_before(now, n->due.top->key) &&
		    n->run < VMSHARE_DUE_RUN) {
			n->run++;
			n = vmshare_of(n->due.top, by_due);
		} else {
			n->run = 0;
			n = vmshare_of(n->ready.top, by_share);
		}
	}
	return n;
}

/**
 * vmshare_serve() - a request of a class goes
 * @s: scheduler
 * @n: class with requests
 * @req: what the request counts for
 * @now: time in ns
 */
void vmshare_serve(struct vmshare_sched *s, struct vmshare_node *n,
		   const struct vmshare_req *req, u64 now)
{
	vmshare_pay(n, req, now, false);
	n->queued--;
	vmshare_refresh(s, n, now);
}

/**
 * vmshare_charge() - a request that was never queued has gone
 * @s: scheduler
 * @n: its class
 * @req: what the request counts for
 * @now: time in ns
 */
void vmshare_charge(struct vmshare_sched *s, struct vmshare_node *n,
		    const struct vmshare_req *req, u64 now)
{
	vmshare_pay(n, req, now, true);
	vmshare_refresh(s, n, now);
}

/**
 * vmshare_next() - when to ask again
 * @s: scheduler
 * @now: time in ns
 *
 * Return: @now while it is somebody's turn, else the time when it may be, or
 * %VMSHARE_NEVER.
 */
u64 vmshare_next(const struct vmshare_sched *s, u64 now)
{
	if (s->root.ready.top)
		return now;
	return s->waiting.top ? vmshare_later(s->waiting.top->key, now) : VMSHARE_NEVER;
}

/**
 * vmshare_behind() - what a class lacks of its reservation
 * @n: class
 * @now: time in ns
 *
 * Return: how long its next request is overdue, in ns, at most %VMSHARE_CREDIT_NS; 0 while
 * the reservation is kept, or the class has no request that its limits let go.
 */
u64 vmshare_behind(const struct vmshare_node *n, u64 now)
{
	u64 due;

	if (!vmheap_has(&n->by_share) || !vmshare_own_due(n, &due) || !vmheap_before(due, now))
		return 0;
	return min(now - due, VMSHARE_CREDIT_NS);
}

/**
 * vmshare_throttled() - how long a class has waited for its limits
 * @n: class
 * @now: time in ns
 *
 * Those of the classes above it do not count, nor does a wait for turns.
 *
 * Return: the time in which it had requests that its limits did not let go, in ns.
 */
u64 vmshare_throttled(const struct vmshare_node *n, u64 now)
{
	return n->throttled + (vmheap_has(&n->by_time) ? vmshare_waited_until(n, now) : 0);
}
