#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# NICs come and go in a running guest while others, and they themselves, are full of traffic. The functions are called
# through ksft_test.
#
# When a link goes down, or a netdev goes before its NIC, QEMU goes on with the ring itself, to drop what is sent. Older
# ones, as Debian 12's, take a wrong position for a packed ring then (8.1: "virtio: Fix packed virtqueue used_idx mask"),
# and may end with an assertion, whatever the backend. So that is done to split rings.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"
# shellcheck source=tools/testing/selftests/vhost-accel/guest_flow.sh
. ./guest_flow.sh

NODE=${VHOST_DEV:-/dev/vhost-accel}
ROUNDS=1
[ "${VMACCEL_LONG:-0}" != 1 ] || ROUNDS=10
export GUEST_MEM=160 GUEST_FILES=$FLOW_TOOLS/guest_flow

start()
{
	local fd status

	exec {fd}<>"$NODE" || return 1
	guest_start g -device virtio-net-pci,netdev=n1,id=nic1 \
		-netdev "tap,id=n1,ifname=vg1,script=no,downscript=no,vhost=on,vhostfd=$fd" \
		-chardev "socket,id=plug,path=$GUEST_DIR/g/plug,server=on,wait=off" -mon chardev=plug,mode=control
	status=$?
	exec {fd}>&-
	return "$status"
}

# held: device nodes that QEMU has open, and its workers.
held()
{
	local pid

	pid=$(guest_pid g)
	echo "$(find "/proc/$pid/fd" -lname "$NODE" | wc -l) nodes," \
		"$(ps -eLo comm= | awk -v name="vhost-$pid" '$1 == name { n++ } END { print n + 0 }') workers"
}

holds()
{
	[ "$(held)" = "$1 nodes, $1 workers" ]
}

plug()
{
	"$FLOW_TOOLS/guest_plug" "$GUEST_DIR/g/plug" "vhost=$NODE" tap=tap:vg2 \
		'{"execute":"netdev_add","arguments":{"type":"tap","id":"n2","fd":"tap","vhost":true,"vhostfd":"vhost"}}' \
		'{"execute":"device_add","arguments":{"driver":"virtio-net-pci","netdev":"n2","id":"nic2",
			"packed":"'"$1"'"}}' || return 1
	kst_wait 30 guest_exec g 'ip link show eth1' >/dev/null || return 1
	holds 2 && [ "$(guest_exec g 'cut -c 35 /sys/class/net/eth1/device/features')" = "$2" ]
}

deleted()
{
	grep -q '"DEVICE_DELETED".*"nic2"' "$GUEST_DIR/g/events" ||
		{ guest_do g '{"execute":"query-status"}'; false; }
}

link()
{
	guest_do g '{"execute":"set_link","arguments":{"name":"nic2","up":false}}' &&
		kst_wait 10 guest_exec g 'grep -q 0 /sys/class/net/eth1/carrier' && sleep 0.5 &&
		guest_do g '{"execute":"set_link","arguments":{"name":"nic2","up":true}}' && flow_advances 2
}

# unplug device|netdev: which of both goes first.
unplug()
{
	: >"$GUEST_DIR/g/events"
	[ "$1" = device ] || guest_do g '{"execute":"netdev_del","arguments":{"id":"n2"}}' || return 1
	guest_do g '{"execute":"device_del","arguments":{"id":"nic2"}}' && kst_wait 30 deleted || return 1
	[ "$1" = netdev ] || guest_do g '{"execute":"netdev_del","arguments":{"id":"n2"}}' || return 1
	flow_stop g 2 && guest_exec g '! ip link show eth1 2>/dev/null'
}

no_fallback()
{
	! guest_log g | grep -i "userspace virtio\|vhost.*fail\|vhost.*error"
}

gone()
{
	kst_wait 10 holds 1 && flow_advances 1 && no_fallback && return
	ksft_print_msg "$(held)"
	return 1
}

no_worker()
{
	[ -z "$(ps -eLo comm= | awk '/^vhost-[0-9]/')" ]
}

kst_need qemu-system-x86_64 cpio
[ -x "$FLOW_TOOLS/guest_plug" ] || ksft_exit_fail_msg "no guest_plug: make -C $(dirname "$0")"
kst_load_stock tun
ksft_print_header
ksft_set_plan $((6 + 13 * ROUNDS))
kst_load vhost_accel
for net in 1 2; do
	kst_tap vg$net vnet_hdr
	ip address add 10.0.$net.1/24 dev vg$net
done
mkdir -p "$GUEST_DIR"

ksft_test "guest starts" start
ksft_test "guest answers" guest_wait g
guest_exec g 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
ksft_test "traffic through a NIC that stays" flow_start g 1 eth0
for ((i = 1; i <= ROUNDS; i++)); do
	for try in "packed on 1 device" "split off 0 device" "split off 0 netdev"; do
		read -r name packed bit first <<<"$try"
		ksft_test "$name NIC plugged" plug "$packed" "$bit"
		ksft_test "$name NIC: traffic in all directions" flow_start g 2 eth1
		[ "$first" = device ] || ksft_test "$name NIC: link goes down and up" link
		ksft_test "$name NIC unplugged in the flood, $first first" unplug "$first"
		ksft_test "$name NIC: nothing is left, the other lives" gone
	done
done
ksft_test "NIC plugged and flooded" eval 'plug on 1 && flow_start g 2 eth1'
ksft_test "kill -9 of QEMU" guest_kill g
ksft_test "no worker is left" kst_wait 10 no_worker
ksft_finished
