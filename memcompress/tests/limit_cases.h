/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Divisions and verdicts of limit_core.c, for KUnit and for user space.
 */
#ifndef MCZ_LIMIT_CASES_H
#define MCZ_LIMIT_CASES_H

#include "../limit_core.h"

#define NONE MCZ_LIMIT_NONE

/**
 * struct divide_case - a division
 * @name: of the case
 * @bytes: to divide
 * @n: VMs
 * @shares: the VMs; their entitlements are what is expected
 */
struct divide_case {
	const char *name;
	u64 bytes;
	unsigned int n;
	struct mcz_share shares[4];
};

static const struct divide_case divide_cases[] = {
	{ "nobody", 100, 0, { } },
	{ "one alone", 100, 1, { { 0, NONE, 1, 100 } } },
	{ "one with a maximum", 100, 1, { { 0, 60, 1, 60 } } },
	{ "two alike", 100, 2, { { 0, NONE, 1, 50 }, { 0, NONE, 1, 50 } } },
	{ "weights", 1000, 2, { { 0, NONE, 1, 250 }, { 0, NONE, 3, 750 } } },
	{ "a minimum above the share", 100, 2, { { 80, NONE, 1, 80 },
						 { 0, NONE, 1, 20 } } },
	{ "a minimum below the share", 100, 2, { { 20, NONE, 1, 50 },
						 { 0, NONE, 1, 50 } } },
	{ "a maximum below the share", 100, 2, { { 0, 10, 1, 10 },
						 { 0, NONE, 1, 90 } } },
	{ "floor, open, lid", 10000, 3, { { 4000, NONE, 100, 4000 },
					  { 0, NONE, 100, 4000 },
					  { 0, 2000, 200, 2000 } } },
	{ "everybody at the maximum", 100, 2, { { 0, 10, 1, 10 }, { 0, 20, 1, 20 } } },
	{ "minima that fit exactly", 100, 2, { { 70, NONE, 1, 70 },
					       { 30, NONE, 9, 30 } } },
	{ "minima that do not fit", 100, 2, { { 80, NONE, 1, 50 },
					      { 80, NONE, 1, 50 } } },
	{ "one minimum too large", 100, 2, { { 200, NONE, 1, 70 },
					     { 30, NONE, 1, 30 } } },
	{ "without a minimum beside minima that do not fit", 100, 2,
	  { { 200, NONE, 1, 100 }, { 0, NONE, 1, 0 } } },
	{ "minimum above the maximum", 100, 1, { { 80, 40, 1, 40 } } },
	{ "nothing to divide", 0, 2, { { 10, NONE, 1, 0 }, { 0, NONE, 1, 0 } } },
	{ "all there can be", NONE, 1, { { 0, NONE, MCZ_WEIGHT_MAX, NONE } } },
	{ "minima of all there can be", NONE, 2, { { NONE, NONE, 1, NONE / 2 },
						   { NONE, NONE, 1, NONE / 2 } } },
};

/**
 * struct verdict_case - a page
 * @name: of the case
 * @c: page, owner and store
 * @verdict: expected
 */
struct verdict_case {
	const char *name;
	struct mcz_limit_case c;
	enum mcz_verdict verdict;
};

#define CASE(cha, mi, ma, hi, en, us, li, re)				\
	{ .charged = cha, .min = mi, .max = ma, .high = hi,		\
	  .entitled = en, .used = us, .limit = li, .reserved = re }

static const struct verdict_case verdict_cases[] = {
	{ "no limits", CASE(50, 0, NONE, NONE, 0, 1000, 0, 0), MCZ_ADMIT },
	{ "at the maximum", CASE(50, 0, 50, NONE, 0, 0, 0, 0), MCZ_ADMIT },
	{ "beyond the maximum", CASE(51, 0, 50, NONE, 0, 0, 0, 0), MCZ_SPILL },
	{ "the maximum before the minimum", CASE(51, 100, 50, NONE, 0, 0, 0, 0),
	  MCZ_SPILL },
	{ "at the high mark", CASE(50, 0, NONE, 50, 0, 0, 0, 0), MCZ_ADMIT },
	{ "above the high mark", CASE(51, 0, NONE, 50, 0, 0, 0, 0),
	  MCZ_ADMIT_DEMOTE },
	{ "much room", CASE(50, 0, NONE, NONE, 10, 699, 800, 0), MCZ_ADMIT },
	{ "little room, above its share", CASE(11, 0, NONE, NONE, 10, 700, 800, 0),
	  MCZ_SPILL },
	{ "little room, at its share", CASE(10, 0, NONE, NONE, 10, 700, 800, 0),
	  MCZ_ADMIT },
	{ "no room, at its share", CASE(10, 0, NONE, NONE, 10, 800, 800, 0),
	  MCZ_SPILL },
	{ "no room, at its minimum", CASE(10, 10, NONE, NONE, 0, 900, 800, 0),
	  MCZ_ADMIT },
	{ "no room but for minima", CASE(11, 10, NONE, NONE, 50, 600, 800, 200),
	  MCZ_SPILL },
	{ "little room but for minima", CASE(11, 0, NONE, NONE, 10, 600, 800, 100),
	  MCZ_SPILL },
	{ "room beside minima", CASE(11, 0, NONE, NONE, 10, 600, 800, 99), MCZ_ADMIT },
	{ "minima larger than the store", CASE(1, 0, NONE, NONE, 10, 0, 800, NONE),
	  MCZ_SPILL },
	{ "high mark within the minimum", CASE(10, 20, NONE, 5, 0, 900, 800, 0),
	  MCZ_ADMIT_DEMOTE },
};

#undef CASE

#endif /* MCZ_LIMIT_CASES_H */
