#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two unmodified QEMU/KVM guests whose memory is squeezed onto memcompress while a program in each fills and checks
# its own: guest a with private memory, guest b with a shared memory file. Each is a VM of memcompress. What they have
# stored is what their cgroups have in swap; one comes to its maximum, which the other does not notice; one is killed;
# swap goes under the one that is left. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/swap_lib.sh
. ./swap_lib.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

CG=/sys/fs/cgroup/kst-vm-
LONG=${VMACCEL_LONG:-0}
export SWAP_SIZE=512M
export GUEST_MEM=$((LONG ? 160 : 128)) GUEST_FILES=$LOAD
MIB=$((LONG ? 24 : 6))		# that the program in a guest works on
LESS=$((LONG ? 64 : 16))	# MiB that each guest loses
GUESTS="a b"
ROUNDS=$((LONG ? 10 : 1))
# Pages that are on their way to the device or from it: a batch of swap for each CPU.
PENDING=$(($(nproc --all) * 64 * 4096))
# One huge page each may have its place in swap and not be written.
UNWRITTEN=$(($(nproc --all) * (2 << 20)))

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

# until_state NAME CONDITION: waits in the guest, which has better things to do than to be asked; prints "round N wrong M"
until_state()
{
	guest_exec "$1" "until read -r what n _ wrong 2>/dev/null </tmp/state && $2; do sleep 0.2; done; cat /tmp/state"
}

# work NAME ROUNDS: the program gets further by that many rounds and has seen nothing wrong.
work()
{
	local state

	state=$(until_state "$1" "[ \$n -ge \${to:=\$((n + $2))} ]")
	case $state in
	*" wrong 0")	return 0 ;;
	esac
	ksft_print_msg "guest $1: '$state'"
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
		until_state "$vm" true >/dev/null || return 1
	done
}

swapped_bytes()
{
	cat "$CG$1/memory.swap.current"
}

# of NAME NUMBER: of its VM's statistics
of()
{
	vm_stat "$CG$1" "$2"
}

# Each write of the limit makes the kernel look for pages once; it spares those that were used lately.
pushed_out()
{
	echo "$2" >"$CG$1/memory.high"
	[ "$(swapped_bytes "$1")" -gt "$3" ]
}

# What is left of its files, of programs and of the kernel that it booted, is no matter.
memory_of()
{
	awk '$1 == "anon" || $1 == "shmem" { sum += $2 } END { print sum }' "$CG$1/memory.stat"
}

relax()
{
	local vm

	for vm; do
		echo max >"$CG$vm/memory.high"
	done
}

# squeeze NAME: it loses so much, and pays for every page it touches.
squeeze()
{
	local now r

	now=$(memory_of "$1")
	kst_wait 30 pushed_out "$1" $((now - (LESS << 20))) $((LESS << 19))
	r=$?
	ksft_print_msg "guest $1: $((now >> 20)) MiB of memory, now $(($(cat "$CG$1/memory.current") >> 20)) MiB in all," \
		"swapped $(($(swapped_bytes "$1") >> 20)) MiB"
	return $r
}

squeeze_all()
{
	local vm

	for vm in $GUESTS; do
		squeeze "$vm" || return 1
	done
	swap_show
	no_errors && work_all "$ROUNDS"
}

qmp_all()
{
	local vm r=0

	for vm in $GUESTS; do
		guest_do "$vm" '{"execute":"'"$1"'"}' || r=1
	done
	return $r
}

# What a VM has stored is what its cgroup has in swap, but for pages of zeroes: Linux 6.12 makes a note of these and
# writes nothing, and counts how many there have ever been.
same_as_cgroup()
{
	local have want zero

	have=$(of "$1" orig_bytes) want=$(swapped_bytes "$1")
	zero=$(awk '$1 == "swpout_zero" { print $2 * 4096 }' "$CG$1/memory.stat")
	[ "$have" -le $((want + PENDING)) ] && [ "$have" -ge $((want - zero - PENDING - UNWRITTEN)) ] &&
		[ "$have" -gt $((4 << 20)) ]
}

# The directories of all VMs, and of the rest of the host, add up to the device.
all_add_up()
{
	local sum

	sum=$(cat $VMS/vms/*/stat | awk '$1 == "orig_bytes" { sum += $2 } END { print sum }')
	[ "$sum" = "$(column mm_stat 1)" ] && return
	ksft_print_msg "all have stored $sum bytes, the device $(column mm_stat 1)"
	return 1
}

consistent()
{
	local vm r=0

	qmp_all stop || r=1
	for vm in $GUESTS; do
		kst_wait 10 same_as_cgroup "$vm" || r=1
		ksft_print_msg "guest $vm has stored $(of "$vm" orig_bytes) bytes, $(swapped_bytes "$vm") in swap"
	done
	all_add_up || r=1
	qmp_all cont || r=1
	return $r
}

# push NAME: some more of its memory goes out
push()
{
	echo $(($(cat "$CG$1/memory.current") - (4 << 20))) >"$CG$1/memory.high"
}

above()
{
	[ "$(of "$1" "$2")" -gt "$3" ]
}

# push_until NAME WHAT COUNT: till a number of its statistics is above that. Where pages are refused the kernel tries
# all of them over and over, unless it is told to stop.
push_until()
{
	local pid r

	while :; do
		push "$1"
	done & pid=$!
	kst_wait 30 above "$@"
	r=$?
	kill $pid
	wait $pid 2>/dev/null
	relax "$1"
	return $r
}

# Guest a may take no more of the host's memory: what goes out now is written through till the backing device is full,
# then refused. It goes on all the same, and b swaps beside it as if nothing were.
at_maximum()
{
	local dir stores r=0

	dir=$(vm_dir ${CG}a)
	stores=$(of b stores)
	of a charged_bytes >"$dir/max" || return 1
	push_until a refused 0 && push_until b stores $((stores + 256)) && work_all "$ROUNDS" || r=1
	ksft_print_msg "guest a: spilled $(of a spilled), refused $(of a refused), $(of a charged_bytes) of $(cat "$dir/max");" \
		"guest b: stored $(($(of b stores) - stores)) pages meanwhile"
	echo max >"$dir/max"
	[ "$(of a spilled)" -gt 0 ] && [ "$(of a refused)" -gt 0 ] || r=1
	[ "$(column io_stat 1)" = 0 ] && [ "$(column io_stat 2)" -gt 0 ] || r=1
	errors_expected
	harmed b && r=1
	return $r
}

# Has anything of the VM been refused, written through or lost?
harmed()
{
	local name n

	for name in refused spilled bad_sum io_errors; do
		n=$(of "$1" $name)
		[ "$n" = 0 ] || { ksft_print_msg "guest $1: $name $n"; return 0; }
	done
	return 1
}

# Its pages are free, but for slots that the kernel frees lazily.
killed()
{
	ksft_print_msg "guest b has stored $(($(of b orig_bytes) >> 20)) MiB"
	guest_kill b || return 1
	GUESTS=a
	kst_wait 30 eval "[ \$(of b orig_bytes) -le $PENDING ] && [ \$(swapped_bytes b) -le $PENDING ]"
}

# Everything comes back while guests run; what is stored is what mkswap wrote.
swap_goes()
{
	relax $GUESTS
	swapoff "$DEV" && [ "$(column mm_stat 1)" -lt 65536 ] && no_errors && work_all 1
}

# The program ends; it checks all pages once more.
verify()
{
	local state

	state=$(guest_exec a "kill \$(cat /tmp/pid)" && until_state a "[ \$what = \"done\" ]")
	ksft_print_msg "guest a: $state"
	case $state in
	*" wrong 0")	;;
	*)		return 1 ;;
	esac
	swap_show
	no_errors && [ "$(of a bad_sum)" = 0 ] && [ "$(of a io_errors)" = 0 ]
}

ksft_print_header
kst_need qemu-system-x86_64 mkswap swapon swapoff
ksft_set_plan $((LONG ? 13 : 10))
# A backing device that has an end.
kst_null_blk 1
swap_init
cgroup_make ${CG}a ${CG}b
vm_add ${CG}a
vm_add ${CG}b

ksft_test "swap on" swap_on backing_dev=/dev/nullb0 comp_algorithm=lz4
ksft_test "two guests boot" boot_both
ksft_test "their programs fill memory" fill
if [ "$LONG" = 1 ]; then
	ksft_test "they are squeezed for the first time" squeeze_all
	ksft_test "they get it back, and swap goes" swap_goes
	ksft_test "swap comes again" swapon -p 100 "$DEV"
fi
ksft_test "their memory is squeezed while they check it" squeeze_all
ksft_test "their statistics are those of their cgroups" consistent
ksft_test "one at its maximum, the other does not notice" at_maximum
ksft_test "a killed guest leaves nothing behind" killed
ksft_test "the other gets its memory back, and swap goes" swap_goes
ksft_test "it has all of its memory" verify
guest_stop a
ksft_test "the device goes" kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null
ksft_finished
