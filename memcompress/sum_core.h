/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The checksum of what is stored.
 */
#ifndef MCZ_SUM_CORE_H
#define MCZ_SUM_CORE_H

#include <linux/types.h>

u32 mcz_sum(const void *from, unsigned int len);

#endif /* MCZ_SUM_CORE_H */
