/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What cgroup_io.ko asks memcompress.ko for: the settings of a VM, as files of its cgroup.
 *
 * The kernel has room for few modules that bring files to cgroups, so that one brings
 * those of both. Neither module needs the other: cgroup_io looks for these functions by
 * symbol_get() at each access.
 */
#ifndef MCZ_CGROUP_H
#define MCZ_CGROUP_H

#include <linux/types.h>

struct cgroup;

/**
 * enum mcz_file - a VM's files, in sysfs and in its cgroup
 * @MCZ_FILE_MIN: min
 * @MCZ_FILE_MAX: max
 * @MCZ_FILE_HIGH: high
 * @MCZ_FILE_WEIGHT: weight
 * @MCZ_FILE_ALGORITHM: algorithm
 * @MCZ_FILE_STAT: stat, to be read only
 */
enum mcz_file {
	MCZ_FILE_MIN,
	MCZ_FILE_MAX,
	MCZ_FILE_HIGH,
	MCZ_FILE_WEIGHT,
	MCZ_FILE_ALGORITHM,
	MCZ_FILE_STAT,
};

int mcz_cgroup_show(struct cgroup *cgroup, enum mcz_file file, char *page);
int mcz_cgroup_store(struct cgroup *cgroup, enum mcz_file file, const char *text,
		     bool admin);

#endif /* MCZ_CGROUP_H */
