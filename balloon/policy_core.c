// SPDX-License-Identifier: GPL-2.0
/*
 * The policy of a host.
 *
 * Problem: VMs were promised more memory than there is. Who may have how much now,
 * so that promises hold, the rest does the most good, and no guest's word costs
 * another VM anything?
 *
 * Model: each VM has a minimum, a maximum, a weight and a need that it reports. All
 * rules are one construction: a size that grows with a level common to all VMs, from
 * the minimum at most to the maximum, and the level is the highest at which the sum
 * fits the pool. With L for the level and w for the weight:
 *
 *   weight   L * w while that is within the need. Above it memory is idle and taxed:
 *            each byte costs 100 / (100 - tax), four at the default of 75 percent:
 *            need + (L * w - need) * (100 - tax) / 100
 *   range    min + (max - min) * gamma, one gamma from 0 to 1 for all: squeezed
 *   demand   L * w, but never above the need, which has the VM's buffer: Hyper-V
 *   shares   min + L * w: Proxmox VE; needs do not count
 *
 * Example, rule weight, equal weights: A needs 1 GiB, B 4 GiB, both may have 4 GiB,
 * the pool is 4 GiB. At L * w = 2.6 GiB A has 1 + 1.6 / 4 = 1.4, B 2.6 GiB.
 *
 * Why a liar gains nothing: while a VM's size is L * w, a larger need changes nobody's
 * size, its own included. And L is never below the level at which all VMs claim their
 * maximum, so that each VM has what it needs up to its share of that, whatever the
 * others say.
 *
 * Control: memory changes hands in two phases. Those above their target are ordered
 * down; those below are ordered up by no more than what was measured free. Orders down
 * are slow while nobody waits for the memory, so that a guest can choose what to
 * give up, and at once where somebody does or the host is short. Differences
 * within a band of 16 MiB or half a percent are left alone: a constant demand comes
 * to rest.
 *
 * Limits: where not even the minima fit everybody is ordered to its minimum, and the
 * lacking bytes are reported: they will be swapped. Levels are whole bytes for each unit
 * of weight (2^-28 of the range for gamma), so that up to one for each unit of
 * all weights is given to nobody.
 */
#include <linux/minmax.h>

#include "policy_core.h"

/* Gamma is a fraction of 2^28, ranges are counted in pages of 2^12. */
#define VMB_GAMMA_SHIFT 28
#define VMB_RANGE_SHIFT 12

/* The highest level: one percent of it, and less, is more than any maximum. */
#define VMB_LEVEL_MAX (VMB_SIZE_MAX * 128)

/* Percent of its size that a VM is ordered down in a second. */
#define VMB_SLEW_HIGH 5
#define VMB_SLEW_SOFT 20

/* Part of its size that a VM's credit may be: percent. */
#define VMB_CREDIT_PERCENT 10

/*
 * What grows with the level: a size by one of the rules, a grant, or a credit. The keep
 * is the percentage of idle memory that the tax leaves.
 */
struct vmb_scale {
	enum {
		VMB_SIZE_BY_WEIGHT,
		VMB_SIZE_BY_RANGE,
		VMB_SIZE_BY_DEMAND,
		VMB_SIZE_BY_SHARES,
		VMB_GRANT,
		VMB_CREDIT,
	} of;
	u32 keep;
};

static u64 vmb_max(const struct vmb_vm *vm)
{
	return min(vm->max, VMB_SIZE_MAX);
}

static u64 vmb_min(const struct vmb_vm *vm)
{
	return min(vm->min, vmb_max(vm));
}

/* At most %VMB_LEVEL_MAX. */
static u64 vmb_weighted(const struct vmb_vm *vm, u64 level)
{
	u64 weight = clamp(vm->weight, (u32)VMB_WEIGHT_MIN, (u32)VMB_WEIGHT_MAX);

	return min(level, VMB_LEVEL_MAX / weight) * weight;
}

static u64 vmb_size_by_weight(const struct vmb_vm *vm, u64 level, u32 keep)
{
	u64 need = max(vm->need, vmb_min(vm));
	u64 size = vmb_weighted(vm, level);

	if (size > need)
		size = need + (size - need) * keep / 100;
	return clamp(size, vmb_min(vm), vmb_max(vm));
}

static u64 vmb_size_by_range(const struct vmb_vm *vm, u64 level)
{
	u64 range = vmb_max(vm) - vmb_min(vm);

	if (level >> VMB_GAMMA_SHIFT)
		return vmb_max(vm);
	range = (range >> VMB_RANGE_SHIFT) * level >> VMB_GAMMA_SHIFT;
	return vmb_min(vm) + (range << VMB_RANGE_SHIFT);
}

static u64 vmb_size_by_demand(const struct vmb_vm *vm, u64 level)
{
	return clamp(min(vmb_weighted(vm, level), vm->need), vmb_min(vm), vmb_max(vm));
}

static u64 vmb_size_by_shares(const struct vmb_vm *vm, u64 level)
{
	return min(vmb_min(vm) + vmb_weighted(vm, level), vmb_max(vm));
}

/* What it may have of what is spare, towards its target. */
static u64 vmb_grant(const struct vmb_vm *vm, u64 level)
{
	if (vm->order == vm->size)
		return 0;
	return vm->target > vm->size ?
	       min(vmb_weighted(vm, level), vm->target - vm->size) : 0;
}

static u64 vmb_credit(const struct vmb_vm *vm, u64 level)
{
	u64 order = min(vm->order, vmb_max(vm));
	u64 most = min(order / 100 * VMB_CREDIT_PERCENT, vmb_max(vm) - order);

	return min(vmb_weighted(vm, level), most);
}

static u64 vmb_at(const struct vmb_vm *vm, u64 level, const struct vmb_scale *scale)
{
	switch (scale->of) {
	case VMB_SIZE_BY_RANGE:
		return vmb_size_by_range(vm, level);
	case VMB_SIZE_BY_DEMAND:
		return vmb_size_by_demand(vm, level);
	case VMB_SIZE_BY_SHARES:
		return vmb_size_by_shares(vm, level);
	case VMB_GRANT:
		return vmb_grant(vm, level);
	case VMB_CREDIT:
		return vmb_credit(vm, level);
	case VMB_SIZE_BY_WEIGHT:
	default:
		return vmb_size_by_weight(vm, level, scale->keep);
	}
}

/* At most %VMB_VMS_MAX times %VMB_SIZE_MAX: 2^58. */
static u64 vmb_sum(const struct vmb_vm *vms, unsigned int n, u64 level,
		   const struct vmb_scale *scale)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < n; i++)
		sum += vmb_at(&vms[i], level, scale);
	return sum;
}

/* The highest level at which the sum is at most @pool; 0 if there is none. */
static u64 vmb_level(const struct vmb_vm *vms, unsigned int n, u64 pool,
		     const struct vmb_scale *scale)
{
	u64 low = 0, high = VMB_LEVEL_MAX;

	while (low < high) {
		u64 level = high - (high - low) / 2;

		if (vmb_sum(vms, n, level, scale) <= pool)
			low = level;
		else
			high = level - 1;
	}
	return low;
}

static struct vmb_scale vmb_rule_scale(const struct vmb_policy *policy)
{
	struct vmb_scale scale = {
		.of = VMB_SIZE_BY_WEIGHT,
		.keep = 100 - min(policy->idle_tax, 100U),
	};

	if (policy->rule == VMB_RULE_RANGE)
		scale.of = VMB_SIZE_BY_RANGE;
	else if (policy->rule == VMB_RULE_DEMAND)
		scale.of = VMB_SIZE_BY_DEMAND;
	else if (policy->rule == VMB_RULE_SHARES)
		scale.of = VMB_SIZE_BY_SHARES;
	return scale;
}

/**
 * vmb_divide() - divide a host's memory
 * @vms: @n VMs; their target is set
 * @n: at most %VMB_VMS_MAX
 * @pool: bytes that VMs may have without the host swapping
 * @policy: rule and its setting
 *
 * Everybody gets its minimum; the targets' sum is at most @pool unless the minima's is
 * not. Takes 54 passes over the VMs.
 *
 * Return: bytes by which the minima exceed @pool, 0 if they fit.
 */
u64 vmb_divide(struct vmb_vm *vms, unsigned int n, u64 pool,
	       const struct vmb_policy *policy)
{
	const struct vmb_scale scale = vmb_rule_scale(policy);
	u64 level = vmb_level(vms, n, pool, &scale);
	unsigned int i;
	u64 minima = 0;

	for (i = 0; i < n; i++) {
		vms[i].target = vmb_at(&vms[i], level, &scale);
		minima += vmb_min(&vms[i]);
	}
	return minima > pool ? minima - pool : 0;
}

/**
 * vmb_band() - difference that is not worth an order
 * @size: bytes that a VM has
 *
 * Return: bytes.
 */
u64 vmb_band(u64 size)
{
	return max(VMB_BAND_MIN, size / 200);
}

static bool vmb_within_band(const struct vmb_vm *vm)
{
	u64 apart = max(vm->target, vm->size) - min(vm->target, vm->size);

	return apart < vmb_band(vm->size) && vm->size >= vmb_min(vm) &&
	       vm->size <= vmb_max(vm);
}

static u64 vmb_slew(u64 size, const struct vmb_turn *turn)
{
	u64 percent = turn->state == VMB_HOST_HIGH ? VMB_SLEW_HIGH : VMB_SLEW_SOFT;

	if (turn->state >= VMB_HOST_HARD)
		return size;
	/* An order of less than a band would not be carried out. */
	return max(size / 100 * percent * min(turn->elapsed, 1000U) / 1000, vmb_band(size));
}

/**
 * vmb_hand_over() - order VMs towards their targets
 * @vms: @n VMs with size and target; their order is set
 * @n: at most %VMB_VMS_MAX
 * @turn: circumstances
 *
 * What those who grow are ordered to take is at most @turn->spare in sum: nothing is
 * promised that has not been measured free. Nobody is ordered beyond its target.
 */
void vmb_hand_over(struct vmb_vm *vms, unsigned int n, const struct vmb_turn *turn)
{
	const struct vmb_scale scale = { .of = VMB_GRANT };
	u64 wanted = 0, level;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct vmb_vm *vm = &vms[i];

		vm->size = min(vm->size, VMB_SIZE_MAX);
		vm->order = vmb_within_band(vm) ? vm->size : vm->target;
		if (vm->order > vm->size)
			wanted += vm->order - vm->size;
	}
	level = vmb_level(vms, n, turn->spare, &scale);
	for (i = 0; i < n; i++) {
		struct vmb_vm *vm = &vms[i];

		if (vm->order > vm->size)
			vm->order = vm->size + vmb_grant(vm, level);
		else if (vm->order < vm->size && wanted <= turn->spare)
			vm->order = max(vm->order,
					vm->size - min(vm->size, vmb_slew(vm->size, turn)));
	}
}

/**
 * vmb_grant_credit() - let VMs take some memory before they ask
 * @vms: @n VMs with their order; their credit is set
 * @n: at most %VMB_VMS_MAX
 * @room: bytes that the host can lose at once, its reserve without the last of it
 *
 * A guest that comes under pressure may grow by its credit at once and tell the host
 * afterwards. The credits' sum is at most @room, so that all of them may be used.
 */
void vmb_grant_credit(struct vmb_vm *vms, unsigned int n, u64 room)
{
	const struct vmb_scale scale = { .of = VMB_CREDIT };
	u64 level = vmb_level(vms, n, room, &scale);
	unsigned int i;

	for (i = 0; i < n; i++)
		vms[i].credit = vmb_credit(&vms[i], level);
}
