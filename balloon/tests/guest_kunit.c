// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the balloon's steps.
 */
#include <kunit/test.h>

#include "guest_cases.h"

KUNIT_ARRAY_PARAM_DESC(step, step_cases, name);
KUNIT_ARRAY_PARAM_DESC(hint, hint_cases, name);

static void step_case_test(struct kunit *test)
{
	const struct step_case *c = test->param_value;
	struct vmg_step step = vmg_next(&c->have, c->target);

	KUNIT_EXPECT_EQ(test, step.move, c->step.move);
	KUNIT_EXPECT_EQ(test, step.n, c->step.n);
}

static void hint_case_test(struct kunit *test)
{
	const struct hint_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vmg_hint_next(c->received, c->active), c->hint);
}

static void target_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vmg_target(100, 0), 100);
	KUNIT_EXPECT_EQ(test, vmg_target(100, 30), 70);
	KUNIT_EXPECT_EQ(test, vmg_target(100, 101), 0);
	KUNIT_EXPECT_EQ(test, vmg_target(100, ~0ULL), 0);
}

static struct kunit_case guest_tests[] = {
	KUNIT_CASE_PARAM(step_case_test, step_gen_params),
	KUNIT_CASE_PARAM(hint_case_test, hint_gen_params),
	KUNIT_CASE(target_test),
	{ }
};

static struct kunit_suite guest_suite = {
	.name = "balloon_guest",
	.test_cases = guest_tests,
};

kunit_test_suite(guest_suite);
