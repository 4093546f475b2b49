#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The target vmio as a disk: tables and their errors, whose request it is, flushes and discards as dm-linear has
# them, suspend and removal while VMs wait. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

DEV=/dev/mapper/vmio-test
LOWER=/dev/nullb0
DIR=/run/vmio-mnt
LONG=${VMACCEL_LONG:-0}

# no_table ARGUMENT...: a table that is refused
no_table()
{
	! dmsetup create vmio-bad --noudevsync --table "$(vmio_table 1000 "$@")" 2>/dev/null && return 0
	ksft_print_msg "took $*"
	dmsetup remove --noudevsync vmio-bad
	return 1
}

bad_tables()
{
	no_table && no_table /dev/nothing && no_table "$LOWER" pool= && no_table "$LOWER" pool=a/b &&
	no_table "$LOWER" pool=a.b && no_table "$LOWER" "pool=$(printf 'x%.0s' {1..24})" &&
	no_table "$LOWER" window=0 && no_table "$LOWER" window=70000 && no_table "$LOWER" offset=-1 &&
	no_table "$LOWER" window=car && no_table "$LOWER" latency=0 && no_table "$LOWER" latency=99999999 &&
	no_table "$LOWER" color=red && no_table "$LOWER" pool=a window=1 offset=0 pool=b &&
	[ ! -e /sys/block/vmio-a ]
}

# table_is WINDOW
table_is()
{
	local table

	table=$(dmsetup table vmio-test)
	case $table in
	*" pool=test offset=0 $1") return 0 ;;
	esac
	ksft_print_msg "$table"
	return 1
}

# no_message WORD...: one that is refused, and the kernel log says what is not
no_message()
{
	local before text="messages are: window <n>, window auto, latency <us>, stat"

	before=$(dmesg | grep -cF "$text")
	! dmsetup message vmio-test 0 "$@" 2>/dev/null && [ "$(dmesg | grep -cF "$text")" = $((before + 1)) ] && return 0
	ksft_print_msg "takes message '$*', or the log says nothing"
	return 1
}

tables()
{
	table_is window=8 && dmsetup message vmio-test 0 window 9 && table_is window=9 &&
	no_message window 0 && no_message windows 5 && no_message latency 0 && no_message stat 1 && table_is window=9 &&
	dmsetup message vmio-test 0 window auto && table_is window=auto &&
	dmsetup message vmio-test 0 latency 700 && table_is latency=700 &&
	dmsetup message vmio-test 0 window 8 && table_is window=8
}

# Nobody opens the private disk.
private()
{
	mknod /run/vmio-private b "$(cut -d: -f1 /sys/block/vmio-test/dev)" "$(cut -d: -f2 /sys/block/vmio-test/dev)" &&
	! dd if=/run/vmio-private of=/dev/null bs=4k count=1 2>/dev/null
	local r=$?

	rm -f /run/vmio-private
	[ "$(</sys/block/vmio-test/size)" = "$(</sys/block/nullb0/size)" ] && return "$r"
}

# counted VM KEY BY COMMAND...: the command makes the VM's count grow by so much
counted()
{
	local vm=$1 key=$2 by=$3 before after
	shift 3

	before=$(vmio_stat "$vm" "$key")
	in_vm "$vm" "$@" 2>/dev/null || return 1
	after=$(vmio_stat "$vm" "$key")
	[ $((after - before)) = "$by" ] && return 0
	ksft_print_msg "$vm: $key grew by $((after - before)), not $by: $*"
	return 1
}

direct()
{
	counted a rbytes 65536 dd if="$DEV" of=/dev/null bs=16k count=4 iflag=direct &&
	counted b wbytes 65536 dd if=/dev/zero of="$DEV" bs=16k count=4 oflag=direct &&
	counted a rios 4 dd if="$DEV" of=/dev/null bs=16k count=4 iflag=direct &&
	counted b rios 0 true && counted a wbytes 0 true
}

# key KEY TEXT: its value in a line of key=value
key()
{
	local line=" $2 "

	line=${line#*" $1="}
	echo "${line%%[ $'\n']*}"
}

# sum NUMBER,...: of all
sum()
{
	echo $((${1//,/+}))
}

# In the nested-keyed format of the kernel: name key=value...; both histograms have each request once.
says()
{
	local all line r=0

	line=$(<"$VM_ROOT/$1/io.vm.stat")
	all=$(($(key rios "$line") + $(key wios "$line") + $(key dios "$line")))
	[[ $line =~ ^test(\ [a-z0-9_]+=[0-9]+(,[0-9]+)*)+$ ]] || r=1
	[ "$(sum "$(key wait_log2 "$line")")" = "$all" ] && [ "$(sum "$(key disk_log2 "$line")")" = "$all" ] || r=1
	[ "$r" = 0 ] || ksft_print_msg "$line"
	return "$r"
}

# throttled NS: so long VM s has waited for its limit
throttled()
{
	[ "$(vmio_stat s throttled_ns)" -ge "$1" ]
}

# What a VM has had, at its limit and not, and what all have had together.
statistics()
{
	local all=0 file n=0 pid stat

	vmio_vm s && in_vm s dd if="$DEV" of=/dev/null bs=8k count=3 iflag=direct 2>/dev/null &&
	in_vm s dd if=/dev/zero of="$DEV" bs=4k count=2 oflag=direct 2>/dev/null && in_vm s blkdiscard -f -l 1M "$DEV" || return 1
	stat=$(<"$VM_ROOT/s/io.vm.stat")
	case $stat in
	"test rbytes=24576 wbytes=8192 dbytes=1048576 rios=3 wios=2 dios=1 debt_ios=0 "*" queued=0 throttled_ns=0 behind_ns=0 missed_ns=0") ;;
	*) ksft_print_msg "$stat"; return 1 ;;
	esac
	says s && [ "$(key disk_ns "$stat")" -gt 0 ] || return 1
	# At a limit the time grows until that is lifted, and no longer.
	echo "disk bps=1" >"$VM_ROOT/s/io.vm.limit" || return 1
	in_vm s "$DISK_IO" read "$DEV" 2 2 &
	pid=$!
	kst_wait 30 throttled 100000000 || return 1
	echo "disk bps=max" >"$VM_ROOT/s/io.vm.limit" && wait "$pid" && says s || return 1
	stat=$(<"$VM_ROOT/s/io.vm.stat")
	ksft_print_msg "at its limit for $(key throttled_ns "$stat") ns, waited for $(key wait_ns "$stat")"
	[ "$(key wait_ns "$stat")" -ge 100000000 ] && [ "$stat" = "$(<"$VM_ROOT/s/io.vm.stat")" ] || return 1
	while read -r file; do
		stat=$(grep "^test " "$file") || continue
		all=$((all + $(key rios "$stat")))
		n=$((n + 1))
	done < <(find /sys/fs/cgroup -name io.vm.stat)
	stat=$(dmsetup message vmio-test 0 stat)
	[ "${stat%% *}" = test ] && [ "$(key rios "$stat")" = "$all" ] && [ "$(key cgroups "$stat")" = "$n" ] &&
	[ "$(sum "$(key disk_log2 "$stat")")" -ge "$all" ] && rmdir "$VM_ROOT/s" && return 0
	ksft_print_msg "of $n cgroups with $all reads: $stat"
	return 1
}

# A VM that waits for each of its requests, mostly alone with the disk: now and then the other one has more than there is
# room for, settings change, and somebody looks. Each request counts once, and in the end nothing is at the disk.
alone()
{
	local a b pid turn r=0

	a=$(vmio_stat a rios)
	b=$(vmio_stat b rios)
	for turn in {1..6}; do
		in_vm a "$DISK_IO" read "$DEV" 1 2000 2>/dev/null &
		pid=$!
		in_vm b "$DISK_IO" read "$DEV" 16 64 2>/dev/null && echo $((100 + turn)) >"$VM_ROOT/a/io.vm.shares" &&
			vmio_stat a rios >/dev/null && dmsetup message vmio-test 0 window 8 &&
			dmsetup status vmio-test >/dev/null && wait "$pid" || r=1
	done
	echo default >"$VM_ROOT/a/io.vm.shares"
	a=$(($(vmio_stat a rios) - a))
	b=$(($(vmio_stat b rios) - b))
	[ "$a" = 12000 ] && [ "$b" = 384 ] && dmsetup status vmio-test | grep -q busy=0 && return "$r"
	ksft_print_msg "$a and $b requests, not 12000 and 384: $(dmsetup status vmio-test)"
	return 1
}

# job NAME OPTION...: one of fio
job()
{
	echo "--name=$1 --filename=$DEV --rw=read --bs=4k --size=256k --direct=1 --iodepth=8 --ioengine=${*:2}"
}

# All at a time: fio is slow to start.
by_engines()
{
	local bytes=$((5 * 262144)) jobs

	jobs="$(job aio libaio) $(job uring io_uring) $(job threads io_uring --force_async=1)"
	jobs+=" $(job polling io_uring --sqthread_poll=1) $(job nowait io_uring --nowait=1)"
	# shellcheck disable=SC2086
	counted a rbytes "$bytes" fio --thread --eta=never --output=/dev/null $jobs
}

buffered()
{
	counted a wbytes 131072 dd if=/dev/zero of="$DEV" bs=16k count=8 conv=fsync
}

# The first request of a cgroup that is not known counts for the one above it, later ones for itself.
unknown()
{
	mkdir "$VM_ROOT/new" || return 1
	in_vm new dd if="$DEV" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || return 1
	kst_wait 10 grep -q rios= "$VM_ROOT/new/io.vm.stat" &&
	counted new rbytes 4096 dd if="$DEV" of=/dev/null bs=4k count=1 iflag=direct && rmdir "$VM_ROOT/new"
}

# column N: of the lower disk's statistics
column()
{
	awk -v n="$1" '{ print $n }' /sys/block/nullb0/stat
}

# lower DEVICE: what the lower disk sees of a flush, a forced write, and a discard: discards, sectors, flushes
lower()
{
	local discards sectors flushes

	discards=$(column 12)
	sectors=$(column 14)
	flushes=$(column 16)
	dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct conv=fsync 2>/dev/null
	dd if=/dev/zero of="$1" bs=4k count=1 oflag=direct,dsync 2>/dev/null
	blkdiscard -o 1M -l 4M "$1" 2>/dev/null
	sync "$1"
	echo $(($(column 12) - discards)) $(($(column 14) - sectors)) $(($(column 16) - flushes))
}

# What dm-linear passes on, we do.
as_linear()
{
	local linear ours

	vmio_dm vmio-linear "0 $(blockdev --getsz "$LOWER") linear $LOWER 0" || return 1
	linear=$(lower /dev/mapper/vmio-linear)
	vmio_no_dm vmio-linear
	ours=$(lower "$DEV")
	ksft_print_msg "discards, sectors of them, flushes: $ours"
	[ "$linear" = "$ours" ] && [ "${ours##* }" -gt 0 ] && return 0
	ksft_print_msg "of dm-linear: $linear"
	return 1
}

# queued [VM]: all that fio sends at a time wait, but for one that may have gone
queued()
{
	[ "$(vmio_stat "${1:-a}" queued)" -ge 15 ]
}

# throttle: VM a has requests that wait, for a very long time; more than a drain lets through
throttle()
{
	echo "disk iops=1" >"$VM_ROOT/a/io.vm.limit" &&
	in_vm a "$DISK_IO" read "$DEV" 16 1024 &
	kst_wait 20 queued
}

# What is not to wait is queued as all else, and whoever sends it goes on: no thread of io_uring's waits instead.
not_to_wait()
{
	local pid r=0

	echo "disk bps=1" >"$VM_ROOT/a/io.vm.limit" || return 1
	# shellcheck disable=SC2046
	in_vm a fio --eta=never --output=/dev/null $(job t io_uring --nowait=1) --iodepth=16 &
	pid=$!
	kst_wait 60 queued || r=1
	! grep -qs "^iou-wrk" /proc/[0-9]*/task/*/comm || { ksft_print_msg "a thread of io_uring's is there"; r=1; }
	echo "disk bps=max" >"$VM_ROOT/a/io.vm.limit"
	wait "$pid" && return "$r"
}

# waits_not VM COMMAND...: it ends while requests of the VM wait for its limit, since some of its own do not
waits_not()
{
	local vm=$1 before pid
	shift

	before=$(vmio_stat "$vm" debt_ios)
	in_vm "$vm" "$@" >/dev/null 2>&1 &
	pid=$!
	kst_wait 20 ended "$pid" && wait "$pid" && queued "$vm" && [ "$(vmio_stat "$vm" debt_ios)" -gt "$before" ] && return 0
	ksft_print_msg "$* waits, or sends nothing that does not"
	return 1
}

# Flushes, and metadata of a file system, of a VM whose data wait for ever.
urgent()
{
	local pid r=0

	mkfs.ext4 -q -F "$DEV" 32M && mkdir -p "$DIR" && mount "$DEV" "$DIR" && mkdir "$DIR/dir" && touch "$DIR"/dir/{1..9} &&
	umount "$DIR" && echo "disk bps=1" >"$VM_ROOT/a/io.vm.limit" || return 1
	in_vm a "$DISK_IO" read "$DEV" 16 16 &
	pid=$!
	kst_wait 20 queued && waits_not a sync "$DEV" && mount "$DEV" "$DIR" && waits_not a ls -l "$DIR/dir" || r=1
	echo "disk bps=max" >"$VM_ROOT/a/io.vm.limit"
	wait "$pid" && umount "$DIR" && return "$r"
}

suspended()
{
	local before

	throttle || return 1
	before=$(vmio_stat a rios)
	dmsetup suspend --noudevsync vmio-test && [ "$(vmio_stat a queued)" = 0 ] &&
	[ "$(vmio_stat a rios)" -ge $((before + 15)) ] && dmsetup resume --noudevsync vmio-test || return 1
	kst_wait 20 queued && echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit" && wait
}

# A table of another window while requests wait; they go on to the new one.
reloaded()
{
	throttle || return 1
	dmsetup load vmio-test --noudevsync \
		--table "$(vmio_table "$(blockdev --getsz "$LOWER")" "$LOWER" pool=test window=16)" &&
	dmsetup suspend --noudevsync vmio-test && dmsetup resume --noudevsync vmio-test &&
	kst_wait 20 queued && echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit" && wait
}

# The VM goes while its requests wait for a limit; the limit goes with it.
vm_gone()
{
	local i

	mkdir "$VM_ROOT/gone" && echo "disk iops=10" >"$VM_ROOT/gone/io.vm.limit" || return 1
	in_vm gone "$DISK_IO" read "$DEV" 4 4 || return 1
	rmdir "$VM_ROOT/gone" || return 1
	mkdir "$VM_ROOT"/r{1..80} || return 1
	for i in {1..80}; do
		echo 100 >"$VM_ROOT/r$i/io.vm.shares" || return 1
	done
	rmdir "$VM_ROOT"/r{1..80}
}

# ended PID: the process is no more
ended()
{
	! kill -0 "$1" 2>/dev/null
}

# left VM: all processes there go to VM a
left()
{
	local task

	for task in $(<"$VM_ROOT/$1/cgroup.procs"); do
		echo "$task" >"$VM_ROOT/a/cgroup.procs"
	done
	[ -z "$(<"$VM_ROOT/$1/cgroup.procs")" ]
}

# Requests that wait for a limit when the cgroup goes; whoever sent them is elsewhere by then.
limit_gone()
{
	local pid

	mkdir "$VM_ROOT/gone" && echo "disk bps=1" >"$VM_ROOT/gone/io.vm.limit" || return 1
	in_vm gone "$DISK_IO" read "$DEV" 16 16 &
	pid=$!
	kst_wait 20 queued gone || return 1
	kst_wait 10 left gone && rmdir "$VM_ROOT/gone" && kst_wait 30 ended "$pid" && wait "$pid"
}

# more VM: it has had one more than N
more()
{
	[ "$(vmio_stat "$1" rios)" -gt "$2" ]
}

# The controller goes from the VMs and comes again, while one has requests that wait and sends others: meanwhile they are
# of the cgroup above, and what the VM was given it still has.
toggled()
{
	local pid r=0

	echo "disk bps=1" >"$VM_ROOT/a/io.vm.limit" || return 1
	in_vm a "$DISK_IO" read "$DEV" 16 16 &
	pid=$!
	vmio_load b "$DEV"
	kst_wait 30 queued && kst_wait 30 more b "$(vmio_stat b rios)" || r=1
	for _ in 1 2 3; do
		echo -io >"$VM_ROOT/cgroup.subtree_control" && [ ! -e "$VM_ROOT/a/io.vm.limit" ] &&
		kst_wait 30 more . "$(vmio_stat . rios)" && echo +io >"$VM_ROOT/cgroup.subtree_control" &&
		kst_wait 30 more b "$(vmio_stat b rios)" && queued || r=1
	done
	[ "$(<"$VM_ROOT/a/io.vm.limit")" = "disk iops=max bps=1" ] && echo "disk bps=max" >"$VM_ROOT/a/io.vm.limit" || r=1
	vmio_kill "$VM_ROOT/b" && wait "$pid" && return "$r"
}

# forced ARGUMENT...: removed with this while requests wait; then the device and its pool go
forced()
{
	local load pid r=0

	vmio_dm vmio-two "$(vmio_table 32768 "$LOWER" pool=two)" && echo "disk bps=1" >"$VM_ROOT/a/io.vm.limit" || return 1
	in_vm a "$DISK_IO" read /dev/mapper/vmio-two 16 16 &
	load=$!
	kst_wait 20 grep -q "^two .* queued=1[56] " "$VM_ROOT/a/io.vm.stat" || r=1
	dmsetup remove --noudevsync "$@" vmio-two 2>/dev/null &
	pid=$!
	kst_wait 30 ended "$pid" || r=1
	# By force what waits goes on, and the device, which is open, stays without the disk.
	[ "$1" = --deferred ] || kst_wait 30 ended "$load" || r=1
	[ "$1" = --force ] || kill -0 "$load" || r=1
	echo "disk bps=max" >"$VM_ROOT/a/io.vm.limit"
	wait "$load" && kst_wait 10 [ ! -e /sys/block/vmio-two ] || r=1
	dmsetup mknodes
	vmio_no_dm vmio-two && [ ! -e /sys/block/vmio-two ] && return "$r"
}

# Two devices in one pool, whose private disk is as large as the larger one, whichever comes first.
shared_pool()
{
	local half lower r=0

	lower=$(blockdev --getsz "$LOWER")
	vmio_dm vmio-below "0 32768 linear $LOWER 0" && vmio_dm vmio-one "$(vmio_table 32768 /dev/mapper/vmio-below pool=two)" &&
	[ "$(</sys/block/vmio-two/size)" = 32768 ] && vmio_dm vmio-two "$(vmio_table "$lower" "$LOWER" pool=two)" &&
	[ "$(</sys/block/vmio-two/size)" = "$lower" ] &&
	in_vm a dd if=/dev/mapper/vmio-two of=/dev/null bs=4k count=1 skip=$((lower / 8 - 1)) iflag=direct 2>/dev/null || r=1
	vmio_no_dm vmio-two vmio-one vmio-below && [ "$r" = 0 ] || return 1
	half=$(($(blockdev --getsz "$LOWER") / 2))
	vmio_dm vmio-two "$(vmio_table "$half" "$LOWER" pool=test "offset=$half")" &&
	counted a rbytes 4096 dd if=/dev/mapper/vmio-two of=/dev/null bs=4k count=1 iflag=direct
	local r=$?

	vmio_no_dm vmio-two && [ -e /sys/block/vmio-test ] && return "$r"
}

stalled()
{
	dmsetup status vmio-two | grep -q " stalled$"
}

# A member that takes requests and brings none back is the only one that they wait at.
stuck()
{
	local r=0 load one

	vmio_dm vmio-below "0 32768 linear $LOWER 0" &&
	vmio_dm vmio-two "$(vmio_table 32768 /dev/mapper/vmio-below pool=test)" && dmsetup suspend --noudevsync vmio-below || return 1
	in_vm a "$DISK_IO" read /dev/mapper/vmio-two 32 32 &
	load=$!
	kst_wait 30 stalled || r=1
	in_vm b dd if="$DEV" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null &
	one=$!
	kst_wait 30 ended "$one" && wait "$one" || r=1
	dmsetup resume --noudevsync vmio-below && wait "$load" && ! stalled || r=1
	vmio_no_dm vmio-two && vmio_no_dm vmio-below && return "$r"
}

# A member whose disk takes no more, so that who sends there waits, and the pool's own worker with it; then a second
# comes, whose requests have to wait for their turns.
blocked()
{
	local loop r=0 load one

	vmio_dm vmio-below "0 32768 linear $LOWER 0" && modprobe loop &&
	loop=$(losetup --find --show --direct-io=on /dev/mapper/vmio-below) || return 1
	echo none >"/sys/block/${loop##*/}/queue/scheduler" && echo 4 >"/sys/block/${loop##*/}/queue/nr_requests" &&
	vmio_dm vmio-one "$(vmio_table 32768 "$loop" pool=block window=1)" && dmsetup suspend --noudevsync vmio-below || r=1
	in_vm a "$DISK_IO" read /dev/mapper/vmio-one 16 16 &
	load=$!
	kst_wait 30 block_has queued 15 && dmsetup message vmio-one 0 window 16 && kst_wait 30 block_has queued 0 || r=1
	kst_wait 10 grep -qs blk_mq_get_tag /proc/[0-9]*/stack || { ksft_print_msg "nobody waits at the disk"; r=1; }
	vmio_dm vmio-two "$(vmio_table 32768 "$LOWER" pool=block)" || r=1
	in_vm b dd if=/dev/mapper/vmio-two of=/dev/null bs=4k count=4 iflag=direct 2>/dev/null &
	one=$!
	kst_wait 30 ended "$one" && wait "$one" || r=1
	kill -0 "$load" || r=1
	dmsetup resume --noudevsync vmio-below && wait "$load" || r=1
	vmio_no_dm vmio-two vmio-one && losetup --detach "$loop" && vmio_no_dm vmio-below && return "$r"
}

# block_has KEY VALUE: of VM a in the pool block
block_has()
{
	grep -q "^block .* $1=$2 " "$VM_ROOT/a/io.vm.stat"
}

removed()
{
	vmio_no_dm vmio-test && [ ! -e /sys/block/vmio-test ] &&
	[ -z "$(<"$VM_ROOT/a/io.vm.stat")" ] && rmmod dm_vmio && kst_insmod dm_vmio
}

kst_need fio dmsetup blkdiscard losetup mkfs.ext4
vmio_test_bed 10000 io
ksft_print_header
ksft_set_plan $((LONG ? 23 : 21))
ksft_test "tables that are refused" bad_tables
ksft_test "tables and messages" tables
ksft_test "the private disk is nobody's" private
ksft_test "direct requests are their VM's" direct
ksft_test "a VM that is alone at times" alone
ksft_test "libaio and io_uring, by threads, polling, not to wait" by_engines
ksft_test "buffered writes" buffered
ksft_test "a cgroup becomes known by its requests" unknown
ksft_test "what a VM has had, and all together" statistics
ksft_test "what is not to wait is queued" not_to_wait
ksft_test "flushes and metadata do not wait for a limit" urgent
ksft_test "suspended while requests wait" suspended
# data_test.sh has both with more kinds of requests, and with other loads.
if [ "$LONG" = 1 ]; then
	ksft_test "flushes and discards as of dm-linear" as_linear
	ksft_test "another table while requests wait" reloaded
fi
ksft_test "a VM that goes" vm_gone
if [ -e /proc/sys/fs/inotify ]; then
	ksft_test "a limit goes with its cgroup" limit_gone
else
	ksft_test_result_skip "a limit goes with its cgroup" "no fsnotify in this kernel"
fi
ksft_test "the controller goes and comes again under load" toggled
ksft_test "two devices in a pool" shared_pool
ksft_test "removed by force while requests wait" forced --force
ksft_test "removed later, while requests wait" forced --deferred
ksft_test "one of two that is stuck" stuck
ksft_test "a first that blocks who sends there, and a second" blocked
ksft_test "the pool goes with its last device" removed
ksft_finished
