# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For selftests in bash: TAP 13 under kselftest's names, our modules, throw-away network set-ups, and an undo
# list that runs however the test ends. Source it; it defines functions and sets an EXIT trap.
#
#   . "$(dirname "$0")/../kstest.sh"
#   ksft_print_header
#   ksft_set_plan 2
#   kst_load vhost_accel

# shellcheck disable=SC2034
KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4

_ksft_plan=0
_ksft_pass=0
_ksft_fail=0
_ksft_skip=0
_kst_undo=()
declare -A _kst_deps=()

# ---- TAP ----------------------------------------------------------------------------------------------------

ksft_print_header()
{
	echo "TAP version 13"
}

ksft_set_plan()
{
	_ksft_plan=$1
	echo "1..$1"
}

ksft_print_msg()
{
	printf '# %s\n' "$*"
}

_ksft_number()
{
	echo $((_ksft_pass + _ksft_fail + _ksft_skip))
}

ksft_test_result_pass()
{
	_ksft_pass=$((_ksft_pass + 1))
	echo "ok $(_ksft_number) $*"
}

ksft_test_result_fail()
{
	_ksft_fail=$((_ksft_fail + 1))
	echo "not ok $(_ksft_number) $*"
}

# ksft_test_result_skip NAME WHAT-IS-MISSING
ksft_test_result_skip()
{
	_ksft_skip=$((_ksft_skip + 1))
	echo "ok $(_ksft_number) $1 # SKIP ${2:-}"
}

# ksft_test_result STATUS NAME...: status 0 passes.
ksft_test_result()
{
	local status=$1
	shift

	if [ "$status" = 0 ]; then
		ksft_test_result_pass "$@"
	else
		ksft_test_result_fail "$@"
	fi
}

# ksft_test NAME COMMAND...: the command's exit status is the result.
ksft_test()
{
	local name=$1
	shift

	"$@"
	ksft_test_result $? "$name"
}

ksft_print_cnts()
{
	echo "# Totals: pass:$_ksft_pass fail:$_ksft_fail xfail:0 xpass:0 skip:$_ksft_skip error:0"
}

ksft_finished()
{
	ksft_print_cnts
	if [ $_ksft_fail = 0 ] && [ $((_ksft_pass + _ksft_skip)) = "$_ksft_plan" ]; then
		exit $KSFT_PASS
	fi
	exit $KSFT_FAIL
}

ksft_exit_fail_msg()
{
	echo "Bail out! $*"
	ksft_print_cnts
	exit $KSFT_FAIL
}

ksft_exit_skip()
{
	echo "1..0 # SKIP $*"
	exit $KSFT_SKIP
}

# kst_need COMMAND...: skip the whole test unless it is root and has the commands.
kst_need()
{
	local cmd

	[ "$(id -u)" = 0 ] || ksft_exit_skip "needs root"
	for cmd; do
		command -v "$cmd" >/dev/null || ksft_exit_skip "no $cmd: install it"
	done
}

# ---- undo ---------------------------------------------------------------------------------------------------

# kst_undo COMMAND...: run at exit, last one first.
kst_undo()
{
	_kst_undo+=("$(printf '%q ' "$@")")
}

_kst_cleanup()
{
	local i

	for ((i = ${#_kst_undo[@]} - 1; i >= 0; i--)); do
		eval "${_kst_undo[i]}" >/dev/null 2>&1 || :
	done
	_kst_undo=()
}

trap _kst_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- the machine ---------------------------------------------------------------------------------------------

# kst_meminfo FIELD: of this machine's memory, in bytes.
kst_meminfo()
{
	echo $(($(sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo) * 1024))
}

# kst_wakeups SECONDS MODULE...: work items and timers of the modules in that time, for each second, rounded up.
kst_wakeups()
{
	local seconds=$1 events=/sys/kernel/tracing/events event n=0 module
	local watched=(workqueue/workqueue_execute_start timer/hrtimer_expire_entry timer/timer_expire_entry)
	shift

	[ -e /sys/kernel/tracing/trace ] || mount -t tracefs none /sys/kernel/tracing || return 1
	echo >/sys/kernel/tracing/trace
	for event in "${watched[@]}"; do
		echo 1 >"$events/$event/enable"
	done
	sleep "$seconds"
	for event in "${watched[@]}"; do
		echo 0 >"$events/$event/enable"
	done
	# That there is something to be seen: the machine itself is never idle.
	grep -q workqueue_execute_start /sys/kernel/tracing/trace || return 1
	for module; do
		n=$((n + $(grep -cF "[$module]" /sys/kernel/tracing/trace)))
	done
	echo $(((n + seconds - 1) / seconds))
}

# ---- modules ------------------------------------------------------------------------------------------------

# kst_ko MODULE: path of one of our modules.
kst_ko()
{
	local dir=${VMACCEL_KO:-${VMACCEL_TOP:-$(dirname "${BASH_SOURCE[0]}")/../../..}/build/$(uname -r)} ko

	for ko in "$dir/$1.ko" "$dir"/*/"$1.ko"; do
		[ ! -e "$ko" ] || {
			echo "$ko"
			return 0
		}
	done
	return 1
}

kst_loaded()
{
	[ -d "/sys/module/${1//-/_}" ]
}

# kst_insmod MODULE [PARAMETER...]: load one of our modules after the stock ones it needs.
kst_insmod()
{
	local name=$1 ko dep
	shift

	ko=$(kst_ko "$name") || {
		ksft_print_msg "no $name.ko: make KVER=$(uname -r)"
		return 1
	}
	# What it needs stays loaded: looked up once.
	if [ -z "${_kst_deps[$name]:-}" ]; then
		for dep in $(modinfo -F depends "$ko" | tr ',' ' '); do
			kst_loaded "$dep" || kst_ko "$dep" >/dev/null || modprobe "$dep" || return 1
		done
		_kst_deps[$name]=loaded
	fi
	insmod "$ko" "$@"
}

# kst_load MODULE [PARAMETER...]: load it if it is not, and unload it at exit; gives up on failure.
kst_load()
{
	kst_loaded "$1" && return 0
	kst_insmod "$@" || ksft_exit_fail_msg "cannot load $1"
	kst_undo rmmod "$1"
}

# kst_load_stock MODULE...: modprobe; skips the test where the kernel has no such module.
kst_load_stock()
{
	local module

	for module; do
		modprobe "$module" || ksft_exit_skip "no module $module in this kernel"
	done
}

# kst_null_blk MIB: the block device /dev/nullb0, which keeps what is written to it; undone at exit.
kst_null_blk()
{
	local dir=/sys/kernel/config/nullb/nullb0

	kst_loaded null_blk || modprobe null_blk nr_devices=0 || ksft_exit_skip "no module null_blk in this kernel"
	[ -d "${dir%/*}" ] || mount -t configfs none /sys/kernel/config
	mkdir "$dir" || ksft_exit_fail_msg "cannot make $dir"
	kst_undo rmdir "$dir"
	echo "$1" >"$dir/size"
	echo 1 >"$dir/memory_backed"
	echo 1 >"$dir/power"
	kst_wait 10 [ -b /dev/nullb0 ] || ksft_exit_fail_msg "no null_blk device"
}

# ---- network ------------------------------------------------------------------------------------------------

# kst_quiet IFACE: no IPv6, so that nothing is sent that the test did not send.
kst_quiet()
{
	echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6" 2>/dev/null || :
}

# kst_tap IFACE [OPTION...]: persistent tap (multi_queue, vnet_hdr), up.
kst_tap()
{
	local name=$1
	shift

	ip tuntap add dev "$name" mode tap "$@" || return 1
	kst_undo ip link del "$name"
	kst_quiet "$name"
	ip link set "$name" up
}

# kst_bridge BRIDGE [IFACE...]: bridge without delay, up, with members.
kst_bridge()
{
	local name=$1 port
	shift

	ip link add "$name" type bridge forward_delay 0 mcast_snooping 0 || return 1
	kst_undo ip link del "$name"
	kst_quiet "$name"
	ip link set "$name" up
	for port; do
		ip link set "$port" master "$name" || return 1
	done
}

# kst_netns NAME IFACE ADDRESS/LEN PEER: namespace with one end of a veth pair; the other end, PEER, stays here.
kst_netns()
{
	ip netns add "$1" || return 1
	kst_undo ip netns del "$1"
	ip link add "$4" type veth peer name "$2" netns "$1" || return 1
	kst_quiet "$4"
	ip link set "$4" up
	ip -n "$1" link set lo up
	ip -n "$1" address add "$3" dev "$2" && ip -n "$1" link set "$2" up
}

# kst_wait SECONDS COMMAND...: until the command succeeds; 1 if it never does. The seconds are a limit, not a
# measure: emulated machines are slow.
kst_wait()
{
	local end=$((SECONDS + $1 * ${VM_SLOW:-1}))
	shift

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
