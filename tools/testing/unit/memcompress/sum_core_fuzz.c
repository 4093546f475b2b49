// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the checksum against the same sum, computed byte by byte.
 *
 * Input: the place of a bit that flips, 16 bits; the bytes.
 */
#include <string.h>

#include "../fuzz.h"
#include "sum_core.h"

static u64 stir(u64 h, u64 value)
{
	h = (h ^ value) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

static u32 model(const u8 *bytes, size_t len)
{
	u64 a[4] = { }, b[4] = { }, h = len;
	size_t block, i;

	for (block = 0; block < len; block += 32) {
		for (i = block; i < block + 32 && i < len; i++)
			a[i % 32 / 8] += (u64)bytes[i] << i % 8 * 8;
		for (i = 0; i < 4; i++)
			b[i] += a[i];
	}
	for (i = 0; i < 4; i++)
		h = stir(stir(h, a[i]), b[i]);
	return h >> 32;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t bit;
	u8 *bytes;
	u32 sum;

	if (size < 2)
		return 0;
	bit = data[0] | data[1] << 8;
	data += 2;
	size -= 2;
	/* Of that length, so that a byte too far is found. */
	bytes = malloc(size ? size : 1);
	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	sum = mcz_sum(bytes, size);
	if (sum != model(bytes, size))
		abort();
	if (bit < size * 8) {
		bytes[bit / 8] ^= 1 << bit % 8;
		if (mcz_sum(bytes, size) == sum)
			abort();
	}
	free(bytes);
	return 0;
}
