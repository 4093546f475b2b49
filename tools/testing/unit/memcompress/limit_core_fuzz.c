// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the division against filling byte by byte, and of the verdicts against
 * their rules.
 *
 * Input: the size to divide, then four bytes for each VM: minimum, maximum, weight,
 * and what it has.
 */
#include "../fuzz.h"
#include "limit_core.h"

static u64 at(const struct mcz_share *s, u64 level, bool floors)
{
	u64 lo = s->min < s->max ? s->min : s->max;
	u64 n = level * s->weight;

	if (!floors)
		return n < lo ? n : lo;
	return n < lo ? lo : n > s->max ? s->max : n;
}

static u64 sum(const struct mcz_share *s, unsigned int n, u64 level, bool floors)
{
	u64 total = 0;

	while (n--)
		total += at(s++, level, floors);
	return total;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct mcz_share s[16];
	unsigned int i, n = 0;
	bool floors;
	u64 bytes, level = 0;

	if (!size)
		return 0;
	bytes = data[0];
	for (i = 1; i + 3 < size && n < 16; i += 4, n++) {
		s[n].min = data[i];
		s[n].max = data[i + 1] == 255 ? MCZ_LIMIT_NONE : data[i + 1];
		s[n].weight = data[i + 2] % 16 + 1;
	}
	floors = sum(s, n, 0, true) <= bytes;
	while (level < 256 && sum(s, n, level + 1, floors) <= bytes)
		level++;
	/* At level 256 everybody open would have more than there is. */
	mcz_limit_divide(s, n, bytes);
	for (i = 0; i < n; i++) {
		struct mcz_limit_case c = {
			.charged = data[4 * i + 4],
			.min = s[i].min,
			.max = s[i].max,
			.high = s[i].weight * 8,
			.entitled = s[i].entitled,
			.used = bytes,
			.limit = data[0] / 2 + data[4],
			.reserved = s[0].min,
		};
		enum mcz_verdict v = MCZ_ADMIT;

		if (s[i].entitled != at(&s[i], level, floors))
			abort();
		if (c.charged > c.high)
			v = MCZ_ADMIT_DEMOTE;
		if (c.limit && c.charged > c.min) {
			u64 reserved = c.reserved < c.limit ? c.reserved : c.limit;

			if (c.used + reserved >= c.limit - c.limit / 8 &&
			    c.charged > c.entitled)
				v = MCZ_SPILL;
			if (c.used + reserved >= c.limit)
				v = MCZ_SPILL;
		}
		if (c.charged > c.max)
			v = MCZ_SPILL;
		if (mcz_limit_verdict(&c) != v)
			abort();
	}
	return 0;
}
