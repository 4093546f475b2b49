/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_BITOPS_H
#define UNIT_LINUX_BITOPS_H

#include <linux/types.h>

static inline unsigned int hweight64(u64 w)
{
	return __builtin_popcountll(w);
}

#endif /* UNIT_LINUX_BITOPS_H */
