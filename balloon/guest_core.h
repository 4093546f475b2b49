/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest's balloon does next.
 */
#ifndef VMG_GUEST_CORE_H
#define VMG_GUEST_CORE_H

#include <linux/types.h>

/** VMG_BLOCK_ORDER - order of a block: 2 MiB */
#define VMG_BLOCK_ORDER 9

/** VMG_BLOCK_PAGES - pages of a block */
#define VMG_BLOCK_PAGES 512U

/** VMG_BATCH_BLOCKS - blocks that move in one step at most */
#define VMG_BATCH_BLOCKS 32U

/** VMG_BATCH_PAGES - pages that move in one step at most */
#define VMG_BATCH_PAGES 1024U

/**
 * enum vmg_move - kinds of steps
 * @VMG_REST: the balloon has its size
 * @VMG_GIVE_BLOCKS: allocate blocks and give them to the host
 * @VMG_GIVE_PAGES: allocate single pages and give them to the host
 * @VMG_TAKE_BLOCKS: take blocks back and free them
 * @VMG_TAKE_PAGES: take single pages back and free them
 * @VMG_BREAK: make single pages of a block
 */
enum vmg_move {
	VMG_REST,
	VMG_GIVE_BLOCKS,
	VMG_GIVE_PAGES,
	VMG_TAKE_BLOCKS,
	VMG_TAKE_PAGES,
	VMG_BREAK,
};

/**
 * struct vmg_holding - what the balloon has
 * @blocks: how many
 * @pages: single ones
 * @scarce: no block was to be had
 */
struct vmg_holding {
	u64 blocks;
	u64 pages;
	bool scarce;
};

/**
 * struct vmg_step - what to do
 * @move: kind
 * @n: how many blocks or pages
 */
struct vmg_step {
	enum vmg_move move;
	unsigned int n;
};

/**
 * enum vmg_hint - what to do about a command of the hinting queue
 * @VMG_HINT_NONE: nothing
 * @VMG_HINT_START: allocate free memory and hint at it
 * @VMG_HINT_FREE: free what was allocated
 */
enum vmg_hint {
	VMG_HINT_NONE,
	VMG_HINT_START,
	VMG_HINT_FREE,
};

u64 vmg_size(const struct vmg_holding *have);
u64 vmg_target(u32 num_pages, u64 spared);
struct vmg_step vmg_next(const struct vmg_holding *have, u64 target);
enum vmg_hint vmg_hint_next(u32 received, u32 active);

#endif /* VMG_GUEST_CORE_H */
