// SPDX-License-Identifier: GPL-2.0
/*
 * The settings of a VM, and the files io.vm.* in each cgroup that has the io controller;
 * see Documentation/ABI.
 *
 * In a kernel whose I/O policies nobody has looked at, or that takes no more of them, there
 * are no such files: configfs.c has the same settings.
 */
#include <linux/blk-cgroup.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>

#include "internal.h"
#include "../memcompress/cgroup.h"

/* The settings of a cgroup that has none. */
static const u64 cgio_no_rates[VMSHARE_UNITS];

static void cgio_shares_show(struct seq_file *seq, struct cgio_vm *vm)
{
	if (vm && vm->shares != CGIO_SHARES_DEFAULT)
		seq_printf(seq, "%u\n", vm->shares);
	else
		seq_puts(seq, "default\n");
}

static int cgio_shares_set(struct cgio_vm *vm, const char *text, bool admin)
{
	return cgio_knob_shares(text, &vm->shares);
}

static void cgio_limit_show(struct seq_file *seq, struct cgio_vm *vm)
{
	static const char * const keys[VMSHARE_UNITS] = { "iops", "bps" };
	const u64 *rates = vm ? vm->limit : cgio_no_rates;
	unsigned int i;

	seq_puts(seq, "disk");
	for (i = 0; i < VMSHARE_UNITS; i++) {
		if (rates[i])
			seq_printf(seq, " %s=%llu", keys[i], rates[i]);
		else
			seq_printf(seq, " %s=max", keys[i]);
	}
	seq_puts(seq, "\n");
}

static int cgio_limit_set(struct cgio_vm *vm, const char *text, bool admin)
{
	return cgio_knob_rates(text, vm->limit);
}

static void cgio_reserve_show(struct seq_file *seq, struct cgio_vm *vm)
{
	const u64 *rates = vm ? vm->reserve : cgio_no_rates;

	seq_printf(seq, "disk iops=%llu bps=%llu\n", rates[VMSHARE_OPS], rates[VMSHARE_BYTES]);
}

/* The host's administrator may promise anything; others what they were promised. */
static int cgio_reserve_set(struct cgio_vm *vm, const char *text, bool admin)
{
	u64 reserve[VMSHARE_UNITS];
	unsigned int i;
	int r;

	memcpy(reserve, vm->reserve, sizeof(reserve));
	r = cgio_knob_rates(text, reserve);
	if (r)
		return r;
	if (!admin && !cgio_vm_reserve_fits(vm, reserve))
		return -EDQUOT;
	for (i = 0; i < VMSHARE_UNITS; i++)
		cgio_vm_reserve_cut(vm, i, reserve[i]);
	return 0;
}

static void cgio_latency_show(struct seq_file *seq, struct cgio_vm *vm)
{
	if (vm && vm->latency != CGIO_LATENCY_NONE)
		seq_printf(seq, "%llu\n", vm->latency);
	else
		seq_puts(seq, "max\n");
}

static int cgio_latency_set(struct cgio_vm *vm, const char *text, bool admin)
{
	u64 us;
	int r = cgio_knob_latency(text, &us);

	if (r)
		return r;
	if (!cgio_vm_latency_fits(vm, us, admin))
		return -EDQUOT;
	cgio_vm_latency_raise(vm, us);
	return 0;
}

static void cgio_stat_show(struct seq_file *seq, struct cgio_vm *vm)
{
	if (vm)
		cgio_pools_show(vm, seq);
}

/**
 * struct cgio_setting - a file of a VM
 * @show: what it says; the VM is NULL where nothing is known
 * @set: what writing it does, or NULL; 0 or -errno
 *
 * With cgio_lock held.
 */
struct cgio_setting {
	void (*show)(struct seq_file *seq, struct cgio_vm *vm);
	int (*set)(struct cgio_vm *vm, const char *text, bool admin);
};

static const struct cgio_setting cgio_settings[] = {
	[CGIO_SHARES] = { cgio_shares_show, cgio_shares_set },
	[CGIO_LIMIT] = { cgio_limit_show, cgio_limit_set },
	[CGIO_RESERVE] = { cgio_reserve_show, cgio_reserve_set },
	[CGIO_LATENCY] = { cgio_latency_show, cgio_latency_set },
	[CGIO_STAT] = { cgio_stat_show },
};

/**
 * cgio_setting_show() - print a setting of a cgroup
 * @seq: where to
 * @id: the cgroup's
 * @which: setting
 *
 * Context: process; may sleep.
 */
void cgio_setting_show(struct seq_file *seq, u64 id, enum cgio_file which)
{
	mutex_lock(&cgio_lock);
	cgio_settings[which].show(seq, cgio_vm_find(id));
	mutex_unlock(&cgio_lock);
}

static int cgio_try_set(struct cgroup *cgroup, enum cgio_file which, const char *text,
			bool admin)
{
	struct cgio_vm *vm;
	int r;

	mutex_lock(&cgio_lock);
	vm = cgio_vm_get(cgroup, admin);
	r = IS_ERR(vm) ? PTR_ERR(vm) : cgio_settings[which].set(vm, text, admin);
	if (!r)
		cgio_vm_changed(vm);
	mutex_unlock(&cgio_lock);
	return r;
}

/* What to do about it; whoever may write may be anybody, who cannot flood the log. */
static void cgio_hint(enum cgio_file which, int r)
{
	static const char * const formats[] = {
		[CGIO_SHARES] = "io.vm.shares: 1 to 10000, low, normal, high or default",
		[CGIO_LIMIT] = "io.vm.limit: disk iops=<n> bps=<n>, each 1 to 256G or max",
		[CGIO_RESERVE] = "io.vm.reserve: disk iops=<n> bps=<n>, each 1 to 256G or max",
		[CGIO_LATENCY] = "io.vm.latency: 1 to 68719476 us, or max",
	};
	static const char * const quotas[] = {
		[CGIO_RESERVE] = "io.vm.reserve: children divide what a cgroup has itself",
		[CGIO_LATENCY] = "io.vm.latency: no less than what the cgroup above has",
	};

	switch (r) {
	case -EINVAL:
	case -ERANGE:
		pr_notice_ratelimited("cgroup_io: %s\n", formats[which]);
		break;
	case -EDQUOT:
		pr_notice_ratelimited("cgroup_io: %s\n", quotas[which]);
		break;
	case -E2BIG:
		pr_notice_ratelimited("cgroup_io: a cgroup has settings down to level %d\n",
				      CGIO_LEVEL_MAX);
		break;
	case -ENOSPC:
		pr_notice_ratelimited("cgroup_io: %d cgroups have settings or send requests, no more can\n",
				      CGIO_VMS_MAX - CGIO_VMS_KEPT);
		break;
	}
}

/**
 * cgio_setting_set() - change a setting of a cgroup
 * @cgroup: referenced by the caller, not the root
 * @which: setting, not %CGIO_STAT
 * @text: as written
 * @admin: by the host's administrator
 *
 * The kernel log says what was wrong.
 *
 * Context: process; may sleep.
 * Return: 0; -EINVAL, -ERANGE: see knob_core.c; -EDQUOT if the parent's reservation does
 * not have that much, or its latency target is less strict; -E2BIG, -ENOSPC, -ENOMEM: see
 * cgio_vm_get().
 */
int cgio_setting_set(struct cgroup *cgroup, enum cgio_file which, const char *text, bool admin)
{
	int r = cgio_try_set(cgroup, which, text, admin);

	/* It could be what cgroups have that are gone. */
	if ((r == -ENOSPC || r == -EDQUOT) && cgio_vm_reap())
		r = cgio_try_set(cgroup, which, text, admin);
	if (r)
		cgio_hint(which, r);
	return r;
}

static int cgio_seq_show(struct seq_file *seq, void *unused)
{
	cgio_setting_show(seq, cgroup_id(seq_css(seq)->cgroup), seq_cft(seq)->private);
	return 0;
}

static ssize_t cgio_write(struct kernfs_open_file *of, char *buf, size_t len, loff_t off)
{
	const bool admin = file_ns_capable(of->file, &init_user_ns, CAP_SYS_ADMIN);
	int r = cgio_setting_set(of_css(of)->cgroup, of_cft(of)->private, buf, admin);

	return r ? r : len;
}

/* A setting of memcompress; see compress.c. */
#define CGIO_COMPRESS_FILE(file, what) {	\
	.name = "vm.compress." file,		\
	.private = (what),			\
	.flags = CFTYPE_NOT_ON_ROOT,		\
	.seq_show = cgio_compress_show,		\
	.write = cgio_compress_write,		\
}

static struct cftype cgio_cftypes[] = {
	{
		.name = "vm.shares",
		.private = CGIO_SHARES,
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgio_seq_show,
		.write = cgio_write,
	},
	{
		.name = "vm.limit",
		.private = CGIO_LIMIT,
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgio_seq_show,
		.write = cgio_write,
	},
	{
		.name = "vm.reserve",
		.private = CGIO_RESERVE,
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgio_seq_show,
		.write = cgio_write,
	},
	{
		.name = "vm.latency",
		.private = CGIO_LATENCY,
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgio_seq_show,
		.write = cgio_write,
	},
	{
		.name = "vm.stat",
		.private = CGIO_STAT,
		.seq_show = cgio_seq_show,
	},
	CGIO_COMPRESS_FILE("min", MCZ_FILE_MIN),
	CGIO_COMPRESS_FILE("max", MCZ_FILE_MAX),
	CGIO_COMPRESS_FILE("high", MCZ_FILE_HIGH),
	CGIO_COMPRESS_FILE("weight", MCZ_FILE_WEIGHT),
	CGIO_COMPRESS_FILE("algorithm", MCZ_FILE_ALGORITHM),
	{
		.name = "vm.compress.stat",
		.private = MCZ_FILE_STAT,
		.flags = CFTYPE_NOT_ON_ROOT,
		.seq_show = cgio_compress_show,
	},
	{ }
};

static struct compat_blkcg_policy cgio_policy = {
	.dfl_cftypes = cgio_cftypes,
};

static bool unknown_kernel;
module_param(unknown_kernel, bool, 0444);
MODULE_PARM_DESC(unknown_kernel,
		 "Files in cgroups of a kernel whose I/O policies were never looked at (default N)");

static bool configfs;
module_param(configfs, bool, 0444);
MODULE_PARM_DESC(configfs,
		 "Settings in configfs, and no files in cgroups (default N; Y where those cannot be)");

/**
 * cgio_files_init() - files in all cgroups, or the same in configfs
 *
 * Return: 0; -EOPNOTSUPP where neither can be; -ENOMEM.
 */
int cgio_files_init(void)
{
	int r;

	if (!configfs && !compat_blkcg_policy_known() && !unknown_kernel) {
		pr_notice("cgroup_io: unknown kernel: see compat/linux/blk-cgroup.h, then load with unknown_kernel=1\n");
		configfs = true;
	}
	if (!configfs) {
		r = blkcg_policy_register(&cgio_policy);
		if (r != -ENOSPC)
			return r;
		pr_notice("cgroup_io: the kernel takes no more I/O policies; is bfq needed?\n");
		configfs = true;
	}
	r = cgio_configfs_init();
	if (r)
		pr_err("cgroup_io: no settings in configfs either (%d)\n", r);
	else
		pr_notice("cgroup_io: settings are in configfs, not in cgroups\n");
	return r;
}

/** cgio_files_exit() - the files go; those open say so */
void cgio_files_exit(void)
{
	if (configfs)
		cgio_configfs_exit();
	else
		blkcg_policy_unregister(&cgio_policy);
}
