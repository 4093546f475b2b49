/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many requests a disk gets at a time, for VMs that want a latency.
 */
#ifndef CGIO_LATENCY_CORE_H
#define CGIO_LATENCY_CORE_H

#include <linux/minmax.h>
#include <linux/types.h>

#include "heap_core.h"
#include "window_core.h"

/** VMLAT_NONE - no bound but the window itself */
#define VMLAT_NONE VMWINDOW_MAX

/** VMLAT_LATE_PART - a target is kept while no more than one request in so many is late */
#define VMLAT_LATE_PART 10

/** VMLAT_COUNT - requests by which a VM is judged, at least, but for %VMLAT_LATELY_NS */
#define VMLAT_COUNT 32

/** VMLAT_LATE - weight of late ones after which no more are needed */
#define VMLAT_LATE 4

/** VMLAT_LATELY_NS - without requests for so long a VM does not count, in ns */
#define VMLAT_LATELY_NS 1000000000ULL

/**
 * enum vmlat_verdict - what a VM's latency says about the bound
 * @VMLAT_LESS: its target is missed
 * @VMLAT_KEEP: with a sixteenth more it would be
 * @VMLAT_MORE: with so much more it would not be
 * @VMLAT_QUARTER: with a quarter more it would not be
 * @VMLAT_TWICE: with twice as much it would not be
 */
enum vmlat_verdict {
	VMLAT_LESS,
	VMLAT_KEEP,
	VMLAT_MORE,
	VMLAT_QUARTER,
	VMLAT_TWICE,
};

/**
 * struct vmlat - a VM that may want a latency; starts zeroed: it wants none
 * @node: in &vmlat_disk.active, by when that is looked at again
 * @target: latency wanted, in ns; 0 for none
 * @until: it counts until then, in ns
 * @start: since when it is measured, in ns
 * @sum: of the time they took, in ns
 * @count: number of them
 * @late: of them, those that took longer than the target
 * @near: those that would have, with a sixteenth more at the disk
 * @quarter: with a quarter more
 * @half: with twice as much
 * @weight: of the late ones: 1, or 2 for twice the target, or 4 for four times that
 * @round: &vmlat_disk.round to which they belong
 * @voted: it has been judged in that round
 * @missed_ns: time in which the target was missed
 */
struct vmlat {
	struct vmheap_node node;
	u64 target;
	u64 until;
	u64 start;
	u64 sum;
	u32 count;
	u32 late;
	u32 near;
	u32 quarter;
	u32 half;
	u32 weight;
	u32 round;
	bool voted;
	u64 missed_ns;
};

/**
 * struct vmlat_disk - a disk whose VMs may want latencies
 * @active: those VMs that want one, and have had requests lately
 * @wanted: VMs that want one
 * @count: number of @active
 * @voted: of them, those that have been judged in this round
 * @round: number of the round
 * @least: what the strictest of them wants
 * @bound: requests at a time, or %VMLAT_NONE
 * @most: most requests at the disk in this round
 * @since: when @bound changed, in ns; what began before says nothing about it
 */
struct vmlat_disk {
	struct vmheap active;
	u32 wanted;
	u32 count;
	u32 voted;
	u32 round;
	enum vmlat_verdict least;
	u32 bound;
	u32 most;
	u64 since;
};

/**
 * vmlat_window() - how many requests the disk gets at a time
 * @disk: disk
 * @window: as many would be right otherwise
 *
 * Return: at most @window, at least 1.
 */
static inline u32 vmlat_window(const struct vmlat_disk *disk, u32 window)
{
	return min(disk->bound, window);
}

void vmlat_init(struct vmlat_disk *disk);
void vmlat_set_target(struct vmlat_disk *disk, struct vmlat *lat, u64 ns, u64 now);
bool vmlat_done(struct vmlat_disk *disk, struct vmlat *lat, u64 issued, u32 busy, u32 window,
		u64 now);

#endif /* CGIO_LATENCY_CORE_H */
