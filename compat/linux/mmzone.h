/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_MMZONE_H
#define COMPAT_LINUX_MMZONE_H

#include_next <linux/mmzone.h>

/* Linux 6.8 named the largest order; before, there was the first that is too large. */
#ifndef MAX_PAGE_ORDER
#define MAX_PAGE_ORDER (MAX_ORDER - 1)
#endif

#endif /* COMPAT_LINUX_MMZONE_H */
