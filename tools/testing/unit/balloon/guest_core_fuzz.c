// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the balloon's steps: any holding, any target, steps that succeed in part.
 *
 * Input: blocks, pages and target as 32 bits each, then a byte for each step: how much
 * of it can be done.
 */
#include <string.h>

#include "../fuzz.h"
#include "guest_core.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vmg_holding have = {};
	u32 word[3];
	u64 target;

	if (size < sizeof(word))
		return 0;
	memcpy(word, data, sizeof(word));
	have.blocks = word[0];
	have.pages = word[1];
	target = vmg_target(word[2], size > 12 ? data[12] : 0);
	CHECK(target <= word[2]);
	for (data += sizeof(word), size -= sizeof(word); size; data++, size--) {
		struct vmg_step step = vmg_next(&have, target);
		u64 before = vmg_size(&have);
		unsigned int n = step.n * *data / 255;

		switch (step.move) {
		case VMG_REST:
			CHECK(before == target);
			return 0;
		case VMG_GIVE_BLOCKS:
			have.blocks += n;
			have.scarce = !n;
			break;
		case VMG_GIVE_PAGES:
			have.pages += n;
			break;
		case VMG_TAKE_BLOCKS:
			CHECK(n <= have.blocks);
			have.blocks -= n;
			break;
		case VMG_TAKE_PAGES:
			CHECK(n <= have.pages);
			have.pages -= n;
			break;
		case VMG_BREAK:
			CHECK(have.blocks && !have.pages && n <= 1);
			have.blocks -= n;
			have.pages += n * VMG_BLOCK_PAGES;
			break;
		}
		CHECK(before < target ? vmg_size(&have) <= target : vmg_size(&have) >= target);
	}
	return 0;
}
