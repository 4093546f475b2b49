/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cgroup-io: what its modules share.
 *
 * cgroup_io.ko knows the VMs and what they are to have; a pool of dm_vmio.ko schedules
 * what they send to its disks.
 *
 * Lock order, outermost first: vmio_pools_lock -> cgio_lock -> vmio_pool.lock
 * -> vmio_lease.lock.
 */
#ifndef CGIO_INTERNAL_H
#define CGIO_INTERNAL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "knob_core.h"
#include "share_core.h"

struct cgio_pool;
struct cgroup;
struct cgroup_subsys_state;
struct kernfs_open_file;
struct seq_file;
struct work_struct;

/** CGIO_VMS_MAX - cgroups with a share of their own; others have part of their parent's */
#define CGIO_VMS_MAX 4096

/** CGIO_VMS_KEPT - of these, those for the settings of the host's administrator */
#define CGIO_VMS_KEPT 512

/** CGIO_LEVEL_MAX - how deep in the tree; those below have part of what is above */
#define CGIO_LEVEL_MAX (VMSHARE_DEPTH_MAX - 2)

/**
 * struct cgio_vm - a cgroup that sends requests, or has settings
 * @id: the cgroup's
 * @index: unique among those alive
 * @parent: its parent's, NULL for the root
 * @hash: in the table by @id
 * @node: in the list of all, behind its parent
 * @children: cgroups of which it is the parent
 * @stale: in the list of those whose io.weight is to be read; under cgio_stale_lock
 * @weight: what io.weight says
 * @shares: as set, %CGIO_SHARES_DEFAULT if they are not
 * @limit: by enum vmshare_unit, 0 for none
 * @reserve: by enum vmshare_unit, 0 for none
 * @latency: target, in us; %CGIO_LATENCY_NONE if it has none
 * @rcu: frees it, and @index
 *
 * The first three are constant, and read under RCU. The others are protected by
 * cgio_lock.
 */
struct cgio_vm {
	u64 id;
	u32 index;
	struct cgio_vm *parent;
	struct hlist_node hash;
	struct list_head node;
	u32 children;
	struct list_head stale;
	u32 weight;
	u32 shares;
	u64 limit[VMSHARE_UNITS];
	u64 reserve[VMSHARE_UNITS];
	u64 latency;
	struct rcu_head rcu;
};

/**
 * struct cgio_pool_ops - what a scheduler wants to know
 * @add: a VM comes, after its parent; may fail
 * @change: its settings have changed
 * @remove: it goes, before its parent
 * @show: print a line of statistics
 *
 * All are called with cgio_lock held.
 */
struct cgio_pool_ops {
	int (*add)(struct cgio_pool *pool, struct cgio_vm *vm);
	void (*change)(struct cgio_pool *pool, struct cgio_vm *vm);
	void (*remove)(struct cgio_pool *pool, struct cgio_vm *vm);
	void (*show)(struct cgio_pool *pool, struct cgio_vm *vm, struct seq_file *seq);
};

/**
 * struct cgio_pool - a scheduler
 * @node: in the list of all; protected by cgio_lock
 * @ops: what it wants to know
 */
struct cgio_pool {
	struct list_head node;
	const struct cgio_pool_ops *ops;
};

/**
 * enum cgio_file - files of a VM
 * @CGIO_SHARES: its shares
 * @CGIO_LIMIT: its limits
 * @CGIO_RESERVE: its reservations
 * @CGIO_LATENCY: its latency target
 * @CGIO_STAT: what it has had
 */
enum cgio_file {
	CGIO_SHARES,
	CGIO_LIMIT,
	CGIO_RESERVE,
	CGIO_LATENCY,
	CGIO_STAT,
};

/* What its part is divided by. */
static inline u32 cgio_vm_weight(const struct cgio_vm *vm)
{
	return vm->shares == CGIO_SHARES_DEFAULT ? vm->weight : vm->shares;
}

/* vm.c */
extern struct mutex cgio_lock;
int cgio_vm_init(void);
void cgio_vm_exit(void);
struct cgio_vm *cgio_vm_of(struct cgroup_subsys_state *css);
struct cgio_vm *cgio_vm_get(struct cgroup *cgroup, bool admin);
struct cgio_vm *cgio_vm_find(u64 id);
void cgio_vm_changed(struct cgio_vm *vm);
bool cgio_vm_reap(void);
bool cgio_vm_reserve_fits(const struct cgio_vm *vm, const u64 *reserve);
void cgio_vm_reserve_cut(struct cgio_vm *vm, enum vmshare_unit unit, u64 rate);
bool cgio_vm_latency_fits(const struct cgio_vm *vm, u64 us, bool admin);
void cgio_vm_latency_raise(struct cgio_vm *vm, u64 us);
int cgio_pool_register(struct cgio_pool *pool);
void cgio_pool_unregister(struct cgio_pool *pool);
void cgio_pools_show(struct cgio_vm *vm, struct seq_file *seq);

void cgio_vm_requeue(void);
void cgio_vm_stale(u64 id);
void cgio_vm_gone(u64 id);
u64 cgio_vm_next_stale(void);
void cgio_vm_flush(void);

/* weight.c */
#ifdef CONFIG_FSNOTIFY
void cgio_weight_work(struct work_struct *work);
void cgio_weight_init(void);
void cgio_weight_exit(void);
#else
static inline void cgio_weight_work(struct work_struct *work)
{
}

static inline void cgio_weight_init(void)
{
}

static inline void cgio_weight_exit(void)
{
}
#endif

/* files.c */
int cgio_files_init(void);
void cgio_files_exit(void);
void cgio_setting_show(struct seq_file *seq, u64 id, enum cgio_file which);
int cgio_setting_set(struct cgroup *cgroup, enum cgio_file which, const char *text, bool admin);

/* configfs.c */
#if IS_ENABLED(CONFIG_CONFIGFS_FS)
int cgio_configfs_init(void);
void cgio_configfs_exit(void);
#else
static inline int cgio_configfs_init(void)
{
	return -EOPNOTSUPP;
}

static inline void cgio_configfs_exit(void)
{
}
#endif

/* compress.c */
int cgio_compress_show(struct seq_file *seq, void *unused);
ssize_t cgio_compress_write(struct kernfs_open_file *of, char *buf, size_t len,
			    loff_t off);

#endif /* CGIO_INTERNAL_H */
