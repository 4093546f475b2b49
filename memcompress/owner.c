// SPDX-License-Identifier: GPL-2.0
/*
 * Owners: whose page is it, and how much has he?
 *
 * Problem: a swap device sees pages, not VMs. What a bio says of its cgroup is the
 * nearest one with the io controller, or whoever faults; a freed slot says nothing.
 *
 * Model: the page knows: the memory cgroup it is charged to, while it is written,
 * is the VM's or one below it. The nearest configured ancestor owns the page. What
 * is stored keeps a 16-bit index of its owner, in its object or slot, so that it is
 * uncharged without a look at any cgroup. Index 0 is the rest of the host.
 *
 * Control: a table of cgroup ids, which are never used twice, is searched under RCU
 * for each level of the page's cgroup; it takes no reference on a cgroup, so none is
 * kept from dying. Each stored page holds a reference of its owner: a per-CPU
 * count, so that stores of one VM share no cache line with another's. An owner goes
 * when it is not configured and its last page is gone; only then its index is used
 * again. Its bytes are a per-CPU counter with a batch: cheap to change, exact when
 * summed, which stores do only near a limit.
 *
 * Limits: pages without a memory cgroup (file systems' buffers, our own copies),
 * or in one of version 1, are the rest of the host's. A page that several VMs share
 * is whose cgroup it is charged to. Sums take a look at each possible CPU.
 */
#include <linux/cgroup.h>
#include <linux/hashtable.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/zsmalloc.h>

#include "internal.h"

/* Bytes by which all CPUs together may differ from the common count of an owner. */
#define MCZ_CHARGE_ERROR 1048576

/* Entitlements are at most that old while pages are stored. */
#define MCZ_BALANCE_JIFFIES (HZ / 10)

struct mcz_owner *mcz_owner_table[MCZ_OWNERS_MAX];

DEFINE_MUTEX(mcz_owner_lock);	/* see owner.h */
DEFINE_MUTEX(mcz_settings_lock);	/* see owner.h */

/* Under mcz_owner_lock. */
static DEFINE_HASHTABLE(mcz_owner_ids, 10);	/* the configured, by id; read under RCU */
static unsigned int mcz_owners;			/* how many; read without the lock */

/* Under mcz_settings_lock. */
static LIST_HEAD(mcz_pools);
static struct mcz_share *mcz_shares;		/* for all owners; NULL while there was none */

static struct mcz_owner mcz_rest = {
	.alg = MCZ_ALG_DEFAULT,
	.weight = MCZ_WEIGHT_DEFAULT,
	.max = MCZ_LIMIT_NONE,
	.high = MCZ_LIMIT_NONE,
	.entitled = MCZ_LIMIT_NONE,
};

static s32 mcz_charge_batch __read_mostly;
static unsigned long mcz_balance_next;
static struct workqueue_struct *mcz_owner_wq;

/* Owners that are not freed yet. */
static atomic_t mcz_owners_alive = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(mcz_owners_gone);

static void mcz_balance_fn(struct work_struct *work);
static DECLARE_WORK(mcz_balance_work, mcz_balance_fn);

static struct mcz_owner *mcz_owner_find(u64 id)
{
	struct mcz_owner *owner;

	hash_for_each_possible_rcu(mcz_owner_ids, owner, node, id,
				   lockdep_is_held(&mcz_owner_lock)) {
		if (owner->id == id)
			return owner;
	}
	return NULL;
}

/**
 * mcz_owner_get() - whose page?
 * @page: page about to be stored; the caller holds it
 *
 * Context: any.
 * Return: the owner, with a reference for what is stored of the page, which
 * mcz_owner_put() gives back.
 */
struct mcz_owner *mcz_owner_get(struct page *page)
{
	struct mcz_owner *owner = &mcz_rest;
	struct mem_cgroup *memcg;
	struct cgroup *cgroup;

	if (!READ_ONCE(mcz_owners))
		return owner;
	rcu_read_lock();
	memcg = page_memcg_check(compound_head(page));
	cgroup = memcg ? memcg->css.cgroup : NULL;
	/* Ids of another hierarchy mean other cgroups. */
	if (cgroup && cgroup->root != &cgrp_dfl_root)
		cgroup = NULL;
	for (; cgroup; cgroup = cgroup_parent(cgroup)) {
		struct mcz_owner *found = mcz_owner_find(cgroup_id(cgroup));

		if (found && percpu_ref_tryget_live(&found->ref)) {
			owner = found;
			break;
		}
	}
	rcu_read_unlock();
	return owner;
}

/**
 * mcz_owner_refused() - a page could not be stored
 * @page: page; the caller holds it
 *
 * Context: any.
 */
void mcz_owner_refused(struct page *page)
{
	struct mcz_owner *owner = mcz_owner_get(page);

	mcz_owner_count(owner, refused, 1);
	mcz_owner_put(owner);
}

/**
 * mcz_owner_charge() - count bytes of an owner's objects in memory
 * @owner: whose
 * @bytes: lengths, each with %MCZ_OBJ_COST; below 0 when objects go
 *
 * Context: any; also with interrupts off.
 */
void mcz_owner_charge(struct mcz_owner *owner, s64 bytes)
{
	percpu_counter_add_batch(&owner->charged, bytes, mcz_charge_batch);
}

/**
 * mcz_owner_charged() - bytes of an owner's objects in memory
 * @owner: whose
 *
 * Return: the exact sum.
 */
u64 mcz_owner_charged(struct mcz_owner *owner)
{
	return percpu_counter_sum_positive(&owner->charged);
}

/* Exact where the count is so near a border that the error may matter. */
static u64 mcz_owner_charge_near(struct mcz_owner *owner, u64 a, u64 b)
{
	u64 error = (u64)mcz_charge_batch * num_online_cpus();
	u64 n = percpu_counter_read_positive(&owner->charged);

	if ((n + error >= a && n <= a + error) || (n + error >= b && n <= b + error))
		n = mcz_owner_charged(owner);
	return n;
}

/**
 * mcz_owner_admit() - what becomes of a page?
 * @pool: store
 * @owner: whose page
 * @len: its bytes as packed, less what goes for it
 *
 * Nothing is charged yet, so that as many pages too many may be admitted as there
 * are CPUs that store for the owner at once.
 *
 * Context: any.
 * Return: the verdict.
 */
enum mcz_verdict mcz_owner_admit(struct mcz_pool *pool, struct mcz_owner *owner,
				 int len)
{
	struct mcz_limit_case c = {
		.min = READ_ONCE(owner->min),
		.max = READ_ONCE(owner->max),
		.high = READ_ONCE(owner->high),
		.limit = (u64)READ_ONCE(pool->limit) << PAGE_SHIFT,
	};
	s64 charged;

	if (!READ_ONCE(mcz_owners) && owner == &mcz_rest &&
	    c.max == MCZ_LIMIT_NONE && c.high == MCZ_LIMIT_NONE)
		return MCZ_ADMIT;
	if (c.limit) {
		unsigned long next = READ_ONCE(mcz_balance_next);

		c.used = (u64)zs_get_total_pages(pool->arena) << PAGE_SHIFT;
		c.entitled = READ_ONCE(owner->entitled);
		c.reserved = READ_ONCE(pool->reserved);
		if (time_after_eq(jiffies, next) &&
		    cmpxchg(&mcz_balance_next, next,
			    jiffies + MCZ_BALANCE_JIFFIES) == next)
			queue_work(mcz_owner_wq, &mcz_balance_work);
	} else if (c.max == MCZ_LIMIT_NONE && c.high == MCZ_LIMIT_NONE) {
		return MCZ_ADMIT;
	}
	charged = mcz_owner_charge_near(owner, c.max, c.min) + len + MCZ_OBJ_COST;
	/* What goes may have gone by now. */
	c.charged = max_t(s64, charged, 0);
	return mcz_limit_verdict(&c);
}

/**
 * mcz_owner_sum() - the counters of all CPUs
 * @owner: whose
 * @sum: the sums
 */
void mcz_owner_sum(const struct mcz_owner *owner, struct mcz_owner_stats *sum)
{
	const size_t n = sizeof(*sum) / sizeof(s64);
	s64 *to = (s64 *)sum;
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const s64 *from = (const s64 *)per_cpu_ptr(owner->stats, cpu);

		for (i = 0; i < n; i++)
			to[i] += READ_ONCE(from[i]);
	}
}

/**
 * mcz_owner_rest_sum() - the counters of the rest of the host
 * @sum: the sums, with those of owners that are configured no more
 *
 * Context: process; takes mcz_settings_lock.
 * Return: the bytes charged to them.
 */
u64 mcz_owner_rest_sum(struct mcz_owner_stats *sum)
{
	const size_t n = sizeof(*sum) / sizeof(s64);
	struct mcz_owner_stats one;
	unsigned int i, j;
	u64 charged;

	/* Owners that are freed meanwhile would be missed. */
	mutex_lock(&mcz_settings_lock);
	mcz_owner_sum(&mcz_rest, sum);
	charged = mcz_owner_charged(&mcz_rest);
	for (i = 1; i < MCZ_OWNERS_MAX; i++) {
		struct mcz_owner *owner = mcz_owner_table[i];

		if (!owner || !owner->gone)
			continue;
		mcz_owner_sum(owner, &one);
		for (j = 0; j < n; j++)
			((s64 *)sum)[j] += ((s64 *)&one)[j];
		charged += mcz_owner_charged(owner);
	}
	mutex_unlock(&mcz_settings_lock);
	return charged;
}

/*
 * Each owner is taken to want twice what it has, and a part of the slack to start
 * with, so that what idle ones do not use is divided among the others.
 */
static void mcz_owner_want(struct mcz_owner *owner, u64 start,
			   struct mcz_share *share)
{
	u64 charged = mcz_owner_charged(owner);

	share->min = READ_ONCE(owner->min);
	share->max = min(READ_ONCE(owner->max),
			 max(share->min, 2 * charged + start));
	share->weight = READ_ONCE(owner->weight);
	/* Used up to here; the result overwrites it. */
	share->entitled = charged;
}

/**
 * mcz_owner_balance() - make the entitlements anew
 *
 * Context: process; mcz_settings_lock held.
 */
void mcz_owner_balance(void)
{
	u64 limit = 0, used = 0, charged = 0, lacking = 0, bytes, start;
	unsigned int i, n = 0;
	struct mcz_pool *pool;

	lockdep_assert_held(&mcz_settings_lock);
	if (!mcz_shares)
		return;
	list_for_each_entry(pool, &mcz_pools, node) {
		u64 pages = READ_ONCE(pool->limit);

		if (!pages)
			continue;
		limit += pages << PAGE_SHIFT;
		used += (u64)zs_get_total_pages(pool->arena) << PAGE_SHIFT;
	}
	limit = min(limit, MCZ_LIMIT_NONE);
	start = div_u64(limit >> 3, READ_ONCE(mcz_owners) + 1);
	for (i = 0; i < MCZ_OWNERS_MAX; i++) {
		struct mcz_owner *owner = READ_ONCE(mcz_owner_table[i]);
		struct mcz_share *share = &mcz_shares[n];

		if (!owner)
			continue;
		mcz_owner_want(owner, start, share);
		charged += share->entitled;
		if (share->min > share->entitled)
			lacking += share->min - share->entitled;
		n++;
	}
	/* The arena takes more than is charged: divide what fits. */
	bytes = limit;
	if (used > limit / 4 && charged < used)
		bytes = max(limit / 2, (limit >> 10) * div64_u64(charged << 10, used));
	mcz_limit_divide(mcz_shares, n, bytes);
	for (i = 0, n = 0; i < MCZ_OWNERS_MAX; i++) {
		struct mcz_owner *owner = READ_ONCE(mcz_owner_table[i]);

		if (owner)
			WRITE_ONCE(owner->entitled, mcz_shares[n++].entitled);
	}
	list_for_each_entry(pool, &mcz_pools, node)
		WRITE_ONCE(pool->reserved, lacking);
}

static void mcz_balance_fn(struct work_struct *work)
{
	mcz_vm_reap();
	mutex_lock(&mcz_settings_lock);
	mcz_owner_balance();
	mutex_unlock(&mcz_settings_lock);
}

/**
 * mcz_owner_refresh() - forget VMs whose cgroup is gone, and divide anew
 *
 * Context: process; may sleep; takes mcz_owner_lock and mcz_settings_lock.
 */
void mcz_owner_refresh(void)
{
	queue_work(mcz_owner_wq, &mcz_balance_work);
	flush_work(&mcz_balance_work);
}

static void mcz_owner_discard(struct mcz_owner *owner)
{
	percpu_ref_exit(&owner->ref);
	percpu_counter_destroy(&owner->charged);
	free_percpu(owner->stats);
	kfree(owner->path);
	kfree(owner);
}

/*
 * The last page is gone, and the table of ids has not had the owner for a grace
 * period of RCU at least: that is how long percpu_ref_kill() keeps its own
 * reference.
 */
static void mcz_owner_free_fn(struct work_struct *work)
{
	struct mcz_owner *owner = container_of(work, struct mcz_owner, free_work);
	const size_t n = sizeof(struct mcz_owner_stats) / sizeof(s64);
	struct mcz_owner_stats sum;
	unsigned int i;

	mutex_lock(&mcz_settings_lock);
	/* What it has done remains in the sums. */
	mcz_owner_sum(owner, &sum);
	for (i = 0; i < n; i++)
		mcz_owner_count_at(&mcz_rest, i * sizeof(s64), ((s64 *)&sum)[i]);
	WRITE_ONCE(mcz_owner_table[owner->index], NULL);
	mutex_unlock(&mcz_settings_lock);
	mcz_owner_discard(owner);
	if (atomic_dec_and_test(&mcz_owners_alive))
		wake_up(&mcz_owners_gone);
}

/* In any context: the last page may go under a spinlock. */
static void mcz_owner_last_put(struct percpu_ref *ref)
{
	struct mcz_owner *owner = container_of(ref, struct mcz_owner, ref);

	queue_work(mcz_owner_wq, &owner->free_work);
}

static struct mcz_owner *mcz_owner_new(u64 id, const char *path)
{
	struct mcz_owner *owner = kzalloc(sizeof(*owner), GFP_KERNEL);

	if (!owner)
		return NULL;
	owner->id = id;
	owner->alg = MCZ_ALG_DEFAULT;
	owner->weight = MCZ_WEIGHT_DEFAULT;
	owner->max = MCZ_LIMIT_NONE;
	owner->high = MCZ_LIMIT_NONE;
	INIT_WORK(&owner->free_work, mcz_owner_free_fn);
	owner->path = kstrdup(path, GFP_KERNEL);
	owner->stats = alloc_percpu(struct mcz_owner_stats);
	if (!owner->path || !owner->stats)
		goto err;
	if (percpu_counter_init(&owner->charged, 0, GFP_KERNEL))
		goto err;
	if (percpu_ref_init(&owner->ref, mcz_owner_last_put, 0, GFP_KERNEL))
		goto err_counter;
	return owner;
err_counter:
	percpu_counter_destroy(&owner->charged);
err:
	free_percpu(owner->stats);
	kfree(owner->path);
	kfree(owner);
	return NULL;
}

/* Give it an index; @owner is complete otherwise. */
static int mcz_owner_enter(struct mcz_owner *owner)
{
	unsigned int i;
	int r = -ENOSPC;

	mutex_lock(&mcz_settings_lock);
	if (!mcz_shares)
		mcz_shares = kvcalloc(MCZ_OWNERS_MAX, sizeof(*mcz_shares),
				      GFP_KERNEL);
	if (!mcz_shares) {
		r = -ENOMEM;
		goto out;
	}
	for (i = 1; i < MCZ_OWNERS_MAX; i++) {
		if (mcz_owner_table[i])
			continue;
		owner->index = i;
		WRITE_ONCE(mcz_owner_table[i], owner);
		r = 0;
		break;
	}
out:
	mutex_unlock(&mcz_settings_lock);
	return r;
}

/**
 * mcz_owner_add() - make a cgroup an owner
 * @id: its id
 * @path: its path, to show
 *
 * What it stores from now on is its own; what it has stored stays where it is
 * counted.
 *
 * Context: process; mcz_owner_lock held.
 * Return: the owner, or -EEXIST, -ENOSPC beyond %MCZ_OWNERS_MAX, or -ENOMEM.
 */
struct mcz_owner *mcz_owner_add(u64 id, const char *path)
{
	struct mcz_owner *owner;
	int r;

	lockdep_assert_held(&mcz_owner_lock);
	if (mcz_owner_find(id))
		return ERR_PTR(-EEXIST);
	owner = mcz_owner_new(id, path);
	if (!owner)
		return ERR_PTR(-ENOMEM);
	r = mcz_owner_enter(owner);
	if (r) {
		mcz_owner_discard(owner);
		return ERR_PTR(r);
	}
	atomic_inc(&mcz_owners_alive);
	hash_add_rcu(mcz_owner_ids, &owner->node, id);
	WRITE_ONCE(mcz_owners, mcz_owners + 1);
	return owner;
}

/**
 * mcz_owner_remove() - an owner is one no more
 * @owner: configured owner; gone afterwards, or as soon as its last page is
 *
 * Context: process; mcz_owner_lock held.
 */
void mcz_owner_remove(struct mcz_owner *owner)
{
	lockdep_assert_held(&mcz_owner_lock);
	hash_del_rcu(&owner->node);
	WRITE_ONCE(mcz_owners, mcz_owners - 1);
	mutex_lock(&mcz_settings_lock);
	WRITE_ONCE(owner->min, 0);
	owner->gone = true;
	mutex_unlock(&mcz_settings_lock);
	percpu_ref_kill(&owner->ref);
}

/**
 * mcz_owner_set_alg() - choose an owner's algorithm
 * @owner: whose
 * @alg: from mcz_alg_find(), or %MCZ_ALG_DEFAULT
 *
 * Context: process; may sleep; takes mcz_settings_lock.
 * Return: 0, or what mcz_streams_use() fails with in some device.
 */
int mcz_owner_set_alg(struct mcz_owner *owner, u8 alg)
{
	struct mcz_pool *pool;
	int r = 0;

	mutex_lock(&mcz_settings_lock);
	list_for_each_entry(pool, &mcz_pools, node) {
		if (alg != MCZ_ALG_DEFAULT)
			r = mcz_streams_use(pool, alg);
		if (r)
			break;
	}
	if (!r)
		WRITE_ONCE(owner->alg, alg);
	mutex_unlock(&mcz_settings_lock);
	return r;
}

/**
 * mcz_owner_pool_add() - a store takes part in the division
 * @pool: new store
 */
void mcz_owner_pool_add(struct mcz_pool *pool)
{
	unsigned int i;

	mutex_lock(&mcz_settings_lock);
	list_add_tail(&pool->node, &mcz_pools);
	for (i = 0; i < MCZ_OWNERS_MAX; i++) {
		struct mcz_owner *owner = mcz_owner_table[i];

		/* Where it cannot be had, the device's own serves. */
		if (owner && owner->alg != MCZ_ALG_DEFAULT)
			mcz_streams_use(pool, owner->alg);
	}
	mutex_unlock(&mcz_settings_lock);
}

/**
 * mcz_owner_pool_del() - a store goes
 * @pool: store that nobody uses
 */
void mcz_owner_pool_del(struct mcz_pool *pool)
{
	mutex_lock(&mcz_settings_lock);
	list_del_init(&pool->node);
	mutex_unlock(&mcz_settings_lock);
}

/**
 * mcz_owner_init() - before any store
 *
 * Return: 0 or -ENOMEM.
 */
int mcz_owner_init(void)
{
	mcz_charge_batch = clamp(MCZ_CHARGE_ERROR / (int)num_possible_cpus(), 8192,
				 65536);
	mcz_balance_next = jiffies;
	mcz_owner_wq = alloc_workqueue("memcompress-owner", WQ_UNBOUND, 0);
	if (!mcz_owner_wq)
		return -ENOMEM;
	mcz_rest.stats = alloc_percpu(struct mcz_owner_stats);
	if (!mcz_rest.stats)
		goto err_wq;
	if (percpu_counter_init(&mcz_rest.charged, 0, GFP_KERNEL))
		goto err_stats;
	mcz_owner_table[0] = &mcz_rest;
	return 0;

err_stats:
	free_percpu(mcz_rest.stats);
err_wq:
	destroy_workqueue(mcz_owner_wq);
	return -ENOMEM;
}

/** mcz_owner_exit() - after the last store, when nobody is configured any more */
void mcz_owner_exit(void)
{
	wait_event(mcz_owners_gone, !atomic_read(&mcz_owners_alive));
	destroy_workqueue(mcz_owner_wq);
	/* The callback that queued the last of its work may still return. */
	rcu_barrier();
	percpu_counter_destroy(&mcz_rest.charged);
	free_percpu(mcz_rest.stats);
	kvfree(mcz_shares);
}
