#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A noisy neighbour fills the store with what cannot be compressed while a victim swaps its own memory out and in. On
# memcompress, with a limit for the neighbour, no page of the victim is refused; on zram, which has no such limit,
# they are: else the test would prove nothing. For the bench, which names BENCH_IDS, it prints how much longer the
# slowest of 100 faults of the victim takes beside the neighbour, and how many of its pages nobody took.
# The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/swap_lib.sh
. ./swap_lib.sh

CG=/sys/fs/cgroup/kst-mcz-
LIMIT=32M	# of the store
SHARE=12M	# of the neighbour
BENCH=${BENCH_IDS:+1}
PAIRS=${BENCH_PAIRS:-${BENCH:+5}}
PAIRS=${PAIRS:-1}
ROUNDS=$((${VMACCEL_LONG:-0} || ${BENCH:-0} ? 4 : 1))

# victim HOW: sets p99 and kept; the program has checked each of its pages
victim()
{
	local out

	out=$("$LOAD" -c ${CG}victim -r "$ROUNDS" fault 16) || return 1
	ksft_print_msg "$1: ${out//$'\n'/, }"
	p99=$(sed -n 's/.* p99 \([0-9]*\).*/\1/p' <<<"$out")
	kept=$(sed -n 's/^kept //p' <<<"$out")
}

# beside SIDE: sets refused; where no page was taken there is no fault to be measured
beside()
{
	local alone noise pid before r ratio

	victim "$1, alone" || return 1
	alone=$p99
	before=$kept
	"$LOAD" -c ${CG}noise -r 0 -n advice 64 & pid=$!
	kst_wait 60 eval "! no_errors" && victim "$1, beside"
	r=$?
	kill $pid
	wait $pid
	noise=$?
	swap_show
	errors_expected
	refused=$((kept > before ? kept - before : 0))
	if [ -n "$p99" ]; then
		ratio=$((100 * p99 / (alone ? alone : 1)))
		ksft_print_msg "run: id=mc.isolation unit=ratio side=$1" \
			"value=$((ratio / 100)).$(printf %02d $((ratio % 100))) limit=2 peer=zram"
	fi
	ksft_print_msg "run: id=mc.isolation variant=refused unit=pages side=$1 value=$refused limit=0 peer=zram"
	[ $r = 0 ] && [ $noise = 0 ]
}

# The neighbour meets its own limit; the victim gets all of its pages out.
ours()
{
	local refused=0

	echo $SHARE >"$(vm_dir ${CG}noise)/max" && beside ours || return 1
	ksft_print_msg "refused: victim $(vm_stat ${CG}victim refused), neighbour $(vm_stat ${CG}noise refused)"
	[ "$refused" -lt 64 ] && [ "$(vm_stat ${CG}victim refused)" = 0 ] && [ "$(vm_stat ${CG}noise refused)" -gt 0 ]
}

# Some pages are on their way when the kernel is asked to swap them out; so many are not.
peer()
{
	local refused=0

	beside peer && [ "$refused" -ge 64 ]
}

zram()
{
	DEV=/dev/zram0
	SYS=/sys/block/zram0
}

ksft_print_header
kst_need mkswap swapon swapoff
kst_load_stock zram
kst_undo rmmod zram
ksft_set_plan $((6 * PAIRS + ${BENCH:-0}))
cgroup_make ${CG}victim ${CG}noise
swap_init
vm_add ${CG}victim
vm_add ${CG}noise
ours_dev=$DEV
ours_sys=$SYS
for ((pair = 0; pair < PAIRS; pair++)); do
	DEV=$ours_dev
	SYS=$ours_sys
	ksft_test "swap on" swap_on sync=1 mem_limit=$LIMIT
	ksft_test "memcompress" ours
	ksft_test "swap off" swap_off
	zram
	ksft_test "zram: swap on" swap_on mem_limit=$LIMIT
	ksft_test "zram" peer
	ksft_test "zram: swap off" swap_off
done
[ -z "$BENCH" ] || ksft_test mc.isolation [ "$_ksft_fail" = 0 ]
ksft_finished
