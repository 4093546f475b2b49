#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# An unmodified QEMU/KVM guest on /dev/vhost-accel: a NIC with split and one with packed rings, each on a tap, and a
# packed one with two queue pairs on a macvtap. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

NODE=/dev/vhost-accel
MQ_FDS=(8 9)	# vhost devices of the macvtap's NIC
# The NICs on taps by the file descriptor of their vhost device.
TAP_FDS=(5 10)
declare -A RING=([5]=split [10]=packed) NET=([5]=10.0.8 [10]=10.0.9) TAP=([5]=tap8 [10]=tap9) NIC=([5]=eth0 [10]=eth2)

# counter FD NAME: a counter of a device, summed over names that match the pattern
counter()
{
	awk -v name="^$2:" '$1 ~ name { sum += $2 } END { print sum + 0 }' "/proc/$(guest_pid g)/fdinfo/$1"
}

workers()
{
	ps -eLo comm= | awk -v name="vhost-$1" '$1 == name { n++ } END { print n + 0 }'
}

four_workers()
{
	[ "$(workers "$(guest_pid g)")" = 4 ]
}

no_fallback()
{
	! guest_log g | grep -i "userspace virtio\|vhost.*fail\|vhost.*error"
}

guest_network()
{
	guest_exec g 'ip address flush dev eth0; ip address add 10.0.8.2/24 dev eth0; ip link set eth0 up
		ip address flush dev eth1; ip address add 10.0.7.2/24 dev eth1; ip link set eth1 up
		ip address flush dev eth2; ip address add 10.0.9.2/24 dev eth2; ip link set eth2 up'
}

# One line for each interface: bit 34 of the features, bit 0 is the leftmost.
ring_formats()
{
	[ "$(guest_exec g 'cut -c 35 /sys/class/net/eth[0-2]/device/features')" = $'0\n1\n1' ]
}

# ping_tap FD [OPTION...]
ping_tap()
{
	local fd=$1
	shift

	ping -q -c 3 -i 0.2 -W 10 "$@" "${NET[$fd]}.2"
}

ping_macvtap()
{
	ip netns exec kstq ping -q -c 3 -i 0.2 -W 10 10.0.7.2
}

ping_all()
{
	ping_tap 5 && ping_tap 10 && ping_macvtap
}

counted()
{
	local rx tx tap

	rx=$(counter "$1" rx_packets)
	tx=$(counter "$1" tx_packets)
	tap=$(cat "/sys/class/net/${TAP[$1]}/statistics/tx_packets")
	ksft_print_msg "rx_packets $rx, tx_packets $tx; the tap sent $tap"
	[ "$rx" -ge 3 ] && [ "$tx" -ge 3 ] && [ "$tap" -ge "$rx" ]
}

listening()
{
	"$@" ss -Hltn 'sport = 5201' | grep -q .
}

over()
{
	! listening "$@"
}

# serve [COMMAND...]: one iperf3 session, run by the command
serve()
{
	"$@" iperf3 -s -1 -D >/dev/null && kst_wait 10 listening "$@"
}

# iperf FD DIRECTION [OPTION...]: rx or tx, as the guest's NIC counts; frames must be larger than the MTU
iperf()
{
	local fd=$1 way=$2 packets bytes
	shift 2

	packets=$(counter "$fd" "${way}_packets")
	bytes=$(counter "$fd" "${way}_bytes")
	serve || return 1
	guest_exec g "iperf3 -c ${NET[$fd]}.1 -t 2 -f m $*" | sed -n 's/^/# /; /sender\|receiver/p'
	[ "${PIPESTATUS[0]}" = 0 ] || return 1
	packets=$(($(counter "$fd" "${way}_packets") - packets))
	bytes=$(($(counter "$fd" "${way}_bytes") - bytes))
	ksft_print_msg "$packets packets, $bytes bytes"
	[ "$packets" -gt 0 ] && [ $((bytes / packets)) -gt 1514 ]
}

# Without segmentation offload, so that frames of 9014 bytes cross the rings.
jumbo()
{
	ip link set "${TAP[$1]}" mtu 9000 || return 1
	guest_exec g "ip link set ${NIC[$1]} mtu 9000" && ping_tap "$1" -M "do" -s 8972
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

# Each ring is reset alone and comes back with another size.
resize_rings()
{
	guest_exec g "ethtool -G ${NIC[$1]} rx 64 tx 64" && ping_tap "$1" &&
		guest_exec g "ethtool -g ${NIC[$1]}" | awk '/^Current/ { now = 1 } now && /^[RT]X:/ && $2 == 64 { n++ }
			END { exit n != 2 }' &&
		guest_exec g "ethtool -G ${NIC[$1]} rx 256 tx 256" && ping_tap "$1"
}

# Each write masks the vector, changes and unmasks it: QEMU moves the call file descriptor, under traffic.
mask_vectors()
{
	local packets

	packets=$(counter "$1" rx_packets)
	serve || return 1
	guest_exec g "iperf3 -c ${NET[$1]}.1 -R -t 300 >/dev/null 2>&1 & iperf=\$!
		n=0
		while [ \$n -lt 300 ]; do
			for irq in \$(sed -n 's/^ *\([0-9]*\):.*virtio.*put.*/\1/p' /proc/interrupts); do
				echo 1 >/proc/irq/\$irq/smp_affinity && n=\$((n + 1)) || exit 1
			done
		done
		kill \$iperf" || return 1
	kst_wait 10 over
	[ "$(counter "$1" rx_packets)" -gt "$packets" ] && ping_all
}

reload_driver()
{
	guest_exec g 'cd /modules && rmmod virtio_net && insmod virtio_net.ko' && guest_network && ping_all
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
	kst_wait 30 guest_exec g 'ip link show eth0' >/dev/null && guest_network && ping_tap 5
}

healthy()
{
	local fd sum=0

	for fd in "${TAP_FDS[@]}" "${MQ_FDS[@]}"; do
		sum=$((sum + $(counter "$fd" '[rt]x_(errors|drop_(short|hdr|fault|nobuf))')))
	done
	ksft_print_msg "errors and drops: $sum"
	[ "$sum" = 0 ]
}

moving()
{
	local before

	before=$(counter "$1" tx_packets)
	sleep 0.5
	[ "$(counter "$1" tx_packets)" -gt "$before" ]
}

kill_under_load()
{
	serve || return 1
	guest_exec g "iperf3 -c ${NET[$1]}.1 -t 300 >/dev/null 2>&1 &" || return 1
	kst_wait 20 moving "$1" && guest_kill g
}

no_worker()
{
	[ "$(workers "$1")" = 0 ]
}

# A guest whose NICs see the memory only through an IOMMU with a translation cache in the device, which is ours. The guest
# invalidates at once what it unmaps: when it defers that, QEMU 7.2 leaves some of it in the cache of any vhost device,
# and stale pages are sent.
start_iommu()
{
	GUEST_MACHINE=q35,kernel-irqchip=split GUEST_APPEND="intel_iommu=on iommu.strict=1" guest_start v \
		-device intel-iommu,intremap=on,device-iotlb=on \
		-device virtio-net-pci,netdev=n0,disable-legacy=on,iommu_platform=on,ats=on \
		-netdev tap,id=n0,ifname=tap8,script=no,downscript=no,vhost=on,vhostfd=5 \
		-device virtio-net-pci,netdev=n2,disable-legacy=on,iommu_platform=on,ats=on,packed=on \
		-netdev tap,id=n2,ifname=tap9,script=no,downscript=no,vhost=on,vhostfd=10
}

iommu_network()
{
	guest_exec v 'ip address add 10.0.8.2/24 dev eth0; ip link set eth0 up
		ip address add 10.0.9.2/24 dev eth1; ip link set eth1 up'
}

# Bit 33 of the features, and the IOMMU translates.
translated()
{
	guest_exec v 'cut -c 34 /sys/class/net/eth[01]/device/features
		cat /sys/class/net/eth[01]/device/../iommu_group/type' | tr '\n' ' ' | grep -x '1 1 DMA DMA '
}

iommu_iperf()
{
	serve || return 1
	guest_exec v "iperf3 -c ${NET[$1]}.1 -t 2 -f m $2" | sed -n 's/^/# /; /sender\|receiver/p'
	[ "${PIPESTATUS[0]}" = 0 ]
}

iommu_reset()
{
	guest_reset v && iommu_network && ping_tap 5 && ping_tap 10
}

no_iommu_fallback()
{
	! guest_log v | grep -i "userspace virtio\|vhost.*fail\|vhost.*error\|DMAR.*fault"
}

test_iommu()
{
	exec 5<>$NODE 10<>$NODE
	ksft_test "IOMMU: guest starts" start_iommu
	exec 5>&- 10>&-
	ksft_test "IOMMU: guest answers" guest_wait v
	ksft_test "IOMMU: guest has its interfaces" iommu_network
	ksft_test "IOMMU: memory is translated" translated
	for fd in "${TAP_FDS[@]}"; do
		ksft_test "IOMMU, ${RING[$fd]}: ping" ping_tap "$fd"
		ksft_test "IOMMU, ${RING[$fd]}: iperf3 guest to host" iommu_iperf "$fd" ""
		ksft_test "IOMMU, ${RING[$fd]}: iperf3 host to guest" iommu_iperf "$fd" -R
	done
	ksft_test "IOMMU: system_reset" iommu_reset
	ksft_test "IOMMU: no fallback, no fault" no_iommu_fallback
	guest_stop v
}

kst_need qemu-system-x86_64 iperf3 ethtool ss
kst_load_stock tun tap macvtap veth
ksft_print_header
LONG=${VMACCEL_LONG:-0}
ksft_set_plan $((31 + 12 * LONG))
kst_load vhost_accel

for fd in "${TAP_FDS[@]}"; do
	kst_tap "${TAP[$fd]}" vnet_hdr
	ip address add "${NET[$fd]}.1/24" dev "${TAP[$fd]}"
done
kst_netns kstq eth0 10.0.7.1/24 kstq0
ip link add link kstq0 name mvt0 type macvtap mode passthru
kst_undo ip link del mvt0
kst_quiet mvt0
ip link set mvt0 up
node=/dev/tap$(cat /sys/class/net/mvt0/ifindex)
[ -e "$node" ] ||
	mknod "$node" c "$(sed 's/:.*//' /sys/class/net/mvt0/tap*/dev)" "$(sed 's/.*://' /sys/class/net/mvt0/tap*/dev)"
mac=$(cat /sys/class/net/mvt0/address)
exec 5<>$NODE 8<>$NODE 9<>$NODE 10<>$NODE
exec 6<>"$node" 7<>"$node"

ksft_test "guest starts" guest_start g \
	-device virtio-net-pci,netdev=n0,id=nic0 \
	-netdev tap,id=n0,ifname=tap8,script=no,downscript=no,vhost=on,vhostfd=5 \
	-device "virtio-net-pci,netdev=n1,packed=on,mq=on,vectors=6,mac=$mac" \
	-netdev tap,id=n1,fds=6:7,vhost=on,vhostfds=8:9 \
	-device virtio-net-pci,netdev=n2,packed=on \
	-netdev tap,id=n2,ifname=tap9,script=no,downscript=no,vhost=on,vhostfd=10
pid=$(guest_pid g)
# QEMU has them now; the test must not keep the devices open when it is killed.
exec 5>&- 6>&- 7>&- 8>&- 9>&- 10>&-
ksft_test "guest answers" guest_wait g
ksft_test "guest has its interfaces" guest_network
ksft_test "split and packed rings" ring_formats
ksft_test "QEMU did not fall back to userspace virtio" no_fallback
ksft_test "a worker for each queue pair" four_workers
for fd in "${TAP_FDS[@]}"; do
	ring=${RING[$fd]}
	ksft_test "$ring: ping over the tap" ping_tap "$fd"
	ksft_test "$ring: device and tap counted the packets" counted "$fd"
	ksft_test "$ring: iperf3 guest to host, TSO frames" iperf "$fd" tx
	ksft_test "$ring: iperf3 host to guest, TSO frames" iperf "$fd" rx -R
	ksft_test "$ring: jumbo frames, MTU 9000" jumbo "$fd"
	ksft_test "$ring: rings of another size" resize_rings "$fd"
	ksft_test "$ring: vectors masked under traffic" mask_vectors "$fd"
done
ksft_test "two queue pairs on a macvtap" multi_queue
ksft_test "driver unloaded and loaded" reload_driver
ksft_test "guest reboots" guest_reboot g
ksft_test "ping after the reboot" eval 'guest_network && ping_all'
ksft_test "system_reset" guest_reset g
ksft_test "ping after the reset" eval 'guest_network && ping_all'
ksft_test "NIC unplugged and plugged again" replug
ksft_test "still no fallback, no error, no drop" eval 'no_fallback && healthy'
ksft_test "kill -9 of QEMU under load" kill_under_load 10
ksft_test "no worker is left" kst_wait 10 no_worker "$pid"
[ "$LONG" = 0 ] || test_iommu
ksft_test "module unloads" rmmod vhost_accel
ksft_finished
