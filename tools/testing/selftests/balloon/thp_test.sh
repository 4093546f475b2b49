#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Huge pages that the host has of a nested guest: a balloon that is inflated has broken none of those that the host
# still has, and what comes back comes in huge pages again. The stock driver's figures are printed
# beside. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

FULL=$((320 * MIB))
LESS=$((224 * MIB))
# What the guest's kernel uses meanwhile, and the ends of the guest's memory.
SLACK=$((16 * MIB))
THP=/sys/kernel/mm/transparent_hugepage
export GUEST_MEM=320

# Bytes that the host has of the guest in huge pages.
huge()
{
	awk '$1 == "AnonHugePages:" { printf "%.0f\n", $2 * 1024 }' "/proc/$(guest_pid 0)/smaps_rollup"
}

size_to()
{
	guest_do 0 '{"execute":"balloon","arguments":{"value":'"$1"'}}' >/dev/null && kst_wait 60 balloon_is 0 "$1"
}

# Bytes that it has in small ones, QEMU's included.
small()
{
	awk '$1 == "Anonymous:" { a = $2 } $1 == "AnonHugePages:" { h = $2 } END { printf "%.0f\n", (a - h) * 1024 }' \
		"/proc/$(guest_pid 0)/smaps_rollup"
}

# All of the guest's free memory is used once.
use_memory()
{
	guest_exec 0 'dd if=/dev/zero of=/use/file bs=1M count=200 2>/dev/null; rm /use/file'
}

# cycle MODULE: what is huge at FIRST, while INFLATED, and THEN; how much more is BROKEN while inflated.
cycle()
{
	guest_exec 0 "insmod /bin/$1.ko" && kst_wait 30 balloon_is 0 $FULL && use_memory || return 1
	FIRST=$(huge) BROKEN=$(small)
	size_to $LESS && sleep 1 || return 1
	INFLATED=$(huge) BROKEN=$(($(small) - BROKEN))
	size_to $FULL && use_memory || return 1
	THEN=$(huge)
	ksft_print_msg "$1: $((FIRST / MIB)) MiB in huge pages, $((INFLATED / MIB)) inflated, $((THEN / MIB)) after; $((BROKEN / MIB)) broken"
	guest_exec 0 "rmmod $1"
}

starts()
{
	guest_start 0 -device virtio-balloon-pci,id=balloon0,free-page-reporting=on && kst_undo guest_kill 0 && guest_wait 0 &&
		guest_exec 0 'mkdir /use && mount -t tmpfs -o size=95% none /use'
}

# Most of it is huge to begin with, else nothing can be told.
keeps()
{
	cycle vmballoon && [ "$FIRST" -gt $((FULL * 2 / 3)) ] && [ "$INFLATED" -le $((FIRST - (FULL - LESS) / 2)) ] &&
		[ "$BROKEN" -le $SLACK ] && [ "$THEN" -ge $((FIRST - SLACK)) ]
}

ksft_print_header
kst_need awk qemu-system-x86_64
[ -e $THP/enabled ] || ksft_exit_skip "no huge pages"
mode=$(sed 's/.*\[\(.*\)\].*/\1/' $THP/enabled)
kst_undo eval "echo $mode >$THP/enabled"
echo madvise >$THP/enabled
DIR=$(mktemp -d)
GUEST_FILES="$(kst_ko vmballoon) $(guest_modules "$DIR" virtio_balloon)" || ksft_exit_fail_msg "no modules for the guest"
export GUEST_FILES
ksft_set_plan 3
ksft_test "a guest" starts
ksft_test "huge pages are kept" keeps
ksft_test "the stock driver's figures" cycle virtio_balloon
ksft_finished
