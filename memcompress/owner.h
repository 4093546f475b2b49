/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Owners: the VMs that pages in the store belong to.
 */
#ifndef MCZ_OWNER_H
#define MCZ_OWNER_H

#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/sched/clock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "limit_core.h"

struct mcz_pool;
struct page;

/** MCZ_OWNERS_MAX - owners at a time, the rest of the host with index 0 included */
#define MCZ_OWNERS_MAX MCZ_SHARES_MAX

/** MCZ_OBJ_COST - bytes charged for an object besides its own */
#define MCZ_OBJ_COST 16

/** MCZ_HIST - buckets of a latency histogram: n is below 2^(n + 9) ns, the last is the rest */
#define MCZ_HIST 16

/** MCZ_ALG_DEFAULT - an owner's algorithm: that of the device */
#define MCZ_ALG_DEFAULT 0xff

/**
 * struct mcz_owner_stats - counters of an owner; each CPU has its own set
 * @pages: pages stored now, of any kind and in any tier
 * @same: of them, pages of one value
 * @huge: of them, pages stored uncompressed
 * @disk: of them, pages on a backing device
 * @bytes: bytes of all objects in memory, as compressed
 * @stores: pages stored
 * @loads: pages read back
 * @refused: stores refused for want of room
 * @spilled: stores that went to the backing device at once
 * @demoted: objects moved to the backing device later
 * @bad_sum: objects whose bytes had changed
 * @io_errors: reads and writes of the backing device that failed
 * @store_ns: how long stores took
 * @load_ns: how long loads took
 */
struct mcz_owner_stats {
	s64 pages;
	s64 same;
	s64 huge;
	s64 disk;
	s64 bytes;
	s64 stores;
	s64 loads;
	s64 refused;
	s64 spilled;
	s64 demoted;
	s64 bad_sum;
	s64 io_errors;
	s64 store_ns[MCZ_HIST];
	s64 load_ns[MCZ_HIST];
};

/**
 * struct mcz_owner - a VM
 * @id: its cgroup's id, never used twice; 0 = the rest of the host
 * @index: what objects and slots keep of it
 * @alg: algorithm for what it stores next, as mcz_alg_find(); or %MCZ_ALG_DEFAULT
 * @weight: see &struct mcz_share
 * @min: see &struct mcz_share
 * @max: see &struct mcz_share
 * @high: bytes above which its coldest pages leave memory
 * @entitled: see &struct mcz_share; made anew by mcz_owner_balance()
 * @charged: bytes of its objects in memory, each with %MCZ_OBJ_COST
 * @stats: counters
 * @ref: one while it is configured, and one for each of its pages
 * @node: in the table of cgroup ids, while it is configured
 * @path: its cgroup's path when it was configured
 * @free_work: frees it after the last reference
 * @gone: it is configured no more; under mcz_settings_lock
 *
 * Settings are written under mcz_settings_lock and read without.
 */
struct mcz_owner {
	u64 id;
	u16 index;
	u8 alg;
	u32 weight;
	u64 min;
	u64 max;
	u64 high;
	u64 entitled;
	struct percpu_counter charged;
	struct mcz_owner_stats __percpu *stats;
	struct percpu_ref ref;
	struct hlist_node node;
	char *path;
	struct work_struct free_work;
	bool gone;
};

extern struct mutex mcz_owner_lock;	/* serialises adding and removing owners */
extern struct mutex mcz_settings_lock;	/* owners' settings and table, list of pools */
extern struct mcz_owner *mcz_owner_table[MCZ_OWNERS_MAX];

/* Adds to the counter at that offset in &struct mcz_owner_stats; any context. */
static inline void mcz_owner_count_at(struct mcz_owner *owner, size_t at, s64 n)
{
	s64 __percpu *first = (s64 __percpu *)owner->stats;

	this_cpu_add(first[at / sizeof(s64)], n);
}

#define mcz_owner_count(owner, field, n) \
	mcz_owner_count_at(owner, offsetof(struct mcz_owner_stats, field), n)

/**
 * mcz_owner_at() - the owner of an object or a slot
 * @index: as kept there; the page is there still, and keeps its owner
 *
 * Return: the owner.
 */
static inline struct mcz_owner *mcz_owner_at(u16 index)
{
	return READ_ONCE(mcz_owner_table[index]);
}

/**
 * mcz_owner_hold() - one more reference to an owner
 * @owner: the owner of a page that is in its slot yet
 *
 * Context: any; also with interrupts off.
 */
static inline void mcz_owner_hold(struct mcz_owner *owner)
{
	if (owner->index)
		percpu_ref_get(&owner->ref);
}

/**
 * mcz_owner_put() - a page of an owner is gone
 * @owner: whose
 *
 * Context: any; also with interrupts off.
 */
static inline void mcz_owner_put(struct mcz_owner *owner)
{
	if (owner->index)
		percpu_ref_put(&owner->ref);
}

/**
 * mcz_owner_bucket() - where a latency is counted
 * @start: local_clock() when it began
 *
 * Return: index into a histogram, below %MCZ_HIST.
 */
static inline unsigned int mcz_owner_bucket(u64 start)
{
	s64 ns = local_clock() - start;

	/* Another CPU's clock may be behind. */
	return ns < 512 ? 0 : min(ilog2(ns) - 8, MCZ_HIST - 1);
}

struct mcz_owner *mcz_owner_get(struct page *page);
void mcz_owner_refused(struct page *page);
void mcz_owner_charge(struct mcz_owner *owner, s64 bytes);
u64 mcz_owner_charged(struct mcz_owner *owner);
u64 mcz_owner_rest_sum(struct mcz_owner_stats *sum);
enum mcz_verdict mcz_owner_admit(struct mcz_pool *pool, struct mcz_owner *owner,
				 int len);
struct mcz_owner *mcz_owner_add(u64 id, const char *path);
void mcz_owner_remove(struct mcz_owner *owner);
int mcz_owner_set_alg(struct mcz_owner *owner, u8 alg);
void mcz_owner_pool_add(struct mcz_pool *pool);
void mcz_owner_pool_del(struct mcz_pool *pool);
void mcz_owner_balance(void);
void mcz_owner_refresh(void);
int mcz_owner_init(void);
void mcz_owner_exit(void);
void mcz_owner_sum(const struct mcz_owner *owner, struct mcz_owner_stats *sum);

#endif /* MCZ_OWNER_H */
