// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the window: whatever comes back, it stays within its bounds.
 *
 * Input: requests of four bytes each: what, cost, latency and time, all but the first
 * as powers of two.
 */
#include "../fuzz.h"
#include "window_core.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vmwindow w;
	u64 now = 1;

	vmwindow_init(&w);
	for (; size >= 4; data += 4, size -= 4) {
		unsigned int i, n = data[0] >> 2;

		if (data[0] == 1)
			vmwindow_set(&w, 1 << data[1] % 17);
		else if (data[0] == 2)
			vmwindow_set_target(&w, (1ULL << data[1] % 37) - 1);
		/* Some of a kind, so that a period comes to its end. */
		for (i = 0; i <= n; i++) {
			now += 1ULL << data[3] % 34;
			vmwindow_done(&w, 1 << data[1] % 23, 1ULL << data[2] % 64,
				      (1U << (data[1] >> 3)) >> (data[2] >> 6) | 1, now);
			if (w.window < VMWINDOW_MIN || w.window > VMWINDOW_MAX ||
			    w.base < VMWINDOW_MIN || w.base > VMWINDOW_MAX)
				abort();
		}
	}
	return 0;
}
