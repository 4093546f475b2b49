#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loads and unloads the module: again and again, refused while in use, under traffic, in a race with open(). The
# functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

if [ "${1:-}" = --help ]; then
	echo "Usage: unload_test.sh    (root; \$VMACCEL_KO is the directory of the modules)"
	exit 0
fi

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"

DEV=/dev/vhost-accel
LOAD=${OUTPUT:-$(dirname "$0")/../../../../build/selftests/vhost-accel}/guest_load
ROUNDS=20
[ "${VMACCEL_LONG:-0}" = 0 ] || ROUNDS=200

load()
{
	kst_insmod vhost_accel && [ -c "$DEV" ]
}

unload()
{
	rmmod vhost_accel 2>/dev/null
}

gone()
{
	! kst_loaded vhost_accel && [ ! -e "$DEV" ]
}

refcnt()
{
	cat "/sys/module/$1/refcnt"
}

t_node()
{
	load || return 1
	[ "$(stat -c %t "$DEV")" = a ] || return 1
	[ "$(cat /sys/module/vhost_accel/parameters/max_mem_regions)" -ge 64 ] || return 1
	unload && gone
}

t_rounds()
{
	local i

	for ((i = 0; i < ROUNDS; i++)); do
		load || return 1
		exec 9<>"$DEV" || return 1
		exec 9>&-
		unload || return 1
	done
	gone
}

t_busy()
{
	load || return 1
	exec 9<>"$DEV" || return 1
	if unload; then
		return 1
	fi
	exec 9>&-
	unload && gone
}

# start_load [TAP]: background traffic; its id is in pid.
start_load()
{
	local out line

	out=$(mktemp -u)
	mkfifo "$out"
	"$LOAD" "$@" >"$out" &
	pid=$!
	kst_undo kill -9 "$pid"
	read -r line <"$out"
	rm -f "$out"
	[ "$line" = ready ]
}

end_load()
{
	kill -9 "$1"
	wait "$1" 2>/dev/null
	return 0
}

t_traffic()
{
	local pid _

	load || return 1
	for _ in 1 2; do
		start_load || return 1
		if unload; then
			ksft_print_msg "unloaded under traffic"
			return 1
		fi
		[ -d "/proc/$pid" ] || return 1
		end_load "$pid"
		kst_wait 10 unload || return 1
		load || return 1
	done
	unload && gone
}

t_two_users()
{
	local pid first

	load || return 1
	start_load vgload1 || return 1
	first=$pid
	start_load vgload2 || return 1
	end_load "$first"
	if unload; then
		return 1
	fi
	end_load "$pid"
	kst_wait 10 unload && gone
}

t_beside_stock()
{
	local pid

	modprobe vhost_net || return 1
	load || return 1
	VHOST_DEV=/dev/vhost-net start_load || return 1
	unload || return 1
	load || return 1
	[ -d "/proc/$pid" ] || return 1
	end_load "$pid"
	unload && gone
}

t_race()
{
	local opener i

	(
		trap 'exit 0' TERM
		while :; do
			# Never creates the node: it fails while there is none.
			dd if="$DEV" of=/dev/null bs=1 count=0 status=none 2>/dev/null
		done
	) &
	opener=$!
	kst_undo kill -9 "$opener"
	for ((i = 0; i < ROUNDS / 2; i++)); do
		load || break
		kst_wait 10 unload || break
	done
	kill -9 "$opener"
	wait "$opener" 2>/dev/null
	[ "$i" = $((ROUNDS / 2)) ] && gone
}

t_users()
{
	local before

	before=$(refcnt tun)
	load || return 1
	start_load || return 1
	end_load "$pid"
	kst_wait 10 unload || return 1
	[ "$(refcnt tun)" = "$before" ]
}

kst_need insmod rmmod ip dd
ksft_print_header
[ -x "$LOAD" ] || ksft_exit_fail_msg "no guest_load: make -C $(dirname "$0")"
ko=$(kst_ko vhost_accel) || ksft_exit_skip "no vhost_accel.ko: set VMACCEL_KO"
if kst_loaded vhost_accel; then
	unload || ksft_exit_fail_msg "vhost_accel is in use"
fi
modprobe tun

# Reading and sorting out debug information is all that loading a large module costs: do without.
copy=$(mktemp -d)
kst_undo rm -rf "$copy"
strip --strip-debug -o "$copy/vhost_accel.ko" "$ko" 2>/dev/null || cp "$ko" "$copy/"
VMACCEL_KO=$copy
ksft_print_msg "module $(stat -c '%s bytes' "$ko"), $ROUNDS rounds"
kst_undo rmmod vhost_accel

ksft_set_plan 8
ksft_test "node of the misc major, gone with the module" t_node
ksft_test "load, open, close, unload, $ROUNDS times" t_rounds
ksft_test "unloading is refused while the node is open" t_busy
ksft_test "unloading is refused under traffic, works after kill -9" t_traffic
ksft_test "two users, one goes" t_two_users
ksft_test "loads and unloads beside vhost-net under traffic" t_beside_stock
ksft_test "unload in a race with open, $((ROUNDS / 2)) times" t_race
ksft_test "no reference to tun is left" t_users
ksft_finished
