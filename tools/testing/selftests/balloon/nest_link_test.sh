#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vmballoon in a nested guest whose freed pages have a pattern: sizes, sleep, and what vmballoon_host orders over
# vhost-vsock. The functions are called through ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

DEVICES+=(-device "vhost-vsock-pci,guest-cid=7")
VSOCK=(vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport)
SYS=/sys/kernel/vmballoon
CG=/sys/fs/cgroup/vmballoon-nest

# guest_modules DIR: what the guest needs for vsock, as files without compression: their names.
guest_modules()
{
	local module file

	for module in "${VSOCK[@]}"; do
		file=$(modinfo -n "$module") || return 1
		case $file in
		*.xz)	xz -dc "$file" >"$1/$module.ko" ;;
		*)	cp "$file" "$1/$module.ko" ;;
		esac || return 1
		echo "$1/$module.ko"
	done
}

# Its memory is counted from the beginning.
start_in_cgroup()
{
	local was

	was=$(sed -n 's/^0:://p' /proc/self/cgroup)
	echo $$ >"$CG/cgroup.procs" || return 1
	guest_start "$@"
	set -- $?
	echo $$ >"/sys/fs/cgroup$was/cgroup.procs"
	return "$1"
}

starts()
{
	start_in_cgroup a "${DEVICES[@]}" && kst_undo guest_kill a && guest_wait a || return 1
	guest_exec a "for m in ${VSOCK[*]}; do insmod /bin/\$m.ko || exit 1; done; insmod /bin/vmballoon.ko link=1" || return 1
	has_balloon
}

vm()
{
	cat "$SYS/vms/7/$1"
}

vm_is()
{
	[ "$(vm "$1")" = "$2" ]
}

vm_has()
{
	test "$(vm "$1")" "$2" "$3"
}

# What the host orders is held, measured, and nobody's but the host's; when there is enough it is given back.
ordered()
{
	local before

	kst_wait 30 vm_is link connected && kst_wait 30 vm_has need -lt $FULL || return 1
	use_memory a 80 || return 1
	kst_wait 10 vm_has measured -gt $((200 * MIB)) || return 1
	before=$(vm measured)
	echo 1T >$SYS/reserve
	kst_wait 60 vm_has held -ge $((32 * MIB)) && kst_wait 30 vm_has measured -lt $((before - 24 * MIB)) || return 1
	ksft_print_msg "order $(($(vm order) / MIB)) MiB, held $(($(vm held) / MIB)), measured $((before / MIB)), then $(($(vm measured) / MIB))"
	balloon_is a $FULL || return 1
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is held 0 && use_memory a 60 && no_corruption a
}

unloads()
{
	balloon_to a $LESS && guest_exec a 'rmmod vmballoon' && balloon_is a $FULL && no_corruption a || return 1
	kst_wait 10 vm_is link none
}

# A guest that dies says no farewell.
dies()
{
	guest_exec a 'insmod /bin/vmballoon.ko link=1' && kst_wait 30 vm_is link connected || return 1
	guest_kill a && kst_wait 5 vm_is link none
}

ksft_print_header
kst_need awk qemu-system-x86_64
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
kst_load_stock vhost_vsock
DIR=$(mktemp -d)
GUEST_FILES="$(kst_ko vmballoon) $(guest_modules "$DIR")" || ksft_exit_fail_msg "no modules for the guest"
export GUEST_FILES
ksft_set_plan 6
kst_load vmballoon_host
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$CG"
kst_undo kst_wait 10 rmdir "$CG"
echo "7 256M" >$SYS/add
echo "/${CG##*/}" >$SYS/vms/7/cgroup
ksft_test "a guest with a pattern in freed pages" starts
ksft_test "sizes, page by page" sizes
ksft_test "what vmballoon_host orders" ordered
ksft_test "sleep" sleeps
ksft_test "unload" unloads
ksft_test "a guest that is killed" dies
ksft_finished
