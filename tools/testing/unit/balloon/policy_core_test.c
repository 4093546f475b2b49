// SPDX-License-Identifier: GPL-2.0
/*
 * Divisions, hand-overs and credits: the case tables, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/policy_cases.h"

#define VMS 12

static struct vmb_vm vms[VMS], again[VMS];

static void cases(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(divide_cases); i++) {
		const struct divide_case *c = &divide_cases[i];

		EXPECT_EQ(divide_case_run(c, vms), c->lack * MB, "%s: lack", c->name);
		for (j = 0; j < c->n; j++)
			EXPECT(vms[j].target <= c->vm[j].target * MB &&
			       vms[j].target + SLACK >= c->vm[j].target * MB,
			       "%s: VM %u: %llu", c->name, j, vms[j].target / MB);
	}
	for (i = 0; i < ARRAY_SIZE(hand_cases); i++) {
		const struct hand_case *c = &hand_cases[i];

		hand_case_run(c, vms);
		for (j = 0; j < c->n; j++)
			EXPECT_EQ((vms[j].order + SLACK) / MB, c->vm[j].order, "%s: VM %u",
				  c->name, j);
	}
	for (i = 0; i < ARRAY_SIZE(credit_cases); i++) {
		const struct credit_case *c = &credit_cases[i];

		credit_case_run(c, vms);
		for (j = 0; j < c->n; j++)
			EXPECT_EQ((vms[j].credit + SLACK) / MB, c->vm[j].credit, "%s: VM %u",
				  c->name, j);
	}
}

/* Of any order of magnitude, with the ends more often than chance has them. */
static u64 size(void)
{
	switch (utest_below(8)) {
	case 0:
		return 0;
	case 1:
		return ALL;
	default:
		return utest_rand() >> 18 >> utest_below(46);
	}
}

static unsigned int make(struct vmb_policy *policy)
{
	unsigned int i, n = utest_below(VMS) + 1;

	memset(vms, 0, sizeof(vms));
	for (i = 0; i < n; i++) {
		vms[i].min = utest_one_in(2) ? 0 : size();
		vms[i].max = utest_one_in(2) ? ALL : size();
		vms[i].need = utest_one_in(8) ? ~0ULL : size();
		vms[i].weight = utest_below(utest_one_in(2) ? 4 : VMB_WEIGHT_MAX) + 1;
		vms[i].size = size();
		if (i && utest_one_in(4))
			vms[i] = vms[utest_below(i)];
	}
	policy->rule = utest_below(VMB_RULE_SHARES + 1);
	policy->idle_tax = utest_one_in(3) ? VMB_IDLE_TAX_DEFAULT : utest_below(101);
	return n;
}

static u64 lo(const struct vmb_vm *vm)
{
	return min(vm->min, vm->max);
}

static u64 hi(const struct vmb_vm *vm, const struct vmb_policy *policy)
{
	if (policy->rule == VMB_RULE_DEMAND)
		return clamp(vm->need, lo(vm), vm->max);
	if (policy->rule == VMB_RULE_WEIGHT && policy->idle_tax == 100)
		return clamp(vm->need, lo(vm), vm->max);
	return vm->max;
}

/* A step of the level adds this much at most: bytes. */
static u64 grain(const struct vmb_vm *vm, const struct vmb_policy *policy)
{
	if (policy->rule == VMB_RULE_RANGE)
		return ((vm->max - lo(vm)) >> 28) + 8192;
	return vm->weight + 1;
}

static void division(void)
{
	unsigned long rounds = utest_iterations(20000);

	while (rounds--) {
		struct vmb_policy policy;
		unsigned int i, j, n = make(&policy), open = 0, changed;
		u64 pool = size(), sum = 0, minima = 0, grains = 0, lack;

		lack = vmb_divide(vms, n, pool, &policy);
		for (i = 0; i < n; i++) {
			sum += vms[i].target;
			minima += lo(&vms[i]);
			grains += grain(&vms[i], &policy);
			open += vms[i].target < hi(&vms[i], &policy);
		}
		EXPECT_EQ(lack, minima > pool ? minima - pool : 0, "lack");
		EXPECT(lack || sum <= pool, "%llu of %llu", sum, pool);
		EXPECT(lack || !open || pool - sum < grains, "rule %d: %llu wasted, grains %llu",
		       policy.rule, pool - sum, grains);
		for (i = 0; i < n; i++) {
			const struct vmb_vm *a = &vms[i];

			EXPECT(a->target <= a->max, "above the maximum");
			EXPECT(a->target >= lo(a), "below the minimum");
			EXPECT(!lack || a->target == lo(a), "more than its minimum");
			for (j = 0; j < n; j++) {
				const struct vmb_vm *b = &vms[j];

				if (a->min == b->min && a->max == b->max && a->need == b->need &&
				    a->weight == b->weight)
					EXPECT_EQ(a->target, b->target, "equal VMs");
			}
		}
		/* More weight, more memory: the others' rounding is all it can lose. */
		memcpy(again, vms, sizeof(again));
		changed = utest_below(n);
		again[changed].weight += utest_below(VMB_WEIGHT_MAX + 1 - again[changed].weight);
		vmb_divide(again, n, pool, &policy);
		EXPECT(again[changed].target + grains + again[changed].weight >=
		       vms[changed].target, "rule %d: more weight, less memory", policy.rule);
		/* A larger pool is nobody's loss. */
		memcpy(again, vms, sizeof(again));
		vmb_divide(again, n, pool + size(), &policy);
		for (i = 0; i < n; i++)
			EXPECT(again[i].target >= vms[i].target, "more to divide, less memory");
	}
}

/* Whatever some claim, a VM has what it needs up to its share among the greedy. */
static void liars(void)
{
	unsigned long rounds = utest_iterations(20000);

	while (rounds--) {
		struct vmb_policy policy;
		unsigned int i, n = make(&policy), liar;
		u64 pool = size(), honest[VMS], need[VMS];

		policy.rule = utest_one_in(2) ? VMB_RULE_WEIGHT : VMB_RULE_DEMAND;
		vmb_divide(vms, n, pool, &policy);
		memcpy(again, vms, sizeof(again));
		for (i = 0; i < n; i++)
			again[i].need = ~0ULL;
		vmb_divide(again, n, pool, &policy);
		for (i = 0; i < n; i++) {
			need[i] = clamp(vms[i].need, lo(&vms[i]), vms[i].max);
			EXPECT(vms[i].target >= min(need[i], again[i].target),
			       "less than its share, and its need");
		}
		/* Who does not get what it claims gains nothing by claiming more. */
		liar = utest_below(n);
		if (vms[liar].target >= need[liar])
			continue;
		for (i = 0; i < n; i++)
			honest[i] = vms[i].target;
		vms[liar].need = ~0ULL;
		vmb_divide(vms, n, pool, &policy);
		for (i = 0; i < n; i++)
			EXPECT_EQ(vms[i].target, honest[i], "a claim moved VM %u", i);
	}
}

static void handing(void)
{
	unsigned long rounds = utest_iterations(20000);

	while (rounds--) {
		struct vmb_policy policy;
		unsigned int i, n = make(&policy);
		struct vmb_turn turn = {
			.spare = size(),
			.state = utest_below(VMB_HOST_LOW + 1),
			.elapsed = utest_below(5000),
		};
		u64 granted = 0, credits = 0, room = size();

		vmb_divide(vms, n, size(), &policy);
		vmb_hand_over(vms, n, &turn);
		vmb_grant_credit(vms, n, room);
		for (i = 0; i < n; i++) {
			const struct vmb_vm *vm = &vms[i];

			if (vm->order > vm->size) {
				granted += vm->order - vm->size;
				EXPECT(vm->order <= vm->target, "granted beyond the target");
			} else {
				EXPECT(vm->order == vm->size || vm->order >= vm->target,
				       "ordered beyond the target");
				EXPECT(vm->order >= lo(vm) || vm->order == vm->size,
				       "ordered below the minimum");
				if (turn.state >= VMB_HOST_HARD && vm->size > vm->target)
					EXPECT(vm->order == vm->target ||
					       vm->size - vm->target < vmb_band(vm->size),
					       "held back though the host is short");
			}
			credits += vm->credit;
			EXPECT(!vm->credit || vm->order + vm->credit <= vm->max,
			       "credit beyond the maximum");
			EXPECT(vm->credit <= vm->order / 10, "credit of %llu on %llu",
			       vm->credit, vm->order);
		}
		EXPECT(granted <= turn.spare, "%llu granted of %llu", granted, turn.spare);
		EXPECT(credits <= room, "credits of %llu, room for %llu", credits, room);
	}
}

/*
 * VMs that obey, on a host whose memory is all theirs but for the spare: the sizes
 * come to rest, near the targets, and the host is never overdrawn on the way.
 */
static void settling(void)
{
	unsigned long rounds = utest_iterations(300);

	while (rounds--) {
		struct vmb_policy policy;
		struct vmb_turn turn = { .elapsed = 1000 };
		unsigned int i, n = make(&policy), turns, moved = 0;
		u64 pool = 0, sum, slack = 0, lack = 0;

		turn.state = utest_below(VMB_HOST_LOW + 1);
		for (i = 0; i < n; i++) {
			vms[i].max = (utest_below(64) + 1) << 30;
			vms[i].min = utest_below(vms[i].max / 4);
			vms[i].need = utest_below(vms[i].max);
			vms[i].size = utest_below(vms[i].max);
			pool += vms[i].size;
			slack += grain(&vms[i], &policy);
		}
		pool += utest_below(1ULL << 34);
		/* Down by 5 percent a second, from 64 GiB: some minutes. */
		for (turns = 0; turns < 1000; turns++) {
			sum = 0;
			moved = 0;
			for (i = 0; i < n; i++)
				sum += vms[i].size;
			if (!EXPECT(sum <= pool, "overdrawn"))
				return;
			turn.spare = pool - sum;
			lack = vmb_divide(vms, n, pool, &policy);
			vmb_hand_over(vms, n, &turn);
			for (i = 0; i < n; i++) {
				moved += vms[i].order != vms[i].size;
				vms[i].size = vms[i].order;
			}
			if (!moved)
				break;
		}
		EXPECT(!moved, "still moving after %u turns", turns);
		for (i = 0; i < n; i++) {
			u64 apart = vms[i].size > vms[i].target ? vms[i].size - vms[i].target :
						  vms[i].target - vms[i].size;

			/* Bands that others keep may be what one lacks. */
			EXPECT(apart <= vmb_band(64 * 1024 * MB) * n + slack + lack,
			       "rule %d: %llu MiB from the target", policy.rule, apart / MB);
		}
	}
}

UTEST_ALL(UTEST(cases), UTEST(division), UTEST(liars), UTEST(handing), UTEST(settling));
