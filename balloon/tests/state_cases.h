/* SPDX-License-Identifier: GPL-2.0 */
/*
 * States, needs and observations of state_core.c, for KUnit and for user space.
 */
#ifndef VMB_STATE_CASES_H
#define VMB_STATE_CASES_H

#include "../state_core.h"

#define GB 0x40000000ULL

/**
 * struct host_case - a judgement
 * @name: of the case
 * @host: sizes in MiB; the floor of 65536 is 1966
 * @before: state before
 * @state: expected
 */
struct host_case {
	const char *name;
	struct vmb_host host;
	enum vmb_host_state before;
	enum vmb_host_state state;
};

static const struct host_case host_cases[] = {
	{ "enough", { 65536, 60000, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_HIGH },
	{ "at the floor", { 65536, 1967, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_HIGH },
	{ "below the floor", { 65536, 1966, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_SOFT },
	{ "soft until twice the floor", { 65536, 3932, 0, 0 }, VMB_HOST_SOFT, VMB_HOST_SOFT },
	{ "high again", { 65536, 3933, 0, 0 }, VMB_HOST_SOFT, VMB_HOST_HIGH },
	{ "below half of it", { 65536, 983, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_HARD },
	{ "hard until the floor", { 65536, 1966, 0, 0 }, VMB_HOST_HARD, VMB_HOST_HARD },
	{ "soft again", { 65536, 1967, 0, 0 }, VMB_HOST_HARD, VMB_HOST_SOFT },
	{ "below a quarter", { 65536, 491, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_LOW },
	{ "low until the half", { 65536, 983, 0, 0 }, VMB_HOST_LOW, VMB_HOST_LOW },
	{ "hard again", { 65536, 984, 0, 0 }, VMB_HOST_LOW, VMB_HOST_HARD },
	{ "from low to high", { 65536, 60000, 0, 0 }, VMB_HOST_LOW, VMB_HOST_HIGH },
	{ "some wait", { 65536, 60000, 1000, 0 }, VMB_HOST_HIGH, VMB_HOST_SOFT },
	{ "some wait a little", { 65536, 60000, 999, 0 }, VMB_HOST_HIGH, VMB_HOST_HIGH },
	{ "some still wait", { 65536, 60000, 500, 0 }, VMB_HOST_SOFT, VMB_HOST_SOFT },
	{ "few still wait", { 65536, 60000, 499, 0 }, VMB_HOST_SOFT, VMB_HOST_HIGH },
	{ "all wait", { 65536, 60000, 5000, 1000 }, VMB_HOST_HIGH, VMB_HOST_HARD },
	{ "a small host", { 1024, 128, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_HIGH },
	{ "a small host below its eighth", { 1024, 127, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_SOFT },
	{ "a host of 16 GiB below one", { 16384, 1023, 0, 0 }, VMB_HOST_HIGH, VMB_HOST_SOFT },
};

/**
 * struct wait_case - contents of a memory.pressure file
 * @name: of the case
 * @text: the contents
 * @some: expected, 1/100 percent
 * @full: likewise
 * @both: whether both are there
 */
struct wait_case {
	const char *name;
	const char *text;
	u32 some;
	u32 full;
	bool both;
};

static const struct wait_case wait_cases[] = {
	{ "nobody", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
	  "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 0, 0, true },
	{ "some and full", "some avg10=12.34 avg60=1.00 avg300=2.00 total=5\n"
	  "full avg10=5.60 avg60=1.00 avg300=2.00 total=5\n", 1234, 560, true },
	{ "all the time", "some avg10=100.00 avg60=0\nfull avg10=100.00 avg60=0\n",
	  10000, 10000, true },
	{ "without full", "some avg10=1.00 avg60=0\n", 100, 0, false },
	{ "in the middle of a line", "some x avg10=1.00\nx full avg10=1.00\n", 0, 0, false },
	{ "more than all", "some avg10=100.01\nfull avg10=999.99\n", 0, 0, false },
	{ "no number", "some avg10=\nfull avg10=x\n", 0, 0, false },
	{ "no end of line", "some avg10=0.50 avg60=0\nfull avg10=0.70", 50, 70, true },
	{ "cut off", "some avg10=0.50 avg60=0\nfull avg", 50, 0, false },
	{ "nothing", "", 0, 0, false },
};

/**
 * struct need_case - a need
 * @name: of the case
 * @report: what the guest says
 * @buffer: percent
 * @least: its minimum
 * @most: its maximum
 * @need: expected
 */
struct need_case {
	const char *name;
	struct vmb_report report;
	u32 buffer;
	u64 least;
	u64 most;
	u64 need;
};

static const struct need_case need_cases[] = {
	{ "used", { 1000, 400, 0, 0 }, 0, 0, 9999, 600 },
	{ "used and a buffer", { 1000, 400, 0, 0 }, 20, 0, 9999, 720 },
	{ "active page cache", { 1000, 400, 100, 0 }, 0, 0, 9999, 700 },
	{ "active page cache up to a half", { 1000, 400, 999, 0 }, 0, 0, 9999, 900 },
	{ "refaults", { 1000, 400, 0, 50 }, 0, 0, 9999, 650 },
	{ "idle", { 1000, 1000, 300, 0 }, 20, 100, 9999, 100 },
	{ "up to the maximum", { 1000, 0, 0, 0 }, 100, 0, 1500, 1500 },
	{ "minimum above the maximum", { 1000, 0, 0, 0 }, 0, 900, 500, 500 },
	{ "more available than there is", { 1000, ~0ULL, 0, 0 }, 0, 7, 9999, 7 },
	{ "claims of any size", { ~0ULL, 0, ~0ULL, ~0ULL }, ~0U, 0, 5000, 5000 },
	{ "the largest buffer", { 1000, 0, 0, 0 }, ~0U, 0, 99999, 21000 },
};

/**
 * struct watch_case - observations of a VM with a maximum of 4096 MiB
 * @name: of the case
 * @look: what is seen in turn, in MiB
 * @n: how often
 * @size: MiB that it may occupy afterwards
 * @stuck: whether it is stuck afterwards
 */
struct watch_case {
	const char *name;
	struct vmb_look look[4];
	unsigned int n;
	u64 size;
	bool stuck;
};

static const struct watch_case watch_cases[] = {
	{ "nothing known", { }, 0, 4096, false },
	{ "no order", { { 5000, 100, 4096, false } }, 1, 4096, false },
	{ "the word alone", { { 100, 3000, 2048, true } }, 1, 3000, false },
	{ "the measure alone", { { 100, 1000, 2048, false } }, 1, 4096, false },
	{ "both", { { 100, 1000, 2048, true } }, 1, 2048, false },
	{ "within its order it may have all of it",
	  { { 100, 1000, 2048, true }, { 200, 1500, 2048, true } }, 2, 2048, false },
	{ "more than its order",
	  { { 100, 1000, 2048, true }, { 200, 3000, 2048, true } }, 2, 3000, false },
	{ "no word, no progress", { { 1999, 4000, 2048, false } }, 1, 4096, false },
	{ "no word, no progress, stuck",
	  { { 0, 4000, 2048, false }, { 2000, 4000, 2048, false } }, 2, 4096, true },
	{ "progress",
	  { { 0, 4000, 2048, false }, { 1999, 3900, 2048, false },
	    { 3998, 3900, 2048, false } }, 3, 4096, false },
	{ "progress of less than a band",
	  { { 0, 4000, 2048, false }, { 1000, 3990, 2048, false },
	    { 2096, 3985, 2048, false } }, 3, 4096, true },
	{ "claimed, kept",
	  { { 0, 4000, 2048, true }, { 2000, 4000, 2048, true } }, 2, 4000, true },
	{ "still stuck",
	  { { 0, 4000, 2048, false }, { 2000, 4000, 2048, false },
	    { 11999, 4000, 2048, false } }, 3, 4096, true },
	{ "another chance",
	  { { 0, 4000, 2048, false }, { 2000, 4000, 2048, false },
	    { 12000, 4000, 2048, false }, { 13999, 4000, 2048, false } }, 4, 4096, false },
	{ "another chance, and nothing",
	  { { 0, 4000, 2048, false }, { 12000, 4000, 2048, false },
	    { 14000, 3990, 2048, false } }, 3, 4096, true },
	{ "another chance is no progress",
	  { { 0, 3000, 2048, false }, { 12000, 4000, 2048, false },
	    { 13000, 3980, 2048, false }, { 14999, 3980, 2048, false } }, 4, 4096, false },
	{ "progress at last",
	  { { 0, 4000, 2048, false }, { 2000, 4000, 2048, false },
	    { 2100, 3000, 2048, false } }, 3, 4096, false },
	{ "obeyed at last",
	  { { 0, 4000, 2048, false }, { 2000, 4000, 2048, false },
	    { 2100, 2048, 2048, true } }, 3, 2048, false },
	{ "granted again",
	  { { 0, 1000, 2048, true }, { 100, 1000, 3072, false } }, 2, 3072, false },
	{ "larger than it was thought to be", { { 0, 5000, 4096, false } }, 1, 5000, false },
};

/* What is known of the VM in the end. */
static struct vmb_watch watch_case_run(const struct watch_case *c)
{
	struct vmb_watch watch;
	unsigned int i;

	vmb_watch_start(&watch, 4 * GB, 0);
	for (i = 0; i < c->n; i++) {
		struct vmb_look look = c->look[i];

		look.measured <<= 20;
		look.order <<= 20;
		vmb_watch_look(&watch, &look);
	}
	return watch;
}

/**
 * struct limit_case - a limit
 * @name: of the case
 * @limit: MiB, before
 * @press: circumstances, sizes in MiB; a step of 4096 is 128
 * @next: expected, MiB
 */
struct limit_case {
	const char *name;
	u64 limit;
	struct vmb_press press;
	u64 next;
};

static const struct limit_case limit_cases[] = {
	{ "enough", 0, { VMB_HOST_HIGH, 4000, 2048, 4096, true }, 0 },
	{ "soft", 0, { VMB_HOST_SOFT, 4000, 2048, 4096, true }, 0 },
	{ "hard, the balloon has its time", 0, { VMB_HOST_HARD, 4000, 2048, 4096, false }, 0 },
	{ "hard and stuck", 0, { VMB_HOST_HARD, 4000, 2048, 4096, true }, 3872 },
	{ "low", 0, { VMB_HOST_LOW, 4000, 2048, 4096, false }, 3872 },
	{ "low, as it is to be", 0, { VMB_HOST_LOW, 2048, 2048, 4096, true }, 0 },
	{ "the next step", 3872, { VMB_HOST_HARD, 3872, 2048, 4096, false }, 3744 },
	{ "the last step", 2100, { VMB_HOST_HARD, 2100, 2048, 4096, true }, 2048 },
	{ "there", 2048, { VMB_HOST_HARD, 2048, 2048, 4096, true }, 2048 },
	{ "nothing is reclaimed", 3872, { VMB_HOST_HARD, 4000, 2048, 4096, true }, 3872 },
	{ "it grows", 3000, { VMB_HOST_LOW, 4000, 2048, 4096, true }, 3872 },
	{ "it gets more", 2048, { VMB_HOST_HARD, 2048, 3000, 4096, true }, 3000 },
	{ "soft again", 3000, { VMB_HOST_SOFT, 3000, 2048, 4096, true }, 3000 },
	{ "soft, and it gets more", 2048, { VMB_HOST_SOFT, 2048, 3000, 4096, true }, 3000 },
	{ "high again", 2048, { VMB_HOST_HIGH, 2048, 2048, 4096, true }, 0 },
	{ "an eighth is left", 600, { VMB_HOST_LOW, 600, 0, 4096, true }, 512 },
	{ "a small one", 0, { VMB_HOST_LOW, 60, 0, 64, false }, 44 },
	{ "a small one's least", 20, { VMB_HOST_LOW, 20, 0, 64, false }, 16 },
	{ "a large one", 0, { VMB_HOST_LOW, 60000, 0, 65536, false }, 59744 },
};

#endif /* VMB_STATE_CASES_H */
