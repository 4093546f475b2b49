#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress as swap: processes in memory cgroups that are too small for them check every page they wrote. The
# functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

LOAD=${VMACCEL_TOP:-../../../..}/build/selftests/memcompress/swap_load
CGROUP=/sys/fs/cgroup/kst-mcz
SYS=/sys/block/memcompress0
DEV=/dev/memcompress0
ROUNDS=$((${VMACCEL_LONG:-0} ? 20 : 1))

column()
{
	awk -v n="$2" 'NR == 1 { print $n }' "$SYS/$1"
}

# swap_on [SETTING=VALUE...]: set up and switch on
swap_on()
{
	local set

	for set; do
		echo "${set#*=}" >"$SYS/${set%%=*}" || return 1
	done
	echo 256M >$SYS/disksize && mkswap $DEV >/dev/null && swapon -p 100 $DEV
}

swap_off()
{
	swapoff $DEV && kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null
}

# The load has been swapped out and in, without an error, and swap held what it could not.
swapped()
{
	ksft_print_msg "mm_stat $(cat $SYS/mm_stat)"
	ksft_print_msg "io_stat $(cat $SYS/io_stat)"
	[ "$(column io_stat 1)" = 0 ] && [ "$(column io_stat 2)" = 0 ] && [ "$(column io_stat 3)" = 0 ] &&
	[ "$(column io_stat 4)" -gt 0 ]
}

# load KIND: 64 MiB in a cgroup of 16 MiB
load()
{
	"$LOAD" "$1" 64 "$ROUNDS" $CGROUP && swapped
}

two_loads()
{
	local a b

	"$LOAD" anon 40 "$ROUNDS" $CGROUP & a=$!
	"$LOAD" memfd 40 "$ROUNDS" $CGROUP & b=$!
	wait $a && wait $b && swapped
}

# swapoff takes everything back in, under load; what it cannot take it refuses.
swapoff_under_load()
{
	local pid n

	echo max >$CGROUP/memory.max
	echo 16M >$CGROUP/memory.high
	"$LOAD" anon 48 $((2 * ROUNDS)) $CGROUP & pid=$!
	for ((n = 0; n < 5; n++)); do
		sleep 0.5
		kill -0 $pid 2>/dev/null || break
		swapoff $DEV || return 1
		swapon -p 100 $DEV || return 1
	done
	wait $pid
	local r=$?
	echo max >$CGROUP/memory.high
	echo 16M >$CGROUP/memory.max
	ksft_print_msg "$n times"
	return $r
}

# Streams do not depend on the CPUs that there were.
cpu_hotplug()
{
	local pid r cpu=/sys/devices/system/cpu/cpu1/online

	"$LOAD" anon 48 "$ROUNDS" $CGROUP & pid=$!
	while kill -0 $pid 2>/dev/null; do
		echo 0 >$cpu && sleep 0.2
		echo 1 >$cpu && sleep 0.2
	done
	wait $pid
	r=$?
	[ "$(cat $cpu)" = 1 ] && return $r
}

# A killed process leaves nothing behind but what the kernel frees lazily.
killed()
{
	local pid

	"$LOAD" anon 64 1000 $CGROUP & pid=$!
	kst_wait 20 eval "[ \"\$(column mm_stat 1)\" -gt $((20 << 20)) ]" || return 1
	kill -9 $pid
	wait $pid 2>/dev/null
	kst_wait 20 eval "[ \"\$(column mm_stat 1)\" -lt $((2 << 20)) ]"
}

ksft_print_header
kst_need mkswap swapon swapoff
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
ksft_set_plan 14
kst_load memcompress
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir $CGROUP && kst_undo rmdir $CGROUP
echo 16M >$CGROUP/memory.max
kst_undo swapoff $DEV
kst_undo eval "echo \$\$ >/sys/fs/cgroup/cgroup.procs"

ksft_test "swap on" swap_on
for kind in anon thp memfd fork; do
	ksft_test "$kind memory, synchronous" load $kind
done
ksft_test "two processes at once" two_loads
ksft_test "swapoff under load" swapoff_under_load
if [ -e /sys/devices/system/cpu/cpu1/online ]; then
	ksft_test "CPUs come and go" cpu_hotplug
else
	ksft_test_result_skip "CPUs come and go" "a second CPU that can be switched off"
fi
ksft_test "a killed process frees its pages" killed
ksft_test "swap off" swap_off
ksft_test "swap on, asynchronous, zstd" swap_on sync=0 comp_algorithm=zstd
for kind in anon thp; do
	ksft_test "$kind memory, asynchronous" load $kind
done
ksft_test "swap off again" swap_off
ksft_finished
