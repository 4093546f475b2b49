/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dirty log: which bits stand for a piece of guest memory.
 */
#ifndef VHA_LOG_CORE_H
#define VHA_LOG_CORE_H

#include <linux/types.h>

#include "mem_core.h"

/** VHA_LOG_SHIFT - log2 of the bytes of guest memory that share a bit */
#define VHA_LOG_SHIFT 12

bool vha_log_span(u64 base, u64 gpa, u64 len, u64 *first, u64 *size);
u32 vha_log_word(u64 base, u64 *page, u64 last, u64 *addr);
bool vha_log_alias(const struct vha_mem *mem, u32 *next, u64 hva, u64 len,
		   u64 *gpa, u64 *part);

#endif /* VHA_LOG_CORE_H */
