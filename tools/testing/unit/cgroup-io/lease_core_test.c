// SPDX-License-Identifier: GPL-2.0
/*
 * Leases: the case table, and a disk whose every request is known.
 */
#include "../utest.h"
#include "lease_model.h"
#include "tests/lease_cases.h"

static void offers(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lease_offer_cases); i++) {
		const struct lease_offer_case *c = &lease_offer_cases[i];

		EXPECT_EQ(lease_offer_run(c), c->offer, "%s", c->name);
	}
}

/* Whatever comes, goes and is recalled: nothing is lost, nor is more at the disk than it takes. */
static void every_request(void)
{
	unsigned long rounds = utest_iterations(200000);
	struct lease_disk d = { .window = utest_below(LEASE_REQUESTS - 1) + 1 };

	while (rounds--) {
		struct lease_request *r = &d.request[utest_below(LEASE_REQUESTS)];

		if (r->here)
			lease_disk_end(&d, r);
		else
			lease_disk_submit(&d, utest_below(LEASE_CPUS), r);
		if (utest_one_in(500))
			lease_disk_recall(&d);
		EXPECT(lease_disk_is_right(&d), "window %u", d.window);
	}
}

/* One request after the other: but for the first ones the disk does not see them. */
static void alone(void)
{
	struct lease_disk d = { .window = 32 };
	unsigned int i, seen = 0;

	for (i = 0; i < 1000; i++) {
		EXPECT(lease_disk_submit(&d, 1, &d.request[0]), "request %u", i);
		seen += !d.request[0].lease;
		lease_disk_end(&d, &d.request[0]);
	}
	EXPECT_EQ(seen, VMLEASE_CALM + 1, "seen");
	EXPECT_EQ(d.book.lent, VMLEASE_SLOTS, "lent");
}

/* Who goes on using a lease keeps it. */
static void idle(void)
{
	struct vmlease_book book = { };
	struct vmlease l = { };

	vmlease_lend(&book, &l, 2);
	EXPECT(!vmlease_is_idle(&l), "just lent");
	vmlease_take(&l);
	EXPECT(!vmlease_is_idle(&l), "used");
	vmlease_done(&l, l.term);
	EXPECT(vmlease_is_idle(&l), "not used");
}

UTEST_ALL(UTEST(offers), UTEST(every_request), UTEST(alone), UTEST(idle));
