/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many requests a disk gets at a time.
 */
#ifndef CGIO_WINDOW_CORE_H
#define CGIO_WINDOW_CORE_H

#include <linux/types.h>

/** VMWINDOW_MIN - smallest window */
#define VMWINDOW_MIN 1

/** VMWINDOW_MAX - largest window */
#define VMWINDOW_MAX 65536

/** VMWINDOW_START - window of a disk that nothing is known of */
#define VMWINDOW_START 32

/** VMWINDOW_PERIOD_NS - shortest time that is measured */
#define VMWINDOW_PERIOD_NS 10000000ULL

/** VMWINDOW_PERIOD_MAX_NS - longest, in which little may have come back */
#define VMWINDOW_PERIOD_MAX_NS 100000000ULL

/** VMWINDOW_COUNT - requests that are measured, at least */
#define VMWINDOW_COUNT 64

/** VMWINDOW_LATENCY_MAX - longest latency, 69 s; what takes longer counts as that */
#define VMWINDOW_LATENCY_MAX 0x1000000000ULL

/** VMWINDOW_HOLD_MAX - periods between probes of a disk that does not change */
#define VMWINDOW_HOLD_MAX 32

/** VMWINDOW_HOLD_NS - longest time between them, for a slow disk */
#define VMWINDOW_HOLD_NS 1000000000ULL

/**
 * enum vmwindow_phase - what is being measured
 * @VMWINDOW_BASE: the window as it is
 * @VMWINDOW_UP: a larger one
 * @VMWINDOW_DOWN: a smaller one
 */
enum vmwindow_phase {
	VMWINDOW_BASE,
	VMWINDOW_UP,
	VMWINDOW_DOWN,
};

/**
 * struct vmwindow - a disk's window
 * @window: requests at a time, %VMWINDOW_MIN to %VMWINDOW_MAX
 * @base: the same, but for probes
 * @target: latency wanted, in ns; 0 to find the window by throughput
 * @phase: what is being measured
 * @next: probe after the base
 * @hold: periods from one probe to the next
 * @held: periods since the last
 * @probed: when the last one began, in ns
 * @rate: throughput at @base, 0 if it is not known
 * @start: when the measurement began, in ns; 0 while it has not
 * @seen: when one came back last, in ns
 * @cost: what has come back since
 * @latency: sum of the time it took, in ns
 * @busy: requests at the disk times ns
 * @count: requests that have come back since
 * @skip: requests that were under way when the window changed
 * @last: requests at the disk when one came back last
 */
struct vmwindow {
	u32 window;
	u32 base;
	u64 target;
	enum vmwindow_phase phase;
	enum vmwindow_phase next;
	u32 hold;
	u32 held;
	u64 probed;
	u64 rate;
	u64 start;
	u64 seen;
	u64 cost;
	u64 latency;
	u64 busy;
	u32 count;
	u32 skip;
	u32 last;
};

void vmwindow_init(struct vmwindow *w);
void vmwindow_set(struct vmwindow *w, u32 window);
void vmwindow_set_target(struct vmwindow *w, u64 ns);
bool vmwindow_done(struct vmwindow *w, u32 cost, u64 latency, u32 busy, u64 now);

#endif /* CGIO_WINDOW_CORE_H */
