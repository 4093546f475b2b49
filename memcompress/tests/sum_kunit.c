// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the checksum.
 */
#include <kunit/test.h>

#include "sum_cases.h"

KUNIT_ARRAY_PARAM_DESC(sum, sum_cases, name);

static void sum_case_test(struct kunit *test)
{
	const struct sum_case *c = test->param_value;
	u8 *bytes = kunit_kzalloc(test, SUM_CASE_LEN, GFP_KERNEL);
	u32 good;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	sum_case_fill(bytes);
	good = mcz_sum(bytes, SUM_CASE_LEN);
	sum_case_damage(c, bytes);
	KUNIT_EXPECT_NE(test, mcz_sum(bytes, SUM_CASE_LEN), good);
	sum_case_damage(c, bytes);
	KUNIT_EXPECT_EQ(test, mcz_sum(bytes, SUM_CASE_LEN), good);
}

static void sum_length_test(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, SUM_CASE_LEN, GFP_KERNEL);
	unsigned int len;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	/* Of zeroes all lengths have sums of their own. */
	for (len = 1; len < SUM_CASE_LEN; len++)
		KUNIT_EXPECT_NE(test, mcz_sum(bytes, len), mcz_sum(bytes, len - 1));
}

static struct kunit_case sum_tests[] = {
	KUNIT_CASE_PARAM(sum_case_test, sum_gen_params),
	KUNIT_CASE(sum_length_test),
	{ }
};

static struct kunit_suite sum_suite = {
	.name = "memcompress_sum",
	.test_cases = sum_tests,
};

kunit_test_suite(sum_suite);
