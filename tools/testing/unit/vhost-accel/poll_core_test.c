// SPDX-License-Identifier: GPL-2.0
/*
 * Polling policy: the case table, and properties.
 */
#include "../utest.h"
#include "tests/poll_cases.h"

#define WAITS 2000
#define LEARN 200

static u32 random_max(void)
{
	static const u32 top[] = { 2, 100, 10000, 1000000, VHA_POLL_MAX_NS };

	return utest_below(top[utest_below(ARRAY_SIZE(top))] + 1ULL);
}

static u64 random_gap(u32 max)
{
	switch (utest_below(4)) {
	case 0:
		return utest_rand();
	case 1:
		return max + utest_below(3) - 1;
	case 2:
		return utest_below(max + 1ULL);
	default:
		return utest_below(4ULL * max + 2);
	}
}

static void cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(poll_cases); i++) {
		const struct poll_case *c = &poll_cases[i];
		u32 span = poll_case_run(c);

		EXPECT(span >= c->least && span <= c->most, "%s: %u", c->name, span);
	}
}

/* The owner's bound holds whatever was learnt under another. */
static void bound_holds(void)
{
	unsigned long i, n = utest_iterations(200000);
	struct vha_poll_policy p;

	vha_poll_policy_init(&p);
	for (i = 0; i < n; i++) {
		u32 max = utest_one_in(10) ? 0 : random_max();
		u32 span = vha_poll_span(&p, max);

		EXPECT(span <= max, "%u of %u", span, max);
		EXPECT(p.hit <= VHA_POLL_ONE, "%u", p.hit);
		vha_poll_note(&p, random_gap(max), max);
	}
}

/* Waits known to be longer than a new bound are not polled for. */
static void bound_shrinks(void)
{
	struct vha_poll_policy p;
	unsigned int k;

	vha_poll_policy_init(&p);
	for (k = 0; k < 100; k++)
		vha_poll_note(&p, 50000, 100000);
	vha_poll_note(&p, ~0ULL, 100000);
	EXPECT(vha_poll_span(&p, 100000) >= 50000, "the old bound");
	EXPECT_EQ(vha_poll_span(&p, 10000), 0, "the new bound");
}

/* From wherever it stands, some waits of a kind are enough to know the kind. */
static void learns(void)
{
	unsigned long i, n = utest_iterations(2000);

	for (i = 0; i < n; i++) {
		u32 max = VHA_POLL_MARGIN_NS + random_max() / 2;
		u64 near = utest_below(max * 4ULL / 5);
		struct vha_poll_policy p;
		unsigned int k;

		vha_poll_policy_init(&p);
		for (k = utest_below(100); k; k--)
			vha_poll_note(&p, random_gap(max), max);
		for (k = 0; k < 50; k++)
			vha_poll_note(&p, near, max);
		EXPECT(vha_poll_span(&p, max) >= near, "%u for waits of %llu, bound %u",
		       vha_poll_span(&p, max), (unsigned long long)near, max);
		/* After 50 one wait in 900 may be near: worth it where the bound is 900 spans. */
		for (k = 0; k < 100; k++)
			vha_poll_note(&p, max + 1 + utest_below(1000), max);
		EXPECT_EQ(vha_poll_span(&p, max), 0, "far waits, bound %u", max);
	}
}

/* The polling that is in vain ends before it costs more than some bounds. */
static void idle_is_cheap(void)
{
	unsigned long i, n = utest_iterations(2000);

	for (i = 0; i < n; i++) {
		u32 max = 1 + random_max();
		struct vha_poll_policy p;
		u64 vain = 0;
		unsigned int k;

		vha_poll_policy_init(&p);
		for (k = utest_below(100); k; k--)
			vha_poll_note(&p, random_gap(max), max);
		for (k = 0; k < 100; k++) {
			vain += vha_poll_span(&p, max);
			vha_poll_note(&p, ~0ULL, max);
		}
		EXPECT(vain <= 8ULL * max, "%llu, bound %u", (unsigned long long)vain, max);
	}
}

/* Waits of two kinds at random, from a hundredth of the bound to its hundredfold. */
struct mix {
	u64 mean[2];
	unsigned int first;
	bool spread;
};

static u64 logarithmic(u64 least, unsigned int doublings)
{
	u64 v = least << utest_below(doublings);

	return v + utest_below(v);
}

static u64 draw(const struct mix *m)
{
	u64 mean = m->mean[utest_below(100) >= m->first];

	return m->spread ? mean / 2 + utest_below(mean) : mean;
}

/*
 * A wait-up is worth the bound. Against always polling for the bound, and never:
 * not dearer than the better of the two by more than a tenth.
 */
static void near_the_better(void)
{
	unsigned long i, n = utest_iterations(300);

	for (i = 0; i < n; i++) {
		u32 max = 10000 + utest_below(190000);
		struct mix m = {
			.mean = { logarithmic(max / 100, 10), logarithmic(max / 100, 13) },
			.first = utest_below(101),
			.spread = utest_one_in(2),
		};
		u64 ours = 0, always = 0, never = 0;
		struct vha_poll_policy p;
		unsigned int k;

		vha_poll_policy_init(&p);
		for (k = 0; k < WAITS; k++) {
			u64 gap = draw(&m);
			u32 span = vha_poll_span(&p, max);

			vha_poll_note(&p, gap, max);
			if (k < LEARN)
				continue;
			ours += gap <= span ? gap : (u64)span + max;
			always += gap <= max ? gap : 2ULL * max;
			never += max;
		}
		EXPECT(ours <= min(always, never) * 11 / 10,
		       "%llu: always %llu, never %llu; bound %u, %u%% of %llu, else %llu",
		       (unsigned long long)ours, (unsigned long long)always,
		       (unsigned long long)never, max, m.first,
		       (unsigned long long)m.mean[0], (unsigned long long)m.mean[1]);
	}
}

UTEST_ALL(UTEST(cases), UTEST(bound_holds), UTEST(bound_shrinks), UTEST(learns),
	  UTEST(idle_is_cheap), UTEST(near_the_better));
