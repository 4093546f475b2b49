/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_DEVICE_CLASS_H
#define COMPAT_LINUX_DEVICE_CLASS_H

#include <linux/version.h>
#include_next <linux/device/class.h>

/* Linux 6.4 made the attributes of a class take a constant class. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define COMPAT_CLASS_CONST
#else
#define COMPAT_CLASS_CONST const
#endif

#endif /* COMPAT_LINUX_DEVICE_CLASS_H */
