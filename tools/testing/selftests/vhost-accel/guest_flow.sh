# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Traffic in all directions between the host and a nested guest, every byte known and checked (guest_flow.c). Sourced
# by tests that have sourced kstest.sh and guest.sh; network NET is 10.0.NET.1 here and 10.0.NET.2 in the guest.
#
#   flow_start GUEST NET INTERFACE   gives the guest's interface its address and begins
#   flow_advances NET                something arrives in each direction from now on, and all that did was right
#   flow_receives NET                datagrams arrive here from now on
#   flow_stop GUEST NET              ends both sides
#
# FLOW_TOOLS is where the programs are; guests need GUEST_FILES=$FLOW_TOOLS/guest_flow.

FLOW_TOOLS=${OUTPUT:-$VMACCEL_TOP/build/selftests/vhost-accel}
declare -A flow_server=()

flow_start()
{
	local guest=$1 net=$2 interface=$3

	rm -f "/run/flow$net"
	"$FLOW_TOOLS/guest_flow" serve "10.0.$net.1" "/run/flow$net" &
	flow_server[$net]=$!
	disown
	kst_undo kill "${flow_server[$net]}"
	kst_wait 10 test -s "/run/flow$net" || return 1
	guest_exec "$guest" "ip address add 10.0.$net.2/24 dev $interface; ip link set $interface up || exit 1
		guest_flow run 10.0.$net.1 >/tmp/flow$net.log 2>&1 & echo \$! >/tmp/flow$net" && flow_advances "$net"
}

# Bytes here, bytes there, datagrams here, datagrams there, errors.
flow_figures()
{
	tr -s ' ' <"/run/flow$1"
}

# flow_advanced NET FIGURES...
flow_advanced()
{
	local net=$1 a b c d
	shift

	read -r a b c d _ < <(flow_figures "$net")
	[ "$a" -gt "$1" ] && [ "$b" -gt "$2" ] && [ "$c" -gt "$3" ] && [ "$d" -gt "$4" ]
}

flow_received()
{
	local n

	read -r _ _ n _ < <(flow_figures "$1")
	[ "$n" -gt "$2" ]
}

flow_right()
{
	local errors

	read -r _ _ _ _ errors < <(flow_figures "$1")
	[ "$errors" = 0 ]
}

# What the processes of a guest wait for, and whether its clock, its timers and its interrupts go on.
flow_guest_state()
{
	guest_log "$1" | tail -n 20
	# shellcheck disable=SC2016
	guest_try "$1" 'cat /proc/uptime
		ps
		cat /tmp/flow*.log
		ip address; ip route; ip neigh; ip -s link
		for p in /proc/[0-9]*; do
			case $(readlink $p/exe) in
			*guest_flow) cat $p/status $p/wchan $p/syscall $p/stack | grep -v "^\(Vm\|Sig\|Cap\|Rss\|Huge\)" ;;
			esac
		done
		head -n 60 /proc/timer_list
		cat /proc/interrupts /proc/softirqs /proc/net/dev /proc/net/tcp /proc/uptime' 30
}

# What the sockets, the taps and the queues have done.
flow_host_state()
{
	ss -tuinmO "src 10.0.$1.1"
	ip -s link show type tun
	grep -H . /sys/class/misc/vhost-accel/devices/*/*/* 2>/dev/null | sed 's,.*/devices/,,' | grep -v ':0$'
}

# Where a flow stands still: both sides, twice, a second apart; last what a log's end must show.
flow_state()
{
	local guest

	{
		flow_host_state "$1"
		for guest in "$GUEST_DIR"/*/pid; do
			flow_guest_state "$(basename "${guest%/pid}")"
		done
		sleep 1
		flow_host_state "$1"
	} | sed 's/^/# /'
}

flow_advances()
{
	local before

	before=$(flow_figures "$1")
	# shellcheck disable=SC2086
	kst_wait 30 flow_advanced "$1" $before && flow_right "$1" && return
	flow_state "$1"
	ksft_print_msg "traffic $1: $before; at last $(flow_figures "$1")"
	return 1
}

flow_receives()
{
	local before

	read -r _ _ before _ < <(flow_figures "$1")
	kst_wait 30 flow_received "$1" "$before" && flow_right "$1"
}

flow_stop()
{
	kill "${flow_server[$2]}"
	guest_exec "$1" "kill \$(cat /tmp/flow$2)"
}
