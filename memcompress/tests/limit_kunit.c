// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of shares and verdicts.
 */
#include <kunit/test.h>

#include "limit_cases.h"

KUNIT_ARRAY_PARAM_DESC(divide, divide_cases, name);
KUNIT_ARRAY_PARAM_DESC(verdict, verdict_cases, name);

static void divide_case_test(struct kunit *test)
{
	const struct divide_case *c = test->param_value;
	struct mcz_share shares[ARRAY_SIZE(c->shares)];
	unsigned int i;

	memcpy(shares, c->shares, sizeof(shares));
	for (i = 0; i < c->n; i++)
		shares[i].entitled = ~0ULL;
	mcz_limit_divide(shares, c->n, c->bytes);
	for (i = 0; i < c->n; i++)
		KUNIT_EXPECT_EQ(test, shares[i].entitled, c->shares[i].entitled);
}

static void verdict_case_test(struct kunit *test)
{
	const struct verdict_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, mcz_limit_verdict(&c->c), c->verdict);
}

static struct kunit_case limit_tests[] = {
	KUNIT_CASE_PARAM(divide_case_test, divide_gen_params),
	KUNIT_CASE_PARAM(verdict_case_test, verdict_gen_params),
	{ }
};

static struct kunit_suite limit_suite = {
	.name = "memcompress_limit",
	.test_cases = limit_tests,
};

kunit_test_suite(limit_suite);
