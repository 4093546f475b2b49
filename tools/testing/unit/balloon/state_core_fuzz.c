// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of observations: reports and looks of any bytes.
 *
 * Input: words of 64 bits; the first is the maximum, each six that follow are a report,
 * a measure and an order. The same bytes are text of a pressure file.
 */
#include <string.h>

#include <linux/minmax.h>

#include "../fuzz.h"
#include "state_core.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	enum vmb_host_state state = VMB_HOST_HIGH;
	struct vmb_watch watch;
	struct vmb_host waits = {};
	u64 word[6], max, now = 0, limit = 0;

	vmb_host_waits(&waits, (const char *)data, size);
	CHECK(waits.some <= 10000 && waits.full <= 10000);
	if (size < sizeof(max))
		return 0;
	memcpy(&max, data, sizeof(max));
	vmb_watch_start(&watch, max, now);
	data += sizeof(max);
	size -= sizeof(max);
	for (; size >= sizeof(word); data += sizeof(word), size -= sizeof(word)) {
		struct vmb_report report;
		struct vmb_look look;
		struct vmb_press press = {};
		struct vmb_host host;
		u64 need, before = watch.size;

		memcpy(word, data, sizeof(word));
		memcpy(&report, word, sizeof(report));
		need = vmb_need(&report, word[4], word[5], max);
		CHECK(need <= max);

		now += word[0] % 4096;
		look.now = now;
		look.measured = word[4];
		look.order = word[5];
		look.obeyed = word[1] & 1;
		vmb_watch_look(&watch, &look);
		CHECK(watch.size <= VMB_SIZE_MAX);
		CHECK(watch.size >= word[4] || word[4] > VMB_SIZE_MAX);
		CHECK(look.obeyed || watch.size >= before);

		host.total = word[0] >> 16;
		host.avail = word[1] >> 16;
		host.some = word[2];
		host.full = word[3];
		state = vmb_host_judge(&host, state);
		CHECK(state <= VMB_HOST_LOW);
		CHECK(vmb_host_judge(&host, state) == state);

		press.state = state;
		press.resident = word[4];
		press.goal = word[5];
		press.ram = max;
		press.stuck = watch.stuck;
		limit = vmb_limit(limit, &press);
		CHECK(!limit || (state != VMB_HOST_HIGH && limit >= VMB_BAND_MIN));
		CHECK(!limit || limit >= min(press.goal, VMB_SIZE_MAX));
		CHECK(vmb_host_pool(&host, word[4], word[5]) <= 2 * VMB_SIZE_MAX);
	}
	return 0;
}
