// SPDX-License-Identifier: GPL-2.0
/*
 * States, needs and observations: the case tables, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/state_cases.h"

static void cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(host_cases); i++) {
		const struct host_case *c = &host_cases[i];
		struct vmb_host host = c->host;

		host.total <<= 20;
		host.avail <<= 20;
		EXPECT_EQ(vmb_host_judge(&host, c->before), c->state, "%s", c->name);
	}
	for (i = 0; i < ARRAY_SIZE(wait_cases); i++) {
		const struct wait_case *c = &wait_cases[i];
		struct vmb_host host = { .some = 1, .full = 1 };
		/* Without the 0 at its end, so that reading beyond is noticed. */
		char *text = malloc(strlen(c->text) + !*c->text);

		memcpy(text, c->text, strlen(c->text));
		EXPECT_EQ(vmb_host_waits(&host, text, strlen(c->text)), c->both, "%s", c->name);
		EXPECT_EQ(host.some, c->some, "%s: some", c->name);
		EXPECT_EQ(host.full, c->full, "%s: full", c->name);
		free(text);
	}
	for (i = 0; i < ARRAY_SIZE(need_cases); i++) {
		const struct need_case *c = &need_cases[i];

		EXPECT_EQ(vmb_need(&c->report, c->buffer, c->least, c->most), c->need, "%s",
			  c->name);
	}
	for (i = 0; i < ARRAY_SIZE(watch_cases); i++) {
		const struct watch_case *c = &watch_cases[i];
		struct vmb_watch watch = watch_case_run(c);

		EXPECT_EQ(watch.size, c->size << 20, "%s: size", c->name);
		EXPECT_EQ(watch.stuck, c->stuck, "%s: stuck", c->name);
	}
	for (i = 0; i < ARRAY_SIZE(limit_cases); i++) {
		const struct limit_case *c = &limit_cases[i];
		struct vmb_press press = c->press;

		press.resident <<= 20;
		press.goal <<= 20;
		press.ram <<= 20;
		EXPECT_EQ(vmb_limit(c->limit << 20, &press), c->next << 20, "%s", c->name);
	}
}

static u64 any(void)
{
	return utest_one_in(8) ? ~0ULL : utest_rand() >> utest_below(64);
}

/* Less memory or more waiting never improves a state; a state stays when nothing changes. */
static void states(void)
{
	unsigned long rounds = utest_iterations(200000);

	while (rounds--) {
		struct vmb_host host = {
			.total = utest_rand() >> 18 >> utest_below(20),
			.some = utest_below(2000),
			.full = utest_below(2000),
		}, worse;
		enum vmb_host_state before = utest_below(VMB_HOST_LOW + 1);
		enum vmb_host_state after, next;

		host.avail = utest_below(utest_one_in(2) ? host.total : host.total / 4);
		after = vmb_host_judge(&host, before);
		EXPECT(after <= VMB_HOST_LOW, "no state");
		EXPECT_EQ(vmb_host_judge(&host, after), after, "no rest from %d", before);
		worse = host;
		worse.avail -= utest_below(worse.avail + 1);
		worse.some += utest_below(1000);
		worse.full += utest_below(1000);
		next = vmb_host_judge(&worse, before);
		EXPECT(next >= after, "worse is better");
		EXPECT(vmb_host_floor(host.total) <= host.total / 8, "floor");
	}
}

static void pools(void)
{
	unsigned long rounds = utest_iterations(100000);

	while (rounds--) {
		struct vmb_host host = { .avail = any() };
		u64 occupied = any(), reserve = any();
		u64 pool = vmb_host_pool(&host, occupied, reserve);

		EXPECT(pool <= 2 * VMB_SIZE_MAX, "a pool of %llu", pool);
		if (host.avail <= VMB_SIZE_MAX && occupied <= VMB_SIZE_MAX)
			EXPECT_EQ(pool, reserve > host.avail + occupied ? 0 :
				  host.avail + occupied - reserve, "pool");
	}
}

static void needs(void)
{
	unsigned long rounds = utest_iterations(100000);

	while (rounds--) {
		struct vmb_report report = { any(), any(), any(), any() }, more = report;
		u64 least = any(), most = any(), need;
		u32 buffer = any();

		need = vmb_need(&report, buffer, least, most);
		EXPECT(need <= most, "above the maximum");
		EXPECT(need >= min(least, most), "below the minimum");
		more.avail -= utest_below(more.avail + 1);
		more.active_file |= utest_rand();
		more.refault |= utest_rand();
		EXPECT(vmb_need(&more, buffer | 1, least, most) >= need,
		       "more is used, less is needed");
	}
}

/* Nothing that a guest says makes it count for less than was measured. */
static void watching(void)
{
	unsigned long rounds = utest_iterations(5000);

	while (rounds--) {
		struct vmb_watch watch;
		u64 now = 0, max = utest_rand() >> 20, progress = 0, best = 0;
		unsigned int i;

		vmb_watch_start(&watch, max, 0);
		for (i = 0; i < 30; i++) {
			struct vmb_watch before = watch;
			struct vmb_look look = {
				.now = now += utest_below(1500),
				.measured = utest_below(max + 1),
				.order = utest_below(max + 1),
				.obeyed = utest_one_in(3),
			};

			if (utest_one_in(2))
				look.measured = best;
			vmb_watch_look(&watch, &look);
			EXPECT(watch.size >= look.measured, "less than measured");
			EXPECT(watch.size >= look.order || look.order > max, "less than ordered");
			if (!look.obeyed)
				EXPECT(watch.size >= before.size, "less without a word");
			if (watch.size <= look.order || look.measured + VMB_BAND_MIN <= best) {
				EXPECT(!watch.stuck, "progress, and stuck");
				progress = now;
			} else if (now - progress < VMB_STUCK_MS) {
				EXPECT(!watch.stuck || before.stuck, "stuck too early");
			}
			best = watch.best;
		}
	}
}

/* No limit asks for more than a step at once, or goes below what the VM is to have. */
static void limits(void)
{
	unsigned long rounds = utest_iterations(20000);

	while (rounds--) {
		struct vmb_press press = { .ram = any() };
		u64 limit = 0, least, step;
		unsigned int i;

		least = max(min(press.ram, VMB_SIZE_MAX) / 8, VMB_BAND_MIN);
		step = min(max(min(press.ram, VMB_SIZE_MAX) / 32, VMB_BAND_MIN), 256ULL << 20);
		for (i = 0; i < 20; i++) {
			u64 before = limit, resident = any();

			press.state = utest_below(VMB_HOST_LOW + 1);
			press.stuck = utest_one_in(2);
			press.resident = utest_one_in(2) && limit ? limit : resident;
			if (utest_one_in(4))
				press.goal = any();
			limit = vmb_limit(limit, &press);
			if (press.state == VMB_HOST_HIGH)
				EXPECT_EQ(limit, 0, "a limit without need");
			if (press.state == VMB_HOST_SOFT && !before)
				EXPECT_EQ(limit, 0, "a limit too soon");
			if (!limit)
				continue;
			EXPECT(limit >= least, "a limit of %llu", limit);
			EXPECT(limit >= min(press.goal, VMB_SIZE_MAX), "below its goal");
			if (!before || limit < before)
				EXPECT(limit + step >= press.resident, "a large step");
			if (press.state == VMB_HOST_SOFT)
				EXPECT(limit >= before, "soft, and less");
		}
	}
}

UTEST_ALL(UTEST(cases), UTEST(states), UTEST(pools), UTEST(needs), UTEST(watching), UTEST(limits));
