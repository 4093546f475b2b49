// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the guest memory table.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/overflow.h>

#include "mem_cases.h"

KUNIT_ARRAY_PARAM_DESC(mem_sort, mem_sort_cases, name);
KUNIT_ARRAY_PARAM_DESC(mem_xlat, mem_xlat_cases, name);
KUNIT_ARRAY_PARAM_DESC(tlb, tlb_cases, name);

static struct vha_mem *mem_alloc(struct kunit *test,
				 const struct vha_region *regions, u32 n)
{
	struct vha_mem *mem;

	mem = kunit_kzalloc(test, struct_size(mem, regions, n), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	mem->nregions = n;
	if (n)
		memcpy(mem->regions, regions, n * sizeof(*regions));
	return mem;
}

static void mem_sort_test(struct kunit *test)
{
	const struct mem_sort_case *c = test->param_value;
	struct vha_mem *mem = mem_alloc(test, c->in, c->n);
	u32 i;

	KUNIT_ASSERT_EQ(test, vha_mem_sort(mem), c->ret);
	if (c->ret)
		return;
	for (i = 0; i < c->n; i++)
		KUNIT_EXPECT_MEMEQ(test, &mem->regions[i], &c->in[c->order[i]],
				   sizeof(mem->regions[i]));
}

static void mem_translate_test(struct kunit *test)
{
	const struct mem_xlat_case *c = test->param_value;
	struct vha_mem *mem = mem_alloc(test, mem_case_guest, MEM_CASE_REGIONS);
	struct iovec iov[MEM_CASE_SEGS];
	u32 first;
	int i;

	KUNIT_ASSERT_EQ(test, vha_mem_sort(mem), 0);

	/* Every hint gives the same answer, a wild one too. */
	for (first = 0; first <= MEM_CASE_REGIONS + 1; first++) {
		u32 hint = first <= MEM_CASE_REGIONS ? first : ~0U;
		int ret = vha_mem_translate(mem, &hint, c->gpa, c->len, iov,
					    c->max ?: MEM_CASE_SEGS);

		KUNIT_ASSERT_EQ_MSG(test, ret, c->ret, "hint %u", first);
		for (i = 0; i < ret; i++) {
			KUNIT_EXPECT_EQ(test, (u64)(unsigned long)iov[i].iov_base,
					c->seg[i].hva);
			KUNIT_EXPECT_EQ(test, (u64)iov[i].iov_len, c->seg[i].len);
		}
		if (ret > 0)
			KUNIT_EXPECT_LT(test, hint, MEM_CASE_REGIONS);
	}
}

static void mem_translate_no_region_test(struct kunit *test)
{
	struct vha_mem *mem = mem_alloc(test, NULL, 0);
	struct iovec iov;
	u32 hint = 0;

	KUNIT_EXPECT_EQ(test, vha_mem_translate(mem, &hint, 0, 1, &iov, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, vha_mem_translate(mem, &hint, 0, 0, &iov, 1), 0);
}

static void iotlb_test(struct kunit *test)
{
	const struct tlb_case *c = test->param_value;
	struct vha_iotlb iotlb = { .find = tlb_case_find };
	struct vha_space space = { .iotlb = &iotlb };
	struct iovec iov[MEM_CASE_SEGS];
	u64 hva;
	int i, ret;

	ret = vha_space_translate(&space, c->addr, c->len, c->write, iov,
				  c->max ?: MEM_CASE_SEGS);
	KUNIT_ASSERT_EQ(test, ret, c->ret);
	for (i = 0; i < ret; i++) {
		KUNIT_EXPECT_EQ(test, (u64)(unsigned long)iov[i].iov_base,
				c->seg[i].hva);
		KUNIT_EXPECT_EQ(test, (u64)iov[i].iov_len, c->seg[i].len);
	}
	if (ret == -EAGAIN) {
		KUNIT_EXPECT_EQ(test, space.miss, c->miss);
		KUNIT_EXPECT_EQ(test, space.miss_write, c->write);
	}
	if (ret <= 0)
		return;
	KUNIT_EXPECT_EQ(test, vha_space_linear(&space, c->addr, c->len,
					       c->write, &hva), c->linear);
	KUNIT_EXPECT_EQ(test, hva, c->seg[0].hva);
}

static struct kunit_case vha_mem_tests[] = {
	KUNIT_CASE_PARAM(mem_sort_test, mem_sort_gen_params),
	KUNIT_CASE_PARAM(mem_translate_test, mem_xlat_gen_params),
	KUNIT_CASE(mem_translate_no_region_test),
	KUNIT_CASE_PARAM(iotlb_test, tlb_gen_params),
	{}
};

static struct kunit_suite vha_mem_suite = {
	.name = "vhost_accel_mem",
	.test_cases = vha_mem_tests,
};

kunit_test_suite(vha_mem_suite);

MODULE_DESCRIPTION("KUnit suites of vhost_accel's cores");
MODULE_LICENSE("GPL");
