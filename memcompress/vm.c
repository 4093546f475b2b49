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
 *
 * With cgroup_io the same files are in each cgroup, as io.vm.compress.*. There the
 * host's administrator makes a cgroup a VM by a setting, too. Whoever else may write the
 * files only gives up what the VM has, as with hard resource limits: what is nested in a
 * VM is not limited by it, there are only so many VMs, and algorithms in a device, and
 * what high moves is of the device's writeback_limit.
 */
#include <linux/cgroup.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/sysfs.h>

#include "cgroup.h"
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

static ssize_t mcz_size_show(struct kobject *kobj, struct kobj_attribute *attr,
			     char *buf)
{
	const struct mcz_size_attribute *size =
		container_of(attr, struct mcz_size_attribute, attr);
	const u64 *at = (void *)mcz_vm_owner(kobj) + size->at;
	u64 bytes = READ_ONCE(*at);

	if (bytes >= MCZ_LIMIT_NONE)
		return sysfs_emit(buf, "max\n");
	return sysfs_emit(buf, "%llu\n", bytes);
}

static int mcz_vm_set_size(struct mcz_owner *owner, size_t at, const char *text,
			   bool admin)
{
	const bool soft = at == offsetof(struct mcz_owner, high);
	u64 *size = (void *)owner + at, bytes = MCZ_LIMIT_NONE;
	int r = 0;

	if (!sysfs_streq(text, "max"))
		r = mcz_parse_bytes(text, &bytes);
	if (r)
		return r;
	bytes = min(bytes, MCZ_LIMIT_NONE);
	mutex_lock(&mcz_settings_lock);
	if (!admin && (soft || bytes > *size)) {
		r = -EPERM;
	} else {
		WRITE_ONCE(*size, bytes);
		if (!soft)
			mcz_owner_balance();
	}
	mutex_unlock(&mcz_settings_lock);
	return r;
}

static ssize_t mcz_size_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t len)
{
	const struct mcz_size_attribute *size =
		container_of(attr, struct mcz_size_attribute, attr);
	int r = mcz_vm_set_size(mcz_vm_owner(kobj), size->at, buf, true);

	return r ? r : len;
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

static int mcz_vm_set_weight(struct mcz_owner *owner, const char *text, bool admin)
{
	unsigned int weight;
	int r;

	r = kstrtouint(text, 0, &weight);
	if (r)
		return r;
	if (weight < MCZ_WEIGHT_MIN || weight > MCZ_WEIGHT_MAX)
		return -ERANGE;
	mutex_lock(&mcz_settings_lock);
	if (!admin && weight > owner->weight) {
		r = -EPERM;
	} else {
		WRITE_ONCE(owner->weight, weight);
		mcz_owner_balance();
	}
	mutex_unlock(&mcz_settings_lock);
	return r;
}

static ssize_t weight_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t len)
{
	int r = mcz_vm_set_weight(mcz_vm_owner(kobj), buf, true);

	return r ? r : len;
}

static struct kobj_attribute mcz_vm_weight = __ATTR_RW(weight);

static ssize_t algorithm_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buf)
{
	unsigned int alg = READ_ONCE(mcz_vm_owner(kobj)->alg);

	return sysfs_emit(buf, "%s\n", alg < MCZ_ALG_KINDS ? mcz_alg_name(alg) :
							     "default");
}

static int mcz_vm_set_algorithm(struct mcz_owner *owner, const char *text)
{
	char name[MCZ_ALG_LEN];
	int alg;

	if (strscpy(name, text, sizeof(name)) < 0)
		return -EINVAL;
	alg = sysfs_streq(name, "default") ? MCZ_ALG_DEFAULT :
					     mcz_alg_find(strim(name));
	return alg < 0 ? alg : mcz_owner_set_alg(owner, alg);
}

static ssize_t algorithm_store(struct kobject *kobj, struct kobj_attribute *attr,
			       const char *buf, size_t len)
{
	int r = mcz_vm_set_algorithm(mcz_vm_owner(kobj), buf);

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

static struct mcz_vm *mcz_vm_of(struct cgroup *cgroup)
{
	const u64 id = cgroup_id(cgroup);
	struct mcz_vm *vm;

	lockdep_assert_held(&mcz_owner_lock);
	list_for_each_entry(vm, &mcz_vms, node) {
		if (vm->owner->id == id)
			return vm;
	}
	return NULL;
}

/**
 * mcz_cgroup_show() - read a file of a VM by way of its cgroup
 * @cgroup: cgroup of version 2 but the root; one that is no VM has what a new VM has
 * @file: which
 * @page: a page for the text
 *
 * Context: process; may sleep; takes mcz_owner_lock and mcz_settings_lock.
 * Return: 0.
 */
int mcz_cgroup_show(struct cgroup *cgroup, enum mcz_file file, char *page)
{
	static const struct {
		struct kobj_attribute *attr;
		const char *unset;
	} files[] = {
		[MCZ_FILE_MIN] = { &mcz_vm_min.attr, "0" },
		[MCZ_FILE_MAX] = { &mcz_vm_max.attr, "max" },
		[MCZ_FILE_HIGH] = { &mcz_vm_high.attr, "max" },
		[MCZ_FILE_WEIGHT] = { &mcz_vm_weight, __stringify(MCZ_WEIGHT_DEFAULT) },
		[MCZ_FILE_ALGORITHM] = { &mcz_vm_algorithm, "default" },
		[MCZ_FILE_STAT] = { &mcz_vm_stat, NULL },
	};
	struct mcz_vm *vm;

	mutex_lock(&mcz_owner_lock);
	vm = mcz_vm_of(cgroup);
	if (vm)
		files[file].attr->show(&vm->kobj, files[file].attr, page);
	else if (files[file].unset)
		sysfs_emit(page, "%s\n", files[file].unset);
	mutex_unlock(&mcz_owner_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(mcz_cgroup_show);

static int mcz_vm_set(struct mcz_owner *owner, enum mcz_file file, const char *text,
		      bool admin)
{
	switch (file) {
	case MCZ_FILE_MIN:
		return mcz_vm_set_size(owner, mcz_vm_min.at, text, admin);
	case MCZ_FILE_MAX:
		return mcz_vm_set_size(owner, mcz_vm_max.at, text, admin);
	case MCZ_FILE_HIGH:
		return mcz_vm_set_size(owner, mcz_vm_high.at, text, admin);
	case MCZ_FILE_WEIGHT:
		return mcz_vm_set_weight(owner, text, admin);
	case MCZ_FILE_ALGORITHM:
		return admin ? mcz_vm_set_algorithm(owner, text) : -EPERM;
	default:
		return -EINVAL;
	}
}

static int mcz_cgroup_set(struct cgroup *cgroup, enum mcz_file file, const char *text,
			  bool admin)
{
	struct mcz_vm *known, *vm;
	int r;

	lockdep_assert_held(&mcz_owner_lock);
	known = mcz_vm_of(cgroup);
	vm = known;
	if (!vm) {
		r = admin ? mcz_vm_add(cgroup) : -EPERM;
		if (r)
			return r;
		vm = mcz_vm_of(cgroup);
	}
	r = mcz_vm_set(vm->owner, file, text, admin);
	/* What is no setting makes no VM. */
	if (r && !known)
		mcz_vm_remove(vm);
	return r;
}

/**
 * mcz_cgroup_store() - write a file of a VM by way of its cgroup
 * @cgroup: cgroup of version 2 but the root
 * @file: which
 * @text: what is written; as to the file in sysfs
 * @admin: by the host's administrator, who makes the cgroup a VM by that, if it is none;
 *	others may lower min, max and weight of what is one
 *
 * Context: process; may sleep; takes mcz_owner_lock and mcz_settings_lock.
 * Return: 0; -EPERM if only the administrator may do that; what the files in sysfs
 * return, add among them.
 */
int mcz_cgroup_store(struct cgroup *cgroup, enum mcz_file file, const char *text,
		     bool admin)
{
	int tries = 0, r;

	do {
		mutex_lock(&mcz_owner_lock);
		r = mcz_cgroup_set(cgroup, file, text, admin);
		mutex_unlock(&mcz_owner_lock);
		if (r != -ENOSPC)
			return r;
		/* Some VMs may be gone. */
		mcz_owner_refresh();
	} while (!tries++);
	return r;
}
EXPORT_SYMBOL_GPL(mcz_cgroup_store);

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
