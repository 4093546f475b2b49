// SPDX-License-Identifier: GPL-2.0
/*
 * Guests with a stock balloon driver: what they need, and how far they can give.
 *
 * Problem: virtio_balloon answers QEMU's question for statistics and goes to whatever size it
 * is told, until nothing can be allocated: it has no floor of its own. vmballoon, for which
 * the host's policy is made, says more and keeps one.
 *
 * Model: what the guest says is turned into vmballoon's report. Total memory is without
 * what the balloon holds: Linux takes that off, unless its device has deflate-on-oom; other
 * systems never do, which shows as soon as they say that they have more than they can.
 * It is without what the kernel keeps for itself, too, as are page tables of all memory:
 * that is what is missing while the balloon rests, and is added. The floor, see below, is
 * not available.
 * The page cache in use is not among the statistics: half of all page cache is taken for it.
 * What was read again is the greater of what was swapped in and of a page for each major
 * fault.
 *
 * Control: vmballoon's floor is kept here for the guest: 64 MiB and a 32nd of its memory, and
 * the page cache in use, each at most a quarter of its memory, are to stay available. It
 * is not asked for more than that allows, and below it given back what its credit allows.
 * A guest that says nothing for ten seconds counts as one that needs all it was started with.
 * How far it can give is not known: it is not made smaller than it is, unless the
 * administrator set a minimum, and not below that.
 *
 * Limits: statistics are a second old, and a stock driver is done when it is done: what
 * the guest allocates meanwhile is missing above the floor.
 */
#include <stdio.h>
#include <string.h>

#include "balloon_core.h"

#define VMA_PAGE 4096ULL
#define VMA_VALUE_LEAST 0x100000ULL
#define VMA_FLOOR_LEAST 0x4000000ULL
#define VMA_FLOOR_PART 32
#define VMA_FLOOR_MOST 4
/* Of two statistics that are seen at nearly the same time. */
#define VMA_ELAPSED_LEAST 500
/* Of a balloon that does not move, after which statistics are of the size that it has. */
#define VMA_REST_MS 3000

static uint64_t vma_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t vma_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What a counter was raised by; 0 if it began anew or is not known. */
static uint64_t vma_delta(uint64_t before, uint64_t after, uint64_t most)
{
	if (before == VMA_UNKNOWN || after == VMA_UNKNOWN || after < before)
		return 0;
	return vma_min(after - before, most);
}

/**
 * vma_guest_look() - note what a guest says
 * @guest: brought up to date
 * @stats: what it says
 * @running: it could have said something
 * @clock: what time it is
 *
 * A guest that is paused is as it was.
 */
void vma_guest_look(struct vma_guest *guest, const struct vma_stats *stats, bool running,
		    const struct vma_clock *clock)
{
	uint64_t age = vma_max(clock->wall, stats->update) - vma_min(clock->wall, stats->update);
	uint64_t elapsed = vma_max(clock->now - guest->seen, VMA_ELAPSED_LEAST);

	if (!running)
		guest->heard = clock->now;
	if (!stats->update || stats->update == guest->stats.update) {
		guest->fresh = guest->fresh && clock->now - guest->heard < VMA_STALE_MS;
		return;
	}
	/* The first ones may be old, later ones are new as they differ. */
	if (!guest->stats.update && age >= VMA_STALE_MS / 1000) {
		guest->stats.update = stats->update;
		return;
	}
	guest->refault = 0;
	if (guest->fresh) {
		uint64_t swapped = vma_delta(guest->stats.swap_in, stats->swap_in, VMA_SIZE_MAX);
		uint64_t faults = vma_delta(guest->stats.faults, stats->faults,
					    VMA_SIZE_MAX / VMA_PAGE);

		guest->refault = vma_max(swapped, faults * VMA_PAGE) * 1000 / elapsed;
	}
	guest->stats = *stats;
	guest->seen = clock->now;
	guest->heard = clock->now;
	guest->fresh = true;
}

/**
 * vma_guest_forget() - a guest begins anew
 * @guest: what was known is not any more
 */
void vma_guest_forget(struct vma_guest *guest)
{
	uint64_t update = guest->stats.update;

	memset(guest, 0, sizeof(*guest));
	/* What it said before is still there to read, and says nothing. */
	guest->stats.update = update;
}

/*
 * Bytes that the guest had without what the balloon held, as far as it can be believed: all of
 * when it said so.
 */
static uint64_t vma_total(const struct vma_guest *guest, const struct vma_size *size)
{
	uint64_t total = vma_min(guest->stats.total, VMA_SIZE_MAX);
	uint64_t actual = vma_min(guest->stats.actual, size->ram);

	if (guest->stats.total == VMA_UNKNOWN)
		return actual;
	if (size->counted || total > actual)
		total -= vma_min(total, size->ram - actual);
	return total;
}

/**
 * vma_guest_rest() - note how much a guest has, and how much of that it knows
 * @guest: brought up to date
 * @size: its sizes
 * @clock: what time it is
 */
void vma_guest_rest(struct vma_guest *guest, const struct vma_size *size,
		    const struct vma_clock *clock)
{
	if (guest->actual != size->actual) {
		guest->actual = size->actual;
		guest->moved = clock->now;
	}
	if (guest->fresh && clock->now - guest->moved >= VMA_REST_MS)
		guest->reserved = size->actual - vma_min(size->actual, vma_total(guest, size));
}

/*
 * The report with all that is available, and what of that is to stay so.
 *
 * Old guests do not say what is available: what is free certainly is.
 */
static uint64_t vma_floor(const struct vma_guest *guest, const struct vma_size *size,
			  struct vma_report *report)
{
	uint64_t avail = guest->stats.avail, most;

	memset(report, 0, sizeof(*report));
	if (avail == VMA_UNKNOWN)
		avail = guest->stats.free;
	if (!guest->fresh || avail == VMA_UNKNOWN) {
		report->total = size->ram;
		return 0;
	}
	report->total = vma_total(guest, size) + guest->reserved;
	report->avail = vma_min(avail, report->total);
	if (guest->stats.caches != VMA_UNKNOWN)
		report->active_file = vma_min(guest->stats.caches / 2, report->total);
	report->refault = guest->refault;
	most = report->total / VMA_FLOOR_MOST;
	return vma_min(VMA_FLOOR_LEAST + report->total / VMA_FLOOR_PART, most) +
	       vma_min(report->active_file, most);
}

/**
 * vma_guest_report() - what the host is told of a guest
 * @guest: what is known of it
 * @size: its sizes
 * @report: result; of a guest that says nothing, that it needs all
 */
void vma_guest_report(const struct vma_guest *guest, const struct vma_size *size,
		      struct vma_report *report)
{
	uint64_t floor = vma_floor(guest, size, report);

	/* The floor is not to be had. */
	report->avail -= vma_min(report->avail, floor);
}

/**
 * vma_held() - what a balloon holds, by its own word
 * @size: sizes of its VM
 *
 * Return: bytes of the memory that the VM was started with.
 */
uint64_t vma_held(const struct vma_size *size)
{
	return size->ram - vma_min(size->ram, size->actual);
}

/* The size that leaves a guest its floor, or its actual one where that is not known. */
static uint64_t vma_least(const struct vma_guest *guest, const struct vma_size *size)
{
	struct vma_report report;
	uint64_t floor = vma_floor(guest, size, &report);

	if (!guest->fresh || (guest->stats.avail == VMA_UNKNOWN &&
			      guest->stats.free == VMA_UNKNOWN))
		return size->min ? size->min : size->actual;
	/* Of when it said so: what it gave since is not available any more. */
	return guest->stats.actual - vma_min(guest->stats.actual, report.avail) + floor;
}

/**
 * vma_value() - the size that QEMU is to be asked for
 * @guest: what is known of the guest
 * @size: its sizes
 *
 * Return: bytes, whole pages; the order, or what the guest cannot do without.
 */
uint64_t vma_value(const struct vma_guest *guest, const struct vma_size *size)
{
	uint64_t order = vma_min(size->order, VMA_SIZE_MAX);
	uint64_t most = order + vma_min(size->credit, VMA_SIZE_MAX);
	uint64_t least = vma_least(guest, size);

	/* Above what it has it is given its credit. */
	if (least > size->actual)
		least = vma_max(size->actual, vma_min(least, most));
	return vma_max(vma_min(vma_max(order, least), size->ram), VMA_VALUE_LEAST) &
	       ~(VMA_PAGE - 1);
}

/**
 * vma_worth() - whether a size is to be asked for
 * @value: the size
 * @order: the one ordered
 * @sent: the one asked for before, 0 if none was
 *
 * An order is followed exactly; what a guest cannot do without changes all the time.
 *
 * Return: whether it is.
 */
bool vma_worth(uint64_t value, uint64_t order, uint64_t sent)
{
	if (value == sent)
		return false;
	if (!sent || value == (order & ~(VMA_PAGE - 1)) || sent < order)
		return true;
	return vma_max(value, sent) - vma_min(value, sent) >= VMA_BAND;
}

/**
 * vma_parse_number() - read a decimal number, and nothing else
 * @text: the number, perhaps the end of a line after it
 * @max: the largest that will do
 * @number: result
 *
 * Return: whether it is one.
 */
bool vma_parse_number(const char *text, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		unsigned int digit = *p - '0';

		if (n > max / 10 || n * 10 > max - vma_min(max, digit))
			return false;
		n = n * 10 + digit;
	}
	if (p == text || n > max || (*p && strcmp(p, "\n")))
		return false;
	*number = n;
	return true;
}

static bool vma_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/**
 * vma_parse_line() - read a line of a configuration file
 * @line: number of a VM, blanks, path of a socket; or nothing; "#" begins a comment.
 *	  Changed.
 * @number: result, 0 if the line says nothing
 * @path: result, within @line
 *
 * Return: whether the line makes sense.
 */
bool vma_parse_line(char *line, uint64_t *number, char **path)
{
	char *end;

	*number = 0;
	*path = line;
	while (vma_blank(*line))
		line++;
	if (!*line || *line == '#')
		return true;
	for (end = line; *end && !vma_blank(*end); end++)
		;
	if (!*end)
		return false;
	*end++ = 0;
	while (vma_blank(*end))
		end++;
	if (*end != '/' || !vma_parse_number(line, VMA_VM_MAX, number) || *number < VMA_VM_MIN) {
		*number = 0;
		return false;
	}
	*path = end;
	for (end += strlen(end); vma_blank(end[-1]); end--)
		;
	*end = 0;
	return true;
}

/**
 * vma_parse_socket() - the VM that a socket is named after
 * @name: of the file: a number, perhaps with .sock or .qmp after it
 * @number: result
 *
 * Return: whether it is named so.
 */
bool vma_parse_socket(const char *name, uint64_t *number)
{
	size_t digits = strspn(name, "0123456789");
	const char *rest = name + digits;
	char text[16];

	if (digits >= sizeof(text) || *name == '0' ||
	    (*rest && strcmp(rest, ".sock") && strcmp(rest, ".qmp")))
		return false;
	memcpy(text, name, digits);
	text[digits] = 0;
	return vma_parse_number(text, VMA_VM_MAX, number) && *number >= VMA_VM_MIN;
}

/**
 * vma_clean() - make a text of others fit for a terminal
 * @text: what is no printable ASCII becomes "?"
 */
void vma_clean(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/**
 * vma_format_size() - a size for people
 * @text: result, such as "512M" or "1.5G"
 * @room: bytes in @text
 * @size: bytes
 *
 * Rounded down: three digits and a unit, four digits only from 1000 to 1023.
 */
void vma_format_size(char *text, size_t room, uint64_t size)
{
	static const char units[] = "BKMGTPE";
	unsigned int unit = 0;
	uint64_t tenths;

	while (size >> (10 * unit) >= 1024)
		unit++;
	tenths = unit ? (size >> (10 * (unit - 1))) % 1024 * 10 / 1024 : 0;
	size >>= 10 * unit;
	if (!size)
		snprintf(text, room, "0");
	else if (size < 10 && tenths)
		snprintf(text, room, "%u.%u%c", (unsigned int)size, (unsigned int)tenths,
			 units[unit]);
	else
		snprintf(text, room, "%u%c", (unsigned int)size, units[unit]);
}
