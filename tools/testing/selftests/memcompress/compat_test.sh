#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress under zram's names: zram's own tools and the kernel's own zram tests run on it unmodified. The
# functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/zram_dd.sh
. ./zram_dd.sh

# Beside zram the names are taken, and nothing is left of the attempt.
beside_zram()
{
	local r=0

	modprobe zram || return 1
	kst_insmod memcompress zram_compat=1 2>"$TMP/said" && { rmmod memcompress; r=1; }
	grep -q "Device or resource busy" "$TMP/said" || r=1
	[ -b /dev/zram0 ] && kst_insmod memcompress && rmmod memcompress || r=1
	rmmod zram && return "$r"
}

# And the other way round.
zram_beside()
{
	! modprobe zram 2>/dev/null && [ ! -e /sys/module/zram ] && [ -b /dev/zram0 ] &&
	[ "$(cat /sys/class/zram-control/hot_add)" = 1 ] && echo 1 >/sys/class/zram-control/hot_remove
}

zram_names()
{
	[ -b /dev/zram0 ] && [ -e /sys/class/zram-control/hot_add ] &&
	[ -e /sys/block/zram0/mm_stat ]
}

zramctl_works()
{
	local dev r

	dev=$(zramctl --find --size 32M --algorithm zstd) || return 1
	mkswap "$dev" >/dev/null && swapon "$dev" || return 1
	zramctl --noheadings --output NAME,DISKSIZE,ALGORITHM,MOUNTPOINT "$dev" | sed 's/^/# /'
	zramctl --noheadings --output DISKSIZE,ALGORITHM,MOUNTPOINT "$dev" | grep -q "32M *zstd *\[SWAP\]"
	r=$?
	swapoff "$dev" && zramctl --reset "$dev" && return "$r"
}

# What systemd does at boot, and its units: generate, set up, swap on and off, reset. zramctl has removed the device.
zram_generator()
{
	local generator=$PACKAGES/systemd-zram-generator/lib/systemd/system-generators/zram-generator r=0

	mkdir -p "$TMP/root/etc/systemd" "$TMP/root/proc" "$TMP/units"
	cat /proc/meminfo >"$TMP/root/proc/meminfo"
	: >"$TMP/root/proc/cmdline"
	printf '[zram0]\nzram-size = 48\ncompression-algorithm = zstd\n' >"$TMP/root/etc/systemd/zram-generator.conf"
	[ "$(cat /sys/class/zram-control/hot_add)" = 0 ] || return 1
	export ZRAM_GENERATOR_ROOT=$TMP/root
	"$generator" "$TMP/units" "$TMP/units" "$TMP/units" && grep -q '^What=/dev/zram0' "$TMP/units/dev-zram0.swap" &&
	"$generator" --setup-device zram0 >/dev/null || return 1
	[ "$(cat /sys/block/zram0/disksize)" = $((48 << 20)) ] && grep -qF '[zstd]' /sys/block/zram0/comp_algorithm || r=1
	swapon --discard --priority 100 /dev/zram0 && swapoff /dev/zram0 || r=1
	"$generator" --reset-device zram0 && [ "$(cat /sys/block/zram0/initstate)" = 0 ] && return "$r"
}

# kselftest NAME: a test of the kernel tree, in a copy, since the tree is read-only here
kselftest()
{
	(export KIB && export -f dd && cd "$TMP/zram" && "./$1") >"$TMP/$1.log" 2>&1
	sed 's/^/# /' "$TMP/$1.log"
	grep -q ' : \[PASS\]' "$TMP/$1.log" && ! grep -q FAIL "$TMP/$1.log"
}

ksft_print_header
kst_need zramctl mkswap bc mkfs.ext4
TREE=$("$VMACCEL_TOP/tools/testing/kunit/source.sh") || ksft_exit_skip "no kernel sources: run tools/setup.sh"
PACKAGES=${VMACCEL_CACHE:-$HOME/.cache/vmaccel}/packages
[ -d "$PACKAGES/systemd-zram-generator" ] || ksft_exit_skip "no zram-generator: run tools/setup.sh"
ksft_set_plan 8
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
cp -r "$TREE/tools/testing/selftests/zram" "$TMP/zram"
ksft_test "refused beside zram, cleanly" beside_zram
kst_load memcompress zram_compat=1
ksft_test "zram's names" zram_names
ksft_test "zram is refused, cleanly" zram_beside
ksft_test "zramctl" zramctl_works
ksft_test "zram-generator" zram_generator
ksft_test "kselftest zram01: file system" kselftest zram01.sh
ksft_test "kselftest zram02: swap" kselftest zram02.sh
ksft_test "unloads" rmmod memcompress
ksft_finished
