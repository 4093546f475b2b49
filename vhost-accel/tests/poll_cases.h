/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases of the polling policy, for KUnit and for user space.
 */
#ifndef VHA_TESTS_POLL_CASES_H
#define VHA_TESTS_POLL_CASES_H

#include <linux/kernel.h>
#include <linux/types.h>

#include "../poll_core.h"

#define POLL_CASE_GAPS 4
#define POLL_US 1000ULL
#define POLL_FAR (~0ULL)

struct poll_case {
	const char *name;
	/* The owner's bound. */
	u32 max;
	/* Waits that are noted in turn, up to a 0. */
	u64 gap[POLL_CASE_GAPS];
	/* How many in all. */
	unsigned int n;
	/* Bounds of the span then. */
	u32 least;
	u32 most;
};

static const struct poll_case poll_cases[] = {
	{
		.name = "a fresh policy polls for the margin",
		.max = 50 * POLL_US, .n = 0,
		.least = VHA_POLL_MARGIN_NS, .most = 50 * POLL_US / 4,
	}, {
		.name = "never, however short the waits",
		.max = 0, .gap = { 1 }, .n = 50,
	}, {
		.name = "never, nothing waited for",
		.max = 0, .n = 0,
	}, {
		.name = "a bound below the margin is kept",
		.max = 1, .gap = { 1 }, .n = 100,
		.least = 1, .most = 1,
	}, {
		.name = "regular near waits: as long as allowed",
		.max = 50 * POLL_US, .gap = { 10 * POLL_US }, .n = 50,
		.least = 50 * POLL_US, .most = 50 * POLL_US,
	}, {
		.name = "waits of the bound are near",
		.max = 50 * POLL_US, .gap = { 50 * POLL_US }, .n = 2,
		.least = VHA_POLL_MARGIN_NS, .most = 50 * POLL_US,
	}, {
		.name = "waits just past the bound are far",
		.max = 50 * POLL_US, .gap = { 50 * POLL_US + 1 }, .n = 20,
	}, {
		.name = "waits without end",
		.max = VHA_POLL_MAX_NS, .gap = { POLL_FAR }, .n = 80,
	}, {
		.name = "one near wait of four, short: worth a little",
		.max = 50 * POLL_US,
		.gap = { 1 * POLL_US, POLL_FAR, 1 * POLL_US, POLL_FAR }, .n = 60,
		.least = 1 * POLL_US, .most = 25 * POLL_US,
	}, {
		.name = "half the waits near, but long: not worth it",
		.max = 50 * POLL_US,
		.gap = { 45 * POLL_US, POLL_FAR, 45 * POLL_US, POLL_FAR }, .n = 60,
	}, {
		.name = "a near wait among far ones is no reason to begin",
		.max = 50 * POLL_US,
		.gap = { POLL_FAR, POLL_FAR, POLL_FAR, 25 * POLL_US }, .n = 60,
	}, {
		.name = "a far wait among near ones is no reason to end",
		.max = 50 * POLL_US,
		.gap = { 5 * POLL_US, 5 * POLL_US, 5 * POLL_US, POLL_FAR }, .n = 60,
		.least = 20 * POLL_US, .most = 50 * POLL_US,
	}, {
		.name = "the longest bound",
		.max = VHA_POLL_MAX_NS, .gap = { VHA_POLL_MAX_NS }, .n = 200,
		.least = VHA_POLL_MAX_NS, .most = VHA_POLL_MAX_NS,
	},
};

/* Span after the waits of a case. */
static inline u32 poll_case_run(const struct poll_case *c)
{
	struct vha_poll_policy p;
	unsigned int i, at = 0;

	vha_poll_policy_init(&p);
	for (i = 0; i < c->n; i++) {
		vha_poll_note(&p, c->gap[at], c->max);
		if (++at == POLL_CASE_GAPS || !c->gap[at])
			at = 0;
	}
	return vha_poll_span(&p, c->max);
}

#endif /* VHA_TESTS_POLL_CASES_H */
