// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the split ring parser.
 */
#include <kunit/test.h>
#include <linux/overflow.h>

#include "ring_cases.h"

KUNIT_ARRAY_PARAM_DESC(ring_chain, ring_cases, name);
KUNIT_ARRAY_PARAM_DESC(ring_avail, ring_avail_cases, name);
KUNIT_ARRAY_PARAM_DESC(ring_event, ring_event_cases, name);
KUNIT_ARRAY_PARAM_DESC(ring_hdr, ring_hdr_cases, name);

static void ring_chain_test(struct kunit *test)
{
	const struct ring_case *rc = test->param_value;
	struct iovec iov[RING_CASE_SEGS];
	struct vha_chain c;
	struct vha_mem *mem;
	u64 sum = 0;
	u32 i;

	mem = kunit_kzalloc(test, struct_size(mem, regions,
					      ARRAY_SIZE(ring_case_guest)),
			    GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem->nregions = ARRAY_SIZE(ring_case_guest);
	memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
	KUNIT_ASSERT_EQ(test, vha_mem_sort(mem), 0);

	KUNIT_ASSERT_EQ(test, ring_case_run(rc, mem, &c, iov), rc->ret);
	if (rc->ret)
		return;
	KUNIT_EXPECT_EQ(test, c.out, rc->out);
	KUNIT_EXPECT_EQ(test, c.in, rc->in);
	KUNIT_EXPECT_EQ(test, c.len, rc->len);
	for (i = 0; i < c.out + c.in; i++)
		sum += iov[i].iov_len;
	KUNIT_EXPECT_EQ(test, sum, rc->len);
	if (c.out + c.in)
		KUNIT_EXPECT_EQ(test, (u64)(unsigned long)iov[0].iov_base, rc->first);
}

static void ring_avail_test(struct kunit *test)
{
	const struct ring_avail_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_split_avail(c->avail, c->last, c->num), c->ret);
}

static void ring_event_test(struct kunit *test)
{
	const struct ring_event_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_split_need_signal(c->valid, c->event, c->new_idx,
						    c->old_idx), c->want);
}

static void ring_hdr_test(struct kunit *test)
{
	const struct ring_hdr_case *c = test->param_value;
	struct virtio_net_hdr hdr = {
		.flags = c->flags,
		.hdr_len = (__force __virtio16)cpu_to_le16(c->hdr_len),
		.csum_start = (__force __virtio16)cpu_to_le16(c->csum_start),
		.csum_offset = (__force __virtio16)cpu_to_le16(c->csum_offset),
	};

	KUNIT_ASSERT_EQ(test, vha_hdr_fix(&hdr, c->frame_len), c->ret);
	if (!c->ret)
		KUNIT_EXPECT_EQ(test, le16_to_cpu((__force __le16)hdr.hdr_len),
				c->want_hdr_len);
}

static struct kunit_case vha_ring_tests[] = {
	KUNIT_CASE_PARAM(ring_chain_test, ring_chain_gen_params),
	KUNIT_CASE_PARAM(ring_avail_test, ring_avail_gen_params),
	KUNIT_CASE_PARAM(ring_event_test, ring_event_gen_params),
	KUNIT_CASE_PARAM(ring_hdr_test, ring_hdr_gen_params),
	{}
};

static struct kunit_suite vha_ring_suite = {
	.name = "vhost_accel_ring",
	.test_cases = vha_ring_tests,
};

kunit_test_suite(vha_ring_suite);
