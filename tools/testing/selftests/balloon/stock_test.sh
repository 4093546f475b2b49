#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Nested guests with the stock driver and no vsock, which vmaccel lets take part in vmballoon_host's policy, judged by
# the memory of their cgroups. In the long form there are two: what the one does not use goes to the other, and they
# reboot, sleep and die. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

VMACCEL=$VMACCEL_TOP/build/tools/vmaccel
LONG=${VMACCEL_LONG:-0}
# Of a guest; what it allocates and frees at first, so that the host has it; what the first is to have alone, and both
# when they are idle: MiB.
export GUEST_MEM=256 GUEST_APPEND="suspend.pm_test_delay=1"
USED=128
ALONE=200
if [ "$LONG" != 0 ]; then
	GUEST_MEM=384
	USED=220
	ALONE=280
fi
EACH=280
RAM=$((GUEST_MEM * MIB))

# make_vm NAME NUMBER: of a guest to come.
make_vm()
{
	if ! cgroup_make $1 || ! vm_add $2 $GUEST_MEM $1; then
		ksft_exit_fail_msg "no VM $2"
	fi
	# The kernel that the guest was started from, and QEMU itself.
	echo 128M >"$SYS/vms/$2/overhead"
}

# start_guest NAME NUMBER: not yet up.
start_guest()
{
	start_in $1 guest_start $1 -device virtio-balloon-pci -qmp "unix:$DIR/$2.sock,server=on,wait=off" && kst_undo guest_kill $1
}

# load NAME: its driver, and room for files.
load()
{
	guest_exec $1 'insmod /bin/virtio_balloon.ko && mkdir -p /use && mount -t tmpfs -o size=95% none /use'
}

# starts NAME NUMBER
starts()
{
	start_guest $1 $2 && guest_wait $1 && load $1
}

# speaks NAME NUMBER: vmaccel finds it, and the host hears what it needs.
speaks()
{
	guest_exec $1 "dd if=/dev/zero of=/use/file bs=1M count=$USED 2>/dev/null && rm /use/file" || return 1
	kst_wait 30 vm_has $2 need -lt $((RAM - 8 * MIB)) && kst_wait 10 vm_has $2 measured -gt $((USED * MIB * 3 / 4)) || return 1
	vm_is $2 link none && vm_is $2 held 0 && balloon_is $1 $RAM
}

begins()
{
	"$VMACCEL" balloon --dir "$DIR" --verbose >"$DIR/log" 2>&1 &
	SERVICE=$!
	kst_undo kill $SERVICE
	speaks a 7
}

say()
{
	"$VMACCEL" balloon status | sed 's/^/# /'
}

in_memory_below()
{
	[ "$(in_memory "$1")" -lt "$2" ]
}

in_memory_above()
{
	[ "$(in_memory "$1")" -gt "$2" ]
}

# balloon_at GUEST OPERATOR BYTES
balloon_at()
{
	test "$(balloon_actual "$1")" "$2" "$3"
}

# Its size is its order, and the host knows.
gives()
{
	local before

	before=$(in_memory a)
	leave $ALONE
	if ! kst_wait 60 balloon_at a -le $(((ALONE + 24) * MIB)) || ! kst_wait 30 vm_has 7 size -le $(((ALONE + 24) * MIB)) ||
	   ! kst_wait 30 in_memory_below a $((before - 16 * MIB)); then
		say
		return 1
	fi
	say
	ksft_print_msg "the host's memory: $((before / MIB)) MiB, then $(($(in_memory a) / MIB))"
}

# There is enough: the guest has all, and can use it.
gets_back()
{
	local before

	echo 0 >$SYS/reserve
	kst_wait 60 balloon_is a $RAM && kst_wait 30 vm_is 7 held 0 || return 1
	before=$(in_memory a)
	guest_exec a "dd if=/dev/zero of=/use/file bs=1M count=$USED 2>/dev/null && rm /use/file" || return 1
	in_memory_above a $((before + 16 * MIB))
}

# Both are idle: each gives the same, but for a band of 16 MiB, and what others on the host take and free.
divided()
{
	leave $((2 * EACH)) && kst_wait 60 both_rest $(((EACH + 48) * MIB)) && say && return
	say
	return 1
}

both_have()
{
	vm_has 7 size -le $1 && vm_has 8 size -le $1 && balloon_at a -le $1 && balloon_at b -le $1
}

both_rest()
{
	both_have $1 && vm_is 7 state settled && vm_is 8 state settled
}

# The guest writes that much to memory, whenever there is room.
busy()
{
	guest_exec $1 "(i=0; while [ \$i -lt $(($2 / 4)) ]; do
			[ \$(awk '/^MemAvailable:/ { print \$2 }' /proc/meminfo) -gt 32768 ] || { sleep 0.1; continue; }
			dd if=/dev/urandom of=/use/\$i bs=1M count=4 2>/dev/null; i=\$((i + 1))
		done; touch /use/done) >/dev/null 2>&1 &"
}

written()
{
	guest_exec $1 '[ -e /use/done ]'
}

no_oom()
{
	! guest_exec $1 dmesg | grep -aE 'Out of memory|invoked oom-killer'
}

# handed_over FROM NUMBER TO NUMBER: what the one needs it gets from the other, which needs less.
handed_over()
{
	local gave got less=$(($(balloon_actual $1) - 24 * MIB)) more=$(($(balloon_actual $3) + 24 * MIB))

	gave=$(in_memory $1) got=$(in_memory $3)
	busy $3 180
	if ! kst_wait 60 written $3 || ! kst_wait 30 balloon_at $3 -ge $more || ! kst_wait 30 balloon_at $1 -le $less ||
	   ! kst_wait 30 in_memory_above $3 $((got + 24 * MIB)) || ! kst_wait 30 in_memory_below $1 $((gave - 16 * MIB)); then
		say
		return 1
	fi
	say
	ksft_print_msg "the host's memory: $1 had $((gave / MIB)) MiB, has $(($(in_memory $1) / MIB)), $3 $((got / MIB)), $(($(in_memory $3) / MIB))"
	no_oom $1 && no_oom $3
}

# The other way round.
back_again()
{
	guest_exec b 'rm /use/*' && handed_over b 8 a 7
}

# The device still asks for the size of before; what the guest said before counts no more.
reboots()
{
	guest_reboot a && kst_wait 30 vm_is 7 report "$RAM 0 0 0" && load a || return 1
	kst_wait 60 vm_has 7 need -lt $((RAM - 8 * MIB)) && kst_wait 60 both_have $(((EACH + 64) * MIB)) && no_oom a
}

# Its balloon is empty meanwhile.
sleeps()
{
	guest_keep a && guest_sleep a && kst_wait 60 both_have $(((EACH + 64) * MIB)) && guest_kept a && no_oom a
}

# Longer than a silent guest is believed: it is as it was.
pauses()
{
	local need

	guest_do b '{"execute":"stop"}' >/dev/null && need=$(vm 8 need) && sleep 15 || return 1
	vm_has 8 need -lt $((need + 32 * MIB)) && vm_has 8 need -lt $RAM && guest_do b '{"execute":"cont"}' >/dev/null || return 1
	guest_exec b true
}

# It leaves nothing, and what it had is the other's.
dies()
{
	guest_kill a && kst_wait 30 vm_is 7 report "$RAM 0 0 0" && kst_wait 30 vm_is 7 held 0 || return 1
	echo 7 >$SYS/remove
	kst_wait 60 balloon_at b -ge $(((EACH + 24) * MIB))
}

ends()
{
	kill $SERVICE && wait $SERVICE
}

ksft_print_header
kst_need awk qemu-system-x86_64
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
[ -x "$VMACCEL" ] || ksft_exit_fail_msg "no vmaccel: make -C tools/vmaccel"
DIR=$(mktemp -d)
GUEST_FILES=$(guest_modules "$DIR" virtio_balloon) || ksft_exit_fail_msg "no module for the guests"
export GUEST_FILES
ksft_set_plan $((LONG ? 14 : 5))
kst_load vmballoon_host
make_vm a 7
ksft_test "a guest with the stock driver" starts a 7
ksft_test "what it needs" begins
ksft_test "it gives" gives
ksft_test "it gets back" gets_back
if [ "$LONG" != 0 ]; then
	make_vm b 8
	ksft_test "another guest" starts b 8
	ksft_test "what that needs" speaks b 8
	ksft_test "both are idle" divided
	ksft_test "from the idle to the busy" handed_over a 7 b 8
	ksft_test "and back" back_again
	guest_exec a 'rm /use/*'
	ksft_test "reboot" reboots
	ksft_test "sleep" sleeps
	ksft_test "pause" pauses
	ksft_test "a guest that is killed" dies
fi
ksft_test "the service ends" ends
sed 's/^/# /' "$DIR/log"
ksft_finished
