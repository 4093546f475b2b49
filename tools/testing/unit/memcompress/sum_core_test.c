// SPDX-License-Identifier: GPL-2.0
/*
 * Checksum: the case table, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/sum_cases.h"

static _Alignas(8) u8 bytes[SUM_CASE_LEN];

static void cases(void)
{
	unsigned int i;
	u32 good;

	for (i = 0; i < ARRAY_SIZE(sum_cases); i++) {
		sum_case_fill(bytes);
		good = mcz_sum(bytes, SUM_CASE_LEN);
		sum_case_damage(&sum_cases[i], bytes);
		EXPECT(mcz_sum(bytes, SUM_CASE_LEN) != good, "%s", sum_cases[i].name);
	}
}

/* Whatever is changed for speed, the sum stays what it is. */
static void fixed(void)
{
	sum_case_fill(bytes);
	EXPECT_EQ(mcz_sum(bytes, 0), 0x00000000U, "0 bytes");
	EXPECT_EQ(mcz_sum(bytes, 61), 0xd55f502aU, "61 bytes");
	EXPECT_EQ(mcz_sum(bytes, SUM_CASE_LEN), 0x3d002a09U, "all bytes");
}

/* Any one bit, in any length. */
static void any_bit(void)
{
	unsigned int bit, len;

	sum_case_fill(bytes);
	for (len = 1; len <= 100; len++) {
		u32 good = mcz_sum(bytes, len);

		for (bit = 0; bit < len * 8; bit++) {
			bytes[bit / 8] ^= 1 << bit % 8;
			EXPECT(mcz_sum(bytes, len) != good, "bit %u of %u bytes", bit, len);
			bytes[bit / 8] ^= 1 << bit % 8;
		}
		EXPECT_EQ(mcz_sum(bytes, len), good, "%u bytes", len);
	}
}

/* Two changed places, and words that change places, of random content. */
static void random_damage(void)
{
	unsigned long n = utest_iterations(20000);
	unsigned int i, j, len;
	u64 *word = (u64 *)bytes, swap;
	u32 good;

	while (n--) {
		for (i = 0; i < SUM_CASE_LEN / 8; i++)
			word[i] = utest_rand() & 1 ? utest_rand() : 0;
		len = 16 + utest_rand() % (SUM_CASE_LEN - 15);
		good = mcz_sum(bytes, len);
		i = utest_rand() % (len / 8);
		j = utest_rand() % (len / 8);
		if (word[i] != word[j]) {
			swap = word[i];
			word[i] = word[j];
			word[j] = swap;
			EXPECT(mcz_sum(bytes, len) != good, "words %u and %u of %u bytes",
			       i, j, len);
			good = mcz_sum(bytes, len);
		}
		bytes[i * 8] ^= 1 + utest_rand() % 255;
		bytes[j * 8 + 1] ^= 1 + utest_rand() % 255;
		EXPECT(mcz_sum(bytes, len) != good, "bytes %u and %u of %u", i * 8, j * 8 + 1,
		       len);
	}
}

UTEST_ALL(UTEST(cases), UTEST(fixed), UTEST(any_bit), UTEST(random_damage));
