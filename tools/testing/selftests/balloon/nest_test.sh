#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vmballoon in a nested guest whose freed pages have a pattern: sizes and sleep. The functions are called through
# ksft_test.
# shellcheck disable=SC2086,SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/nest_lib.sh
. "$(dirname "$0")/nest_lib.sh"

starts()
{
	guest_start a "${DEVICES[@]}" && kst_undo guest_kill a && guest_wait a && guest_exec a "insmod /bin/vmballoon.ko" || return 1
	has_balloon
}

unloads()
{
	balloon_to a $LESS && guest_exec a 'rmmod vmballoon' && balloon_is a $FULL && no_corruption a
}

ksft_print_header
kst_need awk qemu-system-x86_64
GUEST_FILES=$(kst_ko vmballoon) || ksft_exit_fail_msg "no vmballoon.ko"
export GUEST_FILES
ksft_set_plan 4
ksft_test "a guest with a pattern in freed pages" starts
ksft_test "sizes, page by page" sizes
ksft_test "sleep" sleeps
ksft_test "unload" unloads
ksft_finished
