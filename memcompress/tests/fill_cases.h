/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages and what fill_core.c has to say of them, for KUnit and for user space.
 */
#ifndef MCZ_FILL_CASES_H
#define MCZ_FILL_CASES_H

#include "../fill_core.h"

/**
 * struct fill_case - a page
 * @name: of the case
 * @words: 64-bit words that the page repeats, the last one at the latest up to
 *	its end
 * @nwords: how many
 * @change: byte that differs from the pattern, -1 = none
 * @same: it is one value
 * @noise: it is noise
 */
struct fill_case {
	const char *name;
	u64 words[4];
	unsigned int nwords;
	int change;
	bool same;
	bool noise;
};

static const struct fill_case fill_cases[] = {
	{ "zero", { 0 }, 1, -1, true, false },
	{ "all ones", { ~0ULL }, 1, -1, true, false },
	{ "one byte repeated", { 0x5a5a5a5a5a5a5a5aULL }, 1, -1, true, false },
	{ "32 bits repeated", { 0xdeadbeefdeadbeefULL }, 1, -1, true, false },
	{ "64 bits repeated", { 0x0123456789abcdefULL }, 1, -1, true, false },
	{ "two words in turn", { 1, 2 }, 2, -1, false, false },
	{ "first byte differs", { 0 }, 1, 0, false, false },
	{ "byte 7 differs", { 0 }, 1, 7, false, false },
	{ "byte 8 differs", { 0 }, 1, 8, false, false },
	{ "a byte in the middle differs", { 0 }, 1, 2048, false, false },
	{ "second word from the end differs", { 0 }, 1, MCZ_PAGE - 16, false, false },
	{ "last byte differs", { 0 }, 1, MCZ_PAGE - 1, false, false },
	{ "pointers", { 0xffff888000001000ULL, 0xffff888000002000ULL,
			0xffff888000003000ULL, 0 }, 4, -1, false, false },
};

static inline void fill_case_page(const struct fill_case *c, u8 *page)
{
	unsigned int i;

	for (i = 0; i < MCZ_PAGE / sizeof(u64); i++)
		((u64 *)page)[i] = c->words[i % c->nwords];
	if (c->change >= 0)
		page[c->change] ^= 1;
}

/* Byte @i of the 256 that the sample looks at, in its order. */
static inline unsigned int fill_case_sample(unsigned int i)
{
	/* Of the first 16 of each 256: four everywhere, then the others. */
	return i < 64 ? i / 4 * 256 + i % 4 : (i - 64) / 12 * 256 + 4 + (i - 64) % 12;
}

/* Bytes 0 to n - 1 in turn where the sample looks. */
static inline void fill_case_values(u8 *page, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < 256; i++)
		page[fill_case_sample(i)] = i % n;
}

#endif /* MCZ_FILL_CASES_H */
