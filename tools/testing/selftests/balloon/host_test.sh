#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vmballoon_host: settings, measurement and decisions, with cgroups whose processes stand
# for VMs: what QEMU would occupy is a file in a tmpfs. The functions are called through
# ksft_test.
# shellcheck disable=SC2086,SC2317

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/host_lib.sh
. "$(dirname "$0")/host_lib.sh"

CG=/sys/fs/cgroup/vmballoon-test

# refused FILE VALUE...: each of them is.
refused()
{
	local file=$1 value
	shift

	for value; do
		if echo "$value" >"$SYS/$file"; then
			ksft_print_msg "$file takes '$value'"
			return 1
		fi
	done 2>/dev/null
}

# vm_set CID FILE VALUE
vm_set()
{
	echo "$3" >"$SYS/vms/$1/$2"
}

# occupy NAME MIB: memory of a cgroup.
occupy()
{
	mkdir -p "$CG/$1" "$MNT/$1"
	(
		echo $BASHPID >"$CG/$1/cgroup.procs"
		dd if=/dev/zero of="$MNT/$1/memory" bs=1M count="$2" status=none
	)
}

# vm_add CID: what it has is what its cgroup has.
vm_add()
{
	echo "$1 512M" >"$SYS/add" && vm_set "$1" overhead 0
}

remove_all()
{
	local dir

	for dir in "$SYS"/vms/*; do
		[ ! -d "$dir" ] || echo "${dir##*/}" >"$SYS/remove"
	done
}

bad_input()
{
	refused add "" 7 "7 0" "7 x" "7 1Gx" "2 1G" "0 1G" "4294967295 1G" "x 1G" "7 65T" || return 1
	refused remove "" 7 x || return 1
	refused rule "" none || return 1
	refused idle_tax "" 101 -1 x || return 1
	refused reserve "" x 65T 1Gx || return 1
	[ -z "$(ls "$SYS/vms")" ]
}

settings()
{
	echo "7 512M" >"$SYS/add" || return 1
	refused add "7 512M" || return 1
	vm_is 7 ram $((512 * MIB)) && vm_is 7 max $((512 * MIB)) && vm_is 7 min 0 || return 1
	vm_is 7 weight 100 && vm_is 7 buffer 20 && vm_is 7 state unmeasured || return 1
	refused vms/7/min "" x 1Gx 65T || return 1
	refused vms/7/max "" 0 x 513M || return 1
	refused vms/7/weight "" 0 10001 x || return 1
	refused vms/7/buffer "" 2001 x || return 1
	vm_is 7 overhead $((72 * MIB)) && refused vms/7/overhead "" x 65T || return 1
	vm_is 7 squeeze 0 && vm_is 7 limit 0 && refused vms/7/squeeze "" x || return 1
	refused vms/7/report "" "1 2 3" "1 2 3 4 5" "a b c d" || return 1
	refused vms/7/cgroup none /none /../.. "$CG" || return 1
	vm_set 7 min 64M && vm_set 7 max 256M && vm_set 7 weight 500 && vm_set 7 buffer 50 || return 1
	vm_is 7 min $((64 * MIB)) && vm_is 7 max $((256 * MIB)) && vm_is 7 weight 500 || return 1
	vm_set 7 report "1 2 3 4" && vm_is 7 report "1 2 3 4" || return 1
	echo range >"$SYS/rule" && grep -q '\[range\]' "$SYS/rule" || return 1
	echo weight >"$SYS/rule" && echo 7 >"$SYS/remove" && [ ! -e "$SYS/vms/7" ]
}

# Nothing is ordered from a VM of which nothing is known.
unmeasured()
{
	vm_add 7 && vm_set 7 report "$((512 * MIB)) $((500 * MIB)) 0 0" || return 1
	sleep 1
	vm_is 7 state unmeasured && vm_is 7 order $((512 * MIB)) && vm_is 7 measured 0
}

measured()
{
	occupy a 40 || return 1
	vm_set 7 cgroup "/${CG##*/}/a" || return 1
	kst_wait 10 vm_has 7 measured -ge $((40 * MIB)) || return 1
	vm_has 7 measured -lt $((60 * MIB)) || return 1
	rm "$MNT/a/memory"
	kst_wait 10 vm_has 7 measured -lt $((20 * MIB))
}

# A host that keeps all but 200 MiB: an idle VM is told to give way to a busy one.
divided()
{
	vm_add 8 && occupy b 20 && vm_set 8 cgroup "/${CG##*/}/b" || return 1
	vm_set 7 min 32M || return 1
	vm_set 7 report "$((512 * MIB)) $((480 * MIB)) 0 0" || return 1
	vm_set 8 report "$((512 * MIB)) 0 0 0" || return 1
	echo $(($(kst_meminfo MemAvailable) - 200 * MIB)) >"$SYS/reserve" || return 1
	kst_wait 10 vm_has 7 target -lt $((200 * MIB)) || return 1
	kst_wait 10 vm_has 7 order -lt $((512 * MIB)) || return 1
	ksft_print_msg "pool $(($(cat $SYS/pool) / MIB)) MiB: idle $(($(vm 7 target) / MIB)), busy $(($(vm 8 target) / MIB))"
	vm_has 7 target -ge $((32 * MIB)) && vm_has 7 target -lt "$(vm 8 target)"
}

# The word alone counts no more than the measure alone.
obeyed()
{
	vm_is 7 size $((512 * MIB)) || return 1
	vm_set 7 held 480M || return 1
	kst_wait 10 vm_has 7 size -lt $((512 * MIB)) || return 1
	occupy a 300 || return 1
	kst_wait 10 vm_has 7 size -ge $((300 * MIB)) || return 1
	rm "$MNT/a/memory"
}

# Memory that does not come: stuck, out of the division; and back when it comes.
stuck()
{
	occupy b 250 || return 1
	vm_set 8 report "$((512 * MIB)) $((500 * MIB)) 0 0" || return 1
	vm_set 7 report "$((512 * MIB)) 0 0 0" || return 1
	kst_wait 20 vm_is 8 state stuck || return 1
	vm_is 8 credit 0 || return 1
	rm "$MNT/b/memory"
	vm_set 8 held 512M
	kst_wait 20 vm_has 8 size -lt $((250 * MIB)) || return 1
	! vm_is 8 state stuck
}

# The files are read one after the other, and there may be a turn between them.
within_pool()
{
	local seven eight pool

	pool=$(cat "$SYS/pool") seven=$(vm 7 target) eight=$(vm 8 target)
	saw="pool $pool, targets $seven and $eight, lack $(cat "$SYS/lack")"
	[ $((seven + eight)) -le "$pool" ] || [ "$(cat "$SYS/lack")" != 0 ]
}

rules()
{
	local rule saw

	for rule in range demand shares weight; do
		echo $rule >"$SYS/rule" && kst_wait 5 within_pool && continue
		ksft_print_msg "$rule: $saw"
		return 1
	done
}

# host_is STATE
host_is()
{
	[ "$(cat "$SYS/state")" = "$1" ]
}

# Nothing is asked of a VM whose QEMU has more than thought.
beside_the_guest()
{
	echo 0 >"$SYS/reserve"
	echo "9 64M" >"$SYS/add" && vm_set 9 overhead 0 && vm_set 9 cgroup "/${CG##*/}/b" && occupy b 120 || return 1
	kst_wait 10 vm_has 9 measured -ge $((120 * MIB)) && sleep 3 && vm_is 9 state settled && vm_is 9 order $((64 * MIB)) || return 1
	vm_set 9 overhead 80M && kst_wait 10 vm_has 9 measured -lt $((64 * MIB)) || return 1
	rm "$MNT/b/memory"
	echo 9 >"$SYS/remove"
}

# A process instead of a cgroup; what it has in swap it still has.
by_process()
{
	local file

	echo 0 >"$SYS/reserve"
	echo "9 512M" >"$SYS/add" && vm_set 9 overhead 0 && vm_is 9 pid 0 && refused vms/9/pid "" x -1 2 4194304 || return 1
	(
		echo $BASHPID >"$CG/b/cgroup.procs"
		exec perl -e '$SIG{USR1} = sub { undef $x }; open(F, "/dev/zero"); sysread(F, $x, 100 << 20); while (1) { sleep 60 }'
	) &
	file=$CG/b/memory.reclaim
	kst_undo kill $!
	vm_is 9 state unmeasured && vm_set 9 pid $! && kst_wait 20 vm_has 9 measured -ge $((100 * MIB)) || return 1
	vm_is 9 pid $! && vm_has 9 measured -lt $((120 * MIB)) && vm_is 9 state settled || return 1
	echo 64M >"$file" && sleep 1 && [ "$(cat "$CG/b/memory.swap.current")" -ge $((48 * MIB)) ] || return 1
	ksft_print_msg "$(($(cat "$CG/b/memory.swap.current") / MIB)) MiB in swap, measured $(($(vm 9 measured) / MIB))"
	vm_has 9 measured -ge $((100 * MIB)) && vm_has 9 measured -lt $((120 * MIB)) || return 1
	# A cgroup is the better measure.
	vm_set 9 cgroup "/${CG##*/}/a" && kst_wait 10 vm_has 9 measured -lt $((50 * MIB)) && vm_set 9 cgroup "" || return 1
	kst_wait 10 vm_has 9 measured -ge $((100 * MIB)) && kill -USR1 $! && kst_wait 10 vm_has 9 measured -lt $((20 * MIB)) &&
		vm_is 9 state settled || return 1
	kill $! && kst_wait 10 vm_is 9 state unmeasured && refused vms/9/pid $! && echo 9 >"$SYS/remove"
}

# Such a VM is to give what its guest has, though nobody waits for it; and does not.
more_than_all()
{
	echo "9 256M" >"$SYS/add" && vm_set 9 overhead 0 && vm_set 9 cgroup "/${CG##*/}/b" && occupy b 300 || return 1
	kst_wait 10 vm_has 9 measured -ge $((300 * MIB)) && host_is high || return 1
	echo 1T >"$SYS/reserve"
	kst_wait 10 vm_has 9 order -lt $((256 * MIB)) && kst_wait 20 vm_is 9 state stuck && host_is high || return 1
	echo 0 >"$SYS/reserve"
	rm "$MNT/b/memory"
	kst_wait 20 vm_is 9 state settled && echo 9 >"$SYS/remove"
}

# Less than a half of the floor is free, which is an eighth of so small a host.
shorten_host()
{
	local total avail

	total=$(kst_meminfo MemTotal)
	avail=$(kst_meminfo MemAvailable)
	fallocate -l $((avail - total * 3 / 64)) "$MNT/huge/host" && kst_wait 20 eval "host_is hard || host_is low"
}

high_is()
{
	[ "$(cat "$CG/s/memory.high")" = "$1" ]
}

# limited CGROUP VM: memory.high is the VM's limit.
limited()
{
	local limit

	limit=$(cat "$CG/$1/memory.high")
	[ "$limit" != max ] && [ "$limit" = "$(vm "$2" limit)" ]
}

not_limited()
{
	[ "$(cat "$CG/$1/memory.high")" = max ]
}

# limited_to CGROUP VM MIB: and the cgroup keeps to it.
limited_to()
{
	limited "$1" "$2" && [ "$(vm "$2" limit)" -le $(($3 * MIB)) ] &&
		[ "$(cat "$CG/$1/memory.current")" -le $(($(vm "$2" limit) + 8 * MIB)) ]
}

# VM 9 does not give anything. Only when the host is short it is swapped, to memcompress, down to what it is to have.
squeezed()
{
	echo "9 512M" >"$SYS/add" && occupy s 240 && vm_set 9 cgroup "/${CG##*/}/s" && vm_set 9 squeeze 1 || return 1
	kst_wait 10 vm_has 9 measured -ge $((150 * MIB)) && not_limited s && vm_is 9 limit 0 || return 1
	vm_set 9 min 80M && shorten_host && kst_wait 30 limited_to s 9 170 || return 1
	ksft_print_msg "host $(cat "$SYS/state"), limit $(($(vm 9 limit) / MIB)) MiB, swapped $(($(cat "$CG/s/memory.swap.current") / MIB))"
	[ "$(cat "$CG/s/memory.swap.current")" -gt $((64 * MIB)) ] || return 1
	# Swapping is not giving.
	vm_has 9 measured -ge $((150 * MIB)) || return 1
	# What the administrator sets counts, and is what it goes back to.
	echo 300M >"$CG/s/memory.high"
	kst_wait 10 limited_to s 9 170 || return 1
	rm "$MNT/huge/host"
	kst_wait 20 host_is high && kst_wait 10 vm_is 9 limit 0 && kst_wait 10 high_is $((300 * MIB)) || return 1
	echo max >"$CG/s/memory.high"
}

# All of VM 9 is used again: the kernel may find too little of it old enough to go.
limited_anew()
{
	cat "$MNT/s/memory" >/dev/null && kst_wait 30 limited s 9
}

# A VM that is let go, gets another cgroup, is removed, or is left by the module has its limit no more.
released()
{
	shorten_host && limited_anew && vm_set 9 squeeze 0 && kst_wait 10 not_limited s || return 1
	vm_set 9 squeeze 1 && limited_anew && vm_set 9 cgroup "" && kst_wait 10 not_limited s || return 1
	vm_set 9 cgroup "/${CG##*/}/s" && limited_anew && echo 9 >"$SYS/remove" && kst_wait 10 not_limited s || return 1
	echo "9 512M" >"$SYS/add" && vm_set 9 squeeze 1 && vm_set 9 cgroup "/${CG##*/}/s" && limited_anew || return 1
	rmmod vmballoon_host && not_limited s && kst_insmod vmballoon_host || return 1
	rm "$MNT/huge/host" "$MNT/s/memory"
}

cgroup_gone()
{
	local i

	for i in {1..50}; do
		rmdir "$CG/a" 2>/dev/null && break
		sleep 0.1
	done
	kst_wait 10 vm_is 7 state unmeasured
}

come_and_go()
{
	local i pid reader

	(while :; do cat "$SYS"/vms/*/* "$SYS"/[a-qs-z]* >/dev/null 2>&1; done) &
	reader=$!
	(for i in {1..200}; do
		echo "100 1G" >"$SYS/add"
		echo 100 >"$SYS/remove"
	done) 2>/dev/null &
	pid=$!
	for i in {1..200}; do
		echo "100 1G" >"$SYS/add"
		vm_set 100 weight 7
		echo 100 >"$SYS/remove"
	done 2>/dev/null
	wait $pid
	kill $reader
	wait $reader 2>/dev/null
	remove_all
	[ -z "$(ls "$SYS/vms")" ]
}

unload()
{
	local i

	for i in 1 2 3 4 5; do
		echo "7 512M" >"$SYS/add" && echo "9 512M" >"$SYS/add" || return 1
		vm_set 7 cgroup "/${CG##*/}/b" || return 1
		rmmod vmballoon_host && [ ! -e "$SYS" ] && kst_insmod vmballoon_host || return 1
	done
}

ksft_print_header
kst_need awk dd fallocate mkswap perl
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
ksft_set_plan 16
kst_load vmballoon_host
MNT=$(mktemp -d /run/vmballoon.XXXXXX)
mount -t tmpfs none "$MNT"
mkdir "$MNT/huge"
mount -t tmpfs -o huge=always,size=95% none "$MNT/huge" 2>/dev/null || mount -t tmpfs -o size=95% none "$MNT/huge"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$CG"
echo +memory >"$CG/cgroup.subtree_control"
kst_undo rmdir "$MNT"
kst_undo rmdir "$CG"
kst_undo rmdir "$CG/b"
kst_undo rmdir "$CG/a"
kst_undo rmdir "$CG/s"
kst_undo umount "$MNT"
kst_undo umount "$MNT/huge"
kst_load memcompress
swap=memcompress$(cat /sys/class/memcompress-control/hot_add) || ksft_exit_fail_msg "no device to swap to"
kst_undo eval "echo ${swap#memcompress} >/sys/class/memcompress-control/hot_remove"
kst_undo swapoff "/dev/$swap"
kst_undo rm -f "$MNT/s/memory"
echo 512M >"/sys/block/$swap/disksize"
kst_wait 10 [ -b "/dev/$swap" ]
mkswap "/dev/$swap" >/dev/null
swapon "/dev/$swap" || ksft_exit_fail_msg "no swap"

ksft_test "bad input" bad_input
ksft_test "settings" settings
ksft_test "a VM that is not measured" unmeasured
ksft_test "what the host measures" measured
ksft_test "idle gives way to busy" divided
ksft_test "the guest's word" obeyed
ksft_test "a VM that gives nothing back" stuck
ksft_test "rules" rules
ksft_test "a process that is measured" by_process
ksft_test "a cgroup that goes" cgroup_gone
ksft_test "what QEMU has beside its guest" beside_the_guest
ksft_test "a VM with more than its RAM" more_than_all
remove_all
ksft_test "beyond the balloon: memory.high" squeezed
ksft_test "memory.high as it was" released
ksft_test "VMs that come and go" come_and_go
ksft_test "unload with VMs" unload
ksft_finished
