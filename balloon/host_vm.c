// SPDX-License-Identifier: GPL-2.0
/*
 * VMs and their directories, /sys/kernel/vmballoon/vms/<cid>/.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "host.h"

/* What QEMU and KVM have beside a guest's memory, unless the administrator knows better. */
#define VMB_OVERHEAD_LEAST 0x4000000ULL
#define VMB_OVERHEAD_PART 64

LIST_HEAD(vmb_vms);
unsigned int vmb_vms_count;
static struct kset *vmb_set;

static struct vmb_member *vmb_member(struct kobject *kobj)
{
	return container_of(kobj, struct vmb_member, kobj);
}

/* vmb_now() - milliseconds */
u64 vmb_now(void)
{
	return ktime_get_ns() / NSEC_PER_MSEC;
}

/* vmb_vm_find() - the VM of number @cid, or NULL */
struct vmb_member *vmb_vm_find(u32 cid)
{
	struct vmb_member *vm;

	lockdep_assert_held(&vmb_lock);
	list_for_each_entry(vm, &vmb_vms, link)
		if (vm->cid == cid)
			return vm;
	return NULL;
}

/*
 * vmb_vm_begin() - a guest was started, or says so
 *
 * It may use all that it can have, and is not stuck; but who is stuck does not escape by
 * saying hello all the time.
 */
void vmb_vm_begin(struct vmb_member *vm)
{
	u64 now = vmb_now();

	lockdep_assert_held(&vmb_lock);
	vm->watch.size = min(vm->share.max, VMB_SIZE_MAX);
	if (vm->begun && now - vm->begun < VMB_RETRY_MS)
		return;
	vm->begun = now;
	vmb_watch_start(&vm->watch, vm->share.max, now);
}

/* vmb_vm_forget() - a guest was silent for long: what it said counts no more */
void vmb_vm_forget(struct vmb_member *vm)
{
	lockdep_assert_held(&vmb_lock);
	vm->reported = false;
	vm->held = 0;
	vm->missing = 0;
	vm->watch.size = min(vm->share.max, VMB_SIZE_MAX);
}

/*
 * vmb_vm_claim() - what a guest says of itself; @report may be NULL
 *
 * Small changes wait for the next turn.
 */
void vmb_vm_claim(struct vmb_member *vm, const struct vmb_report *report, u64 held,
		  u64 missing)
{
	u64 need = vm->share.need;
	bool news = !vm->reported || held != vm->held;

	lockdep_assert_held(&vmb_lock);
	vm->held = min(held, vm->ram);
	vm->missing = min(missing, vm->ram);
	if (report) {
		u64 now = vmb_need(report, vm->buffer, vm->share.min, vm->share.max);

		vm->report = *report;
		vm->reported = true;
		news |= max(need, now) - min(need, now) >= vmb_band(need);
	}
	if (news)
		vmb_turn_soon();
}

/*
 * Settings and figures: one attribute each. A show reads under the lock, a store
 * parses, takes the lock, and has the policy look at it.
 */
#define VMB_SHOW(name, format, value)						\
static ssize_t name##_show(struct kobject *kobj, struct kobj_attribute *attr,	\
			   char *buf)						\
{										\
	struct vmb_member *vm = vmb_member(kobj);				\
	ssize_t n;								\
										\
	mutex_lock(&vmb_lock);							\
	n = sysfs_emit(buf, format "\n", value);				\
	mutex_unlock(&vmb_lock);						\
	return n;								\
}

VMB_SHOW(ram, "%llu", vm->ram)
VMB_SHOW(min, "%llu", vm->share.min)
VMB_SHOW(max, "%llu", vm->share.max)
VMB_SHOW(weight, "%u", vm->share.weight)
VMB_SHOW(buffer, "%u", vm->buffer)
VMB_SHOW(overhead, "%llu", vm->overhead)
VMB_SHOW(cgroup, "%s", vm->cgroup ?: "")
VMB_SHOW(pid, "%d", vm->pid ? pid_vnr(vm->pid) : 0)
VMB_SHOW(held, "%llu", vm->held)
VMB_SHOW(need, "%llu", vm->share.need)
VMB_SHOW(size, "%llu", vm->share.size)
VMB_SHOW(target, "%llu", vm->share.target)
VMB_SHOW(order, "%llu", vm->share.order)
VMB_SHOW(credit, "%llu", vm->share.credit)
VMB_SHOW(missing, "%llu", vm->missing)
VMB_SHOW(link, "%s", vm->conn ? "connected" : "none")
VMB_SHOW(ignored, "%lu", vm->ignored)
VMB_SHOW(squeeze, "%d", vm->squeeze)
VMB_SHOW(limit, "%llu", vm->limit)
VMB_SHOW(measured, "%llu", vm->counted ? vm->measured : 0)
VMB_SHOW(state, "%s", !vm->counted ? "unmeasured" : vm->watch.stuck ? "stuck" :
	 vm->share.order < vm->share.size ? "shrinking" :
	 vm->share.order > vm->share.size ? "growing" : "settled")

static ssize_t min_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	return vmb_store_size(buf, count, &vmb_member(kobj)->share.min);
}

static ssize_t overhead_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t count)
{
	return vmb_store_size(buf, count, &vmb_member(kobj)->overhead);
}

static ssize_t max_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	struct vmb_member *vm = vmb_member(kobj);
	u64 size;
	int err = vmb_parse_size(buf, &size);

	if (err || !size)
		return -EINVAL;
	if (size > vm->ram)
		return -ERANGE;
	mutex_lock(&vmb_lock);
	vm->share.max = size;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	return count;
}

static ssize_t weight_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	return vmb_store_number(buf, count, VMB_WEIGHT_MIN, VMB_WEIGHT_MAX,
				&vmb_member(kobj)->share.weight);
}

static ssize_t buffer_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	return vmb_store_number(buf, count, 0, VMB_BUFFER_MAX, &vmb_member(kobj)->buffer);
}

static ssize_t held_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	return vmb_store_size(buf, count, &vmb_member(kobj)->held);
}

static ssize_t cgroup_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	struct vmb_member *vm = vmb_member(kobj);
	struct file *current_file = NULL, *swap_file = NULL;
	struct vmb_squeeze *squeezer = NULL;
	char *path = kstrndup(buf, count, GFP_KERNEL), *cgroup;
	int err = 0;

	if (!path)
		return -ENOMEM;
	cgroup = strim(path);
	/* Below the root, and not back out of it. */
	if (*cgroup && (*cgroup != '/' || strstr(cgroup, "/..")))
		err = -EINVAL;
	if (!err && *cgroup)
		err = vmb_measure_open(cgroup, "memory.current", &current_file);
	if (!err && *cgroup) {
		err = vmb_measure_open(cgroup, "memory.swap.current", &swap_file);
		/* A kernel that accounts no swap has no such file. */
		if (err == -ENOENT)
			err = 0;
	}
	if (!err && *cgroup)
		err = vmb_squeeze_new(cgroup, &squeezer);
	cgroup = !err && *cgroup ? kstrdup(cgroup, GFP_KERNEL) : NULL;
	kfree(path);
	if (!err && current_file && !cgroup)
		err = -ENOMEM;
	if (err)
		goto out;
	mutex_lock(&vmb_lock);
	swap(vm->cgroup, cgroup);
	swap(vm->current_file, current_file);
	swap(vm->swap_file, swap_file);
	swap(vm->squeezer, squeezer);
	vm->limit = 0;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	kfree(cgroup);
out:
	vmb_measure_close(current_file);
	vmb_measure_close(swap_file);
	vmb_squeeze_end(squeezer);
	return err ?: count;
}

static ssize_t pid_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	struct vmb_member *vm = vmb_member(kobj);
	struct pid *pid = NULL;
	u64 resident, swapped;
	int number, err = kstrtoint(buf, 10, &number);

	if (err)
		return err;
	if (number) {
		pid = find_get_pid(number);
		if (!pid || !vmb_measure_process(pid, &resident, &swapped)) {
			put_pid(pid);
			return -ESRCH;
		}
	}
	mutex_lock(&vmb_lock);
	swap(vm->pid, pid);
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	put_pid(pid);
	return count;
}

static ssize_t squeeze_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	struct vmb_member *vm = vmb_member(kobj);
	bool squeeze;
	int err = kstrtobool(buf, &squeeze);

	if (err)
		return err;
	mutex_lock(&vmb_lock);
	if (squeeze && vm->cgroup && !vm->squeezer) {
		mutex_unlock(&vmb_lock);
		return -EOPNOTSUPP;
	}
	vm->squeeze = squeeze;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	return count;
}

static ssize_t report_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct vmb_member *vm = vmb_member(kobj);
	ssize_t n = 0;

	mutex_lock(&vmb_lock);
	if (vm->reported)
		n = sysfs_emit(buf, "%llu %llu %llu %llu\n", vm->report.total,
			       vm->report.avail, vm->report.active_file,
			       vm->report.refault);
	mutex_unlock(&vmb_lock);
	return n;
}

static ssize_t report_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	struct vmb_member *vm = vmb_member(kobj);
	struct vmb_report report;
	int end = 0;

	if (sscanf(buf, "%llu %llu %llu %llu %n", &report.total, &report.avail,
		   &report.active_file, &report.refault, &end) != 4 || buf[end])
		return -EINVAL;
	mutex_lock(&vmb_lock);
	vm->report = report;
	vm->reported = true;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	return count;
}

#define VMB_RW(name) static struct kobj_attribute name##_attr = __ATTR_RW_MODE(name, 0600)
#define VMB_RO(name) static struct kobj_attribute name##_attr = __ATTR_RO_MODE(name, 0400)

VMB_RW(min);
VMB_RW(max);
VMB_RW(weight);
VMB_RW(buffer);
VMB_RW(overhead);
VMB_RW(cgroup);
VMB_RW(pid);
VMB_RW(report);
VMB_RW(held);
VMB_RW(squeeze);
VMB_RO(limit);
VMB_RO(ram);
VMB_RO(need);
VMB_RO(size);
VMB_RO(target);
VMB_RO(order);
VMB_RO(credit);
VMB_RO(measured);
VMB_RO(missing);
VMB_RO(link);
VMB_RO(ignored);
VMB_RO(state);

static struct attribute *vmb_vm_attrs[] = {
	&min_attr.attr,
	&max_attr.attr,
	&weight_attr.attr,
	&buffer_attr.attr,
	&overhead_attr.attr,
	&cgroup_attr.attr,
	&pid_attr.attr,
	&report_attr.attr,
	&held_attr.attr,
	&squeeze_attr.attr,
	&limit_attr.attr,
	&ram_attr.attr,
	&need_attr.attr,
	&size_attr.attr,
	&target_attr.attr,
	&order_attr.attr,
	&credit_attr.attr,
	&measured_attr.attr,
	&missing_attr.attr,
	&link_attr.attr,
	&ignored_attr.attr,
	&state_attr.attr,
	NULL
};
ATTRIBUTE_GROUPS(vmb_vm);

static void vmb_vm_release(struct kobject *kobj)
{
	struct vmb_member *vm = vmb_member(kobj);

	vmb_measure_close(vm->current_file);
	vmb_measure_close(vm->swap_file);
	vmb_squeeze_end(vm->squeezer);
	put_pid(vm->pid);
	kfree(vm->cgroup);
	kfree(vm);
}

static const struct kobj_type vmb_vm_type = {
	.release = vmb_vm_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = vmb_vm_groups,
};

/*
 * vmb_vm_add() - let a VM take part whose guest was started with @ram bytes
 *
 * Additions and removals are made one at a time.
 *
 * Return: 0, -EEXIST, -ENOSPC: there are too many, or -ENOMEM.
 */
int vmb_vm_add(u32 cid, u64 ram)
{
	struct vmb_member *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	int err = 0;

	if (!vm)
		return -ENOMEM;
	vm->cid = cid;
	vm->buffer = VMB_BUFFER_DEFAULT;
	vm->overhead = VMB_OVERHEAD_LEAST + ram / VMB_OVERHEAD_PART;
	vm->ram = ram;
	vm->share.max = ram;
	vm->share.weight = VMB_WEIGHT_DEFAULT;
	vm->share.need = ram;
	vm->share.size = ram;
	vm->share.target = ram;
	vm->share.order = ram;
	vmb_watch_start(&vm->watch, ram, vmb_now());
	vml_peer_start(&vm->peer, vmb_now());
	kobject_init(&vm->kobj, &vmb_vm_type);
	vm->kobj.kset = vmb_set;

	mutex_lock(&vmb_lock);
	if (vmb_vm_find(cid))
		err = -EEXIST;
	if (!err && vmb_vms_count == VMB_VMS_MAX)
		err = -ENOSPC;
	if (!err)
		err = vmb_turn_resize(vmb_vms_count + 1);
	if (err) {
		mutex_unlock(&vmb_lock);
		kobject_put(&vm->kobj);
		return err;
	}
	list_add_tail(&vm->link, &vmb_vms);
	vmb_vms_count++;
	mutex_unlock(&vmb_lock);

	err = kobject_add(&vm->kobj, NULL, "%u", cid);
	mutex_lock(&vmb_lock);
	if (err) {
		list_del(&vm->link);
		vmb_vms_count--;
		vmb_link_drop(vm);
	}
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	if (err)
		kobject_put(&vm->kobj);
	return err;
}

static void vmb_vm_drop(struct vmb_member *vm)
{
	kobject_del(&vm->kobj);
	kobject_put(&vm->kobj);
}

/*
 * vmb_vm_remove() - a VM takes part no more
 *
 * Return: 0 or -ENOENT.
 */
int vmb_vm_remove(u32 cid)
{
	struct vmb_member *vm;

	mutex_lock(&vmb_lock);
	vm = vmb_vm_find(cid);
	if (vm) {
		list_del(&vm->link);
		vmb_vms_count--;
		vmb_link_drop(vm);
		vmb_turn_soon();
	}
	mutex_unlock(&vmb_lock);
	if (!vm)
		return -ENOENT;
	/* Not under the lock: its files are in use by those who wait for it. */
	vmb_vm_drop(vm);
	return 0;
}

/*
 * vmb_vms_init() - the directory of VMs
 *
 * Return: 0 or -ENOMEM.
 */
int vmb_vms_init(struct kobject *parent)
{
	vmb_set = kset_create_and_add("vms", NULL, parent);
	return vmb_set ? 0 : -ENOMEM;
}

/* vmb_vms_exit() - no VM takes part any more */
void vmb_vms_exit(void)
{
	struct vmb_member *vm, *next;
	LIST_HEAD(list);

	mutex_lock(&vmb_lock);
	list_for_each_entry(vm, &vmb_vms, link)
		vmb_link_drop(vm);
	list_splice_init(&vmb_vms, &list);
	vmb_vms_count = 0;
	mutex_unlock(&vmb_lock);
	list_for_each_entry_safe(vm, next, &list, link)
		vmb_vm_drop(vm);
	kset_unregister(vmb_set);
}
