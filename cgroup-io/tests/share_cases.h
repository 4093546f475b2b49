/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Classes on a device that serves one request after the other, for KUnit and for user
 * space.
 */
#ifndef CGIO_SHARE_CASES_H
#define CGIO_SHARE_CASES_H

#include "../share_core.h"

#define SHARE_CASE_CLASSES 6
#define MSEC 1000000ULL

/**
 * struct share_class - a class of a case
 * @parent: number of its parent, from 1; 0 is the root
 * @weight: its shares
 * @limit: by enum vmshare_unit
 * @reserve: by enum vmshare_unit
 * @bytes: of each of its requests, 0 if it has none
 * @from: when it has its first, in ns; from then on it has some always
 * @until: when it has no more, in ns; 0 = never
 * @served: requests expected
 */
struct share_class {
	unsigned int parent;
	u32 weight;
	u64 limit[VMSHARE_UNITS];
	u64 reserve[VMSHARE_UNITS];
	u32 bytes;
	u64 from;
	u64 until;
	u32 served;
};

/**
 * struct share_case - a second of a device
 * @name: of the case
 * @ns: that the device takes for a request
 * @n: classes
 * @slack: requests that a class may have more or less than expected
 * @classes: the classes
 */
struct share_case {
	const char *name;
	u64 ns;
	unsigned int n;
	u32 slack;
	struct share_class classes[SHARE_CASE_CLASSES];
};

/* Of all cases: a device of 1000 requests a second. */
#define ALL(w, c) { .weight = w, .bytes = 4096, .served = c }
#define LIMITED(w, o, c) { .weight = w, .limit = { o }, .bytes = 4096, .served = c }
#define PROMISED(w, r, c) { .weight = w, .reserve = { r }, .bytes = 4096, .served = c }
#define GROUP(w) { .weight = w }
#define CHILD(p, w, c) { .parent = p, .weight = w, .bytes = 4096, .served = c }

static const struct share_case share_cases[] = {
	{ "one alone", MSEC, 1, 0, { ALL(1, 1000) } },
	{ "two alike", MSEC, 2, 1, { ALL(100, 500), ALL(100, 500) } },
	{ "shares", MSEC, 3, 2, { ALL(100, 143), ALL(200, 286), ALL(400, 571) } },
	{ "the extremes", MSEC, 2, 1, { ALL(1, 1), ALL(10000, 999) } },
	{ "by size", MSEC, 2, 1, { { .weight = 100, .bytes = 12288, .served = 250 },
				   { .weight = 100, .bytes = 4096, .served = 750 } } },
	{ "a limit", MSEC, 2, 2, { LIMITED(100, 200, 202), ALL(100, 798) } },
	{ "a limit that all keep", MSEC, 2, 2, { LIMITED(100, 200, 202),
						 LIMITED(100, 300, 303) } },
	{ "a limit above the share", MSEC, 2, 2, { LIMITED(100, 800, 500),
						   ALL(100, 500) } },
	{ "a limit of bytes", MSEC, 2, 2,
	  { { .weight = 100, .limit = { 0, 409600 }, .bytes = 4096, .served = 101 },
	    ALL(100, 899) } },
	{ "the tighter limit", MSEC, 1, 2,
	  { { .weight = 100, .limit = { 300, 409600 }, .bytes = 4096, .served = 101 } } },
	{ "the other one tighter", MSEC, 1, 2,
	  { { .weight = 100, .limit = { 100, 1228800 }, .bytes = 4096, .served = 101 } } },
	{ "a reservation above the share", MSEC, 2, 8, { PROMISED(100, 700, 700),
							 ALL(100, 300) } },
	{ "a reservation below the share", MSEC, 2, 4, { PROMISED(100, 300, 500),
							 ALL(100, 500) } },
	{ "reservations first, the rest by shares", MSEC, 3, 8,
	  { PROMISED(1, 400, 400), ALL(100, 200), ALL(200, 400) } },
	{ "a limit before a reservation", MSEC, 2, 2,
	  { { .weight = 100, .limit = { 200 }, .reserve = { 500 }, .bytes = 4096,
	      .served = 202 }, ALL(100, 798) } },
	{ "promises of more than there is", MSEC, 3, 20,
	  { PROMISED(1, 1000, 484), PROMISED(1, 1000, 484), ALL(10000, 32) } },
	{ "a reservation of bytes", MSEC, 2, 8,
	  { { .weight = 1, .reserve = { 0, 2457600 }, .bytes = 4096, .served = 600 },
	    ALL(100, 400) } },
	{ "a group", MSEC, 4, 2, { ALL(100, 500), GROUP(100), CHILD(2, 100, 125),
				   CHILD(2, 300, 375) } },
	{ "a group within a group", MSEC, 5, 2, { ALL(300, 750), GROUP(100),
						  CHILD(2, 100, 125),
						  { .parent = 2, .weight = 100 },
						  CHILD(4, 1, 125) } },
	{ "a group's idle child", MSEC, 4, 2, { ALL(100, 500), GROUP(100),
						CHILD(2, 100, 500),
						{ .parent = 2, .weight = 900 } } },
	{ "a group's limit", MSEC, 4, 3,
	  { ALL(100, 798), { .weight = 100, .limit = { 200 } }, CHILD(2, 100, 51),
	    CHILD(2, 300, 151) } },
	{ "a group's reservation", MSEC, 4, 8,
	  { ALL(100, 200), { .weight = 100, .reserve = { 800 } }, CHILD(2, 100, 200),
	    CHILD(2, 300, 600) } },
	{ "a reservation within a group", MSEC, 4, 12,
	  { ALL(100, 500), { .weight = 100, .reserve = { 400 } },
	    { .parent = 2, .weight = 1, .reserve = { 300 }, .bytes = 4096,
	      .served = 300 }, CHILD(2, 100, 200) } },
	{ "a group's reservation is all its children have", MSEC, 3, 8,
	  { ALL(10000, 900), { .weight = 1, .reserve = { 100 } },
	    { .parent = 2, .weight = 1, .reserve = { 800 }, .bytes = 4096,
	      .served = 100 } } },
	{ "a reservation within a group without one", MSEC, 4, 12,
	  { ALL(10000, 700), { .weight = 1 },
	    { .parent = 2, .weight = 1, .reserve = { 300 }, .bytes = 4096,
	      .served = 300 }, CHILD(2, 100, 0) } },
	{ "nobody saves up", MSEC, 2, 2,
	  { ALL(100, 750), { .weight = 100, .bytes = 4096, .from = 500 * MSEC,
			     .served = 250 } } },
	{ "what one leaves the others have", MSEC, 3, 3,
	  { ALL(100, 417), { .weight = 100, .bytes = 4096, .until = 500 * MSEC,
			     .served = 167 }, ALL(100, 417) } },
};

#undef ALL
#undef LIMITED
#undef PROMISED
#undef GROUP
#undef CHILD

static unsigned int share_case_index(const struct vmshare_node *nodes,
				     const struct vmshare_node *n)
{
	return n - nodes;
}

/* Who has something to send, at @now. */
static void share_case_arrivals(const struct share_case *c, struct vmshare_sched *s,
				struct vmshare_node *nodes, u64 now)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		const struct share_class *k = &c->classes[i];
		const bool has = k->bytes && now >= k->from && (!k->until || now < k->until);

		while (has && nodes[i].queued < 2)
			vmshare_enqueue(s, &nodes[i], now);
		while (!has && nodes[i].queued)
			vmshare_cancel(s, &nodes[i], now);
	}
}

/* Serve for a second; @nodes are @c->n, what each has had comes in @served. */
static void share_case_run(const struct share_case *c, struct vmshare_sched *s,
			   struct vmshare_node *nodes, u32 *served)
{
	unsigned int i, unit;
	u64 now = 0;

	vmshare_init(s);
	for (i = 0; i < c->n; i++) {
		const struct share_class *k = &c->classes[i];

		served[i] = 0;
		vmshare_add(&nodes[i], k->parent ? &nodes[k->parent - 1] : &s->root,
			    k->weight);
		for (unit = 0; unit < VMSHARE_UNITS; unit++) {
			vmshare_set_limit(s, &nodes[i], unit, k->limit[unit], 0);
			vmshare_set_reserve(s, &nodes[i], unit, k->reserve[unit], 0);
		}
	}
	while (now < 1000 * MSEC) {
		struct vmshare_node *n;

		share_case_arrivals(c, s, nodes, now);
		n = vmshare_pick(s, now);
		if (n) {
			const u32 bytes = c->classes[share_case_index(nodes, n)].bytes;
			const struct vmshare_req req = { bytes, { 1, bytes } };

			vmshare_serve(s, n, &req, now);
			served[share_case_index(nodes, n)]++;
		}
		now += c->ns;
	}
}

#endif /* CGIO_SHARE_CASES_H */
