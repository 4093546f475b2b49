// SPDX-License-Identifier: GPL-2.0
/*
 * Packed ring logic: the case tables.
 */
#include <string.h>

#include "../utest.h"
#include "model.h"
#include "tests/packed_cases.h"

#define MAX_NUM 16
#define MAX_TABLE 24
#define MAX_SEGS 40

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

static void random_desc(struct vring_packed_desc *d, bool readable, bool indirect_ok)
{
	d->addr = utest_one_in(40) ? utest_rand() :
		  utest_one_in(4) ? RING_B_GPA - utest_below(64) :
		  utest_below(RING_END_GPA + 16);
	d->len = utest_one_in(60) ? utest_rand() :
		 utest_one_in(8) ? 0 : utest_below(2000);
	d->id = utest_rand();
	d->flags = utest_one_in(3) ? 0 : VRING_DESC_F_NEXT;
	if (utest_one_in(20) ? readable : !readable)
		d->flags |= VRING_DESC_F_WRITE;
	if (utest_one_in(indirect_ok ? 5 : 100)) {
		d->flags |= VRING_DESC_F_INDIRECT;
		d->len = utest_one_in(8) ? utest_below(600) :
			 16 * utest_below(MAX_TABLE + 4);
		if (!utest_one_in(8))
			d->flags &= ~VRING_DESC_F_NEXT;
	}
	d->flags |= utest_rand() & VHA_PACKED_STATE;
	if (utest_one_in(50))
		d->flags |= utest_rand();
}

static void random_chain(const struct vha_mem *mem, unsigned long *good)
{
	struct vring_packed_desc ring[MAX_NUM], table[MAX_TABLE];
	struct vha_space space = { .mem = mem };
	struct model_ring m = {
		.regions = ring_case_guest, .nregions = ARRAY_SIZE(ring_case_guest),
		.ring = (struct vring_desc *)ring, .num = MAX_NUM,
		.table = (struct vring_desc *)table,
	};
	struct iovec want_iov[MAX_SEGS];
	struct model_chain want = { .iov = want_iov };
	u32 i, room, writable, slots = 0, steps = 0;
	struct vha_chain c;
	struct iovec *iov;
	u16 id = 0;
	int ret;

	m.ntable = 1 + utest_below(MAX_TABLE);
	room = 1 + utest_below(MAX_NUM);
	want.max = utest_one_in(4) ? utest_below(MAX_SEGS + 1) : MAX_SEGS;
	writable = utest_below(MAX_NUM);
	for (i = 0; i < MAX_NUM; i++)
		random_desc(&ring[i], i < writable, true);
	for (i = 0; i < m.ntable; i++)
		random_desc(&table[i], i < writable, false);

	iov = malloc(want.max * sizeof(*iov));
	vha_packed_start_chain(&c, room, iov, want.max);
	do {
		struct vring_packed_desc copy;

		if (!EXPECT(c.next < c.bound && ++steps <= MAX_NUM + VHA_MAX_SEGS, "no end"))
			break;
		copy = c.indirect ? table[c.next % m.ntable] : ring[c.next];
		ret = vha_packed_feed(&c, &space, &copy);
	} while (ret == VHA_FEED_MORE);
	if (model_packed_parse(&m, room, &want, &slots, &id)) {
		++*good;
		if (EXPECT_EQ(ret, 0, "room %u", room)) {
			EXPECT(model_same(&want, &c), "out %u/%u in %u/%u", c.out, want.out,
			       c.in, want.in);
			EXPECT_EQ(c.slots, slots, "room %u", room);
			EXPECT_EQ(c.id, id, "room %u", room);
		}
	} else {
		EXPECT(ret < 0, "%d, room %u", ret, room);
	}
	free(iov);
}

static void chain_properties(void)
{
	unsigned long i, good = 0, iterations = utest_iterations(100000);
	struct vha_mem *mem = malloc(sizeof(*mem) + sizeof(ring_case_guest));

	mem->nregions = ARRAY_SIZE(ring_case_guest);
	memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
	EXPECT_EQ(vha_mem_sort(mem), 0, "the guest of the cases");
	for (i = 0; i < iterations && utest_errors < 20; i++)
		random_chain(mem, &good);
	printf("# %lu chains, %lu of them good\n", i, good);
	EXPECT(iterations < 100 || (good > i / 20 && good < i), "chains are too much alike");
	free(mem);
}

static void event_walk_at(u16 pos, u32 n, u32 num)
{
	u32 wish;

	for (wish = 0; wish < 2 * num; wish++) {
		u16 want = wish % num | wish / num << 15;
		u32 event = vha_packed_event_word(want, VRING_PACKED_EVENT_FLAG_DESC);

		EXPECT_EQ(vha_packed_need_signal(true, true, event, pos, n, num),
			  model_packed_signal(want, pos, n, num), "num %u pos %x n %u want %x",
			  num, pos, n, want);
	}
}

/* In a small ring: every position, every step, every wish. */
static void event_walk(void)
{
	static const u32 nums[] = { 1, 2, 3, 8 };
	unsigned int k, at;
	u32 n;

	for (k = 0; k < ARRAY_SIZE(nums); k++)
		for (at = 0; at < 2 * nums[k]; at++)
			for (n = 0; n <= nums[k]; n++)
				event_walk_at(at % nums[k] | at / nums[k] << 15, n, nums[k]);
}

static void event_properties(void)
{
	unsigned long i, iterations = utest_iterations(20000);

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		u32 num = 1U << utest_below(16), n = utest_below(num + 1);
		u16 pos = utest_below(num) | (utest_rand() & VHA_PACKED_WRAP);
		u16 want = utest_one_in(2) ? vha_packed_back(pos, utest_below(num), num) :
			   utest_below(num) | (utest_rand() & VHA_PACKED_WRAP);
		u32 event = vha_packed_event_word(want, VRING_PACKED_EVENT_FLAG_DESC);

		EXPECT_EQ(vha_packed_need_signal(true, true, event, pos, n, num),
			  model_packed_signal(want, pos, n, num), "num %u pos %x n %u want %x",
			  num, pos, n, want);
		EXPECT_EQ(vha_packed_advance(vha_packed_back(pos, n, num), n, num), pos,
			  "num %u n %u", num, n);
		EXPECT_EQ(vha_packed_back(vha_packed_advance(pos, n, num), n, num), pos,
			  "num %u n %u", num, n);
	}
}

UTEST_ALL(UTEST(chain_cases), UTEST(step_cases), UTEST(word_cases), UTEST(base_cases),
	  UTEST(event_cases), UTEST(chain_properties), UTEST(event_walk),
	  UTEST(event_properties));
