// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics of each device, in sysfs and in /proc/PID/fdinfo.
 *
 * 1. Problem. An operator asks what a VM's network costs and where its packets are
 *    lost, without access to the VM's process. A reader may open a file and read it
 *    at any later time, when the device is long gone; and a device whose guest, or
 *    whose guest's memory, is stuck is the one that one wants to look at.
 *
 * 2. Model. While a device has an owner it has a directory
 *    /sys/class/misc/vhost-accel/devices/<owner>-<n> with an object of its own, one
 *    value in each file. One table, vha_counters, names the counters of a queue; the
 *    files, fdinfo and nothing else come from it.
 *
 * 3. Control. Readers take no lock of the device: counters are single words, written
 *    by one thread, and what else is shown is kept alive by RCU. The directory is
 *    made when the device and its worker are complete and removed before anything of
 *    them goes. Removing it waits for the readers inside, who wait for nothing, and
 *    lets nobody in again. Open files hold kernfs's nodes, not ours. An owner has the
 *    lowest free numbers.
 *
 * 4. Limits. Counters of one device are not read at one instant. Ids and paths are
 *    shown as the reader's namespaces have them, but the directory's name is the id
 *    in the initial PID namespace.
 */
#include <linux/cgroup.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "internal.h"

/**
 * struct vha_sysfs - directory of a device with an owner
 * @kobj: the directory; its last reference frees this
 * @node: place in vha_sysfs_list
 * @dev: device
 * @owner: process that became owner
 * @pid: its id in the initial namespace
 * @n: number of this device among that owner's
 */
struct vha_sysfs {
	struct kobject kobj;
	struct list_head node;
	const struct vha_dev *dev;
	struct pid *owner;
	pid_t pid;
	unsigned int n;
};

/**
 * struct vha_attr - a file
 * @attr: name and mode
 * @show: prints the value
 * @queue: queue it is about, where it is about one
 * @offset: of a counter in struct vha_vq
 */
struct vha_attr {
	struct attribute attr;
	ssize_t (*show)(const struct vha_sysfs *s, const struct vha_attr *a,
			char *buf);
	enum vha_queue queue;
	unsigned int offset;
};

/**
 * struct vha_counter - a counter of a queue
 * @name: as users know it
 * @offset: of its u64 in struct vha_vq
 */
struct vha_counter {
	const char *name;
	unsigned int offset;
};

static const struct vha_counter vha_counters[] = {
	{ "packets", offsetof(struct vha_vq, stats.packets) },
	{ "bytes", offsetof(struct vha_vq, stats.bytes) },
	{ "copies", offsetof(struct vha_vq, stats.copies) },
	{ "kicks", offsetof(struct vha_vq, kick_poll.wakes) },
	{ "runs", offsetof(struct vha_vq, stats.runs) },
	{ "signals", offsetof(struct vha_vq, stats.signals) },
	{ "errors", offsetof(struct vha_vq, stats.errors) },
	{ "drop_short", offsetof(struct vha_vq, stats.drop_short) },
	{ "drop_hdr", offsetof(struct vha_vq, stats.drop_hdr) },
	{ "drop_fault", offsetof(struct vha_vq, stats.drop_fault) },
	{ "drop_nobuf", offsetof(struct vha_vq, stats.drop_nobuf) },
	{ "drop_backend", offsetof(struct vha_vq, stats.drop_backend) },
	{ "worker_ns", offsetof(struct vha_vq, stats.worker_ns) },
};

static const char * const vha_queue_names[VHA_NQUEUES] = {
	[VHA_RX] = "rx",
	[VHA_TX] = "tx",
};

static u64 vha_counter_read(const struct vha_vq *vq, unsigned int offset)
{
	return READ_ONCE(*(const u64 *)((const char *)vq + offset));
}

static ssize_t vha_counter_show(const struct vha_sysfs *s,
				const struct vha_attr *a, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  vha_counter_read(&s->dev->vq[a->queue], a->offset));
}

static ssize_t vha_ring_size_show(const struct vha_sysfs *s,
				  const struct vha_attr *a, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(s->dev->vq[a->queue].num));
}

static ssize_t vha_ring_format_show(const struct vha_sysfs *s,
				    const struct vha_attr *a, char *buf)
{
	u64 features = READ_ONCE(s->dev->vq[a->queue].features);

	return sysfs_emit(buf, "%s\n", features & BIT_ULL(VIRTIO_F_RING_PACKED) ?
			  "packed" : "split");
}

static ssize_t vha_features_show(const struct vha_sysfs *s,
				 const struct vha_attr *a, char *buf)
{
	return sysfs_emit(buf, "0x%llx\n",
			  READ_ONCE(s->dev->vq[VHA_RX].features));
}

static ssize_t vha_netdev_show(const struct vha_sysfs *s,
			       const struct vha_attr *a, char *buf)
{
	char name[IFNAMSIZ];

	vha_netdev_name(&s->dev->vq[VHA_RX], name);
	return sysfs_emit(buf, "%s\n", name);
}

/* As the reader knows it; 0 when it is gone or not visible to the reader. */
static pid_t vha_pid_show(struct pid *pid, enum pid_type type)
{
	pid_t nr;

	rcu_read_lock();
	nr = pid_task(pid, type) ? pid_vnr(pid) : 0;
	rcu_read_unlock();
	return nr;
}

static ssize_t vha_owner_show(const struct vha_sysfs *s,
			      const struct vha_attr *a, char *buf)
{
	return sysfs_emit(buf, "%d\n", vha_pid_show(s->owner, PIDTYPE_TGID));
}

static ssize_t vha_worker_show(const struct vha_sysfs *s,
			       const struct vha_attr *a, char *buf)
{
	/* Pairs with the worker's release: the id before what it points to. */
	struct pid *thread = smp_load_acquire(&s->dev->worker->thread);

	return sysfs_emit(buf, "%d\n", vha_pid_show(thread, PIDTYPE_PID));
}

/* Where the owner is now; as /proc/PID/cgroup prints it, without cgroup_mutex. */
static ssize_t vha_cgroup_show(const struct vha_sysfs *s,
			       const struct vha_attr *a, char *buf)
{
	const struct css_set *root = current->nsproxy->cgroup_ns->root_cset;
	struct task_struct *task;
	int r = 0;

	rcu_read_lock();
	task = pid_task(s->owner, PIDTYPE_TGID);
	if (task)
		r = kernfs_path_from_node(task_dfl_cgroup(task)->kn,
					  root->dfl_cgrp->kn, buf, PAGE_SIZE - 1);
	rcu_read_unlock();
	if (r < 0 || r >= PAGE_SIZE - 1)
		return -ENAMETOOLONG;
	buf[r++] = '\n';
	return r;
}

static struct vha_attr vha_dev_files[] = {
	{ .attr = { .name = "owner", .mode = 0444 }, .show = vha_owner_show },
	{ .attr = { .name = "worker", .mode = 0444 }, .show = vha_worker_show },
	{ .attr = { .name = "cgroup", .mode = 0444 }, .show = vha_cgroup_show },
	{ .attr = { .name = "netdev", .mode = 0444 }, .show = vha_netdev_show },
	{ .attr = { .name = "features", .mode = 0444 }, .show = vha_features_show },
};

static const struct vha_attr vha_ring_files[] = {
	{ .attr = { .name = "ring_size", .mode = 0444 }, .show = vha_ring_size_show },
	{ .attr = { .name = "ring_format", .mode = 0444 },
	  .show = vha_ring_format_show },
};

/* VHA_QUEUE_FILES - files in a queue's directory */
#define VHA_QUEUE_FILES (ARRAY_SIZE(vha_counters) + ARRAY_SIZE(vha_ring_files))

/* Filled by vha_sysfs_init(); the arrays of pointers end with NULL. */
static struct vha_attr vha_queue_files[VHA_NQUEUES][VHA_QUEUE_FILES];
static struct attribute *vha_queue_attrs[VHA_NQUEUES][VHA_QUEUE_FILES + 1];
static struct attribute *vha_dev_attrs[ARRAY_SIZE(vha_dev_files) + 1];

static const struct attribute_group vha_dev_group = { .attrs = vha_dev_attrs };
static const struct attribute_group vha_rx_group = {
	.name = "rx",
	.attrs = vha_queue_attrs[VHA_RX],
};

static const struct attribute_group vha_tx_group = {
	.name = "tx",
	.attrs = vha_queue_attrs[VHA_TX],
};

static const struct attribute_group *vha_groups[] = {
	&vha_dev_group,
	&vha_rx_group,
	&vha_tx_group,
	NULL
};

static ssize_t vha_attr_show(struct kobject *kobj, struct attribute *attr,
			     char *buf)
{
	const struct vha_attr *a = container_of(attr, struct vha_attr, attr);

	return a->show(container_of(kobj, struct vha_sysfs, kobj), a, buf);
}

static const struct sysfs_ops vha_sysfs_ops = {
	.show = vha_attr_show,
};

static void vha_sysfs_release(struct kobject *kobj)
{
	struct vha_sysfs *s = container_of(kobj, struct vha_sysfs, kobj);

	put_pid(s->owner);
	kfree(s);
}

static const struct kobj_type vha_sysfs_type = {
	.release = vha_sysfs_release,
	.sysfs_ops = &vha_sysfs_ops,
	.default_groups = vha_groups,
};

/* Protects the next two; the list is sorted by pid, then n. */
static DEFINE_MUTEX(vha_sysfs_mutex);
static LIST_HEAD(vha_sysfs_list);
static struct kobject *vha_sysfs_devices;

static const struct miscdevice *vha_sysfs_misc;

/* The directory of all devices; tried again where there was no memory. */
static struct kobject *vha_sysfs_parent(void)
{
	lockdep_assert_held(&vha_sysfs_mutex);
	if (!vha_sysfs_devices)
		vha_sysfs_devices =
			kobject_create_and_add("devices",
					       &vha_sysfs_misc->this_device->kobj);
	return vha_sysfs_devices;
}

/* Put into the list with the lowest number that the owner does not use yet. */
static void vha_sysfs_number(struct vha_sysfs *s)
{
	struct vha_sysfs *other;

	lockdep_assert_held(&vha_sysfs_mutex);
	list_for_each_entry(other, &vha_sysfs_list, node) {
		if (other->pid < s->pid)
			continue;
		if (other->pid > s->pid || other->n != s->n)
			break;
		s->n++;
	}
	list_add_tail(&s->node, &other->node);
}

/**
 * vha_sysfs_add() - show a device that has got an owner, the caller
 * @dev: device; mutex held; its worker is there
 *
 * Context: process; may sleep.
 * Return: 0, or -ENOMEM.
 */
int vha_sysfs_add(struct vha_dev *dev)
{
	struct kobject *parent;
	struct vha_sysfs *s;
	int r;

	lockdep_assert_held(&dev->mutex);
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	s->dev = dev;
	s->owner = get_pid(task_tgid(current));
	s->pid = pid_nr(s->owner);
	kobject_init(&s->kobj, &vha_sysfs_type);

	mutex_lock(&vha_sysfs_mutex);
	vha_sysfs_number(s);
	r = -ENOMEM;
	parent = vha_sysfs_parent();
	if (parent)
		r = kobject_add(&s->kobj, parent, "%d-%u", s->pid, s->n);
	if (r) {
		list_del(&s->node);
		kobject_put(&s->kobj);
	} else {
		dev->sysfs = s;
	}
	mutex_unlock(&vha_sysfs_mutex);
	return r;
}

/**
 * vha_sysfs_del() - the device is about to lose its owner
 * @dev: device; nobody else is in an ioctl
 *
 * When this returns no reader looks at the device, and none will.
 *
 * Context: process; may sleep.
 */
void vha_sysfs_del(struct vha_dev *dev)
{
	struct vha_sysfs *s = dev->sysfs;

	if (!s)
		return;
	dev->sysfs = NULL;
	kobject_del(&s->kobj);
	mutex_lock(&vha_sysfs_mutex);
	list_del(&s->node);
	mutex_unlock(&vha_sysfs_mutex);
	kobject_put(&s->kobj);
}

/**
 * vha_sysfs_fdinfo() - counters for /proc/PID/fdinfo/FD
 * @dev: device
 * @m: file to write to
 *
 * Context: process; takes no lock, so that a stuck guest cannot stop a reader.
 */
void vha_sysfs_fdinfo(const struct vha_dev *dev, struct seq_file *m)
{
	int i, q;

	for (q = 0; q < VHA_NQUEUES; q++) {
		for (i = 0; i < ARRAY_SIZE(vha_counters); i++)
			seq_printf(m, "%s_%s:\t%llu\n", vha_queue_names[q],
				   vha_counters[i].name,
				   vha_counter_read(&dev->vq[q],
						    vha_counters[i].offset));
	}
}

static void vha_sysfs_fill(enum vha_queue queue)
{
	struct vha_attr *a = vha_queue_files[queue];
	int i;

	for (i = 0; i < ARRAY_SIZE(vha_counters); i++, a++) {
		a->attr.name = vha_counters[i].name;
		a->attr.mode = 0444;
		a->show = vha_counter_show;
		a->offset = vha_counters[i].offset;
	}
	for (i = 0; i < ARRAY_SIZE(vha_ring_files); i++, a++)
		*a = vha_ring_files[i];
	for (i = 0; i < VHA_QUEUE_FILES; i++) {
		vha_queue_files[queue][i].queue = queue;
		vha_queue_attrs[queue][i] = &vha_queue_files[queue][i].attr;
	}
}

/**
 * vha_sysfs_init() - prepare, before the node can be opened
 * @misc: the node
 */
void vha_sysfs_init(const struct miscdevice *misc)
{
	int i;

	vha_sysfs_misc = misc;
	for (i = 0; i < VHA_NQUEUES; i++)
		vha_sysfs_fill(i);
	for (i = 0; i < ARRAY_SIZE(vha_dev_files); i++)
		vha_dev_attrs[i] = &vha_dev_files[i].attr;
}

/**
 * vha_sysfs_publish() - the node is there: show that it has no devices yet
 */
void vha_sysfs_publish(void)
{
	mutex_lock(&vha_sysfs_mutex);
	vha_sysfs_parent();
	mutex_unlock(&vha_sysfs_mutex);
}

/**
 * vha_sysfs_exit() - no device is left
 */
void vha_sysfs_exit(void)
{
	kobject_put(vha_sysfs_devices);
}
