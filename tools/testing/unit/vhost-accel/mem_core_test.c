// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory table: the case tables, and properties against the naive model.
 */
#include "../utest.h"
#include "model.h"
#include "tests/mem_cases.h"

#define MAX_REGIONS 8

static struct vha_mem *mem_make(const struct vha_region *r, u32 n)
{
	struct vha_mem *mem = malloc(sizeof(*mem) + n * sizeof(*r));

	mem->nregions = n;
	if (n)
		memcpy(mem->regions, r, n * sizeof(*r));
	return mem;
}

static void sort_cases(void)
{
	unsigned int i;
	u32 j;

	for (i = 0; i < ARRAY_SIZE(mem_sort_cases); i++) {
		const struct mem_sort_case *c = &mem_sort_cases[i];
		struct vha_mem *mem = mem_make(c->in, c->n);

		EXPECT_EQ(vha_mem_sort(mem), c->ret, "%s", c->name);
		for (j = 0; !c->ret && j < c->n; j++)
			EXPECT(!memcmp(&mem->regions[j], &c->in[c->order[j]],
				       sizeof(mem->regions[j])),
			       "%s: place %u", c->name, j);
		free(mem);
	}
}

static void translate_cases(void)
{
	struct vha_mem *mem = mem_make(mem_case_guest, MEM_CASE_REGIONS);
	unsigned int i;
	u32 start;
	int j;

	EXPECT_EQ(vha_mem_sort(mem), 0, "the guest of the cases");
	for (i = 0; i < ARRAY_SIZE(mem_xlat_cases); i++) {
		const struct mem_xlat_case *c = &mem_xlat_cases[i];

		for (start = 0; start <= MEM_CASE_REGIONS + 1; start++) {
			u32 hint = start <= MEM_CASE_REGIONS ? start : ~0U;
			unsigned int max = c->max ?: MEM_CASE_SEGS;
			/* Exactly as long as promised, so that ASan sees more. */
			struct iovec *iov = malloc(max * sizeof(*iov));
			int ret = vha_mem_translate(mem, &hint, c->gpa, c->len,
						    iov, max);

			EXPECT_EQ(ret, c->ret, "%s, hint %u", c->name, start);
			for (j = 0; j < ret; j++) {
				EXPECT_EQ((u64)iov[j].iov_base, c->seg[j].hva,
					  "%s: segment %d", c->name, j);
				EXPECT_EQ(iov[j].iov_len, c->seg[j].len,
					  "%s: segment %d", c->name, j);
			}
			free(iov);
		}
	}
	free(mem);
}

static void iotlb_cases(void)
{
	struct vha_iotlb iotlb = { .find = tlb_case_find };
	unsigned int i;
	int j;

	for (i = 0; i < ARRAY_SIZE(tlb_cases); i++) {
		const struct tlb_case *c = &tlb_cases[i];
		struct vha_space space = { .iotlb = &iotlb };
		unsigned int max = c->max ?: MEM_CASE_SEGS;
		struct iovec *iov = malloc(max * sizeof(*iov));
		int ret = vha_space_translate(&space, c->addr, c->len, c->write, iov, max);
		u64 hva = 0;

		EXPECT_EQ(ret, c->ret, "%s", c->name);
		for (j = 0; j < ret; j++) {
			EXPECT_EQ((u64)iov[j].iov_base, c->seg[j].hva, "%s: segment %d",
				  c->name, j);
			EXPECT_EQ(iov[j].iov_len, c->seg[j].len, "%s: segment %d",
				  c->name, j);
		}
		if (ret == -EAGAIN) {
			EXPECT_EQ(space.miss, c->miss, "%s", c->name);
			EXPECT_EQ(space.miss_write, c->write, "%s", c->name);
		}
		if (ret > 0) {
			ret = vha_space_linear(&space, c->addr, c->len, c->write, &hva);
			EXPECT_EQ(ret, c->linear, "%s", c->name);
			EXPECT_EQ(hva, c->seg[0].hva, "%s", c->name);
		}
		free(iov);
	}
}

/*
 * A tiny address space at the bottom or at the very top, so that random regions
 * often touch, overlap, wrap and end with the last byte.
 */
static u64 small_addr(u64 base)
{
	return base + utest_below(256);
}

static u32 random_regions(struct vha_region *r, u64 base)
{
	u32 i, n = utest_below(MAX_REGIONS + 1);
	u64 at = small_addr(base);

	for (i = 0; i < n; i++) {
		r[i].gpa = utest_one_in(3) ? small_addr(base) : at;
		r[i].size = utest_below(utest_one_in(8) ? 300 : 24);
		r[i].hva = utest_one_in(50) ? ~0ULL - utest_below(30) :
					      utest_rand() >> 17;
		at = r[i].gpa + r[i].size + (utest_one_in(2) ? utest_below(9) : 0);
	}
	for (i = 0; i + 1 < n; i++) {
		u32 j = i + utest_below(n - i);
		struct vha_region t = r[i];

		r[i] = r[j];
		r[j] = t;
	}
	return n;
}

static bool is_permutation(const struct vha_region *a, const struct vha_region *b, u32 n)
{
	u32 i, j;

	/* Without overlap no two regions are equal, so finding each is enough. */
	for (i = 0; i < n; i++) {
		for (j = 0; j < n && memcmp(&a[i], &b[j], sizeof(*a)); j++)
			;
		if (j == n)
			return false;
	}
	return true;
}

static void random_query(const struct vha_mem *mem, const struct vha_region *r, u64 base)
{
	unsigned int max = utest_below(MAX_REGIONS + 2);
	struct iovec *got = malloc(max * sizeof(*got));
	struct iovec want[MAX_REGIONS + 2];
	u64 gpa = small_addr(base);
	u64 len = utest_one_in(20) ? utest_rand() : utest_below(300);
	u32 hint = utest_one_in(4) ? utest_rand() : utest_below(MAX_REGIONS);
	int ret = vha_mem_translate(mem, &hint, gpa, len, got, max);
	int model = model_translate(r, mem->nregions, gpa, len, want, max);

	if (model < 0)
		EXPECT(ret == -EFAULT || ret == -ENOBUFS, "%d for 0x%llx+0x%llx", ret,
		       (unsigned long long)gpa, (unsigned long long)len);
	else if (EXPECT_EQ(ret, model, "0x%llx+0x%llx", (unsigned long long)gpa,
			   (unsigned long long)len))
		EXPECT(!memcmp(got, want, ret * sizeof(*got)), "0x%llx+0x%llx",
		       (unsigned long long)gpa, (unsigned long long)len);
	free(got);
}

static void properties(void)
{
	unsigned long i, valid = 0, iterations = utest_iterations(20000);
	unsigned int q;

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		u64 base = utest_one_in(2) ? 0 : ~0ULL - 255;
		struct vha_region r[MAX_REGIONS];
		u32 n = random_regions(r, base);
		struct vha_mem *mem = mem_make(r, n);
		bool good = model_mem_valid(r, n);

		EXPECT_EQ(vha_mem_sort(mem), good ? 0 : -EFAULT, "iteration %lu", i);
		if (good) {
			valid++;
			EXPECT(is_permutation(r, mem->regions, n), "iteration %lu", i);
			for (q = 0; q < 16; q++)
				random_query(mem, r, base);
		}
		free(mem);
	}
	printf("# %lu tables, %lu of them valid\n", i, valid);
	EXPECT(iterations < 100 || (valid > i / 20 && valid < i), "tables are too much alike");
}

static u32 random_maps(struct vha_map *m, u64 base)
{
	u32 i, n = utest_below(MAX_REGIONS + 1);
	u64 at = small_addr(base), hva = utest_rand() >> 17;

	for (i = 0; i < n; i++) {
		u64 size = 1 + utest_below(60);

		m[i].start = utest_one_in(3) ? small_addr(base) : at;
		if (utest_one_in(2))
			hva += utest_below(100);
		m[i].hva = hva;
		m[i].last = m[i].start + size - 1;
		if (m[i].last < m[i].start)
			m[i].last = ~0ULL;
		m[i].read = !utest_one_in(5);
		m[i].write = !utest_one_in(5);
		at = m[i].last + 1;
		hva += m[i].last - m[i].start + 1;
	}
	return n;
}

static void iotlb_properties(void)
{
	unsigned long i, seen[5] = { }, iterations = utest_iterations(100000);

	for (i = 0; i < iterations && utest_errors < 20; i++) {
		u64 base = utest_one_in(2) ? 0 : ~0ULL - 255;
		unsigned int max = utest_below(MAX_REGIONS + 2);
		struct iovec *got = malloc(max * sizeof(*got));
		struct iovec want[MAX_REGIONS + 2];
		struct vha_map maps[MAX_REGIONS];
		struct model_tlb tlb = {
			.core.find = model_tlb_find, .maps = maps,
			.n = random_maps(maps, base),
		};
		struct vha_space space = { .iotlb = &tlb.core };
		u64 addr = small_addr(base), len = utest_below(200), hva;
		bool write = utest_one_in(2), linear;
		int model = model_tlb_translate(&tlb, addr, len, write, want, max, &linear);
		int ret = vha_space_translate(&space, addr, len, write, got, max);

		EXPECT_EQ(ret, model, "0x%llx+%llu", (unsigned long long)addr,
			  (unsigned long long)len);
		if (ret > 0 && ret == model) {
			EXPECT(!memcmp(got, want, ret * sizeof(*got)), "0x%llx+%llu",
			       (unsigned long long)addr, (unsigned long long)len);
			EXPECT_EQ(vha_space_linear(&space, addr, len, write, &hva), linear,
				  "0x%llx+%llu", (unsigned long long)addr,
				  (unsigned long long)len);
			EXPECT_EQ(hva, (u64)want[0].iov_base, "0x%llx+%llu",
				  (unsigned long long)addr, (unsigned long long)len);
		}
		seen[0] += ret > 0 && linear;
		seen[1] += ret > 0 && !linear;
		seen[2] += ret == -EAGAIN;
		seen[3] += ret == -EPERM;
		seen[4] += ret == -ENOBUFS;
		free(got);
	}
	for (i = 0; i < ARRAY_SIZE(seen); i++)
		EXPECT(iterations < 10000 || seen[i] > iterations / 200,
		       "outcome %lu came %lu times", i, seen[i]);
}

UTEST_ALL(UTEST(sort_cases), UTEST(translate_cases), UTEST(properties),
	  UTEST(iotlb_cases), UTEST(iotlb_properties));
