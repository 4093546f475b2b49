/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs at a disk, some of which want a latency, for KUnit and for user space.
 */
#ifndef CGIO_LATENCY_CASES_H
#define CGIO_LATENCY_CASES_H

#include "../heap_core.h"
#include "../latency_core.h"

#define LATENCY_VMS 4
#define LATENCY_UNITS 64
#define LATENCY_REQUESTS 1024
#define LATENCY_SECOND 1000000000ULL

/**
 * struct latency_vm - a VM
 * @lat: what it wants
 * @depth: requests that it has at a time, at the disk or waiting
 * @at_disk: those that the disk has
 * @done: those that have come back
 * @late: of them, those that were late
 */
struct latency_vm {
	struct vmlat lat;
	unsigned int depth;
	unsigned int at_disk;
	u64 done;
	u64 late;
};

/**
 * struct latency_request - a request at the disk
 * @node: by when it is done
 * @vm: whose it is
 * @issued: when it came
 */
struct latency_request {
	struct vmheap_node node;
	struct latency_vm *vm;
	u64 issued;
};

/**
 * struct latency_bed - VMs at a disk that serves some requests side by side
 * @disk: how many it gets
 * @window: but for targets
 * @units: it serves so many
 * @ns: each takes so long
 * @jitter: of 1024, that a time may be longer or shorter
 * @random: state of the generator
 * @now: time in ns
 * @busy: requests at the disk
 * @turn: the VM that is next
 * @free: units by when they are free
 * @under_way: requests by when they are done
 * @unit: the units
 * @request: the requests
 * @vm: the VMs
 */
struct latency_bed {
	struct vmlat_disk disk;
	u32 window;
	unsigned int units;
	u64 ns;
	unsigned int jitter;
	u64 random;
	u64 now;
	unsigned int busy;
	unsigned int turn;
	struct vmheap free;
	struct vmheap under_way;
	struct vmheap_node unit[LATENCY_UNITS];
	struct latency_request request[LATENCY_REQUESTS];
	struct latency_vm vm[LATENCY_VMS];
};

static void latency_bed_init(struct latency_bed *b, unsigned int units, u64 ns, u32 window)
{
	*b = (struct latency_bed){ .units = units, .ns = ns, .window = window, .now = 1 };
	vmlat_init(&b->disk);
	while (units--) {
		b->unit[units].key = b->now;
		vmheap_insert(&b->free, &b->unit[units]);
	}
}

/* The next VM that has one that waits, in turn; NULL if there is none. */
static struct latency_vm *latency_next(struct latency_bed *b)
{
	unsigned int i;

	for (i = 0; i < LATENCY_VMS; i++) {
		struct latency_vm *vm = &b->vm[b->turn];

		b->turn = (b->turn + 1) % LATENCY_VMS;
		if (vm->at_disk < vm->depth)
			return vm;
	}
	return NULL;
}

static void latency_send(struct latency_bed *b, struct latency_request *request,
			 struct latency_vm *vm)
{
	struct vmheap_node *unit = b->free.top;
	u64 part;

	b->random = b->random * 6364136223846793005ULL + 1442695040888963407ULL;
	part = 1024 - b->jitter + (b->random >> 40) % (2 * b->jitter + 1);
	vmheap_remove(&b->free, unit);
	if (vmheap_before(unit->key, b->now))
		unit->key = b->now;
	unit->key += b->ns * part / 1024;
	vmheap_insert(&b->free, unit);
	request->vm = vm;
	request->issued = b->now;
	request->node.key = unit->key;
	vmheap_insert(&b->under_way, &request->node);
	vm->at_disk++;
	b->busy++;
}

/* As many requests as the disk gets. */
static void latency_fill(struct latency_bed *b)
{
	unsigned int i;

	for (i = 0; i < LATENCY_REQUESTS && b->busy < vmlat_window(&b->disk, b->window); i++) {
		struct latency_vm *vm;

		if (vmheap_has(&b->request[i].node))
			continue;
		vm = latency_next(b);
		if (!vm)
			break;
		latency_send(b, &b->request[i], vm);
	}
}

/* Let it run for @ns. */
static void latency_run(struct latency_bed *b, u64 ns)
{
	const u64 until = b->now + ns;

	for (;;) {
		struct latency_request *request;
		struct latency_vm *vm;

		latency_fill(b);
		if (!b->under_way.top || b->under_way.top->key > until)
			break;
		request = container_of(b->under_way.top, struct latency_request, node);
		vm = request->vm;
		b->now = request->node.key;
		vmheap_remove(&b->under_way, &request->node);
		vm->late += vmlat_done(&b->disk, vm->lat.target ? &vm->lat : NULL,
				       request->issued, b->busy, b->window, b->now);
		vm->done++;
		vm->at_disk--;
		b->busy--;
	}
	b->now = until;
}

/* Count anew. */
static void latency_zero(struct latency_bed *b)
{
	unsigned int i;

	for (i = 0; i < LATENCY_VMS; i++) {
		b->vm[i].done = 0;
		b->vm[i].late = 0;
	}
}

/**
 * struct latency_case - a light VM that wants a latency beside a heavy one
 * @name: of the case
 * @units: of the disk
 * @ns: of a request
 * @window: of the pool
 * @target: latency wanted, or 0
 * @least: of the window after a second
 * @most: of the window after a second
 */
struct latency_case {
	const char *name;
	unsigned int units;
	u64 ns;
	u32 window;
	u64 target;
	u32 least;
	u32 most;
};

static const struct latency_case latency_cases[] = {
	{ "none wanted", 4, 500000, 64, 0, 64, 64 },
	{ "enough", 4, 500000, 16, 4000000, 16, 16 },
	{ "a third of it", 1, 200000, 32, 2000000, 8, 10 },
	{ "several at a time", 4, 500000, 64, 2000000, 12, 16 },
	{ "a tenth, of many", 16, 400000, 512, 1200000, 32, 48 },
	{ "less than it takes", 4, 500000, 32, 100000, 1, 1 },
	{ "slow", 1, 20000000, 8, 70000000, 2, 3 },
};

/* Returns the window after a second. */
static u32 latency_case_run(const struct latency_case *c, struct latency_bed *b)
{
	latency_bed_init(b, c->units, c->ns, c->window);
	b->vm[0].depth = 1;
	b->vm[1].depth = 512;
	vmlat_set_target(&b->disk, &b->vm[0].lat, c->target, b->now);
	latency_run(b, LATENCY_SECOND);
	return vmlat_window(&b->disk, c->window);
}

#endif /* CGIO_LATENCY_CASES_H */
