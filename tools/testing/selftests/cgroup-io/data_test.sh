#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What VMs write through the target vmio is what they read: every kind of request arrives below as of dm-linear,
# nothing is lost while tables change under load, a file system survives its disk's removal, and swapping goes on
# where everything else waits. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh
# shellcheck source=tools/testing/selftests/memcompress/swap_lib.sh
. ../memcompress/swap_lib.sh

LONG=$((${VMACCEL_LONG:-0} ? 8 : 1))
MANY=$((${VMACCEL_LONG:-0} ? 1000 : 250))
DISK=/dev/mapper/vmio-test
LOWER=/dev/nullb0
DIR=/run/vmio-mnt
TRACE=/sys/kernel/tracing
BUILT=${VMACCEL_TOP:-../../../..}/build/selftests/cgroup-io

# scsi_disk: a disk that takes flushes, forced writes, discards and zeroes; its name in SCSI
scsi_disk()
{
	local dir

	modprobe sd_mod && modprobe scsi_debug dev_size_mb=64 lbpu=1 lbpws=1 delay=0 physblk_exp=3 opt_blks=128 || return 1
	kst_undo rmmod scsi_debug
	for dir in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
		SCSI=${dir##*/}
	done
	kst_wait 10 [ -b "/dev/$SCSI" ]
}

# requests DEVICE: what the disk SCSI sees of each kind of request to the device
requests()
{
	local number

	number=$(tr : , <"/sys/block/$SCSI/dev")
	echo >"$TRACE"/trace && echo 1 >"$TRACE"/events/block/block_rq_issue/enable || return 1
	dd if=/dev/urandom of="$1" bs=4k count=3 oflag=direct conv=fsync 2>/dev/null
	dd if=/dev/urandom of="$1" bs=8k count=2 seek=8 oflag=direct,dsync 2>/dev/null
	dd if="$1" of=/dev/null bs=16k count=2 iflag=direct 2>/dev/null
	blkdiscard -o 1M -l 4M "$1" && blkdiscard -z -o 8M -l 2M "$1"
	sync "$1"
	echo 0 >"$TRACE"/events/block/block_rq_issue/enable
	sed -n "s/.*block_rq_issue: $number \([A-Z]*\) \([0-9]*\) ([^)]*) \([0-9]*\) + \([0-9]*\) .*/\1 \2 \3 \4/p" "$TRACE"/trace |
		grep -v "^RA"
}

# scsi_stat KEY: what VM a has had of the pool scsi
scsi_stat()
{
	sed -n "s/^scsi .* $1=\([0-9]*\).*/\1/p" "$VM_ROOT/a/io.vm.stat"
}

# zeroes DEVICE: those that are no data count as much as if they were
zeroes()
{
	local ios bytes

	ios=$(scsi_stat wios)
	bytes=$(scsi_stat wbytes)
	in_vm a blkdiscard -z -l 16M "$1" || return 1
	ios=$(($(scsi_stat wios) - ios))
	bytes=$(($(scsi_stat wbytes) - bytes))
	[ "$bytes" = 16777216 ] && [ "$ios" -ge 4 ] && return 0
	ksft_print_msg "$bytes bytes of zeroes in $ios requests"
	return 1
}

# queue DEVICE: what is said of its queue, but for what has nothing to do with the disk
queue()
{
	local dir

	dir=/sys/block/$(dmsetup info -c --noheadings -o blkdevname "$1")/queue
	(cd "$dir" && grep -s . -- * | sort)
}

# What the disk takes: dm-linear's, but for zeroes, of which one request is one.
same_queue()
{
	local differs

	differs=$(diff <(echo "$1") <(echo "$2") | sed -n 's/^[<>] //p')
	[ "$(grep -c "^write_zeroes_max_bytes:" <<<"$differs")" = 2 ] && grep -qx "write_zeroes_max_bytes:4194304" <<<"$2" &&
	! grep -v "^write_zeroes_max_bytes:" <<<"$differs" && return 0
	ksft_print_msg "$differs"
	return 1
}

all_kinds()
{
	local linear ours kind linear_queue

	[ -e "$TRACE"/trace ] || mount -t tracefs none "$TRACE" || return 1
	scsi_disk || return 1
	vmio_dm vmio-linear "0 $(blockdev --getsz "/dev/$SCSI") linear /dev/$SCSI 0" || return 1
	linear=$(requests /dev/mapper/vmio-linear)
	linear_queue=$(queue vmio-linear)
	vmio_no_dm vmio-linear
	vmio_dm vmio-scsi "$(vmio_table "$(blockdev --getsz "/dev/$SCSI")" "/dev/$SCSI" pool=scsi)" || return 1
	ours=$(requests /dev/mapper/vmio-scsi)
	same_queue "$linear_queue" "$(queue vmio-scsi)" && zeroes /dev/mapper/vmio-scsi || return 1
	vmio_no_dm vmio-scsi
	ksft_print_msg "$(cut -d ' ' -f 1 <<<"$ours" | sort | uniq -c | tr -s ' \n' ' ')"
	if [ "$ours" != "$linear" ]; then
		diff <(echo "$linear") <(echo "$ours") | while read -r kind; do ksft_print_msg "$kind"; done
		return 1
	fi
	# A flush, a forced write, a discard, and zeroes that are no data.
	for kind in "FF 0 " "W[A-Z]*F[A-Z]* 8192 " "D[A-Z]* [0-9]* 2048 8192" "N[A-Z]* [0-9]* 16384 4096"; do
		grep -q "^$kind" <<<"$ours" || { ksft_print_msg "no '$kind'"; return 1; }
	done
}

table_changes=0

# Another window, and at times another limit.
change_table()
{
	table_changes=$((table_changes + 1))
	echo "disk iops=$((table_changes % 3 * 100 + 100))" >"$VM_ROOT/a/io.vm.limit" &&
	dmsetup load vmio-test --noudevsync \
		--table "$(vmio_table "$(blockdev --getsz "$LOWER")" "$LOWER" pool=test "window=$((table_changes % 4 + 1))")" &&
	dmsetup suspend --noudevsync "$@" vmio-test && dmsetup resume --noudevsync vmio-test
}

# Writes of all sizes, each read again, while tables come and go.
verified()
{
	local pid r=0

	in_vm a fio --name=t --filename="$DISK" --rw=randwrite --bsrange=4k-64k --size=$((8 * LONG))M --direct=1 \
		--ioengine=libaio --iodepth=16 --verify=crc32c --verify_fatal=1 --eta=never --output=/run/vmio-fio &
	pid=$!
	while kill -0 "$pid" 2>/dev/null && [ "$r" = 0 ]; do
		change_table && change_table --noflush || r=1
	done
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit"
	wait "$pid" || r=1
	ksft_print_msg "$table_changes tables"
	[ "$r" = 0 ] && [ "$table_changes" -ge 2 ] && return 0
	cat /run/vmio-fio
	return 1
}

# to_error: the device loses its disk, with what is under way
to_error()
{
	dmsetup load vmio-test --noudevsync --table "0 $(blockdev --getsz "$LOWER") error" &&
	dmsetup suspend --noudevsync --noflush --nolockfs vmio-test && dmsetup resume --noudevsync vmio-test
}

to_vmio()
{
	dmsetup load vmio-test --noudevsync \
		--table "$(vmio_table "$(blockdev --getsz "$LOWER")" "$LOWER" pool=test window=8)" &&
	dmsetup suspend --noudevsync --noflush --nolockfs vmio-test && dmsetup resume --noudevsync vmio-test
}

# What was synced is there when the disk went away under a file system that was being written.
crashed()
{
	local pid sum r=0

	mkfs.ext4 -q -F "$DISK" 32M && mkdir -p "$DIR" && mount "$DISK" "$DIR" || return 1
	dd if=/dev/urandom of="$DIR"/synced bs=64k count=32 conv=fsync 2>/dev/null || r=1
	sum=$(sha256sum <"$DIR"/synced)
	in_vm a sh -c "i=0; while :; do i=\$((i + 1)); echo \$i >$DIR/f\$i; sync $DIR/f\$i; done" 2>/dev/null &
	pid=$!
	kst_wait 60 [ -s "$DIR"/f8 ] || { ksft_print_msg "nothing is written"; r=1; }
	to_error || { ksft_print_msg "the disk stays"; r=1; }
	vmio_kill "$VM_ROOT/a"
	wait "$pid" 2>/dev/null
	umount "$DIR" && to_vmio && [ "$r" = 0 ] || return 1
	e2fsck -fy "$DISK" >/run/vmio-fsck 2>&1
	[ $? -le 1 ] || { cat /run/vmio-fsck; return 1; }
	e2fsck -fn "$DISK" >/run/vmio-fsck 2>&1 || { cat /run/vmio-fsck; return 1; }
	mount "$DISK" "$DIR" || return 1
	# The last one was not synced, perhaps.
	if [ "$(sha256sum <"$DIR"/synced)" != "$sum" ] || [ ! -s "$DIR"/f1 ] || [ ! -s "$DIR"/f7 ]; then
		ksft_print_msg "what was synced is not there"
		r=1
	fi
	umount "$DIR" && return "$r"
}

# Swapping out where the VM's own requests wait for seconds each. What it reads again is its own.
swapped()
{
	local before=0 pid r=0 huge=/sys/kernel/mm/transparent_hugepage/enabled

	# Page by page, so that they are many.
	kst_undo eval "echo $(sed 's/.*\[\(.*\)\].*/\1/' "$huge") >$huge"
	echo never >"$huge"
	mkswap "$DISK" >/dev/null 2>&1 && swapon "$DISK" || return 1
	echo 24M >"$VM_ROOT/a/memory.max" && echo "disk iops=1" >"$VM_ROOT/a/io.vm.limit" || r=1
	before=$(vmio_stat a debt_ios)
	"$BUILT/swap_load" -c "$VM_ROOT/a" -n -s /run/vmio-swap anon 40 &
	pid=$!
	kst_wait 60 grep -qs "^round 0 " /run/vmio-swap || r=1
	ksft_print_msg "$(($(vmio_stat a debt_ios) - before)) requests that did not wait"
	[ $(($(vmio_stat a debt_ios) - before)) -ge 256 ] || r=1
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit"
	wait "$pid" || r=1
	ksft_print_msg "$(</run/vmio-swap)"
	grep -q "^done .* wrong 0$" /run/vmio-swap || r=1
	swapoff "$DISK" || r=1
	echo max >"$VM_ROOT/a/memory.max"
	return "$r"
}

# passed: requests that did not wait, of VM a and of the root, for which kernel threads send
passed()
{
	echo $(($(vmio_stat a debt_ios) + $(vmio_stat .. debt_ios)))
}

# Compressed swap whose backing device is in the pool, with a VM at its limit of memory, and of requests, and another that
# keeps the disk busy. What the first cannot store in memory goes to the disk at once.
compressed()
{
	local before load r=0

	swap_init && vm_add "$VM_ROOT/a" && SWAP_SIZE=$((64 * LONG))M swap_on "backing_dev=$DISK" comp_algorithm=lz4 &&
	echo 1M >"$(vm_dir "$VM_ROOT/a")/max" && dmsetup message vmio-test 0 window 1 || return 1
	before=$(passed)
	echo 12M >"$VM_ROOT/a/memory.max" && echo "disk iops=1" >"$VM_ROOT/a/io.vm.limit" || r=1
	vmio_load b "$DISK"
	"$BUILT/swap_load" -c "$VM_ROOT/a" -n -s /run/vmio-swap anon $((20 * LONG)) &
	load=$!
	kst_wait 60 grep -qs "^round 0 " /run/vmio-swap || r=1
	ksft_print_msg "$(($(passed) - before)) requests that did not wait, $(vm_stat "$VM_ROOT/a" spilled) pages"
	[ $(($(passed) - before)) -ge 64 ] || r=1
	# Now it reads all of them, which waits for the turns of VM b otherwise.
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit"
	vmio_kill "$VM_ROOT/b" && dmsetup message vmio-test 0 window 8 || r=1
	wait "$load" || r=1
	ksft_print_msg "$(</run/vmio-swap)"
	grep -q "^done .* wrong 0$" /run/vmio-swap && no_errors || r=1
	echo max >"$VM_ROOT/a/memory.max"
	swap_off && return "$r"
}

# waiting VM N: so many of its requests wait for their turns
waiting()
{
	[ "$(vmio_stat "$1" queued)" -ge "$2" ]
}

# A VM that reads a great many pages from a compressed device's backing device, at one request a second, holds up no
# other that reads there.
unhindered()
{
	local r=0

	swap_init && echo "$DISK" >"$SYS/backing_dev" && echo 4K >"$SYS/mem_limit" && echo 64M >"$SYS/disksize" &&
	dd if=/dev/urandom of="$DEV" bs=64k count=64 oflag=direct 2>/dev/null || return 1
	echo "disk iops=1" >"$VM_ROOT/a/io.vm.limit" || r=1
	in_vm a "$DISK_IO" read "$DEV" 200 0 >/dev/null 2>&1 &
	disown
	kst_wait 30 waiting a 63 || r=1
	in_vm b timeout $((20 * VM_SLOW)) dd if="$DEV" of=/dev/null bs=4k count=256 iflag=direct 2>/dev/null || r=1
	ksft_print_msg "a: $(vmio_stat a queued) wait; b: $(vmio_stat b rios) reads"
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit"
	vmio_kill "$VM_ROOT/a" && kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null && return "$r"
}

# beyond VM N: it has read so many times
beyond()
{
	[ "$(vmio_stat "$1" rios)" -ge "$2" ]
}

# Flushes do not wait, but nobody waits for one who sends nothing else.
flooded()
{
	local r=0

	dmsetup message vmio-test 0 window 1 &&
	in_vm a "$DISK_IO" flush "$DISK" 16 2>/dev/null &
	vmio_load b "$DISK"
	kst_wait 60 beyond b $(($(vmio_stat b rios) + 300)) || r=1
	ksft_print_msg "a: $(vmio_stat a debt_ios) that did not wait, b: $(vmio_stat b rios)"
	[ "$(vmio_stat a debt_ios)" -gt 0 ] || r=1
	vmio_kill "$VM_ROOT/a" && vmio_kill "$VM_ROOT/b"
	return "$r"
}

# own CGROUP...: a request of each is its own. The kernel makes what a cgroup has of a disk when the first comes, and
# if it finds no memory for that at once, counts the request for the cgroup above.
own()
{
	local before

	before=$(vmio_stat . rios)
	"$BUILT/vmio_order" "$DISK" 1 "$VM_ROOT" "$@" <<<"go" >/dev/null && [ "$(vmio_stat . rios)" = "$before" ] && return 0
	ksft_print_msg "$(($(vmio_stat . rios) - before)) are of the cgroup above"
	return 1
}

# A great many cgroups, all with requests: they have their turns. When the first has had its three, each has had two.
many()
{
	local before i counts dirs=()

	for ((i = 1; i <= MANY; i++)); do
		dirs+=("$VM_ROOT/t$i")
	done
	mkdir "${dirs[@]}" || return 1
	for i in "${dirs[@]}"; do
		echo default >"$i/io.vm.shares" || return 1
	done
	dmsetup message vmio-test 0 window 1 && kst_wait 60 own "${dirs[@]}" || return 1
	before=$(vmio_stat "t$MANY" rios)
	counts=$("$BUILT/vmio_order" "$DISK" 3 "$VM_ROOT" "${dirs[@]}" <<<"go") || return 1
	counts=$(sed -n '2s/ [0-9]*$//p' <<<"$counts" | tr ' ' '\n' | sort | uniq -c | tr -s ' \n' ' ')
	ksft_print_msg "cgroups by requests:$counts"
	[[ $counts =~ ^\ [0-9]+\ 2\ [0-9]+\ 3\ $ ]] || return 1
	[ "$(vmio_stat "t$MANY" rios)" = $((before + 3)) ] && [ "$(vmio_stat "t$MANY" queued)" = 0 ] && rmdir "${dirs[@]}"
}

kst_need fio dmsetup blkdiscard mkfs.ext4 e2fsck swapon
vmio_test_bed 100000 io memory
ksft_print_header
ksft_set_plan $((LONG > 1 ? 8 : 7))
ksft_test "limits, and every kind of request, as of dm-linear" all_kinds
ksft_test "data that are verified while tables change" verified
ksft_test "a file system whose disk is taken away" crashed
# In both what swaps may not wait; the second has a driver in between, with memory and threads of its own.
[ "$LONG" = 1 ] || ksft_test "swap in a VM whose other requests wait" swapped
ksft_test "compressed swap, backed by a busy pool" compressed
ksft_test "a VM at its limit of reads from swap holds up no other" unhindered
ksft_test "flushes of one VM keep no other from the disk" flooded
ksft_test "a great many cgroups at once" many
ksft_finished
