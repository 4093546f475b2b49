// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: disks that are divided as one, and the private disk in which that is done.
 *
 * A pool comes with the first target that names it and goes with the last. Its disk is
 * one that nobody can open. It takes all that its members may take, since what a member
 * does not know is refused, or left out, when the request goes on to it; in particular
 * flushes, which the block layer keeps from a disk that has no write cache.
 */
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vmio.h"

static DEFINE_MUTEX(vmio_pools_lock);	/* protects vmio_pools and their users */
static LIST_HEAD(vmio_pools);

static struct vmio_pool *vmio_of_cgio(struct cgio_pool *cgio)
{
	return container_of(cgio, struct vmio_pool, cgio);
}

static void vmio_apply(struct vmio_pool *pool, struct vmio_class *class,
		       const struct cgio_vm *vm)
{
	const u64 now = ktime_get_ns();
	struct vmshare_node *group = &class->group;
	unsigned int i;

	lockdep_assert_held(&pool->lock);
	vmio_recall(pool);
	vmshare_set_weight(&pool->sched, group, cgio_vm_weight(vm), now);
	for (i = 0; i < VMSHARE_UNITS; i++) {
		if (group->limit[i].rate != vm->limit[i])
			vmshare_set_limit(&pool->sched, group, i, vm->limit[i], now);
		if (group->reserve[i].rate != vm->reserve[i])
			vmshare_set_reserve(&pool->sched, group, i, vm->reserve[i], now);
	}
	if (class->latency.target != vm->latency * NSEC_PER_USEC)
		vmlat_set_target(&pool->latency, &class->latency, vm->latency * NSEC_PER_USEC,
				 now);
	vmio_kick(pool, now);
}

static int vmio_add(struct cgio_pool *cgio, struct cgio_vm *vm)
{
	struct vmio_pool *pool = vmio_of_cgio(cgio);
	struct vmio_class *class, *parent = NULL;

	class = kzalloc(sizeof(*class), GFP_KERNEL);
	if (!class)
		return -ENOMEM;
	if (vm->parent)
		parent = pool->classes[vm->parent->index];
	spin_lock_irq(&pool->lock);
	bio_list_init(&class->queue);
	class->refs = 1;
	class->parent = parent;
	if (parent)
		parent->refs++;
	/* The depth of VMs is such that they fit. */
	vmshare_add(&class->group, parent ? &parent->group : &pool->sched.root,
		    VMSHARE_WEIGHT_DEFAULT);
	vmshare_add(&class->self, &class->group, VMSHARE_WEIGHT_DEFAULT);
	list_add_tail(&class->node, &pool->list);
	vmio_apply(pool, class, vm);
	pool->classes[vm->index] = class;
	spin_unlock_irq(&pool->lock);
	return 0;
}

static void vmio_change(struct cgio_pool *cgio, struct cgio_vm *vm)
{
	struct vmio_pool *pool = vmio_of_cgio(cgio);
	struct vmio_class *class = pool->classes[vm->index];

	spin_lock_irq(&pool->lock);
	vmio_apply(pool, class, vm);
	spin_unlock_irq(&pool->lock);
}

static void vmio_remove(struct cgio_pool *cgio, struct cgio_vm *vm)
{
	struct vmio_pool *pool = vmio_of_cgio(cgio);
	struct vmio_class *class = pool->classes[vm->index];
	unsigned int i;
	u64 now;

	if (!class)
		return;
	spin_lock_irq(&pool->lock);
	vmio_recall(pool);
	pool->classes[vm->index] = NULL;
	now = ktime_get_ns();
	/* Nobody can lift them any more, and what waits may be what others wait for. */
	for (i = 0; i < VMSHARE_UNITS; i++)
		vmshare_set_limit(&pool->sched, &class->group, i, 0, now);
	vmlat_set_target(&pool->latency, &class->latency, 0, now);
	vmio_kick(pool, now);
	vmio_class_put(pool, class);
	spin_unlock_irq(&pool->lock);
}

static void vmio_show_hist(struct seq_file *seq, const char *name, const u64 *hist)
{
	unsigned int i;

	seq_printf(seq, " %s=", name);
	for (i = 0; i < VMIO_HIST; i++)
		seq_printf(seq, i ? ",%llu" : "%llu", hist[i]);
}

/**
 * vmio_show_stats() - print what classes have had, as io.vm.stat has it
 * @seq: where to
 * @s: what they have had
 */
void vmio_show_stats(struct seq_file *seq, const struct vmio_stats *s)
{
	seq_printf(seq, " rbytes=%llu wbytes=%llu dbytes=%llu rios=%llu wios=%llu dios=%llu",
		   s->bytes[VMIO_READ], s->bytes[VMIO_WRITE], s->bytes[VMIO_OTHER],
		   s->ios[VMIO_READ], s->ios[VMIO_WRITE], s->ios[VMIO_OTHER]);
	seq_printf(seq, " debt_ios=%llu late_ios=%llu wait_ns=%llu disk_ns=%llu", s->debt_ios,
		   s->late_ios, s->wait_ns, s->disk_ns);
	vmio_show_hist(seq, "wait_log2", s->wait);
	vmio_show_hist(seq, "disk_log2", s->disk);
}

/**
 * vmio_add_stats() - what one has had, to what others have had
 * @sum: grows
 * @s: by so much
 */
void vmio_add_stats(struct vmio_stats *sum, const struct vmio_stats *s)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s->ios); i++) {
		sum->ios[i] += s->ios[i];
		sum->bytes[i] += s->bytes[i];
	}
	for (i = 0; i < VMIO_HIST; i++) {
		sum->wait[i] += s->wait[i];
		sum->disk[i] += s->disk[i];
	}
	sum->debt_ios += s->debt_ios;
	sum->late_ios += s->late_ios;
	sum->wait_ns += s->wait_ns;
	sum->disk_ns += s->disk_ns;
}

static void vmio_show(struct cgio_pool *cgio, struct cgio_vm *vm, struct seq_file *seq)
{
	struct vmio_pool *pool = vmio_of_cgio(cgio);
	struct vmio_class *class = pool->classes[vm->index];
	u64 behind, missed, throttled, now;
	struct vmio_stats s;
	u32 queued;

	spin_lock_irq(&pool->lock);
	vmio_recall(pool);
	now = ktime_get_ns();
	s = class->stats;
	queued = class->self.queued;
	missed = class->latency.missed_ns;
	behind = vmshare_behind(&class->group, now);
	throttled = vmshare_throttled(&class->group, now);
	spin_unlock_irq(&pool->lock);
	seq_puts(seq, pool->name);
	vmio_show_stats(seq, &s);
	seq_printf(seq, " queued=%u throttled_ns=%llu behind_ns=%llu missed_ns=%llu\n", queued,
		   throttled, behind, missed);
}

static const struct cgio_pool_ops vmio_cgio_ops = {
	.add = vmio_add,
	.change = vmio_change,
	.remove = vmio_remove,
	.show = vmio_show,
};

static enum hrtimer_restart vmio_timer(struct hrtimer *timer)
{
	struct vmio_pool *pool = container_of(timer, struct vmio_pool, timer);
	unsigned long flags;

	spin_lock_irqsave(&pool->lock, flags);
	vmio_kick(pool, ktime_get_ns());
	spin_unlock_irqrestore(&pool->lock, flags);
	return HRTIMER_NORESTART;
}

static int vmio_open(COMPAT_OPEN_ARGS)
{
	return -EBUSY;
}

static const struct block_device_operations vmio_disk_ops = {
	.owner = THIS_MODULE,
	.open = vmio_open,
	.submit_bio = vmio_submit_bio,
};

static int vmio_disk_add(struct vmio_pool *pool)
{
	struct gendisk *disk;
	int r;

	lockdep_assert_held(&vmio_pools_lock);
	disk = compat_alloc_pass_disk(NUMA_NO_NODE);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->flags |= GENHD_FL_NO_PART;
	disk->fops = &vmio_disk_ops;
	disk->private_data = pool;
	snprintf(disk->disk_name, sizeof(disk->disk_name), "vmio-%s", pool->name);
	pool->disk = disk;
	r = device_add_disk(NULL, disk, NULL);
	if (r)
		put_disk(disk);
	return r;
}

static struct vmio_pool *vmio_pool_new(const char *name)
{
	struct vmio_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	int r = -ENOMEM;

	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->cgio.ops = &vmio_cgio_ops;
	strscpy(pool->name, name, sizeof(pool->name));
	spin_lock_init(&pool->lock);
	vmshare_init(&pool->sched);
	INIT_LIST_HEAD(&pool->list);
	INIT_LIST_HEAD(&pool->targets);
	vmwindow_init(&pool->window);
	vmlat_init(&pool->latency);
	hrtimer_init(&pool->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	pool->timer.function = vmio_timer;
	INIT_WORK(&pool->send, vmio_send_work);
	INIT_WORK(&pool->share, vmio_share_work);
	INIT_DELAYED_WORK(&pool->stall, vmio_stall_work);
	pool->classes = kvcalloc(CGIO_VMS_MAX, sizeof(*pool->classes), GFP_KERNEL);
	if (!pool->classes)
		goto err_pool;
	pool->leases = vmio_leases_alloc();
	if (!pool->leases)
		goto err_classes;
	pool->wq = alloc_workqueue("vmio-%s", WQ_MEM_RECLAIM | WQ_HIGHPRI, 0, name);
	if (!pool->wq)
		goto err_leases;
	r = cgio_pool_register(&pool->cgio);
	if (r)
		goto err_wq;
	r = vmio_disk_add(pool);
	if (r)
		goto err_cgio;
	return pool;

err_cgio:
	cgio_pool_unregister(&pool->cgio);
err_wq:
	destroy_workqueue(pool->wq);
err_leases:
	vmio_leases_free(pool->leases);
err_classes:
	kvfree(pool->classes);
err_pool:
	kfree(pool);
	return ERR_PTR(r);
}

/**
 * vmio_pool_get() - the pool of a name, new or not
 * @name: shorter than %VMIO_NAME_LEN
 *
 * Context: process; may sleep.
 * Return: the pool, or an error pointer.
 */
struct vmio_pool *vmio_pool_get(const char *name)
{
	struct vmio_pool *pool;

	mutex_lock(&vmio_pools_lock);
	list_for_each_entry(pool, &vmio_pools, node) {
		if (!strcmp(pool->name, name))
			goto found;
	}
	pool = vmio_pool_new(name);
	if (IS_ERR(pool))
		goto out;
	list_add_tail(&pool->node, &vmio_pools);
found:
	pool->users++;
out:
	mutex_unlock(&vmio_pools_lock);
	return pool;
}

/**
 * vmio_pool_put() - a target leaves
 * @pool: its pool; none of the target's requests is left
 *
 * Context: process; may sleep.
 */
void vmio_pool_put(struct vmio_pool *pool)
{
	mutex_lock(&vmio_pools_lock);
	if (--pool->users) {
		mutex_unlock(&vmio_pools_lock);
		return;
	}
	list_del(&pool->node);
	del_gendisk(pool->disk);
	put_disk(pool->disk);
	cgio_pool_unregister(&pool->cgio);
	hrtimer_cancel(&pool->timer);
	cancel_delayed_work_sync(&pool->stall);
	destroy_workqueue(pool->wq);
	vmio_leases_free(pool->leases);
	kvfree(pool->classes);
	kfree(pool);
	mutex_unlock(&vmio_pools_lock);
}

/**
 * vmio_pool_cover() - the pool's disk is as large as its largest member
 * @pool: pool
 * @sectors: a member's size
 *
 * Context: process; may sleep.
 */
void vmio_pool_cover(struct vmio_pool *pool, sector_t sectors)
{
	mutex_lock(&vmio_pools_lock);
	if (get_capacity(pool->disk) < sectors)
		set_capacity(pool->disk, sectors);
	mutex_unlock(&vmio_pools_lock);
}

/**
 * vmio_pool_set_window() - how many requests the disks get at a time
 * @pool: pool
 * @window: %VMWINDOW_MIN to %VMWINDOW_MAX
 *
 * Context: process.
 */
void vmio_pool_set_window(struct vmio_pool *pool, unsigned int window)
{
	spin_lock_irq(&pool->lock);
	vmio_recall(pool);
	pool->adapt = false;
	vmwindow_set(&pool->window, window);
	vmio_kick(pool, ktime_get_ns());
	spin_unlock_irq(&pool->lock);
}

/**
 * vmio_pool_adapt() - find out how many requests the disks should get at a time
 * @pool: pool
 * @latency: wanted, in ns, at most %VMWINDOW_LATENCY_MAX; 0 to keep the disks busy
 *
 * Context: process.
 */
void vmio_pool_adapt(struct vmio_pool *pool, u64 latency)
{
	spin_lock_irq(&pool->lock);
	vmio_recall(pool);
	pool->adapt = true;
	vmwindow_set_target(&pool->window, latency);
	spin_unlock_irq(&pool->lock);
}
