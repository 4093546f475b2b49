#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress under zram's names: zram's own tools and the kernel's own zram tests run on it unmodified. The
# functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

# Beside zram the names are taken, and nothing is left of the attempt.
beside_zram()
{
	modprobe zram || return 1
	local r=0

	kst_insmod memcompress zram_compat=1 2>/dev/null && { rmmod memcompress; r=1; }
	[ -b /dev/zram0 ] && kst_insmod memcompress && rmmod memcompress || r=1
	rmmod zram && return $r
}

zram_names()
{
	kst_insmod memcompress zram_compat=1 && [ -b /dev/zram0 ] && [ -e /sys/class/zram-control/hot_add ] &&
	[ -e /sys/block/zram0/mm_stat ]
}

zramctl_works()
{
	local dev

	dev=$(zramctl --find --size 32M --algorithm zstd) || return 1
	mkswap "$dev" >/dev/null && swapon "$dev" || return 1
	zramctl --noheadings --output NAME,DISKSIZE,ALGORITHM,MOUNTPOINT "$dev" | sed 's/^/# /'
	zramctl --noheadings --output DISKSIZE,ALGORITHM,MOUNTPOINT "$dev" | grep -q "32M *zstd *\[SWAP\]"
	local r=$?
	swapoff "$dev" && zramctl --reset "$dev" && return $r
}

# kselftest NAME: a test of the kernel tree, in a copy, since the tree is read-only here
kselftest()
{
	(cd "$TMP/zram" && "./$1") >"$TMP/$1.log" 2>&1
	sed 's/^/# /' "$TMP/$1.log"
	grep -q ' : \[PASS\]' "$TMP/$1.log"
}

ksft_print_header
kst_need zramctl mkswap
TREE=$("$VMACCEL_TOP/tools/testing/kunit/source.sh") || ksft_exit_skip "no kernel sources: run tools/setup.sh"
ksft_set_plan 6
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
cp -r "$TREE/tools/testing/selftests/zram" "$TMP/zram"
ksft_test "refused beside zram, cleanly" beside_zram
ksft_test "zram's names" zram_names
ksft_test "zramctl" zramctl_works
rmmod memcompress
kst_insmod memcompress zram_compat=1
kst_undo rmmod memcompress
ksft_test "kselftest zram01: file system" kselftest zram01.sh
ksft_test "kselftest zram02: swap" kselftest zram02.sh
ksft_test "unloads" rmmod memcompress
ksft_finished
