#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# memcompress with a backing device: what finds no room in memory is written there and comes back, is checked,
# fails for nobody but its reader, and races with nothing. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

BIN=${VMACCEL_TOP:-../../../..}/build/selftests/memcompress
CONTROL=/sys/class/memcompress-control
SYS=/sys/block/memcompress0
DEV=/dev/memcompress0
MEMORY=/dev/nullb0
BACK=
CGROUP=/sys/fs/cgroup/kst-back
LONG=${VMACCEL_LONG:-0}
SECONDS_EACH=$((LONG ? 60 : 1))
SIZE=$((LONG ? 128 : 32))		# MiB of the backing device
SECTORS=$((SIZE << 11))
PAGES=$((LONG ? 4096 : 512))	# of a check of content
MIB=$((LONG ? 48 : 18))		# of a process that swaps; its cgroup may have a third
DAMAGE=/dev/$([ "$LONG" = 1 ] && echo urandom || echo zero)
FILES=$VMACCEL_TOP/tools/testing$([ "$LONG" = 1 ] || echo /selftests/memcompress)

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

debug()
{
	local key n

	while read -r key n _; do
		[ "$key" != "$1" ] || echo "$n"
	done <$SYS/debug_stat
}

stats()
{
	ksft_print_msg "mm_stat $(cat $SYS/mm_stat)"
	ksft_print_msg "bd_stat $(cat $SYS/bd_stat) errors $(debug bd_errors) bad_sum $(debug bad_sum)"
	ksft_print_msg "io_stat $(cat $SYS/io_stat)"
}

# create SECTORS: the backing device; no udev is needed to name it
create()
{
	dmsetup create kst-back --table "0 $1 linear $MEMORY 0" &&
		BACK=/dev/$(dmsetup info -c --noheadings -o blkdevname kst-back)
}

# table LINE: what is under the backing device from now on
table()
{
	dmsetup suspend kst-back && dmsetup load kst-back --table "$1" && dmsetup resume kst-back
}

healthy()
{
	table "0 $SECTORS linear $MEMORY 0"
}

dead()
{
	table "0 $SECTORS error"
}

# set_up LIMIT DISKSIZE
set_up()
{
	echo $BACK >$SYS/backing_dev && echo "$1" >$SYS/mem_limit && echo "$2" >$SYS/disksize
}

reset_device()
{
	kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null && [ "$(cat $SYS/initstate)" = 0 ] &&
	[ "$(cat $SYS/backing_dev)" = none ] && [ "$(column bd_stat 1)" = 0 ]
}

write_noise()
{
	dd if="$TMP/noise" of=$DEV bs=256k seek="$1" oflag=direct 2>/dev/null
}

same_noise()
{
	dd if=$DEV bs=256k skip="$1" count=16 iflag=direct 2>/dev/null | cmp -s - "$TMP/noise"
}

bad_devices()
{
	local other r=0

	refused "No such file or directory" $SYS/backing_dev /dev/nothing || r=1
	refused "Block device required" $SYS/backing_dev "$TMP/noise" || r=1
	refused "Device or resource busy" $SYS/backing_dev $MEMORY || r=1
	refused "Invalid argument" $SYS/backing_dev $DEV || r=1
	other=$(cat $CONTROL/hot_add)
	echo 8M >"/sys/block/memcompress$other/disksize"
	kst_wait 10 [ -b "/dev/memcompress$other" ]
	refused "Invalid argument" $SYS/backing_dev "/dev/memcompress$other" || r=1
	refused "Invalid argument" $SYS/backing_dev "force:/dev/memcompress$other" || r=1
	kst_wait 10 eval "echo $other >$CONTROL/hot_remove" 2>/dev/null || r=1
	return $r
}

loop_by_force()
{
	local loop r=0

	truncate -s 8M "$TMP/file" && loop=$(losetup -f --show "$TMP/file") || return 1
	refused "Operation not permitted" $SYS/backing_dev "$loop" || r=1
	echo "force:$loop" >$SYS/backing_dev && [ "$(cat $SYS/backing_dev)" = "$loop" ] || r=1
	echo none >$SYS/backing_dev || r=1
	losetup -d "$loop" && return $r
}

attach()
{
	echo $BACK >$SYS/backing_dev && [ "$(cat $SYS/backing_dev)" = $BACK ] && ! mkswap $BACK 2>/dev/null &&
	echo none >$SYS/backing_dev && [ "$(cat $SYS/backing_dev)" = none ] && set_up 4K 64M &&
	refused "Device or resource busy" $SYS/backing_dev none && reset_device
}

# content LIMIT: everything comes back, from there as well
content()
{
	local seed=$RANDOM

	ksft_print_msg "seed $seed"
	set_up "$1" 64M && "$BIN/page_io" $DEV "$seed" $PAGES || return 1
	stats
	[ "$(column bd_stat 1)" -gt 0 ] && [ "$(column bd_stat 2)" -gt 0 ] && [ "$(column bd_stat 3)" -gt 0 ] &&
	[ "$(column io_stat 1)" = 0 ] && [ "$(column io_stat 2)" = 0 ] && blkdiscard $DEV &&
	[ "$(column bd_stat 1)" = 0 ] && [ "$(column mm_stat 1)" = 0 ] && reset_device
}

verify_fio()
{
	fio --name=v --filename=$DEV --rw=randrw --bsrange=4k-256k --size=$((PAGES / 128))M --direct=1 --ioengine=libaio \
		--iodepth=16 --buffer_compress_percentage=50 --refill_buffers --verify=crc32c --verify_fatal=1 \
		--randrepeat=0 --verify_state_save=0 --output-format=terse >/dev/null
}

# Its own buffers are smaller than a page: they are waited for.
file_system()
{
	local dir
	dir=$(mktemp -d -p "$TMP") || return 1

	mkfs.ext4 -q -b 1024 $DEV >/dev/null 2>&1 || mkfs.ext4 -q $DEV || return 1
	mount $DEV "$dir" || return 1
	cp -r "$FILES" "$dir/files" && sync && echo 1 >/proc/sys/vm/drop_caches &&
		diff -r "$FILES" "$dir/files" >/dev/null
	local r=$?
	umount "$dir" && fsck.ext4 -fn $DEV >/dev/null 2>&1 && return $r
}

# By hand, as with zram: what is marked, or does not compress, goes, within the budget.
writeback()
{
	local r=0

	refused "Invalid argument" $SYS/writeback idle || r=1
	echo lz4 >$SYS/comp_algorithm && echo 64M >$SYS/disksize || return 1
	refused "No such device" $SYS/writeback idle || r=1
	refused "Invalid argument" $SYS/idle 10 || r=1
	reset_device && set_up 0 64M || return 1
	refused "Invalid argument" $SYS/writeback all || r=1
	refused "Invalid argument" $SYS/writeback page_index=16384 || r=1
	yes memcompress | head -c 4M >"$TMP/text"
	write_noise 0 && dd if="$TMP/text" of=$DEV bs=256k seek=16 oflag=direct 2>/dev/null || r=1
	echo idle >$SYS/writeback && [ "$(column bd_stat 1)" = 0 ] || r=1
	echo page_index=7 >$SYS/writeback && [ "$(column bd_stat 1)" = 1 ] || r=1
	echo 100 >$SYS/writeback_limit && echo 1 >$SYS/writeback_limit_enable || r=1
	refused "Input/output error" $SYS/writeback huge || r=1
	[ "$(column bd_stat 1)" = 101 ] && [ "$(cat $SYS/writeback_limit)" = 0 ] || r=1
	echo 0 >$SYS/writeback_limit_enable && echo huge >$SYS/writeback && [ "$(column bd_stat 1)" = 1024 ] &&
		[ "$(column mm_stat 8)" = 0 ] || r=1
	echo all >$SYS/idle && dd if=$DEV of=/dev/null bs=1M skip=4 count=1 iflag=direct 2>/dev/null || r=1
	echo idle >$SYS/writeback && [ "$(column bd_stat 1)" = $((2048 - 256)) ] || r=1
	same_noise 0 && cmp -s -i $((4 << 20)):0 -n $((4 << 20)) $DEV "$TMP/text" || r=1
	stats
	[ "$(column io_stat 1)" = 0 ] && reset_device && return $r
}

# Near the limit the first pages leave memory, so that there is room for the next.
demotion()
{
	local r=0

	set_up 2M 64M && write_noise 0 || return 1
	kst_wait 10 eval "[ \"\$(column mm_stat 3)\" -le $((15 << 17)) ]" || r=1
	stats
	write_noise 32 && same_noise 0 && same_noise 32 || r=1
	[ "$(column io_stat 1)" = 0 ] && [ "$(column io_stat 2)" = 0 ] || r=1
	reset_device && return $r
}

# A demotion that cannot write changes nothing.
dead_for_demotion()
{
	local r=0

	set_up 0 64M && write_noise 0 && dead || return 1
	refused "Input/output error" $SYS/writeback huge || r=1
	[ "$(column bd_stat 1)" = 0 ] && [ "$(column mm_stat 8)" = 1024 ] && [ "$(debug bd_errors)" -gt 0 ] || r=1
	same_noise 0 && healthy && echo huge >$SYS/writeback && [ "$(column bd_stat 1)" = 1024 ] && same_noise 0 || r=1
	reset_device && return $r
}

# What is moved while it is overwritten, discarded and read is right all the same.
stress_moving()
{
	local pid r

	stress "$@" & pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		echo all >$SYS/idle
		echo idle >$SYS/writeback
		echo huge >$SYS/writeback
	done 2>/dev/null
	wait "$pid"
	r=$?
	stats
	return $r
}

# The same with a backing device that fails every now and then. On a slow machine few requests meet it then.
stress_failing()
{
	local pid n r=0

	echo 1M >$SYS/mem_limit && dead || return 1
	for ((n = 0; n < 10 && !r && $(column io_stat 2) == 0; n++)); do
		stress_moving errors & pid=$!
		while kill -0 "$pid" 2>/dev/null; do
			sleep 0.3 && healthy && sleep 0.3 && dead
		done
		wait "$pid"
		r=$?
	done
	[ "$(column io_stat 2)" -gt 0 ] || r=1
	echo 4M >$SYS/mem_limit && healthy && return $r
}

# stress [errors]
stress()
{
	local seed=$RANDOM

	ksft_print_msg "seed $seed"
	"$BIN/back_stress" $DEV "$seed" 2048 $SECONDS_EACH 4 "$@"
}

# What is on the device cannot be read, what is in memory can; later everything is there again.
dead_for_reads()
{
	local r=0 failed

	echo 4K >$SYS/mem_limit && write_noise 16 && echo 0 >$SYS/mem_limit && write_noise 0 && dead || return 1
	same_noise 0 || r=1
	same_noise 16 && r=1
	failed=$(column io_stat 1)
	[ "$failed" -gt 0 ] && [ "$(debug bd_errors)" -gt 0 ] || r=1
	healthy && same_noise 0 && same_noise 16 && [ "$(column io_stat 1)" = "$failed" ] && return $r
}

# A failed write is an error to its writer, and what was there stays.
dead_for_writes()
{
	local r=0

	echo 4K >$SYS/mem_limit && dead || return 1
	dd if=/dev/zero bs=4k count=1 2>/dev/null | tr '\0' 'x' | dd of=$DEV bs=4k oflag=direct seek=1024 \
		2>/dev/null || r=1
	dd if=/dev/urandom of=$DEV bs=4k count=16 oflag=direct seek=1040 2>/dev/null && r=1
	[ "$(column io_stat 2)" -gt 0 ] || r=1
	healthy || return 1
	tail -c +4097 "$TMP/noise" >"$TMP/rest"
	dd if=$DEV bs=4k skip=1025 count=1023 iflag=direct 2>/dev/null | cmp -s - "$TMP/rest" && return $r
}

# Somebody writes to the device behind our back: errors, never other bytes.
damaged()
{
	local r=0 bad n

	write_noise 16 || return 1
	bad=$(debug bad_sum)
	dd if=$DAMAGE of=$MEMORY bs=1M count=$SIZE oflag=direct conv=notrunc 2>/dev/null
	for n in 1024 1500 2047; do
		dd if=$DEV of=/dev/null bs=4k skip=$n count=1 iflag=direct 2>/dev/null && r=1
	done
	[ "$(debug bad_sum)" -ge $((bad + 3)) ] || r=1
	stats
	write_noise 16 && same_noise 16 && return $r
}

# A full backing device refuses, harms nothing, and takes again what was freed.
full()
{
	local r=0

	dmsetup remove --retry kst-back && create $((1 << 11)) || return 1
	set_up 4K 64M || return 1
	write_noise 0 && r=1
	[ "$(column bd_stat 1)" = 256 ] && [ "$(column io_stat 2)" -gt 0 ] || r=1
	cmp -s -n $((256 << 10)) $DEV "$TMP/noise" || r=1
	blkdiscard -o 0 -l 4M $DEV && dd if="$TMP/noise" of=$DEV bs=256k seek=32 count=4 oflag=direct 2>/dev/null || r=1
	reset_device && dmsetup remove --retry kst-back && create $SECTORS && return $r
}

# delayed N: so many reads wait in the table
delayed()
{
	[[ $(dmsetup status kst-back) == *" delay $1 "* ]]
}

# one_page OPERAND...: dd of one
one_page()
{
	dd bs=4k count=1 "$@" 2>/dev/null
}

# A block that is freed while it is read is not written to before that has ended. Reads take 1000 seconds, or until
# the table changes; all blocks are taken. Without -f blkdiscard reads, too.
freed_while_read()
{
	local r=0 pid=() i size=$((1 << 11))

	dmsetup remove --retry kst-back && create $size && set_up 4K 64M || return 1
	write_noise 0 && r=1
	[ "$(column bd_stat 1)" = 256 ] || r=1
	table "0 $size delay $MEMORY 0 1000000 $MEMORY 0 0" || r=1
	for i in 0 1; do
		one_page if=$DEV of="$TMP/read$i" skip=128 iflag=direct & pid[i]=$!
	done
	kst_wait 20 delayed 2 || r=1
	blkdiscard -f -o $((128 << 12)) -l 4096 $DEV || r=1
	one_page if="$TMP/noise" of=$DEV skip=300 seek=300 oflag=direct && r=1
	table "0 $size linear $MEMORY 0" || r=1
	for i in 0 1; do
		wait "${pid[i]}" && cmp -s -n 4096 -i $((128 << 12)):0 "$TMP/noise" "$TMP/read$i" || r=1
	done
	one_page if="$TMP/noise" of=$DEV skip=300 seek=300 oflag=direct || r=1
	stats
	[ "$(column bd_stat 1)" = 256 ] && [ "$(column bd_stat 2)" = 2 ] && [ "$(debug bad_sum)" = 0 ] || r=1
	reset_device && dmsetup remove --retry kst-back && create $SECTORS && return $r
}

# silenced: a write waits in the table
silenced()
{
	[[ $(dmsetup status kst-back) == *" delay 0 "[1-9]* ]]
}

# given_up VALUE FILE: nothing comes of writing it, but whoever tries can be ended; udev may have the device at first
given_up()
{
	timeout 0.5 bash -c "until echo $1 >$2; do sleep 0.1; done" 2>/dev/null
	[ $? = 124 ]
}

# A device that does not answer the writes of demotion holds up a reset and a removal, but not whoever gives up.
# A page of zeroes needs no room, and wakes the worker.
silent()
{
	local r=0

	set_up 0 64M && write_noise 0 && table "0 $SECTORS delay $MEMORY 0 0 $MEMORY 0 1000000" || return 1
	echo 2M >$SYS/mem_limit && one_page if=/dev/zero of=$DEV seek=2000 oflag=direct && kst_wait 20 silenced || r=1
	given_up 1 $SYS/reset && given_up 0 $CONTROL/hot_remove || r=1
	[ "$(cat $SYS/initstate)" = 1 ] && same_noise 0 && healthy && same_noise 0 || r=1
	reset_device && return $r
}

# load KIND SYNC ALGORITHM: three times what its cgroup holds, little of it in compressed memory
load()
{
	local r

	echo "$2" >$SYS/sync && echo "$3" >$SYS/comp_algorithm && set_up $((MIB / 12))M 256M && mkswap $DEV >/dev/null &&
		swapon -p 100 $DEV || return 1
	"$BIN/swap_load" -c $CGROUP "$1" $MIB
	r=$?
	stats
	[ "$(column bd_stat 2)" -gt 0 ] && [ "$(column io_stat 1)" = 0 ] && [ "$(column io_stat 2)" = 0 ] || r=1
	swapoff $DEV && reset_device && return $r
}

# Writes fail half of the time: pages stay where they were, and nobody notices.
flaky_swap()
{
	local r=0

	echo max >$CGROUP/memory.max && echo $((MIB / 3))M >$CGROUP/memory.high || return 1
	set_up 4M 256M && mkswap $DEV >/dev/null && swapon -p 100 $DEV || return 1
	table "0 $SECTORS flakey $MEMORY 0 1 1 1 error_writes" || r=1
	"$BIN/swap_load" -c $CGROUP anon 40 || r=1
	healthy || r=1
	stats
	[ "$(debug bd_errors)" -gt 0 ] && [ "$(column io_stat 1)" = 0 ] || r=1
	swapoff $DEV && reset_device || r=1
	echo max >$CGROUP/memory.high && echo $((MIB / 3))M >$CGROUP/memory.max && return $r
}

# Whoever needs a page that is damaged is killed by SIGBUS, and never sees another page.
damaged_swap()
{
	local r=0 pid

	set_up 4K 256M && mkswap $DEV >/dev/null && swapon -p 100 $DEV || return 1
	"$BIN/swap_load" -c $CGROUP -r 100 anon $MIB & pid=$!
	kst_wait 20 eval "[ \"\$(column bd_stat 1)\" -gt $((MIB * 32)) ]" || r=1
	dd if=/dev/zero of=$MEMORY bs=1M count=$SIZE oflag=direct conv=notrunc 2>/dev/null
	wait "$pid" 2>/dev/null
	[ $? = $((128 + 7)) ] || r=1
	stats
	[ "$(column io_stat 1)" -gt 0 ] && [ "$(debug bad_sum)" -gt 0 ] && [ "$(column io_stat 2)" = 0 ] || r=1
	swapoff $DEV && reset_device && return $r
}

goes_full()
{
	local r=0 id

	set_up 4K 64M && write_noise 0 || return 1
	id=$(cat $CONTROL/hot_add) || return 1
	kst_wait 10 eval "echo 0 >$CONTROL/hot_remove" 2>/dev/null || r=1
	dmsetup suspend kst-back && dmsetup resume kst-back || r=1
	echo $BACK >"/sys/block/memcompress$id/backing_dev" && echo 4K >"/sys/block/memcompress$id/mem_limit" &&
		echo 64M >"/sys/block/memcompress$id/disksize" || r=1
	kst_wait 10 [ -b "/dev/memcompress$id" ] || r=1
	dd if="$TMP/noise" of="/dev/memcompress$id" bs=256k oflag=direct 2>/dev/null || r=1
	kst_wait 10 rmmod memcompress 2>/dev/null || r=1
	dmsetup remove --retry kst-back && return $r
}

ksft_print_header
kst_need dmsetup fio blkdiscard mkfs.ext4 mkswap
kst_loaded dm_mod || kst_load_stock dm_mod
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
ksft_set_plan $((LONG ? 25 : 24))
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
dd if=/dev/urandom of="$TMP/noise" bs=1M count=4 2>/dev/null
kst_load memcompress
kst_null_blk $SIZE
create $SECTORS || ksft_exit_fail_msg "no dm device"
kst_undo dmsetup remove --retry kst-back
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir $CGROUP && kst_undo rmdir $CGROUP
echo $((MIB / 3))M >$CGROUP/memory.max
kst_undo eval "echo \$\$ >/sys/fs/cgroup/cgroup.procs"
kst_undo swapoff $DEV

ksft_test "what cannot be a backing device is refused" bad_devices
if command -v losetup >/dev/null && { [ -e /dev/loop-control ] || modprobe loop 2>/dev/null; }; then
	ksft_test "a loop device only by force" loop_by_force
else
	ksft_test_result_skip "a loop device only by force" "no loop devices in this kernel"
fi
ksft_test "a backing device is held, and let go" attach
ksft_test "content, nothing in memory" content 4K
ksft_test "content, some in memory" content $((PAGES / 2))K
set_up 4M 64M
ksft_test "fio finds what it wrote" verify_fio
ksft_test "ext4 on the device" file_system
ksft_test "overwritten, discarded and read at once" stress
ksft_test "the same while objects move" stress_moving
ksft_test "the same with a device that fails at times" stress_failing
ksft_test "the backing device cannot be read" dead_for_reads
ksft_test "the backing device cannot be written to" dead_for_writes
ksft_test "the backing device is damaged" damaged
ksft_test "reset" reset_device
ksft_test "the backing device is full" full
if dmsetup targets | grep -q ^delay || modprobe dm-delay 2>/dev/null; then
	ksft_test "a block is freed while it is read" freed_while_read
	ksft_test "a device that does not answer holds up nobody for ever" silent
else
	ksft_test_result_skip "a device that does not answer holds up nobody for ever" "no dm-delay in this kernel"
	ksft_test_result_skip "a block is freed while it is read" "no dm-delay in this kernel"
fi
ksft_test "writeback by hand" writeback
ksft_test "demotion makes room" demotion
ksft_test "demotion that cannot write" dead_for_demotion
ksft_test "swap, synchronous" load anon 1 lz4
ksft_test "swap of huge pages, asynchronous, zstd" load thp 0 zstd
if [ "$LONG" = 0 ]; then
	:
elif dmsetup targets | grep -q ^flakey || modprobe dm-flakey 2>/dev/null; then
	ksft_test "swap with writes that fail at times" flaky_swap
else
	ksft_test_result_skip "swap with writes that fail at times" "no dm-flakey in this kernel"
fi
ksft_test "swap that comes back damaged" damaged_swap
ksft_test "device and module go with a full backing device" goes_full
ksft_finished
