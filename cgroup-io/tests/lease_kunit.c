// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of leases.
 */
#include <kunit/test.h>

#include "lease_cases.h"

KUNIT_ARRAY_PARAM_DESC(lease_offer, lease_offer_cases, name);

static void lease_offer_test(struct kunit *test)
{
	const struct lease_offer_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, lease_offer_run(c), c->offer);
}

static void lease_term_test(struct kunit *test)
{
	struct vmlease_book book = { };
	struct vmlease l = { };
	const u32 term = l.term;

	vmlease_lend(&book, &l, 2);
	KUNIT_EXPECT_EQ(test, book.lent, 2);
	KUNIT_EXPECT_TRUE(test, vmlease_take(&l));
	KUNIT_EXPECT_TRUE(test, vmlease_take(&l));
	KUNIT_EXPECT_FALSE(test, vmlease_take(&l));
	KUNIT_EXPECT_TRUE(test, vmlease_done(&l, term));
	KUNIT_EXPECT_EQ(test, vmlease_recall(&book, &l), 1);
	KUNIT_EXPECT_EQ(test, book.lent, 0);
	KUNIT_EXPECT_FALSE(test, vmlease_take(&l));
	KUNIT_EXPECT_FALSE(test, vmlease_done(&l, term));
}

static struct kunit_case lease_tests[] = {
	KUNIT_CASE_PARAM(lease_offer_test, lease_offer_gen_params),
	KUNIT_CASE(lease_term_test),
	{ }
};

static struct kunit_suite lease_suite = {
	.name = "cgroup_io_lease",
	.test_cases = lease_tests,
};

kunit_test_suite(lease_suite);
