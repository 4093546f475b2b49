/* SPDX-License-Identifier: GPL-2.0 */
/* Byte order of x86-64, the only machine that the unit tests run on. */
#ifndef UNIT_LINUX_BYTEORDER_H
#define UNIT_LINUX_BYTEORDER_H

#include <linux/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the unit tests need a little endian machine"
#endif

#define cpu_to_le16(x) ((__le16)(u16)(x))
#define cpu_to_le32(x) ((__le32)(u32)(x))
#define cpu_to_le64(x) ((__le64)(u64)(x))
#define le16_to_cpu(x) ((u16)(x))
#define le32_to_cpu(x) ((u32)(x))
#define le64_to_cpu(x) ((u64)(x))

#endif /* UNIT_LINUX_BYTEORDER_H */
