// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the policy: the division against raising the level step by step, orders
 * and credits against their bounds.
 *
 * Input: rule, tax, pool, spare, state; then six bytes for each VM: minimum, maximum,
 * need, weight, size, and a shift that makes some of them large.
 */
#include "../fuzz.h"
#include "policy_core.h"

static u64 least(u64 a, u64 b)
{
	return a < b ? a : b;
}

static u64 within(u64 v, u64 low, u64 high)
{
	return v < low ? low : v > high ? high : v;
}

/* The rules but for the range, as their formulas say. */
static u64 at(const struct vmb_vm *vm, u64 level, const struct vmb_policy *policy)
{
	u64 lo = least(vm->min, vm->max);
	u64 need = within(vm->need, lo, vm->max);
	u64 share = level * vm->weight;

	switch (policy->rule) {
	case VMB_RULE_DEMAND:
		return within(least(share, vm->need), lo, vm->max);
	case VMB_RULE_SHARES:
		return least(lo + share, vm->max);
	default:
		if (share > need)
			share = need + (share - need) * (100 - policy->idle_tax) / 100;
		return within(share, lo, vm->max);
	}
}

static u64 sum(const struct vmb_vm *vms, unsigned int n, u64 level,
	       const struct vmb_policy *policy)
{
	u64 total = 0;

	while (n--)
		total += at(vms++, level, policy);
	return total;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u32 taxes[] = { 0, 50, 75, 80, 100 };
	struct vmb_vm vms[16] = {};
	struct vmb_policy policy;
	struct vmb_turn turn;
	u64 level = 0, pool, minima = 0, granted = 0, credits = 0, lack;
	unsigned int i, n = 0;
	bool small = true;

	if (size < 5)
		return 0;
	policy.rule = data[0] % 4;
	policy.idle_tax = taxes[data[1] % 5];
	pool = data[2] * 4;
	turn.spare = (u64)data[3] << 22;
	turn.state = data[4] % 4;
	turn.elapsed = data[4] * 16;
	for (i = 5; i + 5 < size && n < 16; i += 6, n++) {
		unsigned int shift = data[i + 5] % 39;

		small = small && !shift;
		vms[n].min = (u64)data[i] << shift;
		vms[n].max = (u64)data[i + 1] << shift;
		vms[n].need = data[i + 2] == 255 ? ~0ULL : (u64)data[i + 2] << shift;
		vms[n].weight = data[i + 3] % 16 + 1;
		vms[n].size = (u64)data[i + 4] << shift;
		minima += least(vms[n].min, vms[n].max);
	}
	lack = vmb_divide(vms, n, pool, &policy);
	CHECK(lack == (minima > pool ? minima - pool : 0));
	if (small && policy.rule != VMB_RULE_RANGE && !lack) {
		/* At 5 times 255 the dearest idle memory is bought. */
		while (level <= 1600 && sum(vms, n, level + 1, &policy) <= pool)
			level++;
		for (i = 0; i < n; i++)
			CHECK(vms[i].target == at(&vms[i], level, &policy));
	}
	vmb_hand_over(vms, n, &turn);
	vmb_grant_credit(vms, n, pool);
	for (i = 0; i < n; i++) {
		CHECK(vms[i].target <= vms[i].max);
		CHECK(vms[i].target >= least(vms[i].min, vms[i].max));
		if (vms[i].order > vms[i].size) {
			granted += vms[i].order - vms[i].size;
			CHECK(vms[i].order <= vms[i].target);
		}
		credits += vms[i].credit;
	}
	CHECK(granted <= turn.spare);
	CHECK(credits <= pool);
	return 0;
}
