/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmaccel: what its files share.
 */
#ifndef VMA_VMACCEL_H
#define VMA_VMACCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** VMA_SYSFS - where vmballoon_host is to be found */
#define VMA_SYSFS "/sys/kernel/vmballoon"

/** VMA_TEXT_MAX - bytes of the longest text in a file of sysfs, with its end */
#define VMA_TEXT_MAX 4096

/** VMA_VMS_MAX - how many VMs vmballoon_host takes */
#define VMA_VMS_MAX 4096

#ifndef __printf
#define __printf(string, first)	__attribute((format(printf, string, first)))
#endif

/* vmaccel.c */
int __printf(2, 3) vma_fail(const char *command, const char *format, ...);

/* balloon.c */
int vma_balloon(int argc, char **argv);

/* balloon_status.c */
int vma_balloon_status(int argc, char **argv);

/* sysfs.c */
int vma_sysfs_open(const char *path);
int vma_sysfs_read(int dir, uint64_t vm, const char *name, char *text, size_t room);
int vma_sysfs_number(int dir, uint64_t vm, const char *name, uint64_t *number);
int vma_sysfs_write(int dir, uint64_t vm, const char *name, const char *text);

#endif /* VMA_VMACCEL_H */
