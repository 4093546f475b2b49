// SPDX-License-Identifier: GPL-2.0
/*
 * Settings: the case tables, and what is written comes back.
 */
#include <string.h>

#include "../utest.h"
#include "tests/knob_cases.h"

static void cases(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shares_cases); i++) {
		const struct shares_case *c = &shares_cases[i];
		u32 shares = 77;

		EXPECT_EQ(cgio_knob_shares(c->text, &shares), c->r, "'%s'", c->text);
		EXPECT_EQ(shares, c->r ? 77 : c->shares, "'%s'", c->text);
	}
	for (i = 0; i < ARRAY_SIZE(weight_cases); i++)
		EXPECT_EQ(cgio_knob_weight(weight_cases[i].text), weight_cases[i].weight,
			  "'%s'", weight_cases[i].text);
	for (i = 0; i < ARRAY_SIZE(latency_knob_cases); i++) {
		const struct latency_knob_case *c = &latency_knob_cases[i];
		u64 us = 7;

		EXPECT_EQ(cgio_knob_latency(c->text, &us), c->r, "'%s'", c->text);
		EXPECT_EQ(us, c->us, "'%s'", c->text);
	}
	for (i = 0; i < ARRAY_SIZE(rates_cases); i++) {
		const struct rates_case *c = &rates_cases[i];
		u64 rates[VMSHARE_UNITS] = { 7, 8 };

		EXPECT_EQ(cgio_knob_rates(c->text, rates), c->r, "'%s'", c->text);
		EXPECT_EQ(rates[0], c->rates[0], "'%s'", c->text);
		EXPECT_EQ(rates[1], c->rates[1], "'%s'", c->text);
	}
}

static void numbers(void)
{
	unsigned long rounds = utest_iterations(100000);

	while (rounds--) {
		unsigned long long a = utest_rand() >> utest_below(64), b;
		u64 rates[VMSHARE_UNITS] = { };
		char text[80];
		u32 shares;
		int r;

		b = utest_rand() >> utest_below(64);
		snprintf(text, sizeof(text), "disk iops=%llu bps=%llu\n", a, b);
		r = cgio_knob_rates(text, rates);
		EXPECT_EQ(r, a && b && a <= VMSHARE_RATE_MAX && b <= VMSHARE_RATE_MAX ? 0 :
			  -ERANGE, "%s", text);
		EXPECT(r || (rates[0] == a && rates[1] == b), "%s", text);
		snprintf(text, sizeof(text), "%llu", a);
		r = cgio_knob_shares(text, &shares);
		EXPECT_EQ(r, a && a <= VMSHARE_WEIGHT_MAX ? 0 : -ERANGE, "%s", text);
		EXPECT(r || shares == a, "%s", text);
	}
}

UTEST_ALL(UTEST(cases), UTEST(numbers));
