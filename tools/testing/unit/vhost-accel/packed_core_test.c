// SPDX-License-Identifier: GPL-2.0
/*
 * Packed ring logic: the case tables.
 */
#include <string.h>

#include "../utest.h"
#include "tests/packed_cases.h"

static void chain_cases(void)
{
	struct vha_mem *mem = malloc(sizeof(*mem) + sizeof(ring_case_guest));
	unsigned int i, j;

	mem->nregions = ARRAY_SIZE(ring_case_guest);
	memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
	EXPECT_EQ(vha_mem_sort(mem), 0, "the guest of the cases");

	for (i = 0; i < ARRAY_SIZE(packed_cases); i++) {
		const struct packed_case *pc = &packed_cases[i];
		unsigned int max = pc->max ?: RING_CASE_SEGS;
		struct iovec *iov = malloc(max * sizeof(*iov));
		struct vha_chain c;
		u64 sum = 0;

		if (EXPECT_EQ(packed_case_run(pc, mem, &c, iov), pc->ret, "%s", pc->name) &&
		    !pc->ret) {
			EXPECT_EQ(c.out, pc->out, "%s", pc->name);
			EXPECT_EQ(c.in, pc->in, "%s", pc->name);
			EXPECT_EQ(c.len, pc->len, "%s", pc->name);
			EXPECT_EQ(c.id, pc->id, "%s", pc->name);
			EXPECT_EQ(vha_packed_advance(pc->pos, c.slots, PACKED_CASE_NUM),
				  pc->next_pos, "%s", pc->name);
			for (j = 0; j < c.out + c.in; j++)
				sum += iov[j].iov_len;
			EXPECT_EQ(sum, pc->len, "%s", pc->name);
			EXPECT_EQ((u64)iov[0].iov_base, pc->first, "%s", pc->name);
		}
		free(iov);
	}
	free(mem);
}

static void step_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(packed_step_cases); i++) {
		const struct packed_step_case *c = &packed_step_cases[i];

		EXPECT_EQ(vha_packed_advance(c->pos, c->n, c->num), c->to, "%s", c->name);
		EXPECT_EQ(vha_packed_back(c->to, c->n, c->num), c->pos, "%s", c->name);
	}
}

static void word_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(packed_state_cases); i++) {
		const struct packed_state_case *c = &packed_state_cases[i];

		EXPECT_EQ(vha_packed_is_avail(c->flags, c->pos), c->avail, "%s", c->name);
	}
	for (i = 0; i < ARRAY_SIZE(packed_used_cases); i++) {
		const struct packed_used_case *c = &packed_used_cases[i];

		EXPECT_EQ(vha_packed_used_word(c->pos, c->id, c->len), c->word, "%s", c->name);
	}
}

static void base_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(packed_base_cases); i++) {
		const struct packed_base_case *c = &packed_base_cases[i];
		u16 avail, used;

		vha_packed_parse_base(c->base, &avail, &used);
		EXPECT_EQ(avail, c->avail, "%s", c->name);
		EXPECT_EQ(used, c->used, "%s", c->name);
	}
}

static void event_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(packed_event_cases); i++) {
		const struct packed_event_case *c = &packed_event_cases[i];
		u32 event = vha_packed_event_word(c->wanted, c->flags);

		EXPECT_EQ(vha_packed_need_signal(c->valid, c->event_idx, event, c->pos, c->n,
						 c->num), c->want, "%s", c->name);
	}
}

UTEST_ALL(UTEST(chain_cases), UTEST(step_cases), UTEST(word_cases), UTEST(base_cases),
	  UTEST(event_cases));
