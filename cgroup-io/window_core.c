// SPDX-License-Identifier: GPL-2.0
/*
 * The window of a disk.
 *
 * Problem: what is at the disk nobody can put in order any more. A disk that gets all
 * at once serves whoever sends most; one that gets too little is idle at times. How much
 * is enough differs between a hard disk, an array and an SSD, and changes with the load.
 *
 * Model: throughput grows with the requests under way until the disk has enough to do,
 * and hardly after that; then only the time grows that each request takes. Wanted is the
 * smallest window at which throughput is near its best. Nothing need be known of the
 * disk for that: it is tried out.
 *
 * Control: time is divided into periods of %VMWINDOW_PERIOD_NS, or longer for a slow
 * disk. In one period the window is half as large again: if that brings 5 % more
 * throughput, it stays so, and is tried again. In another there is a third less at the
 * disk: if that loses less than 3 %, it stays so. If neither is the case the window is
 * right, and is tried less and less often, down to one period in %VMWINDOW_HOLD_MAX or
 * one in %VMWINDOW_HOLD_NS, until throughput changes by a quarter. So a change is
 * followed within some ten periods, and a steady disk pays about one percent for the
 * trials.
 *
 * A window that is not full is no worse than a smaller one by itself, but the disk may
 * have too much nevertheless: then only less is tried, of what is really there.
 *
 * Instead a latency may be wanted. Then the window goes half way to where the latency
 * would be right if it grew with the window, but no further than twice or half of what
 * it is: PARDA's rule, in ms instead of seconds.
 *
 * Limits: load that changes within a period is taken for the window's effect; the next
 * trial puts it right.
 */
#include <linux/minmax.h>

#include "window_core.h"

/* A probe upwards must bring, and one downwards may lose: in percent. */
#define VMWINDOW_GAIN 5
#define VMWINDOW_LOSS 3

/* Measure from now on, when what is under way has come back. */
static void vmwindow_restart(struct vmwindow *w)
{
	w->start = 0;
	w->cost = 0;
	w->latency = 0;
	w->busy = 0;
	w->count = 0;
}

static void vmwindow_to(struct vmwindow *w, u32 window)
{
	/* What is there now, and what comes in addition. */
	w->skip = min(w->last, w->window) + (window > w->window ? window - w->window : 0);
	w->window = window;
	vmwindow_restart(w);
}

static void vmwindow_to_base(struct vmwindow *w)
{
	w->phase = VMWINDOW_BASE;
	if (w->window != w->base)
		vmwindow_to(w, w->base);
	else
		vmwindow_restart(w);
}

/**
 * vmwindow_init() - a disk that nothing is known of
 * @w: its window
 */
void vmwindow_init(struct vmwindow *w)
{
	*w = (struct vmwindow){
		.window = VMWINDOW_START,
		.base = VMWINDOW_START,
		.next = VMWINDOW_UP,
		.hold = 1,
	};
}

/**
 * vmwindow_set() - start again from another window
 * @w: window
 * @window: %VMWINDOW_MIN to %VMWINDOW_MAX
 */
void vmwindow_set(struct vmwindow *w, u32 window)
{
	w->base = window;
	w->rate = 0;
	w->hold = 1;
	w->held = 0;
	vmwindow_to_base(w);
}

/**
 * vmwindow_set_target() - want a latency
 * @w: window
 * @ns: in ns, at most %VMWINDOW_LATENCY_MAX; 0 to find the window by throughput
 */
void vmwindow_set_target(struct vmwindow *w, u64 ns)
{
	w->target = ns;
	vmwindow_set(w, w->base);
}

/* Mean number of requests at the disk in this period, in sixteenths. */
static u64 vmwindow_mean16(const struct vmwindow *w)
{
	return max(w->busy * 16 / (w->seen - w->start), 16ULL);
}

static u32 vmwindow_mean(const struct vmwindow *w)
{
	return (vmwindow_mean16(w) + 8) / 16;
}

/* Was the window what kept more from the disk? */
static bool vmwindow_full(const struct vmwindow *w)
{
	return vmwindow_mean(w) >= w->window - w->window / 4;
}

static void vmwindow_try(struct vmwindow *w, enum vmwindow_phase phase)
{
	u32 window = min(w->base + w->base / 2 + 1, (u32)VMWINDOW_MAX);

	if (phase == VMWINDOW_DOWN)
		window = max(min(w->base, vmwindow_mean(w)) * 2 / 3, (u32)VMWINDOW_MIN);
	if (window == w->base) {
		vmwindow_to_base(w);
		return;
	}
	w->phase = phase;
	vmwindow_to(w, window);
}

static void vmwindow_base_done(struct vmwindow *w, u64 rate, u64 now)
{
	const u64 change = max(rate, w->rate) - min(rate, w->rate);

	if (change > w->rate / 4)
		w->hold = 1;
	w->rate = rate;
	if (++w->held < w->hold && now - w->probed < VMWINDOW_HOLD_NS) {
		vmwindow_restart(w);
		return;
	}
	w->held = 0;
	w->probed = now;
	w->hold = min(w->hold * 2, (u32)VMWINDOW_HOLD_MAX);
	if (!vmwindow_full(w))
		w->next = VMWINDOW_DOWN;
	vmwindow_try(w, w->next);
	w->next = w->next == VMWINDOW_UP ? VMWINDOW_DOWN : VMWINDOW_UP;
}

static void vmwindow_probe_done(struct vmwindow *w, u64 rate)
{
	const u64 least = w->phase == VMWINDOW_UP ? 100 + VMWINDOW_GAIN :
						    100 - VMWINDOW_LOSS;

	/* Not full: there was less to do, which says nothing. */
	if (!vmwindow_full(w) || rate * 100 < w->rate * least) {
		vmwindow_to_base(w);
		return;
	}
	/* Once more the same way. */
	w->base = w->window;
	w->rate = rate;
	w->hold = 1;
	vmwindow_try(w, w->phase);
}

static void vmwindow_follow(struct vmwindow *w)
{
	const u64 latency = w->latency / w->count + 1;
	const u64 here = min(vmwindow_mean(w), w->base);
	const u64 aim = clamp(here * w->target / latency, here / 2, here * 2);

	/* Half way, away from where it is; a window that is not full need not grow. */
	if (aim < here || vmwindow_full(w))
		w->base = clamp((here + aim + (aim > here)) / 2, (u64)VMWINDOW_MIN,
				(u64)VMWINDOW_MAX);
	vmwindow_to_base(w);
}

/* Is the period over? A slow disk has some time more. */
static bool vmwindow_enough(const struct vmwindow *w, u64 ns)
{
	if (ns >= VMWINDOW_PERIOD_MAX_NS)
		return true;
	return ns >= VMWINDOW_PERIOD_NS &&
	       w->count >= max(4 * w->last, (u32)VMWINDOW_COUNT);
}

/**
 * vmwindow_done() - a request has come back
 * @w: window of its disk
 * @cost: what it counts for, at most 2^22
 * @latency: time it took at the disk, in ns
 * @busy: requests at the disk, this one among them
 * @now: time in ns, not 0
 *
 * Return: true if the window may have changed.
 */
bool vmwindow_done(struct vmwindow *w, u32 cost, u64 latency, u32 busy, u64 now)
{
	u64 rate;

	w->last = clamp(busy, (u32)VMWINDOW_MIN, (u32)VMWINDOW_MAX);
	if (w->skip) {
		w->skip--;
		return false;
	}
	/* After a pause nothing is known of the time before. */
	if (!w->start || now - w->seen > VMWINDOW_PERIOD_MAX_NS) {
		vmwindow_restart(w);
		w->start = now;
		w->seen = now;
		return false;
	}
	/* What has come back in a bunch was there until then. */
	w->busy += w->last * (now - w->seen);
	w->seen = now;
	w->cost += cost;
	w->latency += min(latency, VMWINDOW_LATENCY_MAX);
	w->count++;
	if (!vmwindow_enough(w, now - w->start))
		return false;
	/* By Little's law: requests come back in bunches, so that a count errs by one. */
	rate = (w->cost << 10) / ((w->latency / vmwindow_mean16(w) >> 6) + 1);
	if (w->target)
		vmwindow_follow(w);
	else if (w->phase == VMWINDOW_BASE)
		vmwindow_base_done(w, rate, now);
	else
		vmwindow_probe_done(w, rate);
	return true;
}
