// SPDX-License-Identifier: GPL-2.0
/*
 * Guests with a stock balloon driver, and texts: case tables and properties.
 */
#include <string.h>

#include "../utest.h"
#include "balloon_core.h"

#define MB 0x100000ULL
#define GB 0x40000000ULL
#define NO VMA_UNKNOWN
/* Of a guest of that size with that much page cache in use, if neither is small or much. */
#define FLOOR(total, cache) (64 * MB + (total) / 32 + (cache))

/* A guest of 4 GiB, 3.9 without the kernel, that has 3 GiB of it. */
static const struct {
	const char *name;
	struct vma_stats stats;
	struct vma_size size;
	struct vma_report report;
	uint64_t value;
} guests[] = {
	/*
	 * update, total, avail, free, caches, swap_in, faults, actual;
	 * ram, actual, min, order, credit, counted; what is reported; what is asked for
	 */
	{ "order within the floor",
	  { 1, 2900 * MB, 2000 * MB, 1800 * MB, 100 * MB, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 2 * GB, 0, false },
	  { 2900 * MB, 2000 * MB - FLOOR(2900 * MB, 50 * MB), 50 * MB, 0 }, 2 * GB },
	{ "order below the floor: 64 + 2900 / 32 + 50 MiB stay available",
	  { 1, 2912 * MB, 2000 * MB, 1800 * MB, 100 * MB, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 256 * MB, 0, false },
	  { 2912 * MB, (2000 - 64 - 91 - 50) * MB, 50 * MB, 0 },
	  (3072 - 2000 + 64 + 91 + 50) * MB },
	{ "a minimum is no floor",
	  { 1, 2912 * MB, 2000 * MB, 1800 * MB, 100 * MB, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 256 * MB, 256 * MB, 0, false },
	  { 2912 * MB, (2000 - 64 - 91 - 50) * MB, 50 * MB, 0 },
	  (3072 - 2000 + 64 + 91 + 50) * MB },
	{ "a small guest keeps a half at most",
	  { 1, 64 * MB, 60 * MB, 0, 64 * MB, 0, 0, 96 * MB },
	  { 128 * MB, 96 * MB, 0, 0, 0, false },
	  { 64 * MB, 28 * MB, 32 * MB, 0 }, (96 - 60 + 32) * MB },
	{ "in need it is given its credit",
	  { 1, 2912 * MB, 5 * MB, 1 * MB, 0, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 3 * GB, 100 * MB, false },
	  { 2912 * MB, 0, 0, 0 }, (3072 + 100) * MB },
	{ "or less, when that will do",
	  { 1, 2912 * MB, 100 * MB, 1 * MB, 0, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 3 * GB, 1 * GB, false },
	  { 2912 * MB, 0, 0, 0 }, (3072 - 100 + 64 + 91) * MB },
	{ "above its order and in need it stays",
	  { 1, 2912 * MB, 5 * MB, 1 * MB, 0, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 1 * GB, 100 * MB, false },
	  { 2912 * MB, 0, 0, 0 }, 3 * GB },
	{ "deflate-on-oom: total has what the balloon holds",
	  { 1, 3000 * MB, 1000 * MB, 0, 0, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 3 * GB, 0, true },
	  { 1976 * MB, 1000 * MB - FLOOR(1976 * MB, 0), 0, 0 }, 3 * GB },
	{ "it says that it has more than it can",
	  { 1, 4000 * MB, 1000 * MB, 0, 0, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 3 * GB, 0, false },
	  { 2976 * MB, 1000 * MB - FLOOR(2976 * MB, 0), 0, 0 }, 3 * GB },
	{ "an old guest says what is free",
	  { 1, 2912 * MB, NO, 500 * MB, NO, NO, NO, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 1 * GB, 0, false },
	  { 2912 * MB, 500 * MB - FLOOR(2912 * MB, 0), 0, 0 }, (3072 - 500 + 64 + 91) * MB },
	{ "without a total",
	  { 1, NO, 500 * MB, 0, NO, NO, NO, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 3 * GB, 0, false },
	  { 3072 * MB, 500 * MB - FLOOR(3072 * MB, 0), 0, 0 }, 3 * GB },
	{ "neither available nor free",
	  { 1, 2912 * MB, NO, NO, 100 * MB, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 1 * GB, 0, false },
	  { 4 * GB, 0, 0, 0 }, 3 * GB },
	{ "more available than there is",
	  { 1, 2912 * MB, 5 * GB, 0, 0, 0, 0, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 3 * GB, 0, false },
	  { 2912 * MB, 2912 * MB - FLOOR(2912 * MB, 0), 0, 0 }, 3 * GB },
	{ "silent: it stays",
	  { 0, NO, NO, NO, NO, NO, NO, 3 * GB },
	  { 4 * GB, 3 * GB, 0, 1 * GB, 0, false },
	  { 4 * GB, 0, 0, 0 }, 3 * GB },
	{ "silent, with a minimum",
	  { 0, NO, NO, NO, NO, NO, NO, 3 * GB },
	  { 4 * GB, 3 * GB, 2 * GB, 1 * GB, 0, false },
	  { 4 * GB, 0, 0, 0 }, 2 * GB },
	{ "silent: it grows by order",
	  { 0, NO, NO, NO, NO, NO, NO, 1 * GB },
	  { 4 * GB, 1 * GB, 0, 2 * GB, 0, false },
	  { 4 * GB, 0, 0, 0 }, 2 * GB },
	{ "no more than it was started with",
	  { 1, 8 * GB, 0, 0, 0, 0, 0, 4 * GB },
	  { 4 * GB, 4 * GB, 0, 8 * GB, 8 * GB, false },
	  { 8 * GB, 0, 0, 0 }, 4 * GB },
	{ "never nothing",
	  { 1, 0, 0, 0, 0, 0, 0, 0 },
	  { 4 * GB, 0, 0, 0, 0, false },
	  { 0, 0, 0, 0 }, 1 * MB },
	{ "whole pages",
	  { 1, 0, 0, 0, 0, 0, 0, 0 },
	  { 4 * GB, 0, 0, 1 * MB + 4097, 0, false },
	  { 0, 0, 0, 0 }, 1 * MB + 4096 },
};

static void reports(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(guests); i++) {
		const struct vma_clock clock = { .now = 5, .wall = 1 };
		struct vma_guest guest = {};
		struct vma_report report;

		vma_guest_look(&guest, &guests[i].stats, true, &clock);
		EXPECT_EQ(guest.fresh, guests[i].stats.update != 0, "%s", guests[i].name);
		vma_guest_report(&guest, &guests[i].size, &report);
		EXPECT_EQ(report.total, guests[i].report.total, "%s", guests[i].name);
		EXPECT_EQ(report.avail, guests[i].report.avail, "%s", guests[i].name);
		EXPECT_EQ(report.active_file, guests[i].report.active_file, "%s", guests[i].name);
		EXPECT_EQ(report.refault, guests[i].report.refault, "%s", guests[i].name);
		EXPECT_EQ(vma_value(&guest, &guests[i].size), guests[i].value, "%s",
			  guests[i].name);
	}
}

/* What it gave since it spoke it cannot give again. */
static void spoke_before(void)
{
	const struct vma_stats stats = { 1, 2912 * MB, 2000 * MB, 0, 0, 0, 0, 3 * GB };
	const struct vma_size size = { .ram = 4 * GB, .actual = 2 * GB };
	const struct vma_clock clock = { .now = 5, .wall = 1 };
	struct vma_guest guest = {};

	vma_guest_look(&guest, &stats, true, &clock);
	EXPECT_EQ(vma_value(&guest, &size), (3072 - 2000 + 64 + 91) * MB, "the floor");
}

/* Of 3 GiB 100 MiB are not in its statistics, which shows while the balloon rests. */
static void reserved(void)
{
	const struct vma_stats stats = { 1, 2972 * MB, 2000 * MB, 0, 0, 0, 0, 3 * GB };
	struct vma_size size = { .ram = 4 * GB, .actual = 3 * GB };
	static const struct {
		uint64_t now, actual, total;
	} turns[] = {
		{ 10000, 3 * GB, 2972 * MB },
		{ 12999, 3 * GB, 2972 * MB },
		{ 13000, 3 * GB, 3 * GB },
		/* Its statistics are of before. */
		{ 14000, 2 * GB, 3 * GB },
		{ 16999, 2 * GB, 3 * GB },
		{ 17000, 4 * GB, 3 * GB },
	};
	struct vma_guest guest = {};
	struct vma_report report;
	struct vma_clock clock = { .now = 10000, .wall = 1 };
	unsigned int i;

	vma_guest_look(&guest, &stats, true, &clock);
	for (i = 0; i < ARRAY_SIZE(turns); i++) {
		clock.now = turns[i].now;
		size.actual = turns[i].actual;
		vma_guest_rest(&guest, &size, &clock);
		vma_guest_report(&guest, &size, &report);
		EXPECT_EQ(report.total, turns[i].total, "turn %u", i);
	}
	/* One that says nothing, and the next. */
	guest.fresh = false;
	clock.now += 10000;
	size.actual = 4 * GB;
	vma_guest_rest(&guest, &size, &clock);
	EXPECT_EQ(guest.reserved, 100 * MB, "silent");
	vma_guest_forget(&guest);
	EXPECT_EQ(guest.reserved, 0, "another guest");
}

static void held(void)
{
	struct vma_size size = { .ram = 4 * GB, .actual = 3 * GB };

	EXPECT_EQ(vma_held(&size), 1 * GB, "held");
	size.actual = 5 * GB;
	EXPECT_EQ(vma_held(&size), 0, "memory was plugged");
}

/* A guest over time: milliseconds, its statistics, whether it runs; what comes of it. */
static const struct {
	const char *name;
	struct {
		uint64_t now, wall, update, swap_in, faults;
		enum { RUNS, PAUSED, ANEW } how;
	} look[5];
	unsigned int n;
	bool fresh;
	uint64_t refault;
} times[] = {
	{ "never spoke", { { 1000, 100, 0, 0, 0, RUNS } }, 1, false, 0 },
	{ "just spoke", { { 1000, 100, 100, 0, 0, RUNS } }, 1, true, 0 },
	{ "spoke a while ago", { { 1000, 100, 91, 0, 0, RUNS } }, 1, true, 0 },
	{ "spoke long ago", { { 1000, 100, 90, 0, 0, RUNS } }, 1, false, 0 },
	{ "spoke in the future", { { 1000, 100, 110, 0, 0, RUNS } }, 1, false, 0 },
	{ "spoke long ago, and again", { { 1000, 100, 50, 0, 0, RUNS },
	  { 2000, 101, 51, 0, 0, RUNS } }, 2,
	  true, 0 },
	{ "swapped", { { 1000, 100, 100, 4 * MB, 0, RUNS },
	  { 3000, 102, 102, 10 * MB, 1, RUNS } }, 2,
	  true, 3 * MB },
	{ "faults", { { 1000, 100, 100, 0, 100, RUNS }, { 2000, 101, 101, 4096, 200, RUNS } }, 2,
	  true, 409600 },
	{ "rate stays until the next", { { 1000, 100, 100, 0, 0, RUNS },
	  { 2000, 101, 101, MB, 0, RUNS },
	  { 3000, 102, 101, MB, 0, RUNS } }, 3, true, MB },
	{ "looked at twice at once", { { 1000, 100, 100, 0, 0, RUNS },
	  { 1001, 101, 101, MB, 0, RUNS } }, 2,
	  true, 2 * MB },
	{ "counters that began anew", { { 1000, 100, 100, GB, 90, RUNS },
	  { 2000, 101, 101, 5, 5, RUNS } }, 2,
	  true, 0 },
	{ "counters that are not known", { { 1000, 100, 100, NO, NO, RUNS },
	  { 2000, 101, 101, GB, 5, RUNS } }, 2, true, 0 },
	{ "counters that it does not know any more", { { 1000, 100, 100, 0, 0, RUNS },
	  { 2000, 101, 101, NO, NO, RUNS } }, 2, true, 0 },
	{ "silent for nearly too long", { { 1000, 100, 100, 0, 0, RUNS },
	  { 10999, 110, 100, 0, 0, RUNS } },
	  2, true, 0 },
	{ "silent for too long", { { 1000, 100, 100, 0, 0, RUNS },
	  { 11000, 110, 100, 0, 0, RUNS } },
	  2, false, 0 },
	{ "the clock of people jumps", { { 1000, 100, 100, 0, 0, RUNS },
	  { 2000, 900, 901, 0, 0, RUNS } },
	  2, true, 0 },
	{ "paused for long", { { 1000, 100, 100, 0, 0, RUNS }, { 5000, 104, 100, 0, 0, PAUSED },
	  { 14000, 113, 100, 0, 0, PAUSED }, { 23000, 122, 100, 0, 0, RUNS } }, 4, true, 0 },
	{ "paused, and then silent", { { 1000, 100, 100, 0, 0, RUNS },
	  { 5000, 104, 100, 0, 0, PAUSED },
	  { 15000, 114, 100, 0, 0, RUNS } }, 3, false, 0 },
	{ "paused before it spoke", { { 1000, 100, 0, 0, 0, PAUSED } }, 1, false, 0 },
	{ "begins anew", { { 1000, 100, 100, 0, 0, RUNS }, { 2000, 101, 100, 0, 0, ANEW } }, 2,
	  false, 0 },
	{ "begins anew, and speaks", { { 1000, 100, 100, 0, 0, RUNS },
	  { 2000, 101, 100, 0, 0, ANEW }, { 3000, 102, 102, MB, 0, RUNS } }, 3, true, 0 },
};

static void looks(void)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		struct vma_guest guest = {};

		for (j = 0; j < times[i].n; j++) {
			struct vma_clock clock = {
				.now = times[i].look[j].now,
				.wall = times[i].look[j].wall,
			};
			struct vma_stats stats = {
				.update = times[i].look[j].update,
				.total = GB,
				.avail = GB,
				.swap_in = times[i].look[j].swap_in,
				.faults = times[i].look[j].faults,
			};

			if (times[i].look[j].how == ANEW)
				vma_guest_forget(&guest);
			vma_guest_look(&guest, &stats, times[i].look[j].how != PAUSED, &clock);
		}
		EXPECT_EQ(guest.fresh, times[i].fresh, "%s", times[i].name);
		EXPECT_EQ(guest.refault, times[i].refault, "%s: refault", times[i].name);
	}
}

static void worth(void)
{
	EXPECT(vma_worth(2 * GB, 2 * GB, 0), "the first");
	EXPECT(!vma_worth(2 * GB, 2 * GB, 2 * GB), "the same");
	EXPECT(vma_worth(2 * GB, 2 * GB, 2 * GB + 4096), "an order, exactly");
	EXPECT(vma_worth(2 * GB, 2 * GB + 5, 2 * GB + 4096), "an order, in pages");
	EXPECT(!vma_worth(2 * GB, GB, 2 * GB + VMA_BAND - 1), "a floor, a little lower");
	EXPECT(!vma_worth(2 * GB, GB, 2 * GB - VMA_BAND + 1), "a floor, a little higher");
	EXPECT(vma_worth(2 * GB, GB, 2 * GB + VMA_BAND), "a floor, lower");
	EXPECT(vma_worth(2 * GB, GB, 2 * GB - VMA_BAND), "a floor, higher");
	EXPECT(vma_worth(2 * GB + 8192, 2 * GB + 4096, 2 * GB), "below the order");
}

static uint64_t any(void)
{
	return utest_one_in(8) ? VMA_UNKNOWN : utest_rand() >> utest_below(64);
}

/*
 * Whatever a guest says: it is not asked for less than its order, for more than it was
 * started with, below what it has unless it said that it can, or above order and credit.
 */
static void values(void)
{
	unsigned long rounds = utest_iterations(200000);

	while (rounds--) {
		struct vma_size size = {
			.ram = MB + (utest_rand() >> 18 >> utest_below(25)),
			.counted = utest_one_in(2),
		};
		struct vma_stats stats = { any(), any(), any(), any(), any(), any(), any(), 0 };
		struct vma_clock clock = { .now = 1000, .wall = stats.update };
		struct vma_guest guest = {};
		struct vma_report report;
		uint64_t value, most;

		size.actual = utest_below(size.ram + 1);
		size.min = utest_one_in(2) ? 0 : utest_below(size.ram + 1);
		size.order = utest_below(size.ram + 1);
		size.credit = utest_one_in(2) ? 0 : utest_below(size.ram + 1);
		stats.actual = utest_one_in(2) ? size.actual : utest_below(size.ram + 1);
		vma_guest_look(&guest, &stats, utest_one_in(2), &clock);
		clock.now += utest_below(5000);
		vma_guest_rest(&guest, &size, &clock);
		value = vma_value(&guest, &size);
		EXPECT_EQ(value % 4096, 0, "no page");
		EXPECT(value <= size.ram && value, "more than there is, or nothing");
		EXPECT(value + 4096 > size.order, "less than ordered");
		most = max(size.actual, size.min);
		most = max(most, size.order + size.credit);
		EXPECT(value <= most || value == MB, "more than granted");
		if (!guest.fresh && !size.min)
			EXPECT(value + 4096 > size.actual, "taken from one that says nothing");
		vma_guest_report(&guest, &size, &report);
		EXPECT(report.avail <= report.total, "more available than there is");
		EXPECT(report.total <= size.ram || report.total <= VMA_SIZE_MAX, "total");
		EXPECT(report.active_file <= report.total, "more cache than memory");
		if (!guest.fresh)
			EXPECT(report.total == size.ram && !report.avail, "not all is needed");
	}
}

static const struct {
	const char *text;
	uint64_t max;
	bool good;
	uint64_t number;
} numbers[] = {
	{ "0", 10, true, 0 }, { "10", 10, true, 10 }, { "11", 10, false, 0 },
	{ "7\n", 10, true, 7 }, { "7\n\n", 10, false, 0 }, { "7 ", 10, false, 0 },
	{ "", 10, false, 0 }, { "\n", 10, false, 0 }, { "-1", 10, false, 0 },
	{ "+1", 10, false, 0 }, { " 1", 10, false, 0 }, { "0x1", 10, false, 0 },
	{ "007", 10, true, 7 }, { "5", 3, false, 0 }, { "3", 3, true, 3 },
	{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, false, 0 },
	{ "99999999999999999999999", UINT64_MAX, false, 0 },
};

static const struct {
	const char *line;
	bool good;
	uint64_t number;
	const char *path;
} lines[] = {
	{ "7 /run/7.sock\n", true, 7, "/run/7.sock" },
	{ "  7\t /run/a b  \r\n", true, 7, "/run/a b" },
	{ "7 /run/7.sock", true, 7, "/run/7.sock" },
	{ "\n", true, 0, "" }, { "", true, 0, "" }, { " # 7 /x\n", true, 0, "" },
	{ "7\n", false, 0, "" }, { "7", false, 0, "" }, { "7 run\n", false, 0, "" },
	{ "2 /x\n", false, 0, "" }, { "x /x\n", false, 0, "" }, { "/x 7\n", false, 0, "" },
	{ "4294967294 /x\n", true, 4294967294U, "/x" }, { "4294967295 /x\n", false, 0, "" },
};

static const struct {
	const char *name;
	bool good;
	uint64_t number;
} sockets[] = {
	{ "7", true, 7 }, { "7.sock", true, 7 }, { "7.qmp", true, 7 }, { "7.s", false, 0 },
	{ "07", false, 0 }, { "x", false, 0 }, { ".", false, 0 }, { "2", false, 0 },
	{ "4294967294.sock", true, 4294967294U }, { "4294967295", false, 0 },
	{ "99999999999999999999", false, 0 }, { "7.sock.sock", false, 0 }, { "", false, 0 },
};

static const struct {
	uint64_t size;
	const char *text;
} sizes[] = {
	{ 0, "0" }, { 1, "1B" }, { 1023, "1023B" }, { 1024, "1K" }, { 1536, "1.5K" },
	{ 10 * GB + GB / 2, "10G" }, { GB + GB / 2 + GB / 4, "1.7G" }, { 2 * GB - 1, "1.9G" },
	{ 1023 * MB, "1023M" }, { UINT64_MAX, "15E" }, { GB + 1, "1G" },
};

static void texts(void)
{
	char text[64], *path;
	uint64_t number;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		number = 0;
		EXPECT_EQ(vma_parse_number(numbers[i].text, numbers[i].max, &number),
			  numbers[i].good, "%s", numbers[i].text);
		EXPECT_EQ(number, numbers[i].number, "%s", numbers[i].text);
	}
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		strcpy(text, lines[i].line);
		EXPECT_EQ(vma_parse_line(text, &number, &path), lines[i].good, "%s",
			  lines[i].line);
		EXPECT_EQ(number, lines[i].number, "%s", lines[i].line);
		if (lines[i].number)
			EXPECT(!strcmp(path, lines[i].path), "%s: %s", lines[i].line, path);
	}
	for (i = 0; i < ARRAY_SIZE(sockets); i++) {
		bool good = vma_parse_socket(sockets[i].name, &number);

		EXPECT_EQ(good, sockets[i].good, "%s", sockets[i].name);
		if (good)
			EXPECT_EQ(number, sockets[i].number, "%s", sockets[i].name);
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vma_format_size(text, sizeof(text), sizes[i].size);
		EXPECT(!strcmp(text, sizes[i].text), "%s, not %s", text, sizes[i].text);
	}
	strcpy(text, "a\x1b[2J \x7f\xff~");
	vma_clean(text);
	EXPECT(!strcmp(text, "a?[2J ??~"), "%s", text);
}

UTEST_ALL(UTEST(reports), UTEST(spoke_before), UTEST(reserved),
	  UTEST(held), UTEST(looks), UTEST(worth), UTEST(values), UTEST(texts));
