// SPDX-License-Identifier: GPL-2.0
/*
 * What a balloon does not give: memory.high of a VM's cgroup.
 *
 * The policy says how much a cgroup may keep in memory, see vmb_limit(). Writing that takes
 * as long as the kernel needs to reclaim what is above it: each VM has a work item of its
 * own for it, and neither turns nor other VMs wait. What the file said before is kept. When
 * somebody else writes it meanwhile, that is kept instead; the limit is never above it, and
 * it is there again when the VM is let go, goes, or gets another cgroup.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "host.h"

/**
 * struct vmb_squeeze - the limit of a cgroup
 * @ref: of the VM, and of the work while it is queued
 * @work: makes the file say what it is to say
 * @high: memory.high
 * @limit: bytes, or 0: what others want; by vmb_lock
 * @theirs: what others wrote; by the work
 * @ours: what was written here, or 0: nothing; by the work
 */
struct vmb_squeeze {
	struct kref ref;
	struct work_struct work;
	struct file *high;
	u64 limit;
	u64 theirs;
	u64 ours;
};

static struct workqueue_struct *vmb_squeeze_wq;

static bool vmb_high_write(struct file *file, u64 value)
{
	char text[32];
	loff_t at = 0;
	int n;

	n = value == VMB_NO_LIMIT ? scnprintf(text, sizeof(text), "max") :
				    scnprintf(text, sizeof(text), "%llu", value);
	return kernel_write(file, text, n, &at) == n;
}

static void vmb_squeeze_apply(struct vmb_squeeze *sq, u64 limit)
{
	u64 now, want;

	if (!limit && !sq->ours)
		return;
	/* A cgroup that is gone is not limited. */
	if (!vmb_measure_number(sq->high, &now)) {
		sq->ours = 0;
		return;
	}
	if (!sq->ours || now != sq->ours)
		sq->theirs = now;
	want = limit ? min(limit, sq->theirs) : sq->theirs;
	if (want == now || vmb_high_write(sq->high, want))
		sq->ours = limit ? want : 0;
}

static void vmb_squeeze_release(struct kref *ref)
{
	struct vmb_squeeze *sq = container_of(ref, struct vmb_squeeze, ref);

	fput(sq->high);
	kfree(sq);
}

static void vmb_squeeze_work(struct work_struct *work)
{
	struct vmb_squeeze *sq = container_of(work, struct vmb_squeeze, work);
	u64 limit;

	mutex_lock(&vmb_lock);
	limit = sq->limit;
	mutex_unlock(&vmb_lock);
	vmb_squeeze_apply(sq, limit);
	kref_put(&sq->ref, vmb_squeeze_release);
}

/*
 * vmb_squeeze_new() - be able to limit a cgroup; nothing is written yet
 *
 * Return: 0, also where there is no such file and so no @result, or an error.
 */
int vmb_squeeze_new(const char *cgroup, struct vmb_squeeze **result)
{
	struct vmb_squeeze *sq;
	struct file *high, *file;
	int err;

	err = vmb_measure_open(cgroup, "memory.high", &file);
	if (err)
		return err == -ENOENT ? 0 : err;
	/* Looking it up for writing takes a lock that who writes our files may not take. */
	high = dentry_open(&file->f_path, O_RDWR, current_cred());
	fput(file);
	if (IS_ERR(high))
		return PTR_ERR(high);
	sq = kzalloc(sizeof(*sq), GFP_KERNEL);
	if (!sq) {
		fput(high);
		return -ENOMEM;
	}
	kref_init(&sq->ref);
	INIT_WORK(&sq->work, vmb_squeeze_work);
	sq->high = high;
	*result = sq;
	return 0;
}

/* vmb_squeeze_set() - limit a cgroup, if that can be, to @limit bytes, or with 0 no more */
void vmb_squeeze_set(struct vmb_squeeze *sq, u64 limit)
{
	lockdep_assert_held(&vmb_lock);
	if (!sq)
		return;
	limit &= PAGE_MASK;
	/* While there is one, others may write another. */
	if (!limit && !sq->limit)
		return;
	sq->limit = limit;
	kref_get(&sq->ref);
	if (!queue_work(vmb_squeeze_wq, &sq->work))
		kref_put(&sq->ref, vmb_squeeze_release);
}

/* vmb_squeeze_end() - no limit any more; @sq, or nothing, must not be used again */
void vmb_squeeze_end(struct vmb_squeeze *sq)
{
	if (!sq)
		return;
	mutex_lock(&vmb_lock);
	vmb_squeeze_set(sq, 0);
	mutex_unlock(&vmb_lock);
	kref_put(&sq->ref, vmb_squeeze_release);
}

/*
 * vmb_squeeze_init() - be able to limit cgroups at all
 *
 * Return: 0 or -ENOMEM.
 */
int vmb_squeeze_init(void)
{
	/* Memory is short when it has work. */
	vmb_squeeze_wq = alloc_workqueue("vmballoon_squeeze", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return vmb_squeeze_wq ? 0 : -ENOMEM;
}

/* vmb_squeeze_exit() - all limits were ended; returns when none is left */
void vmb_squeeze_exit(void)
{
	destroy_workqueue(vmb_squeeze_wq);
}
