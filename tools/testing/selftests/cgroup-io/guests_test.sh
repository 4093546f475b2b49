#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two unmodified QEMU/KVM guests, each with a disk of its own in one pool, in cgroups as systemd and libvirt make them:
# the scope has the weight, and what QEMU sends is seen in a cgroup below. A program in each guest writes its disk and
# checks what it reads, as they get their parts, lose the disk under load and get it back, and are killed. The
# functions are called through ksft_test.
# shellcheck disable=SC2016,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

LOWER=/dev/nullb0
SECTORS=65536			# of a guest's disk
SAMPLE=$((${VMACCEL_LONG:-0} ? 400 : 80))	# requests that are counted
DRIVERS=/run/vmio-guest
declare -A START=([a]=0 [b]=$SECTORS)

# scope NAME: its cgroup, as seen from VM_ROOT
scope()
{
	echo "machine.slice/machine-qemu-$1.scope"
}

# layout NAME: as systemd-machined and libvirt make it; vCPUs and the rest of QEMU have threaded cgroups
layout()
{
	local dir

	dir=$VM_ROOT/$(scope "$1")
	mkdir -p "$dir/libvirt/emulator" "$dir/libvirt/vcpu0" && echo threaded >"$dir/libvirt/emulator/cgroup.type" &&
	echo threaded >"$dir/libvirt/vcpu0/cgroup.type" && echo +io >"$VM_ROOT/machine.slice/cgroup.subtree_control" &&
	echo +io >"$dir/cgroup.subtree_control"
}

# disk NAME: a part of the lower disk
disk()
{
	vmio_dm "vmio-$1" "$(vmio_table "$SECTORS" "$LOWER" pool=guests "offset=${START[$1]}" window=1)"
}

no_disk()
{
	vmio_no_dm "vmio-$1"
}

# guest_drivers: those of the disk, in the order of loading; of this kernel, as the guests have the same
guest_drivers()
{
	local file name

	mkdir -p "$DRIVERS"
	for file in $(modprobe --show-depends virtio_blk | awk '$1 == "insmod" { print $2 }'); do
		name=$(basename "${file%.xz}")
		case $file in
		*.xz)	xz -dc "$file" >"$DRIVERS/$name" ;;
		*)	cp "$file" "$DRIVERS/$name" ;;
		esac
		GUEST_FILES+=" $DRIVERS/$name"
		LOAD_DRIVERS+="insmod /bin/$name 2>/dev/null; "
	done
}

blockdev_of()
{
	echo "driver=host_device,node-name=disk,filename=/dev/mapper/vmio-$1,aio=native,cache.direct=on"
}

# boot NAME: all that QEMU does counts for its scope.
boot()
{
	(
		echo "$BASHPID" >"$VM_ROOT/$(scope "$1")/libvirt/cgroup.procs" || exit 1
		guest_start "$1" -name "$1,debug-threads=on" -object iothread,id=io -blockdev "$(blockdev_of "$1")" \
			-device virtio-blk-pci,drive=disk,id=disk0,iothread=io
	)
}

# spread NAME: its threads go to where libvirt puts them
spread()
{
	local dir pid task

	dir=$VM_ROOT/$(scope "$1")/libvirt
	pid=$(guest_pid "$1")
	echo "$pid" >"$dir/emulator/cgroup.procs" || return 1
	for task in "/proc/$pid/task"/*; do
		case $(<"$task/comm") in
		"CPU 0/KVM")	echo "${task##*/}" >"$dir/vcpu0/cgroup.threads" ;;
		esac
	done
	[ -n "$(<"$dir/vcpu0/cgroup.threads")" ]
}

boot_both()
{
	local vm

	for vm in a b; do
		layout "$vm" && disk "$vm" && boot "$vm" || return 1
		kst_undo guest_kill "$vm"
	done
	for vm in a b; do
		guest_wait "$vm" && spread "$vm" && guest_exec "$vm" "$LOAD_DRIVERS [ -b /dev/vda ]" || return 1
	done
}

# work NAME: the program checks its disk
work()
{
	guest_exec "$1" "disk_io check /dev/vda 16 /tmp/state >/tmp/work 2>&1 </dev/null & echo \$! >/tmp/pid"
}

state()
{
	guest_exec "$1" "cat /tmp/state"
}

# served NAME: requests of the guest, wherever below its scope they are seen
served()
{
	local at

	at=$(scope "$1")/libvirt
	echo $(($(vmio_stat "$at" rios) + $(vmio_stat "$at" wios)))
}

# beyond NAME N: the guest has had so many
beyond()
{
	[ "$(served "$1")" -ge "$2" ]
}

# parts: while there are a number of requests of both, how many a has
parts()
{
	local a b

	a=$(served a) b=$(served b)
	kst_wait 60 eval "[ \$((\$(served a) + \$(served b))) -ge $((a + b + SAMPLE)) ]" || return 1
	a=$(($(served a) - a)) b=$(($(served b) - b))
	ksft_print_msg "a $a, b $b"
	PART=$((100 * a / (a + b)))
}

# part_of_a LEAST MOST: percent; both have always some that wait, unless the machine is busy with other things
part_of_a()
{
	parts && [ "$PART" -ge "$1" ] && [ "$PART" -le "$2" ]
}

equal()
{
	work a && work b && kst_wait 60 beyond a 16 && kst_wait 60 beyond b 16 && kst_wait 120 part_of_a 42 58
}

# As IOWeight= of systemd: a file of the scope says it, requests are seen below.
weighted()
{
	echo 300 >"$VM_ROOT/$(scope a)/io.weight" && kst_wait 120 part_of_a 68 82
}

# Our own file counts more.
by_shares()
{
	echo 25 >"$VM_ROOT/$(scope a)/io.vm.shares" && kst_wait 120 part_of_a 14 27 &&
	echo default >"$VM_ROOT/$(scope a)/io.vm.shares" && echo 100 >"$VM_ROOT/$(scope a)/io.weight"
}

# gone NAME: the program has lost its disk
lost()
{
	[[ $(state "$1") == *" gone" ]]
}

# The disk goes while it is busy; QEMU and dm let go of it, and it comes again as it was.
unplugged()
{
	local before after

	before=$(served b)
	guest_exec a "dd if=/dev/urandom of=/tmp/mark bs=4k count=16 && dd if=/tmp/mark of=/dev/vda bs=4k seek=5000 conv=fsync &&
		sync" >/dev/null 2>&1 || return 1
	guest_do a '{"execute":"device_del","arguments":{"id":"disk0"}}' && kst_wait 120 lost a || return 1
	ksft_print_msg "guest a: $(state a)"
	[[ $(state a) == *" wrong 0 gone" ]] &&
	kst_wait 120 guest_do a '{"execute":"blockdev-del","arguments":{"node-name":"disk"}}' 2>/dev/null || return 1
	no_disk a && disk a && guest_do a '{"execute":"blockdev-add","arguments":{"driver":"host_device","node-name":"disk",
		"filename":"/dev/mapper/vmio-a","aio":"native","cache":{"direct":true}}}' &&
	guest_do a '{"execute":"device_add","arguments":{"driver":"virtio-blk-pci","drive":"disk","id":"disk0",
		"iothread":"io"}}' || return 1
	guest_exec a 'for i in $(seq 600); do [ ! -b /dev/vda ] || break; sleep 0.2; done
		dd if=/dev/vda of=/tmp/again bs=4k skip=5000 count=16 && cmp /tmp/mark /tmp/again' >/dev/null 2>&1 || return 1
	work a && kst_wait 60 beyond a $(($(served a) + 32)) || return 1
	after=$(served b)
	ksft_print_msg "guest b had $((after - before)) requests meanwhile"
	[ "$after" -gt "$before" ]
}

queued()
{
	[ "$(vmio_stat "$(scope b)/libvirt" queued)" -ge 8 ]
}

gone()
{
	! guest_alive "$1"
}

# Killed while its requests wait for its limit: the other one goes on, and all that is left of it goes with it.
killed()
{
	local dir

	dir=$VM_ROOT/$(scope b)
	echo "disk bps=1" >"$dir/io.vm.limit" && kst_wait 60 queued && kill -9 "$(guest_pid b)" &&
	kst_wait 60 beyond a $(($(served a) + 32)) && echo "disk bps=max" >"$dir/io.vm.limit" && kst_wait 60 gone b &&
	kst_wait 60 vmio_rmdir "$dir" 2>/dev/null && no_disk b && kst_wait 60 beyond a $(($(served a) + 32)) || return 1
	ksft_print_msg "guest a: $(state a)"
	[[ $(state a) == *" wrong 0" ]]
}

kst_need qemu-system-x86_64 dmsetup xz
vmio_cgroups io
mkdir "$VM_ROOT/machine.slice"
kst_load cgroup_io
kst_load dm_vmio
# 20 ms for a request: the guests are slow, and are to have always some that wait.
vmio_null 20000000 8 memory_backed=1
GUEST_FILES=$DISK_IO
LOAD_DRIVERS=
PART=0
guest_drivers
kst_undo vmio_no_dm vmio-a
kst_undo vmio_no_dm vmio-b
ksft_print_header
ksft_set_plan 6
ksft_test "two guests boot, as libvirt runs them" boot_both
ksft_test "equal parts" equal
if [ -e "$VM_ROOT/$(scope a)/io.weight" ]; then
	ksft_test "IOWeight= of a scope" weighted
else
	ksft_test_result_skip "IOWeight= of a scope" "no io.cost in this kernel"
fi
ksft_test "shares of a scope" by_shares
ksft_test "a disk is unplugged under load and comes again" unplugged
ksft_test "one is killed, the other goes on" killed
ksft_finished
