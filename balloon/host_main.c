// SPDX-License-Identifier: GPL-2.0
/*
 * vmballoon_host: who of a host's VMs is to have how much memory.
 *
 * /sys/kernel/vmballoon/ has the settings and figures of the host, vms/<cid>/ those of each
 * VM. The module measures and decides; host_turn.c is the loop, policy_core.c and
 * state_core.c the decisions, host_vm.c the VMs, host_measure.c what is measured,
 * host_link.c what guests say and are told, host_squeeze.c what is taken beyond balloons.
 */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "host.h"

/* All VMs, all settings, the last result. */
DEFINE_MUTEX(vmb_lock);

struct vmb_settings vmb_settings = {
	.policy = { VMB_RULE_WEIGHT, VMB_IDLE_TAX_DEFAULT },
};

/* VMs come and go one at a time. */
static DEFINE_MUTEX(vmb_admin);

static struct kobject *vmb_kobj;

static const char * const vmb_rules[] = {
	[VMB_RULE_WEIGHT] = "weight",
	[VMB_RULE_RANGE] = "range",
	[VMB_RULE_DEMAND] = "demand",
	[VMB_RULE_SHARES] = "shares",
};

static const char * const vmb_states[] = {
	[VMB_HOST_HIGH] = "high",
	[VMB_HOST_SOFT] = "soft",
	[VMB_HOST_HARD] = "hard",
	[VMB_HOST_LOW] = "low",
};

/*
 * vmb_parse_size() - a size in bytes, with or without a suffix
 *
 * Return: 0 or -EINVAL.
 */
int vmb_parse_size(const char *buf, u64 *size)
{
	char *end;
	u64 value = memparse(buf, &end);

	if (end == buf || (*end && *end != '\n') || value > VMB_SIZE_MAX)
		return -EINVAL;
	*size = value;
	return 0;
}

/*
 * vmb_store_size() - set a size, and have the policy look at it
 *
 * Return: @count or an error.
 */
ssize_t vmb_store_size(const char *buf, size_t count, u64 *value)
{
	u64 size;
	int err = vmb_parse_size(buf, &size);

	if (err)
		return err;
	mutex_lock(&vmb_lock);
	*value = size;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	return count;
}

/*
 * vmb_store_number() - the same for a number from @lowest to @highest
 *
 * Return: @count or an error.
 */
ssize_t vmb_store_number(const char *buf, size_t count, u32 lowest, u32 highest, u32 *value)
{
	u32 n;
	int err = kstrtou32(buf, 0, &n);

	if (err)
		return err;
	if (n < lowest || n > highest)
		return -ERANGE;
	mutex_lock(&vmb_lock);
	*value = n;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	return count;
}

static ssize_t rule_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	unsigned int i;
	ssize_t n = 0;

	mutex_lock(&vmb_lock);
	for (i = 0; i < ARRAY_SIZE(vmb_rules); i++)
		n += sysfs_emit_at(buf, n, i == vmb_settings.policy.rule ? "[%s]%s" : "%s%s",
				   vmb_rules[i], i + 1 < ARRAY_SIZE(vmb_rules) ? " " : "\n");
	mutex_unlock(&vmb_lock);
	return n;
}

static ssize_t rule_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	int rule = sysfs_match_string(vmb_rules, buf);

	if (rule < 0)
		return rule;
	mutex_lock(&vmb_lock);
	vmb_settings.policy.rule = rule;
	vmb_turn_soon();
	mutex_unlock(&vmb_lock);
	return count;
}

static ssize_t idle_tax_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t count)
{
	return vmb_store_number(buf, count, 0, 100, &vmb_settings.policy.idle_tax);
}

static ssize_t reserve_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	u64 reserve;

	mutex_lock(&vmb_lock);
	reserve = vmb_reserve(vmb_measure_total());
	mutex_unlock(&vmb_lock);
	return sysfs_emit(buf, "%llu\n", reserve);
}

static ssize_t reserve_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	return vmb_store_size(buf, count, &vmb_settings.reserve);
}

#define VMB_SHOW(name, format, value)						\
static ssize_t name##_show(struct kobject *kobj, struct kobj_attribute *attr,	\
			   char *buf)						\
{										\
	ssize_t n;								\
										\
	mutex_lock(&vmb_lock);							\
	n = sysfs_emit(buf, format "\n", value);				\
	mutex_unlock(&vmb_lock);						\
	return n;								\
}

VMB_SHOW(idle_tax, "%u", vmb_settings.policy.idle_tax)
VMB_SHOW(state, "%s", vmb_states[vmb_result.state])
VMB_SHOW(pool, "%llu", vmb_result.pool)
VMB_SHOW(spare, "%llu", vmb_result.spare)
VMB_SHOW(lack, "%llu", vmb_result.lack)
VMB_SHOW(refused, "%lu", vmb_link_refused())

/* "<cid> <bytes>" */
static ssize_t add_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	unsigned int cid;
	int at = 0, err;
	u64 ram;

	if (sscanf(buf, "%u %n", &cid, &at) != 1 || !at)
		return -EINVAL;
	if (vmb_parse_size(buf + at, &ram) || !ram)
		return -EINVAL;
	if (cid < VMB_CID_MIN || cid > VMB_CID_MAX)
		return -ERANGE;
	mutex_lock(&vmb_admin);
	err = vmb_vm_add(cid, ram);
	mutex_unlock(&vmb_admin);
	return err ?: count;
}

static ssize_t remove_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buf, size_t count)
{
	u32 cid;
	int err = kstrtou32(buf, 0, &cid);

	if (err)
		return err;
	mutex_lock(&vmb_admin);
	err = vmb_vm_remove(cid);
	mutex_unlock(&vmb_admin);
	return err ?: count;
}

static struct kobj_attribute rule_attr = __ATTR_RW_MODE(rule, 0644);
static struct kobj_attribute idle_tax_attr = __ATTR_RW_MODE(idle_tax, 0644);
static struct kobj_attribute reserve_attr = __ATTR_RW_MODE(reserve, 0644);
static struct kobj_attribute state_attr = __ATTR_RO(state);
static struct kobj_attribute pool_attr = __ATTR_RO(pool);
static struct kobj_attribute spare_attr = __ATTR_RO(spare);
static struct kobj_attribute lack_attr = __ATTR_RO(lack);
static struct kobj_attribute refused_attr = __ATTR_RO(refused);
static struct kobj_attribute add_attr = __ATTR_WO(add);
static struct kobj_attribute remove_attr = __ATTR_WO(remove);

static struct attribute *vmb_attrs[] = {
	&rule_attr.attr,
	&idle_tax_attr.attr,
	&reserve_attr.attr,
	&state_attr.attr,
	&pool_attr.attr,
	&spare_attr.attr,
	&lack_attr.attr,
	&refused_attr.attr,
	&add_attr.attr,
	&remove_attr.attr,
	NULL
};

static const struct attribute_group vmb_group = {
	.attrs = vmb_attrs,
};

static int __init vmb_init(void)
{
	int err;

	vmb_kobj = kobject_create_and_add("vmballoon", kernel_kobj);
	if (!vmb_kobj)
		return -ENOMEM;
	vmb_measure_init();
	err = vmb_squeeze_init();
	if (err)
		goto err_measure;
	err = vmb_link_init();
	if (err)
		goto err_squeeze;
	err = vmb_vms_init(vmb_kobj);
	if (err)
		goto err_link;
	err = sysfs_create_group(vmb_kobj, &vmb_group);
	if (err)
		goto err_vms;
	return 0;

err_vms:
	vmb_link_stop();
	vmb_vms_exit();
	vmb_turn_exit();
err_link:
	vmb_link_stop();
	vmb_link_exit();
err_squeeze:
	vmb_squeeze_exit();
err_measure:
	vmb_measure_exit();
	kobject_put(vmb_kobj);
	return err;
}

static void __exit vmb_exit(void)
{
	sysfs_remove_group(vmb_kobj, &vmb_group);
	vmb_link_stop();
	vmb_vms_exit();
	vmb_turn_exit();
	vmb_link_exit();
	vmb_squeeze_exit();
	vmb_measure_exit();
	kobject_put(vmb_kobj);
}

module_init(vmb_init);
module_exit(vmb_exit);

MODULE_DESCRIPTION("Policy of memory balloons: which VM is to have how much");
MODULE_LICENSE("GPL");
