#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# blktests, unmodified, on a device of the target vmio: the tests of its group block that take a device, and its groups
# dm and throtl. VMACCEL_BLKTESTS is a checkout that was built; see "make peers". A test that fails here and on
# dm-linear, too, does not count. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

BLKTESTS=${VMACCEL_BLKTESTS:-}
COPY=/run/blktests
LOWER=/dev/nullb0

# config NAME: of blktests, on that device. Group throtl makes disks of its own; what it calls for that gives it ours,
# and cannot be defined anew.
config()
{
	local dm

	dm=$(dmsetup info -c --noheadings -o blkdevname "$1")
	cat >"$COPY/config.vmio" <<-END
	TEST_DEVS=(/dev/mapper/$1)
	THROTL_BLKDEV_TYPES=nullb
	_configure_throtl_blkdev()
	{
		[ \$# = 0 ] || [ "\$*" = --memory_backed ] || return 1
		THROTL_DEV=$dm
	}
	_exit_throtl_blkdev()
	{
		unset THROTL_DEV
	}
	_delete_throtl_blkdev()
	{
		dmsetup suspend --noudevsync --noflush --nolockfs $1 &&
		dmsetup load --noudevsync --table "0 $(blockdev --getsz "$LOWER") error" $1 &&
		dmsetup resume --noudevsync $1
	}
	readonly -f _configure_throtl_blkdev _exit_throtl_blkdev _delete_throtl_blkdev
	END
}

# check OUTPUT ARGUMENT...: names of those that fail
check()
{
	local out=$1
	shift

	(cd "$COPY" && ./check -c config.vmio -o "$out" "$@") >"$out.log" 2>&1
	sed 's/^/# /' "$out.log" >&2
	sed -n 's/^\([a-z]*\/[0-9]*\) .*\[failed\].*/\1/p' "$out.log" | sort -u
}

# on_linear TEST...: those that fail there
on_linear()
{
	dmsetup create blktests-linear --noudevsync --table "0 $(blockdev --getsz "$LOWER") linear $LOWER 0" &&
	dmsetup mknodes blktests-linear && config blktests-linear && check "$COPY/linear" "$@"
	dmsetup remove --noudevsync --retry blktests-linear
}

# group ARGUMENT...: it passes some, and fails none that dm-linear passes
group()
{
	local failed linear test r=0

	vmio_create blktests "$LOWER" pool=blktests && config blktests || return 1
	failed=$(check "$COPY/out" "$@")
	dmsetup remove --noudevsync --retry blktests || r=1
	grep -q '\[passed\]' "$COPY/out.log" || r=1
	[ -n "$failed" ] || return "$r"
	# shellcheck disable=SC2086
	linear=$(on_linear $failed)
	for test in $failed; do
		grep -qx "$test" <<<"$linear" && ksft_print_msg "$test fails on dm-linear, too" && continue
		ksft_print_msg "$test fails on vmio only"
		r=1
	done
	return "$r"
}

[ -x "$BLKTESTS/check" ] || ksft_exit_skip "no blktests: make peers BLKTESTS=DIR"
kst_need dmsetup fio gawk blockdev
kst_load cgroup_io
kst_load dm_vmio
vmio_null 10000 64 memory_backed=1 discard=1
cp -r "$BLKTESTS" "$COPY" || ksft_exit_fail_msg "cannot copy blktests"
kst_undo rm -rf "$COPY"
ksft_print_header
ksft_set_plan 3
ksft_test "block" group -d block
ksft_test "dm" group dm
ksft_test "throtl" group throtl
ksft_finished
