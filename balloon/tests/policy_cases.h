/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Divisions, hand-overs and credits of policy_core.c, for KUnit and for user space.
 */
#ifndef VMB_POLICY_CASES_H
#define VMB_POLICY_CASES_H

#include "../policy_core.h"

#define MB 0x100000ULL
#define ALL VMB_SIZE_MAX

/**
 * struct divide_case - a division
 * @name: of the case
 * @policy: rule
 * @pool: MiB to divide
 * @lack: MiB that the minima are expected to lack
 * @n: VMs
 * @vm: in MiB, with the target that is expected
 */
struct divide_case {
	const char *name;
	struct vmb_policy policy;
	u64 pool;
	u64 lack;
	unsigned int n;
	struct {
		u64 min;
		u64 max;
		u64 need;
		u32 weight;
		u64 target;
	} vm[4];
};

#define WEIGHT(tax) { VMB_RULE_WEIGHT, tax }
#define RANGE { VMB_RULE_RANGE, 0 }
#define DEMAND { VMB_RULE_DEMAND, 0 }
#define SHARES { VMB_RULE_SHARES, 0 }

static const struct divide_case divide_cases[] = {
	{ "nobody", WEIGHT(75), 100, 0, 0, { } },
	{ "one alone", WEIGHT(75), 1000, 0, 1, { { 100, 900, 100, 1, 900 } } },
	{ "one alone untaxed", WEIGHT(0), 1000, 0, 1, { { 100, 900, 100, 1, 900 } } },
	{ "needs that fit, the rest by weight", WEIGHT(75), 1024, 0, 2,
	  { { 0, 4096, 256, 1, 380 }, { 0, 4096, 608, 1, 644 } } },
	{ "idle memory is taxed", WEIGHT(75), 4000, 0, 2,
	  { { 0, 4000, 1000, 1, 1400 }, { 0, 4000, 4000, 1, 2600 } } },
	{ "idle memory counts as used", WEIGHT(0), 4000, 0, 2,
	  { { 0, 4000, 1000, 1, 2000 }, { 0, 4000, 4000, 1, 2000 } } },
	{ "no idle memory at all", WEIGHT(100), 4000, 0, 2,
	  { { 0, 4000, 1000, 1, 1000 }, { 0, 4000, 4000, 1, 3000 } } },
	{ "weights while short", WEIGHT(75), 1000, 0, 2,
	  { { 0, 4000, 4000, 1, 250 }, { 0, 4000, 4000, 3, 750 } } },
	{ "a minimum above the share", WEIGHT(75), 1000, 0, 2,
	  { { 800, 4000, 4000, 1, 800 }, { 0, 4000, 4000, 1, 200 } } },
	{ "a claim above the maximum", WEIGHT(75), 1000, 0, 2,
	  { { 0, 300, 9000, 1, 300 }, { 0, 4000, 4000, 1, 700 } } },
	{ "a claim below the minimum", WEIGHT(100), 1000, 0, 2,
	  { { 400, 4000, 0, 1, 400 }, { 0, 4000, 4000, 1, 600 } } },
	{ "idle memory begins at the minimum", WEIGHT(75), 1000, 0, 2,
	  { { 400, 4000, 0, 1, 440 }, { 0, 4000, 4000, 1, 560 } } },
	{ "minima that fit exactly", WEIGHT(75), 1000, 0, 2,
	  { { 700, 4000, 4000, 9, 700 }, { 300, 4000, 4000, 1, 300 } } },
	{ "minima that do not fit", WEIGHT(75), 900, 100, 2,
	  { { 700, 4000, 0, 9, 700 }, { 300, 4000, 0, 1, 300 } } },
	{ "minimum above the maximum", WEIGHT(75), 900, 0, 1,
	  { { 700, 400, 0, 1, 400 } } },

	/* Domains of 256 to 1024 MiB, as squeezed divides them. */
	{ "squeezed: gamma of one half", RANGE, 1280, 0, 2,
	  { { 256, 1024, 0, 1, 640 }, { 256, 1024, 0, 1, 640 } } },
	{ "squeezed: dynamic ranges differ", RANGE, 1536, 0, 2,
	  { { 256, 768, 0, 1, 512 }, { 512, 1536, 0, 1, 1024 } } },
	{ "squeezed: gamma of one", RANGE, 9000, 0, 2,
	  { { 256, 768, 0, 1, 768 }, { 512, 1536, 0, 1, 1536 } } },
	{ "squeezed: gamma of zero", RANGE, 500, 268, 2,
	  { { 256, 768, 0, 1, 256 }, { 512, 1536, 0, 1, 512 } } },
	{ "squeezed: no range", RANGE, 1280, 0, 2,
	  { { 256, 256, 0, 1, 256 }, { 512, 1536, 0, 1, 1024 } } },
	{ "equal VMs have squeezed's gamma by weight", WEIGHT(75), 1280, 0, 2,
	  { { 256, 1024, 1024, 1, 640 }, { 256, 1024, 1024, 1, 640 } } },

	/* The lab example of Proxmox VE: one third and two thirds of what is left. */
	{ "proxmox: shares of the rest", SHARES, 5120, 0, 3,
	  { { 1024, 8192, 0, 1000, 1536 }, { 1024, 8192, 0, 1000, 1536 },
	    { 1024, 8192, 0, 2000, 2048 } } },
	{ "proxmox: one at its maximum", SHARES, 5120, 0, 3,
	  { { 1024, 8192, 0, 1000, 1920 }, { 1024, 8192, 0, 1000, 1920 },
	    { 1024, 1280, 0, 2000, 1280 } } },
	{ "proxmox: nothing to share", SHARES, 2048, 0, 2,
	  { { 1024, 8192, 0, 1000, 1024 }, { 1024, 8192, 0, 1000, 1024 } } },

	{ "hyper-v: demand and no more", DEMAND, 8192, 0, 2,
	  { { 512, 4096, 614, 5000, 614 }, { 512, 4096, 100, 5000, 512 } } },
	{ "hyper-v: weight while short", DEMAND, 3000, 0, 2,
	  { { 512, 4096, 4096, 5000, 1000 }, { 512, 4096, 4096, 10000, 2000 } } },

	{ "all there can be", WEIGHT(75), ALL / MB, 0, 1,
	  { { 0, ALL / MB, ALL / MB, VMB_WEIGHT_MAX, ALL / MB } } },
	{ "minima of all there can be", WEIGHT(75), ALL / MB, ALL / MB, 2,
	  { { ALL / MB, ALL / MB, 0, 1, ALL / MB },
	    { ALL / MB, ALL / MB, 0, 1, ALL / MB } } },
};

/* Sizes are exact but for what levels in whole bytes leave over. */
#define SLACK 30000ULL

/* Returns what the minima lack. */
static u64 divide_case_run(const struct divide_case *c, struct vmb_vm *vms)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		vms[i].min = c->vm[i].min * MB;
		vms[i].max = c->vm[i].max * MB;
		vms[i].need = c->vm[i].need * MB;
		vms[i].weight = c->vm[i].weight;
	}
	return vmb_divide(vms, c->n, c->pool * MB, &c->policy);
}

#undef WEIGHT
#undef RANGE
#undef DEMAND
#undef SHARES

/**
 * struct hand_case - a hand-over
 * @name: of the case
 * @turn: circumstances, spare in MiB
 * @n: VMs
 * @vm: in MiB, with the order that is expected
 */
struct hand_case {
	const char *name;
	struct vmb_turn turn;
	unsigned int n;
	struct {
		u64 min;
		u64 size;
		u64 target;
		u32 weight;
		u64 order;
	} vm[3];
};

static const struct hand_case hand_cases[] = {
	{ "at rest", { 0, VMB_HOST_HIGH, 100 }, 1, { { 0, 1000, 1000, 1, 1000 } } },
	{ "within the band", { 999, VMB_HOST_LOW, 100 }, 2,
	  { { 0, 1000, 985, 1, 1000 }, { 0, 1000, 1015, 1, 1000 } } },
	{ "at the band", { 999, VMB_HOST_LOW, 100 }, 2,
	  { { 0, 1000, 984, 1, 984 }, { 0, 1000, 1016, 1, 1016 } } },
	{ "the band grows with the size", { 999, VMB_HOST_LOW, 100 }, 2,
	  { { 0, 10000, 9951, 1, 10000 }, { 0, 10000, 9950, 1, 9950 } } },
	{ "below the minimum there is no band", { 999, VMB_HOST_HIGH, 100 }, 1,
	  { { 10, 1, 10, 1, 10 } } },
	{ "growth from what is spare", { 500, VMB_HOST_HIGH, 100 }, 1,
	  { { 0, 1000, 1400, 1, 1400 } } },
	{ "growth of more than is spare", { 300, VMB_HOST_HIGH, 100 }, 1,
	  { { 0, 1000, 1400, 1, 1300 } } },
	{ "growth by weight", { 300, VMB_HOST_HIGH, 100 }, 2,
	  { { 0, 1000, 1400, 2, 1200 }, { 0, 1000, 1400, 1, 1100 } } },
	{ "nothing spare, nothing granted", { 0, VMB_HOST_HIGH, 100 }, 2,
	  { { 0, 1000, 1400, 1, 1000 }, { 0, 1000, 600, 1, 600 } } },
	{ "nobody waits: 5 percent a second", { 400, VMB_HOST_HIGH, 1000 }, 2,
	  { { 0, 1000, 1400, 1, 1400 }, { 0, 1000, 600, 1, 950 } } },
	{ "soft: 20 percent a second", { 400, VMB_HOST_SOFT, 1000 }, 1,
	  { { 0, 1000, 600, 1, 800 } } },
	{ "never more than for a second", { 400, VMB_HOST_SOFT, 90000 }, 1,
	  { { 0, 1000, 600, 1, 800 } } },
	{ "hard: at once", { 400, VMB_HOST_HARD, 1 }, 1, { { 0, 1000, 600, 1, 600 } } },
	{ "low: at once", { 400, VMB_HOST_LOW, 1 }, 1, { { 0, 1000, 600, 1, 600 } } },
	{ "at least a band", { 400, VMB_HOST_HIGH, 1 }, 1, { { 0, 1000, 600, 1, 984 } } },
};

static void hand_case_run(const struct hand_case *c, struct vmb_vm *vms)
{
	struct vmb_turn turn = c->turn;
	unsigned int i;

	turn.spare *= MB;
	for (i = 0; i < c->n; i++) {
		vms[i].min = c->vm[i].min * MB;
		vms[i].max = ALL;
		vms[i].size = c->vm[i].size * MB;
		vms[i].target = c->vm[i].target * MB;
		vms[i].weight = c->vm[i].weight;
	}
	vmb_hand_over(vms, c->n, &turn);
}

/**
 * struct credit_case - credits
 * @name: of the case
 * @room: MiB
 * @n: VMs
 * @vm: in MiB, with the credit that is expected
 */
struct credit_case {
	const char *name;
	u64 room;
	unsigned int n;
	struct {
		u64 max;
		u64 order;
		u32 weight;
		u64 credit;
	} vm[3];
};

static const struct credit_case credit_cases[] = {
	{ "nobody", 100, 0, { } },
	{ "a tenth of its size", 1000, 1, { { 4000, 1000, 1, 100 } } },
	{ "up to the maximum", 1000, 1, { { 1030, 1000, 1, 30 } } },
	{ "at the maximum", 1000, 1, { { 1000, 1000, 1, 0 } } },
	{ "above the maximum", 1000, 1, { { 900, 1000, 1, 0 } } },
	{ "no room", 0, 1, { { 4000, 1000, 1, 0 } } },
	{ "by weight", 90, 2, { { 4000, 1000, 1, 30 }, { 4000, 1000, 2, 60 } } },
	{ "what one cannot use", 150, 2, { { 1030, 1000, 5, 30 }, { 4000, 2000, 1, 120 } } },
};

static void credit_case_run(const struct credit_case *c, struct vmb_vm *vms)
{
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		vms[i].max = c->vm[i].max * MB;
		vms[i].order = c->vm[i].order * MB;
		vms[i].weight = c->vm[i].weight;
	}
	vmb_grant_credit(vms, c->n, c->room * MB);
}

#endif /* VMB_POLICY_CASES_H */
