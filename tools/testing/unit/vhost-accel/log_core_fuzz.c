// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the dirty log against the naive models.
 *
 * Input: base (1 byte), start and length of guest memory (4 bytes each), then the
 * regions and the piece that model_alias_same() takes; and three numbers of 8
 * bytes for the span.
 */
#include "../fuzz.h"
#include "log_model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u64 v[3], first, bytes;
	u32 gpa, len;

	if (size < 9 + 3 * MODEL_REGIONS + 2)
		return 0;
	memcpy(&gpa, data + 1, 4);
	memcpy(&len, data + 5, 4);
	if (!model_log_same(data[0] % 64, gpa % (MODEL_LOG_BITS / 2 * 4096),
			    1 + len % (MODEL_LOG_BITS / 2 * 4096 - 1)))
		abort();
	data += 9;
	size -= 9;
	if (model_alias_same(data) < 0)
		abort();
	data += 3 * MODEL_REGIONS + 2;
	size -= 3 * MODEL_REGIONS + 2;
	if (size < sizeof(v))
		return 0;
	memcpy(v, data, sizeof(v));
	if (!v[2])
		return 0;
	if (vha_log_span(v[0], v[1], v[2], &first, &bytes) &&
	    (first < v[0] || !bytes || first + (bytes - 1) < first ||
	     bytes - 1 > v[2] / 32768 + 1))
		abort();
	return 0;
}
