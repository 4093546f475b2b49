#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A driver that others wrote: DPDK's virtio-user on our node, as testpmd that sends back each frame it receives.
# What our own guest library and the device might understand alike, and both wrongly, shows here. The port is
# stopped and started once in between, which begins the rings anew. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

if [ "${1:-}" = --help ]; then
	echo "Usage: dpdk_test.sh    (root; \$VHOST_DEV is the device, default /dev/vhost-accel)"
	exit 0
fi

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"

DEV=${VHOST_DEV:-/dev/vhost-accel}
ECHO=${OUTPUT:-$(dirname "$0")/../../../../build/selftests/vhost-accel}/tap_echo
TAP=vgdpdk0
FRAMES=240
[ "${VMACCEL_LONG:-0}" = 0 ] || FRAMES=24000

# quick_start: of all the drivers of DPDK leave those that are used; to load the others takes longer than the test.
quick_start()
{
	local all used=$work/pmds lib

	all=$(echo /usr/lib/x86_64-linux-gnu/dpdk/pmds-*)
	[ -d "$all" ] || return 0
	mkdir "$used"
	cp -a "$all"/librte_{bus_vdev,net_virtio,mempool_ring}.so* "$used" || return 1
	for lib in $(ldd "$(command -v dpdk-testpmd)" | sed -n 's/.*\(librte_[a-z0-9_]*\)\.so.*=>.*/\1/p'); do
		[ ! -e "$all/$lib.so" ] || cp -a "$all/$lib".so* "$used" || return 1
	done
	mount --bind "$used" "$all"
}

# It may have ended: then the log says why.
trap '' PIPE

say()
{
	echo "$@" >&8
} 2>/dev/null

# stop_testpmd: by its own means, or else by force.
stop_testpmd()
{
	local i

	say quit
	exec 8>&-
	for ((i = 0; i < 100; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

# negotiated BIT...: of each "N" the bit must be set, of each "-N" clear. The stock device does not tell.
negotiated()
{
	local value bit

	[ "$DEV" = /dev/vhost-accel ] || return 0
	value=$(cat /sys/class/misc/vhost-accel/devices/*/features) || return 1
	for bit; do
		if [ "$bit" -ge 0 ]; then
			((value >> bit & 1)) && continue
		else
			((value >> -bit & 1)) || continue
		fi
		ksft_print_msg "features $value: bit ${bit#-} is not as asked for"
		return 1
	done
}

# t_echo ARGS BIT...: virtio-user with these arguments sends back what comes, before and after a restart.
t_echo()
{
	local args=$1 ok=1
	shift

	rm -f "$work/in"
	mkfifo "$work/in"
	# Two threads, wherever the machine has CPUs; nothing outside of this process.
	setpriv --pdeathsig KILL dpdk-testpmd --lcores "(0,1)@(0-$(($(nproc) - 1)))" --no-huge -m 64 --no-pci --no-telemetry \
		--no-shconf --vdev="virtio_user0,path=$DEV,iface=$TAP,queues=1,queue_size=256,$args" \
		-- -i --total-num-mbufs=2048 <"$work/in" >"$work/log" 2>&1 &
	pid=$!
	exec 8>"$work/in"
	say start
	"$ECHO" "$TAP" "$FRAMES" && negotiated "$@" || ok=
	say stop
	say port stop 0
	say port start 0
	say start
	[ -z "$ok" ] || "$ECHO" "$TAP" "$FRAMES" || ok=
	stop_testpmd
	[ -n "$ok" ] || tail -n 20 "$work/log" | sed 's/^/# testpmd: /'
	[ -n "$ok" ]
}

kst_need dpdk-testpmd setpriv unshare mkfifo
# Mounts of its own.
[ -n "${DPDK_TEST_NS:-}" ] || DPDK_TEST_NS=1 exec unshare -m "$(readlink -f "$0")"

ksft_print_header
[ "$DEV" != /dev/vhost-accel ] || kst_load vhost_accel
[ "$DEV" != /dev/vhost-net ] || [ -c "$DEV" ] || kst_load_stock vhost_net
[ -c "$DEV" ] || ksft_exit_skip "no $DEV"
[ -c /dev/net/tun ] || kst_load_stock tun

work=$(mktemp -d)
kst_undo rm -rf "$work"
quick_start || ksft_exit_fail_msg "cannot prepare DPDK"

RING_PACKED=34 IN_ORDER=35 MRG_RXBUF=15
ksft_set_plan 4
ksft_test "split" t_echo in_order=0 -$RING_PACKED -$IN_ORDER $MRG_RXBUF
ksft_test "split,in_order" t_echo in_order=1,mrg_rxbuf=0 -$RING_PACKED $IN_ORDER -$MRG_RXBUF
ksft_test "packed" t_echo packed_vq=1,in_order=0 $RING_PACKED -$IN_ORDER $MRG_RXBUF
ksft_test "packed,in_order" t_echo packed_vq=1,in_order=1,mrg_rxbuf=0 $RING_PACKED $IN_ORDER -$MRG_RXBUF
ksft_finished
