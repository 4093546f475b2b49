/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Naive models of the dirty log, for the property tests and the fuzzer.
 */
#ifndef UNIT_VHOST_ACCEL_LOG_MODEL_H
#define UNIT_VHOST_ACCEL_LOG_MODEL_H

#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>
#include <linux/types.h>

#include "log_core.h"

/* Pages of the model's guest. */
#define MODEL_LOG_BITS 256
/* Bytes of the model's host memory, most of which is log. */
#define MODEL_LOG_HOST 128
#define MODEL_REGIONS 6

/* Does the core set the bits of these pages in a log at @base, and no others? */
static inline bool model_log_same(u64 base, u64 gpa, u64 len)
{
	u8 want[MODEL_LOG_HOST] = { }, got[MODEL_LOG_HOST] = { };
	u64 page = gpa / 4096, last = (gpa + len - 1) / 4096, first, size, i, addr;

	if (!vha_log_span(base, gpa, len, &first, &size))
		return false;
	for (i = page; i <= last; i++)
		want[base + i / 8] |= 1 << i % 8;
	while (page <= last) {
		u64 before = page;
		u32 mask = vha_log_word(base, &page, last, &addr);

		if (page <= before || addr % 4 || addr + 4 > sizeof(got))
			return false;
		for (i = 0; i < 4; i++) {
			/* Bits of a byte outside of the span would be a stranger's. */
			if ((u8)(mask >> i * 8) &&
			    (addr + i < first || addr + i - first >= size))
				return false;
			got[addr + i] |= mask >> i * 8;
		}
	}
	return !memcmp(want, got, sizeof(got));
}

/*
 * Regions of guest pages in a host of 256 bytes, from 3 bytes each (host start,
 * size, and whether it is there); then a piece of the host. Returns how many guest
 * ranges it is, or -1 if the core does not find each of its bytes' aliases.
 */
static inline int model_alias_same(const u8 *raw)
{
	struct vha_mem *mem = malloc(sizeof(*mem) + MODEL_REGIONS * sizeof(struct vha_region));
	u64 hva = raw[3 * MODEL_REGIONS], len = 1 + raw[3 * MODEL_REGIONS + 1] % 64;
	/* By region and host byte: aliases expected minus those seen. */
	static int left[MODEL_REGIONS][512];
	u64 gpa, part, k;
	int n = 0, ret = -1;
	u32 i, next = 0;

	memset(left, 0, sizeof(left));
	mem->nregions = 0;
	for (i = 0; i < MODEL_REGIONS; i++) {
		struct vha_region *r = &mem->regions[mem->nregions];

		if (raw[3 * i + 2] & 1)
			continue;
		r->gpa = 1000 * mem->nregions;
		r->hva = raw[3 * i];
		r->size = 1 + raw[3 * i + 1] % 64;
		for (k = hva; k < hva + len; k++)
			left[mem->nregions][k] = k >= r->hva && k < r->hva + r->size;
		mem->nregions++;
	}
	while (vha_log_alias(mem, &next, hva, len, &gpa, &part)) {
		if (!next || next > mem->nregions || !part)
			goto out;
		for (k = gpa; k < gpa + part; k++) {
			const struct vha_region *r = &mem->regions[k / 1000];

			if (k / 1000 != next - 1)
				goto out;
			left[k / 1000][r->hva + k % 1000]--;
		}
		n++;
	}
	for (i = 0; i < MODEL_REGIONS; i++)
		for (k = 0; k < 512; k++)
			if (left[i][k])
				goto out;
	ret = n;
out:
	free(mem);
	return ret;
}

#endif /* UNIT_VHOST_ACCEL_LOG_MODEL_H */
