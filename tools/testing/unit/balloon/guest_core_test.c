// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of the balloon: the case tables, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/guest_cases.h"

static void cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(step_cases); i++) {
		const struct step_case *c = &step_cases[i];
		struct vmg_step step = vmg_next(&c->have, c->target);

		EXPECT_EQ(step.move, c->step.move, "%s", c->name);
		EXPECT_EQ(step.n, c->step.n, "%s: how many", c->name);
	}
	for (i = 0; i < ARRAY_SIZE(hint_cases); i++) {
		const struct hint_case *c = &hint_cases[i];

		EXPECT_EQ(vmg_hint_next(c->received, c->active), c->hint, "%s", c->name);
	}
	EXPECT_EQ(vmg_target(100, 0), 100, "target");
	EXPECT_EQ(vmg_target(100, 30), 70, "target, some spared");
	EXPECT_EQ(vmg_target(100, 101), 0, "target, more spared");
	EXPECT_EQ(vmg_target(100, ~0ULL), 0, "target, all spared");
}

static u64 apart(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

/*
 * A balloon on a machine with some blocks and some pages comes to its target, or to
 * where nothing is left, each step nearer than the one before and none too far.
 */
static void walks(void)
{
	unsigned long rounds = utest_iterations(20000);

	while (rounds--) {
		struct vmg_holding have = { utest_below(200), utest_below(5000), false };
		u64 target = utest_below(200000), blocks = utest_below(300);
		u64 pages = utest_below(20000);
		unsigned int steps, breaks = 0;
		bool starved = false;

		for (steps = 0; steps < 2000; steps++) {
			struct vmg_step step = vmg_next(&have, target);
			u64 size = vmg_size(&have), did;

			if (step.move == VMG_REST)
				break;
			EXPECT(step.n && step.n <= VMG_BATCH_PAGES, "%u at once", step.n);
			switch (step.move) {
			case VMG_GIVE_BLOCKS:
				EXPECT(step.n <= VMG_BATCH_BLOCKS, "%u blocks", step.n);
				EXPECT(!have.scarce, "asks again for what is scarce");
				did = min(blocks, step.n + 0ULL);
				have.blocks += did;
				blocks -= did;
				have.scarce = !did;
				break;
			case VMG_GIVE_PAGES:
				did = min(pages, step.n + 0ULL);
				have.pages += did;
				pages -= did;
				starved = !did;
				break;
			case VMG_TAKE_BLOCKS:
				EXPECT(step.n <= have.blocks, "more blocks than there are");
				have.blocks -= step.n;
				break;
			case VMG_TAKE_PAGES:
				EXPECT(step.n <= have.pages, "more pages than there are");
				have.pages -= step.n;
				break;
			default:
				EXPECT(have.blocks && !have.pages, "nothing to break");
				have.blocks--;
				have.pages += VMG_BLOCK_PAGES;
				breaks++;
				EXPECT_EQ(vmg_size(&have), size, "broken");
			}
			if (starved)
				break;
			EXPECT(size < target ? vmg_size(&have) <= target :
			       vmg_size(&have) >= target, "beyond the target");
			EXPECT(step.move == VMG_BREAK || have.scarce ||
			       apart(vmg_size(&have), target) < apart(size, target),
			       "no nearer");
		}
		EXPECT(starved || vmg_size(&have) == target, "after %u steps", steps);
		EXPECT(breaks <= 1, "%u blocks broken", breaks);
	}
}

UTEST_ALL(UTEST(cases), UTEST(walks));
