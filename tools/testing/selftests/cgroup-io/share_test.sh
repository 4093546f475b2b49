#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# VMs that send more than a disk takes have their shares of it, no more than their limits and no less than their
# reservations. Their requests wait all together until they are let go; then what counts is the order in which they
# come back, which no clock changes. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

DEV=/dev/mapper/vmio-test
EACH=$((${VMACCEL_LONG:-0} ? 2048 : 128))
BUILT=${VMACCEL_TOP:-../../../..}/build/selftests/cgroup-io
declare -A had=()
declare -a tool=()
from=0 to=0 pid=0 first_ms=0 ms=0

# hold VM...: EACH requests of every one wait
hold()
{
	local line vm dirs=()

	for vm; do
		dirs+=("$VM_ROOT/$vm")
	done
	coproc tool { exec "$BUILT/vmio_order" "$DEV" "$EACH" "$VM_ROOT" "${dirs[@]}"; }
	# Ours: the shell closes its own when the program ends, read or not.
	exec {from}<&"${tool[0]}" {to}>&"${tool[1]}"
	# shellcheck disable=SC2154
	pid=$tool_PID
	read -r -t 300 line <&"$from" && [ "$line" = sent ]
}

# release: they go on
release()
{
	echo >&"$to"
}

# first VM...: what each of them had, in had, when the first of them had all, and after how many ms, in first_ms
first()
{
	local counts i=0 vm text=

	read -r -t 300 -a counts <&"$from" && [ ${#counts[@]} = $(($# + 1)) ] || return 1
	for vm; do
		had[$vm]=${counts[i]}
		text+="$vm ${had[$vm]} "
		i=$((i + 1))
	done
	first_ms=${counts[i]}
	ksft_print_msg "${text}in $first_ms ms"
}

# all: they have all had all; the time that took, in ms
all()
{
	local line

	read -r -t 300 line <&"$from" && ms=${line#all } && exec {from}<&- {to}>&- && wait "$pid"
}

# served VM...: what each had while all were waiting
served()
{
	hold "$@" && release && first "$@" && all
}

# about NUMBER OF: the VM had so many, but for the few that are at the disk, or passed before all were there
about()
{
	[ $((had[$1] - $2)) -le 4 ] && [ $((had[$1] - $2)) -ge -4 ] && return 0
	ksft_print_msg "$1 had ${had[$1]}, not $2"
	return 1
}

# set_shares A B C
set_shares()
{
	echo "$1" >"$VM_ROOT/a/io.vm.shares" && echo "$2" >"$VM_ROOT/b/io.vm.shares" &&
	echo "$3" >"$VM_ROOT/c/io.vm.shares"
}

equal()
{
	set_shares 100 100 100 && served a b c && about a "$EACH" && about b "$EACH" && about c "$EACH"
}

by_shares()
{
	set_shares 100 200 400 && served a b c && about a $((EACH / 4)) && about b $((EACH / 2)) && about c "$EACH"
}

# Changed while the requests wait.
changed()
{
	set_shares 100 200 400 && hold a b c && set_shares high normal low && release && first a b c && all &&
	about a "$EACH" && about b $((EACH / 2)) && about c $((EACH / 4))
}

weigh()
{
	echo "$2" >"$VM_ROOT/$1/io.weight"
}

# weights A B C: VMs without shares have these
weights()
{
	weigh a "$1" && weigh b "$2" && weigh c "$3"
}

# What systemd and libvirt write counts for a VM that was given nothing else, and nothing beside that. A worker reads
# it: tried again until it has.
by_weight()
{
	set_shares default default default && weights 400 200 100 && kst_wait 20 heeded && set_shares 100 default 100 &&
	served a b c && about b "$EACH" && about a $((EACH / 2)) && about c $((EACH / 2)) && weights 100 100 100
}

heeded()
{
	served a b c && about a "$EACH" && about b $((EACH / 2)) && about c $((EACH / 4))
}

# box_start: a systemd of its own, as in a container, whose root of cgroups is VM box; it has nothing to start. From
# outside of its namespace nobody can be moved, so that only itself is in the cgroup.
box_start()
{
	mkdir "$VM_ROOT/box" && kst_undo vmio_kill "$VM_ROOT/box" || return 1
	# shellcheck disable=SC2016 # for the shells in the box
	unshare --fork --pid --mount --uts --mount-proc bash -c '
		mount -t tmpfs none /run && mkdir -p /run/systemd/system &&
		printf "[Unit]\nDefaultDependencies=no\n" >/run/systemd/system/box.target &&
		mount -t tmpfs none /usr/lib/systemd/system-generators && echo 0 >"$0/cgroup.procs" || exit 1
		exec unshare --cgroup bash -c "
			umount --lazy /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
			exec env -i container=box PATH=\"$PATH\" /lib/systemd/systemd --system --unit=box.target \
				--log-target=null"
	' "$VM_ROOT/box" 2>/run/vmio-box &
	disown
	kst_wait 60 box_pid
}

# box_pid: sets box to the process that is 1 in it, once that has made itself its cgroup
box_pid()
{
	read -r box 2>/dev/null <"$VM_ROOT/box/init.scope/cgroup.procs" && [ -n "$box" ]
}

in_box()
{
	nsenter --target "$box" --pid --mount --uts --cgroup "$@"
}

# box_scope NAME WEIGHT: systemd makes it
box_scope()
{
	in_box systemd-run --quiet --scope --unit="$1" --property=IOWeight="$2" sleep infinity 2>>/run/vmio-box &
	disown
	kst_wait 60 grep -qs . "$VM_ROOT/box/system.slice/$1.scope/cgroup.procs"
}

# box_served A B: while one of the scopes had all, the other had its part
box_served()
{
	local a=box/system.slice/a.scope b=box/system.slice/b.scope

	served "$a" "$b" && about "$a" "$1" && about "$b" "$2"
}

# IOWeight= of scopes that a real systemd makes, and changes while it runs.
by_systemd()
{
	local box=

	box_start && kst_wait 60 in_box systemctl is-active --quiet box.target 2>>/run/vmio-box && box_scope a 400 && box_scope b 100 &&
	kst_wait 20 box_served "$EACH" $((EACH / 4)) && in_box systemctl set-property --runtime a.scope IOWeight=50 &&
	kst_wait 20 box_served $((EACH / 2)) "$EACH"
	local r=$?

	[ "$r" = 0 ] || { cat /run/vmio-box; find "$VM_ROOT/box" -name io.weight -exec grep -H . {} +; }
	vmio_kill "$VM_ROOT/box" && vmio_rmdir "$VM_ROOT/box" && return "$r"
}

# Below VM c two that divide its part.
groups()
{
	set_shares 100 100 100 && echo +io >"$VM_ROOT/c/cgroup.subtree_control" && vmio_vm c/x && vmio_vm c/y &&
	echo 300 >"$VM_ROOT/c/y/io.vm.shares" || return 1
	served a b c/x c/y && about a "$EACH" && about b "$EACH" && about c/x $((EACH / 4)) &&
	about c/y $((EACH * 3 / 4)) && rmdir "$VM_ROOT/c/x" "$VM_ROOT/c/y" &&
	echo -io >"$VM_ROOT/c/cgroup.subtree_control"
}

# However little time the others need, a VM has no more than its limit allows in that, nor in all.
limited()
{
	local r=0

	set_shares 100 100 100 && echo "disk iops=200" >"$VM_ROOT/a/io.vm.limit" && served a b c || r=1
	# Two for the burst of 10 ms, one that is served, and those that went before all were there.
	[ "${had[a]}" -le $((first_ms / 5 + 8)) ] && about b "${had[c]}" && [ "$ms" -ge $(((EACH - 8) * 5)) ] || r=1
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.limit" && return "$r"
}

# One that waits for its limit goes on as soon as that is lifted.
lifted()
{
	local r=0

	echo "disk bps=1" >"$VM_ROOT/a/io.vm.limit" && hold a b c && release && first a b c &&
	[ "${had[a]}" -lt "${had[b]}" ] && about b "${had[c]}" || r=1
	echo "disk bps=max" >"$VM_ROOT/a/io.vm.limit" && all && return "$r"
}

# A reservation that no disk keeps: all turns are of whoever has it, but for one in 32.
reserved()
{
	local r=0

	set_shares 1 100 100 && echo "disk iops=1M" >"$VM_ROOT/a/io.vm.reserve" && served a b c || r=1
	about a "$EACH" && about b $((EACH / 62)) && about c $((EACH / 62)) || r=1
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.reserve" && return "$r"
}

window()
{
	dmsetup status vmio-slow | sed 's/.*window=//'
}

narrow()
{
	[ "$(window)" -le 12 ] && [ "$(vmio_stat a rios)" -ge 200 ]
}

# window_is LEAST [MOST]
window_is()
{
	[ "$(window)" -ge "$1" ] && [ "$(window)" -le "${2:-$1}" ]
}

# The pool finds the window itself, for a disk that takes 4 requests at a time, 2 ms each, from one that is far too large;
# and that at which requests take as long as is wanted: a quarter of that many times 2 ms.
found()
{
	local load r=0

	"$BUILT/bench_vmio" load /dev/mapper/vmio-slow 600000 600000 /dev/null x "$VM_ROOT/a" "$VM_ROOT/b" &
	load=$!
	dmsetup message vmio-slow 0 window 32 && dmsetup message vmio-slow 0 window auto || r=1
	kst_wait 60 narrow || r=1
	ksft_print_msg "window $(window)"
	dmsetup message vmio-slow 0 latency 24000 && kst_wait 60 window_is 17 64 || r=1
	ksft_print_msg "for 24 ms $(window)"
	dmsetup message vmio-slow 0 latency 6000 && kst_wait 60 window_is 2 16 || r=1
	ksft_print_msg "for 6 ms $(window)"
	dmsetup message vmio-slow 0 window auto || r=1
	kill "$load"
	wait "$load" 2>/dev/null
	kst_wait 20 grep -qx "populated 0" "$VM_ROOT/cgroup.events" && return "$r"
}

# late LEAST MOST N: of the next N requests of VM a, so many percent took 2^23 ns or more at the disk
late()
{
	local before after i slow=0 total

	mapfile -t -d , before <<<"$(vmio_stat a/libvirt disk_log2)"
	total=$(($(vmio_stat a/libvirt rios) + $3))
	kst_wait 60 beyond "$total" || return 1
	mapfile -t -d , after <<<"$(vmio_stat a/libvirt disk_log2)"
	total=0
	for i in "${!after[@]}"; do
		total=$((total + after[i] - before[i]))
		[ "$i" -lt 13 ] || slow=$((slow + after[i] - before[i]))
	done
	ksft_print_msg "window $(window): $slow of $total took 8.4 ms or more"
	[ $((slow * 100)) -ge $(($1 * total)) ] && [ $((slow * 100)) -le $(($2 * total)) ]
}

beyond()
{
	[ "$(vmio_stat a/libvirt rios)" -ge "$1" ]
}

# A VM that reads one at a time, as libvirt runs it, beside one that has always 64: of what it waits at the disk, the
# target takes what is too much, while it reads.
targeted()
{
	local dir=$VM_ROOT/a late missed r=0

	echo +io >"$dir/cgroup.subtree_control" && vmio_vm a/libvirt && dmsetup message vmio-slow 0 window 32 || return 1
	in_vm a/libvirt "$DISK_IO" read /dev/mapper/vmio-slow 1 0 >/dev/null 2>&1 &
	disown
	vmio_load b /dev/mapper/vmio-slow
	kst_wait 60 late 75 100 40 && [ "$(vmio_stat a/libvirt late_ios)" = 0 ] || r=1
	echo 8388 >"$dir/io.vm.latency" && kst_wait 60 late 0 15 40 && kst_wait 60 late 0 25 200 || r=1
	late=$(vmio_stat a/libvirt late_ios) missed=$(vmio_stat a missed_ns)
	ksft_print_msg "late $late, missed for $((missed / 1000000)) ms"
	[ "$late" -gt 0 ] && [ "$missed" -gt 0 ] && kst_wait 60 window_is 5 20 || r=1
	# What is above bounds what is below, which may have a target of its own.
	echo 500000 >"$dir/libvirt/io.vm.latency" && kst_wait 60 window_is 32 && kst_wait 60 late 75 100 20 || r=1
	echo max >"$dir/libvirt/io.vm.latency" && kst_wait 60 late 0 15 40 || r=1
	# Nobody is there who wants it.
	vmio_kill "$dir" && kst_wait 60 window_is 32 || r=1
	echo max >"$dir/io.vm.latency" && vmio_kill "$VM_ROOT/b" && rmdir "$dir/libvirt" &&
	echo -io >"$dir/cgroup.subtree_control" && return "$r"
}

# overdue LEAST MOST: what VM a lacks of its reservation, in ns
overdue()
{
	[ "$(vmio_stat a behind_ns)" -ge "$1" ] && [ "$(vmio_stat a behind_ns)" -le "$2" ]
}

# Whether a reservation is kept can be seen: one that is more than the disk does, and one that is less.
promised()
{
	local r=0

	set_shares 100 100 100
	vmio_load a /dev/mapper/vmio-slow
	vmio_load b /dev/mapper/vmio-slow
	echo "disk iops=1M" >"$VM_ROOT/a/io.vm.reserve" && kst_wait 30 overdue 100000000 1000000000 || r=1
	ksft_print_msg "$(vmio_stat a behind_ns) ns of 1M a second"
	echo "disk iops=5" >"$VM_ROOT/a/io.vm.reserve" && kst_wait 30 overdue 0 50000000 || r=1
	ksft_print_msg "$(vmio_stat a behind_ns) ns of 5 a second"
	echo "disk iops=max" >"$VM_ROOT/a/io.vm.reserve" && vmio_kill "$VM_ROOT/a" && vmio_kill "$VM_ROOT/b" && return "$r"
}

kst_need dmsetup unshare nsenter
vmio_cgroups io
kst_load cgroup_io
kst_load dm_vmio
vmio_null 20000 64
vmio_create vmio-test /dev/nullb0 pool=test window=1 || ksft_exit_fail_msg "cannot make the pool"
for vm in a b c; do
	vmio_vm "$vm" || ksft_exit_fail_msg "cannot make VM $vm"
done
ksft_print_header
ksft_set_plan 12
ksft_test "equal shares" equal
ksft_test "shares 1:2:4" by_shares
ksft_test "other shares count at once" changed
if [ -e "$VM_ROOT/a/io.weight" ]; then
	ksft_test "io.weight" by_weight
else
	ksft_test_result_skip "io.weight" "no io.cost in this kernel"
fi
if [ ! -e "$VM_ROOT/a/io.weight" ]; then
	ksft_test_result_skip "IOWeight= of systemd" "no io.cost in this kernel"
elif [ ! -x /lib/systemd/systemd ]; then
	ksft_test_result_skip "IOWeight= of systemd" "no systemd"
else
	ksft_test "IOWeight= of systemd" by_systemd
fi
ksft_test "a group's part is its children's" groups
ksft_test "a limit" limited
ksft_test "a limit that is lifted" lifted
ksft_test "a reservation beside many shares" reserved
vmio_no_dm vmio-test && rmmod null_blk
vmio_null 2000000 4
# It serves them in the order in which they come: what one takes tells how many there are.
(
	cd /sys/block/nullb0/queue && echo mq-deadline >scheduler && echo 64 >nr_requests &&
	echo 0 >iosched/read_expire && echo 1 >iosched/fifo_batch
) || ksft_exit_fail_msg "the disk does not take requests in their order"
vmio_create vmio-slow /dev/nullb0 pool=slow
ksft_test "a window that is found, and one for a latency" found
ksft_test "a reservation that is kept, and one that is not" promised
ksft_test "a latency target" targeted
ksft_finished
