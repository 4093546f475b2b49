#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove that run.sh fails where it must: on a failed case, a failed parameter, a
# crash, a hang, a splat, a module that does not load, one that has no test, and
# one that does not compile; and that it passes on a suite without fault.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)

case "${1:-}" in
-h|--help)
	echo "usage: selftest.sh: runs broken KUnit suites and checks that each run fails"
	exit 0 ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0

# suite BODY [EXTRA]: a tree with one suite whose only case runs BODY.
suite() {
	rm -rf "$tmp/sample"
	mkdir -p "$tmp/sample/tests"
	printf 'obj-m += sample/\n' >"$tmp/Kbuild"
	printf 'obj-m += sample_kunit.o\n' >"$tmp/sample/tests/Kbuild"
	cat >"$tmp/sample/tests/sample_kunit.c" <<-END
		#include <kunit/test.h>
		#include <linux/delay.h>
		#include <linux/module.h>
		static const int numbers[] = { 1, 2, 3 };
		KUNIT_ARRAY_PARAM(number, numbers, NULL);
		static void sample(struct kunit *test)
		{
			const int *number = test->param_value;
			$1
		}
		static struct kunit_case cases[] = {
			KUNIT_CASE_PARAM(sample, number_gen_params), {}
		};
		static struct kunit_suite suite = { .name = "sample", .test_cases = cases };
		${2-kunit_test_suite(suite);}
		MODULE_LICENSE("GPL");
	END
}

# expect RC PATTERN NAME: the run ends so and says so.
expect() {
	local rc=0
	KUNIT_TOP=$tmp KUNIT_TIMEOUT=${LIMIT:-30} "$HERE/run.sh" >"$tmp/log" 2>&1 || rc=$?
	if [ "$rc" != "$1" ] || ! grep -qE "$2" "$tmp/log"; then
		echo "$3: exit $rc, expected $1 and a line like: $2"
		cat "$tmp/log"
		failures=$((failures + 1))
	fi
}

suite 'KUNIT_EXPECT_GT(test, *number, 0);'
expect 0 '^ok 1 - sample\.sample \(3 cases\)' "a suite without fault"
suite 'KUNIT_EXPECT_EQ(test, *number, *number + (*number == 2));'
expect 1 '^not ok 1 - sample\.sample' "a failed parameter"
suite 'WARN_ON(*number == 2);'
expect 1 '^not ok .* no splat' "a splat"
suite 'kunit_skip(test, "no reason %d", *number);'
expect 1 '^not ok .* skipped' "a skipped case"
suite '*(volatile int *)8 = *number;'
expect 1 '^not ok ' "a wild pointer"
suite 'panic("broken %d", *number);'
expect 1 'console: Kernel panic - not syncing: broken 1' "a crash"
suite 'for (;;) msleep(100 * *number);'
LIMIT=5 expect 1 'hung for 5 s' "a hang"
suite 'KUNIT_EXPECT_GT(test, *number, 0);' \
	'static int __init start(void) { return suite.name ? -EINVAL : 0; } module_init(start);'
expect 1 'not-loaded: sample_kunit.ko' "a module that does not load"
suite 'KUNIT_EXPECT_GT(test, *number, 0);' \
	'static int __init start(void) { return suite.name ? 0 : -EINVAL; } module_init(start);'
expect 1 '^not ok .* at least one test ran' "a module without a test"
suite 'this is not C'
expect 1 'do not build' "a module that does not compile"

[ "$failures" = 0 ]
