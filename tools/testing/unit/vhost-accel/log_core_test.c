// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: cases at the edges, and properties against a model that looks at
 * every page and every byte.
 */
#include "../utest.h"
#include "log_model.h"

struct span_case {
	const char *name;
	u64 base;
	u64 gpa;
	u64 len;
	bool ok;
	u64 first;
	u64 size;
};

static const struct span_case span_cases[] = {
	{ "first byte", 0x1000, 0, 1, true, 0x1000, 1 },
	{ "last page of a byte", 0x1000, 0x7fff, 1, true, 0x1000, 1 },
	{ "into the next byte", 0x1000, 0x7fff, 2, true, 0x1000, 2 },
	{ "a byte's pages", 0x1000, 0x8000, 0x8000, true, 0x1001, 1 },
	{ "unaligned log", 0x1003, 0x8000, 0x8001, true, 0x1004, 2 },
	{ "all of memory", 0, 0, ~0ULL, true, 0, 1ULL << 49 },
	{ "last byte of memory", 0, ~0ULL, 1, true, (1ULL << 49) - 1, 1 },
	{ "wraps around memory", 0, ~0ULL, 2, false, 0, 0 },
	{ "log at the very top", ~0ULL, 0, 0x8000, true, ~0ULL, 1 },
	{ "log beyond the top", ~0ULL, 0, 0x8001, false, 0, 0 },
	{ "start beyond the top", ~0ULL - 4, 0x8000 * 5, 1, false, 0, 0 },
};

static void spans(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(span_cases); i++) {
		const struct span_case *c = &span_cases[i];
		u64 first = 0, size = 0;

		EXPECT_EQ(vha_log_span(c->base, c->gpa, c->len, &first, &size), c->ok, "%s",
			  c->name);
		if (!c->ok)
			continue;
		EXPECT_EQ(first, c->first, "%s", c->name);
		EXPECT_EQ(size, c->size, "%s", c->name);
	}
}

static void bits(void)
{
	unsigned long i, iterations = utest_iterations(20000);

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		u64 base = utest_below(64), gpa = utest_below(MODEL_LOG_BITS / 2 * 4096);
		u64 len = 1 + utest_below(utest_one_in(2) ? 9000 : MODEL_LOG_BITS / 2 * 4096 - 1);

		EXPECT(model_log_same(base, gpa, len), "base %llu, 0x%llx+0x%llx",
		       (unsigned long long)base, (unsigned long long)gpa,
		       (unsigned long long)len);
	}
}

static void aliases(void)
{
	unsigned long i, many = 0, iterations = utest_iterations(20000);

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		u8 raw[3 * MODEL_REGIONS + 2];
		unsigned int j;
		int n;

		for (j = 0; j < sizeof(raw); j++)
			raw[j] = utest_below(256);
		n = model_alias_same(raw);
		EXPECT(n >= 0, "iteration %lu", i);
		many += n > 1;
	}
	EXPECT(iterations < 1000 || many > iterations / 20, "%lu seen more than once", many);
}

UTEST_ALL(UTEST(spans), UTEST(bits), UTEST(aliases));
