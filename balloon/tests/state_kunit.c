// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of states, needs and observations.
 */
#include <kunit/test.h>

#include "state_cases.h"

KUNIT_ARRAY_PARAM_DESC(host, host_cases, name);
KUNIT_ARRAY_PARAM_DESC(wait, wait_cases, name);
KUNIT_ARRAY_PARAM_DESC(need, need_cases, name);
KUNIT_ARRAY_PARAM_DESC(watch, watch_cases, name);
KUNIT_ARRAY_PARAM_DESC(limit, limit_cases, name);

static void host_case_test(struct kunit *test)
{
	const struct host_case *c = test->param_value;
	struct vmb_host host = c->host;

	host.total <<= 20;
	host.avail <<= 20;
	KUNIT_EXPECT_EQ(test, vmb_host_judge(&host, c->before), c->state);
}

static void wait_case_test(struct kunit *test)
{
	const struct wait_case *c = test->param_value;
	struct vmb_host host = { .some = 1, .full = 1 };

	KUNIT_EXPECT_EQ(test, vmb_host_waits(&host, c->text, strlen(c->text)), c->both);
	KUNIT_EXPECT_EQ(test, host.some, c->some);
	KUNIT_EXPECT_EQ(test, host.full, c->full);
}

static void need_case_test(struct kunit *test)
{
	const struct need_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vmb_need(&c->report, c->buffer, c->least, c->most), c->need);
}

static void watch_case_test(struct kunit *test)
{
	const struct watch_case *c = test->param_value;
	struct vmb_watch watch = watch_case_run(c);

	KUNIT_EXPECT_EQ(test, watch.size, c->size << 20);
	KUNIT_EXPECT_EQ(test, watch.stuck, c->stuck);
}

static void limit_case_test(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	struct vmb_press press = c->press;

	press.resident <<= 20;
	press.goal <<= 20;
	press.ram <<= 20;
	KUNIT_EXPECT_EQ(test, vmb_limit(c->limit << 20, &press), c->next << 20);
}

static struct kunit_case state_tests[] = {
	KUNIT_CASE_PARAM(host_case_test, host_gen_params),
	KUNIT_CASE_PARAM(wait_case_test, wait_gen_params),
	KUNIT_CASE_PARAM(need_case_test, need_gen_params),
	KUNIT_CASE_PARAM(watch_case_test, watch_gen_params),
	KUNIT_CASE_PARAM(limit_case_test, limit_gen_params),
	{ }
};

static struct kunit_suite state_suite = {
	.name = "balloon_state",
	.test_cases = state_tests,
};

kunit_test_suite(state_suite);
