#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What may become of a nested guest while vmballoon has memory of it, with grab=1: sleep, a driver that goes at any moment,
# a machine that is stopped, a state that is saved and restored. And a kernel in which free memory must not be
# grabbed. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

RAM=$((448 * MIB))
LESS=$((RAM - 96 * MIB))
LONG=${VMACCEL_LONG:-0}
export GUEST_MEM=448 GUEST_APPEND="suspend.pm_test_delay=1"
DEVICES=(-device "virtio-balloon-pci,id=balloon0,free-page-reporting=on")

# to GUEST BYTES
to()
{
	guest_do $1 '{"execute":"balloon","arguments":{"value":'"$2"'}}' >/dev/null && kst_wait 30 balloon_is $1 $2 && return
	ksft_print_msg "guest $1 has $(balloon_actual $1) bytes and is to have $2"
	return 1
}

# file GUEST FILE: of the driver.
file()
{
	guest_exec $1 "cat /sys/bus/virtio/drivers/vmballoon/virtio*/$2"
}

# use GUEST MIB: memory that is then free, and that the host has.
use()
{
	guest_exec $1 "dd if=/dev/zero of=/use/file bs=1M count=$2 2>/dev/null && rm /use/file"
}

healthy()
{
	! guest_exec $1 'dmesg -c' | grep -aE 'BUG|WARNING|Oops|Call Trace|Bad page|Out of memory' | sed 's/^/# guest: /' | grep .
}

# starts GUEST
starts()
{
	guest_start $1 "${DEVICES[@]}" && kst_undo guest_kill $1 && guest_wait $1 &&
		guest_exec $1 'mkdir /use && mount -t tmpfs -o size=95% none /use && insmod /bin/vmballoon.ko grab=1 && dmesg -c >/dev/null' && balloon_is $1 $RAM
}

grabs()
{
	local before

	before=$(file $1 grabbed)
	use $1 240 && to $1 $LESS && [ "$(file $1 grabbed)" -gt "$before" ] && return
	ksft_print_msg "$(file $1 grabbed) blocks grabbed, $before before"
	return 1
}

# It is given back for the time of sleep, and grabbed or allocated again.
sleeps()
{
	guest_keep a && grabs a && guest_sleep a && kst_wait 30 balloon_is a $LESS && guest_kept a && healthy a || return 1
	ksft_print_msg "$(file a grabbed) blocks as they were, $(file a blocks) in the balloon"
	to a $RAM && use a 200 && guest_kept a && healthy a
}

# While it grabs, inflates, deflates.
unloads()
{
	local i

	for ((i = 0; i < (LONG ? 40 : 8); i++)); do
		use a 100 && guest_do a '{"execute":"balloon","arguments":{"value":'$((i % 4 == 3 ? RAM : LESS))'}}' >/dev/null || return 1
		sleep 0.$((RANDOM % 3))$((RANDOM % 10))
		guest_exec a 'rmmod vmballoon' && balloon_is a $RAM && guest_exec a 'insmod /bin/vmballoon.ko grab=1' || return 1
	done
	to a $RAM && use a 200 && guest_kept a && healthy a
}

# Nothing moves until it goes on.
stops()
{
	guest_do a '{"execute":"stop"}' >/dev/null && guest_do a '{"execute":"balloon","arguments":{"value":'$LESS'}}' >/dev/null &&
		sleep 1 && balloon_is a $RAM && guest_do a '{"execute":"cont"}' >/dev/null && kst_wait 30 balloon_is a $LESS &&
		to a $RAM && guest_kept a && healthy a
}

saved()
{
	[ "$(guest_migration a)" = completed ]
}

running()
{
	guest_in b running
}

# What it has in the balloon is not in the state, and is its own again there when it is deflated.
restores()
{
	local size

	grabs a && guest_do a '{"execute":"migrate","arguments":{"uri":"exec:cat >'$DIR/state'"}}' >/dev/null && kst_wait 100 saved &&
		guest_kill a || return 1
	size=$(stat -c %s $DIR/state)
	guest_start b -incoming "exec:cat $DIR/state" "${DEVICES[@]}" && kst_undo guest_kill b && kst_wait 60 running || return 1
	rm $DIR/state
	ksft_print_msg "$((size / MIB)) MiB of state"
	balloon_is b $LESS && guest_wait b && guest_kept b && to b $RAM && use b 200 && grabs b && to b $RAM && guest_kept b && healthy b
}

# Freed memory is zero there, and must be when it is allocated.
refuses()
{
	local GUEST_APPEND=init_on_free=1

	guest_kill b && starts c && ! grabs c && [ "$(file c grabbed)" = 0 ] && [ "$(file c blocks)" = 48 ] && to c $RAM && use c 200 && healthy c
}

ksft_print_header
kst_need awk qemu-system-x86_64
DIR=$(mktemp -d /run/vmballoon.XXXXXX)
kst_undo rm -r "$DIR"
GUEST_FILES=$(kst_ko vmballoon) || ksft_exit_fail_msg "no vmballoon.ko"
export GUEST_FILES
ksft_set_plan 6
ksft_test "a guest that grabs" starts a
ksft_test "sleep" sleeps
ksft_test "unload at any moment" unloads
ksft_test "stop and continue" stops
ksft_test "saved and restored" restores
ksft_test "refused where freed memory is zeroed" refuses
ksft_finished
