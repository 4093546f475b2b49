// SPDX-License-Identifier: GPL-2.0
/*
 * A module that misbehaves on request, so that the test bed can be seen to notice.
 */
#include <linux/bug.h>
#include <linux/module.h>
#include <linux/processor.h>

static char *mode = "";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "oops, splat, hang or leak");

static int __init vmt_broken_init(void)
{
	int *volatile null = NULL;

	if (!strcmp(mode, "oops")) {
		*null = 1;
	} else if (!strcmp(mode, "splat")) {
		WARN(1, "requested\n");
	} else if (!strcmp(mode, "hang")) {
		for (;;)
			cpu_relax();
	} else if (!strcmp(mode, "leak")) {
		__module_get(THIS_MODULE);
	} else {
		return -EINVAL;
	}
	return 0;
}

static void __exit vmt_broken_exit(void)
{
}

module_init(vmt_broken_init);
module_exit(vmt_broken_exit);

MODULE_DESCRIPTION("Misbehaves on request");
MODULE_LICENSE("GPL");
