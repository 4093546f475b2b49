#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress as a block device: set-up and its errors, content, discard, file systems, removal. The functions
# are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

BIN=${VMACCEL_TOP:-../../../..}/build/selftests/memcompress
CONTROL=/sys/class/memcompress-control
SYS=/sys/block/memcompress0
DEV=/dev/memcompress0

# refused ERRNO-TEXT FILE VALUE: writing the value fails so
refused()
{
	local said

	said=$({ printf '%s' "$3" >"$2"; } 2>&1) && { ksft_print_msg "$2 took '$3'"; return 1; }
	case $said in
	*"$1") return 0 ;;
	esac
	ksft_print_msg "$said"
	return 1
}

# column FILE N: a number of a statistics file
column()
{
	awk -v n="$2" 'NR == 1 { print $n }' "$SYS/$1"
}

bad_settings()
{
	refused "Invalid argument" $SYS/disksize 0 &&
	refused "Invalid argument" $SYS/disksize lots &&
	refused "File too large" $SYS/disksize 3T &&
	refused "Invalid argument" $SYS/comp_algorithm rot13 &&
	refused "Invalid argument" $SYS/comp_algorithm "$(printf 'x%.0s' {1..100})" &&
	refused "Invalid argument" $SYS/reset 0 &&
	refused "Invalid argument" $SYS/mem_limit x &&
	refused "Invalid argument" $SYS/mem_used_max 1 &&
	refused "Invalid argument" $SYS/compact 1 &&
	refused "No such device" $CONTROL/hot_remove 77 &&
	refused "Invalid argument" $CONTROL/hot_remove -1
}

# Before it has a size the device is there and empty.
bare()
{
	[ "$(cat $SYS/initstate)" = 0 ] && [ "$(cat $SYS/disksize)" = 0 ] && [ "$(cat $SYS/size)" = 0 ] &&
	! dd if=/dev/zero of=$DEV bs=4k count=1 2>/dev/null
}

set_up()
{
	echo "$1" >$SYS/comp_algorithm && grep -qF "[$1]" $SYS/comp_algorithm && echo 64M >$SYS/disksize &&
	[ "$(cat $SYS/disksize)" = $((64 << 20)) ] && [ "$(cat $SYS/initstate)" = 1 ] &&
	refused "Device or resource busy" $SYS/disksize 32M &&
	refused "Device or resource busy" $SYS/comp_algorithm lz4 &&
	refused "Device or resource busy" $SYS/sync 0
}

reset_device()
{
	kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null && [ "$(cat $SYS/initstate)" = 0 ] &&
	[ "$(column mm_stat 1)" = 0 ] && [ "$(column mm_stat 3)" = 0 ]
}

# content ALGORITHM: what is written comes back, from memory at any address; then the device is empty again
content()
{
	local seed=$RANDOM

	set_up "$1" || return 1
	ksft_print_msg "seed $seed"
	"$BIN/page_io" $DEV $seed 4096 || return 1
	[ "$(column mm_stat 1)" -gt 0 ] && [ "$(column mm_stat 8)" -gt 0 ] && [ "$(column mm_stat 6)" -gt 0 ] &&
	[ "$(column mm_stat 2)" -le "$(column mm_stat 3)" ] && [ "$(column io_stat 1)" = 0 ] &&
	blkdiscard $DEV && [ "$(column mm_stat 1)" = 0 ] && [ "$(column mm_stat 2)" = 0 ] && reset_device
}

verify_fio()
{
	fio --name=v --filename=$DEV --rw=randwrite --bsrange=4k-64k --size=32M --direct=1 --ioengine=libaio \
		--iodepth=8 --buffer_compress_percentage=60 --refill_buffers --verify=crc32c --verify_fatal=1 \
		--randrepeat=0 --output-format=terse >/dev/null
}

# A file system's own buffers are slab and vmalloc memory, and smaller than a page.
file_system()
{
	local dir
	dir=$(mktemp -d) || return 1

	"mkfs.$1" "${@:2}" $DEV >/dev/null 2>&1 || return 1
	mount $DEV "$dir" || return 1
	cp -r "$VMACCEL_TOP/tools" "$dir" && sync && echo 1 >/proc/sys/vm/drop_caches &&
		diff -r "$VMACCEL_TOP/tools" "$dir/tools" >/dev/null
	local r=$?
	refused "Device or resource busy" $SYS/reset 1 || r=1
	refused "Device or resource busy" $CONTROL/hot_remove 0 || r=1
	umount "$dir" && rmdir "$dir" && fsck -n $DEV >/dev/null 2>&1 && return $r
}

read_only()
{
	blockdev --setro $DEV && ! dd if=/dev/zero of=$DEV bs=4k count=1 oflag=direct 2>/dev/null
	local r=$?
	blockdev --setrw $DEV && return $r
}

# What does not fit into the limit is refused, and what was there stays.
limit()
{
	local r=0

	dd if=/dev/urandom of="$TMP/noise" bs=1M count=4 2>/dev/null
	dd if="$TMP/noise" of=$DEV bs=1M oflag=direct 2>/dev/null || r=1
	column mm_stat 3 >$SYS/mem_limit
	dd if="$TMP/noise" of=$DEV bs=1M seek=8 oflag=direct 2>/dev/null && r=1
	cmp -n $((4 << 20)) "$TMP/noise" $DEV || r=1
	[ "$(column io_stat 2)" -gt 0 ] || r=1
	echo 0 >$SYS/mem_limit
	dd if="$TMP/noise" of=$DEV bs=1M seek=8 oflag=direct 2>/dev/null || r=1
	return $r
}

# The slot table is made as it is needed: 2 TiB cost 8 MiB.
terabytes()
{
	local before after

	before=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	echo 2T >$SYS/disksize || return 1
	after=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	ksft_print_msg "$((before - after)) KiB taken"
	[ $((before - after)) -lt 65536 ] &&
	dd if="$TMP/noise" of=$DEV bs=1M seek=2097148 oflag=direct 2>/dev/null &&
	dd if=$DEV bs=1M skip=2097148 iflag=direct 2>/dev/null | cmp - "$TMP/noise" && reset_device
}

hot_add_remove()
{
	local id n

	for ((n = 0; n < 5; n++)); do
		id=$(cat $CONTROL/hot_add) || return 1
		[ -d "/sys/block/memcompress$id" ] || return 1
		echo 8M >"/sys/block/memcompress$id/disksize" || return 1
		kst_wait 10 [ -b "/dev/memcompress$id" ] || return 1
		dd if="$TMP/noise" of="/dev/memcompress$id" bs=1M count=1 oflag=direct 2>/dev/null || return 1
		kst_wait 10 eval "echo $id >$CONTROL/hot_remove" 2>/dev/null || return 1
		[ ! -d "/sys/block/memcompress$id" ] || return 1
	done
}

busy_module()
{
	exec 9<$DEV
	! rmmod memcompress 2>/dev/null
	local r=$?
	exec 9<&-
	return $r
}

unload_full()
{
	dd if="$TMP/noise" of=$DEV bs=1M oflag=direct 2>/dev/null && kst_wait 10 rmmod memcompress 2>/dev/null &&
	! [ -e /sys/block/memcompress0 ]
}

bad_parameters()
{
	! kst_insmod memcompress comp_algorithm=rot13 2>/dev/null && ! kst_insmod memcompress num_devices=2000 2>/dev/null
}

ksft_print_header
kst_need fio blkdiscard mkfs.ext4 mkfs.xfs blockdev
ksft_set_plan 17
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
ksft_test "bad module parameters are refused" bad_parameters
kst_load memcompress
ksft_test "a bare device holds nothing" bare
ksft_test "bad settings are refused" bad_settings
for alg in lz4 zstd lzo-rle; do
	modprobe -q "crypto-$alg"
	ksft_test "content, $alg" content $alg
done
ksft_test "asynchronous mode is taken" eval "echo 0 >$SYS/sync && [ \$(cat $SYS/sync) = 0 ] && echo 1 >$SYS/sync"
echo lz4 >$SYS/comp_algorithm
echo 400M >$SYS/disksize
ksft_test "fio finds what it wrote" verify_fio
ksft_test "ext4 on the device" file_system ext4 -q
ksft_test "XFS on the device" file_system xfs -q -f
ksft_test "a read-only device takes nothing" read_only
ksft_test "the limit holds, and harms nothing" limit
ksft_test "reset" reset_device
ksft_test "two terabytes" terabytes
ksft_test "devices come and go" hot_add_remove
echo 64M >$SYS/disksize
ksft_test "the module stays while a device is open" busy_module
ksft_test "the module goes with full devices" unload_full
ksft_finished
