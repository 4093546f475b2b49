// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of a device, in /sys/block/memcompressN/. Names, order and units are
 * zram's, so that its tools read them; see Documentation/ABI.
 */
#include <linux/blkdev.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/zsmalloc.h>

#include "internal.h"

static struct mcz_dev *mcz_of(struct device *d)
{
	return dev_to_disk(d)->private_data;
}

/**
 * mcz_parse_bytes() - a number of bytes, as written to a file
 * @buf: number, suffix K, M, G, T, P or E, end of line
 * @bytes: the number; what exceeds 64 bits is the largest one
 *
 * Return: 0, or -EINVAL for anything else.
 */
int mcz_parse_bytes(const char *buf, u64 *bytes)
{
	static const char suffixes[] = "KMGTPE";
	size_t digits = strspn(buf, "0123456789abcdefABCDEFx");
	unsigned int shift = 0;
	const char *suffix;
	char number[24];
	int r;

	/* E is a digit, too, but none that a decimal number ends with. */
	if (digits && strncmp(buf, "0x", 2))
		digits = strspn(buf, "0123456789");
	if (!digits || digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, buf, digits);
	number[digits] = 0;
	buf += digits;
	if (*buf) {
		suffix = strchr(suffixes, toupper(*buf));
		if (suffix) {
			shift = 10 * (suffix - suffixes + 1);
			buf++;
		}
	}
	if (!sysfs_streq(buf, ""))
		return -EINVAL;
	r = kstrtoull(number, 0, bytes);
	if (r == -ERANGE || (!r && *bytes > U64_MAX >> shift)) {
		*bytes = U64_MAX;
		return 0;
	}
	*bytes <<= shift;
	return r;
}

static ssize_t disksize_show(struct device *d, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  (u64)get_capacity(dev_to_disk(d)) << SECTOR_SHIFT);
}

static ssize_t disksize_store(struct device *d, struct device_attribute *attr,
			      const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	u64 bytes;
	int r;

	r = mcz_parse_bytes(buf, &bytes);
	if (r)
		return r;
	mutex_lock(&dev->lock);
	r = mcz_dev_setup(dev, bytes);
	mutex_unlock(&dev->lock);
	return r ? r : len;
}
static DEVICE_ATTR_RW(disksize);

static ssize_t initstate_show(struct device *d, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%d\n", !!READ_ONCE(mcz_of(d)->pool));
}
static DEVICE_ATTR_RO(initstate);

static ssize_t reset_store(struct device *d, struct device_attribute *attr,
			   const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	bool yes;
	int r;

	r = kstrtobool(buf, &yes);
	if (r)
		return r;
	if (!yes)
		return -EINVAL;
	mutex_lock(&dev->lock);
	r = mcz_dev_reset(dev);
	mutex_unlock(&dev->lock);
	return r ? r : len;
}
static DEVICE_ATTR_WO(reset);

static ssize_t comp_algorithm_show(struct device *d,
				   struct device_attribute *attr, char *buf)
{
	struct mcz_dev *dev = mcz_of(d);
	char name[MCZ_ALG_LEN];

	mutex_lock(&dev->lock);
	strscpy(name, dev->alg, sizeof(name));
	mutex_unlock(&dev->lock);
	/* It may load modules, which is nothing to hold the lock for. */
	return mcz_alg_list(name, buf);
}

static ssize_t comp_algorithm_store(struct device *d,
				    struct device_attribute *attr,
				    const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	char name[MCZ_ALG_LEN];
	int r = 0;

	if (strscpy(name, buf, sizeof(name)) < 0)
		return -EINVAL;
	strim(name);
	if (mcz_alg_find(name) < 0)
		return -EINVAL;
	mutex_lock(&dev->lock);
	if (dev->pool)
		r = -EBUSY;
	else
		strscpy(dev->alg, name, sizeof(dev->alg));
	mutex_unlock(&dev->lock);
	return r ? r : len;
}
static DEVICE_ATTR_RW(comp_algorithm);

/* Kept for scripts that write it; streams are as many as CPUs. */
static ssize_t max_comp_streams_show(struct device *d,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", num_online_cpus());
}

static ssize_t max_comp_streams_store(struct device *d,
				      struct device_attribute *attr,
				      const char *buf, size_t len)
{
	int n;

	return kstrtoint(buf, 0, &n) ?: len;
}
static DEVICE_ATTR_RW(max_comp_streams);

static ssize_t mem_limit_store(struct device *d, struct device_attribute *attr,
			       const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	u64 bytes;
	int r;

	r = mcz_parse_bytes(buf, &bytes);
	if (r)
		return r;
	mutex_lock(&dev->lock);
	/* More than any device holds; sums of limits must not overflow. */
	bytes = min(bytes, MCZ_LIMIT_NONE);
	dev->limit = DIV_ROUND_UP(bytes, PAGE_SIZE);
	if (dev->pool)
		WRITE_ONCE(dev->pool->limit, dev->limit);
	mutex_unlock(&dev->lock);
	return len;
}
static DEVICE_ATTR_WO(mem_limit);

static ssize_t mem_used_max_store(struct device *d,
				  struct device_attribute *attr,
				  const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	unsigned long zero;

	if (kstrtoul(buf, 10, &zero) || zero)
		return -EINVAL;
	mutex_lock(&dev->lock);
	if (dev->pool)
		atomic_long_set(&dev->pool->used_max,
				zs_get_total_pages(dev->pool->arena));
	mutex_unlock(&dev->lock);
	return len;
}
static DEVICE_ATTR_WO(mem_used_max);

static ssize_t compact_store(struct device *d, struct device_attribute *attr,
			     const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	int r = 0;

	mutex_lock(&dev->lock);
	if (dev->pool)
		zs_compact(dev->pool->arena);
	else
		r = -EINVAL;
	mutex_unlock(&dev->lock);
	return r ? r : len;
}
static DEVICE_ATTR_WO(compact);

static ssize_t sync_show(struct device *d, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%d\n", mcz_of(d)->sync);
}

static ssize_t sync_store(struct device *d, struct device_attribute *attr,
			  const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	bool sync;
	int r;

	r = kstrtobool(buf, &sync);
	if (r)
		return r;
	mutex_lock(&dev->lock);
	r = mcz_dev_set_sync(dev, sync);
	mutex_unlock(&dev->lock);
	return r ? r : len;
}
static DEVICE_ATTR_RW(sync);

static ssize_t backing_dev_show(struct device *d, struct device_attribute *attr,
				char *buf)
{
	struct mcz_dev *dev = mcz_of(d);
	ssize_t n;

	mutex_lock(&dev->lock);
	n = sysfs_emit(buf, "%s\n", mcz_back_path(dev->back));
	mutex_unlock(&dev->lock);
	return n;
}

/* "PATH", "force:PATH" or "none" */
static ssize_t backing_dev_store(struct device *d, struct device_attribute *attr,
				 const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	struct mcz_back *back = NULL;
	char *path, *name;
	bool force;
	int r = 0;

	path = kstrndup(buf, len, GFP_KERNEL);
	if (!path)
		return -ENOMEM;
	name = strim(path);
	force = strstarts(name, "force:");
	if (force)
		name += strlen("force:");
	mutex_lock(&dev->lock);
	if (dev->pool) {
		r = -EBUSY;
		goto out;
	}
	if (strcmp(name, "none"))
		back = mcz_back_open(name, force);
	if (IS_ERR(back)) {
		r = PTR_ERR(back);
		goto out;
	}
	mcz_back_close(dev->back);
	dev->back = back;
out:
	mutex_unlock(&dev->lock);
	kfree(path);
	return r ? r : len;
}
static DEVICE_ATTR_RW(backing_dev);

/* The store for as long as it takes, without the lock; mcz_store_put() follows. */
static struct mcz_pool *mcz_store_get(struct mcz_dev *dev)
{
	struct mcz_pool *pool;

	mutex_lock(&dev->lock);
	pool = dev->pool;
	if (pool)
		dev->users++;
	mutex_unlock(&dev->lock);
	return pool;
}

static void mcz_store_put(struct mcz_dev *dev)
{
	mutex_lock(&dev->lock);
	dev->users--;
	mutex_unlock(&dev->lock);
}

static ssize_t idle_store(struct device *d, struct device_attribute *attr,
			  const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	struct mcz_pool *pool;

	if (!sysfs_streq(buf, "all"))
		return -EINVAL;
	pool = mcz_store_get(dev);
	if (!pool)
		return -EINVAL;
	mcz_demote_mark(pool);
	mcz_store_put(dev);
	return len;
}
static DEVICE_ATTR_WO(idle);

static ssize_t writeback_store(struct device *d, struct device_attribute *attr,
			       const char *buf, size_t len)
{
	struct mcz_dev *dev = mcz_of(d);
	unsigned long first = 0, end = ULONG_MAX;
	enum mcz_what what = 0;
	struct mcz_pool *pool;
	int r;

	if (sysfs_streq(buf, "idle"))
		what = MCZ_WHAT_IDLE;
	else if (sysfs_streq(buf, "huge") || sysfs_streq(buf, "incompressible"))
		what = MCZ_WHAT_HUGE;
	else if (sysfs_streq(buf, "huge_idle"))
		what = MCZ_WHAT_HUGE | MCZ_WHAT_IDLE;
	else if (strstarts(buf, "page_index=") &&
		 !kstrtoul(buf + strlen("page_index="), 10, &first) &&
		 first < ULONG_MAX)
		end = first + 1;
	else
		return -EINVAL;
	pool = mcz_store_get(dev);
	if (!pool)
		return -EINVAL;
	if (!pool->demoter)
		r = -ENODEV;
	else if (first >= pool->nslots)
		r = -EINVAL;
	else
		r = mcz_demote_now(pool, what, first, min(end, pool->nslots));
	mcz_store_put(dev);
	return r ? r : len;
}
static DEVICE_ATTR_WO(writeback);

static ssize_t writeback_limit_show(struct device *d,
				    struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lld\n", atomic64_read(&mcz_of(d)->wb_limit));
}

static ssize_t writeback_limit_store(struct device *d,
				     struct device_attribute *attr,
				     const char *buf, size_t len)
{
	u64 pages;

	if (kstrtou64(buf, 10, &pages) || pages > S64_MAX)
		return -EINVAL;
	atomic64_set(&mcz_of(d)->wb_limit, pages);
	return len;
}
static DEVICE_ATTR_RW(writeback_limit);

static ssize_t writeback_limit_enable_show(struct device *d,
					   struct device_attribute *attr,
					   char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(mcz_of(d)->wb_limited));
}

static ssize_t writeback_limit_enable_store(struct device *d,
					    struct device_attribute *attr,
					    const char *buf, size_t len)
{
	bool yes;

	if (kstrtobool(buf, &yes))
		return -EINVAL;
	WRITE_ONCE(mcz_of(d)->wb_limited, yes);
	return len;
}
static DEVICE_ATTR_RW(writeback_limit_enable);

/* The counters of a device; all zero while it is bare. */
static void mcz_stats_get(struct mcz_dev *dev, struct mcz_stats *s)
{
	lockdep_assert_held(&dev->lock);
	memset(s, 0, sizeof(*s));
	if (dev->pool)
		mcz_pool_sum(dev->pool, s);
}

static ssize_t mm_stat_show(struct device *d, struct device_attribute *attr,
			    char *buf)
{
	struct mcz_dev *dev = mcz_of(d);
	struct zs_pool_stats zs = { };
	u64 used = 0, max = 0, limit;
	struct mcz_stats s;

	mutex_lock(&dev->lock);
	mcz_stats_get(dev, &s);
	if (dev->pool) {
		zs_pool_stats(dev->pool->arena, &zs);
		used = zs_get_total_pages(dev->pool->arena);
		max = atomic_long_read(&dev->pool->used_max);
	}
	limit = dev->limit;
	mutex_unlock(&dev->lock);
	return sysfs_emit(buf, "%8lld %8lld %8llu %8llu %8llu %8lld %8lu %8lld %8lld\n",
			  s.pages << PAGE_SHIFT, s.bytes, used << PAGE_SHIFT,
			  limit << PAGE_SHIFT, max << PAGE_SHIFT, s.same,
			  atomic_long_read(&zs.pages_compacted), s.huge,
			  s.huge_since);
}
static DEVICE_ATTR_RO(mm_stat);

static ssize_t io_stat_show(struct device *d, struct device_attribute *attr,
			    char *buf)
{
	struct mcz_dev *dev = mcz_of(d);
	struct mcz_stats s;

	mutex_lock(&dev->lock);
	mcz_stats_get(dev, &s);
	mutex_unlock(&dev->lock);
	return sysfs_emit(buf, "%8lld %8lld %8lld %8lld\n", s.failed_reads,
			  s.failed_writes, s.invalid_io, s.notify_free);
}
static DEVICE_ATTR_RO(io_stat);

static ssize_t bd_stat_show(struct device *d, struct device_attribute *attr,
			    char *buf)
{
	struct mcz_dev *dev = mcz_of(d);
	struct mcz_stats s;

	mutex_lock(&dev->lock);
	mcz_stats_get(dev, &s);
	mutex_unlock(&dev->lock);
	return sysfs_emit(buf, "%8lld %8lld %8lld\n", s.bd_count, s.bd_reads,
			  s.bd_writes);
}
static DEVICE_ATTR_RO(bd_stat);

static ssize_t debug_stat_show(struct device *d, struct device_attribute *attr,
			       char *buf)
{
	struct mcz_dev *dev = mcz_of(d);
	struct mcz_stats s;

	mutex_lock(&dev->lock);
	mcz_stats_get(dev, &s);
	mutex_unlock(&dev->lock);
	/* writestall and miss_free are zram's: it has them, we have not. */
	return sysfs_emit(buf, "version: 1\n%8d %8d\nnoise %lld\n"
			  "bad_sum %lld\nreserve %lld\nbd_errors %lld\n",
			  0, 0, s.noise, s.bad_sum, s.reserve, s.bd_errors);
}
static DEVICE_ATTR_RO(debug_stat);

static struct attribute *mcz_disk_attrs[] = {
	&dev_attr_disksize.attr,
	&dev_attr_initstate.attr,
	&dev_attr_reset.attr,
	&dev_attr_compact.attr,
	&dev_attr_mem_limit.attr,
	&dev_attr_mem_used_max.attr,
	&dev_attr_max_comp_streams.attr,
	&dev_attr_comp_algorithm.attr,
	&dev_attr_backing_dev.attr,
	&dev_attr_idle.attr,
	&dev_attr_writeback.attr,
	&dev_attr_writeback_limit.attr,
	&dev_attr_writeback_limit_enable.attr,
	&dev_attr_sync.attr,
	&dev_attr_io_stat.attr,
	&dev_attr_mm_stat.attr,
	&dev_attr_bd_stat.attr,
	&dev_attr_debug_stat.attr,
	NULL,
};

static const struct attribute_group mcz_disk_group = {
	.attrs = mcz_disk_attrs,
};

const struct attribute_group *mcz_disk_groups[] = {
	&mcz_disk_group,
	NULL,
};
