#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vmballoon in nested guests: sizes, and what vmballoon_host orders over vhost-vsock, also when they sleep; in the long
# form two of them, while they need what the other has, reboot, migrate, and die. Their freed pages have a pattern
# (page_poison=1): a page that the host discarded against the rules is found by the guest's kernel, which looks for it.
# The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

LONG=${VMACCEL_LONG:-0}
FULL=$((320 * MIB))
LESS=$((224 * MIB))
export GUEST_MEM=320 GUEST_APPEND="page_poison=1 suspend.pm_test_delay=1"
# shellcheck disable=SC2054 # the commas are QEMU's
DEVICES=(-object iothread,id=hints
	-device "virtio-balloon-pci,id=balloon0,free-page-reporting=on,free-page-hint=on,iothread=hints")
VSOCK=(vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport)
# Guests, in cgroups of their names, and the numbers of their VMs.
declare -A CID=([a]=7 [b]=8 [c]=9)
# At most, of a QEMU beside its guest's memory, the kernel that it started included.
QEMU=$((48 * MIB))

# balloon_to GUEST BYTES
balloon_to()
{
	guest_do "$1" '{"execute":"balloon","arguments":{"value":'"$2"'}}' >/dev/null && kst_wait 30 balloon_is "$1" "$2" && return
	ksft_print_msg "guest $1 has $(($(balloon_actual "$1") / MIB)) MiB and is to have $(($2 / MIB)): $(
		guest_exec "$1" 'head -n 3 /proc/meminfo; cat /proc/buddyinfo /sys/bus/virtio/drivers/vmballoon/virtio*/blocks
			grep virtio /proc/interrupts; grep -h vmg_ /proc/[0-9]*/stack' | tr -s '\n ' ' ')"
	return 1
}

# guest_file GUEST FILE
guest_file()
{
	guest_exec "$1" "cat $2"
}

# Host memory of a guest: bytes.
guest_memory()
{
	awk '$1 == "RssAnon:" { printf "%.0f\n", $2 * 1024 }' "/proc/$(guest_pid "$1")/status"
}

guest_memory_below()
{
	[ "$(guest_memory "$1")" -lt "$2" ]
}

# The kernel of a guest found every page as it must be.
no_corruption()
{
	! guest_exec "$1" 'dmesg -c' | grep -aE 'pagealloc|BUG|WARNING|Oops|Call Trace' | sed 's/^/# guest: /' | grep .
}

# All of the guest's free memory is allocated once, and its pattern looked at.
use_memory()
{
	guest_exec "$1" "dd if=/dev/zero of=/tmp/use bs=1M count=$2 2>/dev/null && rm /tmp/use"
}

# The driver is there, with a balloon that is empty.
has_balloon()
{
	DEV=$(guest_exec a "echo /sys/bus/virtio/drivers/vmballoon/virtio*")
	# Hints, pattern, reporting.
	[ "$(guest_file a "$DEV/features" | cut -c4-6)" = 111 ] || return 1
	# What its kernel says of the emulated processor is not ours.
	guest_exec a 'dmesg -c >/dev/null'
	balloon_is a $FULL
}

sizes()
{
	local before size

	# With a pattern all free memory was written, and the host has it.
	use_memory a 80 || return 1
	before=$(guest_memory a)
	balloon_to a $LESS || return 1
	[ "$(guest_file a "$DEV/blocks")" -gt 0 ] || return 1
	kst_wait 5 guest_memory_below a $((before - (FULL - LESS) * 3 / 4)) || return 1
	ksft_print_msg "host memory $((before / MIB)) MiB, then $(($(guest_memory a) / MIB)) MiB"
	for size in $((LESS + 777 * 4096)) $((LESS - 4096)) $((FULL - 511 * 4096)) $FULL; do
		balloon_to a "$size" || return 1
	done
	[ "$(guest_file a "$DEV/blocks")" = 0 ] && [ "$(guest_file a "$DEV/pages")" = 0 ] || return 1
	use_memory a 80 || return 1
	no_corruption a
}

# start GUEST [COMMAND]: not yet up.
start()
{
	start_in $1 ${2:-guest_start} $1 "${DEVICES[@]}" -device "vhost-vsock-pci,id=vsock0,guest-cid=${CID[$1]}" && kst_undo guest_kill $1
}

load()
{
	guest_exec $1 "for m in ${VSOCK[*]}; do insmod /bin/\$m.ko || exit 1; done; insmod /bin/vmballoon.ko link=1"
}

# joins GUEST: as a VM of this host.
joins()
{
	vm_add ${CID[$1]} $GUEST_MEM $1
}

# linked GUEST: it is, and has said what it needs.
linked()
{
	kst_wait 30 vm_is ${CID[$1]} link connected && kst_wait 30 vm_has ${CID[$1]} need -lt $FULL
}

unlinked()
{
	kst_wait 20 vm_is ${CID[$1]} link none
}

gave()
{
	guest_memory_below $1 $((FULL + QEMU - $(vm ${CID[$1]} held)))
}

# holds GUEST: what the host ordered, and the host has the memory.
holds()
{
	kst_wait 60 vm_has ${CID[$1]} held -ge $((64 * MIB)) && kst_wait 30 gave $1
}

# The second boots meanwhile.
starts()
{
	cgroup_make a && cgroup_make b && cgroup_make c && joins a && start a || return 1
	[ "$LONG" = 0 ] || start b || return 1
	guest_wait a && load a && has_balloon
}

# know GUEST: the guest has all of its memory; the rest is QEMU's, and the files' that it was the first to read.
know()
{
	use_memory $1 80 && ! guest_memory_below $1 $((FULL - 24 * MIB)) || return 1
	echo $(($(in_memory $1) - FULL)) >"$SYS/vms/${CID[$1]}/overhead"
	kst_wait 10 known $1
}

known()
{
	vm_has ${CID[$1]} measured -lt $((FULL + 8 * MIB)) && vm_has ${CID[$1]} measured -gt $((FULL - 8 * MIB))
}

# What the host orders is held, measured, and nobody's but the host's; when there is enough it is given back.
ordered()
{
	local before

	linked a && know a || return 1
	before=$(vm 7 measured)
	echo 1T >$SYS/reserve
	holds a && kst_wait 30 vm_has 7 measured -lt $((before - 40 * MIB)) && balloon_is a $FULL || return 1
	ksft_print_msg "order $(($(vm 7 order) / MIB)) MiB, held $(($(vm 7 held) / MIB)), measured $((before / MIB)), then $(($(vm 7 measured) / MIB))"
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 7 held 0 && use_memory a 60 && no_corruption a
}

# What it holds for the host and for its device it holds again when it is awake; all else is as it was.
sleeps()
{
	echo 1T >$SYS/reserve
	holds a && balloon_to a $LESS && guest_keep a && guest_sleep a || return 1
	kst_wait 30 balloon_is a $LESS && linked a && holds a && guest_kept a && no_corruption a && balloon_to a $FULL || return 1
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 7 held 0
}

# say NUMBER...: MiB of these VMs.
say()
{
	local number file line

	for number; do
		line="VM $number, $(vm $number state):"
		for file in need target order held measured; do
			line+=" $file $(($(vm $number $file) / MIB))"
		done
		ksft_print_msg "$line"
	done
}

# Each has given something, and is to give no more.
both_rest()
{
	vm_is 7 state settled && vm_is 8 state settled && vm_has 7 held -ge $((32 * MIB)) && vm_has 8 held -ge $((32 * MIB))
}

# Both are idle, and have less than all. The one is not any more.
handed_over()
{
	local idle busy

	joins b && guest_wait b && load b && linked b && guest_exec b 'dmesg -c >/dev/null' || return 1
	use_memory a 80 && know b && leave 500 || return 1
	if ! kst_wait 60 both_rest; then
		say 7 8
		return 1
	fi
	say 7 8
	idle=$(vm 7 held) busy=$(vm 8 held)
	guest_exec b 'mkdir /use && mount -t tmpfs -o size=95% none /use && dd if=/dev/zero of=/use/busy bs=1M count=140 2>/dev/null' || return 1
	if ! kst_wait 60 vm_has 8 held -le $((busy - 20 * MIB)) || ! kst_wait 60 vm_has 7 held -ge $((idle + 20 * MIB)) || ! kst_wait 30 gave a; then
		say 7 8
		return 1
	fi
	say 7 8
	no_corruption a && no_corruption b
}

# A guest that dies says no farewell.
dies()
{
	guest_kill b && kst_wait 5 vm_is 8 link none && echo 8 >$SYS/remove
}

# A guest that starts anew has no balloon, and is ordered again.
reboots()
{
	echo 1T >$SYS/reserve
	guest_reboot a && unlinked a && load a && linked a && holds a && balloon_is a $FULL || return 1
	# What its kernel says of the emulated processor is not ours.
	guest_exec a 'dmesg -c >/dev/null'
}

migrated()
{
	[ "$(guest_migration a)" = completed ]
}

# To another VM of this host: what it holds for the host does not take memory there, and its order comes from there.
migrates()
{
	guest_keep a && holds a && joins c && start c guest_incoming && guest_migrate a c && kst_wait 60 migrated || return 1
	guest_do c '{"execute":"cont"}' && guest_kill a && unlinked a && linked c && holds c && guest_kept c || return 1
	ksft_print_msg "there: held $(($(vm 9 held) / MIB)) MiB, memory $(($(guest_memory c) / MIB))"
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 9 held 0 && use_memory c 60 && guest_kept c && no_corruption c
}

# intx GUEST BYTE: the upper one of the PCI command register of its balloon, whose bit 2 keeps it from interrupts.
intx()
{
	guest_exec $1 "printf '\\$2' | dd of=\$(readlink -f $DEV/..)/config bs=1 seek=5 conv=notrunc 2>/dev/null"
}

# After hints a device may have no interrupts any more; these are taken from it.
deaf()
{
	intx $1 004 && balloon_to $1 $LESS && balloon_to $1 $FULL && intx $1 000 && balloon_to $1 $LESS && balloon_to $1 $FULL && no_corruption $1
}

unloads()
{
	balloon_to $1 $LESS && guest_exec $1 'rmmod vmballoon' && balloon_is $1 $FULL && no_corruption $1 && unlinked $1
}

ksft_print_header
kst_need awk qemu-system-x86_64
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
kst_load_stock vhost_vsock
DIR=$(mktemp -d)
GUEST_FILES="$(kst_ko vmballoon) $(guest_modules "$DIR" "${VSOCK[@]}")" || ksft_exit_fail_msg "no modules for the guest"
export GUEST_FILES
ksft_set_plan $((LONG ? 10 : 5))
kst_load vmballoon_host
ksft_test "a guest with a pattern in freed pages" starts
ksft_test "sizes, page by page" sizes
ksft_test "what vmballoon_host orders" ordered
ksft_test "sleep" sleeps
if [ "$LONG" != 0 ]; then
	ksft_test "from the idle to the busy" handed_over
	ksft_test "a guest that is killed" dies
	ksft_test "reboot" reboots
	ksft_test "migration" migrates
	ksft_test "a device without interrupts, after hints" deaf c
	ksft_test "unload" unloads c
else
	ksft_test "unload" unloads a
fi
ksft_finished
