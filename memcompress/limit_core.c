// SPDX-License-Identifier: GPL-2.0
/*
 * Shares of a store.
 *
 * Problem: VMs that swap at the same time fill the same memory. Without a rule the
 * one that stores fastest gets it, and its garbage keeps the others' working sets
 * out.
 *
 * Model: each VM has a minimum, a maximum and a weight. Its entitlement is what it
 * would have if all wanted more than there is: every VM gets its weight times one
 * level, but no less than its minimum and no more than its maximum, and the level
 * is the highest at which all of it fits: water in vessels of different widths,
 * with floors and lids. Where not even the minima fit they are the lids, and the
 * floors are 0. Example: 100 MiB, A with weight 100 and minimum 40, B with 100, C
 * with 200 and maximum 20. At level 0.4 MiB A has 40, B 40, C its lid of 20.
 *
 * Control: the division takes time, so it is made ahead, some times a second while
 * pages are stored. A store only compares: beyond its maximum a VM's page goes down
 * a tier; below its minimum it is kept; else it is kept while the store has room
 * that no minimum is waiting for. The last eighth of the room is for those who have
 * less than their entitlement: one VM alone may have seven eighths, and whoever
 * comes later finds a place to start from.
 *
 * Limits: shares steer what is stored next; what is there leaves when it is freed
 * or demoted. Levels are whole bytes for each unit of weight, so that up to one
 * byte for each unit of all weights is given to nobody.
 */
#include <linux/minmax.h>

#include "limit_core.h"

/* Of a store's room, the part kept for those below their entitlement: 1 / 2^3. */
#define MCZ_LIMIT_SLACK_SHIFT 3

static u64 mcz_share_at(const struct mcz_share *s, u64 level, bool floors)
{
	u64 max = min(s->max, MCZ_LIMIT_NONE);
	u64 lo = min(s->min, max);

	if (!floors)
		return min(level * s->weight, lo);
	return clamp(level * s->weight, lo, max);
}

/* At most %MCZ_SHARES_MAX times %MCZ_LIMIT_NONE: 2^58. */
static u64 mcz_shares_sum(const struct mcz_share *shares, unsigned int n,
			  u64 level, bool floors)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < n; i++)
		sum += mcz_share_at(&shares[i], level, floors);
	return sum;
}

/**
 * mcz_limit_divide() - divide a store
 * @shares: @n VMs; their entitlement is set
 * @n: at most %MCZ_SHARES_MAX
 * @bytes: to divide, at most %MCZ_LIMIT_NONE
 *
 * The entitlements' sum is at most @bytes, and less by the sum of the weights at
 * most unless everybody has its maximum. Takes 47 passes over the VMs.
 */
void mcz_limit_divide(struct mcz_share *shares, unsigned int n, u64 bytes)
{
	const bool floors = mcz_shares_sum(shares, n, 0, true) <= bytes;
	u64 low = 0, high = MCZ_LIMIT_NONE;
	unsigned int i;

	/* The highest level at which it fits; at 0 it does. */
	while (low < high) {
		u64 level = high - (high - low) / 2;

		if (mcz_shares_sum(shares, n, level, floors) <= bytes)
			low = level;
		else
			high = level - 1;
	}
	for (i = 0; i < n; i++)
		shares[i].entitled = mcz_share_at(&shares[i], low, floors);
}

/**
 * mcz_limit_verdict() - what becomes of a page
 * @c: page, owner and store
 *
 * Return: the verdict. A VM within its minimum and its maximum is admitted always.
 */
enum mcz_verdict mcz_limit_verdict(const struct mcz_limit_case *c)
{
	const u64 slack = c->limit >> MCZ_LIMIT_SLACK_SHIFT;

	if (c->charged > c->max)
		return MCZ_SPILL;
	if (c->charged > c->min && c->limit) {
		u64 taken = c->used + min(c->reserved, c->limit);

		if (taken >= c->limit)
			return MCZ_SPILL;
		if (taken >= c->limit - slack && c->charged > c->entitled)
			return MCZ_SPILL;
	}
	return c->charged > c->high ? MCZ_ADMIT_DEMOTE : MCZ_ADMIT;
}
