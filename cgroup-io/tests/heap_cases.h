/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Insertions and removals of heap_core.c, for KUnit and for user space.
 */
#ifndef CGIO_HEAP_CASES_H
#define CGIO_HEAP_CASES_H

#include "../heap_core.h"

#define HEAP_CASE_NODES 8

/**
 * struct heap_case - keys go in, some nodes go out, the rest comes out in order
 * @name: of the case
 * @n: nodes
 * @keys: theirs, in the order in which they go in
 * @removed: bit by bit, the nodes that are taken out again
 * @order: keys of the others, in the order expected
 */
struct heap_case {
	const char *name;
	unsigned int n;
	u64 keys[HEAP_CASE_NODES];
	unsigned int removed;
	u64 order[HEAP_CASE_NODES];
};

#define HEAP_END (~0ULL)

static const struct heap_case heap_cases[] = {
	{ "empty", 0, { }, 0, { } },
	{ "one", 1, { 5 }, 0, { 5 } },
	{ "one in, one out", 1, { 5 }, 1, { } },
	{ "rising", 4, { 1, 2, 3, 4 }, 0, { 1, 2, 3, 4 } },
	{ "falling", 4, { 4, 3, 2, 1 }, 0, { 1, 2, 3, 4 } },
	{ "equal", 3, { 7, 7, 7 }, 0, { 7, 7, 7 } },
	{ "mixed", 8, { 5, 1, 8, 3, 7, 2, 6, 4 }, 0, { 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "the first out", 4, { 3, 1, 2, 4 }, 2, { 2, 3, 4 } },
	{ "the last out", 4, { 3, 1, 2, 4 }, 8, { 1, 2, 3 } },
	{ "every other out", 8, { 5, 1, 8, 3, 7, 2, 6, 4 }, 0x55, { 1, 2, 3, 4 } },
	{ "all out", 8, { 5, 1, 8, 3, 7, 2, 6, 4 }, 0xff, { } },
	{ "across the wrap", 4, { 1, HEAP_END - 1, 0, HEAP_END }, 0,
	  { HEAP_END - 1, HEAP_END, 0, 1 } },
};

/* Returns how many came out, their keys in @out; @nodes are @c->n, zeroed. */
static unsigned int heap_case_run(const struct heap_case *c, struct vmheap_node *nodes,
				  u64 *out)
{
	struct vmheap heap = { };
	unsigned int i, n = 0;

	for (i = 0; i < c->n; i++) {
		nodes[i].key = c->keys[i];
		vmheap_insert(&heap, &nodes[i]);
	}
	for (i = 0; i < c->n; i++) {
		if (c->removed & 1U << i)
			vmheap_remove(&heap, &nodes[i]);
	}
	while (heap.top && n < HEAP_CASE_NODES) {
		out[n++] = heap.top->key;
		vmheap_remove(&heap, heap.top);
	}
	return n;
}

static unsigned int heap_case_left(const struct heap_case *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->n; i++)
		n += !(c->removed & 1U << i);
	return n;
}

#endif /* CGIO_HEAP_CASES_H */
