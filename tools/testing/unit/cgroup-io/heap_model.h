/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every heap must look like.
 */
#ifndef UNIT_HEAP_MODEL_H
#define UNIT_HEAP_MODEL_H

#include "heap_core.h"

static inline u32 heap_model_dist(const struct vmheap_node *n)
{
	return n ? n->dist : 0;
}

/* Counts the nodes below and at @n; -1 if anything is not as it must be. */
static inline long heap_model_count(const struct vmheap_node *n,
				    const struct vmheap_node *parent)
{
	long left, right;

	if (!n)
		return 0;
	if (n->parent != parent || (parent && vmheap_before(n->key, parent->key)) ||
	    heap_model_dist(n->left) < heap_model_dist(n->right) ||
	    n->dist != heap_model_dist(n->right) + 1)
		return -1;
	left = heap_model_count(n->left, n);
	right = heap_model_count(n->right, n);
	return left < 0 || right < 0 ? -1 : left + right + 1;
}

#endif /* UNIT_HEAP_MODEL_H */
