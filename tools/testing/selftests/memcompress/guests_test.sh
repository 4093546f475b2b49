#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two unmodified QEMU/KVM guests whose memory is squeezed onto memcompress while a program in each fills and checks
# its own: one with private memory, one with a shared memory file. Then they get it back, swap goes and comes under
# them, and one is killed. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/swap_lib.sh
. ./swap_lib.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

export GUEST_MEM=160 GUEST_FILES=$LOAD
CG=/sys/fs/cgroup/kst-vm-
export SWAP_SIZE=512M
MIB=24		# that the program in a guest works on
GUESTS="a b"
ROUNDS=$((${VMACCEL_LONG:-0} ? 10 : 1))

# boot NAME [QEMU ARGUMENT...]: all memory of QEMU belongs to the cgroup from the start.
boot()
{
	(
		echo $BASHPID >"$CG$1/cgroup.procs"
		guest_start "$@"
	)
}

boot_both()
{
	boot a &&
		boot b -object "memory-backend-memfd,id=ram,size=${GUEST_MEM}M,share=on" -machine memory-backend=ram ||
		return 1
	kst_undo guest_kill a
	kst_undo guest_kill b
	guest_wait a && guest_wait b
}

# state NAME: "round N wrong M"; field N or M
state()
{
	guest_exec "$1" 'cat /tmp/state 2>/dev/null' | awk -v field="$2" '{ print $field }'
}

reached()
{
	local n

	n=$(state "$1" 2) && [ "${n:--1}" -ge "$2" ]
}

# work NAME ROUNDS: the program gets further by that many rounds and has seen nothing wrong.
work()
{
	local from

	from=$(state "$1" 2) && kst_wait 60 reached "$1" $((from + $2)) && [ "$(state "$1" 4)" = 0 ] && return
	ksft_print_msg "guest $1: state '$(guest_exec "$1" 'cat /tmp/state /tmp/load')'"
	guest_log "$1" | tail -n 20
	return 1
}

work_all()
{
	local vm

	for vm in $GUESTS; do
		work "$vm" "$1" || return 1
	done
}

fill()
{
	local vm

	for vm in $GUESTS; do
		guest_exec "$vm" "swap_load -r 0 -s /tmp/state anon $MIB >/tmp/load 2>&1 </dev/null & echo \$! >/tmp/pid" ||
			return 1
	done
	for vm in $GUESTS; do
		kst_wait 30 reached "$vm" 0 || return 1
	done
}

swapped_bytes()
{
	cat "$CG$1/memory.swap.current"
}

# Each write of the limit makes the kernel look for pages once; it spares those that were used lately.
pushed_out()
{
	echo "$2" >"$CG$1/memory.high"
	[ "$(swapped_bytes "$1")" -gt "$3" ]
}

# squeeze MIB: each guest loses so much, and pays for every page it touches.
squeeze()
{
	local vm now r=0

	for vm in $GUESTS; do
		# What is left of its files, of programs and of the kernel that it booted, is no matter.
		now=$(awk '$1 == "anon" || $1 == "shmem" { sum += $2 } END { print sum }' "$CG$vm/memory.stat")
		kst_wait 30 pushed_out "$vm" $((now - ($1 << 20))) $(($1 << 19)) || r=1
		ksft_print_msg "guest $vm: $((now >> 20)) MiB of memory, now $(($(cat "$CG$vm/memory.current") >> 20)) MiB in all," \
			"swapped $(($(swapped_bytes "$vm") >> 20)) MiB"
	done
	swap_show
	[ $r = 0 ] && no_errors
}

squeezed()
{
	squeeze 64 && work_all "$ROUNDS"
}

relax()
{
	local vm

	for vm in $GUESTS; do
		echo max >"$CG$vm/memory.high"
	done
}

# Everything comes back while the guests run; what is stored is what mkswap wrote.
swap_goes()
{
	relax
	swapoff "$DEV" && [ "$(column mm_stat 1)" -lt 65536 ] && no_errors && work_all 1
}

killed()
{
	local before

	before=$(column mm_stat 1)
	squeeze 64 || return 1
	before=$(swapped_bytes a)
	guest_kill a || return 1
	GUESTS=b
	ksft_print_msg "guest a had $((before >> 20)) MiB in swap"
	kst_wait 30 eval "[ \$(swapped_bytes a) -lt $((1 << 20)) ]" || return 1
	# Its memory may come back, but only as the guest touches it.
	relax
	work b "$ROUNDS"
}

# What is stored is what the guest that is left has in swap, but for slots that the kernel frees lazily.
slots_freed()
{
	local stored used

	stored=$(column mm_stat 1)
	used=$(swapped_bytes b)
	ksft_print_msg "stored $((stored >> 20)) MiB, guest b has swapped $((used >> 20)) MiB"
	[ $((stored - used)) -lt $((4 << 20)) ]
}

# The program ends; it checks all pages once more.
verify()
{
	guest_exec b "kill \$(cat /tmp/pid)" && kst_wait 30 finished && [ "$(state b 4)" = 0 ] && swap_show && no_errors
}

finished()
{
	[ "$(state b 1)" = "done" ]
}

ksft_print_header
kst_need qemu-system-x86_64 mkswap swapon swapoff
ksft_set_plan 10
swap_init
cgroup_make ${CG}a ${CG}b

ksft_test "swap on" swap_on
ksft_test "two guests boot" boot_both
ksft_test "their programs fill memory" fill
ksft_test "their memory is squeezed while they check it" squeezed
ksft_test "they get it back, and swap goes" swap_goes
ksft_test "swap comes again" swapon -p 100 "$DEV"
ksft_test "squeezed again; one is killed, the other goes on" killed
ksft_test "the memory of the killed guest is free" kst_wait 20 slots_freed
ksft_test "the other has all of its memory" verify
relax
guest_stop b
ksft_test "swap off" swap_off
ksft_finished
