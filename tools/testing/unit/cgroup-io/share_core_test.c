// SPDX-License-Identifier: GPL-2.0
/*
 * Shares, limits and reservations: the case tables, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "share_model.h"
#include "tests/share_cases.h"

#define SEC 1000000000ULL
#define CLASSES 12
#define MANY 4000

static struct vmshare_sched sched;
static struct vmshare_node nodes[MANY];
static struct vmshare_req reqs[CLASSES];
static u64 had[CLASSES];

static void cases(void)
{
	u32 served[SHARE_CASE_CLASSES];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(share_cases); i++) {
		const struct share_case *c = &share_cases[i];

		share_case_run(c, &sched, nodes, served);
		for (j = 0; j < c->n; j++) {
			const u32 want = c->classes[j].served;

			EXPECT(served[j] <= want + c->slack && served[j] + c->slack >= want,
			       "%s: class %u has %u, not %u", c->name, j + 1, served[j], want);
		}
	}
}

/* After any change everybody stands in the right place, and the right one is picked. */
static void places(void)
{
	unsigned long rounds = utest_iterations(500), steps;

	while (rounds--) {
		static struct share_model m;

		memset(&m, 0, sizeof(m));
		vmshare_init(&m.s);
		m.now = utest_one_in(2) ? 0 : utest_rand() >> 1;
		for (steps = 0; steps < 200; steps++) {
			u8 what = utest_rand(), which = utest_rand();

			if (!EXPECT(share_model_step(&m, what, which, utest_rand()),
				    "step %lu: %u of %u", steps, what % 11, which))
				return;
		}
	}
}

static u32 some_weight(void)
{
	return utest_below(utest_one_in(2) ? 10 : VMSHARE_WEIGHT_MAX) + 1;
}

static u32 some_bytes(void)
{
	return (utest_below(utest_one_in(2) ? 4 : 1024) + 1) << 12;
}

/* Classes at one level that always have requests, each its own size. */
static unsigned int make(void)
{
	unsigned int i, n = utest_below(CLASSES - 1) + 2;

	vmshare_init(&sched);
	for (i = 0; i < n; i++) {
		u32 bytes = some_bytes();

		vmshare_add(&nodes[i], &sched.root, some_weight());
		reqs[i] = (struct vmshare_req){ bytes, { 1, bytes } };
		had[i] = 0;
	}
	return n;
}

static unsigned int serve(u64 now)
{
	struct vmshare_node *n = vmshare_pick(&sched, now);
	unsigned int i;

	if (!n)
		return MANY;
	i = n - nodes;
	vmshare_serve(&sched, n, &reqs[i], now);
	had[i] += reqs[i].cost;
	return i;
}

/* No two are further apart than a request of each; rounding takes 2^-20 each time. */
static bool apart(unsigned int i, unsigned int j, const u64 *since, u64 served)
{
	double a = (double)(had[i] - since[i]) / nodes[i].weight;
	double b = (double)(had[j] - since[j]) / nodes[j].weight;
	double most = (double)reqs[i].cost / nodes[i].weight +
		      (double)reqs[j].cost / nodes[j].weight + served / 1048576.0;

	return a - b > most || b - a > most;
}

static void shares(void)
{
	unsigned long rounds = utest_iterations(400);

	while (rounds--) {
		unsigned int i, j, n = make();
		u64 since[CLASSES] = { }, now = 0, served = 0, steps;

		for (i = 0; i < n; i++)
			vmshare_enqueue(&sched, &nodes[i], now);
		for (steps = 0; steps < 400; steps++) {
			/* Half way one gets other shares; what was before does not count. */
			if (steps == 200) {
				vmshare_set_weight(&sched, &nodes[0], some_weight(), now);
				memcpy(since, had, sizeof(since));
			}
			i = serve(now);
			if (!EXPECT(i < n, "nobody's turn"))
				return;
			vmshare_enqueue(&sched, &nodes[i], now);
			now += utest_below(1000000);
			served++;
			for (j = 0; j < n; j++) {
				if (j != i && steps < 200)
					EXPECT(!apart(i, j, since, served), "%u and %u", i, j);
				/* A request of each was under way then. */
				if (j != i && steps >= 200 && apart(i, j, since, served)) {
					reqs[i].cost *= 2;
					reqs[j].cost *= 2;
					EXPECT(!apart(i, j, since, served), "%u and %u later",
					       i, j);
					reqs[i].cost /= 2;
					reqs[j].cost /= 2;
				}
			}
		}
	}
}

/* Who was away has its share from now on, and nothing for the time before. */
static void no_hoard(void)
{
	unsigned long rounds = utest_iterations(400);

	while (rounds--) {
		unsigned int i, n = make();
		u64 since[CLASSES], steps;

		for (i = 0; i < n; i++)
			vmshare_enqueue(&sched, &nodes[i], 0);
		/* Class 0 goes as soon as it has been served, or never was there. */
		for (steps = 0; steps < 300; steps++) {
			i = serve(0);
			if (!EXPECT(i < n, "nobody's turn"))
				return;
			if (i)
				vmshare_enqueue(&sched, &nodes[i], 0);
		}
		if (nodes[0].queued)
			vmshare_cancel(&sched, &nodes[0], 0);
		memcpy(since, had, sizeof(since));
		vmshare_enqueue(&sched, &nodes[0], 0);
		for (steps = 0; steps < 300; steps++) {
			unsigned int j;

			i = serve(0);
			vmshare_enqueue(&sched, &nodes[i], 0);
			for (j = 1; j < n; j++) {
				double a = (double)(had[0] - since[0]) / nodes[0].weight;
				double b = (double)(had[j] - since[j]) / nodes[j].weight;

				EXPECT(a - b <= (double)reqs[0].cost / nodes[0].weight +
				       2.0 * reqs[j].cost / nodes[j].weight + 0.001,
				       "%f before %f", a, b);
			}
		}
	}
}

/* Events of a class, for windows. */
#define EVENTS 600

static u64 event_at[EVENTS];
static u32 event_size[EVENTS];

/* Any window: at most the rate for its length and the burst, and one request. */
static void check_windows(unsigned int n, u64 rate, u32 biggest)
{
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		u64 sum = 0;

		for (j = i; j < n; j++) {
			double most = (double)rate *
				(event_at[j] - event_at[i] + VMSHARE_BURST_NS) / SEC + biggest;

			sum += event_size[j];
			if (!EXPECT(sum <= most + 0.001, "%llu of %f", sum, most))
				return;
		}
	}
}

static void limits(void)
{
	unsigned long rounds = utest_iterations(60);

	while (rounds--) {
		const enum vmshare_unit unit = utest_below(VMSHARE_UNITS);
		const u64 rate = (utest_below(1000) + 1) << utest_below(unit ? 21 : 8);
		const bool above = utest_one_in(2);
		u64 now = utest_rand() >> 2, served = 0, begin;
		unsigned int n = 0;
		u32 biggest = 0;

		vmshare_init(&sched);
		vmshare_add(&nodes[0], &sched.root, 100);
		vmshare_add(&nodes[1], &nodes[0], 100);
		vmshare_set_limit(&sched, &nodes[!above], unit, rate, now);
		begin = now;
		while (n < EVENTS) {
			u32 bytes = some_bytes();
			const struct vmshare_req req = { bytes, { 1, bytes } };
			u64 next;

			if (!nodes[1].queued)
				vmshare_enqueue(&sched, &nodes[1], now);
			if (vmshare_pick(&sched, now)) {
				vmshare_serve(&sched, &nodes[1], &req, now);
				event_at[n] = now;
				event_size[n] = req.amount[unit];
				biggest = max(biggest, event_size[n]);
				served += event_size[n++];
				continue;
			}
			next = vmshare_next(&sched, now);
			if (!EXPECT(next > now && next != VMSHARE_NEVER, "waits for nothing"))
				return;
			/* Never let it wait longer than its limit says. */
			EXPECT(served + biggest >= (double)rate * (now - begin) / SEC,
			       "%llu of %f", served, (double)rate * (now - begin) / SEC);
			now = next + (utest_one_in(50) ? utest_below(SEC) : 0);
			if (now != next) {
				begin = now;
				served = 0;
			}
		}
		check_windows(n, rate, biggest);
	}
}

/* A reservation that the device can keep is kept, whatever the others have. */
static void reserves(void)
{
	unsigned long rounds = utest_iterations(60);

	while (rounds--) {
		const u64 speed = 1000 + utest_below(100000);	/* requests per second */
		u64 now = utest_rand() >> 2, begin, left = speed * 9 / 10, steps;
		unsigned int i, n = make();
		u64 rate[CLASSES] = { }, arrived[CLASSES], count[CLASSES] = { };
		const bool leave = utest_one_in(2);
		struct vmshare_node *group = utest_one_in(2) ? &nodes[CLASSES] : NULL;
		/* Who comes back may catch up some time first, before the others. */
		const u64 slack = 2 + n + (leave ? speed * VMSHARE_PAUSE_NS / SEC : 0);

		if (group)
			vmshare_add(group, &sched.root, some_weight());
		for (i = 0; i < n; i++) {
			/* One level down they are as good. */
			if (group && utest_one_in(2)) {
				vmshare_del(&sched, &nodes[i], now);
				vmshare_add(&nodes[i], group, some_weight());
			}
			rate[i] = utest_one_in(2) ? utest_below(left) : 0;
			left -= rate[i];
			vmshare_set_reserve(&sched, &nodes[i], VMSHARE_OPS, rate[i], now);
			reqs[i].amount[VMSHARE_OPS] = 1;
			arrived[i] = now;
			vmshare_enqueue(&sched, &nodes[i], now);
		}
		begin = now;
		for (steps = 0; steps < 4000; steps++) {
			i = serve(now);
			if (!EXPECT(i < n || leave, "nobody's turn"))
				return;
			/* Or all are away. */
			if (i < n) {
				count[i]++;
				if (leave && utest_one_in(1000))
					arrived[i] = VMSHARE_NEVER;
				else
					vmshare_enqueue(&sched, &nodes[i], now);
			}
			now = begin + SEC * (steps + 1) / speed;
			for (i = 0; i < n; i++) {
				if (arrived[i] == VMSHARE_NEVER && utest_one_in(100)) {
					vmshare_enqueue(&sched, &nodes[i], now);
					arrived[i] = now;
					count[i] = 0;
				}
				if (arrived[i] == VMSHARE_NEVER)
					continue;
				EXPECT(count[i] + slack >= rate[i] * (now - arrived[i]) / SEC,
				       "class %u: %llu of %llu at %llu", i, count[i],
				       rate[i] * (now - arrived[i]) / SEC, speed);
			}
		}
	}
}

/* Whatever was promised to others, everybody has a turn. */
static void no_starvation(void)
{
	unsigned int i, n, turns;

	vmshare_init(&sched);
	for (i = 0; i < CLASSES; i++) {
		vmshare_add(&nodes[i], &sched.root, i ? VMSHARE_WEIGHT_MAX : 100);
		reqs[i] = (struct vmshare_req){ 4096, { 1, 4096 } };
		had[i] = 0;
		if (i > 1)
			vmshare_set_reserve(&sched, &nodes[i], VMSHARE_OPS, 1000000, 0);
		vmshare_enqueue(&sched, &nodes[i], 0);
	}
	for (turns = 0; turns < 32 * 101 * 10; turns++) {
		n = serve(turns * 1000000ULL);
		vmshare_enqueue(&sched, &nodes[n], turns * 1000000ULL);
	}
	EXPECT(had[1] >= 900 * 4096, "%llu", had[1]);
	EXPECT(had[0] >= 9 * 4096, "%llu", had[0]);
}

/* A great many, two levels of them; all have their share. */
static void many(void)
{
	static u32 count[MANY];
	const struct vmshare_req req = { 4096, { 1, 4096 } };
	unsigned int i, turns;

	memset(count, 0, sizeof(count));
	vmshare_init(&sched);
	for (i = 0; i < MANY; i++) {
		vmshare_add(&nodes[i], i < 40 ? &sched.root : &nodes[i % 40], 100);
		vmshare_set_limit(&sched, &nodes[i], VMSHARE_OPS, 1 << 20, 0);
	}
	for (i = 40; i < MANY; i++)
		vmshare_enqueue(&sched, &nodes[i], 0);
	for (turns = 0; turns < 20 * (MANY - 40); turns++) {
		struct vmshare_node *n = vmshare_pick(&sched, turns * 1000ULL);

		if (!EXPECT(n, "nobody's turn"))
			return;
		vmshare_serve(&sched, n, &req, turns * 1000ULL);
		vmshare_enqueue(&sched, n, turns * 1000ULL);
		count[n - nodes]++;
	}
	for (i = 40; i < MANY; i++)
		EXPECT(count[i] >= 19 && count[i] <= 21, "class %u has %u", i, count[i]);
	for (i = MANY; i-- > 0;)
		EXPECT(vmshare_del(&sched, &nodes[i], 0), "class %u", i);
	EXPECT(!sched.root.ready.top && !sched.waiting.top, "something is left");
}

/* What may not wait is paid back later, but not for ever. */
static void debts(void)
{
	const struct vmshare_req big = { 1 << 20, { 1, 1 << 20 } };
	const struct vmshare_req huge = { ~0U, { ~0U, ~0U } };
	unsigned int i;
	u64 next;

	vmshare_init(&sched);
	for (i = 0; i < 2; i++) {
		vmshare_add(&nodes[i], &sched.root, 100);
		reqs[i] = (struct vmshare_req){ 1 << 20, { 1, 1 << 20 } };
		had[i] = 0;
	}
	vmshare_enqueue(&sched, &nodes[1], 0);
	vmshare_charge(&sched, &nodes[0], &big, 0);
	vmshare_charge(&sched, &nodes[0], &big, 0);
	vmshare_enqueue(&sched, &nodes[0], 0);
	for (i = 0; i < 10; i++)
		vmshare_enqueue(&sched, &nodes[serve(0)], 0);
	EXPECT(had[0] == 4 << 20 && had[1] == 6 << 20, "%llu and %llu", had[0], had[1]);

	vmshare_set_limit(&sched, &nodes[0], VMSHARE_BYTES, 10 << 20, 0);
	vmshare_charge(&sched, &nodes[0], &big, 0);
	vmshare_cancel(&sched, &nodes[1], 0);
	next = vmshare_next(&sched, 0);
	EXPECT_EQ(next, SEC / 10 - VMSHARE_BURST_NS, "waits for what it owes");
	for (i = 0; i < 1000; i++)
		vmshare_charge(&sched, &nodes[0], &huge, 0);
	next = vmshare_next(&sched, 0);
	EXPECT(next > SEC / 2 && next <= SEC, "waits %llu ns", next);
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_BYTES, 1, 0);
	next = vmshare_next(&sched, 0);
	EXPECT(next > SEC / 2 && next <= SEC, "waits %llu ns for one byte", next);
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_BYTES, 0, 0);
	EXPECT_EQ(vmshare_next(&sched, 0), 0, "no limit, no wait");

	/* A share that was paid with ten requests of the most a request counts for. */
	for (i = 0; i < 10; i++)
		vmshare_charge(&sched, &nodes[0], &huge, 0);
	vmshare_enqueue(&sched, &nodes[1], 0);
	had[0] = 0;
	for (i = 0; i < 6; i++)
		vmshare_enqueue(&sched, &nodes[serve(0)], 0);
	EXPECT(had[0], "pays for ever");

	/* Nor is it forgiven because it is more than the most. */
	vmshare_init(&sched);
	for (i = 0; i < 2; i++) {
		vmshare_add(&nodes[i], &sched.root, 100);
		had[i] = 0;
	}
	vmshare_enqueue(&sched, &nodes[1], 0);
	vmshare_charge(&sched, &nodes[0], &huge, 0);
	vmshare_charge(&sched, &nodes[0], &huge, 0);
	vmshare_enqueue(&sched, &nodes[0], 0);
	for (i = 0; i < 4; i++)
		vmshare_enqueue(&sched, &nodes[serve(0)], 0);
	EXPECT_EQ(had[1], VMSHARE_AMOUNT_MAX, "is forgiven");
}

/* What a reservation took beyond the share is forgotten soon after it is gone. */
static void no_grudge(void)
{
	u64 now = 0;
	unsigned int i;

	vmshare_init(&sched);
	for (i = 0; i < 2; i++) {
		vmshare_add(&nodes[i], &sched.root, 100);
		reqs[i] = (struct vmshare_req){ 1 << 16, { 1, 1 << 16 } };
		vmshare_enqueue(&sched, &nodes[i], 0);
	}
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 900, 0);
	had[0] = 0;
	for (i = 0; i < 10000; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	/* That is the larger of reservation and share, not both. */
	EXPECT(had[0] >= 8990ULL << 16 && had[0] <= 9100ULL << 16, "%llu", had[0] >> 16);
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 0, now);
	had[0] = 0;
	had[1] = 0;
	for (i = 0; i < 1000; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	EXPECT(had[1] - had[0] <= VMSHARE_AMOUNT_MAX + (2 << 16), "%llu and %llu",
	       had[0], had[1]);
}

/* Two of them, the first with a reservation and next to no share. */
static void promise(u64 rate, u64 now)
{
	unsigned int i;

	vmshare_init(&sched);
	for (i = 0; i < 2; i++) {
		vmshare_add(&nodes[i], &sched.root, i ? VMSHARE_WEIGHT_MAX : 1);
		reqs[i] = (struct vmshare_req){ 1, { 1, 1 } };
		had[i] = 0;
	}
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, rate, now);
	vmshare_enqueue(&sched, &nodes[0], now);
}

/* A reservation is neither saved up while a class is away, nor used up in good times. */
static void reserve_times(void)
{
	u64 now = 0;
	unsigned int i;

	promise(500, now);
	vmshare_enqueue(&sched, &nodes[1], now);
	now += 10 * SEC;
	vmshare_cancel(&sched, &nodes[0], now - 1);
	vmshare_enqueue(&sched, &nodes[0], now);
	for (i = 0; i < 200; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	EXPECT(had[0] >= 99 && had[0] <= 107, "%llu after a pause", had[0]);

	promise(500, now);
	for (i = 0; i < 1000; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	vmshare_enqueue(&sched, &nodes[1], now);
	had[0] = 0;
	for (i = 0; i < 100; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	EXPECT(had[0] >= 49 && had[0] <= 52, "%llu after good times", had[0]);

	/* Two and a half ns for each. */
	promise(400000000, now);
	vmshare_enqueue(&sched, &nodes[1], now);
	for (i = 0; i < 1000; i++, now++)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	EXPECT(had[0] >= 398 && had[0] <= 402, "%llu of 400", had[0]);
}

/* Who takes a promise back and has it made again is not the sooner served for that. */
static void renewed(void)
{
	unsigned int i;
	u64 now = 0;

	promise(100, now);
	vmshare_enqueue(&sched, &nodes[1], now);
	for (i = 0; i < 1000; i++, now += SEC / 1000) {
		if (i % 3)
			vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, i % 3 - 1 ? 100 : 0,
					    now);
		else
			vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 50, now);
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	}
	EXPECT(had[0] <= 100, "%llu", had[0]);
	/* But it is served, and at once where it had nothing. */
	EXPECT(had[0] >= 15, "%llu", had[0]);
	now += SEC;
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 0, now);
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 1, now);
	EXPECT_EQ(serve(now), 0, "late after a pause");
	vmshare_enqueue(&sched, &nodes[0], now);
	/* The time until the next is that of the rate there is. */
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 10, now);
	EXPECT_EQ(nodes[0].reserve[VMSHARE_OPS].due, now + SEC / 10, "at the new rate");
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 3, now);
	vmshare_set_reserve(&sched, &nodes[0], VMSHARE_OPS, 10, now);
	EXPECT_EQ(nodes[0].reserve[VMSHARE_OPS].due, now + SEC / 10, "nothing is lost");
}

/* What is lacking of a promise: more than there is, kept, limited, without requests. */
static void behind(void)
{
	unsigned int i;
	u64 now = 0;

	promise(2000, now);
	vmshare_enqueue(&sched, &nodes[0], now);
	vmshare_enqueue(&sched, &nodes[1], now);
	EXPECT_EQ(vmshare_behind(&nodes[0], now), 0, "at once");
	for (i = 0; i < 1000; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	/* Half of what was promised in a second. */
	EXPECT(vmshare_behind(&nodes[0], now) >= SEC / 2 - SEC / 1000, "%llu",
	       vmshare_behind(&nodes[0], now));
	EXPECT(vmshare_behind(&nodes[0], now) <= SEC * 6 / 10, "%llu",
	       vmshare_behind(&nodes[0], now));
	EXPECT_EQ(vmshare_behind(&nodes[0], now + 10 * SEC), VMSHARE_CREDIT_NS, "for long");
	EXPECT_EQ(vmshare_behind(&nodes[1], now), 0, "nothing was promised");
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_OPS, 1, now);
	vmshare_serve(&sched, &nodes[0], &reqs[0], now);
	EXPECT_EQ(vmshare_behind(&nodes[0], now), 0, "at its limit");

	promise(500, now);
	vmshare_enqueue(&sched, &nodes[0], now);
	EXPECT_EQ(serve(now), 0, "it is due");
	EXPECT_EQ(vmshare_behind(&nodes[0], now), 0, "the next is not due yet");
	vmshare_enqueue(&sched, &nodes[1], now);
	for (i = 0; i < 1000; i++, now += SEC / 1000)
		vmshare_enqueue(&sched, &nodes[serve(now)], now);
	EXPECT(vmshare_behind(&nodes[0], now) <= SEC / 500, "%llu of a promise that is kept",
	       vmshare_behind(&nodes[0], now));
	now += SEC / 2;
	EXPECT(vmshare_behind(&nodes[0], now) >= SEC / 2 - SEC / 500, "not served");
	vmshare_cancel(&sched, &nodes[0], now);
	EXPECT_EQ(vmshare_behind(&nodes[0], now), 0, "without requests");
}

/* Time that only a limit takes: of a class, of one above it, lifted, without requests. */
static void throttled(void)
{
	/* For a request more than the rate of two per second lets through. */
	const u64 wait = SEC / 2 - VMSHARE_BURST_NS;
	struct vmshare_node *group = &nodes[2];
	u64 now = SEC;

	promise(0, now);
	EXPECT_EQ(vmshare_throttled(&nodes[0], now + SEC), 0, "waits for its turn");
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_OPS, 2, now);
	vmshare_enqueue(&sched, &nodes[0], now);
	EXPECT_EQ(serve(now), 0, "its first");
	vmshare_set_weight(&sched, &nodes[0], 2, now);
	EXPECT_EQ(vmshare_throttled(&nodes[0], now + SEC / 10), SEC / 10, "waits");
	now += SEC;
	EXPECT_EQ(vmshare_throttled(&nodes[0], now), wait, "could go on long ago");
	EXPECT_EQ(serve(now), 0, "its second");
	EXPECT_EQ(vmshare_throttled(&nodes[0], now + SEC), wait, "has no more");
	vmshare_enqueue(&sched, &nodes[0], now);
	now += SEC / 10;
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_OPS, 0, now);
	EXPECT_EQ(vmshare_throttled(&nodes[0], now + SEC), wait + SEC / 10, "the limit is gone");
	vmshare_cancel(&sched, &nodes[0], now);

	vmshare_add(group, &sched.root, 100);
	vmshare_add(&nodes[3], group, 100);
	vmshare_set_limit(&sched, group, VMSHARE_OPS, 1, now);
	vmshare_charge(&sched, &nodes[3], &reqs[0], now);
	vmshare_enqueue(&sched, &nodes[3], now);
	EXPECT_EQ(vmshare_throttled(group, now + SEC / 4), SEC / 4, "above");
	EXPECT_EQ(vmshare_throttled(&nodes[3], now + SEC / 4), 0, "below");
	vmshare_cancel(&sched, &nodes[3], now + SEC / 4);
	EXPECT_EQ(vmshare_throttled(group, now + SEC), SEC / 4, "the request is gone");
}

/* No request counts for more than the most. */
static void oversized(void)
{
	const struct vmshare_req huge = { ~0U, { ~0U, ~0U } };
	u64 next;

	vmshare_init(&sched);
	vmshare_add(&nodes[0], &sched.root, 1);
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_BYTES, VMSHARE_AMOUNT_MAX / 2, 0);
	vmshare_enqueue(&sched, &nodes[0], 0);
	vmshare_enqueue(&sched, &nodes[0], 0);
	vmshare_serve(&sched, &nodes[0], &huge, 0);
	next = vmshare_next(&sched, 0);
	EXPECT_EQ(next, 2 * SEC - VMSHARE_BURST_NS, "waits too long or too short");
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_OPS, VMSHARE_AMOUNT_MAX / 4, 0);
	EXPECT_EQ(vmshare_next(&sched, 0), next, "the limit set last does not count yet");
	vmshare_del(&sched, &nodes[0], 0);
	vmshare_add(&nodes[0], &sched.root, 1);
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_OPS, 1, 0);
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_BYTES, VMSHARE_AMOUNT_MAX, 0);
	vmshare_enqueue(&sched, &nodes[0], 0);
	vmshare_enqueue(&sched, &nodes[0], 0);
	vmshare_serve(&sched, &nodes[0], &(struct vmshare_req){ 1, { 1, ~0U } }, 0);
	EXPECT_EQ(vmshare_next(&sched, 0), SEC - VMSHARE_BURST_NS, "both limits alike");
	vmshare_set_limit(&sched, &nodes[0], VMSHARE_BYTES, 4 * VMSHARE_AMOUNT_MAX, 0);
	EXPECT_EQ(vmshare_next(&sched, 0), SEC - VMSHARE_BURST_NS, "the longer wait counts");
}

static void refusals(void)
{
	unsigned int i;

	vmshare_init(&sched);
	EXPECT_EQ(vmshare_next(&sched, 5), VMSHARE_NEVER, "an empty tree");
	EXPECT(!vmshare_pick(&sched, 5), "of an empty tree");
	for (i = 0; i < VMSHARE_DEPTH_MAX; i++)
		EXPECT(vmshare_add(&nodes[i], i ? &nodes[i - 1] : &sched.root, 1), "%u", i);
	EXPECT(!vmshare_add(&nodes[i], &nodes[i - 1], 1), "too deep");
	EXPECT(!vmshare_del(&sched, &nodes[i - 2], 0), "has a child");
	EXPECT(vmshare_del(&sched, &nodes[i - 1], 0), "has none");
	vmshare_enqueue(&sched, &nodes[i - 2], 0);
	EXPECT(!vmshare_add(&nodes[i - 1], &nodes[i - 2], 1), "has requests");
	EXPECT(vmshare_pick(&sched, 0) == &nodes[i - 2], "the one with requests");
	EXPECT(vmshare_del(&sched, &nodes[i - 2], 0), "with requests");
	EXPECT(!vmshare_pick(&sched, 0), "gone with its requests");
}

UTEST_ALL(UTEST(cases), UTEST(places), UTEST(shares), UTEST(no_hoard), UTEST(limits),
	  UTEST(reserves), UTEST(no_starvation), UTEST(many), UTEST(debts),
	  UTEST(no_grudge), UTEST(reserve_times), UTEST(renewed), UTEST(behind),
	  UTEST(throttled), UTEST(oversized), UTEST(refusals));
