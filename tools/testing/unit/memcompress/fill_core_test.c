// SPDX-License-Identifier: GPL-2.0
/*
 * Page classes: the case table, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/fill_cases.h"

static _Alignas(8) u8 page[MCZ_PAGE];
static _Alignas(8) u8 copy[MCZ_PAGE];

static void cases(void)
{
	unsigned int i;
	u64 value;

	for (i = 0; i < ARRAY_SIZE(fill_cases); i++) {
		const struct fill_case *c = &fill_cases[i];

		fill_case_page(c, page);
		EXPECT_EQ(mcz_fill_same(page, &value), c->same, "%s", c->name);
		EXPECT_EQ(mcz_fill_noise(page), c->noise, "%s", c->name);
		if (c->same) {
			mcz_fill_page(copy, value);
			EXPECT(!memcmp(page, copy, MCZ_PAGE), "%s", c->name);
		}
	}
}

/* One changed bit anywhere makes a page of one value a page of two. */
static void any_bit(void)
{
	unsigned int bit;
	u64 value;

	for (bit = 0; bit < MCZ_PAGE * 8; bit++) {
		mcz_fill_page(page, 0x1122334455667788ULL);
		page[bit / 8] ^= 1 << bit % 8;
		EXPECT(!mcz_fill_same(page, &value), "bit %u", bit);
	}
}

/* The border between noise and not, as the essay of fill_core.c gives it. */
static void border(void)
{
	unsigned int n;

	for (n = 1; n <= 256; n++) {
		fill_case_values(page, n);
		EXPECT_EQ(mcz_fill_noise(page), n >= 140, "%u values", n);
	}
}

/* Random bytes are noise; half a page of them is not. */
static void random_pages(void)
{
	unsigned long i, n = utest_iterations(2000);
	unsigned int j;
	u64 value;

	while (n--) {
		for (i = 0; i < MCZ_PAGE; i += 8)
			*(u64 *)(page + i) = utest_rand();
		EXPECT(mcz_fill_noise(page), "random");
		EXPECT(!mcz_fill_same(page, &value), "random");
		for (j = 0; j < MCZ_PAGE / 2; j++)
			page[j] = 0;
		EXPECT(!mcz_fill_noise(page), "half random");
		value = utest_rand();
		mcz_fill_page(page, value);
		EXPECT(mcz_fill_same(page, &value), "one value");
		EXPECT_EQ(value, *(u64 *)page, "one value");
	}
}

UTEST_ALL(UTEST(cases), UTEST(any_bit), UTEST(border), UTEST(random_pages));
