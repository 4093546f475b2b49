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

starts()
{
	start_in a guest_start a "${DEVICES[@]}" && kst_undo guest_kill a && guest_wait a || return 1
	guest_exec a "for m in ${VSOCK[*]}; do insmod /bin/\$m.ko || exit 1; done; insmod /bin/vmballoon.ko link=1" || return 1
	has_balloon
}

# What the host orders is held, measured, and nobody's but the host's; when there is enough it is given back.
ordered()
{
	local before

	kst_wait 30 vm_is 7 link connected && kst_wait 30 vm_has 7 need -lt $FULL || return 1
	use_memory a 80 || return 1
	kst_wait 10 vm_has 7 measured -gt $((200 * MIB)) || return 1
	before=$(vm 7 measured)
	echo 1T >$SYS/reserve
	kst_wait 60 vm_has 7 held -ge $((32 * MIB)) && kst_wait 30 vm_has 7 measured -lt $((before - 24 * MIB)) || return 1
	ksft_print_msg "order $(($(vm 7 order) / MIB)) MiB, held $(($(vm 7 held) / MIB)), measured $((before / MIB)), then $(($(vm 7 measured) / MIB))"
	balloon_is a $FULL || return 1
	echo 0 >$SYS/reserve
	kst_wait 60 vm_is 7 held 0 && use_memory a 60 && no_corruption a
}

unloads()
{
	balloon_to a $LESS && guest_exec a 'rmmod vmballoon' && balloon_is a $FULL && no_corruption a || return 1
	kst_wait 10 vm_is 7 link none
}

# A guest that dies says no farewell.
dies()
{
	guest_exec a 'insmod /bin/vmballoon.ko link=1' && kst_wait 30 vm_is 7 link connected || return 1
	guest_kill a && kst_wait 5 vm_is 7 link none
}

ksft_print_header
kst_need awk qemu-system-x86_64
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
kst_load_stock vhost_vsock
DIR=$(mktemp -d)
GUEST_FILES="$(kst_ko vmballoon) $(guest_modules "$DIR" "${VSOCK[@]}")" || ksft_exit_fail_msg "no modules for the guest"
export GUEST_FILES
ksft_set_plan 6
kst_load vmballoon_host
if ! cgroup_make a || ! vm_add 7 256 a; then
	ksft_exit_fail_msg "no VM"
fi
ksft_test "a guest with a pattern in freed pages" starts
ksft_test "sizes, page by page" sizes
ksft_test "what vmballoon_host orders" ordered
ksft_test "sleep" sleeps
ksft_test "unload" unloads
ksft_test "a guest that is killed" dies
ksft_finished
