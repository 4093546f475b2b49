// SPDX-License-Identifier: GPL-2.0
/*
 * Page fragments for frames on their way to a tap.
 *
 * Problem: a frame is copied into a piece of a page that build_skb() can take
 * over. The kernel's page_frag_cache gives a page back to the allocator when a
 * fragment of it is still in flight as the page runs out, which is the rule for
 * a burst; the next page is then zeroed in full (init_on_alloc).
 *
 * Model: two pages take turns. By the time the second one has run out, the
 * frames of the first one have mostly been consumed.
 *
 * Control: each page starts with many references, of which every fragment takes
 * one; a page whose count has fallen to what was not handed out is free again.
 * The consumers free a fragment by put_page(), and need not know.
 *
 * Limits: at most two 32 KiB pages for each device beyond what is in flight.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/page_ref.h>

#include "internal.h"

#define VHA_FRAG_ORDER 3
#define VHA_FRAG_BIAS 0x8000

static bool vha_frag_page_idle(struct vha_frag *frag, int i)
{
	struct page *page = frag->page[i];

	return page && page_ref_count(page) == frag->bias[i] &&
	       !page_is_pfmemalloc(page);
}

static void vha_frag_page_put(struct vha_frag *frag, int i)
{
	if (frag->page[i])
		__page_frag_cache_drain(frag->page[i], frag->bias[i]);
	frag->page[i] = NULL;
}

static bool vha_frag_refill(struct vha_frag *frag)
{
	struct page *page;
	int order = VHA_FRAG_ORDER;

	swap(frag->page[0], frag->page[1]);
	swap(frag->bias[0], frag->bias[1]);
	swap(frag->size[0], frag->size[1]);
	frag->off = 0;
	page = frag->page[0];

	if (vha_frag_page_idle(frag, 0)) {
		if (frag->bias[0] < VHA_FRAG_BIAS / 2) {
			page_ref_add(page, VHA_FRAG_BIAS - frag->bias[0]);
			frag->bias[0] = VHA_FRAG_BIAS;
		}
		return true;
	}
	vha_frag_page_put(frag, 0);

	/* Not worth a stall: single pages do as well. */
	page = alloc_pages((GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) | __GFP_COMP |
			   __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC,
			   order);
	if (!page) {
		order = 0;
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return false;
	}
	page_ref_add(page, VHA_FRAG_BIAS - 1);
	frag->page[0] = page;
	frag->bias[0] = VHA_FRAG_BIAS;
	frag->size[0] = PAGE_SIZE << order;
	return true;
}

/**
 * vha_frag_alloc() - take a fragment
 * @frag: allocator
 * @size: bytes, at most PAGE_SIZE and a multiple of SMP_CACHE_BYTES
 *
 * Context: process; may sleep; TX queue's mutex held.
 * Return: the fragment, to be freed by vha_frag_free() or whoever takes it over
 * by put_page(); NULL without memory.
 */
void *vha_frag_alloc(struct vha_frag *frag, u32 size)
{
	void *ptr;

	if (!frag->page[0] || frag->size[0] - frag->off < size) {
		if (!vha_frag_refill(frag))
			return NULL;
	}
	ptr = page_address(frag->page[0]) + frag->off;
	frag->off += size;
	frag->bias[0]--;
	return ptr;
}

/**
 * vha_frag_free() - give back a fragment that nobody took over
 * @ptr: from vha_frag_alloc()
 */
void vha_frag_free(void *ptr)
{
	put_page(virt_to_head_page(ptr));
}

/**
 * vha_frag_drain() - give up all pages but what is in flight
 * @frag: allocator
 */
void vha_frag_drain(struct vha_frag *frag)
{
	vha_frag_page_put(frag, 0);
	vha_frag_page_put(frag, 1);
	frag->off = 0;
}
