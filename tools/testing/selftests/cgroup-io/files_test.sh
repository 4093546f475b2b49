#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The files io.vm.*: where they are, what they take, what they say, who may promise what, and what becomes of
# settings. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/cgroup-io/vmio_lib.sh
. ./vmio_lib.sh

LONG=$((${VMACCEL_LONG:-0} ? 8 : 1))
INVALID="Invalid argument"
RANGE="Numerical result out of range"
QUOTA="Disk quota exceeded"
FILES="shares limit reserve latency stat"
VMS_MAX=3584			# of those who are not the host's administrator

# refused ERRNO-TEXT FILE VALUE: writing the value fails so, and the file says what it said
refused()
{
	local said before

	before=$(<"$2")
	said=$({ printf '%s' "$3" >"$2"; } 2>&1) && { ksft_print_msg "$2 took '$3'"; return 1; }
	[ "$before" = "$(<"$2")" ] || { ksft_print_msg "'$3' has changed $2"; return 1; }
	case $said in
	*"$1") return 0 ;;
	esac
	ksft_print_msg "$said"
	return 1
}

# takes FILE VALUE SAYS
takes()
{
	local says

	echo "$2" >"$1" || return 1
	says=$(<"$1")
	[ "$says" = "$3" ] || { ksft_print_msg "$1: '$2' reads '$says', not '$3'"; return 1; }
}

all_there()
{
	local file

	for file in $FILES; do
		[ -e "$1/io.vm.$file" ] || return 1
	done
}

none_there()
{
	local file

	for file in $FILES; do
		[ ! -e "$1/io.vm.$file" ] || return 1
	done
}

# In cgroups that were there before the module, and in later ones.
appear()
{
	all_there "$VM_ROOT/early" && mkdir "$VM_ROOT/late" && all_there "$VM_ROOT/late" &&
	[ -e /sys/fs/cgroup/io.vm.stat ] && [ ! -e /sys/fs/cgroup/io.vm.shares ] && rmdir "$VM_ROOT/late"
}

shares()
{
	local file=$VM_ROOT/early/io.vm.shares bad

	takes "$file" 1 1 && takes "$file" 10000 10000 && takes "$file" low 50 && takes "$file" normal 100 &&
	takes "$file" high 200 && takes "$file" " 77 " 77 && takes "$file" default default || return 1
	for bad in " " lots -1 1.5 1x "1 2" highest 0x10; do
		refused "$INVALID" "$file" "$bad" || return 1
	done
	for bad in 0 10001 18446744073709551617; do
		refused "$RANGE" "$file" "$bad" || return 1
	done
}

limits()
{
	local file=$VM_ROOT/early/io.vm.limit bad

	[ "$(<"$file")" = "disk iops=max bps=max" ] && takes "$file" "disk iops=100" "disk iops=100 bps=max" &&
	takes "$file" "disk bps=1M" "disk iops=100 bps=1048576" &&
	takes "$file" "disk bps=2k iops=max" "disk iops=max bps=2048" &&
	takes "$file" "disk iops=max bps=max" "disk iops=max bps=max" || return 1
	for bad in " " disk iops=1 "disk iops" "disk iops=" "disk iops=1x" "disk iops=1 cps=1" "net bps=1"; do
		refused "$INVALID" "$file" "$bad" || return 1
	done
	for bad in "disk iops=0" "disk bps=1 iops=0" "disk bps=257G" "disk bps=99999999999999999999"; do
		refused "$RANGE" "$file" "$bad" || return 1
	done
}

reserves()
{
	takes "$VM_ROOT/early/io.vm.reserve" "disk iops=100 bps=1k" "disk iops=100 bps=1024" &&
	takes "$VM_ROOT/early/io.vm.reserve" "disk iops=max bps=max" "disk iops=0 bps=0"
}

latencies()
{
	local file=$VM_ROOT/early/io.vm.latency bad

	[ "$(<"$file")" = max ] && takes "$file" 1 1 && takes "$file" " 68719476 " 68719476 && takes "$file" max max || return 1
	for bad in " " none -1 1.5 5ms 5k "5 6" "disk 5" 0x10; do
		refused "$INVALID" "$file" "$bad" || return 1
	done
	for bad in 0 68719477 18446744073709551617; do
		refused "$RANGE" "$file" "$bad" || return 1
	done
}

# said TEXT: how often the kernel log says so
said()
{
	dmesg | grep -cF "cgroup_io: $1"
}

# hinted HINT ERRNO-TEXT FILE VALUE: refused, and the kernel log says what it takes
hinted()
{
	local before

	before=$(said "$1")
	refused "$2" "$3" "$4" || return 1
	[ "$(said "$1")" = $((before + 1)) ] && return 0
	ksft_print_msg "the log does not say '$1'"
	return 1
}

# both_hinted HINT FILE INVALID BEYOND: the first is no value, the second none that there may be
both_hinted()
{
	hinted "$1" "$INVALID" "$2" "$3" && hinted "$1" "$RANGE" "$2" "$4"
}

# Whoever is refused finds in the log what would have been taken.
hints()
{
	local dir=$VM_ROOT/early shares="io.vm.shares: 1 to 10000, low, normal, high or default"

	both_hinted "$shares" "$dir/io.vm.shares" lots 10001 &&
	both_hinted "io.vm.limit: disk iops=<n> bps=<n>, each 1 to 256G or max" "$dir/io.vm.limit" 5 "disk iops=0" &&
	both_hinted "io.vm.reserve: disk iops=<n> bps=<n>, each 1 to 256G or max" "$dir/io.vm.reserve" 5 "disk bps=257G" &&
	both_hinted "io.vm.latency: 1 to 68719476 us, or max" "$dir/io.vm.latency" 5ms 0 || return 1
	echo +io >"$dir/cgroup.subtree_control" && mkdir "$dir/a" && echo 500 >"$dir/io.vm.latency" &&
	hinted "io.vm.latency: no less than what the cgroup above has" "$QUOTA" "$dir/a/io.vm.latency" 499 &&
	unpromised "io.vm.reserve: children divide what a cgroup has itself" "$dir/a/io.vm.reserve" "disk iops=1" &&
	echo max >"$dir/io.vm.latency" && rmdir "$dir/a" && echo -io >"$dir/cgroup.subtree_control"
}

# unpromised HINT FILE VALUE: refused to who is not the host's administrator, and the kernel log says why
unpromised()
{
	local before

	before=$(said "$1")
	! promise "$2" "$3" && [ "$(said "$1")" -gt "$before" ] && return 0
	ksft_print_msg "$2 takes '$3', or the log does not say '$1'"
	return 1
}

# promise FILE VALUE: as one who may write the file, but is not the host's administrator
promise()
{
	setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
		sh -c "echo '$2' >'$1'" 2>/dev/null
}

# Who was given a part of the tree divides what it has.
delegation()
{
	local dir=$VM_ROOT/early

	echo +io >"$dir/cgroup.subtree_control" && mkdir "$dir/a" "$dir/b" &&
	echo "disk iops=100" >"$dir/io.vm.reserve" &&
	promise "$dir/a/io.vm.reserve" "disk iops=60" && promise "$dir/b/io.vm.reserve" "disk iops=40" &&
	! promise "$dir/b/io.vm.reserve" "disk iops=41" && ! promise "$dir/b/io.vm.reserve" "disk bps=1" &&
	! promise "$dir/io.vm.reserve" "disk iops=200" && promise "$dir/a/io.vm.reserve" "disk iops=59" &&
	promise "$dir/b/io.vm.reserve" "disk iops=41" && rmdir "$dir/a" "$dir/b" &&
	echo -io >"$dir/cgroup.subtree_control" && echo "disk iops=max" >"$dir/io.vm.reserve"
}

# What the children have only the administrator takes away, and what those had that are gone is free.
taken_back()
{
	local dir=$VM_ROOT/early i

	echo +io >"$dir/cgroup.subtree_control" && echo "disk iops=100" >"$dir/io.vm.reserve" || return 1
	for i in 1 2 3; do
		mkdir "$dir/a" && promise "$dir/a/io.vm.reserve" "disk iops=90" &&
		! promise "$dir/io.vm.reserve" "disk iops=89" && ! promise "$dir/io.vm.reserve" "disk iops=max" &&
		takes "$dir/io.vm.reserve" "disk iops=$((90 + i))" "disk iops=$((90 + i)) bps=0" &&
		rmdir "$dir/a" || return 1
	done
	mkdir "$dir/a" "$dir/b" && echo +io >"$dir/a/cgroup.subtree_control" && mkdir "$dir/a/c" &&
	promise "$dir/a/io.vm.reserve" "disk iops=60" && promise "$dir/b/io.vm.reserve" "disk iops=20" &&
	promise "$dir/a/c/io.vm.reserve" "disk iops=50" && echo "disk iops=40" >"$dir/io.vm.reserve" &&
	[ "$(<"$dir/a/io.vm.reserve")" = "disk iops=30 bps=0" ] && [ "$(<"$dir/b/io.vm.reserve")" = "disk iops=10 bps=0" ] &&
	[ "$(<"$dir/a/c/io.vm.reserve")" = "disk iops=30 bps=0" ] && rmdir "$dir/a/c" "$dir/a" "$dir/b" &&
	echo -io >"$dir/cgroup.subtree_control" && takes "$dir/io.vm.reserve" "disk iops=max" "disk iops=0 bps=0"
}

# A target below another is not stricter; only the administrator has one that nobody above has.
targets()
{
	local dir=$VM_ROOT/early

	echo +io >"$dir/cgroup.subtree_control" && mkdir "$dir/a" && echo +io >"$dir/a/cgroup.subtree_control" &&
	mkdir "$dir/a/c" || return 1
	! promise "$dir/a/io.vm.latency" 5000 && takes "$dir/a/io.vm.latency" 5000 5000 &&
	! promise "$dir/io.vm.latency" 5000 && promise "$dir/a/c/io.vm.latency" 5000 &&
	! promise "$dir/a/c/io.vm.latency" 4999 && refused "$QUOTA" "$dir/a/c/io.vm.latency" 4999 &&
	takes "$dir/io.vm.latency" 3000 3000 && promise "$dir/a/io.vm.latency" max && promise "$dir/a/c/io.vm.latency" 3000 &&
	! promise "$dir/a/c/io.vm.latency" 2999 && ! promise "$dir/a/io.vm.latency" 3001 &&
	! promise "$dir/io.vm.latency" 3001 && promise "$dir/a/io.vm.latency" 3000 || return 1
	# The administrator takes back what was given, from all below.
	takes "$dir/io.vm.latency" 4000 4000 && [ "$(<"$dir/a/io.vm.latency")" = 4000 ] &&
	[ "$(<"$dir/a/c/io.vm.latency")" = 4000 ] && takes "$dir/a/c/io.vm.latency" 6000 6000 &&
	takes "$dir/io.vm.latency" 5000 5000 && [ "$(<"$dir/a/io.vm.latency")" = 5000 ] &&
	[ "$(<"$dir/a/c/io.vm.latency")" = 6000 ] && takes "$dir/io.vm.latency" max max &&
	[ "$(<"$dir/a/io.vm.latency")" = max ] && [ "$(<"$dir/a/c/io.vm.latency")" = max ] &&
	rmdir "$dir/a/c" "$dir/a" && echo -io >"$dir/cgroup.subtree_control"
}

# Who writes from a cgroup namespace does not see the other cgroups; they keep what they have.
namespace()
{
	local dir=$VM_ROOT/early

	mkdir "$VM_ROOT/other" "$dir/ns" && echo 300 >"$VM_ROOT/other/io.vm.shares" &&
	echo +io >"$dir/cgroup.subtree_control" || return 1
	# shellcheck disable=SC2016
	(
		echo "$BASHPID" >"$dir/ns/cgroup.procs" &&
		unshare -C bash -c 'mkdir "$1"/n{1..80} &&
			for i in {1..80}; do echo 100 >"$1/n$i/io.vm.shares" || exit 1; done && rmdir "$1"/n{1..80}' \
			bash "$dir"
	) || return 1
	[ "$(<"$VM_ROOT/other/io.vm.shares")" = 300 ] && rmdir "$VM_ROOT/other" "$dir/ns" &&
	echo -io >"$dir/cgroup.subtree_control"
}

# Settings are the cgroup's: one that comes after it has its own.
lifetime()
{
	mkdir "$VM_ROOT/vm" && echo 300 >"$VM_ROOT/vm/io.vm.shares" && rmdir "$VM_ROOT/vm" &&
	mkdir "$VM_ROOT/vm" && [ "$(<"$VM_ROOT/vm/io.vm.shares")" = default ] || return 1
	# They outlive the controller in this cgroup.
	echo 300 >"$VM_ROOT/vm/io.vm.shares" && echo -io >"$VM_ROOT/cgroup.subtree_control" &&
	none_there "$VM_ROOT/vm" && echo +io >"$VM_ROOT/cgroup.subtree_control" &&
	[ "$(<"$VM_ROOT/vm/io.vm.shares")" = 300 ] && rmdir "$VM_ROOT/vm"
}

# Deeper than there are shares for.
deep()
{
	local dir=$VM_ROOT i

	for i in 2 3 4 5 6; do
		dir=$dir/d
		mkdir "$dir" && echo 100 >"$dir/io.vm.shares" && echo +io >"$dir/cgroup.subtree_control" || return 1
	done
	mkdir "$dir/d" &&
	hinted "a cgroup has settings down to level 6" "Argument list too long" "$dir/d/io.vm.shares" 100 &&
	vmio_rmdir "$VM_ROOT/d"
}

# Many cgroups, most of them gone when the next come.
many()
{
	local i round n=$((70 * LONG))

	for round in 1 2; do
		eval "mkdir $VM_ROOT/m{1..$n}" || return 1
		for ((i = 1; i <= n; i++)); do
			[ "$(<"$VM_ROOT/m$i/io.vm.shares")" = default ] && echo "$round" >"$VM_ROOT/m$i/io.vm.shares" &&
			[ "$(<"$VM_ROOT/m$i/io.vm.shares")" = "$round" ] || return 1
		done
		eval "rmdir $VM_ROOT/m{1..$n}" || return 1
	done
}

# As many as there may be: the host's administrator has more.
full()
{
	local i r=0

	eval "mkdir $VM_ROOT/m{1..$VMS_MAX}" || return 1
	for ((i = 1; i < VMS_MAX; i++)); do
		echo 100 >"$VM_ROOT/m$i/io.vm.shares" || r=1
	done
	unpromised "$VMS_MAX cgroups have settings or send requests, no more can" "$VM_ROOT/m$VMS_MAX/io.vm.shares" 100 &&
	takes "$VM_ROOT/m$VMS_MAX/io.vm.shares" 100 100 || r=1
	eval "rmdir $VM_ROOT/m{1..$VMS_MAX}" && return "$r"
}

# Writers whose promises do not fit while their cgroups go. If they waited for each other, that would be for ever.
race()
{
	local dir=$VM_ROOT/early n=100 round

	echo +io >"$dir/cgroup.subtree_control" || return 1
	for ((round = 0; round < 2 * LONG; round++)); do
		eval "mkdir $dir/n{1..$n}" || return 1
		promise_all "$dir" "$n" &
		eval "rmdir $dir/n{1..$n}" && wait $! || return 1
	done
	echo -io >"$dir/cgroup.subtree_control"
}

# promise_all DIR N: what there is not
promise_all()
{
	setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
		bash -c "for ((i = 1; i <= $2; i++)); do echo 'disk iops=1' >$1/n\$i/io.vm.reserve; done; true" 2>/dev/null
}

# More cgroups than a worker reads the weight of at a time, none of which is read yet.
unload_many()
{
	local i n=200 r=0

	eval "mkdir $VM_ROOT/m{1..$n}" || return 1
	for ((i = 1; i <= n; i++)); do
		echo 100 >"$VM_ROOT/m$i/io.vm.shares" || r=1
	done
	rmmod cgroup_io && kst_insmod cgroup_io && eval "rmdir $VM_ROOT/m{1..$n}" && return "$r"
}

# busy: somebody reads and writes all files, again and again
busy()
{
	local file

	while :; do
		for file in $FILES; do
			cat "$VM_ROOT/early/io.vm.$file" && echo default >"$VM_ROOT/early/io.vm.shares"
		done >/run/vmio-busy 2>/dev/null
	done
}

# no_device WHAT SAYS
no_device()
{
	case $2 in
	*"No such device"*) return 0 ;;
	esac
	ksft_print_msg "$1 says '$2'"
	return 1
}

# Files that are open, and others that are in use, when the module goes.
unload()
{
	local fd file pid r=0
	local -A reads=() writes=()

	for file in $FILES; do
		exec {fd}<"$VM_ROOT/early/io.vm.$file" || return 1
		reads[$file]=$fd
		[ "$file" != stat ] || continue
		exec {fd}>"$VM_ROOT/early/io.vm.$file" || return 1
		writes[$file]=$fd
	done
	busy &
	pid=$!
	kst_wait 10 [ -s /run/vmio-busy ] && rmmod cgroup_io || r=1
	for file in "${!reads[@]}"; do
		fd=${reads[$file]}
		no_device "reading $file" "$(cat <&"$fd" 2>&1)" || r=1
		exec {fd}<&-
	done
	for file in "${!writes[@]}"; do
		fd=${writes[$file]}
		no_device "writing $file" "$({ echo max >&"$fd"; } 2>&1)" || r=1
		exec {fd}>&-
	done
	none_there "$VM_ROOT/early" && none_there /sys/fs/cgroup && kst_insmod cgroup_io && all_there "$VM_ROOT/early" || r=1
	kill "$pid"
	wait "$pid" 2>/dev/null
	return "$r"
}

CONFIG=/sys/kernel/config/cgroup_io

# What there is where cgroups cannot have files of ours: the settings are the cgroup's all the same.
in_configfs()
{
	local dir=$CONFIG/vm r=0 path="cgroup: path of one, from the root of cgroup v2, but not that"

	rmmod cgroup_io && kst_insmod cgroup_io configfs=1 && mkdir "$dir" && mkdir "$VM_ROOT/vm" || return 1
	none_there "$VM_ROOT/early" || r=1
	! echo high 2>/dev/null >"$dir/shares" || r=1
	hinted "$path" "$INVALID" "$dir/cgroup" / && hinted "$path" "No such file or directory" "$dir/cgroup" /nowhere &&
	takes "$dir/cgroup" "${VM_ROOT#/sys/fs/cgroup}/vm" "${VM_ROOT#/sys/fs/cgroup}/vm" &&
	takes "$dir/shares" high 200 && takes "$dir/limit" "disk iops=100" "disk iops=100 bps=max" &&
	takes "$dir/reserve" "disk bps=1k" "disk iops=0 bps=1024" && takes "$dir/latency" 700 700 &&
	refused "$RANGE" "$dir/latency" 0 && refused "$RANGE" "$dir/shares" 10001 &&
	refused "$INVALID" "$dir/limit" "net bps=1" && [ -z "$(<"$dir/stat")" ] || r=1
	# A second name of the same cgroup; the first goes, the settings stay.
	mkdir "$CONFIG/two" && echo "${VM_ROOT#/sys/fs/cgroup}/vm" >"$CONFIG/two/cgroup" && rmdir "$dir" &&
	[ "$(<"$CONFIG/two/shares")" = 200 ] && ! rmmod cgroup_io 2>/dev/null || r=1
	rmdir "$VM_ROOT/vm" && ! cat "$CONFIG/two/shares" 2>/dev/null || r=1
	rmdir "$CONFIG/two" && rmmod cgroup_io && [ ! -e "$CONFIG" ] && kst_insmod cgroup_io &&
	all_there "$VM_ROOT/early" && return "$r"
}

kst_need setpriv unshare
vmio_cgroups io
mkdir "$VM_ROOT/early"
ksft_print_header
ksft_set_plan $((LONG > 1 ? 18 : 17))
none_there "$VM_ROOT/early" || ksft_exit_fail_msg "cgroup_io is loaded"
kst_load cgroup_io
ksft_test "the files are in each cgroup with io, and stat in the root" appear
ksft_test "the kernel log says what settings take" hints
ksft_test "shares" shares
ksft_test "limits" limits
ksft_test "reservations" reserves
ksft_test "latency targets" latencies
ksft_test "who is no administrator divides the reservation of the parent" delegation
ksft_test "only the administrator takes back what is divided" taken_back
ksft_test "a latency target bounds those below" targets
ksft_test "in a cgroup namespace" namespace
ksft_test "settings live as long as the cgroup" lifetime
ksft_test "a cgroup that is too deep says so" deep
ksft_test "a great many cgroups" many
[ "$LONG" = 1 ] || ksft_test "as many as there may be" full
ksft_test "cgroups that go while their files are written" race
ksft_test "unload beside many cgroups" unload_many
ksft_test "unload with files open and in use" unload
if modprobe configfs 2>/dev/null; then
	mountpoint -q "${CONFIG%/*}" || mount -t configfs none "${CONFIG%/*}"
	ksft_test "the same settings in configfs" in_configfs
else
	ksft_test_result_skip "the same settings in configfs" "no configfs in this kernel"
fi
ksft_finished
