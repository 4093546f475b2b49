#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A nested guest on stock vhost-net: what guest.sh promises to tests.

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

# shellcheck disable=SC2317 # these are called through ksft_test
agent_status()
{
	guest_exec g 'exit 7'
	[ $? = 7 ]
}

# shellcheck disable=SC2317
agent_output()
{
	[ "$(guest_exec g 'echo one; echo; printf "two three"')" = $'one\n\ntwo three' ]
}

# shellcheck disable=SC2317
agent_lines()
{
	[ "$(guest_exec g $'a=1\necho $a')" = 1 ]
}

# shellcheck disable=SC2317
network_up()
{
	guest_exec g 'ip address add 10.0.9.2/24 dev eth0; ip link set eth0 up'
}

# shellcheck disable=SC2317
listening()
{
	ss -Hltn 'sport = 5201' | grep -q .
}

# shellcheck disable=SC2317
iperf()
{
	iperf3 -s -1 -D
	kst_wait 10 listening || return 1
	guest_exec g 'iperf3 -c 10.0.9.1 -t 1 -f m' | sed -n 's/^/# /; /sender\|receiver/p'
	return "${PIPESTATUS[0]}"
}

# shellcheck disable=SC2317
qmp_error()
{
	! guest_qmp g '{"execute":"no-such-command"}'
}

# shellcheck disable=SC2317
state_shown()
{
	local state

	state=$(guest_state g)
	ksft_print_msg "${state//$'\n'/, }"
	[ "$(grep -c ^RIP= <<<"$state")" = 2 ] && [ "$(grep -c ^LVTT <<<"$state")" = 2 ]
}

# shellcheck disable=SC2317
kvm_stays()
{
	local fds
	fds=/proc/$(cat /run/guest-kvm.pid)/fd

	find "$fds" -lname 'anon_inode:kvm-vcpu:0' | grep -q . && ! find "$fds" -lname '*vhost-net' | grep .
}

# shellcheck disable=SC2317
gone()
{
	guest_kill g && ! guest_alive g
}

# shellcheck disable=SC2317
beside_fpu()
{
	timeout 60 "$VMACCEL_TOP/build/selftests/testbed/vcpu_fpu"
}

kst_need qemu-system-x86_64 iperf3
kst_load_stock tun vhost_net
ksft_print_header
ksft_set_plan 15
kst_tap tap9 vnet_hdr
ip address add 10.0.9.1/24 dev tap9
exec 5<>/dev/vhost-net
start=$SECONDS
ksft_test "guest starts" guest_start g -device virtio-net-pci,netdev=n \
	-netdev tap,id=n,ifname=tap9,script=no,downscript=no,vhost=on,vhostfd=5
ksft_test "guest answers" guest_wait g
ksft_print_msg "guest answers after $((SECONDS - start)) s"
ksft_test "status of a command" agent_status
ksft_test "output of a command" agent_output
ksft_test "command of several lines" agent_lines
ksft_test "guest has the interface" network_up
ksft_test "ping" ping -q -c 3 -i 0.2 -W 10 10.0.9.2
ksft_test "iperf3" iperf
ksft_test "QMP" guest_qmp g '{"execute":"query-status"}'
ksft_test "QMP error" qmp_error
ksft_test "its state is shown" state_shown
ksft_test "reset and answers again" guest_reset g
ksft_test "kill" gone
ksft_test "a virtual machine stays, and nothing else" kvm_stays
ksft_test "a guest's exits beside a busy FPU" beside_fpu
ksft_finished
