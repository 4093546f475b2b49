/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Damage that a checksum must notice, for KUnit and for user space.
 */
#ifndef MCZ_SUM_CASES_H
#define MCZ_SUM_CASES_H

#include "../sum_core.h"

#define SUM_CASE_LEN 1024

/**
 * struct sum_case - two contents of SUM_CASE_LEN bytes that differ
 * @name: of the case
 * @at: place that differs
 * @other: second one, or -1
 *
 * Both contents are bytes that count up. With @other the words at the two places
 * are swapped, else a bit of the byte flips.
 */
struct sum_case {
	const char *name;
	int at;
	int other;
};

static const struct sum_case sum_cases[] = {
	{ "first byte", 0, -1 },
	{ "last byte", SUM_CASE_LEN - 1, -1 },
	{ "words of one block", 0, 8 },
	{ "the same lane of neighbouring blocks", 32, 64 },
	{ "words far apart", 8, 1000 },
};

static inline void sum_case_fill(u8 *bytes)
{
	unsigned int i;

	for (i = 0; i < SUM_CASE_LEN; i++)
		bytes[i] = i * 7 + i / 256;
}

static inline void sum_case_damage(const struct sum_case *c, u8 *bytes)
{
	unsigned int i;

	if (c->other < 0) {
		bytes[c->at] ^= 0x80;
		return;
	}
	for (i = 0; i < 8; i++) {
		u8 byte = bytes[c->at + i];

		bytes[c->at + i] = bytes[c->other + i];
		bytes[c->other + i] = byte;
	}
}

#endif /* MCZ_SUM_CASES_H */
