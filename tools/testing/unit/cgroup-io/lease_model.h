/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk and its processors, each request of which is known: for the tests and the fuzzer.
 */
#ifndef UNIT_LEASE_MODEL_H
#define UNIT_LEASE_MODEL_H

#include "lease_core.h"

#define LEASE_CPUS 4
#define LEASE_REQUESTS 64

/**
 * struct lease_request - a request at the disk, or none
 * @lease: by which it went, NULL if the disk counts it
 * @term: of that lease
 * @here: it is at the disk
 */
struct lease_request {
	struct vmlease *lease;
	u32 term;
	bool here;
};

/**
 * struct lease_disk - the disk
 * @book: what it has lent
 * @leases: to whom
 * @request: requests
 * @window: places
 * @busy: requests that it counts itself
 */
struct lease_disk {
	struct vmlease_book book;
	struct vmlease leases[LEASE_CPUS];
	struct lease_request request[LEASE_REQUESTS];
	u32 window;
	u32 busy;
};

static inline void lease_disk_recall(struct lease_disk *d)
{
	unsigned int i;

	d->book.calm = 0;
	for (i = 0; i < LEASE_CPUS; i++)
		d->busy += vmlease_recall(&d->book, &d->leases[i]);
}

/* A request of a processor comes; true if it is at the disk now. */
static inline bool lease_disk_submit(struct lease_disk *d, unsigned int cpu,
				     struct lease_request *r)
{
	struct vmlease *l = &d->leases[cpu];

	*r = (struct lease_request){ };
	if (vmlease_take(l)) {
		*r = (struct lease_request){ l, l->term, true };
		return true;
	}
	if (d->busy + d->book.lent >= d->window)
		lease_disk_recall(d);
	if (d->busy >= d->window)
		return false;
	d->busy++;
	r->here = true;
	vmlease_lend(&d->book, l, vmlease_offer(&d->book, d->busy, d->window));
	return true;
}

static inline void lease_disk_end(struct lease_disk *d, struct lease_request *r)
{
	if (!r->lease || !vmlease_done(r->lease, r->term))
		d->busy--;
	r->here = false;
}

/* Is each place, and each request, counted once, and where it is? */
static inline bool lease_disk_is_right(const struct lease_disk *d)
{
	u32 lent = 0, busy[LEASE_CPUS] = { }, own = 0;
	unsigned int i;

	for (i = 0; i < LEASE_REQUESTS; i++) {
		const struct lease_request *r = &d->request[i];

		if (!r->here)
			continue;
		if (r->lease && r->lease->term == r->term)
			busy[r->lease - d->leases]++;
		else
			own++;
	}
	for (i = 0; i < LEASE_CPUS; i++) {
		if (d->leases[i].busy != busy[i])
			return false;
		lent += d->leases[i].slots + busy[i];
	}
	return lent == d->book.lent && own == d->busy && own + lent <= d->window;
}

#endif /* UNIT_LEASE_MODEL_H */
