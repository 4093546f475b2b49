// SPDX-License-Identifier: GPL-2.0
/*
 * Split ring parser: the case tables, and properties against the naive model.
 */
#include "../utest.h"
#include "model.h"
#include "tests/ring_cases.h"

#define MAX_NUM 32
#define MAX_TABLE 24
#define MAX_SEGS 40

static struct vha_mem *case_mem(void)
{
	struct vha_mem *mem = malloc(sizeof(*mem) + sizeof(ring_case_guest));

	mem->nregions = ARRAY_SIZE(ring_case_guest);
	memcpy(mem->regions, ring_case_guest, sizeof(ring_case_guest));
	EXPECT_EQ(vha_mem_sort(mem), 0, "the guest of the cases");
	return mem;
}

static void chain_cases(void)
{
	struct vha_mem *mem = case_mem();
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(ring_cases); i++) {
		const struct ring_case *rc = &ring_cases[i];
		unsigned int max = rc->max ?: RING_CASE_SEGS;
		struct iovec *iov = malloc(max * sizeof(*iov));
		struct vha_chain c;
		u64 sum = 0;

		if (EXPECT_EQ(ring_case_run(rc, mem, &c, iov), rc->ret, "%s", rc->name) &&
		    !rc->ret) {
			EXPECT_EQ(c.out, rc->out, "%s", rc->name);
			EXPECT_EQ(c.in, rc->in, "%s", rc->name);
			EXPECT_EQ(c.len, rc->len, "%s", rc->name);
			for (j = 0; j < c.out + c.in; j++)
				sum += iov[j].iov_len;
			EXPECT_EQ(sum, rc->len, "%s", rc->name);
			if (c.out + c.in)
				EXPECT_EQ((u64)iov[0].iov_base, rc->first, "%s", rc->name);
		}
		free(iov);
	}
	free(mem);
}

static void avail_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring_avail_cases); i++) {
		const struct ring_avail_case *c = &ring_avail_cases[i];

		EXPECT_EQ(vha_split_avail(c->avail, c->last, c->num), c->ret, "%s",
			  c->name);
	}
}

static void event_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring_event_cases); i++) {
		const struct ring_event_case *c = &ring_event_cases[i];

		EXPECT_EQ(vha_split_need_signal(c->valid, c->event, c->new_idx, c->old_idx),
			  c->want, "%s", c->name);
	}
}

static void hdr_cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring_hdr_cases); i++) {
		const struct ring_hdr_case *c = &ring_hdr_cases[i];
		struct virtio_net_hdr hdr = {
			.flags = c->flags, .hdr_len = c->hdr_len,
			.csum_start = c->csum_start, .csum_offset = c->csum_offset,
		};

		EXPECT_EQ(vha_hdr_fix(&hdr, c->frame_len), c->ret, "%s", c->name);
		if (!c->ret)
			EXPECT_EQ(hdr.hdr_len, c->want_hdr_len, "%s", c->name);
	}
}

/*
 * In the largest table, the longest chain that is followed, one that is longer by
 * a descriptor, and a loop of empty descriptors. All must end.
 */
static void longest_table(void)
{
	struct vring_desc *table = calloc(VHA_MAX_INDIRECT, sizeof(*table));
	struct vring_desc ring = { .addr = 0x8000, .len = VHA_MAX_INDIRECT * 16,
				   .flags = VRING_DESC_F_INDIRECT };
	struct model_ring m = { .ring = &ring, .num = 1, .table = table,
				.ntable = VHA_MAX_INDIRECT };
	struct vha_mem *mem = case_mem();
	struct vha_chain c;
	struct iovec iov;
	unsigned int steps;
	u32 i;

	for (i = 0; i < VHA_MAX_INDIRECT; i++) {
		table[i].flags = VRING_DESC_F_NEXT;
		table[i].next = i + 1;
	}
	table[VHA_MAX_SEGS - 1].flags = 0;
	table[VHA_MAX_SEGS - 1].addr = 0x10;
	table[VHA_MAX_SEGS - 1].len = 1;
	EXPECT_EQ(core_parse(&m, mem, 0, &c, &iov, 1, &steps), 0, "chain");
	EXPECT_EQ(steps, VHA_MAX_SEGS + 1, "chain");
	EXPECT_EQ(c.out, 1, "chain");

	table[VHA_MAX_SEGS] = table[VHA_MAX_SEGS - 1];
	table[VHA_MAX_SEGS - 1].flags = VRING_DESC_F_NEXT;
	EXPECT_EQ(core_parse(&m, mem, 0, &c, &iov, 1, &steps), -EINVAL, "longer");

	table[VHA_MAX_SEGS - 1].len = 0;
	table[VHA_MAX_SEGS].flags = VRING_DESC_F_NEXT;
	table[VHA_MAX_SEGS].next = 0;
	EXPECT_EQ(core_parse(&m, mem, 0, &c, &iov, 1, &steps), -EINVAL, "loop");
	EXPECT_EQ(steps, VHA_MAX_SEGS + 1, "loop");
	free(table);
	free(mem);
}

static void random_desc(struct vring_desc *d, u32 bound, u32 self, bool indirect_ok)
{
	d->addr = utest_one_in(40) ? utest_rand() :
		  utest_one_in(4) ? RING_B_GPA - utest_below(64) :
		  utest_below(RING_END_GPA + 16);
	d->len = utest_one_in(60) ? utest_rand() :
		 utest_one_in(8) ? 0 : utest_below(2000);
	d->flags = 0;
	if (!utest_one_in(3))
		d->flags |= VRING_DESC_F_NEXT;
	/* Mostly readable ones at low indices: else few chains are in order. */
	if (utest_one_in(10) ? utest_one_in(2) : self > bound / 2)
		d->flags |= VRING_DESC_F_WRITE;
	if (utest_one_in(indirect_ok ? 5 : 100)) {
		d->flags |= VRING_DESC_F_INDIRECT;
		d->len = utest_one_in(8) ? utest_below(600) :
			 16 * utest_below(MAX_TABLE + 4);
		if (!utest_one_in(8))
			d->flags &= ~VRING_DESC_F_NEXT;
	}
	if (utest_one_in(50))
		d->flags |= utest_rand();
	d->next = utest_one_in(60) ? utest_rand() :
		  utest_one_in(6) ? utest_below(bound + 1) : self + 1;
}

static void random_chain(const struct vha_mem *mem, unsigned long *good)
{
	struct vring_desc ring[MAX_NUM], table[MAX_TABLE];
	struct model_ring m = {
		.regions = ring_case_guest, .nregions = ARRAY_SIZE(ring_case_guest),
		.ring = ring, .table = table,
	};
	struct iovec want_iov[MAX_SEGS];
	struct model_chain want = { .iov = want_iov };
	struct vha_chain got;
	struct iovec *iov;
	unsigned int steps;
	u32 i, head;
	int ret;

	m.num = 1 << utest_below(6);
	m.ntable = 1 + utest_below(MAX_TABLE);
	want.max = utest_one_in(4) ? 1 + utest_below(MAX_SEGS) : MAX_SEGS;
	for (i = 0; i < m.num; i++)
		random_desc(&ring[i], m.num, i, true);
	for (i = 0; i < m.ntable; i++)
		random_desc(&table[i], m.ntable, i, false);
	head = utest_one_in(30) ? utest_rand() & 0xffff : utest_below(m.num);

	iov = malloc(want.max * sizeof(*iov));
	ret = core_parse(&m, mem, head, &got, iov, want.max, &steps);
	if (model_parse(&m, head, &want)) {
		++*good;
		if (EXPECT_EQ(ret, 0, "num %u head %u", m.num, head))
			EXPECT(model_same(&want, &got), "out %u/%u in %u/%u", got.out,
			       want.out, got.in, want.in);
	} else {
		EXPECT(ret < 0, "%d, num %u head %u", ret, m.num, head);
	}
	free(iov);
}

static void chain_properties(void)
{
	unsigned long i, good = 0, iterations = utest_iterations(100000);
	struct vha_mem *mem = case_mem();

	for (i = 0; i < iterations && utest_errors < 20; i++)
		random_chain(mem, &good);
	printf("# %lu chains, %lu of them good\n", i, good);
	EXPECT(iterations < 100 || (good > i / 20 && good < i), "chains are too much alike");
	free(mem);
}

/* The short way says what the parser says, and is taken where it leads to. */
static void single_agrees(void)
{
	struct vha_mem *mem = case_mem();
	unsigned long i, n = utest_iterations(100000), taken = 0;

	for (i = 0; i < n; i++) {
		struct vha_space space = { .mem = mem, .hint = utest_below(3) }, after;
		unsigned int max = utest_below(3);
		struct iovec near[2], full[2];
		struct vha_chain s, c;
		struct vring_desc d;
		bool single;
		int r;

		random_desc(&d, 1, 0, true);
		if (utest_one_in(3))
			d.flags &= VRING_DESC_F_WRITE;
		after = space;
		single = vha_chain_single(&s, &space, d.addr, d.len, d.flags, near, max);
		vha_chain_start(&c, 0, 1, full, max);
		r = vha_chain_feed(&c, &after, &d);
		if (single) {
			taken++;
			EXPECT_EQ(r, VHA_FEED_DONE, "single");
			EXPECT_EQ(s.out, c.out, "readable");
			EXPECT_EQ(s.in, c.in, "writable");
			EXPECT_EQ(s.len, c.len, "length");
			EXPECT_EQ(s.write_seen, c.write_seen, "writable seen");
			EXPECT(s.iov == near && !memcmp(near, full, sizeof(near[0])),
			       "segment");
		} else if (r == VHA_FEED_DONE && c.out + c.in == 1) {
			EXPECT(space.hint != after.hint, "refused in the region at hand");
		}
	}
	EXPECT(taken > n / 50, "%lu of %lu", taken, n);
	free(mem);
}

/* Every index, every distance up to the ring's size, every claim near it. */
static void avail_wrap(void)
{
	static const u32 nums[] = { 1, 2, 256, 0x8000 };
	unsigned int k;
	u32 last, d;

	for (k = 0; k < ARRAY_SIZE(nums); k++) {
		for (last = 0; last <= U16_MAX && utest_errors < 20; last++) {
			u32 dists[] = { 0, 1, nums[k] / 2, nums[k] - 1, nums[k],
					nums[k] + 1, U16_MAX };

			for (d = 0; d < ARRAY_SIZE(dists); d++)
				EXPECT_EQ(vha_split_avail(last + dists[d], last, nums[k]),
					  dists[d] <= nums[k] ? (int)dists[d] : -EINVAL,
					  "num %u last %u", nums[k], last);
		}
	}
}

/* The driver asked to be told when entry @event is used: is it among the new? */
static bool model_signal(u16 event, u16 new_idx, u16 old_idx)
{
	u16 i;

	for (i = old_idx; i != new_idx; i++)
		if (i == event)
			return true;
	return false;
}

/* Every old index, progress and event position near the edges of the batch. */
static void event_wrap(void)
{
	static const u16 progress[] = { 0, 1, 2, 63, 64, 65, 255 };
	unsigned int p;
	u32 old;
	int e;

	for (old = 0; old <= U16_MAX && utest_errors < 20; old++) {
		for (p = 0; p < ARRAY_SIZE(progress); p++) {
			u16 new_idx = old + progress[p];

			for (e = -2; e <= 2; e++) {
				u16 near_old = old + e, near_new = new_idx + e;

				EXPECT_EQ(vha_split_need_signal(true, near_old, new_idx, old),
					  model_signal(near_old, new_idx, old),
					  "event %u new %u old %u", near_old, new_idx, old);
				EXPECT_EQ(vha_split_need_signal(true, near_new, new_idx, old),
					  model_signal(near_new, new_idx, old),
					  "event %u new %u old %u", near_new, new_idx, old);
			}
			EXPECT(vha_split_need_signal(false, old + 1000, new_idx, old),
			       "new %u old %u", new_idx, old);
		}
	}
}

static void event_properties(void)
{
	unsigned long i, iterations = utest_iterations(2000);

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		u16 old = utest_rand(), new_idx = utest_rand(), event = utest_rand();

		EXPECT_EQ(vha_split_need_signal(true, event, new_idx, old),
			  model_signal(event, new_idx, old), "event %u new %u old %u",
			  event, new_idx, old);
	}
}

static u16 header_field(void)
{
	return utest_one_in(3) ? utest_rand() : utest_below(200);
}

static void hdr_properties(void)
{
	unsigned long i, iterations = utest_iterations(200000);

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		struct virtio_net_hdr hdr = {
			.flags = utest_one_in(4) ? utest_rand() : VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.gso_type = utest_rand(), .gso_size = utest_rand(),
			.hdr_len = header_field(), .csum_start = header_field(),
			.csum_offset = header_field(),
		};
		struct virtio_net_hdr was = hdr;
		u64 frame_len = utest_one_in(3) ? utest_below(70000) : utest_below(200);
		u32 end = (u32)was.csum_start + was.csum_offset + 2;
		bool csum = was.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
		bool bad = csum && end > was.hdr_len && (end > frame_len || end > U16_MAX);

		EXPECT_EQ(vha_hdr_fix(&hdr, frame_len), bad ? -EINVAL : 0,
			  "hdr_len %u end %u frame %llu", was.hdr_len, end,
			  (unsigned long long)frame_len);
		if (!bad && csum && end > was.hdr_len)
			was.hdr_len = end;
		EXPECT(!memcmp(&hdr, &was, sizeof(hdr)), "hdr_len %u, not %u",
		       hdr.hdr_len, was.hdr_len);
	}
}

UTEST_ALL(UTEST(chain_cases), UTEST(avail_cases), UTEST(event_cases), UTEST(hdr_cases),
	  UTEST(longest_table), UTEST(chain_properties), UTEST(single_agrees),
	  UTEST(avail_wrap), UTEST(event_wrap), UTEST(event_properties), UTEST(hdr_properties));
