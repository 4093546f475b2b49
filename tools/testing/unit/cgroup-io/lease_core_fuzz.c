// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of leases: each request is counted once, wherever it is.
 *
 * Input: the window, then a byte for each step: a processor that sends in the lower two bits,
 * and the request in the others, which comes back if it is under way; 255 recalls.
 */
#include "../fuzz.h"
#include "lease_model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct lease_disk d = { };

	if (!size)
		return 0;
	d.window = data[0] % LEASE_REQUESTS + 1;
	while (--size) {
		struct lease_request *r = &d.request[*++data >> 2];

		if (*data == 255)
			lease_disk_recall(&d);
		else if (r->here)
			lease_disk_end(&d, r);
		else
			lease_disk_submit(&d, *data & 3, r);
		CHECK(d.busy + d.book.lent <= d.window);
	}
	CHECK(lease_disk_is_right(&d));
	return 0;
}
