// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of latency targets.
 */
#include <linux/container_of.h>

#include <kunit/test.h>

#include "latency_cases.h"

KUNIT_ARRAY_PARAM_DESC(latency, latency_cases, name);

static void latency_case_test(struct kunit *test)
{
	const struct latency_case *c = test->param_value;
	struct latency_bed *b;
	u32 window;

	b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	window = latency_case_run(c, b);
	KUNIT_EXPECT_GE(test, window, c->least);
	KUNIT_EXPECT_LE(test, window, c->most);
	/* Whether the light one has had answers in time. */
	latency_zero(b);
	latency_run(b, LATENCY_SECOND);
	KUNIT_EXPECT_GT(test, b->vm[0].done, 0ULL);
	if (c->target > c->ns)
		KUNIT_EXPECT_LE(test, b->vm[0].late * VMLAT_LATE_PART, b->vm[0].done);
}

static struct kunit_case latency_tests[] = {
	KUNIT_CASE_PARAM(latency_case_test, latency_gen_params),
	{ }
};

static struct kunit_suite latency_suite = {
	.name = "cgroup_io_latency",
	.test_cases = latency_tests,
};

kunit_test_suite(latency_suite);
