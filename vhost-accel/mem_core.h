/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory table: guest-physical to host-virtual translation.
 */
#ifndef VHA_MEM_CORE_H
#define VHA_MEM_CORE_H

#include <linux/types.h>
#include <linux/uio.h>

/**
 * struct vha_region - one contiguous piece of guest memory
 * @gpa: guest-physical start, bytes
 * @size: length in bytes, at least 1; @gpa + @size - 1 does not wrap
 * @hva: address of @gpa in the owner's address space
 */
struct vha_region {
	u64 gpa;
	u64 size;
	u64 hva;
};

/**
 * struct vha_mem - a guest's memory, sorted by guest-physical address
 * @nregions: entries in @regions
 * @regions: sorted, without overlap, once vha_mem_sort() has accepted them
 */
struct vha_mem {
	u32 nregions;
	struct vha_region regions[];
};

int vha_mem_sort(struct vha_mem *mem);
int vha_mem_translate(const struct vha_mem *mem, u32 *hint, u64 gpa, u64 len,
		      struct iovec *iov, unsigned int max);

#endif /* VHA_MEM_CORE_H */
