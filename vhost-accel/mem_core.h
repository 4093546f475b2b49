/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's address space: what a device address is in the owner's.
 */
#ifndef VHA_MEM_CORE_H
#define VHA_MEM_CORE_H

#include <linux/compiler.h>
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

/**
 * struct vha_map - what an IOTLB says of an address
 * @start: first device address that it covers
 * @last: last device address that it covers, @start or above
 * @hva: address of @start in the owner's address space
 * @read: the device may read there
 * @write: the device may write there
 */
struct vha_map {
	u64 start;
	u64 last;
	u64 hva;
	bool read;
	bool write;
};

/**
 * struct vha_iotlb - where device addresses are looked up that are no guest's
 * @find: fills the struct with the entry for an address and returns true, or
 *	returns false when there is none; supplied by the user of this core
 */
struct vha_iotlb {
	bool (*find)(struct vha_iotlb *iotlb, u64 addr, struct vha_map *map);
};

/**
 * struct vha_space - the addresses that descriptors hold
 * @mem: guest memory table, sorted
 * @hint: region of @mem hit last, see vha_mem_translate()
 * @iotlb: device addresses are looked up here instead, unless NULL
 * @miss: after -EAGAIN: device address that @iotlb knows nothing of
 * @miss_write: after -EAGAIN: the device wants to write there
 */
struct vha_space {
	const struct vha_mem *mem;
	u32 hint;
	struct vha_iotlb *iotlb;
	u64 miss;
	bool miss_write;
};

int vha_mem_sort(struct vha_mem *mem);
int vha_mem_translate(const struct vha_mem *mem, u32 *hint, u64 gpa, u64 len,
		      struct iovec *iov, unsigned int max);
int vha_space_translate(struct vha_space *space, u64 addr, u64 len, bool write,
			struct iovec *iov, unsigned int max);
int vha_space_linear(struct vha_space *space, u64 addr, u64 len, bool write,
		     u64 *hva);

/**
 * vha_space_near() - a range in the region hit last, where most are
 * @space: address space
 * @addr: start of the range
 * @len: bytes, at least 1
 * @iov: filled with its one segment
 *
 * Context: as vha_space_translate().
 *
 * Return: true if so; false says nothing: ask vha_space_translate().
 */
static inline bool vha_space_near(const struct vha_space *space, u64 addr,
				  u64 len, struct iovec *iov)
{
	const struct vha_region *r;
	u64 off;

	if (unlikely(space->iotlb || space->hint >= space->mem->nregions))
		return false;
	r = &space->mem->regions[space->hint];
	/* In front of the region it is past its end, since that does not wrap. */
	off = addr - r->gpa;
	if (unlikely(off >= r->size || len > r->size - off))
		return false;
	iov->iov_base = (void __user *)(unsigned long)(r->hva + off);
	iov->iov_len = len;
	return true;
}

#endif /* VHA_MEM_CORE_H */
