// SPDX-License-Identifier: GPL-2.0
/*
 * cgroup_io: what VMs are to have of disks and links.
 *
 * Settings in each VM's cgroup, for the schedulers of dm_vmio and others.
 */
#include <linux/module.h>

#include "internal.h"

static int __init cgio_init(void)
{
	int r;

	r = cgio_vm_init();
	if (r)
		return r;
	cgio_weight_init();
	r = cgio_files_init();
	if (!r)
		return 0;
	cgio_weight_exit();
	cgio_vm_exit();
	return r;
}
module_init(cgio_init);

static void __exit cgio_exit(void)
{
	cgio_files_exit();
	cgio_weight_exit();
	cgio_vm_exit();
}
module_exit(cgio_exit);

MODULE_AUTHOR("vmaccel maintainers");
MODULE_DESCRIPTION("Shares, limits and reservations of I/O per VM");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
