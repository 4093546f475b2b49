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

MIB=$((1024 * 1024))
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

# bandwidth GUEST MIB: of its migration, for each second.
bandwidth()
{
	guest_do "$1" '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":'$(($2 * MIB))'}}'
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

# Slowly, so that the hints come before the pages that they are about, and while others are written.
migrates()
{
	local from=$1 to=$2 sent

	guest_incoming "$to" "${DEVICES[@]}" && kst_undo guest_kill "$to" && bandwidth "$from" 2 && litter "$from" || return 1
	free=$(memory_free "$from")
	# shellcheck disable=SC2016 # it is for the guest
	guest_exec "$from" '(for i in $(seq 300); do echo $i >/tmp/busy$((i % 20)); sleep 0.1; done) >/dev/null 2>&1 &'
	guest_migrate "$from" "$to" && kst_wait 90 completed "$from" && [ "$(guest_migration "$from")" = completed ] || return 1
	sent=$(($(guest_migration "$from" normal) / 256))
	guest_kill "$from"
	guest_do "$to" '{"execute":"cont"}'
	guest_wait "$to" || return 1
	ksft_print_msg "$sent of $GUEST_MEM MiB were sent, $free were free, $LITTER of these not zero"
	[ "$sent" -lt $((GUEST_MEM - free + LITTER / 2)) ]
}

arrived()
{
	guest_exec "$1" 'md5sum -c /tmp/sum >/dev/null'
}

# All that was free can be used.
usable()
{
	local guest=$1

	[ "$(memory_free "$guest")" -ge $((free - 32)) ] || return 1
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
