#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail. Each one that a set-up makes, in turn: the step then fails as a whole, and the next try succeeds.
# Then at random, those that may not wait, while processes swap: no page is lost. Leaks are for kmemleak to find.
# Needs fault injection, which distribution kernels lack: tools/testing/debug/run.sh. The functions are called
# through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/swap_lib.sh
. ./swap_lib.sh

FAULT=/sys/kernel/debug
NTH=/proc/self/fail-nth
CG=/sys/fs/cgroup/kst-mcz
ROUNDS=$((${VMACCEL_LONG:-0} ? 20 : 2))

# inject WAIT: also (N) or only not (Y) those that may wait; pages of any order
inject()
{
	local kind

	for kind in failslab fail_page_alloc; do
		echo "$1" >$FAULT/$kind/ignore-gfp-wait
		echo 0 >$FAULT/$kind/verbose
	done
	echo 0 >$FAULT/fail_page_alloc/min-order
}

# arm N, armed: the N-th allocation of this process fails; sets left to what is left of N, and ends it. The files
# are open before, so that only what lies between counts.
arm()
{
	exec 4>$NTH
	exec 5<$NTH
	echo "$1" >&4
}

armed()
{
	read -r left <&5
	echo 0 >&4
}

# write_failing VALUE FILE N: does it go in while the N-th allocation fails? Sets left.
write_failing()
{
	local r

	left=$(
		exec 2>/dev/null 3>"$2" || exit
		arm "$3"
		printf '%s\n' "$1" >&3
		r=$?
		armed
		echo "$left"
		exit $r
	)
	r=$?
	left=${left:-0}
	return $r
}

# every_failure FILE VALUE UNDO-FILE UNDO-VALUE: until no allocation is left to fail; some failure must be seen
every_failure()
{
	local nth left failed=0

	for ((nth = 1; nth < 4000; nth++)); do
		if write_failing "$2" "$1" "$nth"; then
			echo "$4" >"$3" || return 1
		else
			failed=$((failed + 1))
		fi
		[ "$left" = 0 ] || break
	done
	ksft_print_msg "$((nth - 1)) allocations failed, of them $failed with an error"
	[ $nth -lt 4000 ] && [ $failed -gt 0 ] && echo "$2" >"$1" && echo "$4" >"$3"
}

# Devices beside the test's own: a failure to tell the number comes after the device was made.
remove_others()
{
	local dev

	for dev in /sys/block/memcompress*; do
		[ "$dev" = "$SYS" ] || echo "${dev#/sys/block/memcompress}" >"$SWAP_CONTROL/hot_remove" || return 1
	done
}

hot_add()
{
	local nth left failed=0

	for ((nth = 1; nth < 4000; nth++)); do
		left=$(
			exec 2>/dev/null 3<"$SWAP_CONTROL/hot_add" || exit
			arm "$nth"
			read -r id <&3
			armed
			echo "$left"
			[ -n "$id" ]
		) || failed=$((failed + 1))
		remove_others || return 1
		[ "${left:-0}" = 0 ] || break
	done
	ksft_print_msg "$((nth - 1)) allocations failed, of them $failed with an error"
	[ $nth -lt 4000 ] && [ $failed -gt 0 ]
}

# SLUB forgets the name of a cache that it could not show in sysfs: what is lost begins with "zs_handle-", "zspage-".
leaks()
{
	local file=/sys/kernel/debug/kmemleak lost

	[ -e $file ] || return 0
	echo scan >$file
	sleep 6
	echo scan >$file
	lost=$(<$file)
	echo clear >$file
	awk '/^unreferenced/ { n++ } /^ *7a 73 5f 68 61 6e 64 6c 65 2d/ || /^ *7a 73 70 61 67 65 2d/ { n--; slub++ }
		END { print "# " n + 0 " objects lost, and " slub + 0 " by SLUB"; exit n != 0 }' <<<"$lost" && return
	echo "$lost"
	return 1
}

# at_random KIND: the kernel's own allocations that may not wait fail, too
at_random()
{
	local kind r

	errors_expected
	log_quiet
	for kind in failslab fail_page_alloc; do
		echo 10 >$FAULT/$kind/probability
		echo -1 >$FAULT/$kind/times
	done
	"$LOAD" -c $CG -r "$ROUNDS" "$1" 24
	r=$?
	for kind in failslab fail_page_alloc; do
		echo 0 >$FAULT/$kind/probability
	done
	log_over
	swap_show
	[ $r = 0 ] && ! no_errors && [ "$(column io_stat 1)" = 0 ]
}

# Nothing stuck: the same without failures.
after()
{
	errors_expected
	"$LOAD" -c $CG -r 1 anon 24 && no_errors
}

# write_page N: to the device; while FAILING=1 no page can be had for it
write_page()
{
	local pid r fifo="$TMP/fifo"

	mkfifo "$fifo" || return 1
	dd if="$fifo" of="$DEV" bs=4k count=1 iflag=fullblock oflag=direct seek="$1" 2>/dev/null & pid=$!
	exec 6>"$fifo"
	if [ "${FAILING:-0}" = 1 ]; then
		echo 1 >/proc/$pid/make-it-fail
		echo 100 >$FAULT/fail_page_alloc/probability
		echo -1 >$FAULT/fail_page_alloc/times
	fi
	head -c 4096 "$TMP/page" >&6
	exec 6>&-
	wait "$pid"
	r=$?
	echo 0 >$FAULT/fail_page_alloc/probability
	rm "$fifo"
	return $r
}

# A page of the slot table is missing: a write error, also where a backing device would take the page.
no_table()
{
	local r=0 TMP

	TMP=$(mktemp -d) && head -c 4096 /dev/urandom >"$TMP/page" || return 1
	inject N
	log_quiet
	echo Y >$FAULT/fail_page_alloc/task-filter
	echo /dev/nullb0 >"$SYS/backing_dev" && echo 4K >"$SYS/mem_limit" && echo 64M >"$SYS/disksize" || r=1
	write_page 0 || r=1
	FAILING=1 write_page 1 || r=1
	FAILING=1 write_page 1024 && r=1
	write_page 1024 || r=1
	log_over
	echo N >$FAULT/fail_page_alloc/task-filter
	cmp -n 4096 -i $((1024 * 4096)):0 "$DEV" "$TMP/page" || r=1
	swap_show
	[ "$(column io_stat 2)" = 1 ] && echo 1 >"$SYS/reset" || r=1
	rm -r "$TMP"
	return $r
}

ksft_print_header
kst_need mkswap swapon swapoff
[ -e $NTH ] || ksft_exit_skip "no fault injection in this kernel"
ksft_set_plan 10
swap_init
cgroup_make $CG
echo 8M >$CG/memory.high

inject N
log_quiet
ksft_test "a new device" hot_add
ksft_test "its disk size" every_failure "$SYS/disksize" 64M "$SYS/reset" 1
ksft_test "no leak" leaks
log_over
inject Y
ksft_test "swap on" swap_on sync=1
for kind in anon fork advice; do
	ksft_test "$kind memory" at_random $kind
done
ksft_test "and without failures" after
ksft_test "swap off" swap_off
kst_null_blk 64
ksft_test "no page for the slot table" no_table
ksft_finished
