/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long to poll before a sleep: the policy.
 */
#ifndef VHA_POLL_CORE_H
#define VHA_POLL_CORE_H

#include <linux/types.h>

/** VHA_POLL_MAX_NS - longest polling before a sleep, whatever the owner asks for */
#define VHA_POLL_MAX_NS 100000000U

/** VHA_POLL_MARGIN_NS - polled beyond what is expected; also the shortest polling */
#define VHA_POLL_MARGIN_NS 2000U

/** VHA_POLL_ONE - a probability of one */
#define VHA_POLL_ONE 65536U

/**
 * struct vha_poll_policy - what is known about the waits of a worker
 * @near: expected length of a wait that ends within the owner's bound, ns
 * @dev: expected distance from @near, ns
 * @hit: probability that a wait ends within the bound, of %VHA_POLL_ONE
 */
struct vha_poll_policy {
	u32 near;
	u32 dev;
	u32 hit;
};

void vha_poll_policy_init(struct vha_poll_policy *p);
u32 vha_poll_span(const struct vha_poll_policy *p, u32 max);
void vha_poll_note(struct vha_poll_policy *p, u64 gap, u32 max);

#endif /* VHA_POLL_CORE_H */
