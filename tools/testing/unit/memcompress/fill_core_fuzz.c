// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the page classes against counting by hand.
 *
 * Input: bytes that the page repeats.
 */
#include <string.h>

#include "../fuzz.h"
#include "tests/fill_cases.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static _Alignas(8) u8 page[MCZ_PAGE];
	bool seen[256] = { }, same, noise;
	unsigned int i, n = 0, glance = 0;
	u64 value;

	if (!size)
		return 0;
	for (i = 0; i < MCZ_PAGE; i += size)
		memcpy(page + i, data, i + size > MCZ_PAGE ? MCZ_PAGE - i : size);
	same = !memcmp(page, page + 8, MCZ_PAGE - 8);
	for (i = 0; i < 256; i++) {
		u8 *byte = &page[fill_case_sample(i)];

		n += !seen[*byte];
		seen[*byte] = true;
		if (i == 63)
			glance = n;
	}
	if (mcz_fill_same(page, &value) != same ||
	    (same && memcmp(&value, page, sizeof(value))))
		abort();
	noise = glance >= 44 && n >= 140;
	if (mcz_fill_noise(page) != noise)
		abort();
	return 0;
}
