// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the scheduler.
 *
 * Input: up to 32 changes of six bytes each: what, which class, and a number, last byte first.
 */
#include "../fuzz.h"
#include "share_model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct share_model m = { };
	unsigned int steps;

	vmshare_init(&m.s);
	for (steps = 0; steps < 32 && size >= 6; steps++, data += 6, size -= 6) {
		u32 value = data[2] | data[3] << 8 | data[4] << 16 | (u32)data[5] << 24;

		if (!share_model_step(&m, data[0], data[1], value))
			abort();
	}
	return 0;
}
