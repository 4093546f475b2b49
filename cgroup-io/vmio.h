/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dm_vmio: what its files share.
 */
#ifndef CGIO_VMIO_H
#define CGIO_VMIO_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/hrtimer.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "latency_core.h"
#include "lease_core.h"
#include "window_core.h"

/** VMIO_NAME_LEN - bytes of a pool's name, with its end */
#define VMIO_NAME_LEN 24

struct vmio_lease;

/** VMIO_KINDS - number of &enum vmio_kind */
#define VMIO_KINDS 3

/** VMIO_HIST - classes of a time in log2 of ns: from less than 2 us to 1 s and more */
#define VMIO_HIST 21

/**
 * struct vmio_pool - disks that are divided as one
 * @cgio: how the VMs and their settings come
 * @node: in the list of pools
 * @users: targets; protected by vmio_pools_lock
 * @name: for people
 * @disk: private disk that schedules
 * @classes: by &cgio_vm.index; written under cgio_lock and @lock, read under either
 * @lock: protects all below, but for the leases themselves
 * @sched: whose turn it is
 * @list: all classes, those of cgroups that are gone too
 * @targets: its members
 * @busy: requests that the disks have, but for those of members that have stalled
 * @passed: those of them that did not wait for a turn
 * @book: what of the window is lent
 * @leases: to whom
 * @window: how many others they get at a time, but for @latency
 * @latency: how many at most, for latency targets of VMs
 * @adapt: @window is found, else it is set
 * @timer: looks whose turn it is when a limit lets go on
 * @wq: of @send, @share and @stall
 * @send: sends what has its turn, of the only member
 * @share: gives what has its turn to the members' workers, of several
 * @stall: looks for members that have stalled, while there is no room
 */
struct vmio_pool {
	struct cgio_pool cgio;
	struct list_head node;
	unsigned int users;
	char name[VMIO_NAME_LEN];
	struct gendisk *disk;
	struct vmio_class **classes;
	spinlock_t lock;	/* scheduler and queues */
	struct vmshare_sched sched;
	struct list_head list;
	struct list_head targets;
	unsigned int busy;
	unsigned int passed;
	struct vmlease_book book;
	struct vmio_lease __percpu *leases;
	struct vmwindow window;
	struct vmlat_disk latency;
	bool adapt;
	struct hrtimer timer;
	struct workqueue_struct *wq;
	struct work_struct send;
	struct work_struct share;
	struct delayed_work stall;
};

/**
 * struct vmio_stats - what a class has had
 * @ios: requests, by &enum vmio_kind
 * @bytes: bytes of them
 * @debt_ios: of them, those that did not wait
 * @late_ios: of them, those that took longer at the disk than the latency target
 * @wait_ns: time in the queue of all of them
 * @disk_ns: time at the disk of all of them
 * @wait: requests by log2 of their time in the queue
 * @disk: requests by log2 of their time at the disk
 */
struct vmio_stats {
	u64 ios[VMIO_KINDS];
	u64 bytes[VMIO_KINDS];
	u64 debt_ios;
	u64 late_ios;
	u64 wait_ns;
	u64 disk_ns;
	u64 wait[VMIO_HIST];
	u64 disk[VMIO_HIST];
};

/**
 * enum vmio_kind - kinds of requests in statistics
 * @VMIO_READ: reads
 * @VMIO_WRITE: writes, of zeroes too, and flushes
 * @VMIO_OTHER: discards and the like
 */
enum vmio_kind {
	VMIO_READ,
	VMIO_WRITE,
	VMIO_OTHER,
};

/**
 * struct vmio_class - a VM in a pool
 * @node: in &vmio_pool.list
 * @parent: its parent's, NULL for the root's
 * @group: the class of it and all below
 * @self: below that the class of its own requests
 * @latency: target for it and for all below that has none of its own
 * @queue: its own requests
 * @refs: a VM, classes below, and requests, queued or at the disk; dead at 0
 * @stats: what it has had
 * @rcu: freed by
 *
 * All protected by the pool's lock.
 */
struct vmio_class {
	struct list_head node;
	struct vmio_class *parent;
	struct vmshare_node group;
	struct vmshare_node self;
	struct vmlat latency;
	struct bio_list queue;
	unsigned int refs;
	struct vmio_stats stats;
	struct rcu_head rcu;
};

/**
 * struct vmio_target - a part of a disk under a dm device
 * @pool: its pool
 * @dev: disk
 * @start: where the part starts, in sectors
 * @wq: of @work
 * @work: sends @out, where the pool has others that must not wait for that
 * @node: in &vmio_pool.targets
 * @out: requests that have had their turn
 * @busy: requests that the disk has, or that are in @out
 * @passed: those of them that did not wait for a turn
 * @done: when one came back last, or the first went there, in ns
 * @stalled: for long none has come back; those that it has are not counted in the pool
 * @draining: nothing waits: the dm device is being suspended
 *
 * @node and all below are protected by the pool's lock.
 */
struct vmio_target {
	struct vmio_pool *pool;
	struct dm_dev *dev;
	sector_t start;
	struct workqueue_struct *wq;
	struct work_struct work;
	struct list_head node;
	struct bio_list out;
	unsigned int busy;
	unsigned int passed;
	u64 done;
	bool stalled;
	bool draining;
};

/**
 * struct vmio_io - what dm keeps for us with each bio
 * @target: where it goes
 * @class: whose it is, NULL before it is known
 * @lease: by which it went, or NULL
 * @term: of that lease
 * @queued: when it came, in ns
 * @issued: when it went to the disk, in ns
 * @bytes: its size
 * @kind: what it is
 * @passed: it did not wait for a turn
 */
struct vmio_io {
	struct vmio_target *target;
	struct vmio_class *class;
	struct vmio_lease *lease;
	u32 term;
	u64 queued;
	u64 issued;
	u32 bytes;
	enum vmio_kind kind;
	bool passed;
};

/* How many requests that have their turns the disks get at a time; with the pool's lock held. */
static inline u32 vmio_window(const struct vmio_pool *pool)
{
	return vmlat_window(&pool->latency, pool->window.window);
}

static inline unsigned int vmio_hist(u64 ns)
{
	/* Less than 2 us, then powers of two. */
	return clamp(fls64(ns) - 11, 0, VMIO_HIST - 1);
}

/* A request has gone to the disk, having waited for @wait ns. */
static inline void vmio_stats_issue(struct vmio_stats *stats, const struct vmio_io *io, u64 wait)
{
	stats->ios[io->kind]++;
	stats->bytes[io->kind] += io->bytes;
	stats->wait_ns += wait;
	stats->wait[vmio_hist(wait)]++;
}

/* It has come back after @ns. */
static inline void vmio_stats_done(struct vmio_stats *stats, u64 ns)
{
	stats->disk_ns += ns;
	stats->disk[vmio_hist(ns)]++;
}

/* lease.c */
struct vmio_lease __percpu *vmio_leases_alloc(void);
void vmio_leases_free(struct vmio_lease __percpu *leases);
bool vmio_lease_submit(struct vmio_pool *pool, struct vmio_io *io, const struct cgio_vm *vm);
bool vmio_lease_end(const struct vmio_io *io);
void vmio_recall(struct vmio_pool *pool);
void vmio_lend(struct vmio_pool *pool, const struct vmio_io *io, const struct cgio_vm *vm);

/* pool.c */
struct vmio_pool *vmio_pool_get(const char *name);
void vmio_pool_put(struct vmio_pool *pool);
void vmio_pool_cover(struct vmio_pool *pool, sector_t sectors);
void vmio_pool_set_window(struct vmio_pool *pool, unsigned int window);
void vmio_pool_adapt(struct vmio_pool *pool, u64 latency);
void vmio_show_stats(struct seq_file *seq, const struct vmio_stats *s);
void vmio_add_stats(struct vmio_stats *sum, const struct vmio_stats *s);

/* queue.c */
void vmio_submit_bio(struct bio *bio);
void vmio_end(struct bio *bio);
void vmio_drain(struct vmio_target *target);
void vmio_undrain(struct vmio_target *target);
void vmio_send_work(struct work_struct *work);
void vmio_share_work(struct work_struct *work);
void vmio_stall_work(struct work_struct *work);
int vmio_join(struct vmio_target *target);
void vmio_leave(struct vmio_target *target);
void vmio_kick(struct vmio_pool *pool, u64 now);
void vmio_class_put(struct vmio_pool *pool, struct vmio_class *class);

#endif /* CGIO_VMIO_H */
