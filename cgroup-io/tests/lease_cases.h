/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Disks that lend places, for KUnit and for user space.
 */
#ifndef CGIO_LEASE_CASES_H
#define CGIO_LEASE_CASES_H

#include "../lease_core.h"

/**
 * struct lease_offer_case - what a disk offers to a request that found nobody waiting
 * @name: for people
 * @calm: requests before it that did, too
 * @lent: places that are lent already
 * @busy: places that are taken otherwise
 * @window: all places
 * @offer: how many it offers
 */
struct lease_offer_case {
	const char *name;
	u32 calm;
	u32 lent;
	u32 busy;
	u32 window;
	u32 offer;
};

static const struct lease_offer_case lease_offer_cases[] = {
	{ "the first", 0, 0, 1, 32, 0 },
	{ "not long enough", VMLEASE_CALM - 1, 0, 1, 32, 0 },
	{ "long enough", VMLEASE_CALM, 0, 1, 32, VMLEASE_SLOTS },
	{ "most of them are free", VMLEASE_CALM, 0, 0, 65536, VMLEASE_SLOTS },
	{ "half of what is free", VMLEASE_CALM, 0, 26, 32, 3 },
	{ "lent is not free", VMLEASE_CALM, 20, 6, 32, 3 },
	{ "one is left for others", VMLEASE_CALM, 0, 31, 32, 0 },
	{ "none is left", VMLEASE_CALM, 16, 16, 32, 0 },
	{ "more than there are", VMLEASE_CALM, 4, 40, 32, 0 },
	{ "one at a time", VMLEASE_CALM, 0, 0, 1, 0 },
};

static u32 lease_offer_run(const struct lease_offer_case *c)
{
	struct vmlease_book book = { .lent = c->lent, .calm = c->calm };

	return vmlease_offer(&book, c->busy, c->window);
}

#endif /* CGIO_LEASE_CASES_H */
