// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the guest memory table against the naive model.
 *
 * Input: a byte with the number of regions (modulo 9), 24 bytes a region (gpa,
 * size, hva), then queries of 21 bytes (gpa, length, hint, room). The regions serve
 * as IOTLB entries as well, whether they are a valid table or not; the low bits of
 * a host address are its permissions.
 */
#include "../fuzz.h"
#include "model.h"

#define MAX_REGIONS 8
#define QUERY 21

static void fuzz_tlb(const struct vha_region *r, u32 n, u64 addr, u64 len, unsigned int max)
{
	struct vha_map maps[MAX_REGIONS];
	struct model_tlb tlb = { .core.find = model_tlb_find, .maps = maps };
	struct vha_space space = { .iotlb = &tlb.core };
	struct iovec want[MAX_REGIONS + 1];
	struct iovec *got;
	bool linear;
	int model;
	u64 hva;
	u32 i;

	for (i = 0; i < n; i++) {
		if (!r[i].size || r[i].gpa + (r[i].size - 1) < r[i].gpa)
			continue;
		maps[tlb.n++] = (struct vha_map){
			.start = r[i].gpa, .last = r[i].gpa + (r[i].size - 1),
			.hva = r[i].hva, .read = r[i].hva & 1, .write = r[i].hva & 2,
		};
	}
	len %= 4096;
	got = malloc(max * sizeof(*got));
	model = model_tlb_translate(&tlb, addr, len, len & 1, want, max, &linear);
	if (vha_space_translate(&space, addr, len, len & 1, got, max) != model)
		abort();
	if (model > 0 && memcmp(got, want, model * sizeof(*got)))
		abort();
	if (model > 0 && vha_space_linear(&space, addr, len, len & 1, &hva) != linear)
		abort();
	free(got);
}

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
	for (; size >= QUERY; data += QUERY, size -= QUERY) {
		unsigned int max = data[20] % (MAX_REGIONS + 2);
		struct iovec *got = malloc(max * sizeof(*got));
		struct vha_space space;
		int ret, model;
		u64 gpa, len, hva;
		u32 hint;

		memcpy(&gpa, data, 8);
		memcpy(&len, data + 8, 8);
		memcpy(&hint, data + 16, 4);
		fuzz_tlb(r, n, gpa, len, min(max, (unsigned int)MAX_REGIONS + 1));
		if (!model_mem_valid(r, n)) {
			free(got);
			continue;
		}
		space = (struct vha_space){ .mem = mem, .hint = hint };
		ret = vha_space_translate(&space, gpa, len, false, got, max);
		model = model_translate(r, n, gpa, len, want, max);
		if (model < 0 ? ret >= 0 : ret != model)
			abort();
		if (ret > 0 && memcmp(got, want, ret * sizeof(*got)))
			abort();
		if (ret > 0 && space.hint >= n)
			abort();
		/* Nothing lies in pieces that lies nowhere. */
		if (len && (vha_space_linear(&space, gpa, len, false, &hva) < 0) !=
		    (model_translate(r, n, gpa, len, want, MAX_REGIONS + 1) < 0))
			abort();
		free(got);
	}
	free(mem);
	return 0;
}
