// SPDX-License-Identifier: GPL-2.0
/*
 * Windows: the case table, and properties of simulated disks.
 */
#include <string.h>

#include "../utest.h"
#include "tests/window_cases.h"

static struct window_disk disk;

static void cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(window_cases); i++) {
		const struct window_case *c = &window_cases[i];
		u32 window = window_case_run(c, &disk);

		EXPECT(window >= c->least && window <= c->most, "%s: %u", c->name, window);
	}
}

/* What the disk does in a second, of what it could, in percent; mean window. */
static u64 run_second(u64 *window)
{
	const u64 done = disk.done, end = disk.now + WINDOW_SECOND;
	u64 sum = 0, n = 0;

	while (disk.now < end) {
		window_disk_run(&disk, disk.now + WINDOW_SECOND / 100);
		sum += disk.w.window;
		n++;
	}
	*window = sum / n;
	return (disk.done - done) * disk.ns / (WINDOW_SECOND / 100) / disk.units;
}

/*
 * Whatever the disk, after a second it is busy and has little more than it needs; where
 * requests take now more and now less time, within some seconds.
 */
static void knee(void)
{
	unsigned long rounds = utest_iterations(5);
	unsigned int i;

	while (rounds--) {
		unsigned int units = utest_below(utest_one_in(2) ? 8 : 200) + 1;
		unsigned int jitter = utest_one_in(2) ? 0 : utest_below(512);
		u64 ns = 50000 + utest_below(500000), window, busy;

		window_disk_init(&disk, units, ns, jitter);
		disk.random = utest_rand();
		run_second(&window);
		busy = run_second(&window);
		EXPECT(busy >= 88, "%u units of %llu ns, jitter %u: busy %llu %%", units, ns,
		       jitter, busy);
		for (i = 0; i < 8 && jitter && window > 3 * units + 4; i++)
			run_second(&window);
		EXPECT(window <= 3 * units + 4, "%u units of %llu ns, jitter %u: window %llu",
		       units, ns, jitter, window);
	}
}

/* A disk that becomes four times as wide, or as narrow, is followed within a second. */
static void change(void)
{
	unsigned long rounds = utest_iterations(3);

	while (rounds--) {
		unsigned int units = utest_below(50) + 4;
		u64 ns = 50000 + utest_below(500000), window, busy;

		window_disk_init(&disk, units, ns, 0);
		run_second(&window);
		run_second(&window);
		window_disk_units(&disk, units * 4);
		run_second(&window);
		busy = run_second(&window);
		EXPECT(busy >= 90, "%u units of %llu ns times 4: busy %llu %%", units, ns,
		       busy);
		window_disk_units(&disk, units);
		run_second(&window);
		busy = run_second(&window);
		EXPECT(busy >= 90 && window <= 2 * units + 4,
		       "%u units of %llu ns once more: busy %llu %%, window %llu", units, ns,
		       busy, window);
	}
}

/* A disk that stays as it is has little of the trials. */
static void steady(void)
{
	u64 window, busy = 0;
	unsigned int i;

	window_disk_init(&disk, 32, 200000, 0);
	for (i = 0; i < 3; i++)
		run_second(&window);
	for (i = 0; i < 4; i++)
		busy += run_second(&window);
	EXPECT(busy >= 4 * 98, "busy %llu %%", busy / 4);
	EXPECT(disk.w.hold == VMWINDOW_HOLD_MAX, "tried every %u periods", disk.w.hold);
}

/* Who does not fill the window is not kept from anything. */
static void light(void)
{
	unsigned long rounds = utest_iterations(4);

	while (rounds--) {
		unsigned int units = utest_below(60) + 4;
		u64 window, busy, done;

		window_disk_init(&disk, units, 200000, 0);
		vmwindow_set(&disk.w, 200);
		disk.offered = utest_below(units - 2) + 1;
		run_second(&window);
		done = disk.done;
		run_second(&window);
		busy = (disk.done - done) * disk.ns / (WINDOW_SECOND / 100) / disk.offered;
		EXPECT(busy >= 94, "%u of %u: %llu %%", disk.offered, units, busy);
		EXPECT(disk.w.base >= disk.offered, "%u of %u: %u", disk.offered, units,
		       disk.w.base);
	}
}

/* A disk that has too much has so whether the window is full or not. */
static void too_much(void)
{
	u64 window, busy;

	window_disk_init(&disk, 8, 500000, 0);
	vmwindow_set(&disk.w, 100);
	disk.offered = 20;
	run_second(&window);
	busy = run_second(&window);
	EXPECT(busy >= 90 && disk.w.base <= 14, "busy %llu %%, window %u", busy, disk.w.base);
	vmwindow_set(&disk.w, 100);
	vmwindow_set_target(&disk.w, 1000000);
	run_second(&window);
	EXPECT(disk.w.base >= 12 && disk.w.base <= 20, "by latency %u", disk.w.base);
	/* While there is little to do, its latency says nothing about the window. */
	disk.offered = 4;
	run_second(&window);
	EXPECT(disk.w.base >= 12 && disk.w.base <= 20, "with little to do %u", disk.w.base);
}

/* A disk that was steady for long, and that nothing is tried with, is seen to change. */
static void sudden(void)
{
	unsigned int i;
	u64 window;

	window_disk_init(&disk, 80, 200000, 0);
	run_second(&window);
	run_second(&window);
	run_second(&window);
	EXPECT_EQ(disk.w.hold, VMWINDOW_HOLD_MAX, "not steady");
	/* Just after a trial, so that the next would be long in coming. */
	for (i = 0; i < 2000 && disk.w.held != 1; i++)
		window_disk_run(&disk, disk.now + WINDOW_SECOND / 1000);
	EXPECT_EQ(disk.w.held, 1, "no trial");
	window_disk_units(&disk, 20);
	window_disk_run(&disk, disk.now + WINDOW_SECOND / 5);
	EXPECT(disk.w.base <= 44, "still %u", disk.w.base);
}

/* Nothing that comes back makes the window none, or more than the most. */
static void bounds(void)
{
	unsigned long rounds = utest_iterations(200000);
	struct vmwindow w;
	u64 now = 1;

	vmwindow_init(&w);
	while (rounds--) {
		if (utest_one_in(500))
			vmwindow_set_target(&w, utest_one_in(2) ? 0 :
					    (utest_rand() >> 28 >> utest_below(30)));
		if (utest_one_in(500))
			vmwindow_set(&w, utest_below(VMWINDOW_MAX) + 1);
		now += utest_rand() >> 36 >> utest_below(28);
		vmwindow_done(&w, utest_below(1 << 22), utest_rand() >> utest_below(64),
			      utest_below(utest_one_in(2) ? 100 : 100000) + 1, now);
		EXPECT(w.window >= VMWINDOW_MIN && w.window <= VMWINDOW_MAX, "%u", w.window);
		EXPECT(w.base >= VMWINDOW_MIN && w.base <= VMWINDOW_MAX, "%u", w.base);
	}
}

/* A slow disk is measured all the same, by what there is. */
static void slow(void)
{
	struct vmwindow w;
	unsigned int i;

	vmwindow_init(&w);
	for (i = 1; i <= 12; i++)
		vmwindow_done(&w, 8192, 320000000, 32, i * 10000000ULL);
	EXPECT(w.rate, "nothing was measured");
	EXPECT_EQ(w.phase, VMWINDOW_UP, "and nothing is tried");
}

/* A latency that is wanted is followed both ways, from the smallest window too. */
static void follow(void)
{
	unsigned int i;
	u64 window;

	window_disk_init(&disk, 4, 1000000, 0);
	vmwindow_set_target(&disk.w, 100000);
	run_second(&window);
	EXPECT_EQ(disk.w.base, VMWINDOW_MIN, "all are too many");
	vmwindow_set_target(&disk.w, 4000000);
	run_second(&window);
	run_second(&window);
	EXPECT(disk.w.base >= 13 && disk.w.base <= 19, "%u, not 16", disk.w.base);

	/* However far it is, half way to twice. */
	vmwindow_init(&disk.w);
	vmwindow_set_target(&disk.w, VMWINDOW_LATENCY_MAX);
	for (i = 1; i <= 12; i++)
		vmwindow_done(&disk.w, 8192, 1000, 32, i * 10000000ULL);
	EXPECT_EQ(disk.w.base, VMWINDOW_START * 3 / 2, "one step");
}

/* From the largest and from the smallest there is nowhere to go. */
static void ends(void)
{
	struct vmwindow w;
	unsigned int i, end;

	for (end = 0; end < 2; end++) {
		vmwindow_init(&w);
		vmwindow_set(&w, end ? VMWINDOW_MAX : VMWINDOW_MIN);
		for (i = 1; i < 400000; i++) {
			vmwindow_done(&w, 8192, 1000000, w.window, i * 1000000ULL);
			if (!EXPECT(w.window >= VMWINDOW_MIN && w.window <= VMWINDOW_MAX,
				    "%u", w.window))
				break;
		}
		EXPECT(w.rate, "nothing was measured");
	}
}

UTEST_ALL(UTEST(cases), UTEST(knee), UTEST(change), UTEST(steady), UTEST(light),
	  UTEST(too_much), UTEST(sudden), UTEST(bounds), UTEST(slow), UTEST(follow),
	  UTEST(ends));
