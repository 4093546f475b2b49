/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Heaps whose nodes lie in the objects that they order.
 */
#ifndef CGIO_HEAP_CORE_H
#define CGIO_HEAP_CORE_H

#include <linux/types.h>

/**
 * struct vmheap_node - place of an object in a heap
 * @key: what it is ordered by; changes only while the node is in no heap
 * @parent: node above, NULL at the top
 * @left: node below
 * @right: node below, with the shorter way to its end
 * @dist: nodes on the way down by @right, 0 in no heap
 *
 * Starts zeroed: in no heap.
 */
struct vmheap_node {
	u64 key;
	struct vmheap_node *parent;
	struct vmheap_node *left;
	struct vmheap_node *right;
	u32 dist;
};

/**
 * struct vmheap - a heap; starts zeroed: empty
 * @top: node with the first key, or NULL
 */
struct vmheap {
	struct vmheap_node *top;
};

/**
 * vmheap_before() - is a key before another?
 * @a: key
 * @b: key, less than 2^63 away
 *
 * Keys wrap: what counts is the shorter way round.
 *
 * Return: true if so; false for equal ones.
 */
static inline bool vmheap_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

/**
 * vmheap_has() - is a node in a heap?
 * @node: node
 *
 * Return: true if so.
 */
static inline bool vmheap_has(const struct vmheap_node *node)
{
	return node->dist;
}

void vmheap_insert(struct vmheap *heap, struct vmheap_node *node);
void vmheap_remove(struct vmheap *heap, struct vmheap_node *node);

#endif /* CGIO_HEAP_CORE_H */
