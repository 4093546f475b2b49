#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The target vmio over and under other layers: dm-linear, dm-crypt, a thin pool, md's raid1, loop. What a VM sends at
# the top is its own in the middle, arrives with its flushes at the bottom, and is what it reads again; the same of
# what a kernel thread writes back for it. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

LONG=${VMACCEL_LONG:-0}
BASE=/dev/mapper/stack-base
SECTORS=262144			# of the lowest device
META=8192			# of a thin pool's metadata
KEY=$(printf '0123456789abcdef%.0s' {1..8})
DATA=/run/stack-data
BYTES=1048576
MOUNT=/run/stack-mnt
declare -A LOOPS=()

# thin NAME DEVICE SECTORS: all of the device, but for the metadata
thin()
{
	local data=$(($3 - META))

	vmio_dm "$1-meta" 0 "$META" linear "$2" 0 && vmio_dm "$1-data" 0 "$data" linear "$2" "$META" &&
	dd if=/dev/zero of="/dev/mapper/$1-meta" bs=4k count=1 oflag=direct 2>/dev/null &&
	vmio_dm "$1-pool" 0 "$data" thin-pool "/dev/mapper/$1-meta" "/dev/mapper/$1-data" 128 0 &&
	dmsetup message "$1-pool" 0 "create_thin 0" && vmio_dm "$1" 0 "$data" thin "/dev/mapper/$1-pool" 0
}

# raid1 NAME DEVICE SECTORS: both halves of the device are one
raid1()
{
	local half=$(($3 / 2))

	vmio_dm "$1-0" 0 "$half" linear "$2" 0 && vmio_dm "$1-1" 0 "$half" linear "$2" "$half" &&
	vmio_dm "$1" 0 "$half" raid raid1 2 0 nosync 2 - "/dev/mapper/$1-0" - "/dev/mapper/$1-1"
}

# layer KIND NAME DEVICE: /dev/mapper/NAME over the device
layer()
{
	local sectors

	sectors=$(blockdev --getsz "$3")
	case $1 in
	linear)	vmio_dm "$2" 0 "$sectors" linear "$3" 0 ;;
	crypt)	vmio_dm "$2" 0 "$sectors" crypt aes-xts-plain64 "$KEY" 0 "$3" 0 ;;
	thin)	thin "$2" "$3" "$sectors" ;;
	raid1)	raid1 "$2" "$3" "$sectors" ;;
	loop)	LOOPS[$2]=$(losetup --find --show --direct-io=on "$3") && ln -s "${LOOPS[$2]}" "/dev/mapper/$2" ;;
	esac
}

no_layer()
{
	if [ -n "${LOOPS[$1]:-}" ]; then
		rm "/dev/mapper/$1" && losetup --detach "${LOOPS[$1]}" && unset "LOOPS[$1]"
		return
	fi
	vmio_no_dm "$1" "$1-pool" "$1-data" "$1-meta" "$1-0" "$1-1"
}

flushes()
{
	awk '{ print $16 }' /sys/block/nullb0/stat
}

# grown WHAT BEFORE KEY BYTES: what VM a has had is so much more
grown()
{
	local more

	more=$(($(vmio_stat a "$3") - $2))
	[ "$more" = "$4" ] && return 0
	ksft_print_msg "$1: $3 grew by $more, not $4; root's is $(vmio_stat .. "$3")"
	return 1
}

write_all()
{
	in_vm a dd if="$DATA" of=/dev/mapper/stack-high bs=64k oflag=direct conv=fsync 2>/dev/null
}

read_all()
{
	in_vm a dd if=/dev/mapper/stack-high bs=64k count=16 iflag=direct 2>/dev/null | cmp - "$DATA"
}

# passed_on KIND COPIES: a thin pool gives a new block to whoever writes it first in a thread of its own
passed_on()
{
	local wrote read flushed

	head -c "$BYTES" /dev/urandom >"$DATA"
	flushed=$(flushes)
	[ "$1" != thin ] || write_all || return 1
	wrote=$(vmio_stat a wbytes)
	write_all || return 1
	grown "$1" "$wrote" wbytes $(($2 * BYTES)) || return 1
	[ "$(flushes)" -gt "$flushed" ] || { ksft_print_msg "$1: no flush"; return 1; }
	read=$(vmio_stat a rbytes)
	read_all && grown "$1" "$read" rbytes "$BYTES"
}

# resumed: suspended and with another table while the VM reads
resumed()
{
	local pid window r=0

	in_vm a "$DISK_IO" read /dev/mapper/stack-high 16 1500 2>/dev/null &
	pid=$!
	for window in 1 2 3 4; do
		dmsetup load stack-vmio --noudevsync --table "$(vmio_table "$(blockdev --getsz /dev/mapper/stack-low)" \
			/dev/mapper/stack-low pool=stack "window=$window")" &&
		dmsetup suspend --noudevsync stack-vmio && dmsetup resume --noudevsync stack-vmio || r=1
	done
	wait "$pid" && return "$r"
}

# stack KIND COPIES: over it vmio, over that the same again
stack()
{
	local r=0

	layer "$1" stack-low "$BASE" &&
	vmio_dm stack-vmio "$(vmio_table "$(blockdev --getsz /dev/mapper/stack-low)" /dev/mapper/stack-low pool=stack window=4)" &&
	layer "$1" stack-high /dev/mapper/stack-vmio && passed_on "$1" "$2" && resumed && read_all || r=1
	no_layer stack-high && vmio_no_dm stack-vmio && no_layer stack-low && return "$r"
}

# What a VM has written to a file, and a kernel thread writes to the disk.
written_back()
{
	local before more r=0

	vmio_dm stack-vmio "$(vmio_table "$SECTORS" "$BASE" pool=stack window=4)" && mkfs.ext4 -q -F /dev/mapper/stack-vmio 32M &&
	mkdir -p "$MOUNT" && mount /dev/mapper/stack-vmio "$MOUNT" || return 1
	before=$(vmio_stat a wbytes)
	in_vm a dd if="$DATA" of="$MOUNT/file" bs=64k 2>/dev/null && sync --file-system "$MOUNT" || r=1
	more=$(($(vmio_stat a wbytes) - before))
	ksft_print_msg "$more bytes written back"
	[ "$more" -ge "$BYTES" ] || r=1
	umount "$MOUNT" && vmio_no_dm stack-vmio && return "$r"
}

# A disk with loop over a file: what the loop device's thread sends.
loop_file()
{
	local before r=0

	vmio_dm stack-vmio "$(vmio_table "$SECTORS" "$BASE" pool=stack window=4)" && mkfs.ext4 -q -F /dev/mapper/stack-vmio 32M &&
	mkdir -p "$MOUNT" && mount /dev/mapper/stack-vmio "$MOUNT" || return 1
	# All there and on the disk: what is written in it is no metadata.
	dd if=/dev/zero of="$MOUNT/image" bs=64k count=64 conv=fsync 2>/dev/null || r=1
	layer loop stack-high "$MOUNT/image" || r=1
	before=$(vmio_stat a wbytes)
	write_all && read_all && grown loop "$before" wbytes "$BYTES" || r=1
	no_layer stack-high && umount "$MOUNT" && vmio_no_dm stack-vmio && return "$r"
}

kst_need dmsetup losetup mkfs.ext4
vmio_cgroups io memory
kst_load cgroup_io
kst_load dm_vmio
vmio_null 10000 64 memory_backed=1 discard=1 cache_size=1
for driver in dm-crypt dm-thin-pool dm-raid loop; do
	modprobe "$driver" || ksft_exit_skip "no $driver in this kernel"
done
vmio_vm a || ksft_exit_fail_msg "cannot make VM a"
vmio_dm stack-base 0 "$SECTORS" linear /dev/nullb0 0 || ksft_exit_fail_msg "cannot make a disk"
kst_undo vmio_no_dm stack-base
ksft_print_header
ksft_set_plan $((LONG ? 7 : 3))
ksft_test "linear over vmio over linear" stack linear 1
if [ "$LONG" = 1 ]; then
	ksft_test "crypt over vmio over crypt" stack crypt 1
	ksft_test "thin over vmio over thin" stack thin 1
	ksft_test "raid1 over vmio over raid1" stack raid1 2
	ksft_test "loop over vmio over loop" stack loop 1
fi
ksft_test "a file that a kernel thread writes back" written_back
ksft_test "loop over a file" loop_file
ksft_finished
