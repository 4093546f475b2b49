/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a page is made of, at a glance: one value, or noise.
 */
#ifndef MCZ_FILL_CORE_H
#define MCZ_FILL_CORE_H

#include <linux/types.h>

/** MCZ_PAGE - bytes of a page, the unit of everything here */
#define MCZ_PAGE 4096

bool mcz_fill_same(const void *page, u64 *value);
void mcz_fill_page(void *page, u64 value);
bool mcz_fill_noise(const void *page);

#endif /* MCZ_FILL_CORE_H */
