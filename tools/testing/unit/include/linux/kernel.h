/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_KERNEL_H
#define UNIT_LINUX_KERNEL_H

#include <linux/byteorder.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/types.h>

#define U16_MAX ((u16)~0U)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif /* UNIT_LINUX_KERNEL_H */
