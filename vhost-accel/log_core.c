// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: which bits stand for a piece of guest memory.
 *
 * Problem: live migration wants to know every page that a device has written. The
 * device writes to host-virtual addresses; the log is a bitmap of guest-physical
 * pages, somewhere in user space, at any alignment.
 *
 * Model: bit n of the log, counted from the lowest bit of its first byte, stands
 * for the 4 KiB at guest-physical n * 4096. One host page may be several guest
 * pages: firmware that is seen at two places, or a region given twice.
 *
 * Control: a piece of host memory is looked up in all regions of the memory table,
 * one after another, and every match counts. The bits of each are grouped by
 * aligned 32-bit words, which is what can be changed atomically. An aligned word
 * that holds a byte of the log never leaves the page of that byte, so it is as
 * accessible as the byte; its other bits are not touched.
 *
 * Limits: the log of the highest guest addresses may lie beyond the top of the
 * address space; such a span is refused, not wrapped around.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "log_core.h"

/**
 * vha_log_span() - bytes of the log that stand for a piece of guest memory
 * @base: address of the log's first byte
 * @gpa: guest-physical start
 * @len: bytes of guest memory, at least 1
 * @first: address of the first byte of the log that has a bit for it
 * @size: number of such bytes
 *
 * Context: any; no locks.
 *
 * Return: false when the piece or its log wraps around the address space.
 */
bool vha_log_span(u64 base, u64 gpa, u64 len, u64 *first, u64 *size)
{
	const u64 last = gpa + (len - 1);
	const u64 from = gpa >> (VHA_LOG_SHIFT + 3);
	const u64 to = last >> (VHA_LOG_SHIFT + 3);

	if (last < gpa || base + to < base)
		return false;
	*first = base + from;
	*size = to - from + 1;
	return true;
}

/**
 * vha_log_word() - the next bits to set
 * @base: address of the log's first byte
 * @page: first page not done yet, at most @last; moved behind those returned
 * @last: last page
 * @addr: address of the aligned 32-bit word that holds the bits
 *
 * Context: any; no locks. The caller has asked vha_log_span().
 *
 * Return: the bits of the word, little endian as the CPU.
 */
u32 vha_log_word(u64 base, u64 *page, u64 last, u64 *addr)
{
	const u64 byte = base + (*page >> 3);
	const unsigned int shift = (byte & 3) * 8 + (*page & 7);
	const unsigned int n = min_t(u64, 32 - shift, last - *page + 1);

	*addr = byte & ~3ULL;
	*page += n;
	return (~0U >> (32 - n)) << shift;
}

/**
 * vha_log_alias() - a guest-physical range that a piece of host memory is
 * @mem: sorted table
 * @next: region to begin with, 0 at first; moved behind the one returned
 * @hva: start of the piece in the owner's address space
 * @len: its bytes, at least 1; it does not wrap
 * @gpa: guest-physical start of what this region has of it
 * @part: bytes of that
 *
 * Context: any; the caller keeps @mem from changing.
 *
 * Return: false when no further region has a byte of it.
 */
bool vha_log_alias(const struct vha_mem *mem, u32 *next, u64 hva, u64 len,
		   u64 *gpa, u64 *part)
{
	const u64 last = hva + (len - 1);

	while (*next < mem->nregions) {
		const struct vha_region *r = &mem->regions[(*next)++];
		const u64 end = r->hva + (r->size - 1);
		u64 start;

		if (r->hva > last || end < hva)
			continue;
		start = max(r->hva, hva);
		*gpa = r->gpa + (start - r->hva);
		*part = min(end, last) - start + 1;
		return true;
	}
	return false;
}
