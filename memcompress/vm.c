// SPDX-License-Identifier: GPL-2.0
/*
 * Directories of VMs in /sys/kernel/memcompress/; see Documentation/ABI.
 *
 * A path or the id of a cgroup, written to add, makes vms/<id>/; remove takes it
 * away. vms/0/ is the rest of the host and always there. When a cgroup is gone, its
 * directory goes with the next look at all of them: at add, at remove, and while
 * pages are stored in a device with a limit.
 *
 * The files take mcz_settings_lock only: mcz_owner_lock is held while a directory is
 * removed, which waits for whoever reads a file in it.
 */
#include <linux/cgroup.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

/**
 * struct mcz_vm - a VM's directory
 * @kobj: the directory
 * @owner: VM; there as long as the directory is
 * @node: in mcz_vms
 */
struct mcz_vm {
	struct kobject kobj;
	struct mcz_owner *owner;
	struct list_head node;
};

/**
 * struct mcz_size_attribute - a file that holds a size
 * @attr: file
 * @at: where in &struct mcz_owner
 */
struct mcz_size_attribute {
	struct kobj_attribute attr;
	size_t at;
};

static struct kobject *mcz_kobj;	/* /sys/kernel/memcompress */
static struct kobject *mcz_vms_kobj;	/* its vms */
static LIST_HEAD(mcz_vms);		/* all but 0; under mcz_owner_lock */
static struct mcz_vm *mcz_vm_rest;

static struct mcz_owner *mcz_vm_owner(struct kobject *kobj)
{
	return container_of(kobj, struct mcz_vm, kobj)->owner;
}

static u64 *mcz_size_of(struct kobject *kobj, struct kobj_attribute *attr)
{
	struct mcz_size_attribute *size =
		container_of(attr, struct mcz_size_attribute, attr);

	return (void *)mcz_vm_owner(kobj) + size->at;
}

static ssize_t mcz_size_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	u64 bytes = READ_ONCE(*mcz_size_of(kobj, attr));

	if (bytes >= MCZ_LIMIT_NONE)
		return sysfs_emit(buf, "max\n");
	return sysfs_emit(buf, "%llu\n", bytes);
}

static ssize_t mcz_size_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t len)
{
	u64 bytes = MCZ_LIMIT_NONE;
	int r = 0;

	if (!sysfs_streq(buf, "max"))
		r = mcz_parse_bytes(buf, &bytes);
	if (r)
		return r;
	mutex_lock(&mcz_settings_lock);
	WRITE_ONCE(*mcz_size_of(kobj, attr), min(bytes, MCZ_LIMIT_NONE));
	mcz_owner_balance();
	mutex_unlock(&mcz_settings_lock);
	return len;
}

static struct mcz_size_attribute mcz_vm_min = {
	.attr = __ATTR(min, 0644, mcz_size_show, mcz_size_store),
	.at = offsetof(struct mcz_owner, min),
};

static struct mcz_size_attribute mcz_vm_max = {
	.attr = __ATTR(max, 0644, mcz_size_show, mcz_size_store),
	.at = offsetof(struct mcz_owner, max),
};

static struct mcz_size_attribute mcz_vm_high = {
	.attr = __ATTR(high, 0644, mcz_size_show, mcz_size_store),
	.at = offsetof(struct mcz_owner, high),
};

static struct mcz_size_attribute mcz_vm_entitled = {
	.attr = __ATTR(entitled, 0444, mcz_size_show, NULL),
	.at = offsetof(struct mcz_owner, entitled),
};

static ssize_t path_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", mcz_vm_owner(kobj)->path ?: "-");
}

static struct kobj_attribute mcz_vm_path = __ATTR_RO(path);

static ssize_t weight_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(mcz_vm_owner(kobj)->weight));
}

static ssize_t weight_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t len)
{
	unsigned int weight;
	int r;

	r = kstrtouint(buf, 0, &weight);
	if (r)
		return r;
	if (weight < MCZ_WEIGHT_MIN || weight > MCZ_WEIGHT_MAX)
		return -ERANGE;
	mutex_lock(&mcz_settings_lock);
	WRITE_ONCE(mcz_vm_owner(kobj)->weight, weight);
	mcz_owner_balance();
	mutex_unlock(&mcz_settings_lock);
	return len;
}

static struct kobj_attribute mcz_vm_weight = __ATTR_RW(weight);

static ssize_t algorithm_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buf)
{
	unsigned int alg = READ_ONCE(mcz_vm_owner(kobj)->alg);

	return sysfs_emit(buf, "%s\n", alg < MCZ_ALG_KINDS ? mcz_alg_name(alg) :
							     "default");
}

static ssize_t algorithm_store(struct kobject *kobj, struct kobj_attribute *attr,
			       const char *buf, size_t len)
{
	char name[MCZ_ALG_LEN];
	int alg, r;

	if (strscpy(name, buf, sizeof(name)) < 0)
		return -EINVAL;
	alg = sysfs_streq(name, "default") ? MCZ_ALG_DEFAULT :
					     mcz_alg_find(strim(name));
	if (alg < 0)
		return alg;
	r = mcz_owner_set_alg(mcz_vm_owner(kobj), alg);
	return r ? r : len;
}

static struct kobj_attribute mcz_vm_algorithm = __ATTR_RW(algorithm);

static ssize_t mcz_hist_emit(char *buf, ssize_t n, const char *name,
			     const s64 *hist)
{
	unsigned int i;

	n += sysfs_emit_at(buf, n, "%s", name);
	for (i = 0; i < MCZ_HIST; i++)
		n += sysfs_emit_at(buf, n, " %lld", hist[i]);
	return n + sysfs_emit_at(buf, n, "\n");
}

static ssize_t stat_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct mcz_owner *owner = mcz_vm_owner(kobj);
	struct mcz_owner_stats s;
	u64 charged;
	ssize_t n;

	if (owner->index) {
		mcz_owner_sum(owner, &s);
		charged = mcz_owner_charged(owner);
	} else {
		charged = mcz_owner_rest_sum(&s);
	}
	n = sysfs_emit(buf, "orig_bytes %lld\nstored_bytes %lld\ncharged_bytes %llu\n"
		       "same_pages %lld\nhuge_pages %lld\ndisk_pages %lld\n"
		       "stores %lld\nloads %lld\nrefused %lld\nspilled %lld\n"
		       "demoted %lld\nbad_sum %lld\nio_errors %lld\n",
		       s.pages << PAGE_SHIFT, s.bytes, charged, s.same, s.huge,
		       s.disk, s.stores, s.loads, s.refused, s.spilled, s.demoted,
		       s.bad_sum, s.io_errors);
	n = mcz_hist_emit(buf, n, "store_ns_log2", s.store_ns);
	return mcz_hist_emit(buf, n, "load_ns_log2", s.load_ns);
}

static struct kobj_attribute mcz_vm_stat = __ATTR_RO(stat);

static struct attribute *mcz_vm_attrs[] = {
	&mcz_vm_path.attr,
	&mcz_vm_min.attr.attr,
	&mcz_vm_max.attr.attr,
	&mcz_vm_high.attr.attr,
	&mcz_vm_weight.attr,
	&mcz_vm_algorithm.attr,
	&mcz_vm_entitled.attr.attr,
	&mcz_vm_stat.attr,
	NULL,
};
ATTRIBUTE_GROUPS(mcz_vm);

static void mcz_vm_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct mcz_vm, kobj));
}

static const struct kobj_type mcz_vm_type = {
	.release = mcz_vm_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = mcz_vm_groups,
};

static struct mcz_vm *mcz_vm_new(struct mcz_owner *owner)
{
	struct mcz_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	int r;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&vm->node);
	vm->owner = owner;
	r = kobject_init_and_add(&vm->kobj, &mcz_vm_type, mcz_vms_kobj, "%llu",
				 owner->id);
	if (r) {
		kobject_put(&vm->kobj);
		return ERR_PTR(r);
	}
	return vm;
}

/* The directory goes first: nobody looks at the owner any more after that. */
static void mcz_vm_remove(struct mcz_vm *vm)
{
	struct mcz_owner *owner = vm->owner;

	lockdep_assert_held(&mcz_owner_lock);
	list_del(&vm->node);
	kobject_del(&vm->kobj);
	kobject_put(&vm->kobj);
	mcz_owner_remove(owner);
}

static int mcz_vm_add(struct cgroup *cgroup)
{
	struct mcz_owner *owner;
	struct mcz_vm *vm;
	char *path;
	int r;

	lockdep_assert_held(&mcz_owner_lock);
	if (!cgroup_parent(cgroup))
		return -EINVAL;
	path = kzalloc(PATH_MAX, GFP_KERNEL);
	if (!path)
		return -ENOMEM;
	r = kernfs_path_from_node(cgroup->kn, NULL, path, PATH_MAX);
	if (r < 0 || r >= PATH_MAX) {
		kfree(path);
		return -ENAMETOOLONG;
	}
	owner = mcz_owner_add(cgroup_id(cgroup), path);
	kfree(path);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	vm = mcz_vm_new(owner);
	if (IS_ERR(vm)) {
		mcz_owner_remove(owner);
		return PTR_ERR(vm);
	}
	list_add_tail(&vm->node, &mcz_vms);
	return 0;
}

/**
 * mcz_vm_reap() - VMs whose cgroup is gone are VMs no more
 *
 * Context: process, in no cgroup namespace but the first: cgroups outside of the
 * namespace look as if they were gone. Others call mcz_owner_refresh().
 */
void mcz_vm_reap(void)
{
	struct mcz_vm *vm, *next;

	mutex_lock(&mcz_owner_lock);
	list_for_each_entry_safe(vm, next, &mcz_vms, node) {
		struct cgroup *cgroup = cgroup_get_from_id(vm->owner->id);

		if (!IS_ERR(cgroup))
			cgroup_put(cgroup);
		else if (PTR_ERR(cgroup) == -ENOENT)
			mcz_vm_remove(vm);
	}
	mutex_unlock(&mcz_owner_lock);
}

/* A path or an id, without the end of line; to be freed. */
static char *mcz_vm_name(const char *buf)
{
	char *name = kstrdup(buf, GFP_KERNEL);

	if (!name)
		return ERR_PTR(-ENOMEM);
	/* A path may end in spaces. */
	name[strcspn(name, "\n")] = 0;
	return name;
}

static struct cgroup *mcz_vm_cgroup(const char *name)
{
	u64 id;

	if (*name == '/')
		return cgroup_get_from_path(name);
	return kstrtou64(name, 10, &id) ? ERR_PTR(-EINVAL) : cgroup_get_from_id(id);
}

static ssize_t add_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t len)
{
	char *name = mcz_vm_name(buf);
	struct cgroup *cgroup;
	int r;

	if (IS_ERR(name))
		return PTR_ERR(name);
	cgroup = mcz_vm_cgroup(name);
	kfree(name);
	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	mcz_owner_refresh();
	mutex_lock(&mcz_owner_lock);
	r = mcz_vm_add(cgroup);
	mutex_unlock(&mcz_owner_lock);
	cgroup_put(cgroup);
	return r ? r : len;
}

static struct kobj_attribute mcz_add_attr = __ATTR_WO(add);

/* The cgroup may be gone. */
static struct mcz_vm *mcz_vm_find(const char *name)
{
	struct mcz_vm *vm;
	u64 id = 0;

	lockdep_assert_held(&mcz_owner_lock);
	if (*name != '/' && kstrtou64(name, 10, &id))
		return ERR_PTR(-EINVAL);
	list_for_each_entry(vm, &mcz_vms, node) {
		if (*name == '/' ? !strcmp(vm->owner->path, name) :
				   vm->owner->id == id)
			return vm;
	}
	return ERR_PTR(-ENOENT);
}

static ssize_t remove_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t len)
{
	char *name = mcz_vm_name(buf);
	struct mcz_vm *vm;

	if (IS_ERR(name))
		return PTR_ERR(name);
	mutex_lock(&mcz_owner_lock);
	vm = mcz_vm_find(name);
	if (!IS_ERR(vm))
		mcz_vm_remove(vm);
	mutex_unlock(&mcz_owner_lock);
	mcz_owner_refresh();
	kfree(name);
	return IS_ERR(vm) ? PTR_ERR(vm) : len;
}

static struct kobj_attribute mcz_remove_attr = __ATTR_WO(remove);

static const struct attribute *mcz_root_attrs[] = {
	&mcz_add_attr.attr,
	&mcz_remove_attr.attr,
	NULL,
};

/**
 * mcz_vm_init() - make the directories
 *
 * Return: 0, or -ENOMEM or what sysfs refuses them with.
 */
int mcz_vm_init(void)
{
	int r = -ENOMEM;

	mcz_kobj = kobject_create_and_add("memcompress", kernel_kobj);
	if (!mcz_kobj)
		return -ENOMEM;
	mcz_vms_kobj = kobject_create_and_add("vms", mcz_kobj);
	if (!mcz_vms_kobj)
		goto err;
	mcz_vm_rest = mcz_vm_new(mcz_owner_at(0));
	if (IS_ERR(mcz_vm_rest)) {
		r = PTR_ERR(mcz_vm_rest);
		mcz_vm_rest = NULL;
		goto err;
	}
	r = sysfs_create_files(mcz_kobj, mcz_root_attrs);
	if (r)
		goto err;
	return 0;
err:
	mcz_vm_exit();
	return r;
}

/** mcz_vm_exit() - all VMs are VMs no more; also after mcz_vm_init() failed */
void mcz_vm_exit(void)
{
	struct mcz_vm *vm, *next;

	sysfs_remove_files(mcz_kobj, mcz_root_attrs);
	mutex_lock(&mcz_owner_lock);
	list_for_each_entry_safe(vm, next, &mcz_vms, node)
		mcz_vm_remove(vm);
	mutex_unlock(&mcz_owner_lock);
	if (mcz_vm_rest) {
		kobject_del(&mcz_vm_rest->kobj);
		kobject_put(&mcz_vm_rest->kobj);
	}
	kobject_put(mcz_vms_kobj);
	kobject_put(mcz_kobj);
}
