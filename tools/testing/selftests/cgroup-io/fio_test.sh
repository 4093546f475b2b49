#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Four VMs, each with an fio that has always many requests, and their parts of real disks: of null_blk with latency, of
# dm-delay over a virtio-blk disk of the machine, and, with VMACCEL_LONG, of scsi_debug, and of dm-delay over loop. From one
# to the next they go by another table, under load; virtio-blk is then written and verified. The functions are called
# through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

DEV=/dev/mapper/vmio-test
IMAGE=/run/vmio-image
SECTORS=32768			# of each disk, at least
DELAY=10			# ms for a request
LONG=${VMACCEL_LONG:-0}
SAMPLE=300			# requests that are counted
declare -A SHARES=([a]=100 [b]=200 [c]=400 [d]=800)

# served: what each VM has had
served()
{
	local vm

	for vm in a b c d; do
		vmio_stat "$vm" rios
	done
}

# total NUMBER...
total()
{
	local sum=0 n

	for n; do
		sum=$((sum + n))
	done
	echo "$sum"
}

beyond()
{
	# shellcheck disable=SC2046
	[ "$(total $(served))" -ge "$1" ]
}

# in_parts: of some requests each VM has had its part, but for a tenth of that and a few
in_parts()
{
	local before after all i=0 part off r=0 vm

	mapfile -t before < <(served)
	kst_wait 60 beyond $(($(total "${before[@]}") + SAMPLE)) || return 1
	mapfile -t after < <(served)
	all=$(($(total "${after[@]}") - $(total "${before[@]}")))
	for vm in a b c d; do
		part=$((all * SHARES[$vm] / 1500))
		off=$((after[i] - before[i] - part))
		[ "${off#-}" -le $((part / 10 + 4)) ] || r=1
		i=$((i + 1))
	done
	ksft_print_msg "of $all: $((after[0] - before[0])) $((after[1] - before[1])) $((after[2] - before[2])) $((after[3] - before[3]))"
	return "$r"
}

# waiting: of each VM more than a few
waiting()
{
	local vm

	for vm in a b c d; do
		[ "$(vmio_stat "$vm" queued)" -ge 8 ] || return 1
	done
}

start()
{
	local vm

	for vm in a b c d; do
		in_vm "$vm" fio --name="$vm" --filename="$DEV" --rw=randread --bs=4k --size=16m --direct=1 --ioengine=libaio \
			--iodepth=32 --time_based --runtime=36000 --eta=never --output="/run/vmio-fio-$vm" >/dev/null 2>&1 &
		disown
	done
	kst_wait 60 waiting
}

# onto DEVICE: from now on that is the disk
onto()
{
	dmsetup load vmio-test --noudevsync --table "$(vmio_table "$SECTORS" "$1" pool=test window=4)" &&
	dmsetup suspend --noudevsync vmio-test && dmsetup resume --noudevsync vmio-test
}

# parted DEVICE: what was let go at the change of disks counts, too, so that it takes a while
parted()
{
	onto "$1" && kst_wait 60 waiting && kst_wait 120 in_parts
}

on_null()
{
	start && kst_wait 120 in_parts
}

# scsi_disk: sets SCSI to a disk of scsi_debug
scsi_disk()
{
	local dir

	modprobe sd_mod && modprobe scsi_debug dev_size_mb=16 ndelay=$((DELAY * 1000000)) max_queue=4 || return 1
	kst_undo rmmod scsi_debug
	for dir in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
		SCSI=/dev/${dir##*/}
	done
	kst_wait 10 [ -b "$SCSI" ]
}

# delayed NAME DEVICE: dm-delay over it
delayed()
{
	kst_undo vmio_no_dm "$1" && vmio_dm "$1" "0 $SECTORS delay $2 0 $DELAY"
}

loop_disk()
{
	local loop

	modprobe loop && truncate -s $((SECTORS * 512)) "$IMAGE" && loop=$(losetup --find --show "$IMAGE") || return 1
	kst_undo losetup --detach "$loop"
	delayed delay-loop "$loop"
}

# virtio_disk: sets VIRTIO to the one that the machine was given for this, if it was
virtio_disk()
{
	local serial

	modprobe -q virtio_blk
	for serial in /sys/block/vd*/serial; do
		[ "$(cat "$serial" 2>/dev/null)" = vmaccel ] || continue
		serial=${serial%/serial}
		VIRTIO=/dev/${serial##*/}
	done
	[ -z "$VIRTIO" ] || delayed delay-virtio "$VIRTIO"
}

# The disk itself, as fast as it is.
verified()
{
	local r=0 vm

	for vm in a b c d; do
		vmio_kill "$VM_ROOT/$vm" || r=1
	done
	onto "$VIRTIO" || r=1
	in_vm a fio --name=v --filename="$DEV" --rw=randwrite --bsrange=4k-64k --size=4m --direct=1 --ioengine=libaio --iodepth=16 \
		--fsync=32 --verify=crc32c --verify_fatal=1 --eta=never --output=/run/vmio-fio || r=1
	[ "$r" = 0 ] || cat /run/vmio-fio
	return "$r"
}

SCSI=
VIRTIO=
kst_need fio dmsetup losetup
modprobe dm-delay || ksft_exit_skip "no dm-delay in this kernel"
vmio_cgroups io
kst_load cgroup_io
kst_load dm_vmio
vmio_null $((DELAY * 1000000)) 4
virtio_disk || ksft_exit_fail_msg "cannot make the disks"
if [ "$LONG" = 1 ]; then
	scsi_disk || ksft_exit_fail_msg "cannot make a disk of scsi_debug"
	loop_disk || ksft_exit_fail_msg "cannot make a loop device"
fi
kst_undo vmio_no_dm vmio-test
vmio_dm vmio-test "$(vmio_table "$SECTORS" /dev/nullb0 pool=test window=4)" || ksft_exit_fail_msg "cannot make the pool"
for vm in "${!SHARES[@]}"; do
	vmio_vm "$vm" || ksft_exit_fail_msg "cannot make VM $vm"
	echo "${SHARES[$vm]}" >"$VM_ROOT/$vm/io.vm.shares"
	kst_undo vmio_kill "$VM_ROOT/$vm"
done
ksft_print_header
ksft_set_plan $((LONG ? 5 : 3))
ksft_test "null_blk" on_null
if [ "$LONG" = 1 ]; then
	ksft_test "scsi_debug" parted "$SCSI"
	ksft_test "dm-delay over loop" parted /dev/mapper/delay-loop
fi
if [ -n "$VIRTIO" ]; then
	ksft_test "dm-delay over virtio-blk" parted /dev/mapper/delay-virtio
	ksft_test "data that are verified on virtio-blk" verified
else
	ksft_test_result_skip "dm-delay over virtio-blk" "no virtio-blk disk with the serial vmaccel"
	ksft_test_result_skip "data that are verified on virtio-blk" "no virtio-blk disk with the serial vmaccel"
fi
ksft_finished
