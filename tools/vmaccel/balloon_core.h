/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What to tell the host of a guest with a stock balloon driver, and what to ask of it.
 */
#ifndef VMA_BALLOON_CORE_H
#define VMA_BALLOON_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** VMA_UNKNOWN - a figure that the guest does not give */
#define VMA_UNKNOWN UINT64_MAX

/** VMA_SIZE_MAX - the largest size that vmballoon_host knows, in bytes */
#define VMA_SIZE_MAX 0x400000000000ULL

/** VMA_VM_MIN - smallest number of a VM */
#define VMA_VM_MIN 3

/** VMA_VM_MAX - largest */
#define VMA_VM_MAX 0xfffffffeU

/** VMA_STALE_MS - milliseconds for which statistics are good */
#define VMA_STALE_MS 10000

/** VMA_BAND - smallest difference that is worth an order between two others, in bytes */
#define VMA_BAND 0x1000000ULL

/**
 * struct vma_stats - guest-stats as QEMU has them
 * @update: seconds of the host's clock, when the guest answered; 0: never
 * @total: bytes that its kernel manages
 * @avail: bytes that can be had without swapping
 * @free: bytes that nobody uses
 * @caches: bytes of page cache
 * @swap_in: bytes swapped in since it was started
 * @faults: major faults since it was started
 * @actual: bytes that it had then, by its balloon's word
 *
 * All but @update and @actual may be %VMA_UNKNOWN. Nothing in it is trusted.
 */
struct vma_stats {
	uint64_t update;
	uint64_t total;
	uint64_t avail;
	uint64_t free;
	uint64_t caches;
	uint64_t swap_in;
	uint64_t faults;
	uint64_t actual;
};

/**
 * struct vma_guest - what is known of a guest
 * @stats: the last that were new
 * @seen: milliseconds, when they were
 * @heard: milliseconds, when the guest was last known to speak
 * @refault: bytes read again for each second, of the last two
 * @actual: bytes that it had when it was last looked at
 * @moved: milliseconds, when that changed
 * @reserved: bytes of it that are not in its statistics
 * @fresh: what it says is good
 *
 * All zero at first.
 */
struct vma_guest {
	struct vma_stats stats;
	uint64_t seen;
	uint64_t heard;
	uint64_t refault;
	uint64_t actual;
	uint64_t moved;
	uint64_t reserved;
	bool fresh;
};

/**
 * struct vma_clock - what time it is
 * @now: milliseconds, never less than before
 * @wall: seconds of the clock that people set
 */
struct vma_clock {
	uint64_t now;
	uint64_t wall;
};

/**
 * struct vma_size - sizes of a VM
 * @ram: bytes that it was started with
 * @actual: bytes that it has by its balloon's word
 * @min: bytes that it is never ordered below
 * @order: bytes that it is to go to
 * @credit: bytes above @order that it may have in need
 * @counted: the guest counts what the balloon holds as memory that it manages
 */
struct vma_size {
	uint64_t ram;
	uint64_t actual;
	uint64_t min;
	uint64_t order;
	uint64_t credit;
	bool counted;
};

/**
 * struct vma_report - what vmballoon_host is told
 * @total: bytes of memory that the guest has, without what the balloon holds
 * @avail: bytes of it that can be had without swapping, and without going below the floor
 * @active_file: bytes of page cache in use
 * @refault: bytes read again for each second
 */
struct vma_report {
	uint64_t total;
	uint64_t avail;
	uint64_t active_file;
	uint64_t refault;
};

void vma_guest_look(struct vma_guest *guest, const struct vma_stats *stats, bool running,
		    const struct vma_clock *clock);
void vma_guest_forget(struct vma_guest *guest);
void vma_guest_rest(struct vma_guest *guest, const struct vma_size *size,
		    const struct vma_clock *clock);
void vma_guest_report(const struct vma_guest *guest, const struct vma_size *size,
		      struct vma_report *report);
uint64_t vma_held(const struct vma_size *size);
uint64_t vma_value(const struct vma_guest *guest, const struct vma_size *size);
bool vma_worth(uint64_t value, uint64_t order, uint64_t sent);

bool vma_parse_number(const char *text, uint64_t max, uint64_t *number);
bool vma_parse_line(char *line, uint64_t *number, char **path);
bool vma_parse_socket(const char *name, uint64_t *number);
void vma_clean(char *text);
void vma_format_size(char *text, size_t room, uint64_t size);

#endif /* VMA_BALLOON_CORE_H */
