#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A nested guest on stock vhost-net: what guest.sh promises to tests.

set -u

# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"

cases=0
fail=0

# expect DESCRIPTION COMMAND...
expect()
{
	local what=$1
	shift

	cases=$((cases + 1))
	if "$@"; then
		echo "ok $cases $what"
	else
		echo "not ok $cases $what"
		fail=1
	fi
}

# shellcheck disable=SC2317 # called by expect
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
	[ "$(guest_exec g 'a=1
		echo $a')" = 1 ]
}

# shellcheck disable=SC2317
network_up()
{
	guest_exec g 'ip address add 10.0.9.2/24 dev eth0; ip link set eth0 up'
}

# shellcheck disable=SC2317
iperf()
{
	iperf3 -s -1 -D --forceflush
	sleep 1
	guest_exec g 'iperf3 -c 10.0.9.1 -t 1 -f m' | sed -n 's/^/# /; /sender\|receiver/p'
	[ "${PIPESTATUS[0]}" = 0 ]
}

# shellcheck disable=SC2317
qmp_error()
{
	! guest_qmp g '{"execute":"no-such-command"}'
}

# shellcheck disable=SC2317
gone()
{
	guest_kill g && ! guest_alive g
}

echo "TAP version 13"
echo "1..12"
modprobe -a tun vhost_net
ip tuntap add dev tap9 mode tap vnet_hdr
ip address add 10.0.9.1/24 dev tap9
ip link set tap9 up
exec 5<>/dev/vhost-net
start=$SECONDS
expect "guest starts" guest_start g -device virtio-net-pci,netdev=n \
	-netdev tap,id=n,ifname=tap9,script=no,downscript=no,vhost=on,vhostfd=5
expect "guest answers" guest_wait g
echo "# guest answers after $((SECONDS - start)) s"
expect "status of a command" agent_status
expect "output of a command" agent_output
expect "command of several lines" agent_lines
expect "guest has the interface" network_up
expect "ping" ping -q -c 3 -i 0.2 -W 10 10.0.9.2
expect "iperf3" iperf
expect "QMP" guest_qmp g '{"execute":"query-status"}'
expect "QMP error" qmp_error
expect "reset and answers again" guest_reset g
expect "kill" gone
exit $fail
