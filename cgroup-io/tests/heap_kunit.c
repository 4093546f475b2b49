// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the heaps.
 */
#include <kunit/test.h>

#include "heap_cases.h"

KUNIT_ARRAY_PARAM_DESC(heap, heap_cases, name);

static void heap_case_test(struct kunit *test)
{
	const struct heap_case *c = test->param_value;
	struct vmheap_node nodes[HEAP_CASE_NODES] = { };
	u64 out[HEAP_CASE_NODES];
	unsigned int i, n = heap_case_run(c, nodes, out);

	KUNIT_ASSERT_EQ(test, n, heap_case_left(c));
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, out[i], c->order[i]);
	for (i = 0; i < c->n; i++)
		KUNIT_EXPECT_FALSE(test, vmheap_has(&nodes[i]));
}

static struct kunit_case heap_tests[] = {
	KUNIT_CASE_PARAM(heap_case_test, heap_gen_params),
	{ }
};

static struct kunit_suite heap_suite = {
	.name = "cgroup_io_heap",
	.test_cases = heap_tests,
};

kunit_test_suite(heap_suite);

MODULE_DESCRIPTION("KUnit tests of cgroup_io");
MODULE_LICENSE("GPL");
