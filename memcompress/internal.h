/* SPDX-License-Identifier: GPL-2.0 */
/*
 * memcompress: what its files share.
 *
 * Lock order, outermost first:
 *
 *   mcz_control_lock -> mcz_dev.lock -> mcz_owner_lock -> mcz_settings_lock
 *   -> mcz_demoter.lock -> mcz_stream.lock -> bit lock of a slot
 *   -> zsmalloc's own locks, mcz_back.lock
 *
 * I/O takes none of the first four: a device is set up before its capacity is, and
 * torn down when nobody has it open. Freeing a slot takes the slot's bit lock
 * only, since swap frees slots under a spinlock and with interrupts off.
 */
#ifndef MCZ_INTERNAL_H
#define MCZ_INTERNAL_H

#include <linux/atomic.h>
#include <linux/blkdev.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "fill_core.h"
#include "owner.h"

struct mcz_back;
struct mcz_demoter;
struct mcz_job;
struct zs_pool;

/** MCZ_SLOTS_PER_LEAF - slots in one page of the slot table */
#define MCZ_SLOTS_PER_LEAF (PAGE_SIZE / sizeof(unsigned long))

/** MCZ_ALG_LEN - bytes of an algorithm's name, with its end */
#define MCZ_ALG_LEN 16

/** MCZ_ALGS - algorithms at a time in a device: its own first, then those of VMs */
#define MCZ_ALGS 6

/** MCZ_ALG_KINDS - algorithms that there are */
#define MCZ_ALG_KINDS 7

/** MCZ_DISKSIZE_MAX - bytes of the largest device; its slot table is 8 MiB bare */
#define MCZ_DISKSIZE_MAX (2ULL << 40)

/**
 * enum mcz_codec - how an object's bytes make a page
 * @MCZ_RAW: they are the page
 * @MCZ_PATTERN: 8 bytes, repeated
 * @MCZ_COMP: this and the %MCZ_ALGS - 1 values after it: compressed by the device's
 *	algorithm of that number
 */
enum mcz_codec {
	MCZ_RAW,
	MCZ_PATTERN,
	MCZ_COMP,
};

/**
 * struct mcz_obj - a page that takes memory
 * @handle: its bytes in the arena, or their block on the backing device
 * @sum: checksum of those bytes
 * @len: bytes, 1 to %MCZ_PAGE
 * @codec: enum mcz_codec, or a value after %MCZ_COMP
 * @owner: index of its owner
 *
 * Written before a slot points to it, constant after that; only that its bytes may
 * move from the arena to the backing device, under the lock of its slot.
 */
struct mcz_obj {
	unsigned long handle;
	u32 sum;
	u16 len : 13;
	u16 codec : 3;
	u16 owner;
} __aligned(16);

/**
 * struct mcz_comp - a way to compress
 * @bare_unpack: @unpack takes no workspace: its first argument may be NULL
 * @create: make a workspace for an algorithm; an error pointer without success
 * @destroy: free it
 * @pack: compress a page into @len bytes at most; returns how many, or 0
 * @unpack: uncompress into a page; returns bytes, or a negative errno
 *
 * A workspace serves one caller at a time. @pack and @unpack do not sleep.
 */
struct mcz_comp {
	bool bare_unpack;
	void *(*create)(const char *name);
	void (*destroy)(void *work);
	unsigned int (*pack)(void *work, const void *page, void *to,
			     unsigned int len);
	int (*unpack)(void *work, const void *from, unsigned int len, void *page);
};

/**
 * struct mcz_stream - what one compression or decompression needs
 * @lock: protects the others while one page is in work
 * @work: workspaces of the pool's algorithms
 * @buf: two pages for the result of compression
 */
struct mcz_stream {
	struct mutex lock;	/* one page at a time */
	void *work[MCZ_ALGS];
	void *buf;
};

/**
 * struct mcz_stats - counters of a device; each CPU has its own set
 * @pages: pages stored now, of any kind
 * @same: of them, pages of one value
 * @huge: of them, pages stored uncompressed
 * @huge_since: pages stored uncompressed since the set-up
 * @noise: pages that the pre-filter kept from the compressor
 * @bytes: bytes of all objects, as compressed
 * @failed_reads: page reads that failed
 * @failed_writes: page writes that failed
 * @invalid_io: requests that are not of whole pages of the device
 * @notify_free: slots that swap or discard gave back, empty or not
 * @bad_sum: objects whose bytes had changed
 * @reserve: stores that dipped into the emergency reserve
 * @bd_count: of the pages, those on the backing device
 * @bd_reads: blocks read from it
 * @bd_writes: blocks written to it
 * @bd_errors: reads and writes that it failed
 */
struct mcz_stats {
	s64 pages;
	s64 same;
	s64 huge;
	s64 huge_since;
	s64 noise;
	s64 bytes;
	s64 failed_reads;
	s64 failed_writes;
	s64 invalid_io;
	s64 notify_free;
	s64 bad_sum;
	s64 reserve;
	s64 bd_count;
	s64 bd_reads;
	s64 bd_writes;
	s64 bd_errors;
};

/**
 * struct mcz_pool - a device's store, from its set-up to its reset
 * @nslots: pages of the device
 * @leaf: the slot table: pages of slots, each made at its first write
 * @arena: where objects' bytes lie
 * @comp: algorithms, the device's own first; written under mcz_settings_lock
 * @slot_of: by algorithm, where it is in @comp, 0 where it is not
 * @alg: the device's own algorithm
 * @bare: all of them unpack without a stream
 * @streams: @nstreams of them
 * @nstreams: as many as CPUs were online
 * @jobs: large bios that CPUs share, @njobs of them
 * @njobs: as many as CPUs were online
 * @huge_size: objects of that many bytes and more take a page anyway
 * @stats: counters
 * @limit: pages the arena may take, 0 = no limit
 * @used_max: most pages it has taken
 * @reserve_left: stores that may yet dip into the emergency reserve at once
 * @bounce: pages for data that lies in pieces
 * @reserved: bytes that owners lack to their minima, see mcz_owner_balance()
 * @node: in the list of stores, for owner.c
 * @back: backing device, or NULL
 * @demoter: moves objects there, or NULL
 */
struct mcz_pool {
	unsigned long nslots;
	unsigned long **leaf;
	struct zs_pool *arena;
	const struct mcz_comp *comp[MCZ_ALGS];
	u8 slot_of[MCZ_ALG_KINDS];
	u8 alg;
	bool bare;
	struct mcz_stream *streams;
	unsigned int nstreams;
	struct mcz_job *jobs;
	unsigned int njobs;
	size_t huge_size;
	struct mcz_stats __percpu *stats;
	unsigned long limit;
	atomic_long_t used_max;
	atomic_t reserve_left;
	mempool_t bounce;
	u64 reserved;
	struct list_head node;
	struct mcz_back *back;
	struct mcz_demoter *demoter;
};

/**
 * struct mcz_dev - a device /dev/memcompressN
 * @disk: its disk
 * @id: N
 * @lock: serialises configuration; protects all below
 * @claimed: being reset or removed: cannot be opened; also under open_mutex
 * @sync: swap may wait for it instead of going through the swap cache
 * @alg: algorithm
 * @limit: see &struct mcz_pool
 * @back: backing device, or NULL; the store uses it too
 * @users: files that use the store without the lock; it cannot be reset
 * @wb_limited: @wb_limit counts; without the lock
 * @wb_limit: pages that may yet be moved to the backing device; without the lock
 * @pool: store, NULL until the disk size is set
 */
struct mcz_dev {
	struct gendisk *disk;
	int id;
	struct mutex lock;	/* configuration */
	bool claimed;
	bool sync;
	char alg[MCZ_ALG_LEN];
	unsigned long limit;
	struct mcz_back *back;
	unsigned int users;
	bool wb_limited;
	atomic64_t wb_limit;
	struct mcz_pool *pool;
};

/* Adds to the counter at that offset in &struct mcz_stats; any context. */
static inline void mcz_count_at(struct mcz_pool *pool, size_t at, s64 n)
{
	s64 __percpu *first = (s64 __percpu *)pool->stats;

	this_cpu_add(first[at / sizeof(s64)], n);
}

#define mcz_count(pool, field, n) \
	mcz_count_at(pool, offsetof(struct mcz_stats, field), n)

/* main.c */
extern bool mcz_zram_compat;
extern char *mcz_default_alg;

/* control.c */
int mcz_control_init(void);
void mcz_control_exit(void);

/* disk.c */
int mcz_disk_init(void);
void mcz_disk_exit(void);
struct mcz_dev *mcz_dev_create(int id);
int mcz_dev_remove(struct mcz_dev *dev, bool unload);
int mcz_dev_setup(struct mcz_dev *dev, u64 bytes);
int mcz_dev_reset(struct mcz_dev *dev);
int mcz_dev_set_sync(struct mcz_dev *dev, bool sync);
const char *mcz_disk_prefix(void);
bool mcz_bio_pages(struct mcz_pool *pool, struct bio *bio, struct bvec_iter *iter,
		   unsigned int max);
bool mcz_disk_is_ours(const struct gendisk *disk);

/* sysfs.c */
int mcz_parse_bytes(const char *buf, u64 *bytes);
extern const struct attribute_group *mcz_disk_groups[];

/* comp.c */
const struct mcz_comp *mcz_comp_find(const char *name);

/* vm.c */
int mcz_vm_init(void);
void mcz_vm_exit(void);
void mcz_vm_reap(void);

/* job.c */
int mcz_job_init(void);
void mcz_job_exit(void);
int mcz_jobs_create(struct mcz_pool *pool);
void mcz_jobs_destroy(struct mcz_pool *pool);
bool mcz_job_share(struct mcz_pool *pool, struct bio *bio);

/* stream.c */
int mcz_alg_find(const char *name);
const char *mcz_alg_name(unsigned int alg);
ssize_t mcz_alg_list(const char *current_alg, char *buf);
int mcz_streams_create(struct mcz_pool *pool, const char *alg);
int mcz_streams_use(struct mcz_pool *pool, unsigned int alg);
void mcz_streams_destroy(struct mcz_pool *pool);
struct mcz_stream *mcz_stream_get(struct mcz_pool *pool);
void mcz_stream_put(struct mcz_stream *stream);

/* pool.c */
int mcz_pool_init(void);
void mcz_pool_exit(void);
struct mcz_pool *mcz_pool_create(const char *name, const char *alg, u64 bytes,
				 unsigned long limit);
void mcz_pool_destroy(struct mcz_pool *pool);
int mcz_pool_store(struct mcz_pool *pool, unsigned long index, struct page *page);
int mcz_pool_load(struct mcz_pool *pool, unsigned long index, struct page *page);
void mcz_pool_free(struct mcz_pool *pool, unsigned long index);
void mcz_pool_discard(struct mcz_pool *pool, unsigned long first,
		      unsigned long end);
struct mcz_obj *mcz_pool_head(struct mcz_pool *pool);
void mcz_pool_head_free(struct mcz_obj *obj);
void mcz_pool_pack(struct mcz_pool *pool, struct mcz_obj *obj, struct page *page,
		   void *buf);
void mcz_pool_drop(struct mcz_obj *obj);
void mcz_pool_publish(struct mcz_pool *pool, unsigned long index,
		      struct mcz_obj *obj);
bool mcz_pool_move(struct mcz_pool *pool, unsigned long index, unsigned long word,
		   unsigned long block, bool good);
int mcz_pool_unpack(struct mcz_pool *pool, const struct mcz_obj *head,
		    const void *src, struct page *page);
void mcz_pool_sum(const struct mcz_pool *pool, struct mcz_stats *sum);

/* back.c */
struct mcz_back *mcz_back_open(const char *path, bool force);
void mcz_back_close(struct mcz_back *back);
const char *mcz_back_path(const struct mcz_back *back);
void mcz_back_drain(struct mcz_back *back);
struct block_device *mcz_back_bdev(const struct mcz_back *back);
long mcz_back_alloc(struct mcz_back *back);
void mcz_back_free(struct mcz_back *back, unsigned long block);
int mcz_back_write(struct mcz_pool *pool, unsigned long index, struct page *page,
		   struct bio *parent);
int mcz_back_read(struct mcz_pool *pool, unsigned long index, struct page *page,
		  struct bio *parent);

/**
 * enum mcz_what - which objects to move to the backing device
 * @MCZ_WHAT_IDLE: idle ones only
 * @MCZ_WHAT_HUGE: uncompressed ones only
 * @MCZ_WHAT_OWNERS: only those of owners above their marks
 * @MCZ_WHAT_MARK: mark others idle
 */
enum mcz_what {
	MCZ_WHAT_IDLE = BIT(0),
	MCZ_WHAT_HUGE = BIT(1),
	MCZ_WHAT_OWNERS = BIT(2),
	MCZ_WHAT_MARK = BIT(3),
};

/* demote.c */
int mcz_demoter_create(struct mcz_pool *pool, struct mcz_dev *dev);
int mcz_demoter_stop(struct mcz_demoter *demoter);
void mcz_demoter_destroy(struct mcz_demoter *demoter);
void mcz_demote_check(struct mcz_pool *pool, struct mcz_owner *owner);
int mcz_demote_now(struct mcz_pool *pool, enum mcz_what what, unsigned long first,
		   unsigned long end);
void mcz_demote_mark(struct mcz_pool *pool);

#endif /* MCZ_INTERNAL_H */
