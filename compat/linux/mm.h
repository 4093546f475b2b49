/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_MM_H
#define COMPAT_LINUX_MM_H

#include <linux/version.h>
#include_next <linux/mm.h>

/* Linux 6.2 made these counters sums over the processors; before, one was read at once. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define get_mm_counter_sum get_mm_counter
#endif

#endif /* COMPAT_LINUX_MM_H */
