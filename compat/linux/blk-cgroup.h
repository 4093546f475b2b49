/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_BLK_CGROUP_H
#define COMPAT_LINUX_BLK_CGROUP_H

#include_next <linux/blk-cgroup.h>

struct cftype;

/*
 * Of struct blkcg_policy, which no shipped header has: its first fields, alike from 5.4
 * to the newest, and then callbacks, in an order that changes. None is set, so that the
 * order does not matter: a policy of which only the files are wanted.
 */
struct compat_blkcg_policy {
	int plid;
	struct cftype *dfl_cftypes;
	struct cftype *legacy_cftypes;
	void *callbacks[24];
};

/*
 * CRCs of blkcg_policy_register, as Module.symvers has them, of kernels in whose BTF
 * dfl_cftypes was seen at offset 8 and legacy_cftypes at 16; a CRC covers the whole
 * structure. Kbuild reads the list; in other kernels configfs has the settings:
 *
 *   0xa4e5c1e7 6.1, Debian
 *   0xec0e0d7c 6.12, Debian
 *   0x00000000 without CONFIG_MODVERSIONS: whoever builds that has the sources
 */
static inline bool compat_blkcg_policy_known(void)
{
#ifdef COMPAT_BLKCG_POLICY_KNOWN
	return true;
#else
	return false;
#endif
}

int blkcg_policy_register(struct compat_blkcg_policy *policy);
void blkcg_policy_unregister(struct compat_blkcg_policy *policy);

#endif /* COMPAT_LINUX_BLK_CGROUP_H */
