// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the polling policy.
 */
#include <kunit/test.h>

#include "poll_cases.h"

KUNIT_ARRAY_PARAM_DESC(poll, poll_cases, name);

static void poll_span_test(struct kunit *test)
{
	const struct poll_case *c = test->param_value;
	u32 span = poll_case_run(c);

	KUNIT_EXPECT_GE(test, span, c->least);
	KUNIT_EXPECT_LE(test, span, c->most);
}

static struct kunit_case vha_poll_tests[] = {
	KUNIT_CASE_PARAM(poll_span_test, poll_gen_params),
	{}
};

static struct kunit_suite vha_poll_suite = {
	.name = "vhost_accel_poll",
	.test_cases = vha_poll_tests,
};

kunit_test_suite(vha_poll_suite);
