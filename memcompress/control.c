// SPDX-License-Identifier: GPL-2.0
/*
 * Creation and removal of devices at run time: reading hot_add makes one and
 * prints its number, a number written to hot_remove removes it, as zram has it.
 */
#include <linux/cpuhotplug.h>
#include <linux/device/class.h>
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>

#include "internal.h"

/* Most devices at a time: one minor each. */
#define MCZ_DEVICES_MAX 1024

static unsigned int num_devices = 1;
module_param(num_devices, uint, 0444);
MODULE_PARM_DESC(num_devices, "Devices made at load time, 0 to 1024 (default 1)");

static DEFINE_MUTEX(mcz_control_lock);	/* protects mcz_devices */
static DEFINE_IDR(mcz_devices);

static int mcz_add(void)
{
	struct mcz_dev *dev;
	int id;

	lockdep_assert_held(&mcz_control_lock);
	id = idr_alloc(&mcz_devices, NULL, 0, MCZ_DEVICES_MAX, GFP_KERNEL);
	if (id < 0)
		return id;
	dev = mcz_dev_create(id);
	if (IS_ERR(dev)) {
		idr_remove(&mcz_devices, id);
		return PTR_ERR(dev);
	}
	idr_replace(&mcz_devices, dev, id);
	return id;
}

static ssize_t hot_add_show(COMPAT_CLASS_CONST struct class *class,
			    COMPAT_CLASS_CONST struct class_attribute *attr,
			    char *buf)
{
	int id;

	mutex_lock(&mcz_control_lock);
	id = mcz_add();
	mutex_unlock(&mcz_control_lock);
	return id < 0 ? id : sysfs_emit(buf, "%d\n", id);
}

static ssize_t hot_remove_store(COMPAT_CLASS_CONST struct class *class,
				COMPAT_CLASS_CONST struct class_attribute *attr,
				const char *buf, size_t len)
{
	struct mcz_dev *dev;
	int id, r;

	r = kstrtoint(buf, 10, &id);
	if (r)
		return r;
	if (id < 0)
		return -EINVAL;
	mutex_lock(&mcz_control_lock);
	dev = idr_find(&mcz_devices, id);
	r = dev ? mcz_dev_remove(dev, false) : -ENODEV;
	if (!r)
		idr_remove(&mcz_devices, id);
	mutex_unlock(&mcz_control_lock);
	return r ? r : len;
}

/* Reading it changes something: for root alone. */
static struct class_attribute class_attr_hot_add =
	__ATTR(hot_add, 0400, hot_add_show, NULL);
static CLASS_ATTR_WO(hot_remove);

static struct attribute *mcz_control_attrs[] = {
	&class_attr_hot_add.attr,
	&class_attr_hot_remove.attr,
	NULL,
};
ATTRIBUTE_GROUPS(mcz_control);

static struct class mcz_control_class = {
	.class_groups = mcz_control_groups,
};

static int mcz_remove_one(int id, void *dev, void *unused)
{
	/* The module's references are gone, so nobody has it open. */
	WARN_ON_ONCE(mcz_dev_remove(dev, true));
	return 0;
}

static void mcz_remove_all(void)
{
	mutex_lock(&mcz_control_lock);
	idr_for_each(&mcz_devices, mcz_remove_one, NULL);
	idr_destroy(&mcz_devices);
	mutex_unlock(&mcz_control_lock);
}

/*
 * zram's names are zram's while it is loaded. The kernel answers a second class of
 * one name with a stack trace, but a second owner of a CPU hotplug state with EBUSY;
 * zram takes its state before its class. So whoever comes second fails, cleanly.
 */
static int mcz_names_take(void)
{
	return mcz_zram_compat ?
		cpuhp_setup_state_multi(CPUHP_ZCOMP_PREPARE,
					"memcompress/zram:names", NULL, NULL) :
		0;
}

static void mcz_names_release(void)
{
	if (mcz_zram_compat)
		cpuhp_remove_multi_state(CPUHP_ZCOMP_PREPARE);
}

/**
 * mcz_control_init() - the control class and the first devices
 *
 * Return: 0; -EINVAL for a bad num_devices; -EBUSY when zram has the names; or
 * what making a device fails with.
 */
int mcz_control_init(void)
{
	unsigned int i;
	int r;

	if (num_devices > MCZ_DEVICES_MAX) {
		pr_err("memcompress: num_devices is 0 to %d\n", MCZ_DEVICES_MAX);
		return -EINVAL;
	}
	mcz_control_class.name = mcz_zram_compat ? "zram-control" :
						   "memcompress-control";
	r = mcz_names_take();
	if (r) {
		pr_err("memcompress: zram has the names; unload it first\n");
		return r;
	}
	r = class_register(&mcz_control_class);
	if (r) {
		mcz_names_release();
		return r;
	}
	mutex_lock(&mcz_control_lock);
	for (i = 0, r = 0; i < num_devices && r >= 0; i++)
		r = mcz_add();
	mutex_unlock(&mcz_control_lock);
	if (r < 0) {
		mcz_control_exit();
		return r;
	}
	return 0;
}

/** mcz_control_exit() - all devices go */
void mcz_control_exit(void)
{
	class_unregister(&mcz_control_class);
	mcz_remove_all();
	mcz_names_release();
}
