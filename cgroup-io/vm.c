// SPDX-License-Identifier: GPL-2.0
/*
 * The VMs: cgroups that send requests or have settings.
 *
 * A cgroup becomes known by a write to one of its files, or by its first request: that
 * one counts for the nearest cgroup above that is known, and a worker enters the cgroup
 * and all above it. What is too deep, or too many, stays with what is above it. A cgroup
 * that is gone is forgotten a moment after its removal; where no watch tells of that, when
 * the number of those known has doubled, or what it has is asked for by another. Its last
 * requests count for the one above it.
 *
 * Whether a cgroup is gone only a worker can tell: to whoever writes a file in a cgroup
 * namespace, those outside it are gone too.
 *
 * Requests look up theirs under RCU, by the cgroup's id: that is never used again.
 */
#include <linux/cgroup.h>
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/math64.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "internal.h"

/* How often those that are gone are looked for, at most, whoever asks for it; per s. */
#define CGIO_REAP_RATE 32

/* The fewest at which it is worth while to look for those that are gone. */
#define CGIO_REAP_MIN 64

DEFINE_MUTEX(cgio_lock);		/* protects the VMs, and all below */
static DEFINE_HASHTABLE(cgio_vms, 10);	/* written under cgio_lock, read under RCU */
static LIST_HEAD(cgio_list);		/* all, parents first */
static LIST_HEAD(cgio_pools);
static DEFINE_SPINLOCK(cgio_stale_lock);	/* protects cgio_stale, and who is in it */
static LIST_HEAD(cgio_stale);
static DEFINE_IDA(cgio_indices);
static struct cgio_vm *cgio_root;
static unsigned int cgio_count;
static unsigned int cgio_reap_at = CGIO_REAP_MIN;

/* A cgroup to enter: its id, or 0. One at a time: the others come again. */
static atomic64_t cgio_wanted;
static struct workqueue_struct *cgio_wq;

static struct cgio_vm *cgio_vm_lookup(u64 id)
{
	struct cgio_vm *vm;

	hash_for_each_possible_rcu(cgio_vms, vm, hash, id,
				   lockdep_is_held(&cgio_lock)) {
		if (vm->id == id)
			return vm;
	}
	return NULL;
}

static void cgio_reap_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(cgio_reap, cgio_reap_work);
static DEFINE_RATELIMIT_STATE(cgio_reaps, HZ, CGIO_REAP_RATE);

static void cgio_vm_reap_soon(void)
{
	queue_delayed_work(cgio_wq, &cgio_reap, HZ / CGIO_REAP_RATE);
}

static void cgio_want_work(struct work_struct *work)
{
	struct cgroup *cgroup = cgroup_get_from_id(atomic64_read(&cgio_wanted));

	if (!IS_ERR(cgroup)) {
		mutex_lock(&cgio_lock);
		cgio_vm_get(cgroup, false);
		mutex_unlock(&cgio_lock);
		cgroup_put(cgroup);
	}
	atomic64_set(&cgio_wanted, 0);
}

static DECLARE_WORK(cgio_want, cgio_want_work);

/* A cgroup that is not known sends requests. */
static void cgio_vm_want(u64 id)
{
	if (READ_ONCE(cgio_count) >= CGIO_VMS_MAX - CGIO_VMS_KEPT)
		queue_delayed_work(cgio_wq, &cgio_reap, HZ);
	else if (!atomic64_cmpxchg(&cgio_wanted, 0, id))
		queue_work(cgio_wq, &cgio_want);
}

static DECLARE_WORK(cgio_weight, cgio_weight_work);

/**
 * cgio_vm_requeue() - let cgio_weight_work() run again
 *
 * Not in the queue of the others: it may wait for the removal of a cgroup, which waits
 * for whoever writes one of its files, who may wait for cgio_reap.
 *
 * Context: any.
 */
void cgio_vm_requeue(void)
{
	queue_work(system_unbound_wq, &cgio_weight);
}

/**
 * cgio_vm_stale() - io.weight of a cgroup may have changed
 * @id: the cgroup's
 *
 * Context: process; may be a cgroup that is not known.
 */
void cgio_vm_stale(u64 id)
{
	struct cgio_vm *vm;

	rcu_read_lock();
	vm = cgio_vm_lookup(id);
	if (vm) {
		spin_lock(&cgio_stale_lock);
		/* Or it was dropped meanwhile. */
		if (!hlist_unhashed_lockless(&vm->hash) && list_empty(&vm->stale))
			list_add_tail(&vm->stale, &cgio_stale);
		spin_unlock(&cgio_stale_lock);
		cgio_vm_requeue();
	}
	rcu_read_unlock();
}

/**
 * cgio_vm_gone() - a cgroup was removed
 * @id: the cgroup's
 *
 * Context: any; may be a cgroup that is not known.
 */
void cgio_vm_gone(u64 id)
{
	rcu_read_lock();
	if (cgio_vm_lookup(id))
		cgio_vm_reap_soon();
	rcu_read_unlock();
}

/**
 * cgio_vm_next_stale() - a VM whose io.weight is to be read, which then is not stale
 *
 * Context: process.
 * Return: its id, or 0 if there is none.
 */
u64 cgio_vm_next_stale(void)
{
	struct cgio_vm *vm;
	u64 id = 0;

	spin_lock(&cgio_stale_lock);
	vm = list_first_entry_or_null(&cgio_stale, struct cgio_vm, stale);
	if (vm) {
		list_del_init(&vm->stale);
		id = vm->id;
	}
	spin_unlock(&cgio_stale_lock);
	return id;
}

/**
 * cgio_vm_flush() - let the workers come to their end
 *
 * No file, no watch and no pool is left that gives them anything to do. One that enters a
 * cgroup lets its io.weight be read, and that one queues itself again.
 */
void cgio_vm_flush(void)
{
	flush_workqueue(cgio_wq);
	cancel_delayed_work_sync(&cgio_reap);
	cancel_work_sync(&cgio_weight);
}

/**
 * cgio_vm_of() - whose is it?
 * @css: of the io controller, or NULL
 *
 * Context: RCU read-side section; any context.
 * Return: the nearest cgroup that is known; constant fields only.
 */
struct cgio_vm *cgio_vm_of(struct cgroup_subsys_state *css)
{
	struct cgroup *cgroup;
	struct cgio_vm *vm;

	/* Numbers of cgroups of v1 are those of others in v2. */
	if (!css || css->cgroup->root != &cgrp_dfl_root)
		return cgio_root;
	cgroup = css->cgroup;
	vm = cgio_vm_lookup(cgroup_id(cgroup));
	if (likely(vm))
		return vm;
	if (!(css->flags & CSS_DYING) && cgroup->level <= CGIO_LEVEL_MAX)
		cgio_vm_want(cgroup_id(cgroup));
	do {
		cgroup = cgroup_parent(cgroup);
		vm = cgroup ? cgio_vm_lookup(cgroup_id(cgroup)) : cgio_root;
	} while (!vm);
	return vm;
}
EXPORT_SYMBOL_GPL(cgio_vm_of);

/* Its number is free when nobody can have found it by it. */
static void cgio_vm_free(struct rcu_head *rcu)
{
	struct cgio_vm *vm = container_of(rcu, struct cgio_vm, rcu);

	ida_free(&cgio_indices, vm->index);
	kfree(vm);
}

static void cgio_vm_drop(struct cgio_vm *vm)
{
	struct cgio_pool *pool;

	lockdep_assert_held(&cgio_lock);
	list_for_each_entry(pool, &cgio_pools, node)
		pool->ops->remove(pool, vm);
	hash_del_rcu(&vm->hash);
	spin_lock(&cgio_stale_lock);
	list_del_init(&vm->stale);
	spin_unlock(&cgio_stale_lock);
	list_del(&vm->node);
	if (vm->parent)
		vm->parent->children--;
	WRITE_ONCE(cgio_count, cgio_count - 1);
	call_rcu(&vm->rcu, cgio_vm_free);
}

/* Children stand behind their parents, so that one pass backwards finds all. */
static void cgio_reap_work(struct work_struct *work)
{
	struct cgio_vm *vm, *next;

	mutex_lock(&cgio_lock);
	list_for_each_entry_safe_reverse(vm, next, &cgio_list, node) {
		struct cgroup *cgroup;

		if (vm == cgio_root || vm->children)
			continue;
		cgroup = cgroup_get_from_id(vm->id);
		if (!IS_ERR(cgroup))
			cgroup_put(cgroup);
		else if (PTR_ERR(cgroup) == -ENOENT)
			cgio_vm_drop(vm);
	}
	/* And in time before there are too many. */
	cgio_reap_at = min(max(2 * cgio_count, CGIO_REAP_MIN),
			   (cgio_count + CGIO_VMS_MAX) / 2);
	mutex_unlock(&cgio_lock);
}

/**
 * cgio_vm_reap() - forget the cgroups that are gone
 *
 * Context: process; may sleep; cgio_lock not held.
 * Return: true; false without effect if that was asked for too often in this second.
 */
bool cgio_vm_reap(void)
{
	if (!__ratelimit(&cgio_reaps))
		return false;
	queue_delayed_work(cgio_wq, &cgio_reap, 0);
	flush_delayed_work(&cgio_reap);
	return true;
}

static struct cgio_vm *cgio_vm_new(u64 id, struct cgio_vm *parent, bool admin)
{
	struct cgio_pool *pool;
	struct cgio_vm *vm;
	int index;

	lockdep_assert_held(&cgio_lock);
	if (!admin && cgio_count >= CGIO_VMS_MAX - CGIO_VMS_KEPT)
		return ERR_PTR(-ENOSPC);
	index = ida_alloc_max(&cgio_indices, CGIO_VMS_MAX - 1, GFP_KERNEL);
	if (index < 0)
		return ERR_PTR(index);
	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	if (!vm) {
		ida_free(&cgio_indices, index);
		return ERR_PTR(-ENOMEM);
	}
	vm->id = id;
	vm->index = index;
	vm->parent = parent;
	vm->weight = VMSHARE_WEIGHT_DEFAULT;
	INIT_LIST_HEAD(&vm->stale);
	if (parent)
		parent->children++;
	list_add_tail(&vm->node, &cgio_list);
	WRITE_ONCE(cgio_count, cgio_count + 1);
	list_for_each_entry(pool, &cgio_pools, node) {
		int r = pool->ops->add(pool, vm);

		if (!r)
			continue;
		cgio_vm_drop(vm);
		return ERR_PTR(r);
	}
	/* Found only when all pools have it. */
	hash_add_rcu(cgio_vms, &vm->hash, id);
	/* The root has no io.weight. */
	if (parent)
		cgio_vm_stale(id);
	return vm;
}

/**
 * cgio_vm_get() - enter a cgroup, and all above it
 * @cgroup: referenced by the caller
 * @admin: the host's administrator wants it, for whom there is always some room
 *
 * Context: process; cgio_lock held.
 * Return: the cgroup's; -E2BIG if it is too deep; -ENOSPC if there are too many; -ENOMEM.
 */
struct cgio_vm *cgio_vm_get(struct cgroup *cgroup, bool admin)
{
	struct cgio_vm *vm = cgio_root;
	int level;

	lockdep_assert_held(&cgio_lock);
	if (cgroup->level > CGIO_LEVEL_MAX)
		return ERR_PTR(-E2BIG);
	if (cgio_count >= cgio_reap_at)
		cgio_vm_reap_soon();
	for (level = 1; level <= cgroup->level && !IS_ERR(vm); level++) {
		const u64 id = cgroup_id(cgroup_ancestor(cgroup, level));
		struct cgio_vm *known = cgio_vm_lookup(id);

		vm = known ? known : cgio_vm_new(id, vm, admin);
	}
	return vm;
}

/**
 * cgio_vm_find() - what is known of a cgroup
 * @id: the cgroup's
 *
 * Context: process; cgio_lock held.
 * Return: the cgroup's, or NULL.
 */
struct cgio_vm *cgio_vm_find(u64 id)
{
	lockdep_assert_held(&cgio_lock);
	return cgio_vm_lookup(id);
}

/**
 * cgio_vm_changed() - settings of a VM have changed
 * @vm: VM
 *
 * Context: process; cgio_lock held.
 */
void cgio_vm_changed(struct cgio_vm *vm)
{
	struct cgio_pool *pool;

	lockdep_assert_held(&cgio_lock);
	list_for_each_entry(pool, &cgio_pools, node)
		pool->ops->change(pool, vm);
}

/* What the children of @parent were promised in all, one of them @reserve instead. */
static u64 cgio_children_have(const struct cgio_vm *parent, enum vmshare_unit unit,
			      const struct cgio_vm *changed, u64 reserve)
{
	const struct cgio_vm *vm;
	u64 sum = 0;

	list_for_each_entry(vm, &cgio_list, node) {
		if (vm->parent == parent)
			sum += vm == changed ? reserve : vm->reserve[unit];
	}
	return sum;
}

/**
 * cgio_vm_reserve_fits() - may a VM have these reservations?
 * @vm: VM, not the root
 * @reserve: by enum vmshare_unit
 *
 * Children divide what their parent has, so that whoever was given a part of the tree
 * promises nobody what is not theirs, and keeps nothing that is taken back.
 *
 * Context: process; cgio_lock held.
 * Return: true if its children's fit into what is taken from it, and it into its parent's.
 */
bool cgio_vm_reserve_fits(const struct cgio_vm *vm, const u64 *reserve)
{
	enum vmshare_unit i;

	lockdep_assert_held(&cgio_lock);
	for (i = 0; i < VMSHARE_UNITS; i++) {
		if (reserve[i] < vm->reserve[i] &&
		    cgio_children_have(vm, i, NULL, 0) > reserve[i])
			return false;
		if (cgio_children_have(vm->parent, i, vm, reserve[i]) > vm->parent->reserve[i])
			return false;
	}
	return true;
}

/**
 * cgio_vm_reserve_cut() - take from a VM's reservation, whoever has that
 * @vm: VM, not the root
 * @unit: of what
 * @rate: what it is to be
 *
 * If the children have more, all lose in proportion, and theirs; else whoever was given a
 * part of the tree could keep the administrator from taking it back.
 *
 * Context: process; cgio_lock held. Pools are told of those below, not of @vm.
 */
void cgio_vm_reserve_cut(struct cgio_vm *vm, enum vmshare_unit unit, u64 rate)
{
	const u64 sum = cgio_children_have(vm, unit, NULL, 0), before = vm->reserve[unit];
	struct cgio_vm *child;

	lockdep_assert_held(&cgio_lock);
	vm->reserve[unit] = rate;
	if (rate >= before || sum <= rate)
		return;
	/* As deep as VMs are, at most. */
	list_for_each_entry(child, &cgio_list, node) {
		if (child->parent != vm)
			continue;
		cgio_vm_reserve_cut(child, unit,
				    mul_u64_u64_div_u64(child->reserve[unit], rate, sum));
		cgio_vm_changed(child);
	}
}

/* What counts for a VM: its own target, or that of the nearest above it that has one. */
static u64 cgio_latency_of(const struct cgio_vm *vm)
{
	while (vm && !vm->latency)
		vm = vm->parent;
	return vm ? vm->latency : CGIO_LATENCY_NONE;
}

/* Is a target stricter than one that may be none? */
static bool cgio_is_stricter(u64 us, u64 than)
{
	return us && (!than || us < than);
}

static bool cgio_is_below(const struct cgio_vm *vm, const struct cgio_vm *above)
{
	do {
		vm = vm->parent;
	} while (vm && vm != above);
	return vm;
}

/**
 * cgio_vm_latency_fits() - may a VM have this target?
 * @vm: VM, not the root
 * @us: target; %CGIO_LATENCY_NONE for none
 * @admin: the host's administrator wants it
 *
 * A target is kept at the cost of all others, so that whoever was given a part of the tree
 * has none that is stricter than what that was given, and takes none from those below.
 *
 * Context: process; cgio_lock held.
 * Return: true if it may.
 */
bool cgio_vm_latency_fits(const struct cgio_vm *vm, u64 us, bool admin)
{
	const u64 above = cgio_latency_of(vm->parent);
	const struct cgio_vm *below;

	lockdep_assert_held(&cgio_lock);
	if ((above || !admin) && cgio_is_stricter(us, above))
		return false;
	if (admin)
		return true;
	list_for_each_entry(below, &cgio_list, node) {
		if (cgio_is_below(below, vm) &&
		    cgio_is_stricter(below->latency, us ? us : above))
			return false;
	}
	return true;
}

/**
 * cgio_vm_latency_raise() - give a VM a target, and those below none that is stricter
 * @vm: VM, not the root
 * @us: target; %CGIO_LATENCY_NONE for none: then what is above it counts
 *
 * Context: process; cgio_lock held. Pools are told of those below, not of @vm.
 */
void cgio_vm_latency_raise(struct cgio_vm *vm, u64 us)
{
	struct cgio_vm *below;

	lockdep_assert_held(&cgio_lock);
	if (vm->latency == us)
		return;
	vm->latency = us;
	us = cgio_latency_of(vm);
	list_for_each_entry(below, &cgio_list, node) {
		if (!cgio_is_below(below, vm) || !cgio_is_stricter(below->latency, us))
			continue;
		below->latency = us;
		cgio_vm_changed(below);
	}
}

/**
 * cgio_pool_register() - a scheduler comes; it is told of all VMs
 * @pool: scheduler
 *
 * Context: process; may sleep.
 * Return: 0, or what the scheduler fails with.
 */
int cgio_pool_register(struct cgio_pool *pool)
{
	struct cgio_vm *vm;
	int r = 0;

	mutex_lock(&cgio_lock);
	list_for_each_entry(vm, &cgio_list, node) {
		r = pool->ops->add(pool, vm);
		if (r)
			break;
	}
	if (r) {
		list_for_each_entry_continue_reverse(vm, &cgio_list, node)
			pool->ops->remove(pool, vm);
	} else {
		list_add_tail(&pool->node, &cgio_pools);
	}
	mutex_unlock(&cgio_lock);
	return r;
}
EXPORT_SYMBOL_GPL(cgio_pool_register);

/**
 * cgio_pool_unregister() - a scheduler goes
 * @pool: scheduler without requests
 *
 * Context: process; may sleep.
 */
void cgio_pool_unregister(struct cgio_pool *pool)
{
	struct cgio_vm *vm;

	mutex_lock(&cgio_lock);
	list_del(&pool->node);
	list_for_each_entry_reverse(vm, &cgio_list, node)
		pool->ops->remove(pool, vm);
	mutex_unlock(&cgio_lock);
}
EXPORT_SYMBOL_GPL(cgio_pool_unregister);

/**
 * cgio_pools_show() - statistics of a VM
 * @vm: VM
 * @seq: where to
 *
 * Context: process; cgio_lock held.
 */
void cgio_pools_show(struct cgio_vm *vm, struct seq_file *seq)
{
	struct cgio_pool *pool;

	lockdep_assert_held(&cgio_lock);
	list_for_each_entry(pool, &cgio_pools, node)
		pool->ops->show(pool, vm, seq);
}

/**
 * cgio_vm_init() - enter the root
 *
 * Return: 0 or -ENOMEM.
 */
int cgio_vm_init(void)
{
	/* Whoever is told to come again needs no line in the kernel log. */
	ratelimit_set_flags(&cgio_reaps, RATELIMIT_MSG_ON_RELEASE);
	cgio_wq = alloc_workqueue("cgroup_io", WQ_UNBOUND, 1);
	if (!cgio_wq)
		return -ENOMEM;
	mutex_lock(&cgio_lock);
	cgio_root = cgio_vm_new(cgroup_id(&cgrp_dfl_root.cgrp), NULL, true);
	mutex_unlock(&cgio_lock);
	if (IS_ERR(cgio_root)) {
		destroy_workqueue(cgio_wq);
		return PTR_ERR(cgio_root);
	}
	return 0;
}

/** cgio_vm_exit() - forget all; no pool and no file is left */
void cgio_vm_exit(void)
{
	struct cgio_vm *vm, *next;

	cgio_vm_flush();
	destroy_workqueue(cgio_wq);
	mutex_lock(&cgio_lock);
	list_for_each_entry_safe_reverse(vm, next, &cgio_list, node)
		cgio_vm_drop(vm);
	mutex_unlock(&cgio_lock);
	rcu_barrier();
	ida_destroy(&cgio_indices);
}
