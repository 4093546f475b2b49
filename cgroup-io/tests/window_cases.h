/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Disks that a window is found for, for KUnit and for user space.
 */
#ifndef CGIO_WINDOW_CASES_H
#define CGIO_WINDOW_CASES_H

#include "../heap_core.h"
#include "../window_core.h"

#define WINDOW_UNITS 256
#define WINDOW_REQUESTS 2048
#define WINDOW_SECOND 1000000000ULL

/**
 * struct window_disk - a disk that serves some requests side by side
 * @w: its window
 * @units: that many
 * @ns: each takes so long
 * @jitter: of 1024, that a time may be longer or shorter
 * @random: state of the generator
 * @now: time in ns
 * @offered: most requests that there are, 0 = any number
 * @busy: requests at the disk
 * @free: units by when they are free
 * @under_way: requests by when they are done
 * @unit: the units
 * @request: the requests
 * @began: by request, when it came to the disk
 * @done: requests that have come back
 */
struct window_disk {
	struct vmwindow w;
	unsigned int units;
	u64 ns;
	unsigned int jitter;
	u64 random;
	u64 now;
	unsigned int offered;
	unsigned int busy;
	struct vmheap free;
	struct vmheap under_way;
	struct vmheap_node unit[WINDOW_UNITS];
	struct vmheap_node request[WINDOW_REQUESTS];
	u64 began[WINDOW_REQUESTS];
	u64 done;
};

static u64 window_time(struct window_disk *d)
{
	u64 part;

	d->random = d->random * 6364136223846793005ULL + 1442695040888963407ULL;
	part = 1024 - d->jitter + (d->random >> 40) % (2 * d->jitter + 1);
	return d->ns * part / 1024;
}

/* Bring or take units; those that are busy finish. */
static void window_disk_units(struct window_disk *d, unsigned int units)
{
	while (d->units < units) {
		d->unit[d->units].key = d->now;
		vmheap_insert(&d->free, &d->unit[d->units++]);
	}
	while (d->units > units)
		vmheap_remove(&d->free, &d->unit[--d->units]);
}

static void window_disk_init(struct window_disk *d, unsigned int units, u64 ns,
			     unsigned int jitter)
{
	*d = (struct window_disk){ .ns = ns, .jitter = jitter, .now = 1 };
	vmwindow_init(&d->w);
	window_disk_units(d, units);
}

/* As many requests as the window takes. */
static void window_disk_fill(struct window_disk *d)
{
	unsigned int i;

	for (i = 0; i < WINDOW_REQUESTS && d->busy < d->w.window; i++) {
		struct vmheap_node *unit = d->free.top, *request = &d->request[i];

		if (d->offered && d->busy >= d->offered)
			break;
		if (vmheap_has(request))
			continue;
		vmheap_remove(&d->free, unit);
		if (vmheap_before(unit->key, d->now))
			unit->key = d->now;
		unit->key += window_time(d);
		vmheap_insert(&d->free, unit);
		request->key = unit->key;
		vmheap_insert(&d->under_way, request);
		d->began[i] = d->now;
		d->busy++;
	}
}

/* Let it run until @until, with more to do than it can. */
static void window_disk_run(struct window_disk *d, u64 until)
{
	for (;;) {
		struct vmheap_node *request;

		window_disk_fill(d);
		request = d->under_way.top;
		if (request->key > until)
			break;
		d->now = request->key;
		vmheap_remove(&d->under_way, request);
		vmwindow_done(&d->w, 8192, d->now - d->began[request - d->request], d->busy,
			      d->now);
		d->busy--;
		d->done++;
	}
	d->now = until;
}

/**
 * struct window_case - a disk, and what its window is after a second
 * @name: of the case
 * @units: of the disk
 * @ns: of a request
 * @target: latency wanted, or 0
 * @least: of the window
 * @most: of the window
 */
struct window_case {
	const char *name;
	unsigned int units;
	u64 ns;
	u64 target;
	u32 least;
	u32 most;
};

static const struct window_case window_cases[] = {
	{ "one at a time", 1, 200000, 0, 1, 2 },
	{ "a few at a time", 8, 500000, 0, 8, 12 },
	{ "many at a time", 128, 200000, 0, 120, 192 },
	{ "slow, many at a time", 64, 2000000, 0, 60, 96 },
	{ "twice the time", 16, 100000, 200000, 28, 36 },
	{ "ten times the time", 16, 100000, 1000000, 140, 180 },
	{ "less than it takes", 16, 1000000, 500000, 1, 1 },
};

/* Returns the window, without a probe that may be under way. */
static u32 window_case_run(const struct window_case *c, struct window_disk *d)
{
	window_disk_init(d, c->units, c->ns, 0);
	vmwindow_set_target(&d->w, c->target);
	window_disk_run(d, WINDOW_SECOND);
	return d->w.base;
}

#endif /* CGIO_WINDOW_CASES_H */
