// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of latency targets: whatever comes back, the bound is at least one request, and
 * there is none when no VM counts.
 *
 * Input: requests of four bytes each: what and whose, latency, number at the disk and time,
 * all but the first as powers of two.
 */
#include "../fuzz.h"
#include "latency_core.h"

#define VMS 4

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vmlat lats[VMS] = { };
	struct vmlat_disk disk;
	u64 now = 1ULL << 40;

	vmlat_init(&disk);
	for (; size >= 4; data += 4, size -= 4) {
		struct vmlat *lat = &lats[data[0] % VMS];
		unsigned int i, n = data[0] >> 3;

		if (data[0] & VMS)
			vmlat_set_target(&disk, lat, (1ULL << data[1] % 37) - 1, now);
		/* Some of a kind, so that a period comes to its end. */
		for (i = 0; i <= n; i++) {
			now += 1ULL << data[3] % 34;
			vmlat_done(&disk, lat->target ? lat : NULL, now - (1ULL << data[1] % 40),
				   1 << data[2] % 18, 1 << (data[2] >> 4), now);
			if (!disk.bound || (!disk.count && disk.bound != VMLAT_NONE) ||
			    disk.voted > disk.count || disk.count > disk.wanted)
				abort();
		}
	}
	return 0;
}
