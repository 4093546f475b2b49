#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress as a block device: set-up and its errors, content, counts, discard, file systems, removal, in both
# modes and while CPUs come and go. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

BIN=${VMACCEL_TOP:-../../../..}/build/selftests/memcompress
CONTROL=/sys/class/memcompress-control
SYS=/sys/block/memcompress0
DEV=/dev/memcompress0
LONG=$((${VMACCEL_LONG:-0} ? 10 : 1))
FILES=$VMACCEL_TOP/tools/testing/selftests$([ "$LONG" != 1 ] || echo /memcompress)
MIB=$((1 << 20))

INVALID="Invalid argument"
BUSY="Device or resource busy"

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
	local numbers

	read -ra numbers <"$SYS/$1" && echo "${numbers[$2 - 1]}"
}

# counts PAGES SAME HUGE: what mm_stat must say of the pages that are stored
counts()
{
	local stat

	read -ra stat <"$SYS/mm_stat"
	[ "${stat[0]} ${stat[5]} ${stat[7]}" = "$(($1 * 4096)) $2 $3" ] && [ "${stat[1]}" -le "${stat[2]}" ] &&
		[ "${stat[2]}" -le "${stat[4]}" ] && return 0
	ksft_print_msg "expected $1 pages, $2 same, $3 huge: ${stat[*]}"
	return 1
}

# copy IN OUT [ARGUMENT...]: dd, past the page cache
copy()
{
	dd "if=$1" "of=$2" bs=1M "${@:3}" 2>/dev/null
}

bad_parameters()
{
	! kst_insmod memcompress comp_algorithm=rot13 2>/dev/null && ! kst_insmod memcompress num_devices=2000 2>/dev/null
}

# Before it has a size the device is there and empty.
bare()
{
	[ "$(cat "$SYS/initstate")" = 0 ] && [ "$(cat "$SYS/disksize")" = 0 ] && [ "$(cat "$SYS/size")" = 0 ] &&
	! dd if=/dev/zero of="$DEV" bs=4k count=1 2>/dev/null
}

bad_settings()
{
	local file value

	for value in 0 lots 0x 4kk -1 "1 2" 1Z; do
		refused "$INVALID" "$SYS/disksize" "$value" || return 1
	done
	for value in 3T 16777217T 99999999999999999999999; do
		refused "File too large" "$SYS/disksize" "$value" || refused "$INVALID" "$SYS/disksize" "$value" ||
			return 1
	done
	for value in rot13 x "$(printf 'x%.0s' {1..100})"; do
		refused "$INVALID" "$SYS/comp_algorithm" "$value" || return 1
	done
	for file in reset sync mem_limit mem_used_max max_comp_streams; do
		refused "$INVALID" "$SYS/$file" x || return 1
	done
	refused "$INVALID" "$SYS/reset" 0 && refused "$INVALID" "$SYS/mem_used_max" 1 &&
	refused "$INVALID" "$SYS/compact" 1 && refused "No such device" "$CONTROL/hot_remove" 77 &&
	refused "$INVALID" "$CONTROL/hot_remove" -1 && refused "$INVALID" "$CONTROL/hot_remove" x &&
	for file in initstate mm_stat io_stat debug_stat; do
		refused "Permission denied" "$SYS/$file" 1 || refused "Input/output error" "$SYS/$file" 1 || return 1
	done
}

# set_up ALGORITHM [SYNC]
set_up()
{
	echo "$1" >"$SYS/comp_algorithm" && grep -qF "[$1]" "$SYS/comp_algorithm" &&
	echo "${2:-1}" >"$SYS/sync" && [ "$(cat "$SYS/sync")" = "${2:-1}" ] && echo 64M >"$SYS/disksize" &&
	[ "$(cat "$SYS/disksize")" = $((64 * MIB)) ] && [ "$(cat "$SYS/initstate")" = 1 ] &&
	refused "$BUSY" "$SYS/disksize" 32M && refused "$BUSY" "$SYS/comp_algorithm" lz4 &&
	refused "$BUSY" "$SYS/sync" 0
}

# Bare again, and as new.
reset_device()
{
	kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null && [ "$(cat "$SYS/initstate")" = 0 ] &&
	[ "$(cat "$SYS/sync")" = 1 ] && grep -qF "[zstd]" "$SYS/comp_algorithm" &&
	[ "$(tr -s ' ' <"$SYS/mm_stat")" = " 0 0 0 0 0 0 0 0 0" ]
}

# content ALGORITHM SYNC: what is written comes back, from memory at any address, and is counted to the page; then
# the device is emptied
content()
{
	local seed=$RANDOM expected

	set_up "$1" "$2" || return 1
	ksft_print_msg "seed $seed"
	expected=$("$BIN/page_io" "$DEV" "$seed" $((256 * LONG))) || return 1
	# shellcheck disable=SC2086 # three numbers
	counts $expected && [ "$(column mm_stat 9)" -ge "$(column mm_stat 8)" ] &&
	[ "$(tr -s ' ' <"$SYS/io_stat" | cut -d' ' -f2-4)" = "0 0 0" ] && blkdiscard "$DEV" && counts 0 0 0 &&
	[ "$(column mm_stat 2)" = 0 ] && kst_wait 10 eval "[ \"\$(column mm_stat 3)\" = 0 ]" && reset_device
}

# What is overwritten, zeroed and discarded is counted out, exactly.
exact()
{
	set_up lz4 && copy "$TMP/noise" "$DEV" oflag=direct && counts 1024 0 1024 &&
	[ "$(column mm_stat 2)" = $((4 * MIB)) ] && [ "$(column mm_stat 3)" = $((4 * MIB)) ] &&
	copy /dev/zero "$DEV" count=1 oflag=direct && counts 1024 256 768 &&
	[ "$(column mm_stat 2)" = $((3 * MIB)) ] &&
	blkdiscard -o $((MIB / 2)) -l "$MIB" "$DEV" && counts 768 128 640 &&
	blkdiscard -z -o $((2 * MIB)) -l "$MIB" "$DEV" && counts 512 128 384 &&
	cmp -n "$MIB" -i $((2 * MIB)) "$DEV" /dev/zero && cmp -n "$MIB" -i $((3 * MIB)) "$DEV" "$TMP/noise" &&
	copy "$TMP/noise" "$DEV" oflag=direct && counts 1024 0 1024 && [ "$(column mm_stat 9)" = 2048 ] &&
	! blkdiscard -z -o 512 -l 4096 "$DEV" 2>/dev/null && counts 1024 0 1024 && reset_device
}

# verify ARGUMENT...: fio writes, and finds what it wrote
verify()
{
	(cd "$TMP" && fio --name=v --filename="$DEV" --size=$((4 * LONG))M --buffer_compress_percentage=60 \
		--refill_buffers --verify=crc32c --verify_fatal=1 --randrepeat=0 --output-format=terse "$@" >/dev/null)
}

# file_system NAME "CHECK COMMAND" MKFS-ARGUMENT...: XFS reads its log into slab memory.
file_system()
{
	local dir r=0
	dir=$(mktemp -d) || return 1

	"mkfs.$1" "${@:3}" "$DEV" >/dev/null 2>&1 && mount "$DEV" "$dir" || return 1
	cp -r "$FILES" "$dir/files" || r=1
	refused "$BUSY" "$SYS/reset" 1 && refused "$BUSY" "$CONTROL/hot_remove" 0 || r=1
	umount "$dir" && mount "$DEV" "$dir" && diff -r "$FILES" "$dir/files" || r=1
	rm -rf "$dir/files" && fstrim "$dir" || r=1
	# shellcheck disable=SC2086 # the command and its options
	umount "$dir" && rmdir "$dir" && $2 "$DEV" >/dev/null 2>&1 && return "$r"
}

# Neither by a descriptor nor by what the page cache still had.
read_only()
{
	local r=0

	copy "$TMP/noise" "$DEV" oflag=direct || return 1
	exec 9<>"$DEV"
	dd if=/dev/zero of="$DEV" bs=4k count=1 2>/dev/null || r=1
	blockdev --setro "$DEV" || r=1
	! dd if=/dev/zero of="$DEV" bs=4k count=1 oflag=direct 2>/dev/null || r=1
	! sync "$DEV" 2>/dev/null || r=1
	! blkdiscard "$DEV" 2>/dev/null || r=1
	exec 9<&-
	[ "$(column io_stat 2)" -gt 0 ] || r=1
	blockdev --setrw "$DEV"
	dd if="$DEV" bs=4k count=1 iflag=direct 2>/dev/null | cmp -n 4096 - "$TMP/noise" || r=1
	return "$r"
}

# What does not fit into the limit is refused, and what was there stays.
limit()
{
	local r=0 failed

	failed=$(column io_stat 2)
	copy "$TMP/noise" "$DEV" oflag=direct || r=1
	column mm_stat 3 >"$SYS/mem_limit"
	[ "$(column mm_stat 4)" = "$(column mm_stat 3)" ] || r=1
	! copy "$TMP/noise" "$DEV" seek=8 oflag=direct || r=1
	cmp -n $((4 * MIB)) "$TMP/noise" "$DEV" || r=1
	[ "$(column io_stat 2)" -gt "$failed" ] || r=1
	echo 0 >"$SYS/mem_limit"
	copy "$TMP/noise" "$DEV" seek=8 oflag=direct || r=1
	blkdiscard "$DEV" && echo 1 >"$SYS/compact" && echo 0 >"$SYS/mem_used_max" || r=1
	kst_wait 10 eval "echo 0 >$SYS/mem_used_max; [ \"\$(column mm_stat 5)\" = 0 ]" || r=1
	return "$r"
}

# The slot table is made as it is needed: 2 TiB cost 8 MiB.
terabytes()
{
	local before after

	before=$(kst_meminfo MemAvailable)
	echo 2T >"$SYS/disksize" || return 1
	after=$(kst_meminfo MemAvailable)
	ksft_print_msg "$(((before - after) >> 10)) KiB taken"
	[ $((before - after)) -lt $((64 << 20)) ] && copy "$TMP/noise" "$DEV" seek=2097148 oflag=direct &&
	dd if="$DEV" bs=1M skip=2097148 iflag=direct 2>/dev/null | cmp - "$TMP/noise" && counts 1024 0 1024 &&
	blkdiscard "$DEV" && counts 0 0 0 && reset_device
}

# Held open, and swapped on.
busy()
{
	local r=0

	exec 9<"$DEV"
	refused "$BUSY" "$SYS/reset" 1 && refused "$BUSY" "$CONTROL/hot_remove" 0 || r=1
	! rmmod memcompress 2>/dev/null || r=1
	exec 9<&-
	mkswap "$DEV" >/dev/null && swapon "$DEV" || return 1
	refused "$BUSY" "$SYS/reset" 1 && refused "$BUSY" "$CONTROL/hot_remove" 0 || r=1
	! rmmod memcompress 2>/dev/null || r=1
	swapoff "$DEV" && return "$r"
}

# device_life N [roughly]: adds, fills and removes devices; in company only adding and removing must succeed
device_life()
{
	local id n

	for ((n = 0; n < $1; n++)); do
		id=$(cat "$CONTROL/hot_add") || return 1
		{
			echo 8M >"/sys/block/memcompress$id/disksize" && kst_wait 10 [ -b "/dev/memcompress$id" ] &&
			dd if="$TMP/noise" of="/dev/memcompress$id" bs=64k count=4 oflag=direct
		} 2>/dev/null || [ "${2:-}" = roughly ] || return 1
		kst_wait 20 eval "echo $id >$CONTROL/hot_remove" 2>/dev/null || return 1
	done
}

# Settings, resets, readers and openers of all that is there, whatever comes of it
meddle()
{
	local d

	while [ ! -e "$TMP/stop" ]; do
		for d in /sys/block/memcompress[1-9]*; do
			{
				cat "$d"/{mm_stat,comp_algorithm,initstate}
				echo 1 >"$d/reset"
				echo 0 >"$d/sync"
				echo 4M >"$d/disksize"
				dd if="/dev/${d##*/}" of=/dev/null bs=4k count=1
			} >/dev/null 2>&1
		done
	done
}

# Devices come and go while others read, reset and open them: no harm is done, and nothing stays.
devices_race()
{
	local a b m r=0

	meddle & m=$!
	device_life $((3 * LONG)) roughly & a=$!
	device_life $((3 * LONG)) roughly & b=$!
	wait "$a" || r=1
	wait "$b" || r=1
	touch "$TMP/stop"
	wait "$m"
	[ "$(echo /sys/block/memcompress*)" = "$SYS" ] || { ksft_print_msg /sys/block/memcompress*; r=1; }
	return "$r"
}

# Streams do not depend on the CPUs that there were.
cpu_hotplug()
{
	local pid r cpu=/sys/devices/system/cpu/cpu1/online

	verify --rw=randwrite --bs=16k --direct=1 --ioengine=psync --loops=2 & pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		echo 0 >"$cpu" && sleep 0.2
		echo 1 >"$cpu" && sleep 0.2
	done
	wait "$pid"
	r=$?
	[ "$(cat "$cpu")" = 1 ] && return "$r"
}

unload_full()
{
	copy "$TMP/noise" "$DEV" oflag=direct && kst_wait 10 rmmod memcompress 2>/dev/null && ! [ -e "$SYS" ]
}

ksft_print_header
kst_need fio blkdiscard mkfs.ext4 mkfs.xfs xfs_repair blockdev fstrim mkswap
ksft_set_plan $((LONG == 1 ? 24 : 25))
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
copy /dev/urandom "$TMP/noise" count=4 iflag=fullblock
ksft_test "bad module parameters are refused" bad_parameters
kst_load memcompress
ksft_test "a bare device holds nothing" bare
ksft_test "bad settings are refused" bad_settings
for alg in lz4 zstd lzo-rle; do
	modprobe -q "crypto-$alg"
	ksft_test "content, $alg" content "$alg" 1
done
ksft_test "content, lz4, asynchronous" content lz4 0
ksft_test "counts are exact" exact
echo 400M >"$SYS/disksize"
ksft_test "fio, direct, overlapping" verify --rw=randwrite --bs=32k --direct=1 --ioengine=libaio --iodepth=8 --norandommap \
	--serialize_overlap=1
ksft_test "fio, direct, of all sizes" verify --rw=randwrite --bsrange=4k-256k --direct=1 --ioengine=libaio --iodepth=8
ksft_test "fio, page cache, parts of pages" verify --rw=randwrite --bsrange=512-16k --bs_unaligned --ioengine=psync \
	--end_fsync=1 --invalidate=1
if [ -e /sys/devices/system/cpu/cpu1/online ]; then
	ksft_test "fio while CPUs come and go" cpu_hotplug
else
	ksft_test_result_skip "fio while CPUs come and go" "a second CPU that can be switched off"
fi
# Otherwise owner_test.sh and back_test.sh have it.
[ "$LONG" = 1 ] || ksft_test "ext4 on the device" file_system ext4 "e2fsck -fn" -q
ksft_test "XFS on the device" file_system xfs "xfs_repair -n" -q -f
ksft_test "a read-only device takes nothing" read_only
ksft_test "the limit holds, and harms nothing" limit
ksft_test "a device in use stays, and so does the module" busy
ksft_test "reset" reset_device
ksft_test "two terabytes" terabytes
ksft_test "devices come and go" device_life $((2 * LONG))
ksft_test "devices come and go while others meddle" devices_race
echo 64M >"$SYS/disksize"
ksft_test "the module goes with full devices" unload_full
kst_load memcompress num_devices=3
ksft_test "three devices from the start" [ -b /dev/memcompress2 ]
ksft_test "the module goes with bare devices" rmmod memcompress
ksft_test "all is gone" eval '[ ! -e /sys/class/memcompress-control ] && ! grep -q memcompress /proc/devices'
ksft_finished
