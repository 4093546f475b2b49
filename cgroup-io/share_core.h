/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose turn it is: shares, limits and reservations of a tree of classes.
 */
#ifndef CGIO_SHARE_CORE_H
#define CGIO_SHARE_CORE_H

#include <linux/types.h>

#include "heap_core.h"

/** VMSHARE_WEIGHT_MIN - smallest weight */
#define VMSHARE_WEIGHT_MIN 1

/** VMSHARE_WEIGHT_MAX - largest weight, as io.weight's */
#define VMSHARE_WEIGHT_MAX 10000

/** VMSHARE_WEIGHT_DEFAULT - weight of a class that was given none */
#define VMSHARE_WEIGHT_DEFAULT 100

/** VMSHARE_RATE_MAX - largest limit and reservation, per second; 256 GiB/s */
#define VMSHARE_RATE_MAX 0x4000000000ULL

/** VMSHARE_AMOUNT_MAX - most that one request counts for, in any unit; 4 MiB */
#define VMSHARE_AMOUNT_MAX 0x400000U

/** VMSHARE_DEPTH_MAX - longest way from a class to the root */
#define VMSHARE_DEPTH_MAX 8

/** VMSHARE_BURST_NS - what a limit lets through at once, in ns of its rate */
#define VMSHARE_BURST_NS 10000000ULL

/** VMSHARE_CREDIT_NS - how far a reservation may be behind, in ns of its rate */
#define VMSHARE_CREDIT_NS 1000000000ULL

/** VMSHARE_PAUSE_NS - the same after a time without requests */
#define VMSHARE_PAUSE_NS 10000000ULL

/** VMSHARE_DEBT_NS - longest wait for what did not wait itself */
#define VMSHARE_DEBT_NS 1000000000ULL

/** VMSHARE_DUE_RUN - turns by reservation in a row, at most */
#define VMSHARE_DUE_RUN 31

/** VMSHARE_NEVER - a time that does not come */
#define VMSHARE_NEVER (~0ULL)

/**
 * enum vmshare_unit - what limits and reservations count
 * @VMSHARE_OPS: requests
 * @VMSHARE_BYTES: bytes
 * @VMSHARE_UNITS: how many there are
 */
enum vmshare_unit {
	VMSHARE_OPS,
	VMSHARE_BYTES,
	VMSHARE_UNITS,
};

/**
 * struct vmshare_req - what a request counts for
 * @cost: what shares divide, in any unit, the same for all classes
 * @amount: by enum vmshare_unit
 *
 * More than %VMSHARE_AMOUNT_MAX counts as that.
 */
struct vmshare_req {
	u32 cost;
	u32 amount[VMSHARE_UNITS];
};

/**
 * struct vmshare_limit - a bucket with a hole
 * @rate: runs out per second, 0 = no limit
 * @level: what is in it, in units times ns
 */
struct vmshare_limit {
	u64 rate;
	u64 level;
};

/**
 * struct vmshare_reserve - a promise
 * @rate: units per second, 0 = none
 * @due: when the next request is due, in ns
 * @rest: part of a ns that the last division left, in units times ns; while there is no
 *	rate, all that the class had ahead of time
 */
struct vmshare_reserve {
	u64 rate;
	u64 due;
	u64 rest;
};

/**
 * struct vmshare_node - a class
 * @parent: class whose part it divides, NULL for the root
 * @by_share: in @parent's @ready; its key is the start tag
 * @by_due: in @parent's @due; its key is when its promise is due, or, if it has none, the
 *	first one below
 * @by_time: in the scheduler's @waiting; its key is when its limits let it go on
 * @ready: children that have requests and are within their limits
 * @due: those of them with promises, their own or below
 * @start: start tag, in virtual time of @parent
 * @vtime: virtual time of the children: the last start tag served by share
 * @settled: when the limits' buckets had their level, in ns
 * @throttled: see vmshare_throttled(); while the class waits, less the time when that began
 * @limit: limits, by enum vmshare_unit
 * @reserve: reservations, by enum vmshare_unit
 * @weight: part of @parent's, against its other children
 * @queued: requests; of a class without children
 * @children: classes below it
 * @run: turns of them by reservation since the last by share
 * @rates: how many limits and reservations it has
 * @depth: classes above it
 */
struct vmshare_node {
	struct vmshare_node *parent;
	struct vmheap_node by_share;
	struct vmheap_node by_due;
	struct vmheap_node by_time;
	struct vmheap ready;
	struct vmheap due;
	u64 start;
	u64 vtime;
	u64 settled;
	u64 throttled;
	struct vmshare_limit limit[VMSHARE_UNITS];
	struct vmshare_reserve reserve[VMSHARE_UNITS];
	u32 weight;
	u32 queued;
	u32 children;
	u32 run;
	u32 rates;
	u32 depth;
};

/**
 * struct vmshare_sched - a tree of classes and its clock
 * @root: class of all; its weight does not count
 * @waiting: classes that wait for their limits
 */
struct vmshare_sched {
	struct vmshare_node root;
	struct vmheap waiting;
};

void vmshare_init(struct vmshare_sched *s);
bool vmshare_add(struct vmshare_node *n, struct vmshare_node *parent, u32 weight);
bool vmshare_del(struct vmshare_sched *s, struct vmshare_node *n, u64 now);
void vmshare_set_weight(struct vmshare_sched *s, struct vmshare_node *n, u32 weight,
			u64 now);
void vmshare_set_limit(struct vmshare_sched *s, struct vmshare_node *n,
		       enum vmshare_unit unit, u64 rate, u64 now);
void vmshare_set_reserve(struct vmshare_sched *s, struct vmshare_node *n,
			 enum vmshare_unit unit, u64 rate, u64 now);
void vmshare_enqueue(struct vmshare_sched *s, struct vmshare_node *n, u64 now);
bool vmshare_serve_alone(struct vmshare_sched *s, struct vmshare_node *n,
			 const struct vmshare_req *req, u64 now);
void vmshare_cancel(struct vmshare_sched *s, struct vmshare_node *n, u64 now);
struct vmshare_node *vmshare_pick(struct vmshare_sched *s, u64 now);
void vmshare_serve(struct vmshare_sched *s, struct vmshare_node *n,
		   const struct vmshare_req *req, u64 now);
void vmshare_charge(struct vmshare_sched *s, struct vmshare_node *n,
		    const struct vmshare_req *req, u64 now);
u64 vmshare_next(const struct vmshare_sched *s, u64 now);
u64 vmshare_behind(const struct vmshare_node *n, u64 now);
u64 vmshare_throttled(const struct vmshare_node *n, u64 now);

#endif /* CGIO_SHARE_CORE_H */
