// SPDX-License-Identifier: GPL-2.0
/*
 * Leftist heaps.
 *
 * Problem: the scheduler keeps thousands of classes in several orders at a time, takes
 * the first of each, and moves any of them, under a spinlock and without memory of its
 * own.
 *
 * Model: a binary tree in which no node is before its parent. Of the two below a node
 * the right one has the shorter way to its end, counted by going right only. So the way
 * right from the top is at most log2(n + 1) nodes long, whatever the tree looks like
 * otherwise, and it is the only way that a merge walks.
 *
 * Control: an insertion merges the heap and the node, a removal what is below the node;
 * after that the lengths above are put right until one has not changed.
 *
 * Limits: a merge takes at most 2 * log2(n + 1) steps, a removal as many again. Equal
 * keys come in no particular order.
 */
#include <linux/minmax.h>

#include "heap_core.h"

static u32 vmheap_dist(const struct vmheap_node *node)
{
	return node ? node->dist : 0;
}

/* Put a node's two children in order. Returns false if it is as long as before. */
static bool vmheap_lean(struct vmheap_node *node)
{
	u32 dist;

	if (vmheap_dist(node->left) < vmheap_dist(node->right))
		swap(node->left, node->right);
	dist = vmheap_dist(node->right) + 1;
	if (dist == node->dist)
		return false;
	node->dist = dist;
	return true;
}

/* Of two trees one; its top has no parent. */
static struct vmheap_node *vmheap_merge(struct vmheap_node *a, struct vmheap_node *b)
{
	struct vmheap_node *top = NULL, *last = NULL;

	while (a && b) {
		if (vmheap_before(b->key, a->key))
			swap(a, b);
		a->parent = last;
		if (last)
			last->right = a;
		else
			top = a;
		last = a;
		a = a->right;
	}
	if (!a)
		a = b;
	if (a)
		a->parent = last;
	if (!last)
		return a;
	last->right = a;
	for (; last; last = last->parent)
		vmheap_lean(last);
	return top;
}

/**
 * vmheap_insert() - put a node into a heap
 * @heap: heap
 * @node: in no heap, its key set
 */
void vmheap_insert(struct vmheap *heap, struct vmheap_node *node)
{
	node->parent = NULL;
	node->left = NULL;
	node->right = NULL;
	node->dist = 1;
	heap->top = vmheap_merge(heap->top, node);
}

/**
 * vmheap_remove() - take a node out
 * @heap: heap
 * @node: in it, anywhere
 */
void vmheap_remove(struct vmheap *heap, struct vmheap_node *node)
{
	struct vmheap_node *parent = node->parent;
	struct vmheap_node *below = vmheap_merge(node->left, node->right);

	if (below)
		below->parent = parent;
	if (!parent)
		heap->top = below;
	else if (parent->left == node)
		parent->left = below;
	else
		parent->right = below;
	node->dist = 0;
	while (parent && vmheap_lean(parent))
		parent = parent->parent;
}
