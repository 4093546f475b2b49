#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# One unmodified QEMU/KVM guest with two NICs, one on stock vhost-net and one on vhost-accel, and the same traffic
# over both in turn. Runs in the host VM; prints progress ("demo: ..."), a line for each run as bench_vhost does,
# and TAP. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

if [ "${1:-}" = --help ]; then
	cat <<END
Usage: bench_guest.sh    (root; in a host VM of tools/testing/vm)

Environment: BENCH_PAIRS=turns of both devices (5), BENCH_SECONDS=length of an iperf3 run (2).
END
	exit 0
fi

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

PAIRS=${BENCH_PAIRS:-5}
SECS=${BENCH_SECONDS:-2}
PINGS=20

# By side: file descriptor of the vhost device, network, interface in the guest.
declare -A FD=([peer]=5 [ours]=6) NET=([peer]=10.0.1 [ours]=10.0.2) NIC=([peer]=eth0 [ours]=eth1)
declare -A NODE=([peer]=/dev/vhost-net [ours]=/dev/vhost-accel) WORKER

say()
{
	echo "demo: $*"
}

network()
{
	local side

	for side in peer ours; do
		kst_tap "vb$side" vnet_hdr || return 1
		kst_bridge "br$side" "vb$side" || return 1
		ip address add "${NET[$side]}.1/24" dev "br$side" || return 1
	done
}

start()
{
	exec 5<>/dev/vhost-net 6<>/dev/vhost-accel || return 1
	guest_start g \
		-device virtio-net-pci,netdev=n0,mac=52:54:00:00:01:02 \
		-netdev tap,id=n0,ifname=vbpeer,script=no,downscript=no,vhost=on,vhostfd=5 \
		-device virtio-net-pci,netdev=n1,mac=52:54:00:00:02:02 \
		-netdev tap,id=n1,ifname=vbours,script=no,downscript=no,vhost=on,vhostfd=6 || return 1
	exec 5>&- 6>&-
}

# Without IPv6 the guest sends nothing by itself.
addresses()
{
	local side

	guest_exec g 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' || return 1
	for side in peer ours; do
		guest_exec g "ip address add ${NET[$side]}.2/24 dev ${NIC[$side]}; ip link set ${NIC[$side]} up" ||
			return 1
	done
}

# Each device has a thread of this name. They come up in the order of the -netdev options.
find_workers()
{
	local pid tids

	pid=$(guest_pid g)
	mapfile -t tids < <(ps -eLo lwp=,comm= | awk -v name="vhost-$pid" '$2 == name { print $1 }' | sort -n)
	[ ${#tids[@]} = 2 ] || return 1
	WORKER[peer]=${tids[0]}
	WORKER[ours]=${tids[1]}
}

# How often the worker of a side was put on a CPU.
wakeups()
{
	cut -d ' ' -f 3 "/proc/${WORKER[$1]}/schedstat"
}

# Packets that our device has counted.
counted()
{
	awk '/^[rt]x_packets:/ { sum += $2 } END { print sum + 0 }' "/proc/$(guest_pid g)/fdinfo/${FD[ours]}"
}

answers()
{
	ping -q -c 1 -W 10 "${NET[$1]}.2" >/dev/null
}

no_fallback()
{
	! guest_log g | grep -i 'userspace virtio\|vhost.*fail\|vhost.*error'
}

# Traffic of a side runs its worker and not the other's; packets over ours are counted by our device.
through()
{
	local side=$1 other=$2 runs idle packets

	runs=$(wakeups "$side")
	idle=$(wakeups "$other")
	packets=$(counted)
	ping -q -c 10 -i 0.05 -W 10 "${NET[$side]}.2" >/dev/null || return 1
	sleep 0.1
	runs=$(($(wakeups "$side") - runs))
	idle=$(($(wakeups "$other") - idle))
	packets=$(($(counted) - packets))
	say "10 pings through ${NODE[$side]}: its worker ran $runs times, the other $idle times; vhost-accel counted" \
		"$packets packets"
	[ "$runs" -ge 10 ] && [ "$idle" -le 3 ] || return 1
	if [ "$side" = ours ]; then
		[ "$packets" -ge 20 ]
	else
		[ "$packets" -le 2 ]
	fi
}

# run_line ID UNIT SIDE VALUE [FIELD]
run_line()
{
	echo "run: id=$1 unit=$2 side=$3 value=$4 ${5:-}"
}

# iperf ID SIDE [OPTION...]: as the receiver counts.
iperf()
{
	local id=$1 side=$2 out mbit
	shift 2

	out=$(guest_exec g "iperf3 -c ${NET[$side]}.1 -t $SECS -f m $*") || {
		ksft_print_msg "$out"
		return 1
	}
	mbit=$(awk '/receiver/ { for (i = 2; i <= NF; i++) if ($i == "Mbits/sec") print $(i - 1) }' <<<"$out")
	[ -n "$mbit" ] || return 1
	run_line "demo.iperf3.$id" Mbit/s "$side" "$mbit" better=more
}

# The fastest: what else the machine does can only add.
round_trip()
{
	local side=$1 us

	us=$(ping -q -c "$PINGS" -i 0.02 -W 10 "${NET[$side]}.2" |
		sed -n 's/^rtt .* = \([0-9.]*\)\/.*/\1/p' | awk '{ print 1000 * $1 }')
	[ -n "$us" ] || return 1
	run_line demo.ping us/trip "$side" "$us"
}

# Neither is always the first: peer, ours, ours, peer, ...
pairs()
{
	local i order side

	for ((i = 1; i <= PAIRS; i++)); do
		say "$2, turn $i of $PAIRS on both devices"
		order="peer ours"
		[ $((i % 2)) = 1 ] || order="ours peer"
		for side in $order; do
			"$1" "$side" || return 1
		done
	done
}

tx()
{
	iperf guest-to-host "$1"
}

rx()
{
	iperf host-to-guest "$1" -R
}

serve()
{
	iperf3 -s >/dev/null 2>&1 &
	kst_undo kill $!
	kst_wait 20 listening
}

listening()
{
	ss -Hltn 'sport = 5201' | grep -q .
}

healthy()
{
	no_fallback && [ "$(awk '/^[rt]x_(errors|drop_(short|hdr|fault|nobuf)):/ { sum += $2 } END { print sum + 0 }' \
		"/proc/$(guest_pid g)/fdinfo/${FD[ours]}")" = 0 ]
}

# step NAME COMMAND...: a result; nothing after it makes sense if it fails.
step()
{
	ksft_test "$@"
	[ $_ksft_fail = 0 ] && return
	guest_log g 2>/dev/null | tail -n 15 | sed 's/^/# /'
	ksft_exit_fail_msg "$1"
}

kst_need qemu-system-x86_64 iperf3 ping ss
kst_load_stock tun vhost_net
ksft_print_header
ksft_set_plan 14
kst_load vhost_accel
say "host is up, kernel $(uname -r); vhost_accel is loaded beside vhost_net"
step "bridges and taps" network
say "starting the guest: unmodified QEMU with KVM, NICs on vhost-net and vhost-accel"
step "guest starts" start
step "guest answers" guest_wait g
step "guest has its interfaces" addresses
step "guest answers over vhost-net" kst_wait 30 answers peer
step "guest answers over vhost-accel" kst_wait 30 answers ours
step "QEMU did not fall back to userspace virtio" no_fallback
step "each device has its worker" find_workers
step "traffic of vhost-net goes through vhost-net" through peer ours
step "traffic of vhost-accel goes through vhost-accel" through ours peer
serve
ksft_test "demo.ping" pairs round_trip "ping"
ksft_test "demo.iperf3.guest-to-host" pairs tx "iperf3 guest to host"
ksft_test "demo.iperf3.host-to-guest" pairs rx "iperf3 host to guest"
ksft_test "still no fallback, no error, no drop" healthy
guest_stop g
ksft_finished
