// SPDX-License-Identifier: GPL-2.0
/*
 * memcompress: compressed swap in memory that knows its VMs.
 *
 * Devices /dev/memcompressN take swap like zram's; Documentation/design tells how.
 */
#include <linux/module.h>

#include "internal.h"

bool mcz_zram_compat;
module_param_named(zram_compat, mcz_zram_compat, bool, 0444);
MODULE_PARM_DESC(zram_compat,
		 "Register as zram: /dev/zramN and class zram-control (default N)");

char *mcz_default_alg = "zstd";
module_param_named(comp_algorithm, mcz_default_alg, charp, 0444);
MODULE_PARM_DESC(comp_algorithm,
		 "Compression algorithm of new devices (default zstd)");

static int __init mcz_init(void)
{
	int r;

	if (mcz_alg_find(mcz_default_alg) < 0) {
		pr_err("memcompress: this kernel has no compressor %s; see /proc/crypto, or load its module\n",
		       mcz_default_alg);
		return -EINVAL;
	}
	r = mcz_owner_init();
	if (r)
		return r;
	r = mcz_pool_init();
	if (r)
		goto err_owner;
	r = mcz_job_init();
	if (r)
		goto err_pool;
	r = mcz_vm_init();
	if (r)
		goto err_job;
	r = mcz_disk_init();
	if (r)
		goto err_vm;
	r = mcz_control_init();
	if (r)
		goto err_disk;
	return 0;

err_disk:
	mcz_disk_exit();
err_vm:
	mcz_vm_exit();
err_job:
	mcz_job_exit();
err_pool:
	mcz_pool_exit();
err_owner:
	mcz_owner_exit();
	return r;
}
module_init(mcz_init);

static void __exit mcz_exit(void)
{
	mcz_control_exit();
	mcz_disk_exit();
	mcz_vm_exit();
	mcz_job_exit();
	mcz_pool_exit();
	mcz_owner_exit();
}
module_exit(mcz_exit);

MODULE_AUTHOR("vmaccel maintainers");
MODULE_DESCRIPTION("Compressed swap in memory, with limits per VM");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
