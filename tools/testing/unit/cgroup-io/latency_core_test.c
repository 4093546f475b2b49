// SPDX-License-Identifier: GPL-2.0
/*
 * Latency targets: the case table, and properties of VMs at simulated disks.
 */
#include <linux/container_of.h>

#include "../utest.h"
#include "tests/latency_cases.h"

static struct latency_bed bed;

static u32 window(void)
{
	return vmlat_window(&bed.disk, bed.window);
}

/* Of a VM's requests in the next time those that were late, in percent. */
static u64 late_part(struct latency_vm *vm, u64 ns)
{
	latency_zero(&bed);
	latency_run(&bed, ns);
	return vm->late * 100 / (vm->done + !vm->done);
}

static void want(unsigned int vm, u64 ns)
{
	vmlat_set_target(&bed.disk, &bed.vm[vm].lat, ns, bed.now);
}

static void cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(latency_cases); i++) {
		const struct latency_case *c = &latency_cases[i];
		u32 bound = latency_case_run(c, &bed);

		EXPECT(bound >= c->least && bound <= c->most, "%s: %u", c->name, bound);
	}
}

/*
 * Whatever the disk, a target that it can keep is kept when a second has passed, and
 * the disk has at least two thirds of what it could have then.
 */
static void kept(void)
{
	unsigned long rounds = utest_iterations(60);

	while (rounds--) {
		unsigned int units = utest_below(utest_one_in(2) ? 4 : 32) + 1;
		unsigned int depth = utest_below(2) ? 1 : utest_below(8) + 1, i;
		u64 ns = 50000 + utest_below(1000000), target, part, sum = 0;

		latency_bed_init(&bed, units, ns, utest_below(400) + 2 * units);
		bed.jitter = utest_one_in(2) ? 0 : utest_below(400);
		bed.random = utest_rand();
		bed.vm[0].depth = depth;
		bed.vm[1].depth = 512;
		target = ns * (3 + utest_below(20));
		want(0, target);
		latency_run(&bed, LATENCY_SECOND);
		part = late_part(&bed.vm[0], LATENCY_SECOND);
		EXPECT(part <= VMLAT_LATE_PART,
		       "%u units of %llu ns, jitter %u, depth %u, target %llu: %llu %% late",
		       units, ns, bed.jitter, depth, target, part);
		for (i = 0; i < 50; i++) {
			latency_run(&bed, LATENCY_SECOND / 50);
			sum += window();
		}
		EXPECT(sum / 50 >= min(bed.window + 0ULL, units * target / ns * 2 / 3 *
				       (1024 - bed.jitter) / 1024),
		       "%u units of %llu ns, jitter %u, depth %u, target %llu: window %llu",
		       units, ns, bed.jitter, depth, target, sum / 50);
	}
}

/* Without one, the same VM waits for all that others have there. */
static void unwanted(void)
{
	latency_bed_init(&bed, 1, 200000, 32);
	bed.vm[0].depth = 1;
	bed.vm[1].depth = 512;
	latency_run(&bed, LATENCY_SECOND);
	EXPECT_EQ(window(), 32, "nobody wants less");
	EXPECT_EQ(bed.disk.count, 0, "nobody counts");
	want(0, 2000000);
	latency_run(&bed, LATENCY_SECOND / 4);
	EXPECT(window() <= 10, "after a quarter of a second %u", window());
	want(0, 0);
	EXPECT_EQ(window(), 32, "nobody wants less any more");
	EXPECT_EQ(bed.disk.wanted, 0, "nobody wants anything");
}

/* A VM that does nothing does not count, and when it is back, it does at once. */
static void lately(void)
{
	latency_bed_init(&bed, 1, 200000, 32);
	bed.vm[0].depth = 1;
	bed.vm[1].depth = 512;
	want(0, 2000000);
	latency_run(&bed, LATENCY_SECOND);
	EXPECT(window() <= 10, "window %u", window());
	bed.vm[0].depth = 0;
	latency_run(&bed, LATENCY_SECOND / 2);
	EXPECT(window() < 32, "half a second: %u", window());
	latency_run(&bed, LATENCY_SECOND * 3 / 4);
	EXPECT_EQ(window(), 32, "more than a second");
	EXPECT_EQ(bed.disk.count, 0, "nobody counts");
	bed.vm[0].depth = 1;
	latency_run(&bed, LATENCY_SECOND / 4);
	EXPECT(window() <= 10, "again %u", window());
	/* Who is slow counts for longer. */
	latency_bed_init(&bed, 1, 2 * LATENCY_SECOND, 4);
	bed.vm[0].depth = 1;
	bed.vm[1].depth = 512;
	want(0, LATENCY_SECOND);
	latency_run(&bed, 40 * LATENCY_SECOND);
	EXPECT_EQ(window(), 1, "slow");
}

/* The strictest of several counts, however seldom it has requests, until it has none. */
static void strictest(void)
{
	u64 part;

	latency_bed_init(&bed, 4, 500000, 128);
	bed.vm[0].depth = 1;
	bed.vm[1].depth = 100;
	bed.vm[2].depth = 512;
	want(0, 2000000);
	want(1, 8000000);
	latency_run(&bed, LATENCY_SECOND);
	part = late_part(&bed.vm[0], LATENCY_SECOND);
	EXPECT(part <= VMLAT_LATE_PART, "%llu %% late", part);
	EXPECT_EQ(bed.vm[1].late, 0, "of the other");
	EXPECT(window() >= 10 && window() <= 16, "for 2 ms %u", window());
	bed.vm[0].depth = 0;
	latency_run(&bed, 3 * LATENCY_SECOND);
	EXPECT(window() >= 48 && window() <= 64, "for 8 ms %u", window());
	part = late_part(&bed.vm[1], LATENCY_SECOND);
	EXPECT(part <= VMLAT_LATE_PART, "%llu %% late", part);
}

/* A disk that becomes faster or slower is followed within a second. */
static void change(void)
{
	latency_bed_init(&bed, 2, 800000, 256);
	bed.vm[0].depth = 2;
	bed.vm[1].depth = 512;
	want(0, 4000000);
	latency_run(&bed, LATENCY_SECOND);
	EXPECT(window() >= 7 && window() <= 10, "2.5 requests a ms: %u", window());
	bed.ns /= 8;
	latency_run(&bed, LATENCY_SECOND / 8);
	EXPECT(window() >= 48, "after an eighth of a second: %u", window());
	latency_run(&bed, LATENCY_SECOND);
	EXPECT(window() >= 54 && window() <= 80, "20 requests a ms: %u", window());
	bed.ns *= 8;
	latency_run(&bed, LATENCY_SECOND);
	EXPECT(window() >= 7 && window() <= 10, "2.5 again: %u", window());
}

/* Time in which a target is missed is told; in which it is kept, none. */
static void missed(void)
{
	u64 before;

	latency_bed_init(&bed, 4, 500000, 32);
	bed.vm[0].depth = 1;
	bed.vm[1].depth = 512;
	want(0, 100000);
	latency_run(&bed, LATENCY_SECOND);
	EXPECT(bed.vm[0].lat.missed_ns >= LATENCY_SECOND * 8 / 10 &&
	       bed.vm[0].lat.missed_ns <= LATENCY_SECOND, "%llu ns", bed.vm[0].lat.missed_ns);
	EXPECT_EQ(bed.vm[0].late, bed.vm[0].done, "all are late");
	/* As many at a time do not make it more. */
	bed.vm[0].depth = 16;
	before = bed.vm[0].lat.missed_ns;
	latency_run(&bed, LATENCY_SECOND);
	EXPECT(bed.vm[0].lat.missed_ns - before <= LATENCY_SECOND, "%llu ns in a second",
	       bed.vm[0].lat.missed_ns - before);
	want(0, 3000000);
	latency_run(&bed, LATENCY_SECOND);
	before = bed.vm[0].lat.missed_ns;
	latency_run(&bed, LATENCY_SECOND);
	EXPECT_EQ(bed.vm[0].lat.missed_ns, before, "it is kept");
}

/* A bound that is not reached says nothing, and is not raised. */
static void unreached(void)
{
	u32 bound;

	latency_bed_init(&bed, 1, 200000, 32);
	bed.vm[0].depth = 1;
	bed.vm[1].depth = 512;
	want(0, 2000000);
	latency_run(&bed, LATENCY_SECOND);
	bound = window();
	bed.vm[1].depth = 2;
	latency_run(&bed, LATENCY_SECOND / 50);
	bound = window();
	latency_run(&bed, LATENCY_SECOND);
	EXPECT_EQ(window(), bound, "there were three");
	EXPECT(bound < 32, "%u", bound);
}

/* Those that were under way when the bound was lowered do not lower it again. */
static void under_way(void)
{
	struct vmlat_disk disk;
	struct vmlat lat = { };
	unsigned int i;

	vmlat_init(&disk);
	vmlat_set_target(&disk, &lat, 1000000, 1);
	for (i = 1; i <= 64; i++)
		vmlat_done(&disk, &lat, 1, 65 - i, 64, 10000000 + i);
	EXPECT_EQ(disk.bound, 32, "to half, once");

	/* Of what is there, not of what there may be; in proportion. */
	vmlat_init(&disk);
	lat = (struct vmlat){ };
	vmlat_set_target(&disk, &lat, 1000000, 1);
	for (i = 1; i <= 4; i++)
		vmlat_done(&disk, &lat, i, 20, 400, 1500000 + i);
	EXPECT_EQ(disk.bound, 13, "two thirds of 20");
	EXPECT_EQ(lat.missed_ns, 1500003, "from the first to the last");

	/* Where less is not possible, time goes by once all the same. */
	vmlat_done(&disk, &lat, 12000000, 1, 1, 22000000);
	EXPECT_EQ(disk.bound, 1, "one at least");
	lat.missed_ns = 0;
	for (i = 1; i <= 64; i++)
		vmlat_done(&disk, &lat, 23000000, 1, 1, 35000000 + i);
	EXPECT_EQ(lat.missed_ns, 12000032, "from the first to the last");
}

/* A target of 1 ms, and a bound of 8 that is reached, at the time 1. */
static void at_eight(struct vmlat_disk *disk, struct vmlat *lat)
{
	vmlat_init(disk);
	*lat = (struct vmlat){ };
	vmlat_set_target(disk, lat, 1000000, 1);
	disk->bound = 8;
}

/* So many requests of so many us come back at the same time. */
static void come_back(struct vmlat_disk *disk, struct vmlat *lat, unsigned int n, u64 us,
		      u64 ms)
{
	while (n--)
		vmlat_done(disk, lat, ms * 1000000 - us * 1000, 8, 100, ms * 1000000);
}

/* When a VM is judged, and by how much the bound changes then. */
static void steps(void)
{
	static const struct {
		u64 us;
		u32 bound;
	} steps[] = {
		{ 400, 16 }, { 600, 11 }, { 750, 9 }, { 950, 8 }, { 1050, 7 }, { 1600, 4 },
		{ 9000, 4 },
	};
	struct vmlat other = { };
	struct vmlat_disk disk;
	struct vmlat lat;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		at_eight(&disk, &lat);
		come_back(&disk, &lat, 16, steps[i].us, 20);
		if (disk.bound == 8)
			come_back(&disk, &lat, 16, steps[i].us, 35);
		EXPECT_EQ(disk.bound, steps[i].bound, "by %llu us", steps[i].us);
	}
	/* One in ten may be late, however early they are. */
	at_eight(&disk, &lat);
	come_back(&disk, &lat, 3, 1050, 20);
	come_back(&disk, &lat, 29, 100, 35);
	EXPECT_EQ(disk.bound, 16, "three of 32");
	at_eight(&disk, &lat);
	come_back(&disk, &lat, 28, 100, 20);
	come_back(&disk, &lat, 4, 1050, 35);
	EXPECT_EQ(disk.bound, 7, "four of 32");
	/* Few are enough after a while, if they are late; else a second. */
	at_eight(&disk, &lat);
	come_back(&disk, &lat, 1, 1050, 20);
	EXPECT_EQ(disk.bound, 8, "one");
	come_back(&disk, &lat, 1, 1050, 140);
	EXPECT_EQ(disk.bound, 7, "two in a tenth of a second");
	at_eight(&disk, &lat);
	come_back(&disk, &lat, 2, 1050, 20);
	come_back(&disk, &lat, 19, 400, 21);
	come_back(&disk, &lat, 1, 400, 140);
	EXPECT_EQ(lat.count, 22, "two of 22");
	at_eight(&disk, &lat);
	come_back(&disk, &lat, 2, 400, 20);
	come_back(&disk, &lat, 2, 400, 900);
	EXPECT_EQ(disk.bound, 8, "not yet");
	come_back(&disk, &lat, 1, 400, 1100);
	EXPECT_EQ(disk.bound, 16, "five in a second");
	/* All must be judged, but for one that leaves. */
	at_eight(&disk, &lat);
	vmlat_set_target(&disk, &other, 1000000, 1);
	come_back(&disk, &other, 1, 400, 19);
	come_back(&disk, &lat, 16, 400, 20);
	come_back(&disk, &lat, 16, 400, 35);
	EXPECT_EQ(disk.bound, 8, "one of two");
	vmlat_set_target(&disk, &lat, 0, 36000000);
	come_back(&disk, &other, 31, 400, 50);
	EXPECT_EQ(disk.bound, 16, "the other alone");
}

/* Nothing that comes back makes it none, nor counts a VM twice. */
static void bounds(void)
{
	unsigned long rounds = utest_iterations(200000);
	struct vmlat lat[LATENCY_VMS] = { };
	struct vmlat_disk disk;
	u64 now = 1;

	vmlat_init(&disk);
	while (rounds--) {
		struct vmlat *l = &lat[utest_below(LATENCY_VMS)];
		u32 width = utest_below(utest_one_in(2) ? 40 : VMWINDOW_MAX) + 1, i, n = 0;
		u32 wanted = 0;
		u64 ns;

		now += utest_rand() >> 36 >> utest_below(28);
		ns = utest_rand() >> 28 >> utest_below(36);
		if (utest_one_in(200))
			vmlat_set_target(&disk, l, utest_one_in(3) ? 0 :
					 (utest_rand() >> 28 >> utest_below(30)), now);
		vmlat_done(&disk, l->target ? l : NULL, now > ns ? now - ns : 1,
			   utest_below(100000), width, now);
		EXPECT(vmlat_window(&disk, width) >= 1 && vmlat_window(&disk, width) <= width,
		       "%u of %u", vmlat_window(&disk, width), width);
		for (i = 0; i < LATENCY_VMS; i++) {
			n += vmheap_has(&lat[i].node);
			wanted += !!lat[i].target;
		}
		if (!EXPECT(n == disk.count && wanted == disk.wanted && disk.voted <= n,
			    "%u of %u count, %u judged, %u want", disk.count, n, disk.voted,
			    disk.wanted))
			break;
		EXPECT(n || disk.bound == VMLAT_NONE, "%u for nobody", disk.bound);
	}
}

UTEST_ALL(UTEST(cases), UTEST(kept), UTEST(unwanted), UTEST(lately), UTEST(strictest),
	  UTEST(change), UTEST(missed), UTEST(unreached), UTEST(under_way), UTEST(steps),
	  UTEST(bounds));
