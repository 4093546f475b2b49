// SPDX-License-Identifier: GPL-2.0
/*
 * Free memory straight from free page reporting.
 *
 * Problem: memory that is allocated is first written: Debian's kernels zero every page on
 * allocation. For a balloon that is the wrong way round, as the host has to find
 * memory for a page only to be told to discard it.
 *
 * Model: the kernel hands free blocks that were used since it last looked to the
 * reporting device, isolated, and puts back on its free lists those that are still in
 * the list when the device returns. What is taken out of the list stays ours: as
 * if it were allocated, and never touched. The first entry always goes back: the kernel
 * expects one.
 *
 * Control: the balloon says how many blocks it wants and starts a pass at once, again and
 * again while passes bring some. What is wanted beyond that is allocated, among
 * it free blocks that were reported before.
 *
 * Limits: this relies on how the kernel walks the list, which is not promised, and so is
 * off unless asked for (grab=1). It is refused where freed pages have a content or
 * a state that an allocation would end: poisoning, zeroing on free, KASAN and the
 * like. ZONE_MOVABLE, the last 128 MiB of low zones, and what the kernel reserves for
 * atomic allocations are left alone; where there is CMA, or no telling what a block is
 * for, it is refused.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "guest.h"

static bool vmg_grab_wanted;
module_param_named(grab, vmg_grab_wanted, bool, 0444);
MODULE_PARM_DESC(grab, "Take free memory without writing it (default 0: no)");

/* Pages of a zone for small addresses that are not taken: 128 MiB. */
#define VMG_GRAB_LOW_FLOOR (0x8000000UL >> PAGE_SHIFT)

/* Milliseconds that a pass may take until it is no longer waited for. */
#define VMG_GRAB_PASS_MS 1000

static bool vmg_grab_safe(void)
{
	if (IS_ENABLED(CONFIG_KASAN) || IS_ENABLED(CONFIG_KMSAN) || IS_ENABLED(CONFIG_CMA) ||
	    IS_ENABLED(CONFIG_PAGE_OWNER) || IS_ENABLED(CONFIG_PAGE_TABLE_CHECK) ||
	    IS_ENABLED(CONFIG_MEM_ALLOC_PROFILING) || !IS_ENABLED(CONFIG_SPARSEMEM))
		return false;
	return !page_poisoning_enabled_static() && !want_init_on_free() &&
	       !debug_pagealloc_enabled_static();
}

/* Whether any of @pages from @pfn on, whole pageblocks, is reserved for atomic allocations. */
static bool vmg_grab_reserve(unsigned long pfn, unsigned int pages)
{
#ifdef CONFIG_SPARSEMEM
	unsigned long end = pfn + pages;

	/* Sections are exported, a function for that is not. */
	for (; pfn < end; pfn += pageblock_nr_pages) {
		unsigned long *flags = __pfn_to_section(pfn)->usage->pageblock_flags;
		unsigned long bit = (pfn & ~PAGE_SECTION_MASK) / pageblock_nr_pages *
				    NR_PAGEBLOCK_BITS;

		if ((READ_ONCE(flags[BIT_WORD(bit)]) >> bit % BITS_PER_LONG &
		     MIGRATETYPE_MASK) == MIGRATE_HIGHATOMIC)
			return true;
	}
#endif
	return false;
}

static bool vmg_grab_may_keep(struct page *page, unsigned int pages)
{
	enum zone_type zone = page_zonenum(page);

	if (zone == ZONE_MOVABLE || vmg_grab_reserve(page_to_pfn(page), pages))
		return false;
	return zone >= ZONE_NORMAL ||
	       zone_page_state(page_zone(page), NR_FREE_PAGES) > VMG_GRAB_LOW_FLOOR;
}

/* A free page, isolated, of one or more blocks: as if they had been allocated. */
static unsigned int vmg_grab_adopt(struct page *page, unsigned int pages,
				   struct list_head *list)
{
	unsigned int i;

	for (i = 0; i < pages; i += VMG_BLOCK_PAGES) {
		init_page_count(page + i);
		list_add(&page[i].lru, list);
	}
	return pages / VMG_BLOCK_PAGES;
}

/*
 * vmg_grab_reported() - keep blocks of a list that was just reported
 *
 * What is kept is no longer in the list, which has one entry at least.
 */
void vmg_grab_reported(struct vmg_dev *dev, struct scatterlist *sg, unsigned int n)
{
	unsigned int i, kept = 0, wanted = READ_ONCE(dev->grab);
	LIST_HEAD(list);
	bool late;

	for (i = n; wanted && n > 1 && i--; ) {
		struct page *page = sg_page(&sg[i]);
		unsigned int length = sg[i].length, got;

		if ((length >> PAGE_SHIFT) / VMG_BLOCK_PAGES > wanted - kept ||
		    length & ((VMG_BLOCK_PAGES << PAGE_SHIFT) - 1) ||
		    !vmg_grab_may_keep(page, length >> PAGE_SHIFT))
			continue;
		/* The last one that goes back takes its place. */
		n--;
		sg_set_page(&sg[i], sg_page(&sg[n]), sg[n].length, 0);
		got = vmg_grab_adopt(page, length >> PAGE_SHIFT, &list);
		kept += got;
		if (kept == wanted)
			break;
	}
	if (!kept)
		return;
	sg_mark_end(&sg[n - 1]);
	vmg_blocks_keep(dev, &list, kept);
	dev->grabbed += kept;
	spin_lock(&dev->block_lock);
	late = dev->grab < kept;
	dev->grab -= min(dev->grab, kept);
	spin_unlock(&dev->block_lock);
	/* Who wanted them has given up, and may have got others. */
	if (late)
		vmg_queue_resize(dev, 0);
}

/* A pass over the free lists, now. */
static void vmg_grab_pass(struct vmg_dev *dev)
{
	unsigned long end = jiffies + msecs_to_jiffies(VMG_GRAB_PASS_MS);

	mod_delayed_work(system_freezable_wq, &dev->reporting.work, 0);
	/* Not flushed: before sleep its queue is frozen, and ours must come to an end. */
	while (time_before(jiffies, end)) {
		unsigned int busy = work_busy(&dev->reporting.work.work);

		/* With its timer running it has ended, and asked for another pass later. */
		if (!busy || (busy == WORK_BUSY_PENDING &&
			      timer_pending(&dev->reporting.work.timer)))
			break;
		usleep_range(200, 500);
	}
}

/* Want @n blocks; how many were wanted still. */
static unsigned int vmg_grab_want(struct vmg_dev *dev, unsigned int n)
{
	unsigned int left;

	spin_lock(&dev->block_lock);
	left = dev->grab;
	WRITE_ONCE(dev->grab, n);
	spin_unlock(&dev->block_lock);
	return left;
}

/*
 * vmg_grab_blocks() - take up to @n blocks that are free and not reported yet
 *
 * Return: how many.
 */
unsigned int vmg_grab_blocks(struct vmg_dev *dev, unsigned int n)
{
	unsigned int before, left = n;

	if (!vmg_grab_wanted || !dev->registered || !dev->by_report || !vmg_grab_safe())
		return 0;
	vmg_grab_want(dev, n);
	do {
		before = left;
		vmg_grab_pass(dev);
		left = READ_ONCE(dev->grab);
	} while (left && left < before && !READ_ONCE(dev->stop));
	return n - vmg_grab_want(dev, 0);
}
