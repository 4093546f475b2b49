// SPDX-License-Identifier: GPL-2.0
/*
 * The next step of a balloon.
 *
 * Problem: a target in pages is to be reached exactly, by moves of very different price:
 * a block of 2 MiB costs as much as a page of 4 KiB, and breaks no huge page of the
 * host, but may not be to be had.
 *
 * Control: one step at a time, so that a target that changes meanwhile is followed.
 * Inflate by blocks while a whole one is missing and some are to be had, then by single
 * pages. Deflate by blocks while a whole one is too much, then by single pages; where
 * there are none a block is broken into them. Each step brings the size nearer to the
 * target and never beyond it, a broken block leaves it as it is: no step is undone.
 *
 * Limits: single pages stay as long as blocks suffice. They can be migrated, blocks
 * cannot.
 */
#include <linux/minmax.h>

#include "guest_core.h"

/* Commands of the hinting queue that are none. */
#define VMG_HINT_ID_STOP 0
#define VMG_HINT_ID_DONE 1

/**
 * vmg_size() - size of a balloon
 * @have: what it has
 *
 * Return: pages.
 */
u64 vmg_size(const struct vmg_holding *have)
{
	return have->blocks * VMG_BLOCK_PAGES + have->pages;
}

/**
 * vmg_target() - size that a balloon is to have
 * @num_pages: what the device asks for
 * @spared: pages of it that the guest took back in an emergency
 *
 * Return: pages.
 */
u64 vmg_target(u32 num_pages, u64 spared)
{
	return num_pages - min_t(u64, num_pages, spared);
}

/**
 * vmg_next() - the next step
 * @have: what the balloon has
 * @target: size that it is to have, in pages
 *
 * Return: the step.
 */
struct vmg_step vmg_next(const struct vmg_holding *have, u64 target)
{
	u64 size = vmg_size(have);
	struct vmg_step step = { VMG_REST, 0 };

	if (size < target) {
		u64 lack = target - size;

		if (lack >= VMG_BLOCK_PAGES && !have->scarce) {
			step.move = VMG_GIVE_BLOCKS;
			step.n = min_t(u64, lack / VMG_BLOCK_PAGES, VMG_BATCH_BLOCKS);
		} else {
			step.move = VMG_GIVE_PAGES;
			step.n = min_t(u64, lack, VMG_BATCH_PAGES);
		}
	} else if (size > target) {
		u64 excess = size - target;

		if (excess >= VMG_BLOCK_PAGES && have->blocks) {
			step.move = VMG_TAKE_BLOCKS;
			step.n = min_t(u64, min(excess / VMG_BLOCK_PAGES, have->blocks),
				       VMG_BATCH_BLOCKS);
		} else if (have->pages) {
			step.move = VMG_TAKE_PAGES;
			step.n = min_t(u64, min(excess, have->pages), VMG_BATCH_PAGES);
		} else {
			step.move = VMG_BREAK;
			step.n = 1;
		}
	}
	return step;
}

/**
 * vmg_hint_next() - what a command of the hinting queue asks for
 * @received: the command
 * @active: the last one that was carried out
 *
 * Return: what to do.
 */
enum vmg_hint vmg_hint_next(u32 received, u32 active)
{
	if (received == VMG_HINT_ID_DONE)
		return VMG_HINT_FREE;
	if (received == VMG_HINT_ID_STOP || received == active)
		return VMG_HINT_NONE;
	return VMG_HINT_START;
}
