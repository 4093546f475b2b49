#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# blktests, unmodified, on a device of the target vmio: the tests of its group block that take a device, and its groups
# dm and throtl. VMACCEL_BLKTESTS is a checkout that was built; see "make peers". A test fails if it does three times, as
# those of throtl take whole seconds for what they expect, and processes start slowly here. One that fails on dm's own
# "striped", too, does not count: with one stripe that does nothing but split requests, as our target does, of which
# dm-linear leaves more to the disk and blk-throttle sees less. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

BLKTESTS=${VMACCEL_BLKTESTS:-}
COPY=/run/blktests
LOWER=/dev/nullb0

# config NAME: of blktests, on that device; what takes all the time it is given has seconds. Group throtl makes disks of
# its own; what it calls for that gives it ours, and cannot be defined anew. Nor can what compares kernels: that of
# blktests ends at Debian's "6.12.117+deb12".
config()
{
	local dm

	dm=$(dmsetup info -c --noheadings -o blkdevname "$1")
	dmsetup table "$1" >"$COPY/table"
	cat >"$COPY/config.vmio" <<-END
	TEST_DEVS=(/dev/mapper/$1)
	TIMEOUT=30
	THROTL_BLKDEV_TYPES=nullb
	_configure_throtl_blkdev()
	{
		while [ \$# != 0 ]; do
			case \$1 in
			--memory_backed)	;;
			--sector_size)		echo \$((\$2 / 1024)) >/sys/block/$dm/queue/max_sectors_kb; shift ;;
			*)			return 1 ;;
			esac
			shift
		done
		THROTL_DEV=$dm
	}
	_exit_throtl_blkdev()
	{
		cat /sys/block/$dm/queue/max_hw_sectors_kb >/sys/block/$dm/queue/max_sectors_kb
		_change_throtl_blkdev <$COPY/table
		unset THROTL_DEV
	}
	_delete_throtl_blkdev()
	{
		_change_throtl_blkdev <<<"0 $(blockdev --getsz "$LOWER") error"
	}
	_change_throtl_blkdev()
	{
		dmsetup suspend --noudevsync --noflush --nolockfs $1 && dmsetup load --noudevsync $1 &&
		dmsetup resume --noudevsync $1
	}
	_have_kver()
	{
		local IFS=. wanted

		wanted="\$*"
		printf '%s\n' "\$wanted" "\$(uname -r)" | sort -CV && return 0
		SKIP_REASONS+=("kernel older than \$wanted")
		return 1
	}
	readonly -f _have_kver _configure_throtl_blkdev _exit_throtl_blkdev _delete_throtl_blkdev
	END
}

# check OUTPUT ARGUMENT...: names of those that fail, or have no end
check()
{
	local out=$1
	shift

	# What is loaded already is not run.
	modprobe -qr scsi_debug
	(cd "$COPY" && ./check -c config.vmio -o "$out" "$@") >"$out.log" 2>&1
	sed 's/^/# /' "$out.log" >&2
	comm -23 <(sed -n 's/^\([a-z]*\/[0-9]*\) .*/\1/p' "$out.log" | sort -u) \
		<(sed -n 's/^\([a-z]*\/[0-9]*\) .*\[\(passed\|not run\)\]$/\1/p' "$out.log" | sort -u)
}

# on_striped TEST...: those that fail there
on_striped()
{
	dmsetup create blktests-striped --noudevsync --table "0 $(blockdev --getsz "$LOWER") striped 1 8192 $LOWER 0" &&
	dmsetup mknodes blktests-striped && config blktests-striped && check "$COPY/striped" "$@"
	dmsetup remove --noudevsync --retry blktests-striped
}

# group ARGUMENT...: it passes some, and fails none that "striped" passes; 4 if the kernel lacks what all of them need
group()
{
	local failed striped test turn r=0

	vmio_create blktests "$LOWER" pool=blktests && config blktests || return 1
	failed=$(check "$COPY/out" "$@")
	# shellcheck disable=SC2086
	for turn in 2 3; do
		[ -z "$failed" ] || failed=$(check "$COPY/out$turn" $failed)
	done
	dmsetup remove --noudevsync --retry blktests || r=1
	if [ -z "$failed" ]; then
		grep -q '\[passed\]$' "$COPY/out.log" && return "$r"
		grep -q '\[not run\]$' "$COPY/out.log" && [ "$r" = 0 ] && return 4
		return 1
	fi
	# shellcheck disable=SC2086
	striped=$(on_striped $failed)
	for test in $failed; do
		grep -qx "$test" <<<"$striped" && ksft_print_msg "$test fails on dm's striped, too" && continue
		ksft_print_msg "$test fails on vmio only"
		r=1
	done
	return "$r"
}

# test_group NAME ARGUMENT...
test_group()
{
	local name=$1 r
	shift

	group "$@"
	r=$?
	if [ "$r" = 4 ]; then
		ksft_test_result_skip "$name" "the kernel has not what its tests need"
	else
		ksft_test_result "$r" "$name"
	fi
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
test_group block -d block
test_group dm dm
test_group throtl throtl
ksft_finished
