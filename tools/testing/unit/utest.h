/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP and random numbers for the user-space tests of the cores.
 *
 * A program defines functions and lists them by UTEST_ALL(UTEST(a), UTEST(b)).
 * EXPECT_* reports and goes on; the test fails at its end. Random numbers come from one
 * 64-bit seed, printed before the first test; SEED= in the environment repeats
 * a run and ITER= scales the property tests.
 */
#ifndef UNIT_UTEST_H
#define UNIT_UTEST_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <linux/kernel.h>

struct utest {
	const char *name;
	void (*fn)(void);
};

extern const struct utest utest_all[];
extern const unsigned int utest_count;

static unsigned int utest_errors;
static u64 utest_seed;
static u64 utest_state;

#define EXPECT(cond, fmt, ...) ({					\
	int __ok = !!(cond);						\
									\
	if (!__ok && utest_errors++ < 20)				\
		printf("# %s:%d: %s: " fmt "\n", __FILE__, __LINE__,	\
		       #cond, ##__VA_ARGS__);				\
	__ok; })

#define EXPECT_EQ(a, b, fmt, ...) ({					\
	long long __a = (long long)(a), __b = (long long)(b);		\
									\
	EXPECT(__a == __b, "%lld (0x%llx), not %lld (0x%llx); " fmt,	\
	       __a, (unsigned long long)__a, __b,			\
	       (unsigned long long)__b, ##__VA_ARGS__); })

/* splitmix64: small, seedable, good enough to walk a state space. */
static inline u64 utest_rand(void)
{
	u64 z = (utest_state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Evenly from 0 to n - 1. */
static inline u64 utest_below(u64 n)
{
	return n ? utest_rand() % n : 0;
}

static inline bool utest_one_in(unsigned int n)
{
	return utest_below(n) == 0;
}

static inline unsigned long utest_iterations(unsigned long standard)
{
	const char *iter = getenv("ITER");
	unsigned long n = iter ? strtoul(iter, NULL, 0) : 0;

	/* No property holds of nothing: what is no number is no wish. */
	return n ? n : standard;
}

int main(void)
{
	const char *seed = getenv("SEED");
	struct timespec ts;
	unsigned int i, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_gettime(CLOCK_REALTIME, &ts);
	utest_seed = seed && *seed ? strtoull(seed, NULL, 0) :
			    ((u64)ts.tv_sec << 20 ^ (u64)ts.tv_nsec);
	printf("TAP version 13\n1..%u\n# SEED=0x%llx\n", utest_count,
	       (unsigned long long)utest_seed);
	for (i = 0; i < utest_count; i++) {
		/* Each test draws from the seed itself, whatever ran before. */
		utest_state = utest_seed;
		utest_errors = 0;
		utest_all[i].fn();
		printf("%sok %u - %s\n", utest_errors ? "not " : "", i + 1,
		       utest_all[i].name);
		failed += !!utest_errors;
	}
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define UTEST(fn) { #fn, fn }

#define UTEST_ALL(...)							\
	const struct utest utest_all[] = { __VA_ARGS__ };		\
	const unsigned int utest_count = ARRAY_SIZE(utest_all)

#endif /* UNIT_UTEST_H */
