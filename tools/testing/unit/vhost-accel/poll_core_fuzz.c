// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the polling policy against its formula in floating point.
 *
 * Input: waits of 12 bytes (bound, modulo the largest plus 1; length).
 */
#include <math.h>
#include <string.h>

#include <linux/kernel.h>

#include "../fuzz.h"
#include "poll_core.h"

#define WAIT 12

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* What the essay of poll_core.c says, and whether that is too close to call. */
static double model(const struct vha_poll_policy *p, u32 max, bool *close)
{
	double h = (double)p->hit / VHA_POLL_ONE;
	double n = least(p->near, max);
	double s = least(n + 4.0 * p->dev + VHA_POLL_MARGIN_NS, max);
	double gain = h * max - h * n - (1 - h) * s;

	*close = fabs(gain) < 0.001;
	if (gain < 0)
		return 0;
	if (h < 1 && s < h * (max - n) / (4 * (1 - h)))
		s = h * (max - n) / (4 * (1 - h));
	else if (h >= 1)
		s = max;
	return least(s, max);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vha_poll_policy p;

	vha_poll_policy_init(&p);
	for (; size >= WAIT; data += WAIT, size -= WAIT) {
		double want;
		bool close;
		u32 max, span;
		u64 gap;

		memcpy(&max, data, 4);
		memcpy(&gap, data + 4, 8);
		max %= VHA_POLL_MAX_NS + 1;
		span = vha_poll_span(&p, max);
		want = model(&p, max, &close);
		if (span > max || p.hit > VHA_POLL_ONE)
			abort();
		if (!close && (span > want + 1 || span < want - 1))
			abort();
		vha_poll_note(&p, gap, max);
	}
	return 0;
}
