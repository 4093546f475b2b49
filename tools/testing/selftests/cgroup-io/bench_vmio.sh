#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Benchmarks of dm_vmio: see Documentation/dev/benchmarks.rst. BENCH_IDS, BENCH_PAIRS, BENCH_MS and BENCH_INSN are
# as tools/bench.sh sets them. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

NULL=/sys/kernel/config/nullb
BENCH=${VMACCEL_TOP:-../../../..}/build/selftests/cgroup-io/bench_vmio
PAIRS=${BENCH_PAIRS:-5}
MS=${BENCH_MS:-2000}
VMS=("$VM_ROOT/a" "$VM_ROOT/b" "$VM_ROOT/c" "$VM_ROOT/d")
dir=

# null NAME KEY=VALUE...: /dev/NAME
null()
{
	local name=$1 pair
	shift

	mkdir "$NULL/$name" || return 1
	for pair in size=1024 "$@"; do
		echo "${pair#*=}" >"$NULL/$name/${pair%%=*}" || return 1
	done
	echo 1 >"$NULL/$name/power" && kst_wait 10 [ -b "/dev/$name" ]
}

no_null()
{
	local name

	for name; do
		rmdir "$NULL/$name"
	done
}

# over NAME KIND DEVICE [ARGUMENT...]: /dev/mapper/NAME over the whole device
over()
{
	local name=$1 kind=$2 device=$3
	shift 3

	dmsetup create "$name" --noudevsync \
		--table "0 $(blockdev --getsz "$device") $kind $device $*" && dmsetup mknodes "$name"
}

no_over()
{
	local name

	for name; do
		dmsetup remove --noudevsync --retry "$name"
	done
}

# bfq DEVICE-NAME: it has that
bfq()
{
	modprobe bfq && echo bfq >"/sys/block/$1/queue/scheduler"
}

# iocost DEVICE-NAME: it has that, and knows what slow disks can do: 2000 requests a second, in any order
iocost()
{
	local dev

	dev=$(<"/sys/block/$1/dev")
	echo "$dev ctrl=user model=linear rbps=1000000000 rseqiops=2000 rrandiops=2000 wbps=1000000000 wseqiops=2000 wrandiops=2000" \
		>/sys/fs/cgroup/io.cost.model &&
	echo "$dev enable=1 ctrl=user min=100 max=100" >/sys/fs/cgroup/io.cost.qos
}

# iomax DEVICE-NAME: the second VM may have half of what slow disks can do
iomax()
{
	echo "$(<"/sys/block/$1/dev") riops=1000" >"${VMS[1]}/io.max"
}

linear()
{
	null nullb0 queue_mode=0 irqmode=0 && over vmio-bench vmio /dev/nullb0 pool=bench &&
	over vmio-linear linear /dev/nullb0 0 &&
	"$BENCH" cost cgio.disk.overhead.linear dm-linear /dev/mapper/vmio-bench /dev/mapper/vmio-linear
	local r=$?

	no_over vmio-bench vmio-linear && no_null nullb0 && return "$r"
}

beside_bfq()
{
	null nullb0 queue_mode=2 irqmode=0 submit_queues=1 && null nullb1 queue_mode=2 irqmode=0 submit_queues=1 &&
	echo none >/sys/block/nullb0/queue/scheduler && bfq nullb1 && over vmio-bench vmio /dev/nullb0 pool=bench &&
	"$BENCH" cost cgio.disk.overhead.bfq bfq /dev/mapper/vmio-bench /dev/nullb1
	local r=$?

	no_over vmio-bench && no_null nullb0 nullb1 && return "$r"
}

# slow NAME: a disk that takes 2 ms for a request and 4 at a time
slow()
{
	null "$1" queue_mode=2 irqmode=2 completion_nsec=2000000 hw_queue_depth=4 submit_queues=1 &&
	echo none >"/sys/block/$1/queue/scheduler"
}

# shares FILE N...: of the VMs
shares()
{
	local file=$1 i=0
	shift

	for dir in "${VMS[@]}"; do
		i=$((i + 1))
		echo "${!i}" >"$dir/$file" || return 1
	done
}

# How far the worst of the VMs is from its part, in percent; of 1:2:4:8.
error()
{
	awk '{ sum = $2 + $3 + $4 + $5 }
		END {
			for (i = 2; i <= 5; i++) {
				off = 100 * ($i / sum * 15 / 2 ^ (i - 2) - 1)
				off = off < 0 ? -off : off
				worst = off > worst ? off : worst
			}
			printf "%.2f\n", worst
		}'
}

# share ID PEER FILE: ours on dm-linear, and the peer on the disk itself, with the same numbers in FILE
share()
{
	local id=$1 peer=$2 pair value

	slow nullb0 && slow nullb1 && "$peer" nullb1 && over vmio-linear linear /dev/nullb0 0 &&
	over vmio-bench vmio /dev/mapper/vmio-linear pool=bench window=4 &&
	shares io.vm.shares 100 200 400 800 && shares "$3" 100 200 400 800 || return 1
	for ((pair = 0; pair < PAIRS; pair++)); do
		value=$("$BENCH" load /dev/mapper/vmio-bench "$MS" "$MS" /dev/null x "${VMS[@]}" | error) || return 1
		ksft_print_msg "run: id=$id unit=% side=ours value=$value limit=2 peer=$peer"
		value=$("$BENCH" load /dev/nullb1 "$MS" "$MS" /dev/null x "${VMS[@]}" | error) || return 1
		ksft_print_msg "run: id=$id unit=% side=peer value=$value limit=2 peer=$peer"
	done
	shares "$3" 100 100 100 100
	no_over vmio-bench vmio-linear && no_null nullb0 nullb1
}

# p99 DEVICE [HEAVY]: of a light VM, in us
p99()
{
	"$BENCH" light "$1" "$MS" "${VMS[0]}" "${@:2}" | cut -d ' ' -f 2
}

# light ID PEER: a VM that reads now and then, beside one with as many shares that has many requests at a time
light()
{
	local id=$1 peer=$2 pair alone

	slow nullb0 && slow nullb1 && "$peer" nullb1 && over vmio-bench vmio /dev/nullb0 pool=bench window=4 &&
	shares io.vm.shares 100 100 100 100 || return 1
	for ((pair = 0; pair < PAIRS; pair++)); do
		ksft_print_msg "run: id=$id unit=us side=ours value=$(p99 /dev/mapper/vmio-bench "${VMS[1]}") peer=$peer"
		ksft_print_msg "run: id=$id unit=us side=peer value=$(p99 /dev/nullb1 "${VMS[1]}") peer=$peer"
		alone=$(p99 /dev/mapper/vmio-bench) || return 1
		ksft_print_msg "alone: $alone us"
	done
	no_over vmio-bench && no_null nullb0 nullb1
}

# A reservation of two fifths of what the disk does, for one whose share is a thousandth; what is missing of it.
reserve()
{
	local pair rate value

	slow nullb0 && over vmio-bench vmio /dev/nullb0 pool=bench window=4 && shares io.vm.shares 1 300 300 300 &&
	rate=$("$BENCH" load /dev/mapper/vmio-bench 1000 1000 /dev/null x "${VMS[@]}" |
		awk '{ printf "%d\n", ($2 + $3 + $4 + $5) * 400 / $1 }') || return 1
	for ((pair = 0; pair < PAIRS; pair++)); do
		value=$("$BENCH" load /dev/mapper/vmio-bench "$MS" "$MS" "${VMS[0]}/io.vm.reserve" "disk iops=$rate" "${VMS[@]}" |
			awk -v rate="$rate" '{ met = $2 * 1000 / $1 / rate; printf "%.2f\n", met < 1 ? 100 * (1 - met) : 0 }')
		ksft_print_msg "run: id=cgio.disk.reserve unit=% side=ours value=$value limit=1 peer=none"
	done
	echo "disk iops=max" >"${VMS[0]}/io.vm.reserve" && no_over vmio-bench && no_null nullb0
}

# settled DEVICE FILE: the second of two VMs has four times as much in FILE from now on: when, in ms, for the next 200 ms, the
# parts are within a tenth of that; of 2 s.
settled()
{
	shares "$2" 100 100 100 100 &&
	"$BENCH" load "$1" 2000 20 "${VMS[1]}/$2" 400 "${VMS[0]}" "${VMS[1]}" |
		awk '{ t[NR] = $1; a[NR] = $2; b[NR] = $3 }
			END {
				for (i = 1; i + 10 <= NR; i++) {
					x = 4 * (a[i + 10] - a[i])
					y = b[i + 10] - b[i]
					if (x <= 1.1 * y && y <= 1.1 * x)
						break
				}
				print t[i]
			}'
}

# From equal parts to 1:4, of ours, and of io.cost on the disk itself.
converge()
{
	local pair run="run: id=cgio.disk.converge unit=ms limit=1000 peer=iocost"

	slow nullb0 && slow nullb1 && iocost nullb1 && over vmio-bench vmio /dev/nullb0 pool=bench window=4 || return 1
	for ((pair = 0; pair < PAIRS; pair++)); do
		ksft_print_msg "$run side=ours value=$(settled /dev/mapper/vmio-bench io.vm.shares)"
		ksft_print_msg "$run side=peer value=$(settled /dev/nullb1 io.weight)"
	done
	shares io.weight 100 100 100 100
	no_over vmio-bench && no_null nullb0 nullb1
}

# Work and timers of a pool that has served, and waits.
idle()
{
	local pair n

	null nullb0 && over vmio-bench vmio /dev/nullb0 pool=bench window=auto &&
	"$BENCH" load /dev/mapper/vmio-bench 500 500 /dev/null x "${VMS[@]}" >/dev/null || return 1
	sleep 1
	for ((pair = 0; pair < PAIRS; pair++)); do
		n=$(kst_wakeups 2 dm_vmio cgroup_io) || return 1
		ksft_print_msg "run: id=idle.vmio unit=wakeups/s side=ours value=$n limit=0 peer=none"
	done
	no_over vmio-bench && no_null nullb0
}

kst_need dmsetup
read -r -a ids <<<"${BENCH_IDS:-cgio.disk.overhead.linear cgio.disk.overhead.bfq cgio.disk.share cgio.disk.share.iocost cgio.disk.light.bfq cgio.disk.light.iocost cgio.disk.light.iomax cgio.disk.reserve cgio.disk.converge idle.vmio}"
vmio_cgroups io
kst_load cgroup_io
kst_load dm_vmio
modprobe null_blk nr_devices=0 || ksft_exit_skip "no null_blk in this kernel"
kst_undo rmmod null_blk
[ -d "$NULL" ] || mount -t configfs none /sys/kernel/config
modprobe bfq || ksft_exit_skip "no bfq in this kernel"
for dir in "${VMS[@]}"; do
	mkdir "$dir"
done
ksft_print_header
ksft_set_plan ${#ids[@]}
for id in "${ids[@]}"; do
	case $id in
	cgio.disk.overhead.linear)	ksft_test "$id" linear ;;
	cgio.disk.overhead.bfq)		ksft_test "$id" beside_bfq ;;
	cgio.disk.share)		ksft_test "$id" share "$id" bfq io.bfq.weight ;;
	cgio.disk.share.iocost)		ksft_test "$id" share "$id" iocost io.weight ;;
	cgio.disk.light.*)		ksft_test "$id" light "$id" "${id##*.}" ;;
	cgio.disk.reserve)		ksft_test "$id" reserve ;;
	cgio.disk.converge)		ksft_test "$id" converge ;;
	idle.vmio)			ksft_test "$id" idle ;;
	esac
done
ksft_finished
