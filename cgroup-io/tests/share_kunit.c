// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of shares, limits and reservations.
 */
#include <kunit/test.h>

#include "share_cases.h"

KUNIT_ARRAY_PARAM_DESC(share, share_cases, name);

static void share_case_test(struct kunit *test)
{
	const struct share_case *c = test->param_value;
	u32 served[SHARE_CASE_CLASSES];
	struct vmshare_node *nodes;
	struct vmshare_sched *s;
	unsigned int i;

	s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	nodes = kunit_kcalloc(test, c->n, sizeof(*nodes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	share_case_run(c, s, nodes, served);
	for (i = 0; i < c->n; i++) {
		const u32 expected = c->classes[i].served;

		KUNIT_EXPECT_LE(test, served[i], expected + c->slack);
		KUNIT_EXPECT_GE(test, served[i] + c->slack, expected);
	}
}

static struct kunit_case share_tests[] = {
	KUNIT_CASE_PARAM(share_case_test, share_gen_params),
	{ }
};

static struct kunit_suite share_suite = {
	.name = "cgroup_io_share",
	.test_cases = share_tests,
};

kunit_test_suite(share_suite);
