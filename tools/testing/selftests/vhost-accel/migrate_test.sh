#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest moves from QEMU to QEMU while traffic fills its rings, a split and a packed pair: no page of its memory may
# differ afterwards, no byte on its connections may be lost. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"
# shellcheck source=tools/testing/selftests/vhost-accel/guest_flow.sh
. ./guest_flow.sh

NODE=${VHOST_DEV:-/dev/vhost-accel}
# Passes over the memory that a migration makes at least while traffic flows.
PASSES=3
# Rounds of migration.
ROUNDS=1
[ "${VMACCEL_LONG:-0}" != 1 ] || ROUNDS=20
export GUEST_MEM=128 GUEST_RAM=shared GUEST_FILES=$FLOW_TOOLS/guest_flow
NETS="1 2"
TRACING=/sys/kernel/tracing
# The guest is g0 at first, g1 after the first move, and so on.
now=0
flows=0

# host NUMBER FUNCTION [QEMU ARGUMENT...]: starts guest gNUMBER; guests of even and odd number have different taps.
host()
{
	local number=$1 start=$2 tap=vg$(($1 % 2)) fd1 fd2 status
	shift 2

	exec {fd1}<>"$NODE" {fd2}<>"$NODE" || return 1
	"$start" "g$number" "$@" \
		-cpu host,+x2apic \
		-device virtserialport,chardev=lines,name=lines -chardev "file,id=lines,path=$GUEST_DIR/lines$number" \
		-device virtio-net-pci,netdev=n1,mac=52:54:00:00:01:02,rx_queue_size=1024 \
		-netdev "tap,id=n1,ifname=${tap}1,script=no,downscript=no,vhost=on,vhostfd=$fd1" \
		-device virtio-net-pci,netdev=n2,mac=52:54:00:00:02:02,rx_queue_size=1024,packed=on \
		-netdev "tap,id=n2,ifname=${tap}2,script=no,downscript=no,vhost=on,vhostfd=$fd2"
	status=$?
	exec {fd1}>&- {fd2}>&-
	return "$status"
}

ping_both()
{
	ping -q -c 3 -i 0.2 -W 10 -p a55a 10.0.1.2 && ping -q -c 3 -i 0.2 -W 10 -p a55a 10.0.2.2
}

traffic()
{
	flow_start g0 1 eth0 && flow_start g0 2 eth1 &&
		guest_exec g0 'guest_flow lines /dev/vport0p2 >/tmp/lines.log 2>&1 &' && flows=1
}

traffic_flows()
{
	flow_advances 1 && flow_advances 2
}

ring_formats()
{
	# Bit 34 of the features, bit 0 is the leftmost.
	# shellcheck disable=SC2016
	[ "$(guest_exec g0 'for i in 0 1; do cut -c 35 /sys/class/net/eth$i/device/features; done')" = $'0\n1' ]
}

x2apic()
{
	guest_exec g0 'grep -qw x2apic /proc/cpuinfo && dmesg | grep -i x2apic'
}

no_worker()
{
	[ -z "$(ps -eLo comm= | awk '/^vhost-[0-9]/')" ]
}

no_fallback()
{
	! guest_log "$1" | grep -i "userspace virtio\|vhost.*fail\|vhost.*error"
}

# What no guest and no tap is the cause of. Stock vhost-net shows nothing.
no_errors()
{
	[ "$(cat "/proc/$(guest_pid "$1")"/fdinfo/* | awk '/^[rt]x_(errors|drop_(short|hdr|fault)):/ { sum += $2 }
		END { print sum + 0 }')" = 0 ]
}

# Memory beyond what the network touches.
fill()
{
	DATA=$(guest_exec g0 'dd if=/dev/urandom of=/tmp/data bs=64k count=128 2>/dev/null; md5sum </tmp/data')
}

same_data()
{
	[ "$(guest_exec "g$now" 'md5sum </tmp/data')" = "$DATA" ]
}

# The destination's KVM writes the 12 bytes of the wall clock anew, when their address is handed to it.
trace_wall_clock()
{
	echo 'ecx == 0x4b564d00' >"$TRACING/events/kvm/kvm_msr/filter" && echo 1 >"$TRACING/events/kvm/kvm_msr/enable"
	kst_undo eval "echo 0 >$TRACING/events/kvm/kvm_msr/enable"
}

wall_clock()
{
	sed -n 's/.*msr_write 4b564d00 = \(0x[0-9a-f]*\).*/\1/p' "$TRACING/trace" | tail -n 1
}

is()
{
	[ "$("${@:2}")" = "$1" ]
}

passes()
{
	local n

	n=$(guest_migration "$1" dirty-sync-count)
	[ "${n:-0}" -ge "$PASSES" ] || ! guest_in "$1" running
}

# A migration that is slow, each pass as long as the guest needs to change memory again, and without a last pass; it
# may still catch up when the guest gets no processor for a while.
hold_back()
{
	guest_do "$1" '{"execute":"migrate-set-parameters","arguments":{"max-bandwidth":16777216,"downtime-limit":1}}'
}

let_go()
{
	guest_do "$1" '{"execute":"migrate-set-parameters","arguments":
		{"max-bandwidth":10737418240,"downtime-limit":60000}}'
}

completed()
{
	kst_wait 60 is completed guest_migration "$1" && kst_wait 60 is completed guest_migration "$2" && return
	ksft_print_msg "$(guest_migration "$1") here, $(guest_migration "$2") there"
	return 1
}

told()
{
	local field text='' value

	for field in status dirty-sync-count total-time downtime postcopy-requests; do
		value=$(guest_migration "$1" "$field")
		text+=" $field ${value:-0}"
	done
	ksft_print_msg "$text, up $(cut -d' ' -f1 /proc/uptime)"
}

cancel()
{
	local from=g$now to=g$((now + 1))

	host $((now + 1)) guest_incoming && hold_back "$from" && guest_capability "$from" pause-before-switchover on &&
		guest_migrate "$from" "$to" || return 1
	kst_wait 60 passes "$from" || return 1
	guest_do "$from" '{"execute":"migrate_cancel"}' || return 1
	kst_wait 30 is cancelled guest_migration "$from" && guest_capability "$from" pause-before-switchover off ||
		return 1
	told "$from"
	guest_kill "$to"
	guest_forget "$to"
	traffic_flows
}

# The guest is gone from here and not yet awake there.
move()
{
	local from=g$now to=g$((now + 1)) status

	host $((now + 1)) guest_incoming && hold_back "$from" && guest_migrate "$from" "$to" || return 1
	kst_wait 60 passes "$from" && let_go "$from" && completed "$from" "$to"
	status=$?
	told "$from"
	return "$status"
}

same_memory()
{
	local clock

	clock=$(wall_clock)
	# shellcheck disable=SC2086
	guest_in "g$now" postmigrate && guest_in "g$((now + 1))" paused &&
		"$FLOW_TOOLS/guest_ram" "$GUEST_DIR/g$now/ram" "$GUEST_DIR/g$((now + 1))/ram" ${clock:+$clock 12}
}

# arrive: the guest lives on in the next QEMU.
arrive()
{
	no_fallback "g$now" && no_errors "g$now" || return 1
	guest_stop "g$now"
	guest_forget "g$now"
	now=$((now + 1))
	traffic_flows && no_fallback "g$now" && no_errors "g$now"
}

goes_on()
{
	guest_do "g$((now + 1))" '{"execute":"cont"}' && arrive
}

# The guest runs there while most of its memory is still here: every page that a worker touches is fetched first.
postcopy()
{
	local from=g$now to=g$((now + 1))

	GUEST_RAM=private host $((now + 1)) guest_incoming && hold_back "$from" && guest_capability "$from" postcopy-ram on &&
		guest_capability "$to" postcopy-ram on && guest_migrate "$from" "$to" || return 1
	kst_wait 30 is active guest_migration "$from" || return 1
	guest_do "$from" '{"execute":"migrate-start-postcopy"}' || return 1
	kst_wait 60 guest_in "$to" paused && guest_do "$to" '{"execute":"cont"}' || return 1
	completed "$from" "$to" && told "$from"
}

# What the guest wrote to its port, one QEMU after the other: no line lost, none twice.
lines_complete()
{
	local i lines

	lines=$(for ((i = 0; i <= now; i++)); do cat "$GUEST_DIR/lines$i"; done |
		awk '$1 != NR { print -NR; exit } END { print NR }')
	ksft_print_msg "$lines lines"
	[ "${lines%%$'\n'*}" -gt 50 ]
}

# A snapshot protects all memory from being written, also by the workers, and keeps the contents of that moment.
snapshot()
{
	guest_capability "g$now" postcopy-ram off && guest_capability "g$now" background-snapshot on && let_go "g$now" &&
		guest_do "g$now" '{"execute":"migrate","arguments":{"uri":"exec:cat >/run/snapshot"}}' || return 1
	kst_wait 90 is completed guest_migration "g$now" || return 1
	told "g$now"
	traffic_flows && no_fallback "g$now" && no_errors "g$now"
}

# Its connections are gone, the host has gone on without it. Datagrams are not.
load_snapshot()
{
	guest_kill "g$now"
	guest_forget "g$now"
	now=$((now + 1))
	host "$now" guest_start -S -incoming "exec:cat /run/snapshot" && kst_wait 60 is completed guest_migration "g$now" &&
		guest_do "g$now" '{"execute":"cont"}' && ping_both && same_data && flow_receives 1 && flow_receives 2 &&
		no_fallback "g$now" && no_errors "g$now"
}

kst_need qemu-system-x86_64 ping cpio
[ -x "$FLOW_TOOLS/guest_flow" ] || ksft_exit_fail_msg "no guest_flow: make -C $(dirname "$0")"
kst_load_stock tun kvm vhost_net
ksft_print_header
LONG=${VMACCEL_LONG:-0}
ksft_set_plan $((11 + 3 * ROUNDS + 2 * LONG))
kst_load vhost_accel
for net in $NETS; do
	kst_tap "vg0$net" vnet_hdr
	kst_tap "vg1$net" vnet_hdr
	kst_bridge "vgb$net" "vg0$net" "vg1$net"
	ip address add "10.0.$net.1/24" dev "vgb$net"
done
mkdir -p "$GUEST_DIR"
trace_wall_clock

ksft_test "guest starts" host 0 guest_start
ksft_test "guest answers" guest_wait g0
ksft_test "one split, one packed ring" ring_formats
ksft_test "guest uses its x2APIC" x2apic
ksft_test "guest fills memory" fill
guest_exec g0 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
ksft_test "traffic in all directions" traffic
[ "$flows" = 1 ] || ksft_exit_fail_msg "nothing to migrate with"
ksft_test "migration cancelled half-way" cancel
for ((i = 1; i <= ROUNDS; i++)); do
	ksft_test "migration $i" move
	ksft_test "migration $i: same memory" same_memory
	ksft_test "migration $i: traffic goes on" goes_on
done
ksft_test "postcopy migration" postcopy
ksft_test "postcopy migration: traffic goes on" arrive
ksft_test "nothing lost in memory and on the virtio port" eval 'same_data && lines_complete'
if [ "$LONG" = 1 ]; then
	ksft_test "background snapshot under traffic" snapshot
	ksft_test "snapshot is a guest that works" load_snapshot
fi
guest_stop "g$now"
ksft_test "no worker is left" kst_wait 10 no_worker
ksft_finished
