// SPDX-License-Identifier: GPL-2.0
/*
 * What the host measures.
 *
 * A VM's memory is its cgroup's memory.current and memory.swap.current, by the files that
 * everybody else reads: with swap, so that swapping a VM out is not taken for its
 * giving memory back. The files stay open. When the cgroup goes they give errors.
 *
 * A VM without a cgroup may have the process of its QEMU looked at instead, in the same way:
 * what that has of its own, shared or in huge pages, and has in swap. What files have that
 * it maps is not its own, and shared memory in swap is nobody's: it looks as if it was given back.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "host.h"

static char *vmb_cgroup_root = "/sys/fs/cgroup";
module_param_named(cgroup_root, vmb_cgroup_root, charp, 0444);
MODULE_PARM_DESC(cgroup_root, "Where the cgroup v2 file system is (default /sys/fs/cgroup)");

/* Pressure of the whole host; NULL where there is no such file. */
static struct file *vmb_pressure;

/*
 * vmb_measure_open() - open a file of a cgroup, or of all where @cgroup is ""
 *
 * Return: 0 or an error; *@result is set only on success.
 */
int vmb_measure_open(const char *cgroup, const char *file, struct file **result)
{
	char *path = kasprintf(GFP_KERNEL, "%s/%s/%s", vmb_cgroup_root, cgroup, file);
	struct file *f;

	if (!path)
		return -ENOMEM;
	f = filp_open(path, O_RDONLY, 0);
	kfree(path);
	if (IS_ERR(f))
		return PTR_ERR(f);
	*result = f;
	return 0;
}

/* vmb_measure_close() - close what was opened, or nothing */
void vmb_measure_close(struct file *file)
{
	if (file)
		fput(file);
}

/*
 * vmb_measure_number() - read a file of a cgroup that says a number, or "max"
 *
 * Return: whether it does; *@value is %VMB_NO_LIMIT for "max".
 */
bool vmb_measure_number(struct file *file, u64 *value)
{
	char text[32];
	loff_t at = 0;
	ssize_t n = kernel_read(file, text, sizeof(text) - 1, &at);

	if (n <= 0)
		return false;
	text[n] = '\0';
	*value = VMB_NO_LIMIT;
	return !strcmp(strim(text), "max") || !kstrtou64(text, 10, value);
}

/*
 * vmb_measure_process() - what a process has
 *
 * Return: whether it is there and has memory of its own.
 */
bool vmb_measure_process(struct pid *pid, u64 *resident, u64 *swap)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct mm_struct *mm;

	if (!task)
		return false;
	/* It keeps its memory while its lock is held. */
	task_lock(task);
	mm = task->flags & PF_KTHREAD ? NULL : task->mm;
	if (mm) {
		u64 pages = get_mm_counter_sum(mm, MM_ANONPAGES) +
			    get_mm_counter_sum(mm, MM_SHMEMPAGES);

#ifdef CONFIG_HUGETLB_PAGE
		pages += atomic_long_read(&mm->hugetlb_usage);
#endif
		*resident = pages << PAGE_SHIFT;
		*swap = (u64)get_mm_counter_sum(mm, MM_SWAPENTS) << PAGE_SHIFT;
	}
	task_unlock(task);
	put_task_struct(task);
	return mm;
}

/*
 * vmb_measure_vm() - what a VM has on this host
 *
 * Not with vmb_lock held: who reads our files holds locks of the kind that reading takes.
 */
void vmb_measure_vm(struct vmb_probe *probe)
{
	u64 memory, swap = 0;

	lockdep_assert_not_held(&vmb_lock);
	if (probe->current_file)
		probe->good = vmb_measure_number(probe->current_file, &memory) &&
			      (!probe->swap_file || vmb_measure_number(probe->swap_file, &swap));
	else
		probe->good = probe->pid && vmb_measure_process(probe->pid, &memory, &swap);
	if (!probe->good)
		return;
	probe->resident = min(memory, VMB_SIZE_MAX);
	probe->measured = probe->resident + min(swap, VMB_SIZE_MAX);
}

/* vmb_measure_total() - bytes that the host has */
u64 vmb_measure_total(void)
{
	struct sysinfo info;

	si_meminfo(&info);
	return (u64)info.totalram << PAGE_SHIFT;
}

/* vmb_measure_host() - figures of the host; not with vmb_lock held, as above */
void vmb_measure_host(struct vmb_host *host)
{
	char text[256];
	loff_t at = 0;
	ssize_t n;

	lockdep_assert_not_held(&vmb_lock);
	host->total = vmb_measure_total();
	host->avail = (u64)max(si_mem_available(), 0L) << PAGE_SHIFT;
	n = vmb_pressure ? kernel_read(vmb_pressure, text, sizeof(text), &at) : 0;
	vmb_host_waits(host, text, n > 0 ? n : 0);
}

/* vmb_measure_init() - without pressure files free memory alone decides */
void vmb_measure_init(void)
{
	if (vmb_measure_open("", "memory.pressure", &vmb_pressure))
		pr_info("no memory.pressure: how long tasks wait for memory is not seen\n");
}

/* vmb_measure_exit() - nothing measures any more */
void vmb_measure_exit(void)
{
	vmb_measure_close(vmb_pressure);
}
