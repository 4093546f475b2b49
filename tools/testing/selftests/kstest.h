/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP 13 output for selftests written in C, with the names kselftest uses, so that
 * a test compiles unchanged against the header of a kernel tree.
 *
 * A program prints the header and a plan, then one result per check, and ends with
 * ksft_finished(), which exits 0 only if every planned result was printed and none
 * failed.
 */
#ifndef _KSTEST_H
#define _KSTEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef __printf
#define __printf(fmt, args)	__attribute((format(printf, fmt, args)))
#endif
#ifndef __noreturn
#define __noreturn		__attribute((noreturn))
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#endif

#define KSFT_PASS	0
#define KSFT_FAIL	1
#define KSFT_SKIP	4

static struct {
	unsigned int plan;
	unsigned int pass;
	unsigned int fail;
	unsigned int skip;
} ksft_cnt;

/**
 * ksft_print_header() - Start the TAP stream, line buffered.
 */
static inline void ksft_print_header(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
}

/**
 * ksft_set_plan() - Announce the number of results that will follow.
 * @plan: Number of results.
 */
static inline void ksft_set_plan(unsigned int plan)
{
	ksft_cnt.plan = plan;
	printf("1..%u\n", plan);
}

/**
 * ksft_print_msg() - Print a diagnostic line.
 * @fmt: printf() format.
 */
static inline __printf(1, 2)
void ksft_print_msg(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

static inline void ksft_vresult(const char *verdict, const char *directive,
				const char *fmt, va_list ap)
{
	char name[512];

	vsnprintf(name, sizeof(name), fmt, ap);
	name[strcspn(name, "\n")] = '\0';
	printf("%s %u %s%s\n", verdict,
	       ksft_cnt.pass + ksft_cnt.fail + ksft_cnt.skip, name, directive);
}

static inline __printf(1, 2)
void ksft_test_result_pass(const char *fmt, ...)
{
	va_list ap;

	ksft_cnt.pass++;
	va_start(ap, fmt);
	ksft_vresult("ok", "", fmt, ap);
	va_end(ap);
}

static inline __printf(1, 2)
void ksft_test_result_fail(const char *fmt, ...)
{
	va_list ap;

	ksft_cnt.fail++;
	va_start(ap, fmt);
	ksft_vresult("not ok", "", fmt, ap);
	va_end(ap);
}

static inline __printf(1, 2)
void ksft_test_result_skip(const char *fmt, ...)
{
	va_list ap;

	ksft_cnt.skip++;
	va_start(ap, fmt);
	ksft_vresult("ok", " # SKIP", fmt, ap);
	va_end(ap);
}

/**
 * ksft_test_result() - Print one result.
 * @condition: True if the check holds.
 *
 * The other arguments are a printf() format of the name of the check and its values.
 */
#define ksft_test_result(condition, ...)					\
do {									\
	if (condition)							\
		ksft_test_result_pass(__VA_ARGS__);			\
	else								\
		ksft_test_result_fail(__VA_ARGS__);			\
} while (0)

static inline void ksft_print_cnts(void)
{
	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n",
	       ksft_cnt.pass, ksft_cnt.fail, ksft_cnt.skip);
}

/**
 * ksft_finished() - Print the totals and exit with the verdict.
 *
 * Fewer or more results than planned is a failure.
 */
static inline __noreturn void ksft_finished(void)
{
	ksft_print_cnts();
	exit(!ksft_cnt.fail &&
	     ksft_cnt.pass + ksft_cnt.skip == ksft_cnt.plan ?
	     KSFT_PASS : KSFT_FAIL);
}

/**
 * ksft_exit_fail_msg() - Give up: a precondition that must hold does not.
 * @fmt: printf() format.
 */
static inline __noreturn __printf(1, 2)
void ksft_exit_fail_msg(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	ksft_print_cnts();
	exit(KSFT_FAIL);
}

/**
 * ksft_exit_skip() - Skip the whole program because the machine lacks something.
 * @fmt: printf() format that names what is missing.
 */
static inline __noreturn __printf(1, 2)
void ksft_exit_skip(const char *fmt, ...)
{
	va_list ap;

	printf("1..0 # SKIP ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	exit(KSFT_SKIP);
}

#endif /* _KSTEST_H */
