#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How long a guest takes to give memory to its host and to get it back, with vmballoon and with virtio_balloon, each in
# the same state of the guest. A run counts only if the host has the memory. BENCH_IDS has the ids to be
# measured, BENCH_PAIRS the number of turns of both. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/qmp.sh
. "$(dirname "$0")/qmp.sh"

MIB=$((1024 * 1024))
SIZE=$((1024 * MIB))
PAIRS=${BENCH_PAIRS:-7}
IDS=(balloon.inflate balloon.deflate balloon.handover balloon.inflate.grab balloon.inflate.cache balloon.inflate.noreport idle.balloon balloon.slowdown)
TOUCHED=/run/vmballoon
TOUCH=$VMACCEL_TOP/build/selftests/balloon/bench_touch
# A target that moves: MS for each slot, MiB that it differs by, and what is done in the slots of a turn: nothing, as
# memory freed before is reported then, at rest, less memory, and all of it.
SLOT=2000
STEP=256
SLOTS=(none rest rest less full less full none rest rest)
# Zeroes, made by tools/bench.sh.
CACHED=$VMACCEL_TOP/build/bench-cache

host_memory()
{
	cat "$VMACCEL_OUT/rss"
}

host_memory_below()
{
	[ "$(host_memory)" -lt "$1" ]
}

# milliseconds BYTES: set the size; until it is reached: MS.
milliseconds()
{
	local start=${EPOCHREALTIME/./} end=$((SECONDS + 120 * ${VM_SLOW:-1})) line=

	balloon_set "$1"
	until [[ $line == *"\"actual\": $1}"* ]]; do
		[ $SECONDS -lt $end ] || return 1
		echo '{"execute":"query-balloon"}' >&"$QMP"
		until [[ $line == '{"return"'* ]]; do
			IFS= read -r -t 60 line <&"$QMP" || return 1
		done
		[[ $line == *"\"actual\": $1}"* ]] || line=
	done
	MS=$(((${EPOCHREALTIME/./} - start) / 1000))
}

# As much as is given away was used once, and is free.
state_free()
{
	head -c $SIZE /dev/zero >$TOUCHED/file && rm $TOUCHED/file && sleep 0.5
}

# Nothing is free, and nothing is in use but for files in memory.
state_cache()
{
	head -c $((full - 512 * MIB)) "$CACHED" >/dev/null && sleep 0.5
}

# driver SIDE [PARAMETER...]: it has the device, and the balloon is empty.
driver()
{
	local side=$1
	shift

	rmmod vmballoon 2>/dev/null
	rmmod virtio_balloon 2>/dev/null
	case $side in
	ours)	balloon_bind vmballoon "$@" ;;
	*)	balloon_bind virtio_balloon ;;
	esac && balloon_to "$full"
}

run_line()
{
	echo "run: id=$1 unit=ms/GiB side=$2 value=$MS peer=virtio_balloon"
}

# What the host has of a machine whose free memory it got back: bytes, IDLE.
find_idle()
{
	driver ours && balloon_to $((full - 2 * SIZE)) && sleep 3 && IDLE=$(host_memory) && balloon_to "$full"
}

# pairs ID STATE MOST [PARAMETER...]: inflate and deflate; ID's figure is of one of them, or of both. After the first the
# host may have MOST bytes, or with a sign that much more or less than before.
pairs()
{
	local id=$1 state=$2 most=$3 side i before gave
	shift 3

	for ((i = 0; i < PAIRS; i++)); do
		for side in ours peer; do
			driver $side "$@" && $state || return 1
			before=0
			[[ $most != [-+]* ]] || before=$(host_memory)
			milliseconds $((full - SIZE)) || return 1
			gave=$MS
			kst_wait 5 host_memory_below $((before + most)) || return 1
			milliseconds "$full" || return 1
			case $id in
			balloon.deflate)	;;
			balloon.handover)	MS=$((gave + MS)) ;;
			*)			MS=$gave ;;
			esac
			run_line "$id" $side
		done
	done
}

# turn_of_slots: what all processors get done at REST and while the target MOVES; REACHED sizes are there in time.
turn_of_slots()
{
	local i size work start line
	local -a rounds

	REACHED=0 REST=0 MOVES=0
	exec {work}< <("$TOUCH" ${#SLOTS[@]} $SLOT)
	read -r -t 60 line <&"$work" && [ "$line" = start ] || return 1
	start=${EPOCHREALTIME/./}
	for ((i = 0; i < ${#SLOTS[@]}; i++)); do
		size=
		case ${SLOTS[i]} in
		less)	size=$((full - STEP * MIB)) ;;
		full)	size=$full ;;
		esac
		[ -z "$size" ] || balloon_set "$size" || return 1
		while [ $((${EPOCHREALTIME/./} - start)) -lt $(((i + 1) * SLOT * 1000)) ]; do
			sleep 0.1
		done
		[ -z "$size" ] || ! balloon_is "$size" || REACHED=$((REACHED + 1))
	done
	read -r -t 60 -a rounds <&"$work" && exec {work}<&- && [ ${#rounds[@]} = ${#SLOTS[@]} ] || return 1
	ksft_print_msg "rounds: ${rounds[*]}"
	for ((i = 0; i < ${#SLOTS[@]}; i++)); do
		case ${SLOTS[i]} in
		rest)		REST=$((REST + rounds[i])) ;;
		less|full)	MOVES=$((MOVES + rounds[i])) ;;
		esac
	done
	[ $REST -gt 0 ] && [ $MOVES -gt 0 ]
}

# How long the guest takes for its work while the target moves, in percent of that while it rests.
slowdown()
{
	local i side

	for ((i = 0; i < PAIRS; i++)); do
		for side in ours peer; do
			driver $side && state_free && turn_of_slots && balloon_to "$full" || return 1
			ksft_print_msg "$side: $REST rounds at rest, $MOVES while it moves, $REACHED of 4 sizes in time"
			ksft_print_msg "run: id=balloon.slowdown unit=% side=$side value=$((REST * 100 / MOVES)) peer=virtio_balloon"
		done
	done
}

# A driver that has a balloon, and is left alone.
idle()
{
	local i side n
	local -A of=([ours]=vmballoon [peer]=virtio_balloon)

	for ((i = 0; i < PAIRS; i++)); do
		for side in ours peer; do
			driver $side && balloon_to $((full - SIZE)) && sleep 1 && n=$(kst_wakeups 5 "${of[$side]}") &&
				balloon_to $full || return 1
			ksft_print_msg "run: id=idle.balloon unit=wakeups/s side=$side value=$n peer=virtio_balloon limit=peer"
		done
	done
}

bench()
{
	local most=$((IDLE + SIZE / 20))

	case $1 in
	idle.balloon)	PAIRS=$(((PAIRS + 1) / 2)) idle ;;
	balloon.slowdown)	PAIRS=$(((PAIRS + 1) / 2)) slowdown ;;
	balloon.inflate.grab)	pairs "$1" state_free $most grab=1 ;;
	balloon.inflate.cache)
		# 512 MiB were free before.
		PAIRS=$(((PAIRS + 1) / 2)) pairs "$1" state_cache -$((SIZE * 2 / 5)) ;;
	balloon.inflate.noreport)
		rmmod vmballoon 2>/dev/null
		rmmod virtio_balloon 2>/dev/null
		# What it had not been given before the host does not get back.
		balloon_replug && PAIRS=$(((PAIRS + 1) / 2)) pairs "$1" state_free +$((SIZE / 20)) &&
			rmmod virtio_balloon && balloon_replug '"free-page-reporting":true' ;;
	*)	pairs "$1" state_free $most ;;
	esac
}

ksft_print_header
kst_need modprobe
qmp_open
mkdir -p $TOUCHED
mount -t tmpfs -o huge=always,size=90% vmballoon $TOUCHED || ksft_exit_fail_msg "no tmpfs"
kst_undo umount $TOUCHED
kst_undo rmmod vmballoon
kst_undo rmmod virtio_balloon
full=$(balloon_actual)
ids=()
for id in "${IDS[@]}"; do
	[[ " ${BENCH_IDS:-${IDS[*]}} " == *" $id "* ]] && ids+=("$id")
done
ksft_set_plan ${#ids[@]}
find_idle || ksft_exit_fail_msg "the balloon does not move"
for id in "${ids[@]}"; do
	ksft_test "$id" bench "$id"
done
ksft_finished
