// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the guest memory table against the naive model.
 *
 * Input: a byte with the number of regions (modulo 9), 24 bytes a region (gpa,
 * size, hva), then queries of 21 bytes (gpa, length, hint, room).
 */
#include <stdlib.h>

#include "model.h"

#define MAX_REGIONS 8
#define QUERY 21

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct iovec want[MAX_REGIONS + 1];
	struct vha_region r[MAX_REGIONS];
	struct vha_mem *mem;
	u32 n;

	if (!size)
		return 0;
	n = data[0] % (MAX_REGIONS + 1);
	data++;
	size--;
	if (size < n * sizeof(*r))
		return 0;
	memcpy(r, data, n * sizeof(*r));
	data += n * sizeof(*r);
	size -= n * sizeof(*r);

	mem = malloc(sizeof(*mem) + n * sizeof(*r));
	mem->nregions = n;
	memcpy(mem->regions, r, n * sizeof(*r));
	if (!vha_mem_sort(mem) != model_mem_valid(r, n))
		abort();
	if (!model_mem_valid(r, n))
		size = 0;

	for (; size >= QUERY; data += QUERY, size -= QUERY) {
		unsigned int max = data[20] % (MAX_REGIONS + 2);
		struct iovec *got = malloc(max * sizeof(*got));
		int ret, model;
		u64 gpa, len;
		u32 hint;

		memcpy(&gpa, data, 8);
		memcpy(&len, data + 8, 8);
		memcpy(&hint, data + 16, 4);
		ret = vha_mem_translate(mem, &hint, gpa, len, got, max);
		model = model_translate(r, n, gpa, len, want, max);
		if (model < 0 ? ret >= 0 : ret != model)
			abort();
		if (ret > 0 && memcmp(got, want, ret * sizeof(*got)))
			abort();
		if (ret > 0 && hint >= n)
			abort();
		free(got);
	}
	free(mem);
	return 0;
}
