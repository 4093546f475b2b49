/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel types over the ABI's. */
#ifndef UNIT_LINUX_TYPES_H
#define UNIT_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

#ifndef __user
#define __user
#endif
#ifndef __force
#define __force
#endif

#endif /* UNIT_LINUX_TYPES_H */
