// SPDX-License-Identifier: GPL-2.0
/*
 * Latency targets of VMs.
 *
 * Problem: a window that is right for a disk's throughput may be too large for a VM that
 * sends little and wants an answer soon: it waits at the disk behind all that others have
 * there, where shares count no more.
 *
 * Model: what a request takes at the disk grows with the number of requests there, no
 * faster than in proportion. So a bound on that number, below the window, keeps a target;
 * which one, is tried out.
 *
 * Control: each VM with a target is judged by requests of its own, those that began under
 * the bound as it is: %VMLAT_COUNT of them in at least %VMWINDOW_PERIOD_NS, or as many as
 * come in a second. The target is missed if more than one in %VMLAT_LATE_PART took longer,
 * as io.latency judges SSDs; no more than a few are needed for that. Then the bound is
 * lowered at once: in proportion to the mean, by an eighth at least, and to half at most.
 * It is raised when all VMs that count have been judged: by a sixteenth, by a quarter, or
 * to twice as much, if with that none would have missed its target had all its requests
 * taken longer in proportion. A bound that was not reached is left as it is.
 *
 * A VM counts for a second after its last request, and for twice as long as that took.
 * When none counts, there is no bound.
 *
 * Limits: a target below what the disk takes for a request alone leaves one at a time, and
 * is missed. Latency that has other reasons is taken for the bound's.
 */
#include <linux/container_of.h>
#include <linux/minmax.h>

#include "latency_core.h"

static void vmlat_next_round(struct vmlat_disk *disk)
{
	disk->round++;
	disk->voted = 0;
	disk->least = VMLAT_TWICE;
	disk->most = 0;
}

static void vmlat_to(struct vmlat_disk *disk, u32 bound, u64 now)
{
	if (disk->bound != bound)
		disk->since = now;
	disk->bound = bound;
	vmlat_next_round(disk);
}

/**
 * vmlat_init() - a disk none of whose VMs wants a latency
 * @disk: disk
 */
void vmlat_init(struct vmlat_disk *disk)
{
	*disk = (struct vmlat_disk){ .bound = VMLAT_NONE, .least = VMLAT_TWICE };
}

static void vmlat_leave(struct vmlat_disk *disk, struct vmlat *lat, u64 now)
{
	vmheap_remove(&disk->active, &lat->node);
	disk->count--;
	if (lat->voted && lat->round == disk->round)
		disk->voted--;
	if (!disk->count)
		vmlat_to(disk, VMLAT_NONE, now);
}

/* Those that have had no request lately do not count. */
static void vmlat_expire(struct vmlat_disk *disk, u64 now)
{
	struct vmheap_node *top;

	while ((top = disk->active.top) && vmheap_before(top->key, now)) {
		struct vmlat *lat = container_of(top, struct vmlat, node);

		if (vmheap_before(lat->until, now)) {
			vmlat_leave(disk, lat, now);
			continue;
		}
		vmheap_remove(&disk->active, top);
		top->key = lat->until;
		vmheap_insert(&disk->active, top);
	}
}

/**
 * vmlat_set_target() - want a latency
 * @disk: the VM's disk
 * @lat: the VM's
 * @ns: in ns, at most %VMWINDOW_LATENCY_MAX; 0 for none
 * @now: time in ns
 */
void vmlat_set_target(struct vmlat_disk *disk, struct vmlat *lat, u64 ns, u64 now)
{
	if (vmheap_has(&lat->node))
		vmlat_leave(disk, lat, now);
	disk->wanted += !!ns - !!lat->target;
	lat->target = ns;
	lat->count = 0;
}

static enum vmlat_verdict vmlat_judge(const struct vmlat *lat)
{
	if (lat->late * VMLAT_LATE_PART > lat->count)
		return VMLAT_LESS;
	if (lat->near * VMLAT_LATE_PART > lat->count)
		return VMLAT_KEEP;
	if (lat->quarter * VMLAT_LATE_PART > lat->count)
		return VMLAT_MORE;
	return lat->half * VMLAT_LATE_PART > lat->count ? VMLAT_QUARTER : VMLAT_TWICE;
}

/* Where a VM with these would keep its target, if latency grows with what is there. */
static u32 vmlat_less(const struct vmlat_disk *disk, const struct vmlat *lat, u32 window)
{
	const u32 here = clamp(disk->most, 1U, vmlat_window(disk, window));
	const u64 aim = here * lat->target / (lat->sum / lat->count + 1);
	const u64 most = here - max(here / 8, 1U), least = max(here / 2, 1U);

	return max(min(aim, most), least);
}

static u32 vmlat_step(u32 bound)
{
	return bound / 16 + 1;
}

static u32 vmlat_quarter(u32 bound)
{
	return bound / 4 + 1;
}

/* All have been judged. */
static void vmlat_more(struct vmlat_disk *disk, u32 window, u64 now)
{
	u32 bound = disk->bound;

	if (disk->most >= bound) {
		if (disk->least == VMLAT_TWICE)
			bound *= 2;
		else if (disk->least == VMLAT_QUARTER)
			bound += vmlat_quarter(bound);
		else if (disk->least == VMLAT_MORE)
			bound += vmlat_step(bound);
	}
	vmlat_to(disk, bound < window ? bound : VMLAT_NONE, now);
}

static void vmlat_period_done(struct vmlat_disk *disk, struct vmlat *lat, u32 window, u64 now)
{
	const enum vmlat_verdict verdict = vmlat_judge(lat);

	if (verdict == VMLAT_LESS) {
		lat->missed_ns += now - lat->start;
		vmlat_to(disk, vmlat_less(disk, lat, window), now);
	} else {
		disk->voted += !lat->voted;
		lat->voted = true;
		disk->least = min(disk->least, verdict);
		if (disk->voted == disk->count)
			vmlat_more(disk, window, now);
	}
	lat->start = now;
	lat->count = 0;
}

/* Would it be late with @more at the disk, if it takes longer in proportion? */
static bool vmlat_late_with(const struct vmlat_disk *disk, const struct vmlat *lat, u64 ns,
			    u32 more)
{
	return ns * (disk->bound + more) > lat->target * disk->bound;
}

static void vmlat_count(const struct vmlat_disk *disk, struct vmlat *lat, u64 ns, u64 issued)
{
	if (lat->round != disk->round) {
		lat->round = disk->round;
		lat->voted = false;
		lat->count = 0;
	}
	if (!lat->count) {
		lat->start = max(lat->start, issued);
		lat->sum = 0;
		lat->late = 0;
		lat->near = 0;
		lat->quarter = 0;
		lat->half = 0;
		lat->weight = 0;
	}
	lat->count++;
	lat->sum += ns;
	lat->late += ns > lat->target;
	lat->weight += ns > lat->target;
	lat->weight += ns > 2 * lat->target;
	lat->weight += ns > 4 * lat->target ? 2 : 0;
	lat->near += vmlat_late_with(disk, lat, ns, vmlat_step(disk->bound));
	lat->quarter += vmlat_late_with(disk, lat, ns, vmlat_quarter(disk->bound));
	lat->half += vmlat_late_with(disk, lat, ns, disk->bound);
}

static bool vmlat_enough(const struct vmlat_disk *disk, const struct vmlat *lat, u64 ns)
{
	if (ns >= VMLAT_LATELY_NS)
		return true;
	/* Whoever waits for long need not wait for more of them, if less is possible. */
	if (disk->bound > 1 && lat->count <= VMLAT_COUNT &&
	    lat->weight >= (ns < VMWINDOW_PERIOD_MAX_NS ? VMLAT_LATE : VMLAT_LATE / 2))
		return vmlat_judge(lat) == VMLAT_LESS;
	return ns >= VMWINDOW_PERIOD_NS && lat->count >= VMLAT_COUNT;
}

/**
 * vmlat_done() - a request has come back
 * @disk: its disk
 * @lat: whose target counts for it, or NULL
 * @issued: when it went to the disk, in ns
 * @busy: requests at the disk, this one among them
 * @window: how many there may be but for targets
 * @now: time in ns
 *
 * Return: true if it took longer than the target.
 */
bool vmlat_done(struct vmlat_disk *disk, struct vmlat *lat, u64 issued, u32 busy, u32 window,
		u64 now)
{
	const u64 ns = min(now - issued, VMWINDOW_LATENCY_MAX);

	vmlat_expire(disk, now);
	disk->most = max(disk->most, busy);
	if (!lat)
		return false;
	lat->until = now + VMLAT_LATELY_NS + 2 * ns;
	if (!vmheap_has(&lat->node)) {
		lat->node.key = lat->until;
		lat->round = disk->round - 1;
		vmheap_insert(&disk->active, &lat->node);
		disk->count++;
	}
	if (!vmheap_before(issued, disk->since)) {
		vmlat_count(disk, lat, ns, issued);
		if (vmlat_enough(disk, lat, now - lat->start))
			vmlat_period_done(disk, lat, window, now);
	}
	return ns > lat->target;
}
