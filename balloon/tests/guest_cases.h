/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Steps of guest_core.c, for KUnit and for user space.
 */
#ifndef VMG_GUEST_CASES_H
#define VMG_GUEST_CASES_H

#include "../guest_core.h"

/**
 * struct step_case - a step
 * @name: of the case
 * @have: what the balloon has
 * @target: pages
 * @step: expected
 */
struct step_case {
	const char *name;
	struct vmg_holding have;
	u64 target;
	struct vmg_step step;
};

static const struct step_case step_cases[] = {
	{ "empty", { 0, 0, false }, 0, { VMG_REST, 0 } },
	{ "as it should be", { 2, 3, false }, 1027, { VMG_REST, 0 } },
	{ "one block", { 0, 0, false }, 512, { VMG_GIVE_BLOCKS, 1 } },
	{ "less than a block", { 0, 0, false }, 511, { VMG_GIVE_PAGES, 511 } },
	{ "a block and a half", { 0, 0, false }, 768, { VMG_GIVE_BLOCKS, 1 } },
	{ "and its half", { 1, 0, false }, 768, { VMG_GIVE_PAGES, 256 } },
	{ "many blocks", { 0, 0, false }, 1 << 20, { VMG_GIVE_BLOCKS, 32 } },
	{ "no block to be had", { 0, 0, true }, 512, { VMG_GIVE_PAGES, 512 } },
	{ "many pages", { 0, 0, true }, 1 << 20, { VMG_GIVE_PAGES, 1024 } },
	{ "a block too much", { 2, 0, false }, 512, { VMG_TAKE_BLOCKS, 1 } },
	{ "blocks before pages", { 2, 600, false }, 1024, { VMG_TAKE_BLOCKS, 1 } },
	{ "pages too many", { 1, 511, false }, 513, { VMG_TAKE_PAGES, 510 } },
	{ "more than there are", { 1, 5, false }, 500, { VMG_TAKE_PAGES, 5 } },
	{ "pages alone", { 0, 4000, false }, 0, { VMG_TAKE_PAGES, 1024 } },
	{ "blocks alone, and a page too much", { 1, 0, false }, 511, { VMG_BREAK, 1 } },
	{ "all blocks", { 100, 0, false }, 0, { VMG_TAKE_BLOCKS, 32 } },
	{ "the last blocks", { 3, 9, false }, 0, { VMG_TAKE_BLOCKS, 3 } },
};

/**
 * struct hint_case - a command of the hinting queue
 * @name: of the case
 * @received: the command
 * @active: the one before
 * @hint: expected
 */
struct hint_case {
	const char *name;
	u32 received;
	u32 active;
	enum vmg_hint hint;
};

static const struct hint_case hint_cases[] = {
	{ "nothing yet", 0, 0, VMG_HINT_NONE },
	{ "start", 0x80000000, 0, VMG_HINT_START },
	{ "the same again", 0x80000000, 0x80000000, VMG_HINT_NONE },
	{ "another start", 0x80000001, 0x80000000, VMG_HINT_START },
	{ "stop", 0, 0x80000000, VMG_HINT_NONE },
	{ "done", 1, 0x80000000, VMG_HINT_FREE },
	{ "done again", 1, 1, VMG_HINT_FREE },
};

#endif /* VMG_GUEST_CASES_H */
