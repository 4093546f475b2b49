#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest that libvirt starts with <backend vhost='/dev/vhost-accel'/>: a NIC with two queue pairs on a bridge, a
# second one with packed rings attached and detached live. The daemon runs in mount namespace of its own, where
# its directories are empty: the host's libvirt, if there is one, is not touched. The functions are called through
# ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

if [ "${1:-}" != inside ]; then
	kst_need libvirtd virsh qemu-system-x86_64 unshare
	exec unshare --mount --propagation private "$0" inside
fi

NODE=/dev/vhost-accel
DEVICES=/sys/class/misc/vhost-accel/devices
DIR=$GUEST_DIR/lv

v()
{
	virsh -q -c qemu:///system "$@"
}

# The daemon looks up its default user, which comes with libvirt-daemon-system, even if the configuration names
# another one.
add_user()
{
	local db id=64055

	for db in passwd group; do
		getent "$db" libvirt-qemu >/dev/null && continue
		cp "/etc/$db" "/run/libvirt/$db"
		case $db in
		passwd)	echo "libvirt-qemu:x:$id:$id::/var/lib/libvirt:/usr/sbin/nologin" ;;
		group)	echo "libvirt-qemu:x:$id:" ;;
		esac >>"/run/libvirt/$db"
		mount --bind "/run/libvirt/$db" "/etc/$db" || return 1
	done
}

answers()
{
	[ -S /run/libvirt/libvirt-sock ] && v version
}

start_daemon()
{
	local dir

	for dir in etc run var/lib var/log var/cache; do
		mkdir -p "/$dir/libvirt"
		mount -t tmpfs tmpfs "/$dir/libvirt" || return 1
	done
	add_user || return 1
	mkdir -p /var/log/libvirt/qemu
	cat >/etc/libvirt/qemu.conf <<-END
		user = "root"
		group = "root"
		security_driver = "none"
		stdio_handler = "file"
		namespaces = []
	END
	cat >/etc/libvirt/libvirtd.conf <<-END
		auth_unix_rw = "none"
		log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
	END
	libvirtd -f /etc/libvirt/libvirtd.conf </dev/null >/var/log/libvirt/out 2>&1 &
	daemon=$!
	disown
	kst_undo kill -9 "$daemon"
	kst_wait 30 answers && return 0
	cat /var/log/libvirt/libvirtd.log
	return 1
}

# nic TAP MAC [DRIVER ATTRIBUTE...]: an interface element
nic()
{
	local tap=$1 mac=$2
	shift 2

	cat <<-END
		<interface type='bridge'>
		  <mac address='$mac'/>
		  <source bridge='lvbr0'/>
		  <target dev='$tap'/>
		  <model type='virtio'/>
		  <driver name='vhost' $*/>
		  <backend vhost='${BACKEND:-$NODE}'/>
		</interface>
	END
}

domain()
{
	cat <<-END
		<domain type='kvm'>
		  <name>lv</name>
		  <memory unit='MiB'>256</memory>
		  <vcpu>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='pc'>hvm</type>
		    <kernel>$VMACCEL_GUEST_KERNEL</kernel>
		    <initrd>$VMACCEL_GUEST_INITRD</initrd>
		    <cmdline>$GUEST_CMDLINE</cmdline>
		  </os>
		  <features><acpi/><apic/></features>
		  <cpu mode='host-passthrough' check='none'/>
		  <devices>
		    <emulator>$(command -v qemu-system-x86_64)</emulator>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		    <serial type='file'><source path='$DIR/console.log'/></serial>
		    <channel type='pipe'>
		      <source path='$DIR/agent'/>
		      <target type='virtio' name='agent'/>
		    </channel>
		    $(nic lvtap0 52:54:00:00:03:01 "queues='2'")
		  </devices>
		</domain>
	END
}

start_domain()
{
	mkdir -p "$DIR"
	mkfifo "$DIR/agent.in" "$DIR/agent.out"
	: >"$DIR/qemu.log"
	domain >"$DIR/lv.xml"
	v create "$DIR/lv.xml" || {
		cat /var/log/libvirt/libvirtd.log /var/log/libvirt/qemu/lv.log
		return 1
	}
	cp /run/libvirt/qemu/lv.pid "$DIR/pid"
}

guest_hmp()
{
	v qemu-monitor-command "$1" --hmp "$2"
}

# held NODE: descriptors of it that QEMU has
held()
{
	find "/proc/$(guest_pid lv)/fd" -lname "$1" | wc -l
}

holds()
{
	[ "$(held "$NODE")" = "$1" ] && [ "$(held /dev/vhost-net)" = 0 ]
}

# shown COUNT: directories of QEMU's devices
shown()
{
	[ "$(find "$DEVICES" -name "$(guest_pid lv)-*" | wc -l)" = "$1" ]
}

# value NUMBER FILE: of QEMU's devices
value()
{
	cat "$DEVICES/$(guest_pid lv)-$1/$2"
}

no_fallback()
{
	! grep -i "userspace virtio\|vhost.*fail\|vhost.*error" /var/log/libvirt/qemu/lv.log
}

# address IFACE ADDRESS: of the guest
address()
{
	guest_exec lv "ip address flush dev $1; ip address add $2/24 dev $1; ip link set $1 up"
}

ping_guest()
{
	ping -q -c 3 -i 0.2 -W 10 "$1"
}

statistics()
{
	local sum cgroup

	shown 2 || return 1
	cgroup=$(value 0 cgroup)
	ksft_print_msg "cgroup $cgroup, tap $(value 0 netdev)"
	# The sum over a cgroup, as the documentation shows it.
	sum=$(for d in "$DEVICES"/*/; do
		echo "$(cat "$d/rx/packets") $(cat "$d/cgroup")"
	done | awk -v cgroup="$cgroup" '{ n = $1; sub(/^[^ ]* /, ""); if ($0 == cgroup) sum += n } END { print sum }')
	[ "$cgroup" = "$(sed -n 's/^0:://p' "/proc/$(guest_pid lv)/cgroup")" ] &&
		[ "$(value 0 netdev)" = lvtap0 ] && [ "$(value 0 owner)" = "$(guest_pid lv)" ] &&
		[ "$sum" -ge 3 ]
}

attach()
{
	nic lvtap1 52:54:00:00:03:02 "packed='on'" >"$DIR/nic.xml"
	v attach-device lv "$DIR/nic.xml" --live || return 1
	kst_wait 30 guest_exec lv 'ip link show eth1' >/dev/null &&
		guest_exec lv 'ip link set eth0 down' && address eth1 10.0.9.3 && ping_guest 10.0.9.3 &&
		holds 3 && shown 3 && [ "$(value 2 rx/ring_format)" = packed ] &&
		[ "$(value 2 netdev)" = lvtap1 ] && [ "$(value 2 tx/packets)" -ge 3 ]
}

detach()
{
	v detach-device lv "$DIR/nic.xml" --live && kst_wait 30 holds 2 && kst_wait 10 shown 2 &&
		guest_exec lv 'ip link set eth0 up' && kst_wait 30 ping_guest 10.0.9.2
}

# A node that is not there is an error, not a NIC in user space.
no_node()
{
	BACKEND=/dev/vhost-none nic lvtap1 52:54:00:00:03:02 >"$DIR/none.xml"
	! v attach-device lv "$DIR/none.xml" --live 2>"$DIR/none.err" && grep vhost "$DIR/none.err"
}

destroy()
{
	local pid

	pid=$(guest_pid lv)
	v destroy lv && kst_wait 10 eval "[ ! -d /proc/$pid ] && [ -z \"\$(ls $DEVICES)\" ]"
}

kst_load_stock tun tap bridge
guest_kvm || ksft_exit_skip "no KVM"
ksft_print_header
ksft_set_plan 12
kst_load vhost_accel
kst_bridge lvbr0
ip address add 10.0.9.1/24 dev lvbr0

ksft_test "libvirtd answers" start_daemon
ksft_test "domain starts" start_domain
kst_undo kill -9 "$(guest_pid lv)"
ksft_test "QEMU holds the node, once for each queue pair" holds 2
ksft_test "guest answers" guest_wait lv
ksft_test "ping" eval 'address eth0 10.0.9.2 && ping_guest 10.0.9.2'
ksft_test "statistics name the VM's cgroup, and count" statistics
ksft_test "second NIC attached live, packed" attach
ksft_test "detached live" detach
ksft_test "a node that is not there is refused" no_node
ksft_test "QEMU did not fall back to userspace virtio" no_fallback
ksft_test "domain destroyed, no device is left" destroy
kill "$daemon"
ksft_test "module unloads" kst_wait 10 rmmod vhost_accel
ksft_finished
