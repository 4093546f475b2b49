/* SPDX-License-Identifier: GPL-2.0 */
/* struct iovec of the ABI; the C library's may not be included beside it. */
#ifndef UNIT_LINUX_UIO_H
#define UNIT_LINUX_UIO_H

#include_next <linux/uio.h>

#endif /* UNIT_LINUX_UIO_H */
