// SPDX-License-Identifier: GPL-2.0
/*
 * Shares and verdicts: the case tables, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/limit_cases.h"

#define SHARES 12

static struct mcz_share shares[SHARES], again[SHARES];

static void cases(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(divide_cases); i++) {
		const struct divide_case *c = &divide_cases[i];

		memcpy(shares, c->shares, sizeof(c->shares));
		for (j = 0; j < c->n; j++)
			shares[j].entitled = ~0ULL;
		mcz_limit_divide(shares, c->n, c->bytes);
		for (j = 0; j < c->n; j++)
			EXPECT_EQ(shares[j].entitled, c->shares[j].entitled,
				  "%s: VM %u", c->name, j);
	}
	for (i = 0; i < ARRAY_SIZE(verdict_cases); i++) {
		const struct verdict_case *c = &verdict_cases[i];

		EXPECT_EQ(mcz_limit_verdict(&c->c), c->verdict, "%s", c->name);
	}
}

/* Of any order of magnitude, with the ends more often than chance has them. */
static u64 size(void)
{
	switch (utest_below(8)) {
	case 0:
		return 0;
	case 1:
		return NONE;
	default:
		return utest_rand() >> 18 >> utest_below(46);
	}
}

static unsigned int make(u64 *bytes)
{
	unsigned int i, n = utest_below(SHARES) + 1;

	for (i = 0; i < n; i++) {
		shares[i].min = utest_one_in(2) ? 0 : size();
		shares[i].max = utest_one_in(2) ? NONE : size();
		shares[i].weight = utest_below(utest_one_in(2) ? 4 : MCZ_WEIGHT_MAX) + 1;
		if (i && utest_one_in(4))
			shares[i] = shares[utest_below(i)];
	}
	*bytes = size();
	return n;
}

static u64 lo(const struct mcz_share *s)
{
	return min(s->min, s->max);
}

static void division(void)
{
	unsigned long rounds = utest_iterations(50000);

	while (rounds--) {
		u64 bytes, sum = 0, minima = 0, weights = 0;
		unsigned int i, j, n = make(&bytes), changed, open = 0;

		mcz_limit_divide(shares, n, bytes);
		for (i = 0; i < n; i++) {
			sum += shares[i].entitled;
			minima += lo(&shares[i]);
			weights += shares[i].weight;
		}
		for (i = 0; i < n; i++)
			open += shares[i].entitled < (minima <= bytes ? shares[i].max :
						      lo(&shares[i]));
		EXPECT(sum <= bytes, "%llu of %llu", sum, bytes);
		EXPECT(!open || bytes - sum < weights, "%llu wasted, weights %llu",
		       bytes - sum, weights);
		for (i = 0; i < n; i++) {
			const struct mcz_share *s = &shares[i];

			EXPECT(s->entitled <= s->max, "above the maximum");
			EXPECT(minima > bytes || s->entitled >= lo(s), "below the minimum");
			EXPECT(minima <= bytes || s->entitled <= lo(s), "above a minimum");
			for (j = 0; j < n; j++) {
				const struct mcz_share *t = &shares[j];

				if (s->min == t->min && s->max == t->max && s->weight == t->weight)
					EXPECT_EQ(s->entitled, t->entitled, "equal VMs");
				/* Between floor and lid the weights divide exactly. */
				if (minima <= bytes && s->entitled > lo(s) &&
				    s->entitled < s->max && t->entitled > lo(t) &&
				    t->entitled < t->max)
					EXPECT(s->entitled * t->weight == t->entitled * s->weight,
					       "not by weight");
			}
		}
		memcpy(again, shares, sizeof(again));
		mcz_limit_divide(again, n, bytes);
		EXPECT(!memcmp(again, shares, n * sizeof(*shares)), "another result");
		changed = utest_below(n);
		again[changed].weight += utest_below(MCZ_WEIGHT_MAX + 1 - again[changed].weight);
		weights += again[changed].weight - shares[changed].weight;
		mcz_limit_divide(again, n, bytes);
		EXPECT(again[changed].entitled + weights >= shares[changed].entitled,
		       "more weight, less share");
	}
}

/* A store of less is never judged worse; a VM within its minimum is admitted. */
static void verdicts(void)
{
	unsigned long rounds = utest_iterations(300000);

	while (rounds--) {
		struct mcz_limit_case c = {
			.charged = size(), .min = size(), .max = size(), .high = size(),
			.entitled = size(), .used = size(), .limit = size(),
			.reserved = size(),
		}, less;
		enum mcz_verdict v = mcz_limit_verdict(&c);

		if (c.charged > c.max)
			EXPECT_EQ(v, MCZ_SPILL, "beyond the maximum");
		else if (c.charged <= c.min || !c.limit)
			EXPECT(v != MCZ_SPILL, "within the minimum, or no limit");
		if (v != MCZ_SPILL)
			EXPECT_EQ(v == MCZ_ADMIT_DEMOTE, c.charged > c.high, "high mark");
		less = c;
		less.charged -= utest_below(c.charged + 1);
		less.used -= utest_below(c.used + 1);
		less.reserved -= utest_below(c.reserved + 1);
		EXPECT(mcz_limit_verdict(&less) <= v, "less is worse");
		if (v == MCZ_SPILL && c.charged <= c.max)
			EXPECT(c.used + c.reserved + 1 >= c.limit - c.limit / 8,
			       "there was room");
	}
}

UTEST_ALL(UTEST(cases), UTEST(division), UTEST(verdicts));
