/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tree of classes, changed at random, and what must hold after every change: who
 * stands where follows from who has requests and who is beyond a limit, and the class
 * picked is one that no rule puts behind another.
 */
#ifndef UNIT_SHARE_MODEL_H
#define UNIT_SHARE_MODEL_H

#include <stdio.h>
#include <string.h>

#include "heap_model.h"
#include "share_core.h"

#define SHARE_MODEL_NODES 12

/**
 * struct share_model - the tree
 * @s: scheduler
 * @nodes: classes
 * @used: those of them that are in the tree
 * @now: time in ns
 */
struct share_model {
	struct vmshare_sched s;
	struct vmshare_node nodes[SHARE_MODEL_NODES];
	bool used[SHARE_MODEL_NODES];
	u64 now;
};

static unsigned int share_model_errors;

static inline void share_model_no(bool wrong, unsigned int line, const char *what)
{
	if (wrong && share_model_errors++ < 20)
		fprintf(stderr, "line %u: %s\n", line, what);
}

#define SHARE_MODEL_NO(cond) share_model_no(cond, __LINE__, #cond)

typedef unsigned __int128 share_model_wide;

/* Beyond a limit; rounds as one who has all digits. */
static inline bool share_model_limited(const struct vmshare_node *n, u64 now)
{
	unsigned int i;

	for (i = 0; i < VMSHARE_UNITS; i++) {
		const struct vmshare_limit *l = &n->limit[i];
		share_model_wide out = (share_model_wide)(now - n->settled) * l->rate;
		share_model_wide burst = (share_model_wide)l->rate * VMSHARE_BURST_NS;

		if (l->rate && l->level > out + burst)
			return true;
	}
	return false;
}

static inline bool share_model_own_due(const struct vmshare_node *n, u64 *due)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < VMSHARE_UNITS; i++) {
		if (n->reserve[i].rate && (!any || (s64)(n->reserve[i].due - *due) < 0)) {
			*due = n->reserve[i].due;
			any = true;
		}
	}
	return any;
}

/* Is it in its place, and all below it? Sets whether it could be served. */
static inline void share_model_node(const struct share_model *m, unsigned int at,
				    bool *able)
{
	const struct vmshare_node *n = &m->nodes[at];
	long ready = 0, due = 0, children = 0;
	bool own, any, work = n->queued, child_able;
	u64 first = 0;
	unsigned int i;

	own = share_model_own_due(n, &first);
	any = own;
	for (i = 0; i < SHARE_MODEL_NODES; i++) {
		const struct vmshare_node *c = &m->nodes[i];

		if (!m->used[i] || c->parent != n)
			continue;
		children++;
		share_model_node(m, i, &child_able);
		work |= child_able;
		ready += child_able;
		SHARE_MODEL_NO(child_able != vmheap_has(&c->by_share));
		if (!vmheap_has(&c->by_due))
			continue;
		due++;
		if (!any || (!own && (s64)(c->by_due.key - first) < 0))
			first = c->by_due.key;
		any = true;
	}
	SHARE_MODEL_NO(children != (long)n->children);
	SHARE_MODEL_NO(heap_model_count(n->ready.top, NULL) != ready);
	SHARE_MODEL_NO(heap_model_count(n->due.top, NULL) != due);
	/* One who waits too long is let go on at the next pick. */
	*able = work && !vmheap_has(&n->by_time);
	SHARE_MODEL_NO(!work && vmheap_has(&n->by_time));
	SHARE_MODEL_NO(*able && share_model_limited(n, m->now));
	SHARE_MODEL_NO(vmheap_has(&n->by_due) != (*able && any));
	SHARE_MODEL_NO(*able && n->by_share.key != n->start);
	SHARE_MODEL_NO(vmheap_has(&n->by_due) && n->by_due.key != first);
	/* One that waits does so until it may go on: neither ends before, nor does it wait. */
	if (vmheap_has(&n->by_time)) {
		SHARE_MODEL_NO(n->by_time.key != n->settled &&
			       !share_model_limited(n, n->by_time.key - 1));
		SHARE_MODEL_NO(share_model_limited(n, n->by_time.key));
	}
}

static inline bool share_model_check(const struct share_model *m)
{
	long ready = 0, due = 0, waiting = 0;
	unsigned int i;
	bool able;

	for (i = 0; i < SHARE_MODEL_NODES; i++) {
		const struct vmshare_node *n = &m->nodes[i];

		if (!m->used[i])
			continue;
		waiting += vmheap_has(&n->by_time);
		if (n->parent != &m->s.root)
			continue;
		share_model_node(m, i, &able);
		SHARE_MODEL_NO(able != vmheap_has(&n->by_share));
		ready += able;
		due += vmheap_has(&n->by_due);
	}
	SHARE_MODEL_NO(heap_model_count(m->s.root.ready.top, NULL) != ready);
	SHARE_MODEL_NO(heap_model_count(m->s.root.due.top, NULL) != due);
	SHARE_MODEL_NO(heap_model_count(m->s.waiting.top, NULL) != waiting);
	return !share_model_errors;
}

/* Could it be served, and all above it? */
static inline bool share_model_able(const struct vmshare_node *n)
{
	for (; n->parent; n = n->parent) {
		if (!vmheap_has(&n->by_share))
			return false;
	}
	return true;
}

/* When the first promise is due, its own or, without one, of those below; or false. */
static inline bool share_model_due(const struct share_model *m,
				   const struct vmshare_node *n, u64 *due)
{
	bool any = share_model_own_due(n, due);
	unsigned int i;
	u64 below;

	if (any)
		return true;
	for (i = 0; i < SHARE_MODEL_NODES; i++) {
		const struct vmshare_node *c = &m->nodes[i];

		if (!m->used[i] || c->parent != n || !vmheap_has(&c->by_share) ||
		    !share_model_due(m, c, &below))
			continue;
		if (!any || (s64)(below - *due) < 0)
			*due = below;
		any = true;
	}
	return any;
}

/*
 * Is @n the one, of its parent's children that could be served: by a promise that is due,
 * unless @run turns in a row were, else by share?
 */
static inline bool share_model_first(const struct share_model *m,
				     const struct vmshare_node *n, u32 run)
{
	bool any = false, first_share = true, by_due;
	u64 first = 0, at;
	unsigned int i;

	for (i = 0; i < SHARE_MODEL_NODES; i++) {
		const struct vmshare_node *c = &m->nodes[i];

		if (!m->used[i] || c->parent != n->parent || !vmheap_has(&c->by_share))
			continue;
		first_share &= (s64)(c->start - n->start) >= 0;
		if (!share_model_due(m, c, &at))
			continue;
		if (!any || (s64)(at - first) < 0)
			first = at;
		any = true;
	}
	by_due = run < VMSHARE_DUE_RUN && any && (s64)(m->now - first) >= 0;
	if (n->parent->run != (by_due ? run + 1 : 0))
		return false;
	return by_due ? share_model_due(m, n, &at) && at == first : first_share;
}

/* Was it right to pick @n? @before is what it was picked from. */
static inline bool share_model_pick(const struct share_model *m,
				    const struct vmshare_node *n,
				    const struct share_model *before)
{
	unsigned int i;

	for (i = 0; i < SHARE_MODEL_NODES && !n; i++) {
		const struct vmshare_node *c = &m->nodes[i];

		if (!m->used[i])
			continue;
		/* Nobody could be, now or since a while. */
		SHARE_MODEL_NO(c->queued && share_model_able(c));
		SHARE_MODEL_NO(vmheap_has(&c->by_time) && (s64)(m->now - c->by_time.key) >= 0);
	}
	if (!n)
		return !share_model_errors;
	SHARE_MODEL_NO(!n->queued || !share_model_able(n));
	for (; n->parent; n = n->parent) {
		const struct vmshare_node *p = n->parent == &m->s.root ? &before->s.root :
			&before->nodes[n->parent - m->nodes];

		SHARE_MODEL_NO(!share_model_first(m, n, p->run));
	}
	return !share_model_errors;
}

static inline void share_model_same(const struct vmshare_node *a,
				    const struct vmshare_node *b)
{
	unsigned int i;

	SHARE_MODEL_NO(a->start != b->start || a->vtime != b->vtime || a->run != b->run);
	SHARE_MODEL_NO(a->queued != b->queued || a->rates != b->rates);
	for (i = 0; i < VMSHARE_UNITS; i++) {
		SHARE_MODEL_NO(a->limit[i].level != b->limit[i].level);
		SHARE_MODEL_NO(a->reserve[i].rate && a->reserve[i].due != b->reserve[i].due);
		SHARE_MODEL_NO(a->reserve[i].rest != b->reserve[i].rest);
	}
}

/* Served at once: as if it had been queued, picked and served; or nothing has changed. */
static inline void share_model_alone(struct share_model *m, struct vmshare_node *n,
				     const struct vmshare_req *req)
{
	static struct share_model before, after;
	unsigned int i;

	before = *m;
	if (!vmshare_serve_alone(&m->s, n, req, m->now)) {
		SHARE_MODEL_NO(memcmp(&before, m, sizeof(before)));
		return;
	}
	after = *m;
	*m = before;
	vmshare_enqueue(&m->s, n, m->now);
	SHARE_MODEL_NO(vmshare_pick(&m->s, m->now) != n);
	vmshare_serve(&m->s, n, req, m->now);
	share_model_same(&m->s.root, &after.s.root);
	for (i = 0; i < SHARE_MODEL_NODES; i++) {
		if (m->used[i])
			share_model_same(&m->nodes[i], &after.nodes[i]);
	}
	*m = after;
}

/*
 * One change, made of three numbers. Returns false if anything is wrong after it.
 */
static inline bool share_model_step(struct share_model *m, u8 what, u8 which, u32 value)
{
	const unsigned int at = which % SHARE_MODEL_NODES;
	struct vmshare_node *n = &m->nodes[at], *parent;
	const enum vmshare_unit unit = value & 1;
	static struct share_model before;
	const u64 rate = (value >> 1) % 5 ? (u64)(value >> 4) << (value >> 3) % 11 : 0;
	const struct vmshare_req req = { value >> 8, { value & 3, value >> 9 } };

	if (!m->used[at]) {
		parent = value % 4 ? &m->nodes[value / 4 % SHARE_MODEL_NODES] : &m->s.root;
		if (parent == n || (parent != &m->s.root && !m->used[parent - m->nodes]))
			parent = &m->s.root;
		m->used[at] = vmshare_add(n, parent, (value >> 8) % 10000 + 1);
		return share_model_check(m);
	}
	switch (what % 11) {
	case 0:
		if (which & 0x80)
			m->used[at] = !vmshare_del(&m->s, n, m->now);
		break;
	case 1:
		vmshare_set_weight(&m->s, n, (value >> 8) % 10000 + 1, m->now);
		break;
	case 2:
		vmshare_set_limit(&m->s, n, unit, rate, m->now);
		break;
	case 3:
		vmshare_set_reserve(&m->s, n, unit, rate, m->now);
		break;
	case 4:
		m->now += value >> value % 32;
		break;
	case 5:
		vmshare_charge(&m->s, n, &req, m->now);
		break;
	case 6:
		if (n->queued)
			vmshare_cancel(&m->s, n, m->now);
		break;
	case 7:
		if (!n->children)
			share_model_alone(m, n, &req);
		break;
	case 8:
	case 9:
		if (!n->children)
			vmshare_enqueue(&m->s, n, m->now);
		break;
	default:
		before = *m;
		n = vmshare_pick(&m->s, m->now);
		if (!share_model_check(m) || !share_model_pick(m, n, &before))
			return false;
		SHARE_MODEL_NO(!n && vmshare_next(&m->s, m->now) == m->now);
		if (n)
			vmshare_serve(&m->s, n, &req, m->now);
		else if (vmshare_next(&m->s, m->now) != VMSHARE_NEVER && value & 1)
			m->now = vmshare_next(&m->s, m->now);
	}
	return share_model_check(m);
}

#endif /* UNIT_SHARE_MODEL_H */
