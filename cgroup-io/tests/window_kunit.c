// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the window.
 */
#include <kunit/test.h>

#include "window_cases.h"

KUNIT_ARRAY_PARAM_DESC(window, window_cases, name);

static void window_case_test(struct kunit *test)
{
	const struct window_case *c = test->param_value;
	struct window_disk *d;
	u32 window;

	d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, d);
	window = window_case_run(c, d);
	KUNIT_EXPECT_GE(test, window, c->least);
	KUNIT_EXPECT_LE(test, window, c->most);
}

static struct kunit_case window_tests[] = {
	KUNIT_CASE_PARAM(window_case_test, window_gen_params),
	{ }
};

static struct kunit_suite window_suite = {
	.name = "cgroup_io_window",
	.test_cases = window_tests,
};

kunit_test_suite(window_suite);
