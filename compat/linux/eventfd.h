/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_EVENTFD_H
#define COMPAT_LINUX_EVENTFD_H

#include <linux/version.h>
#include_next <linux/eventfd.h>

/* Linux 6.8 dropped the count: every caller passed 1. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx, 1);
}

#define eventfd_signal(ctx) compat_eventfd_signal(ctx)
#endif

#endif /* COMPAT_LINUX_EVENTFD_H */
