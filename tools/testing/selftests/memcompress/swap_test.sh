#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress as swap: processes in memory cgroups that are too small for them check every page they wrote, while
# swap is switched off and on, CPUs come and go, the store is full, memory is short everywhere, or they are killed.
# The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/swap_lib.sh
. ./swap_lib.sh

CG=/sys/fs/cgroup/kst-mcz
STATE=/run/kst-mcz.state
THP=/sys/kernel/mm/transparent_hugepage
KSM=/sys/kernel/mm/ksm
CPU=/sys/devices/system/cpu/cpu1/online
LONG=${VMACCEL_LONG:-0}
ROUNDS=$((LONG ? 20 : 1))
MIB=$((LONG ? 128 : 8))	# of a process
ROOM=$((MIB / 2))		# of its cgroup

# The load has been swapped without an error.
swapped()
{
	swap_show
	no_errors && [ "$(column io_stat 4)" -gt 0 ]
}

# load [OPTION...] KIND [MIB]
load()
{
	"$LOAD" -c $CG -r "$ROUNDS" "$@" && swapped
}

# huge SIZE: huge pages of so many KiB go out whole
huge()
{
	local size=$1 before after r

	if [ "$size" != 2048 ]; then
		echo never >$THP/hugepages-2048kB/enabled
		echo madvise >"$THP/hugepages-${size}kB/enabled"
	fi
	before=$(huge_out "$size")
	load thp "$MIB"
	r=$?
	after=$(huge_out "$size")
	if [ "$size" != 2048 ]; then
		echo never >"$THP/hugepages-${size}kB/enabled"
		echo inherit >$THP/hugepages-2048kB/enabled
	fi
	ksft_print_msg "$((after - before)) huge pages of $size KiB went out whole"
	[ $r = 0 ] && [ "$after" -gt "$before" ]
}

huge_out()
{
	if [ "$1" = 2048 ]; then
		awk '$1 == "thp_swpout" { print $2 }' /proc/vmstat
	else
		cat "$THP/hugepages-${1}kB/stats/swpout"
	fi
}

merged_pages()
{
	local before pid r

	echo 1000 >$KSM/pages_to_scan
	echo 1 >$KSM/sleep_millisecs
	echo 1 >$KSM/run
	"$LOAD" -c $CG -r 0 -s "$STATE" ksm "$MIB" & pid=$!
	kst_wait 30 eval "[ \$(cat $KSM/pages_sharing) -gt $((LONG ? 100 : 50)) ]"
	r=$?
	before=$(cat $KSM/pages_sharing)
	kill $pid
	wait $pid && [ $r = 0 ] && swapped
	r=$?
	echo 2 >$KSM/run
	ksft_print_msg "$before pages were merged"
	return $r
}

# The load needs no more memory once it has all, which is when the kernel would look at its limit by itself.
pushed_out()
{
	echo "${ROOM}M" >$CG/memory.high
	[ "$(column mm_stat 1)" -gt $((MIB << 18)) ]
}

# swapoff_under_load [TIMES]: it takes everything back in, and the load goes on; more than once.
swapoff_under_load()
{
	local pid n r=0

	echo max >$CG/memory.max
	rm -f "$STATE"
	"$LOAD" -c $CG -r 0 -s "$STATE" anon "$MIB" & pid=$!
	for ((n = 0; n < ${1:-2} * ROUNDS && !r; n++)); do
		kst_wait 30 pushed_out && swapoff "$DEV" &&
			swapon -p 100 "$DEV" || r=1
	done
	kill $pid
	wait $pid || r=1
	[ $r = 0 ] || cat "$STATE"
	echo max >$CG/memory.high
	echo "${ROOM}M" >$CG/memory.max
	return $r
}

# Streams do not depend on the CPUs that there were.
cpu_hotplug()
{
	local pid r n=0

	"$LOAD" -c $CG -r "$ROUNDS" anon "$MIB" & pid=$!
	while kill -0 $pid 2>/dev/null; do
		echo 0 >$CPU && sleep 0.2 && echo 1 >$CPU && n=$((n + 1))
		sleep 0.2
	done
	wait $pid
	r=$?
	ksft_print_msg "$n times"
	[ "$(cat $CPU)" = 1 ] && [ $n -gt 0 ] && [ $r = 0 ] && swapped
}

stored_less()
{
	[ "$(column mm_stat 1)" -le "$1" ]
}

# A killed process leaves nothing behind, but for what the kernel frees lazily: slots in a CPU's cache.
killed()
{
	local pid before r

	before=$(column mm_stat 1)
	"$LOAD" -c $CG -r 0 anon "$MIB" & pid=$!
	kst_wait 20 eval "[ \$(column mm_stat 1) -gt $((before + (MIB << 18))) ]"
	r=$?
	kill -9 $pid
	wait $pid 2>/dev/null
	[ $r = 0 ] && kst_wait 20 stored_less $((before + (2 << 20)))
}

# The store is full: writes fail, pages stay where they are, and the next write is tried again.
full()
{
	local r

	echo $((MIB / 4))M >"$SYS/mem_limit"
	echo 0 >"$SYS/mem_used_max"
	"$LOAD" -r "$ROUNDS" -n advice "$MIB"
	r=$?
	swap_show
	echo 0 >"$SYS/mem_limit"
	! no_errors && [ $r = 0 ] && [ "$(column mm_stat 5)" -le $((MIB << 18)) ] || return 1
	errors_expected
	load -n anon "$MIB"
}

# What could not be swapped ends in the OOM killer of the cgroup; a neighbour on the same device does not notice.
oom()
{
	local pid hog r

	rm -f "$STATE"
	mkdir $CG-b && echo max >$CG-b/memory.max && echo "$((2 * ROOM))M" >$CG-b/memory.high
	"$LOAD" -c $CG-b -r 0 -s "$STATE" anon "$MIB" & pid=$!
	kst_wait 20 [ -e "$STATE" ] || return 1
	# Nothing gets in: the least progress puts the OOM killer off. It tries all of the cgroup many times first.
	echo 64K >"$SYS/mem_limit"
	log_quiet
	echo 1M >$CG/memory.max
	"$LOAD" -c $CG -n anon "$MIB"
	hog=$?
	log_over
	echo "${ROOM}M" >$CG/memory.max
	echo 0 >"$SYS/mem_limit"
	errors_expected
	kill $pid
	wait $pid
	r=$?
	ksft_print_msg "hog: exit status $hog; neighbour: $(cat "$STATE")"
	rmdir $CG-b
	[ $hog = 137 ] && [ $r = 0 ] && kst_wait 20 stored_less $((2 << 20))
}

free_mib()
{
	echo $(($(kst_meminfo MemAvailable) >> 20))
}

swapped_out()
{
	awk '$1 == "pswpout" { print $2 }' /proc/vmstat
}

reserve_used()
{
	awk '$1 == "reserve" { print $2 }' "$SYS/debug_stat"
}

# sysctl_for_now NAME VALUE: till the test ends
sysctl_for_now()
{
	[ -e "/proc/sys/vm/$1" ] || return 0
	kst_undo eval "echo $(cat "/proc/sys/vm/$1") >/proc/sys/vm/$1"
	echo "$2" >"/proc/sys/vm/$1"
}

# All memory is taken but 24 MiB, most by huge pages that nobody uses, as they cost no time; what the kernel sets
# aside for itself shrinks.
fill_up()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sysctl_for_now compaction_proactiveness 0
	sysctl_for_now min_free_kbytes 1024
	sysctl_for_now nr_hugepages $((($(free_mib) - 24) / 2))
	rm -f "$STATE"
	"$LOAD" -s "$STATE" hold $(($(free_mib) - 24)) & hold=$!
	# If the OOM killer must go on when no hog is left, this gives most.
	echo 500 >"/proc/$hold/oom_score_adj"
	kst_wait 60 [ -e "$STATE" ] && ksft_print_msg "$(free_mib) MiB available"
}

# kswapd and direct reclaim of everybody: a process without a cgroup of its own finds the machine full.
everywhere()
{
	local out r

	out=$(swapped_out)
	"$LOAD" -r "$ROUNDS" anon 36
	r=$?
	out=$(($(swapped_out) - out))
	ksft_print_msg "$out pages went out"
	[ $r = 0 ] && [ $out -gt 0 ] && swapped
}

# Nothing is left, also of the reserves, and what goes out cannot be compressed: the OOM killer ends hogs one by one,
# so that somebody gets on; nobody waits for ever, and a small neighbour loses nothing.
exhausted()
{
	local pid hogs=() kind r=0 dead=0 reserve

	reserve=$(reserve_used)
	"$LOAD" -c $CG -r 0 -s "$STATE.b" anon "$MIB" & pid=$!
	log_quiet
	# Neither the test nor the neighbour.
	for kind in $$ $pid; do
		echo -1000 >"/proc/$kind/oom_score_adj"
	done
	for kind in anon thp memfd; do
		(
			echo 1000 >/proc/self/oom_score_adj
			exec "$LOAD" -r "$ROUNDS" -n $kind 48
		) 2>/dev/null & hogs+=($!)
	done
	for kind in "${hogs[@]}"; do
		wait "$kind"
		case $? in
		0)	;;
		137)	dead=$((dead + 1)) ;;
		*)	r=1 ;;
		esac
	done
	log_over
	kill "$hold" || ksft_print_msg "who held the memory is gone as well"
	kill $pid
	wait "$hold"
	echo 0 >/proc/self/oom_score_adj
	[ ! -e /proc/sys/vm/nr_hugepages ] || echo 0 >/proc/sys/vm/nr_hugepages
	wait $pid || r=1
	swap_show
	errors_expected
	reserve=$(($(reserve_used) - reserve))
	ksft_print_msg "$dead of 3 hogs were killed, $reserve stores used the reserve; neighbour: $(cat "$STATE.b")"
	[ $r = 0 ] && [ $dead -gt 0 ] && [ $reserve -gt 0 ]
}

# where FILE NAME COMMAND...: a test that needs FILE
where()
{
	local file=$1 name=$2
	shift 2

	if [ -e "$file" ]; then
		ksft_test "$name" "$@"
	else
		ksft_test_result_skip "$name" "$file"
	fi
}

ksft_print_header
kst_need mkswap swapon swapoff
# Linux 6.1 knows one size of huge pages.
plan=17
[ "$LONG" = 0 ] || plan=$((plan + 5))
[ ! -e $THP/hugepages-64kB ] || plan=$((plan + 1))
ksft_set_plan $plan
swap_init
cgroup_make $CG
echo "${ROOM}M" >$CG/memory.max
if [ -e $THP ]; then
	kst_undo eval "echo $(sed 's/.*\[\(.*\)\].*/\1/' $THP/enabled) >$THP/enabled"
	echo madvise >$THP/enabled
fi

ksft_test "swap on, synchronous" swap_on sync=1
for kind in anon memfd advice; do
	ksft_test "$kind memory" load $kind "$MIB"
done
ksft_test "shared until written to" load fork $((MIB / 2))
where $THP "2 MiB pages" huge 2048
[ ! -e $THP/hugepages-64kB ] || ksft_test "64 KiB pages" huge 64
where $KSM "merged pages" merged_pages
ksft_test "swapoff under load" swapoff_under_load
where $CPU "CPUs come and go" cpu_hotplug
ksft_test "a killed process frees its pages" killed
ksft_test "the store is full: nothing is lost" full
ksft_test "the store is full: a hog is killed, its neighbour is not" oom
# It takes its time to fill a machine.
if [ "$LONG" = 1 ]; then
	ksft_test "somebody takes the memory of the machine" fill_up
	ksft_test "it is short for everybody" everywhere
	ksft_test "it runs out" exhausted
fi
ksft_test "swap off" swap_off

# Nobody is to be killed only because writing out takes its time.
echo "${ROOM}M" >$CG/memory.high
echo max >$CG/memory.max
ksft_test "swap on, asynchronous, zstd" swap_on sync=0 comp_algorithm=zstd
# Swap off under load has the one, and the synchronous device the way of the other, through the swap cache.
if [ "$LONG" = 1 ]; then
	ksft_test "anon memory, asynchronous" load anon "$MIB"
	ksft_test "shared until written to, asynchronous" load fork $((MIB / 2))
fi
where $THP "2 MiB pages, asynchronous" huge 2048
ksft_test "swapoff under load, asynchronous" swapoff_under_load 1
ksft_test "swap off again" swap_off
ksft_finished
