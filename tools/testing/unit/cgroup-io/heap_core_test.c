// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps: the case tables, and properties against a plain array.
 */
#include <string.h>

#include "../utest.h"
#include "heap_model.h"
#include "tests/heap_cases.h"

#define NODES 64

static void cases(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(heap_cases); i++) {
		const struct heap_case *c = &heap_cases[i];
		struct vmheap_node nodes[HEAP_CASE_NODES] = { };
		u64 out[HEAP_CASE_NODES];
		unsigned int n = heap_case_run(c, nodes, out);

		EXPECT_EQ(n, heap_case_left(c), "%s", c->name);
		for (j = 0; j < n; j++)
			EXPECT_EQ(out[j], c->order[j], "%s: %u", c->name, j);
		for (j = 0; j < c->n; j++)
			EXPECT(!vmheap_has(&nodes[j]), "%s: %u", c->name, j);
	}
}

static void random_walk(void)
{
	unsigned long rounds = utest_iterations(200000);
	struct vmheap_node nodes[NODES] = { };
	const u64 base = utest_rand();
	struct vmheap heap = { };
	unsigned int in = 0;

	while (rounds--) {
		struct vmheap_node *n = &nodes[utest_below(NODES)];
		bool first;
		unsigned int i;

		if (utest_one_in(4) && heap.top)
			n = heap.top;
		if (vmheap_has(n)) {
			vmheap_remove(&heap, n);
			in--;
		} else {
			n->key = base + utest_below(utest_one_in(2) ? 8 : 1ULL << 62);
			vmheap_insert(&heap, n);
			in++;
		}
		EXPECT_EQ(heap_model_count(heap.top, NULL), in, "nodes in the heap");
		first = !in;
		for (i = 0; i < NODES; i++) {
			if (!vmheap_has(&nodes[i]))
				continue;
			first = true;
			EXPECT(!vmheap_before(nodes[i].key, heap.top->key), "first");
		}
		EXPECT(first, "lost");
	}
}

/* Whatever the order they come in, the way right is short. */
static void depth(void)
{
	enum { N = 1 << 16 };
	static struct vmheap_node nodes[N];
	unsigned int order;

	for (order = 0; order < 3; order++) {
		struct vmheap heap = { };
		u64 last = 0;
		unsigned int i;

		for (i = 0; i < N; i++) {
			nodes[i].key = order == 0 ? i : order == 1 ? N - i : utest_below(N);
			vmheap_insert(&heap, &nodes[i]);
		}
		EXPECT(heap.top->dist <= 17, "%u long", heap.top->dist);
		for (i = 0; i < N; i++) {
			EXPECT(heap.top->key >= last, "%u. comes too late", i);
			last = heap.top->key;
			vmheap_remove(&heap, heap.top);
		}
		EXPECT(!heap.top, "more comes out than went in");
	}
}

UTEST_ALL(UTEST(cases), UTEST(random_walk), UTEST(depth));
