// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the parser of settings: what it takes is in range, and what it refuses
 * changes nothing.
 *
 * Input: the text.
 */
#include <linux/errno.h>
#include <string.h>

#include "../fuzz.h"
#include "knob_core.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u64 rates[VMSHARE_UNITS] = { 7, 8 };
	char *text = malloc(size + 1);
	u32 shares = 77;
	u64 us = 7;
	u32 weight;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	r = cgio_knob_shares(text, &shares);
	if (r ? (r != -EINVAL && r != -ERANGE) || shares != 77 : shares > VMSHARE_WEIGHT_MAX)
		abort();
	r = cgio_knob_rates(text, rates);
	if (r ? (r != -EINVAL && r != -ERANGE) || rates[0] != 7 || rates[1] != 8 :
		rates[0] > VMSHARE_RATE_MAX || rates[1] > VMSHARE_RATE_MAX)
		abort();
	r = cgio_knob_latency(text, &us);
	if (r ? (r != -EINVAL && r != -ERANGE) || us != 7 : us > CGIO_LATENCY_MAX)
		abort();
	weight = cgio_knob_weight(text);
	if (!weight || weight > VMSHARE_WEIGHT_MAX)
		abort();
	free(text);
	return 0;
}
