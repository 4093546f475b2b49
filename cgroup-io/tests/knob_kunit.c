// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the parser of settings.
 */
#include <kunit/test.h>

#include "knob_cases.h"

static void knob_shares_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shares_cases); i++) {
		const struct shares_case *c = &shares_cases[i];
		u32 shares = 77;

		KUNIT_EXPECT_EQ_MSG(test, cgio_knob_shares(c->text, &shares), c->r, "'%s'",
				    c->text);
		KUNIT_EXPECT_EQ_MSG(test, shares, c->r ? 77 : c->shares, "'%s'", c->text);
	}
}

static void knob_weight_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(weight_cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cgio_knob_weight(weight_cases[i].text),
				    weight_cases[i].weight, "'%s'", weight_cases[i].text);
}

static void knob_latency_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(latency_knob_cases); i++) {
		const struct latency_knob_case *c = &latency_knob_cases[i];
		u64 us = 7;

		KUNIT_EXPECT_EQ_MSG(test, cgio_knob_latency(c->text, &us), c->r, "'%s'",
				    c->text);
		KUNIT_EXPECT_EQ_MSG(test, us, c->us, "'%s'", c->text);
	}
}

static void knob_rates_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rates_cases); i++) {
		const struct rates_case *c = &rates_cases[i];
		u64 rates[VMSHARE_UNITS] = { 7, 8 };

		KUNIT_EXPECT_EQ_MSG(test, cgio_knob_rates(c->text, rates), c->r, "'%s'",
				    c->text);
		KUNIT_EXPECT_EQ_MSG(test, rates[0], c->rates[0], "'%s'", c->text);
		KUNIT_EXPECT_EQ_MSG(test, rates[1], c->rates[1], "'%s'", c->text);
	}
}

static struct kunit_case knob_tests[] = {
	KUNIT_CASE(knob_shares_test),
	KUNIT_CASE(knob_weight_test),
	KUNIT_CASE(knob_latency_test),
	KUNIT_CASE(knob_rates_test),
	{ }
};

static struct kunit_suite knob_suite = {
	.name = "cgroup_io_knob",
	.test_cases = knob_tests,
};

kunit_test_suite(knob_suite);
