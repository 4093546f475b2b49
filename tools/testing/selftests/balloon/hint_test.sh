#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A nested guest with vmballoon migrates, and its QEMU asks it for free memory that need not be copied. What the guest has
# in memory must arrive, and what was hinted at must be its own again. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

LITTER=80
ROUNDS=$((${VMACCEL_LONG:-0} ? 3 : 1))
export GUEST_MEM=256
# shellcheck disable=SC2054 # the commas are QEMU's
DEVICES=(-object iothread,id=hints
	-device "virtio-balloon-pci,id=balloon0,free-page-hint=on,iothread=hints")

# memory_free GUEST: MiB.
memory_free()
{
	guest_exec "$1" "awk '/^MemFree:/ { print int(\$2 / 1024) }' /proc/meminfo"
}

completed()
{
	local state

	state=$(guest_migration "$1")
	[ "$state" = completed ] || [ "$state" = failed ]
}

# bandwidth GUEST KIB: of its migration, for each second.
bandwidth()
{
	guest_do "$1" '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":'$(($2 * 1024))'}}' >/dev/null
}

# hinted GUEST: what is to be sent is less by what is free, but for what is in small pieces or was taken meanwhile.
hinted()
{
	left=$(guest_migration "$1" remaining)
	[ "${left:-0}" -gt 0 ] && [ "$left" -lt $(((GUEST_MEM - free + 40) * 1024 * 1024)) ]
}

# Free memory is not zero. What is hinted at the guest's kernel zeroes, and zeroes take no room.
litter()
{
	guest_exec "$1" "dd if=/dev/urandom of=/tmp/litter bs=1M count=$LITTER 2>/dev/null; rm /tmp/litter"
}

starts()
{
	guest_start 0 "${DEVICES[@]}" && kst_undo guest_kill 0 && guest_wait 0 &&
		guest_exec 0 'insmod /bin/vmballoon.ko && dmesg -c >/dev/null &&
			dd if=/dev/urandom of=/tmp/kept bs=1M count=24 2>/dev/null && md5sum /tmp/kept >/tmp/sum'
}

# Next to nothing is sent until the hints have come; meanwhile pages are written.
migrates()
{
	local from=$1 to=$2 sent left=0

	guest_incoming "$to" "${DEVICES[@]}" && kst_undo guest_kill "$to" && bandwidth "$from" 64 && litter "$from" || return 1
	free=$(memory_free "$from")
	# shellcheck disable=SC2016 # it is for the guest
	guest_exec "$from" '(for i in $(seq 60); do echo $i >/tmp/busy$((i % 20)); sleep 0.5; done) >/dev/null 2>&1 &'
	guest_migrate "$from" "$to" >/dev/null || return 1
	if ! kst_wait 60 hinted "$from"; then
		ksft_print_msg "$((left / 1024 / 1024)) of $GUEST_MEM MiB are left to be sent, $free were free"
		return 1
	fi
	bandwidth "$from" $((64 * 1024)) || return 1
	kst_wait 60 completed "$from" && [ "$(guest_migration "$from")" = completed ] || return 1
	sent=$(($(guest_migration "$from" normal) / 256))
	guest_kill "$from"
	guest_do "$to" '{"execute":"cont"}'
	guest_wait "$to" || return 1
	ksft_print_msg "$sent of $GUEST_MEM MiB were sent, $free were free, $LITTER of these not zero"
	[ "$sent" -lt $((GUEST_MEM - free + LITTER / 2)) ]
}

arrived()
{
	guest_in "$1" running && guest_exec "$1" 'md5sum -c /tmp/sum >/dev/null'
}

# All that was free can be used.
usable()
{
	local guest=$1

	guest_in "$guest" running && [ "$(memory_free "$guest")" -ge $((free - 32)) ] || return 1
	guest_exec "$guest" "dd if=/dev/zero of=/tmp/use bs=1M count=$((free / 2)) 2>/dev/null && rm /tmp/use" && arrived "$guest" &&
		! guest_exec "$guest" dmesg | grep -aE 'BUG|WARNING|Oops|Call Trace' | sed 's/^/# guest: /' | grep .
}

ksft_print_header
kst_need qemu-system-x86_64
GUEST_FILES=$(kst_ko vmballoon) || ksft_exit_fail_msg "no vmballoon.ko"
export GUEST_FILES
ksft_set_plan $((1 + 3 * ROUNDS))
ksft_test "a guest with a balloon" starts
for ((round = 0; round < ROUNDS; round++)); do
	ksft_test "free memory is not sent" migrates $round $((round + 1))
	ksft_test "all else is" arrived $((round + 1))
	ksft_test "what was hinted at can be used" usable $((round + 1))
done
ksft_finished
