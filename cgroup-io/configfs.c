// SPDX-License-Identifier: GPL-2.0
/*
 * The settings of VMs in configfs, for kernels in which cgroups cannot have files of ours.
 *
 *   mkdir /sys/kernel/config/cgroup_io/vm1
 *   echo /machine.slice/vm1.scope >/sys/kernel/config/cgroup_io/vm1/cgroup
 *   echo high >/sys/kernel/config/cgroup_io/vm1/shares
 *
 * A directory is a name for a cgroup, by its id, and nothing else: the settings are the
 * cgroup's, which has them after the directory is gone, and takes them with it when it
 * goes itself. Two directories may name the same cgroup.
 */
#include <linux/cgroup.h>
#include <linux/configfs.h>
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/**
 * struct cgio_item - a directory
 * @item: it
 * @id: of the cgroup it names, 0 if of none; is read and written without a lock
 */
struct cgio_item {
	struct config_item item;
	u64 id;
};

static struct cgio_item *cgio_item_of(struct config_item *item)
{
	return container_of(item, struct cgio_item, item);
}

/* The caller puts it. */
static struct cgroup *cgio_item_cgroup(struct config_item *item)
{
	const u64 id = READ_ONCE(cgio_item_of(item)->id);

	return id ? cgroup_get_from_id(id) : ERR_PTR(-ENODEV);
}

static ssize_t cgio_item_cgroup_show(struct config_item *item, char *page)
{
	struct cgroup *cgroup = cgio_item_cgroup(item);
	ssize_t n;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	n = cgroup_path(cgroup, page, PAGE_SIZE - 1);
	cgroup_put(cgroup);
	if (n < 0)
		return n;
	return strlcat(page, "\n", PAGE_SIZE);
}

static int cgio_item_name(struct cgio_item *item, char *path)
{
	struct cgroup *cgroup = cgroup_get_from_path(strim(path));
	int r = 0;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	if (cgroup->level)
		WRITE_ONCE(item->id, cgroup_id(cgroup));
	else
		r = -EINVAL;
	cgroup_put(cgroup);
	return r;
}

static ssize_t cgio_item_cgroup_store(struct config_item *item, const char *page, size_t len)
{
	char *path = kstrndup(page, len, GFP_KERNEL);
	int r;

	if (!path)
		return -ENOMEM;
	r = cgio_item_name(cgio_item_of(item), path);
	kfree(path);
	if (r)
		pr_notice_ratelimited("cgroup_io: cgroup: path of one, from the root of cgroup v2, but not that\n");
	return r ? r : len;
}

/* As many lines as fit into a page. */
static ssize_t cgio_item_show(struct config_item *item, char *page, enum cgio_file which)
{
	struct seq_file seq = { .buf = page, .size = PAGE_SIZE };
	struct cgroup *cgroup = cgio_item_cgroup(item);
	size_t n;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	cgio_setting_show(&seq, cgroup_id(cgroup), which);
	cgroup_put(cgroup);
	n = seq.count;
	if (seq_has_overflowed(&seq)) {
		while (n && page[n - 1] != '\n')
			n--;
	}
	return n;
}

static ssize_t cgio_item_store(struct config_item *item, const char *page, size_t len,
			       enum cgio_file which)
{
	struct cgroup *cgroup = cgio_item_cgroup(item);
	int r;

	if (IS_ERR(cgroup))
		return PTR_ERR(cgroup);
	r = cgio_setting_set(cgroup, which, page, capable(CAP_SYS_ADMIN));
	cgroup_put(cgroup);
	return r ? r : len;
}

static ssize_t cgio_item_shares_show(struct config_item *item, char *page)
{
	return cgio_item_show(item, page, CGIO_SHARES);
}

static ssize_t cgio_item_shares_store(struct config_item *item, const char *page, size_t len)
{
	return cgio_item_store(item, page, len, CGIO_SHARES);
}

static ssize_t cgio_item_limit_show(struct config_item *item, char *page)
{
	return cgio_item_show(item, page, CGIO_LIMIT);
}

static ssize_t cgio_item_limit_store(struct config_item *item, const char *page, size_t len)
{
	return cgio_item_store(item, page, len, CGIO_LIMIT);
}

static ssize_t cgio_item_reserve_show(struct config_item *item, char *page)
{
	return cgio_item_show(item, page, CGIO_RESERVE);
}

static ssize_t cgio_item_reserve_store(struct config_item *item, const char *page, size_t len)
{
	return cgio_item_store(item, page, len, CGIO_RESERVE);
}

static ssize_t cgio_item_latency_show(struct config_item *item, char *page)
{
	return cgio_item_show(item, page, CGIO_LATENCY);
}

static ssize_t cgio_item_latency_store(struct config_item *item, const char *page, size_t len)
{
	return cgio_item_store(item, page, len, CGIO_LATENCY);
}

static ssize_t cgio_item_stat_show(struct config_item *item, char *page)
{
	return cgio_item_show(item, page, CGIO_STAT);
}

CONFIGFS_ATTR(cgio_item_, cgroup);
CONFIGFS_ATTR(cgio_item_, shares);
CONFIGFS_ATTR(cgio_item_, limit);
CONFIGFS_ATTR(cgio_item_, reserve);
CONFIGFS_ATTR(cgio_item_, latency);
CONFIGFS_ATTR_RO(cgio_item_, stat);

static struct configfs_attribute *cgio_item_attrs[] = {
	&cgio_item_attr_cgroup,
	&cgio_item_attr_shares,
	&cgio_item_attr_limit,
	&cgio_item_attr_reserve,
	&cgio_item_attr_latency,
	&cgio_item_attr_stat,
	NULL,
};

static void cgio_item_release(struct config_item *item)
{
	kfree(cgio_item_of(item));
}

static struct configfs_item_operations cgio_item_ops = {
	.release = cgio_item_release,
};

static const struct config_item_type cgio_item_type = {
	.ct_owner = THIS_MODULE,
	.ct_item_ops = &cgio_item_ops,
	.ct_attrs = cgio_item_attrs,
};

static struct config_item *cgio_make_item(struct config_group *group, const char *name)
{
	struct cgio_item *item = kzalloc(sizeof(*item), GFP_KERNEL);

	if (!item)
		return ERR_PTR(-ENOMEM);
	config_item_init_type_name(&item->item, name, &cgio_item_type);
	return &item->item;
}

static struct configfs_group_operations cgio_group_ops = {
	.make_item = cgio_make_item,
};

static const struct config_item_type cgio_group_type = {
	.ct_owner = THIS_MODULE,
	.ct_group_ops = &cgio_group_ops,
};

static struct configfs_subsystem cgio_subsystem = {
	.su_group.cg_item = {
		.ci_namebuf = "cgroup_io",
		.ci_type = &cgio_group_type,
	},
};

/**
 * cgio_configfs_init() - the directory cgroup_io in configfs
 *
 * Return: 0 or -errno.
 */
int cgio_configfs_init(void)
{
	config_group_init(&cgio_subsystem.su_group);
	mutex_init(&cgio_subsystem.su_mutex);
	return configfs_register_subsystem(&cgio_subsystem);
}

/** cgio_configfs_exit() - it goes; nobody has made directories in it */
void cgio_configfs_exit(void)
{
	configfs_unregister_subsystem(&cgio_subsystem);
}
