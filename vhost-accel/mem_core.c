// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's address space.
 *
 * Problem: every descriptor names bytes of the guest; the worker needs the
 * owner's virtual addresses, several million times a second.
 *
 * Model: a guest has a handful of regions (QEMU: 3 to 10; hot-plugged memory:
 * some hundred), they change only when memory or a PCI BAR is plugged, and
 * neighbouring buffers share a region nearly always. Behind an IOMMU descriptors
 * hold addresses of the IOMMU's making instead; an IOTLB, filled on demand by
 * user space, says what they are. It may know nothing of an address yet, and it
 * may allow reading or writing only.
 *
 * Control: a flat array sorted by guest address. A lookup tries the region of
 * the last hit (@hint) and falls back to a binary search. A range that crosses
 * from one region into an adjoining one gives one segment for each.
 *
 * Limits: regions may not overlap: which of two would win is nobody's contract.
 * Whether the host-virtual side is a user address is checked by the caller
 * when the table is set, since that takes the kernel's access_ok().
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "mem_core.h"

/**
 * vha_mem_sort() - put a table in order and check it
 * @mem: table as user space gave it
 *
 * Context: any; no locks. O(n) when the table comes sorted, as QEMU's does.
 *
 * Return: 0, or -EFAULT when a region is empty, wraps around the address space
 * on either side, or overlaps another in guest-physical space.
 */
int vha_mem_sort(struct vha_mem *mem)
{
	u32 i, j;

	for (i = 0; i < mem->nregions; i++) {
		struct vha_region r = mem->regions[i];

		if (!r.size || r.gpa + (r.size - 1) < r.gpa ||
		    r.hva + (r.size - 1) < r.hva)
			return -EFAULT;
		for (j = i; j && mem->regions[j - 1].gpa > r.gpa; j--)
			mem->regions[j] = mem->regions[j - 1];
		mem->regions[j] = r;
	}

	for (i = 1; i < mem->nregions; i++) {
		const struct vha_region *prev = &mem->regions[i - 1];

		if (mem->regions[i].gpa - prev->gpa < prev->size)
			return -EFAULT;
	}
	return 0;
}

static bool vha_region_has(const struct vha_region *r, u64 gpa)
{
	return gpa >= r->gpa && gpa - r->gpa < r->size;
}

static const struct vha_region *vha_mem_find(const struct vha_mem *mem,
					     u32 *hint, u64 gpa)
{
	u32 lo = 0, hi = mem->nregions;

	if (likely(*hint < hi && vha_region_has(&mem->regions[*hint], gpa)))
		return &mem->regions[*hint];

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (vha_region_has(&mem->regions[mid], gpa)) {
			*hint = mid;
			return &mem->regions[mid];
		}
		if (mem->regions[mid].gpa > gpa)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/**
 * vha_mem_translate() - guest-physical range to host-virtual segments
 * @mem: sorted table
 * @hint: index of the region hit last, kept by the caller; any value is safe
 * @gpa: start of the range
 * @len: bytes; 0 gives no segment
 * @iov: filled with one segment for each region touched
 * @max: room in @iov
 *
 * Context: any; the caller keeps @mem from changing.
 *
 * Return: number of segments; -EFAULT when a byte of the range is in no region
 * or the range wraps; -ENOBUFS when @iov is too small.
 */
int vha_mem_translate(const struct vha_mem *mem, u32 *hint, u64 gpa, u64 len,
		      struct iovec *iov, unsigned int max)
{
	unsigned int n = 0;

	while (len) {
		const struct vha_region *r = vha_mem_find(mem, hint, gpa);
		u64 off, part;

		if (unlikely(!r))
			return -EFAULT;
		if (unlikely(n == max))
			return -ENOBUFS;
		off = gpa - r->gpa;
		part = min(len, r->size - off);
		iov[n].iov_base = (void __user *)(unsigned long)(r->hva + off);
		iov[n].iov_len = part;
		n++;
		len -= part;
		gpa += part;
		/* A region may end at the last byte of the address space. */
		if (unlikely(!gpa && len))
			return -EFAULT;
	}
	return n;
}

/* Every byte has to be covered by an entry that allows the access. */
static int vha_iotlb_translate(struct vha_space *space, u64 addr, u64 len,
			       bool write, struct iovec *iov, unsigned int max)
{
	unsigned int n = 0;

	while (len) {
		struct vha_map map;
		u64 off, part;

		if (!space->iotlb->find(space->iotlb, addr, &map)) {
			space->miss = addr;
			space->miss_write = write;
			return -EAGAIN;
		}
		if (write ? !map.write : !map.read)
			return -EPERM;
		if (n == max)
			return -ENOBUFS;
		off = addr - map.start;
		/* An entry of the whole address space has 2^64 bytes. */
		part = min(len - 1, map.last - addr) + 1;
		iov[n].iov_base = (void __user *)(unsigned long)(map.hva + off);
		iov[n].iov_len = part;
		n++;
		len -= part;
		addr += part;
		if (!addr && len)
			return -EFAULT;
	}
	return n;
}

/**
 * vha_space_translate() - a range of device addresses to host-virtual segments
 * @space: address space
 * @addr: start of the range
 * @len: bytes; 0 gives no segment
 * @write: the device will write there, otherwise it will read
 * @iov: filled with one segment for each region or IOTLB entry touched
 * @max: room in @iov
 *
 * Context: any; the caller keeps the table and the IOTLB from changing.
 *
 * Return: number of segments; -EFAULT when a byte of the range is in no region
 * or the range wraps; -ENOBUFS when @iov is too small: it is full then, and what
 * is behind may be worth another error; -EAGAIN when the IOTLB does not know a
 * byte of it (@space says which one); -EPERM when the IOTLB forbids the access.
 */
int vha_space_translate(struct vha_space *space, u64 addr, u64 len, bool write,
			struct iovec *iov, unsigned int max)
{
	if (unlikely(space->iotlb))
		return vha_iotlb_translate(space, addr, len, write, iov, max);
	return vha_mem_translate(space->mem, &space->hint, addr, len, iov, max);
}

/**
 * vha_space_linear() - does a range of device addresses lie in one piece?
 * @space: address space
 * @addr: start of the range
 * @len: bytes, at least 1
 * @write: the device will write there, otherwise it will read
 * @hva: address of the first byte in the owner's address space
 *
 * Context: as vha_space_translate().
 *
 * Return: 1 if so, 0 if it is scattered, or as vha_space_translate().
 */
int vha_space_linear(struct vha_space *space, u64 addr, u64 len, bool write,
		     u64 *hva)
{
	u64 done = 0;
	int linear = 1;

	while (done < len) {
		struct iovec piece;
		u64 at;
		int r;

		r = vha_space_translate(space, addr + done, len - done, write,
					&piece, 1);
		if (r < 0 && r != -ENOBUFS)
			return r;
		at = (unsigned long)piece.iov_base;
		if (!done)
			*hva = at;
		else if (at != *hva + done)
			linear = 0;
		done += piece.iov_len;
	}
	return linear;
}
