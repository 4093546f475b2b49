#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An unmodified QEMU/KVM guest on /dev/vhost-accel: one NIC on a tap, one with two queue pairs on a macvtap. The
# functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

NODE=/dev/vhost-accel
TAP_FD=5	# vhost device of the tap's NIC
MQ_FDS=(8 9)	# vhost devices of the macvtap's NIC

# counter FD NAME: a counter of a device, summed over names that match the pattern
counter()
{
	awk -v name="^$2:" '$1 ~ name { sum += $2 } END { print sum + 0 }' "/proc/$(guest_pid g)/fdinfo/$1"
}

workers()
{
	ps -eLo comm= | awk -v name="vhost-$1" '$1 == name { n++ } END { print n + 0 }'
}

three_workers()
{
	[ "$(workers "$(guest_pid g)")" = 3 ]
}

no_fallback()
{
	! guest_log g | grep -i "userspace virtio\|vhost.*fail\|vhost.*error"
}

guest_network()
{
	guest_exec g 'ip address flush dev eth0; ip address add 10.0.8.2/24 dev eth0; ip link set eth0 up
		ip address flush dev eth1; ip address add 10.0.7.2/24 dev eth1; ip link set eth1 up'
}

ping_tap()
{
	ping -q -c 3 -i 0.2 -W 10 "$@" 10.0.8.2
}

ping_macvtap()
{
	ip netns exec kstq ping -q -c 3 -i 0.2 -W 10 10.0.7.2
}

counted()
{
	local rx tx tap

	rx=$(counter "$TAP_FD" rx_packets)
	tx=$(counter "$TAP_FD" tx_packets)
	tap=$(cat /sys/class/net/tap8/statistics/tx_packets)
	ksft_print_msg "rx_packets $rx, tx_packets $tx; the tap sent $tap"
	[ "$rx" -ge 3 ] && [ "$tx" -ge 3 ] && [ "$tap" -ge "$rx" ]
}

listening()
{
	"$@" ss -Hltn 'sport = 5201' | grep -q .
}

# serve [COMMAND...]: one iperf3 session, run by the command
serve()
{
	"$@" iperf3 -s -1 -D >/dev/null && kst_wait 10 listening "$@"
}

# iperf DIRECTION [OPTION...]: rx or tx, as the guest's NIC counts; frames must be larger than the MTU
iperf()
{
	local way=$1 packets bytes
	shift

	packets=$(counter "$TAP_FD" "${way}_packets")
	bytes=$(counter "$TAP_FD" "${way}_bytes")
	serve || return 1
	guest_exec g "iperf3 -c 10.0.8.1 -t 2 -f m $*" | sed -n 's/^/# /; /sender\|receiver/p'
	[ "${PIPESTATUS[0]}" = 0 ] || return 1
	packets=$(($(counter "$TAP_FD" "${way}_packets") - packets))
	bytes=$(($(counter "$TAP_FD" "${way}_bytes") - bytes))
	ksft_print_msg "$packets packets, $bytes bytes"
	[ "$packets" -gt 0 ] && [ $((bytes / packets)) -gt 1514 ]
}

# Without segmentation offload, so that frames of 9014 bytes cross the rings.
jumbo()
{
	ip link set tap8 mtu 9000 || return 1
	guest_exec g 'ip link set eth0 mtu 9000' && ping_tap -M "do" -s 8972
}

both_queues()
{
	serve ip netns exec kstq || return 1
	guest_exec g 'iperf3 -c 10.0.7.1 -R -t 1 -P 4' >/dev/null || return 1
	[ "$(counter "${MQ_FDS[0]}" rx_packets)" -gt 0 ] && [ "$(counter "${MQ_FDS[1]}" rx_packets)" -gt 0 ]
}

# Which queue gets a flow is a matter of its ports: the second queue may need another try.
multi_queue()
{
	guest_exec g 'ethtool -L eth1 combined 2' && ping_macvtap && kst_wait 30 both_queues
}

unplugged()
{
	grep -q DEVICE_DELETED "$GUEST_DIR/g/events" ||
		{ guest_qmp g '{"execute":"query-status"}' >/dev/null; false; }
}

replug()
{
	guest_qmp g '{"execute":"device_del","arguments":{"id":"nic0"}}' >/dev/null || return 1
	kst_wait 30 unplugged || return 1
	guest_qmp g '{"execute":"device_add","arguments":
		{"driver":"virtio-net-pci","netdev":"n0","id":"nic0b","bus":"pci.0"}}' | tr '\n' ' ' || return 1
	kst_wait 30 guest_exec g 'ip link show eth0' >/dev/null && guest_network && ping_tap
}

healthy()
{
	local fd sum=0

	for fd in "$TAP_FD" "${MQ_FDS[@]}"; do
		sum=$((sum + $(counter "$fd" '[rt]x_(errors|drop_(short|hdr|fault|nobuf))')))
	done
	ksft_print_msg "errors and drops: $sum"
	[ "$sum" = 0 ]
}

moving()
{
	local before

	before=$(counter "$TAP_FD" tx_packets)
	sleep 0.5
	[ "$(counter "$TAP_FD" tx_packets)" -gt "$before" ]
}

kill_under_load()
{
	serve || return 1
	guest_exec g 'iperf3 -c 10.0.8.1 -t 300 >/dev/null 2>&1 &' || return 1
	kst_wait 20 moving && guest_kill g
}

no_worker()
{
	[ "$(workers "$1")" = 0 ]
}

kst_need qemu-system-x86_64 iperf3 ethtool ss
kst_load_stock tun tap macvtap veth
ksft_print_header
ksft_set_plan 20
kst_load vhost_accel

kst_tap tap8 vnet_hdr
ip address add 10.0.8.1/24 dev tap8
kst_netns kstq eth0 10.0.7.1/24 kstq0
ip link add link kstq0 name mvt0 type macvtap mode passthru
kst_undo ip link del mvt0
kst_quiet mvt0
ip link set mvt0 up
node=/dev/tap$(cat /sys/class/net/mvt0/ifindex)
[ -e "$node" ] ||
	mknod "$node" c "$(sed 's/:.*//' /sys/class/net/mvt0/tap*/dev)" "$(sed 's/.*://' /sys/class/net/mvt0/tap*/dev)"
mac=$(cat /sys/class/net/mvt0/address)
exec 5<>$NODE 8<>$NODE 9<>$NODE
exec 6<>"$node" 7<>"$node"

ksft_test "guest starts" guest_start g \
	-device virtio-net-pci,netdev=n0,id=nic0 \
	-netdev tap,id=n0,ifname=tap8,script=no,downscript=no,vhost=on,vhostfd=5 \
	-device "virtio-net-pci,netdev=n1,mq=on,vectors=6,mac=$mac" \
	-netdev tap,id=n1,fds=6:7,vhost=on,vhostfds=8:9
pid=$(guest_pid g)
# QEMU has them now; the test must not keep the devices open when it is killed.
exec 5>&- 6>&- 7>&- 8>&- 9>&-
ksft_test "guest answers" guest_wait g
ksft_test "guest has its interfaces" guest_network
ksft_test "ping over the tap" ping_tap
ksft_test "QEMU did not fall back to userspace virtio" no_fallback
ksft_test "a worker for each queue pair" three_workers
ksft_test "device and tap counted the packets" counted
ksft_test "iperf3 guest to host, TSO frames" iperf tx
ksft_test "iperf3 host to guest, TSO frames" iperf rx -R
ksft_test "jumbo frames, MTU 9000" jumbo
ksft_test "two queue pairs on a macvtap" multi_queue
ksft_test "guest reboots" guest_reboot g
ksft_test "ping after the reboot" eval 'guest_network && ping_tap && ping_macvtap'
ksft_test "system_reset" guest_reset g
ksft_test "ping after the reset" eval 'guest_network && ping_tap && ping_macvtap'
ksft_test "NIC unplugged and plugged again" replug
ksft_test "still no fallback, no error, no drop" eval 'no_fallback && healthy'
ksft_test "kill -9 of QEMU under load" kill_under_load
ksft_test "no worker is left" kst_wait 10 no_worker "$pid"
ksft_test "module unloads" rmmod vhost_accel
ksft_finished
