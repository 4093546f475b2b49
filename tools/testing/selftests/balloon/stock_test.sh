#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A nested guest with the stock driver and no vsock, which vmaccel lets take part in vmballoon_host's policy, judged by
# the memory of its cgroup. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

VMACCEL=$VMACCEL_TOP/build/tools/vmaccel
# Of the guest; what it allocates and frees at first, so that the host has it; what it is to have: MiB.
export GUEST_MEM=256 GUEST_APPEND=
USED=128
KEEP=200
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

# leave MIB: to the VMs; all else is the host's.
leave()
{
	local vm sum=0

	for vm in "$SYS"/vms/*; do
		sum=$((sum + $(cat "$vm/measured")))
	done
	echo $(($(kst_meminfo MemAvailable) + sum - $1 * MIB)) >$SYS/reserve
}

say()
{
	"$VMACCEL" balloon status | sed 's/^/# /'
}

# in_memory NAME: what the host has of it.
in_memory()
{
	cat "$CG/$1/memory.current"
}

in_memory_below()
{
	[ "$(in_memory $1)" -lt "$2" ]
}

in_memory_above()
{
	[ "$(in_memory $1)" -gt "$2" ]
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
	leave $KEEP
	if ! kst_wait 60 balloon_at a -le $(((KEEP + 24) * MIB)) || ! kst_wait 30 vm_has 7 size -le $(((KEEP + 24) * MIB)) ||
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
ksft_set_plan 5
kst_load vmballoon_host
make_vm a 7
ksft_test "a guest with the stock driver" starts a 7
ksft_test "what it needs" begins
ksft_test "it gives" gives
ksft_test "it gets back" gets_back
ksft_test "the service ends" ends
sed 's/^/# /' "$DIR/log"
ksft_finished
