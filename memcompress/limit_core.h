/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may have how much of a store: shares, and what becomes of one page.
 */
#ifndef MCZ_LIMIT_CORE_H
#define MCZ_LIMIT_CORE_H

#include <linux/types.h>

/** MCZ_LIMIT_NONE - the largest size, in bytes: as good as no limit */
#define MCZ_LIMIT_NONE 0x400000000000ULL

/** MCZ_WEIGHT_MIN - smallest weight */
#define MCZ_WEIGHT_MIN 1

/** MCZ_WEIGHT_MAX - largest weight */
#define MCZ_WEIGHT_MAX 10000

/** MCZ_WEIGHT_DEFAULT - weight of a VM that was given none */
#define MCZ_WEIGHT_DEFAULT 100

/** MCZ_SHARES_MAX - how many may share a store */
#define MCZ_SHARES_MAX 4096

/**
 * enum mcz_verdict - what becomes of a page
 * @MCZ_ADMIT: it is kept in memory
 * @MCZ_ADMIT_DEMOTE: so it is, and its owner's coldest pages should leave
 * @MCZ_SPILL: it goes to the tier below; where there is none it is refused
 */
enum mcz_verdict {
	MCZ_ADMIT,
	MCZ_ADMIT_DEMOTE,
	MCZ_SPILL,
};

/**
 * struct mcz_share - a VM's part in the division of a store
 * @min: bytes that it is to have before others have more than theirs
 * @max: bytes that it is never to have more of
 * @weight: part of the rest, %MCZ_WEIGHT_MIN to %MCZ_WEIGHT_MAX
 * @entitled: bytes it may have when all want more; the result
 *
 * Sizes are at most %MCZ_LIMIT_NONE; where @min is above @max, @max counts.
 */
struct mcz_share {
	u64 min;
	u64 max;
	u32 weight;
	u64 entitled;
};

/**
 * struct mcz_limit_case - what a verdict depends on
 * @charged: bytes of the owner, with the page in question
 * @min: see &struct mcz_share
 * @max: see &struct mcz_share
 * @high: bytes above which the owner's coldest pages leave
 * @entitled: see &struct mcz_share
 * @used: bytes that the store takes
 * @limit: bytes that it may take, 0 = no limit
 * @reserved: bytes of it that other VMs' minima still lack
 */
struct mcz_limit_case {
	u64 charged;
	u64 min;
	u64 max;
	u64 high;
	u64 entitled;
	u64 used;
	u64 limit;
	u64 reserved;
};

void mcz_limit_divide(struct mcz_share *shares, unsigned int n, u64 bytes);
enum mcz_verdict mcz_limit_verdict(const struct mcz_limit_case *c);

#endif /* MCZ_LIMIT_CORE_H */
