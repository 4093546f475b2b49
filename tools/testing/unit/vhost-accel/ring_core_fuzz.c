// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the split ring parser against the naive model.
 *
 * Input: log2 of the ring's size (modulo 7), room for segments (modulo 64), the
 * head (2 bytes), then descriptors of 16 bytes: first the ring's, then those of
 * every indirect table. What is missing is zero.
 */
#include "../fuzz.h"
#include "model.h"
#include "tests/ring_cases.h"

#define MAX_NUM 64
#define MAX_TABLE 64
#define MAX_SEGS 64

static void fuzz_small(const u8 *data, size_t size)
{
	struct virtio_net_hdr hdr;
	u16 v[4];
	int n;

	if (size < sizeof(v) + sizeof(hdr))
		return;
	memcpy(v, data, sizeof(v));
	memcpy(&hdr, data + sizeof(v), sizeof(hdr));
	n = vha_split_avail(v[0], v[1], 256);
	if (n < -EINVAL || n > 256 || (n >= 0 && (u16)(v[1] + n) != v[0]))
		abort();
	if (vha_split_need_signal(true, v[0], v[1], v[1]))
		abort();
	if (!vha_hdr_fix(&hdr, v[2]) && (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
	    (u32)hdr.csum_start + hdr.csum_offset + 2 > hdr.hdr_len)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vring_desc ring[MAX_NUM], table[MAX_TABLE];
	static struct vha_mem *mem;
	struct model_ring m = {
		.regions = ring_case_guest, .nregions = ARRAY_SIZE(ring_case_guest),
		.ring = ring, .table = table, .ntable = 1,
	};
	struct iovec want_iov[MAX_SEGS];
	struct model_chain want = { .iov = want_iov };
	struct vha_chain got;
	struct iovec *iov;
	unsigned int steps;
	size_t part;
	u16 head;
	int ret;

	if (!mem) {
		mem = malloc(sizeof(*mem) + sizeof(ring_case_guest));
		mem->nregions = ARRAY_SIZE(ring_case_guest);
		memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
		if (vha_mem_sort(mem))
			abort();
	}
	fuzz_small(data, size);
	if (size < 4)
		return 0;
	m.num = 1U << (data[0] % 7);
	want.max = data[1] % (MAX_SEGS + 1);
	memcpy(&head, data + 2, 2);
	data += 4;
	size -= 4;

	memset(ring, 0, sizeof(ring));
	memset(table, 0, sizeof(table));
	part = min(size, m.num * sizeof(*ring));
	memcpy(ring, data, part);
	data += part;
	size -= part;
	part = min(size, sizeof(table));
	memcpy(table, data, part);
	if (part >= sizeof(*table))
		m.ntable = part / sizeof(*table);

	iov = malloc(want.max * sizeof(*iov));
	ret = core_parse(&m, mem, head, &got, iov, want.max, &steps);
	if (ret > 0)
		abort();
	if (model_parse(&m, head, &want) != !ret)
		abort();
	if (!ret && !model_same(&want, &got))
		abort();
	free(iov);
	return 0;
}
