// SPDX-License-Identifier: GPL-2.0
/*
 * dm_vmio: disks that VMs share as their cgroups say.
 *
 * Table: <start> <length> vmio <device> [pool=<name>] [offset=<sectors>]
 *        [window=<n>|window=auto|latency=<us>]
 */
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vmio.h"

#define DM_MSG_PREFIX "vmio"

#define VMIO_ARGS_MAX 4

/* Classes that are looked at under the lock at a time. */
#define VMIO_SUM_BATCH 64

/**
 * struct vmio_window - how many requests the disks get at a time
 * @given: anything is said about it
 * @fixed: that many, or 0 to find out
 * @latency: to find out by, in ns, or 0
 */
struct vmio_window {
	bool given;
	unsigned int fixed;
	u64 latency;
};

/**
 * struct vmio_args - what a table says beside the device
 * @pool: name of the pool
 * @offset: where the part of the device starts, in sectors
 * @window: as it is to be
 */
struct vmio_args {
	const char *pool;
	u64 offset;
	struct vmio_window window;
};

/* It becomes part of a disk's name. */
static bool vmio_is_name(const char *name)
{
	const char *at;

	for (at = name; isalnum(*at) || *at == '-' || *at == '_'; at++)
		;
	return at > name && !*at && at - name < VMIO_NAME_LEN;
}

/* A number, or "auto". */
static int vmio_parse_window(const char *text, struct vmio_window *window)
{
	int r = 0;

	window->fixed = 0;
	window->latency = 0;
	if (strcmp(text, "auto")) {
		r = kstrtouint(text, 10, &window->fixed);
		if (!r && (window->fixed < VMWINDOW_MIN || window->fixed > VMWINDOW_MAX))
			r = -ERANGE;
	}
	window->given = !r;
	return r;
}

/* In us, as io.latency has it. */
static int vmio_parse_latency(const char *text, struct vmio_window *window)
{
	u64 us;
	int r = kstrtou64(text, 10, &us);

	if (r)
		return r;
	if (!us || us > VMWINDOW_LATENCY_MAX / NSEC_PER_USEC)
		return -ERANGE;
	*window = (struct vmio_window){ .given = true, .latency = us * NSEC_PER_USEC };
	return 0;
}

static void vmio_set_window(struct vmio_pool *pool, const struct vmio_window *window)
{
	if (!window->given)
		return;
	if (window->fixed)
		vmio_pool_set_window(pool, window->fixed);
	else
		vmio_pool_adapt(pool, window->latency);
}

static int vmio_parse_arg(const char *text, struct vmio_args *args)
{
	if (!strncmp(text, "pool=", 5)) {
		args->pool = text + 5;
		return vmio_is_name(args->pool) ? 0 : -EINVAL;
	}
	if (!strncmp(text, "offset=", 7))
		return kstrtou64(text + 7, 10, &args->offset);
	if (!strncmp(text, "window=", 7))
		return vmio_parse_window(text + 7, &args->window);
	if (!strncmp(text, "latency=", 8))
		return vmio_parse_latency(text + 8, &args->window);
	return -EINVAL;
}

static int vmio_parse(struct dm_target *ti, unsigned int argc, char **argv,
		      struct vmio_args *args)
{
	unsigned int i;
	int r;

	if (argc < 1 || argc > VMIO_ARGS_MAX) {
		ti->error = "vmio: a device, and then pool=, offset= and window= or latency=";
		return -EINVAL;
	}
	for (i = 1; i < argc; i++) {
		r = vmio_parse_arg(argv[i], args);
		if (r) {
			ti->error = "vmio: bad value of pool=, offset=, window= or latency=";
			return r;
		}
	}
	return 0;
}

static int vmio_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct vmio_args args = { .pool = "default" };
	struct vmio_target *t;
	int r;

	r = vmio_parse(ti, argc, argv, &args);
	if (r)
		return r;
	/* What counts as one request is one. */
	r = dm_set_target_max_io_len(ti, VMSHARE_AMOUNT_MAX >> SECTOR_SHIFT);
	if (r)
		return r;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t) {
		ti->error = "vmio: out of memory";
		return -ENOMEM;
	}
	t->start = args.offset;
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &t->dev);
	if (r) {
		ti->error = "vmio: no such device";
		goto err_target;
	}
	t->pool = vmio_pool_get(args.pool);
	if (IS_ERR(t->pool)) {
		ti->error = "vmio: cannot make the pool";
		r = PTR_ERR(t->pool);
		goto err_dev;
	}
	r = vmio_join(t);
	if (r) {
		ti->error = "vmio: out of memory";
		goto err_pool;
	}
	vmio_pool_cover(t->pool, bdev_nr_sectors(t->dev->bdev));
	vmio_set_window(t->pool, &args.window);
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	ti->num_secure_erase_bios = 1;
	ti->num_write_zeroes_bios = 1;
	ti->per_io_data_size = sizeof(struct vmio_io);
	ti->private = t;
	return 0;

err_pool:
	vmio_pool_put(t->pool);
err_dev:
	dm_put_device(ti, t->dev);
err_target:
	kfree(t);
	return r;
}

static void vmio_dtr(struct dm_target *ti)
{
	struct vmio_target *t = ti->private;

	vmio_leave(t);
	vmio_pool_put(t->pool);
	dm_put_device(ti, t->dev);
	kfree(t);
}

static int vmio_map(struct dm_target *ti, struct bio *bio)
{
	struct vmio_target *t = ti->private;
	struct vmio_io *io = dm_per_bio_data(bio, sizeof(*io));

	io->target = t;
	io->class = NULL;
	bio_clear_polled(bio);
	/* As bio_set_dev(), but for the cgroup: dm brings that of the original. */
	bio_clear_flag(bio, BIO_BPS_THROTTLED);
	bio->bi_bdev = t->pool->disk->part0;
	bio->bi_iter.bi_sector = t->start + dm_target_offset(ti, bio->bi_iter.bi_sector);
	return DM_MAPIO_REMAPPED;
}

static int vmio_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *error)
{
	vmio_end(bio);
	return DM_ENDIO_DONE;
}

static void vmio_presuspend(struct dm_target *ti)
{
	vmio_drain(ti->private);
}

static void vmio_resume(struct dm_target *ti)
{
	vmio_undrain(ti->private);
}

static void vmio_status(struct dm_target *ti, status_type_t type, unsigned int flags,
			char *result, unsigned int maxlen)
{
	struct vmio_target *t = ti->private;
	struct vmio_pool *pool = t->pool;
	unsigned int sz = 0, busy;
	struct vmwindow window;
	bool adapt, stalled;
	u32 at_most;

	spin_lock_irq(&pool->lock);
	vmio_recall(pool);
	stalled = t->stalled;
	busy = pool->busy;
	window = pool->window;
	adapt = pool->adapt;
	at_most = vmio_window(pool);
	spin_unlock_irq(&pool->lock);
	switch (type) {
	case STATUSTYPE_INFO:
		DMEMIT("%s busy=%u window=%u%s", pool->name, busy, at_most,
		       stalled ? " stalled" : "");
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s pool=%s offset=%llu", t->dev->name, pool->name,
		       (unsigned long long)t->start);
		if (!adapt)
			DMEMIT(" window=%u", window.base);
		else if (window.target)
			DMEMIT(" latency=%llu", window.target / NSEC_PER_USEC);
		else
			DMEMIT(" window=auto");
		break;
	case STATUSTYPE_IMA:
		DMEMIT_TARGET_NAME_VERSION(ti->type);
		DMEMIT(",device_name=%s,pool=%s,start=%llu;", t->dev->name, pool->name,
		       (unsigned long long)t->start);
		break;
	}
}

/* All VMs of the pool together. */
static void vmio_show_sum(struct vmio_pool *pool, struct seq_file *seq)
{
	unsigned int first, i, vms = 0, queued = 0;
	struct vmio_stats sum = { };

	for (first = 0; first < CGIO_VMS_MAX; first += VMIO_SUM_BATCH) {
		spin_lock_irq(&pool->lock);
		vmio_recall(pool);
		for (i = first; i < first + VMIO_SUM_BATCH; i++) {
			const struct vmio_class *class = pool->classes[i];

			if (!class)
				continue;
			vms++;
			queued += class->self.queued;
			vmio_add_stats(&sum, &class->stats);
		}
		spin_unlock_irq(&pool->lock);
	}
	seq_puts(seq, pool->name);
	vmio_show_stats(seq, &sum);
	seq_printf(seq, " queued=%u cgroups=%u", queued, vms);
}

static int vmio_message(struct dm_target *ti, unsigned int argc, char **argv,
			char *result, unsigned int maxlen)
{
	struct seq_file seq = { .buf = result, .size = maxlen };
	struct vmio_target *t = ti->private;
	struct vmio_window window = { };
	int r = -EINVAL;

	if (argc == 1 && !strcmp(argv[0], "stat")) {
		vmio_show_sum(t->pool, &seq);
		/* Too long: dm wants it to fill the buffer, and who asks brings a larger one. */
		if (seq_has_overflowed(&seq) && maxlen) {
			memset(result, ' ', maxlen - 1);
			result[maxlen - 1] = '\0';
		}
		return 1;
	}
	if (argc == 2 && !strcmp(argv[0], "window"))
		r = vmio_parse_window(argv[1], &window);
	else if (argc == 2 && !strcmp(argv[0], "latency"))
		r = vmio_parse_latency(argv[1], &window);
	if (r)
		DMERR("messages are: window <n>, window auto, latency <us>, stat");
	else
		vmio_set_window(t->pool, &window);
	return r;
}

static int vmio_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn,
				void *data)
{
	struct vmio_target *t = ti->private;

	return fn(ti, t->dev, t->start, ti->len, data);
}

/* Zeroes may be as much work as data: what counts as one request is one. */
static void vmio_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	limits->max_write_zeroes_sectors = min(limits->max_write_zeroes_sectors,
					       VMSHARE_AMOUNT_MAX >> SECTOR_SHIFT);
}

static struct target_type vmio_target_type = {
	.name = "vmio",
	.version = { 1, 0, 0 },
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = vmio_ctr,
	.dtr = vmio_dtr,
	.map = vmio_map,
	.end_io = vmio_end_io,
	.presuspend = vmio_presuspend,
	.presuspend_undo = vmio_resume,
	.resume = vmio_resume,
	.status = vmio_status,
	.message = vmio_message,
	.iterate_devices = vmio_iterate_devices,
	.io_hints = vmio_io_hints,
};

static int __init vmio_init(void)
{
	return dm_register_target(&vmio_target_type);
}
module_init(vmio_init);

static void __exit vmio_exit(void)
{
	dm_unregister_target(&vmio_target_type);
}
module_exit(vmio_exit);

MODULE_AUTHOR("vmaccel maintainers");
MODULE_DESCRIPTION("Device-mapper target that divides disks among VMs");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
