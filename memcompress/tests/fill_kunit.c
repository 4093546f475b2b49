// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the page classes.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/random.h>

#include "fill_cases.h"

KUNIT_ARRAY_PARAM_DESC(fill, fill_cases, name);

static void fill_case_test(struct kunit *test)
{
	const struct fill_case *c = test->param_value;
	u8 *page = kunit_kzalloc(test, 2 * MCZ_PAGE, GFP_KERNEL);
	u64 value = 0;

	KUNIT_ASSERT_NOT_NULL(test, page);
	fill_case_page(c, page);
	KUNIT_EXPECT_EQ(test, mcz_fill_same(page, &value), c->same);
	KUNIT_EXPECT_EQ(test, mcz_fill_noise(page), c->noise);
	if (!c->same)
		return;
	mcz_fill_page(page + MCZ_PAGE, value);
	KUNIT_EXPECT_MEMEQ(test, page, page + MCZ_PAGE, MCZ_PAGE);
}

static void fill_random_test(struct kunit *test)
{
	u8 *page = kunit_kzalloc(test, MCZ_PAGE, GFP_KERNEL);
	u64 value;

	KUNIT_ASSERT_NOT_NULL(test, page);
	get_random_bytes(page, MCZ_PAGE);
	KUNIT_EXPECT_FALSE(test, mcz_fill_same(page, &value));
	KUNIT_EXPECT_TRUE(test, mcz_fill_noise(page));
}

static struct kunit_case fill_tests[] = {
	KUNIT_CASE_PARAM(fill_case_test, fill_gen_params),
	KUNIT_CASE(fill_random_test),
	{ }
};

static struct kunit_suite fill_suite = {
	.name = "memcompress_fill",
	.test_cases = fill_tests,
};

kunit_test_suite(fill_suite);

MODULE_DESCRIPTION("KUnit tests of memcompress");
MODULE_LICENSE("GPL");
