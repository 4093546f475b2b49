// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of divisions, hand-overs and credits.
 */
#include <kunit/test.h>

#include "policy_cases.h"

KUNIT_ARRAY_PARAM_DESC(divide, divide_cases, name);
KUNIT_ARRAY_PARAM_DESC(hand, hand_cases, name);
KUNIT_ARRAY_PARAM_DESC(credit, credit_cases, name);

static void divide_case_test(struct kunit *test)
{
	const struct divide_case *c = test->param_value;
	struct vmb_vm vms[ARRAY_SIZE(c->vm)] = {};
	unsigned int i;

	KUNIT_EXPECT_EQ(test, divide_case_run(c, vms), c->lack * MB);
	for (i = 0; i < c->n; i++) {
		KUNIT_EXPECT_LE(test, vms[i].target, c->vm[i].target * MB);
		KUNIT_EXPECT_GE(test, vms[i].target + SLACK, c->vm[i].target * MB);
	}
}

static void hand_case_test(struct kunit *test)
{
	const struct hand_case *c = test->param_value;
	struct vmb_vm vms[ARRAY_SIZE(c->vm)] = {};
	unsigned int i;

	hand_case_run(c, vms);
	for (i = 0; i < c->n; i++)
		KUNIT_EXPECT_EQ(test, (vms[i].order + SLACK) / MB, c->vm[i].order);
}

static void credit_case_test(struct kunit *test)
{
	const struct credit_case *c = test->param_value;
	struct vmb_vm vms[ARRAY_SIZE(c->vm)] = {};
	unsigned int i;

	credit_case_run(c, vms);
	for (i = 0; i < c->n; i++)
		KUNIT_EXPECT_EQ(test, (vms[i].credit + SLACK) / MB, c->vm[i].credit);
}

static struct kunit_case policy_tests[] = {
	KUNIT_CASE_PARAM(divide_case_test, divide_gen_params),
	KUNIT_CASE_PARAM(hand_case_test, hand_gen_params),
	KUNIT_CASE_PARAM(credit_case_test, credit_gen_params),
	{ }
};

static struct kunit_suite policy_suite = {
	.name = "balloon_policy",
	.test_cases = policy_tests,
};

kunit_test_suite(policy_suite);

MODULE_DESCRIPTION("KUnit suites of the balloon's cores");
MODULE_LICENSE("GPL");
