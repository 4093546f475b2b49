// SPDX-License-Identifier: GPL-2.0
/*
 * How long to poll before a sleep.
 *
 * Problem: a worker without work may sleep, which costs it and whoever wakes it
 * some microseconds and the packet as much delay, or poll, which costs CPU time
 * that nobody gets back when no work comes. The owner states by the busyloop
 * ioctl how long polling may take; a peer that always takes all of it burns that
 * much before each sleep of a device with little traffic.
 *
 * Model: what is known is how long the waits were, polled or slept through: a
 * sleep ends with the time at which somebody asked for work. A wait of up to the
 * owner's bound M is near, a longer one is far. Expected are the length of a near
 * wait (N), its spread (D), and the probability H that a wait is near. The bound
 * is also the price: an owner who allows M of polling for a wake-up saved values
 * the wake-up at M.
 *
 * Control: polling for S = N + 4 D and a margin, at most M, catches nearly all
 * near waits. It takes N if the wait is near, S if it is far, and saves M if it
 * is near. So it pays if
 *
 *	H * M >= H * N + (1 - H) * S
 *
 * and otherwise there is no polling at all. Where far waits are rare, S grows to
 * what they may cost without taking more than a quarter of what is saved, so that
 * a wait that is unusually long, but near, is not missed. All three estimates
 * follow exponentially weighted averages, over 8 waits and, for the spread, over
 * 4: polling grows with the first waits that it just misses, and ends with some
 * far ones. Since sleeps are measured, too, nothing has to be tried out to begin
 * again.
 *
 * Limits: for waits drawn at random, the cost is that of always polling for M or
 * that of never polling, whichever is less, and some percent; a guest that knows
 * the policy can make a wait cost twice M, half of it by polling. A change of the
 * traffic takes some waits to be learnt. A bound of 0 means never.
 */
#include <linux/kernel.h>
#include <linux/types.h>

#include "poll_core.h"

#define NEAR_SHIFT 3
#define DEV_SHIFT 2
#define HIT_SHIFT 3

/* @avg moves towards @sample by a part of the distance, at last onto it. */
static u32 vha_poll_average(u32 avg, u32 sample, unsigned int shift)
{
	const u32 up = (1U << shift) - 1;

	return sample > avg ? avg + ((sample - avg + up) >> shift) :
			      avg - ((avg - sample + up) >> shift);
}

/**
 * vha_poll_policy_init() - forget all waits
 * @p: policy
 *
 * The first waits are polled for the margin only, and tell how long it takes.
 */
void vha_poll_policy_init(struct vha_poll_policy *p)
{
	p->near = 0;
	p->dev = 0;
	p->hit = VHA_POLL_ONE / 2;
}

/**
 * vha_poll_span() - how long to poll now
 * @p: policy
 * @max: the owner's bound, ns, up to %VHA_POLL_MAX_NS; 0 = never poll
 *
 * Return: ns, at most @max; 0 = sleep at once.
 */
u32 vha_poll_span(const struct vha_poll_policy *p, u32 max)
{
	/* The bound may have been larger when these were learnt. */
	const u32 near = min(p->near, max);
	const u64 far = VHA_POLL_ONE - p->hit;
	const u64 saved = (u64)p->hit * (max - near);
	u64 span = (u64)near + 4 * (u64)p->dev + VHA_POLL_MARGIN_NS;

	span = min_t(u64, span, max);
	if (saved < far * span)
		return 0;
	/* The rarer a wait is far, the less it matters what it costs. */
	if (saved >= 4 * far * max)
		return max;
	return max(span, saved / (4 * far));
}

/**
 * vha_poll_note() - a wait is over
 * @p: policy
 * @gap: how long it took till there was work, ns
 * @max: the owner's bound, ns, up to %VHA_POLL_MAX_NS
 */
void vha_poll_note(struct vha_poll_policy *p, u64 gap, u32 max)
{
	u32 near = gap;

	if (gap > max) {
		p->hit = vha_poll_average(p->hit, 0, HIT_SHIFT);
		return;
	}
	p->hit = vha_poll_average(p->hit, VHA_POLL_ONE, HIT_SHIFT);
	p->dev = vha_poll_average(p->dev, near > p->near ? near - p->near :
							   p->near - near,
				  DEV_SHIFT);
	p->near = vha_poll_average(p->near, near, NEAR_SHIFT);
}
