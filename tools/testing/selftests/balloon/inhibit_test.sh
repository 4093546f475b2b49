#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Nested guests whose memory QEMU may or can not discard, so that a balloon that is inflated frees nothing: locked, and on
# its way by postcopy. vmballoon_host must not take the guest's word for it. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

export GUEST_MEM=256
RAM=$((GUEST_MEM * MIB))
VSOCK=(vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport)
# Guests, in cgroups of their names, and the numbers of their VMs.
declare -A CID=([a]=7 [b]=8 [c]=9)

# start GUEST COMMAND [QEMU ARGUMENT...]: as a VM of this host; not yet up.
start()
{
	local guest=$1 command=$2
	shift 2

	cgroup_make $guest && vm_add ${CID[$guest]} $GUEST_MEM $guest && start_in $guest $command $guest \
		-device virtio-balloon-pci,id=balloon0,free-page-reporting=on \
		-device "vhost-vsock-pci,id=vsock0,guest-cid=${CID[$guest]}" "$@" && kst_undo guest_kill $guest
}

# joins GUEST: is up, and its driver is connected. Its memory is full of what is no zero, once.
joins()
{
	guest_wait $1 && guest_exec $1 "for m in ${VSOCK[*]}; do insmod /bin/\$m.ko || exit 1; done; insmod /bin/vmballoon.ko link=1
		dmesg -c >/dev/null; mkdir /use && mount -t tmpfs -o size=95% none /use &&
		dd if=/dev/urandom of=/use/file bs=1M count=120 2>/dev/null && rm /use/file" &&
		kst_wait 30 vm_is ${CID[$1]} link connected && kst_wait 30 vm_has ${CID[$1]} need -lt $RAM
}

healthy()
{
	! guest_exec $1 'dmesg -c' | grep -aE 'BUG|WARNING|Oops|Call Trace|Out of memory' | sed 's/^/# guest: /' | grep .
}

say()
{
	local file line

	line="VM $1, $(vm $1 state):"
	for file in measured size order held credit; do
		line+=" $file $(($(vm $1 $file) / MIB))"
	done
	ksft_print_msg "$line, pool $(($(cat $SYS/pool) / MIB))"
}

# not_given NUMBER MEASURED: the guest says that it holds much, and the host has it not, knows that, and says so.
not_given()
{
	if kst_wait 40 vm_has $1 held -ge $((64 * MIB)) && kst_wait 20 vm_is $1 state stuck &&
	   vm_has $1 measured -ge $2 && vm_has $1 size -ge "$(($(vm $1 measured) < RAM ? $(vm $1 measured) : RAM))" && vm_is $1 credit 0; then
		say $1
		return
	fi
	say $1
	return 1
}

# The kernel refuses to discard what is locked.
locked()
{
	start a guest_start -overcommit mem-lock=on && joins a && kst_wait 30 vm_has 7 measured -ge $((RAM * 3 / 4)) || return 1
	leave 200
	not_given 7 $((RAM * 3 / 4)) || return 1
	# It is nobody's: what there is to divide is less by all that the VM has.
	[ "$(cat $SYS/pool)" -le $((200 * MIB - RAM / 2)) ]
}

# Who needs it gets nothing of what the other one only said: 200 MiB were there for both.
nobody_gets_it()
{
	cgroup_make d && vm_add 10 512 d && echo "$((512 * MIB)) 0 0 0" >$SYS/vms/10/report && echo 400M >$SYS/vms/10/held || return 1
	sleep 3
	vm_has 10 target -le $((200 * MIB - RAM / 2)) && kst_wait 10 vm_is 7 state stuck && echo 10 >$SYS/remove
}

# When it is not ordered any more the guest has all, and nothing happened to it.
unharmed()
{
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 7 held 0 && kst_wait 20 vm_is 7 state settled && guest_exec a 'dd if=/dev/zero of=/use/file bs=1M count=120 2>/dev/null' &&
		healthy a && guest_kill a && kst_wait 20 vm_is 7 link none && echo 7 >$SYS/remove
}

migration_is()
{
	[ "$(guest_migration b)" = "$1" ]
}

# Ordered while its memory still arrives: the device ignores it, and what arrives stays.
arriving()
{
	start b guest_start && joins b && guest_keep b && start c guest_incoming || return 1
	guest_capability b postcopy-ram on && guest_capability c postcopy-ram on || return 1
	guest_do b '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":65536,"max-postcopy-bandwidth":1048576}}' || return 1
	guest_migrate b c && kst_wait 20 migration_is active && guest_do b '{"execute":"migrate-start-postcopy"}' &&
		kst_wait 20 migration_is postcopy-active && guest_do c '{"execute":"cont"}' || return 1
	echo 1T >$SYS/reserve
	if ! kst_wait 60 vm_is 9 link connected || ! kst_wait 60 vm_has 9 held -ge $((64 * MIB)) || ! migration_is postcopy-active; then
		say 9
		ksft_print_msg "migration: $(guest_migration b)"
		return 1
	fi
	say 9
	guest_do b '{"execute":"migrate-set-parameters","arguments":{"max-postcopy-bandwidth":1073741824}}' || return 1
	kst_wait 100 migration_is completed && guest_kill b && guest_kept c || return 1
	# Most of what it holds arrived.
	not_given 9 $((RAM / 2))
}

# Ordered anew it gives, as nothing hinders it any more.
arrived()
{
	local before

	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 9 held 0 || return 1
	before=$(in_memory c)
	echo 1T >$SYS/reserve
	kst_wait 60 vm_has 9 held -ge $((64 * MIB)) && kst_wait 30 vm_has 9 measured -lt $((before - 64 * MIB)) || return 1
	say 9
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 9 held 0 && guest_kept c && healthy c
}

ksft_print_header
kst_need awk qemu-system-x86_64
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
kst_load_stock vhost_vsock
DIR=$(mktemp -d)
GUEST_FILES="$(kst_ko vmballoon) $(guest_modules "$DIR" "${VSOCK[@]}")" || ksft_exit_fail_msg "no modules for the guest"
export GUEST_FILES
ksft_set_plan 5
kst_load vmballoon_host
ksft_test "memory that is locked" locked
ksft_test "nobody gets it" nobody_gets_it
ksft_test "the guest is as before" unharmed
ksft_test "memory that arrives by postcopy" arriving
ksft_test "memory that has arrived" arrived
ksft_finished
