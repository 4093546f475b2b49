// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the packed ring's logic.
 */
#include <kunit/test.h>
#include <linux/overflow.h>

#include "packed_cases.h"

KUNIT_ARRAY_PARAM_DESC(packed_chain, packed_cases, name);
KUNIT_ARRAY_PARAM_DESC(packed_step, packed_step_cases, name);
KUNIT_ARRAY_PARAM_DESC(packed_state, packed_state_cases, name);
KUNIT_ARRAY_PARAM_DESC(packed_used, packed_used_cases, name);
KUNIT_ARRAY_PARAM_DESC(packed_base, packed_base_cases, name);
KUNIT_ARRAY_PARAM_DESC(packed_event, packed_event_cases, name);

static void packed_chain_test(struct kunit *test)
{
	const struct packed_case *pc = test->param_value;
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

	KUNIT_ASSERT_EQ(test, packed_case_run(pc, mem, &c, iov), pc->ret);
	if (pc->ret)
		return;
	KUNIT_EXPECT_EQ(test, c.out, pc->out);
	KUNIT_EXPECT_EQ(test, c.in, pc->in);
	KUNIT_EXPECT_EQ(test, c.len, pc->len);
	KUNIT_EXPECT_EQ(test, c.id, pc->id);
	KUNIT_EXPECT_EQ(test, vha_packed_advance(pc->pos, c.slots, PACKED_CASE_NUM),
			pc->next_pos);
	for (i = 0; i < c.out + c.in; i++)
		sum += iov[i].iov_len;
	KUNIT_EXPECT_EQ(test, sum, pc->len);
	KUNIT_EXPECT_EQ(test, (u64)(unsigned long)iov[0].iov_base, pc->first);
}

static void packed_step_test(struct kunit *test)
{
	const struct packed_step_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_packed_advance(c->pos, c->n, c->num), c->to);
	KUNIT_EXPECT_EQ(test, vha_packed_back(c->to, c->n, c->num), c->pos);
}

static void packed_state_test(struct kunit *test)
{
	const struct packed_state_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_packed_is_avail(c->flags, c->pos), c->avail);
}

static void packed_used_test(struct kunit *test)
{
	const struct packed_used_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_packed_used_word(c->pos, c->id, c->len), c->word);
}

static void packed_base_test(struct kunit *test)
{
	const struct packed_base_case *c = test->param_value;
	u16 avail, used, avail2, used2;

	vha_packed_parse_base(c->base, &avail, &used);
	KUNIT_EXPECT_EQ(test, avail, c->avail);
	KUNIT_EXPECT_EQ(test, used, c->used);
	vha_packed_parse_base(vha_packed_base(avail, used), &avail2, &used2);
	KUNIT_EXPECT_EQ(test, avail2, avail);
	KUNIT_EXPECT_EQ(test, used2, used);
}

static void packed_event_test(struct kunit *test)
{
	const struct packed_event_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test,
			vha_packed_need_signal(c->valid, c->event_idx,
					       vha_packed_event_word(c->wanted, c->flags),
					       c->pos, c->n, c->num),
			c->want);
}

static struct kunit_case vha_packed_tests[] = {
	KUNIT_CASE_PARAM(packed_chain_test, packed_chain_gen_params),
	KUNIT_CASE_PARAM(packed_step_test, packed_step_gen_params),
	KUNIT_CASE_PARAM(packed_state_test, packed_state_gen_params),
	KUNIT_CASE_PARAM(packed_used_test, packed_used_gen_params),
	KUNIT_CASE_PARAM(packed_base_test, packed_base_gen_params),
	KUNIT_CASE_PARAM(packed_event_test, packed_event_gen_params),
	{}
};

static struct kunit_suite vha_packed_suite = {
	.name = "vhost_accel_packed",
	.test_cases = vha_packed_tests,
};

kunit_test_suite(vha_packed_suite);
