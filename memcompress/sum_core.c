// SPDX-License-Identifier: GPL-2.0
/*
 * The checksum of what is stored.
 *
 * Problem: every page that is stored or read back is summed, so the sum is part of
 * what a fault costs: xxh64 takes a tenth of what LZ4 takes to unpack. What it must
 * notice is memory that has changed: flipped bits, overwritten runs, an object that
 * is another one; nobody can choose the damage to suit the sum.
 *
 * Model: Fletcher's sum in four lanes of 64 bits. Word i of a lane is added to a, and
 * a to b, so that b weighs words by their place: a word that changed, moved or was
 * swapped with its neighbour shows. The eight results and the length are then
 * stirred into 32 bits.
 *
 * Control: additions only, of lanes that do not wait for each other: three times as
 * fast as xxh64.
 *
 * Limits: whatever changes a or b is missed with a chance of 1 in 2^32. Every change
 * of bits within one word changes a. It is no defence against an adversary.
 */
#include <linux/string.h>

#include "sum_core.h"

#define MCZ_LANES 4
#define MCZ_BLOCK (MCZ_LANES * sizeof(u64))

/* Odd, with half of the bits set, without a pattern. */
#define MCZ_STIR 0x9e3779b97f4a7c15ULL

struct mcz_lanes {
	u64 a[MCZ_LANES];
	u64 b[MCZ_LANES];
};

static u64 mcz_stir(u64 h, u64 value)
{
	h = (h ^ value) * MCZ_STIR;
	return h ^ h >> 29;
}

static u32 mcz_sum_end(const struct mcz_lanes *l, unsigned int len)
{
	u64 h = len;
	unsigned int i;

	for (i = 0; i < MCZ_LANES; i++) {
		h = mcz_stir(h, l->a[i]);
		h = mcz_stir(h, l->b[i]);
	}
	return h >> 32;
}

/* Adds the last, incomplete block; what it lacks counts as zero. */
static void mcz_sum_rest(struct mcz_lanes *l, const void *from, unsigned int len)
{
	u64 word[MCZ_LANES] = { };
	unsigned int i;

	memcpy(word, from, len);
	for (i = 0; i < MCZ_LANES; i++) {
		l->a[i] += word[i];
		l->b[i] += l->a[i];
	}
}

/**
 * mcz_sum() - checksum of bytes
 * @from: bytes, aligned to 8
 * @len: how many, also 0
 *
 * Return: the sum.
 */
u32 mcz_sum(const void *from, unsigned int len)
{
	/* The compiler keeps these in registers, and an array not. */
	u64 a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
	struct mcz_lanes lanes;
	const u64 *word = from;
	unsigned int left;

	for (left = len; left >= MCZ_BLOCK; left -= MCZ_BLOCK) {
		a0 += word[0];
		a1 += word[1];
		a2 += word[2];
		a3 += word[3];
		b0 += a0;
		b1 += a1;
		b2 += a2;
		b3 += a3;
		word += MCZ_LANES;
	}
	lanes = (struct mcz_lanes){ { a0, a1, a2, a3 }, { b0, b1, b2, b3 } };
	if (left)
		mcz_sum_rest(&lanes, word, left);
	return mcz_sum_end(&lanes, len);
}
