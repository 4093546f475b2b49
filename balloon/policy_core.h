/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a host's memory is divided among its VMs, and how it changes hands.
 */
#ifndef VMB_POLICY_CORE_H
#define VMB_POLICY_CORE_H

#include <linux/types.h>

/** VMB_SIZE_MAX - the largest size, in bytes */
#define VMB_SIZE_MAX 0x400000000000ULL

/** VMB_WEIGHT_MIN - smallest weight */
#define VMB_WEIGHT_MIN 1

/** VMB_WEIGHT_MAX - largest weight */
#define VMB_WEIGHT_MAX 10000

/** VMB_WEIGHT_DEFAULT - weight of a VM that was given none */
#define VMB_WEIGHT_DEFAULT 100

/** VMB_VMS_MAX - how many VMs a host may have */
#define VMB_VMS_MAX 4096

/** VMB_IDLE_TAX_DEFAULT - percent of its idle memory that a VM pays by default */
#define VMB_IDLE_TAX_DEFAULT 75

/** VMB_BAND_MIN - smallest difference that is worth an order, in bytes */
#define VMB_BAND_MIN 0x1000000ULL

/**
 * enum vmb_rule - what a VM's size follows
 * @VMB_RULE_WEIGHT: weight and need; idle memory is taxed
 * @VMB_RULE_RANGE: the range from minimum to maximum, as XenServer's squeezed has it
 * @VMB_RULE_DEMAND: need up to the weight's share, as Hyper-V has it
 * @VMB_RULE_SHARES: minimum and a share of the rest by weight, as Proxmox VE has it
 */
enum vmb_rule {
	VMB_RULE_WEIGHT,
	VMB_RULE_RANGE,
	VMB_RULE_DEMAND,
	VMB_RULE_SHARES,
};

/**
 * enum vmb_host_state - how short of memory a host is
 * @VMB_HOST_HIGH: it has enough
 * @VMB_HOST_SOFT: it takes back what is idle
 * @VMB_HOST_HARD: it takes back at once
 * @VMB_HOST_LOW: it is about to fail
 */
enum vmb_host_state {
	VMB_HOST_HIGH,
	VMB_HOST_SOFT,
	VMB_HOST_HARD,
	VMB_HOST_LOW,
};

/**
 * struct vmb_vm - a VM as the policy sees it
 * @min: bytes that it is never ordered below
 * @max: bytes that it is never granted more than
 * @need: bytes that it says it needs
 * @weight: %VMB_WEIGHT_MIN to %VMB_WEIGHT_MAX
 * @size: bytes that it may occupy now
 * @target: bytes that it is to have; result of vmb_divide()
 * @order: bytes that it is to go to now; result of vmb_hand_over()
 * @credit: bytes above @order it may take unasked; result of vmb_grant_credit()
 *
 * Sizes are at most %VMB_SIZE_MAX; where @min is above @max, @max counts.
 */
struct vmb_vm {
	u64 min;
	u64 max;
	u64 need;
	u32 weight;
	u64 size;
	u64 target;
	u64 order;
	u64 credit;
};

/**
 * struct vmb_policy - settings of a host
 * @rule: what sizes follow
 * @idle_tax: percent, for %VMB_RULE_WEIGHT: 0 = idle memory counts as used, 100 =
 *	      nobody has any while another needs it
 */
struct vmb_policy {
	enum vmb_rule rule;
	u32 idle_tax;
};

/**
 * struct vmb_turn - circumstances of a hand-over
 * @spare: bytes that the host was measured to have free above its reserve
 * @state: of the host
 * @elapsed: milliseconds since the last one
 */
struct vmb_turn {
	u64 spare;
	enum vmb_host_state state;
	u32 elapsed;
};

u64 vmb_divide(struct vmb_vm *vms, unsigned int n, u64 pool,
	       const struct vmb_policy *policy);
void vmb_hand_over(struct vmb_vm *vms, unsigned int n, const struct vmb_turn *turn);
void vmb_grant_credit(struct vmb_vm *vms, unsigned int n, u64 room);
u64 vmb_band(u64 size);

#endif /* VMB_POLICY_CORE_H */
