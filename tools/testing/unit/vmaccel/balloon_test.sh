#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command vmaccel balloon as a whole, under ASan and UBSan: with a real QEMU whose guest does not run, with
# QEMUs that are played, good and bad ones, and a directory in the place of /sys/kernel/vmballoon. Needs no root.
# The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../../../.." && pwd)
# shellcheck source=tools/testing/selftests/kstest.sh
. "$TOP/tools/testing/selftests/kstest.sh"

MB=1048576
GB=$((1024 * MB))
dir=$(mktemp -d)
kst_undo rm -rf "$dir"
sys=$dir/sys
VMACCEL=$TOP/build/unit/vmaccel/bin/vmaccel
cd "$dir" || exit 1

# sys_make: no VM, all files of the host.
sys_make()
{
	rm -rf "$sys"
	mkdir -p "$sys/vms"
	echo "[weight] range demand shares" >"$sys/rule"
	echo high >"$sys/state"
	for name in pool spare reserve lack; do
		echo "$GB" >"$sys/$name"
	done
}

# sys_vm NUMBER RAM ORDER [MIN [CREDIT]]: a VM takes part
sys_vm()
{
	local vm=$sys/vms/$1 name

	mkdir -p "$vm"
	for name in held need measured target; do
		echo 0 >"$vm/$name"
	done
	echo "$2" | tee "$vm/ram" >"$vm/max"
	echo "$3" >"$vm/order"
	echo "${4:-0}" >"$vm/min"
	echo "${5:-0}" >"$vm/credit"
	echo 100 >"$vm/weight"
	echo none >"$vm/link"
	echo settled >"$vm/state"
	: >"$vm/report"
}

# Of VM $1, file $2 says $3.
sys_is()
{
	[ "$(cat "$sys/vms/$1/$2")" = "$3" ]
}

balloon()
{
	"$VMACCEL" balloon --sysfs "$sys" "$@"
}

# stop PID: it ends, with status 0 unless another is given, and without a word of a sanitizer.
stop()
{
	local status

	kill "$1" 2>/dev/null
	wait "$1"
	status=$?
	[ "$status" = "${2:-0}" ] && ! grep -E 'Sanitizer|runtime error' "$dir/out"
}

# run OPTION...: in the background: RUN; what it says is in $dir/out.
run()
{
	# What was said before is no answer.
	: >"$dir/out"
	"$VMACCEL" balloon --sysfs "$sys" "$@" >"$dir/out" 2>&1 &
	RUN=$!
	kst_undo kill -9 "$RUN"
}

# qemu SOCKET: with 1 GiB and a balloon; its guest does not run: QEMU.
qemu()
{
	rm -f "$1"
	qemu-system-x86_64 -S -accel tcg -nodefaults -display none -m 1G -device virtio-balloon-pci,id=b0 \
		-qmp "unix:$1,server=on,wait=off" >"$dir/qemu.log" 2>&1 &
	QEMU=$!
	kst_undo kill -9 "$QEMU"
	kst_wait 60 test -S "$1"
}

# peer MANNER [STATE]: plays a QEMU at $dir/MANNER.sock: PEER.
peer()
{
	rm -f "$dir/$1.sock"
	"$HERE/qmp_peer.py" "$dir/$1.sock" "$@" >"$dir/$1.log" 2>&1 &
	PEER=$!
	kst_undo kill -9 "$PEER"
	kst_wait 60 test -S "$dir/$1.sock"
}

# state ACTUAL STATS: what a good one says of a VM of 4 GiB.
state()
{
	echo "{\"ram\": $((4 * GB)), \"actual\": $1, \"stats\": {$2}}" >"$dir/state.new"
	mv "$dir/state.new" "$dir/state"
}

# A line that names what is wrong and what to do about it; status 1 or 2.
refused()
{
	local text=$1 status

	shift
	"$VMACCEL" balloon "$@" >"$dir/out" 2>&1
	status=$?
	cat "$dir/out"
	[ "$status" != 0 ] && [ "$(wc -l <"$dir/out")" = 1 ] && grep -qF -- "$text" "$dir/out"
}

t_build()
{
	make -s -C "$TOP/tools/vmaccel" OUTPUT="${VMACCEL%/*}" CFLAGS="-O1 -g -Werror -fsanitize=address,undefined"
}

t_errors()
{
	refused "modprobe vmballoon_host" --sysfs "$dir/nothing" || return 1
	refused "modprobe vmballoon_host" status --sysfs "$dir/nothing" || return 1
	refused "needs its --vm" --qmp x || return 1
	refused "needs its --vm" --vm 7 || return 1
	refused "given twice" --vm 7 --qmp x --vm 7 --qmp y || return 1
	refused "not a number from 3" --vm 2 --qmp x || return 1
	refused "not a number from 3" --vm 7x --qmp x || return 1
	refused "unknown argument" x || return 1
	refused "--once" --once=1 || return 1
	refused "$dir/none" --sysfs "$sys" --config "$dir/none" || return 1
	echo "7 x" >conf
	refused "conf: line 1" --sysfs "$sys" --config "$dir/conf" || return 1
	printf '7 /x\n\n7 /y\n' >conf
	refused "conf: line 3" --sysfs "$sys" --config "$dir/conf" || return 1
	refused "start it with -qmp" --sysfs "$sys" --qmp "$dir/nothing" --vm 7 --once || return 1
	refused "shorter than" --sysfs "$sys" --qmp "$(printf '/%0120d' 0)" --vm 7 --once || return 1
	"$VMACCEL" --help | grep -q balloon && balloon --help | grep -q dry-run &&
		"$VMACCEL" balloon status --help | grep -q bytes
}

t_status()
{
	sys_make
	sys_vm 12 "$GB" $((600 * MB))
	sys_vm 7 $((4 * GB)) $((4 * GB))
	"$VMACCEL" balloon status --sysfs "$sys" >out && cat out && [ "$(awk '{ print $1 }' out | xargs)" = "rule VM 7 12" ] &&
		grep -q '^rule weight, host high, pool 1G' out &&
		[ "$(awk '$1 == 12 { print $2, $5, $10, $12, $13 }' out)" = "1G 100 600M settled none" ] &&
		"$VMACCEL" balloon status --sysfs "$sys" --bytes | awk '$1 == 12 && $10 == 629145600 { found = 1 } END { exit !found }'
}

# What QEMU itself takes; its guest says nothing.
t_qemu()
{
	sys_make
	sys_vm 7 "$GB" $((600 * MB))
	qemu "$dir/7.sock" || return 1
	balloon --qmp "$dir/7.sock" --vm 7 --once -v >out 2>&1 || return 1
	cat out
	# Of one that says nothing, nothing is taken.
	sys_is 7 report "$GB 0 0 0" && sys_is 7 held 0 && grep -q "to ask for $GB bytes" out || return 1
	echo $((256 * MB)) >"$sys/vms/7/min"
	balloon --qmp "$dir/7.sock" --vm 7 --once -v >out 2>&1 && cat out && grep -q "to ask for $((600 * MB)) bytes" out
}

# One that is killed and started again, and another that goes for good.
t_restart()
{
	run --dir "$dir" -v
	kst_wait 30 grep -q "has a minimum\|says nothing" "$dir/out" || return 1
	kill -9 "$QEMU"
	wait "$QEMU"
	kst_wait 30 grep -q "QEMU is gone" "$dir/out" || return 1
	qemu "$dir/7.sock" || return 1
	kst_wait 60 asked_twice || return 1
	kill "$QEMU"
	wait "$QEMU"
	# QEMU removes the socket; a new VM takes the number.
	qemu "$dir/8.sock" || return 1
	kst_wait 30 grep -q "VM 8: takes no part: echo 8 $GB > $sys/add" "$dir/out" || return 1
	cat "$dir/out"
	kill "$QEMU"
	stop "$RUN"
}

asked_twice()
{
	[ "$(grep -c "to ask for" "$dir/out")" -ge 2 ]
}

# The figures, and the order down to the floor.
t_figures()
{
	local said='"total-memory": 3000000512, "available-memory": 2000000000, "disk-caches": 100000000'
	# 64 MiB, a 32nd of what it has and the page cache in use stay available. What it has and does not tell of shows
	# when its balloon rests.
	local floor=$((64 * MB + 3 * GB / 32 + 50000000))
	local report="$((3 * GB)) $((2000000000 - floor)) 50000000 0"

	sys_make
	sys_vm 7 $((4 * GB)) $((2 * GB)) 0 $((64 * MB))
	state $((3 * GB)) "$said"
	peer good "$dir/state" || return 1
	run --qmp "$dir/good.sock" --vm 7 -v
	kst_wait 30 sys_is 7 report "$report" && sys_is 7 held "$GB" || return 1
	kst_wait 30 grep -qx "balloon $((2 * GB))" state.log && grep -qx "qom-set 1" state.log || return 1
	echo $((256 * MB)) >"$sys/vms/7/order"
	kst_wait 30 grep -qx "balloon $(((3 * GB - 2000000000 + floor) / 4096 * 4096))" state.log || return 1
	# Its driver has a link of its own: nobody else meddles.
	echo connected >"$sys/vms/7/link"
	kst_wait 30 grep -qx "balloon $((4 * GB))" state.log || return 1
	echo untouched >"$sys/vms/7/report"
	echo none >"$sys/vms/7/link"
	kst_wait 30 sys_is 7 report "$report" || return 1
	# The module is unloaded, and loaded again.
	rm -rf "$sys"
	kst_wait 30 grep -q "VM 7: takes no part: echo 7 $((4 * GB)) >" "$dir/out" || return 1
	sys_make
	sys_vm 7 $((4 * GB)) $((2 * GB)) 0 $((64 * MB))
	kst_wait 30 sys_is 7 report "$report" && sys_is 7 held "$GB" || return 1
	# It goes: what it said counts no more.
	kill -9 "$PEER"
	kst_wait 30 sys_is 7 report "$((4 * GB)) 0 0 0" && sys_is 7 held 0 || return 1
	peer good "$dir/state" || return 1
	kst_wait 30 sys_is 7 report "$report" || return 1
	cat "$dir/out"
	stop "$RUN"
}

t_dry()
{
	rm -f state.log
	: >"$sys/vms/7/report"
	balloon --qmp "$dir/good.sock" --vm 7 --once --dry-run >out 2>&1 || return 1
	cat out
	grep -q 'would write 3000000512 1789141120 50000000 0 to report' out && grep -q 'would ask for' out &&
		[ ! -s "$sys/vms/7/report" ] && [ ! -e state.log ]
}

# A file that is read again, and what it makes no sense of.
t_config()
{
	sys_vm 9 $((4 * GB)) $((3 * GB))
	: >"$sys/vms/7/report"
	printf '# VMs\n7 %s\n' "$dir/good.sock" >conf
	peer two "$dir/state" || return 1
	run --config "$dir/conf"
	kst_wait 30 [ -s "$sys/vms/7/report" ] || return 1
	printf '9 %s\n' "$dir/two.sock" >conf
	kill -HUP "$RUN"
	kst_wait 30 [ -s "$sys/vms/9/report" ] || return 1
	# VM 7 is looked after no more: what it said counts no more.
	kst_wait 30 sys_is 7 report "$((4 * GB)) 0 0 0" || return 1
	echo "nonsense" >conf
	kill -HUP "$RUN"
	kst_wait 30 grep -q "conf: line 1" "$dir/out" || return 1
	: >"$sys/vms/9/report"
	kst_wait 30 [ -s "$sys/vms/9/report" ] || return 1
	cat "$dir/out"
	stop "$RUN"
}

# One good VM among bad ones: it has its turns, they do not stop it, and are not believed.
t_hostile()
{
	local n=100 manner options=() before i

	sys_make
	sys_vm 7 $((4 * GB)) $((2 * GB))
	state $((3 * GB)) '"total-memory": 3000000000, "available-memory": 2000000000'
	for manner in silent deep endless lines random flood drip full; do
		peer "$manner" || return 1
		options+=(--vm "$n" --qmp "$dir/$manner.sock")
		sys_vm "$n" $((4 * GB)) $((2 * GB))
		n=$((n + 1))
	done
	for manner in mute wrongid noid types nothing refuse huge negative names events twice cut; do
		peer "$manner" "$dir/state" || return 1
		options+=(--vm "$n" --qmp "$dir/$manner.sock")
		sys_vm "$n" $((4 * GB)) $((2 * GB))
		n=$((n + 1))
	done
	# One that says nothing is asked again and again, in case that others had it silenced.
	cp state quiet.state
	sed -i 's/"stats": {[^}]*}/"stats": {}/' quiet.state
	peer quiet "$dir/quiet.state" || return 1
	sys_vm "$n" $((4 * GB)) $((2 * GB))
	run "${options[@]}" --qmp "$dir/quiet.sock" --vm "$n" --qmp "$dir/good.sock" --vm 7
	for ((i = 0; i < 8; i++)); do
		: >"$sys/vms/7/report"
		kst_wait 30 sys_is 7 report "$((3 * GB)) $((2000000000 - 64 * MB - 3 * GB / 32)) 0 0" || return 1
	done
	kst_wait 30 all_named "$n" && kst_wait 30 asked_again || return 1
	# What talks too much is not let go just because it does not answer.
	grep -q "flood.sock: .*too much" "$dir/out" || return 1
	before=$(wc -l <"$dir/out")
	cut -c 1-150 "$dir/out"
	# None of them wrote to a terminal, or more than a few lines.
	! grep -q $'\x1b' "$dir/out" && [ "$before" -lt 100 ] || return 1
	# The quiet one needs all; "twice" may have had a turn.
	sys_is "$n" report "$((4 * GB)) 0 0 0" || return 1
	for ((i = 100; i < n; i++)); do
		grep -q "VM $i: .*/twice.sock" "$dir/out" || [ ! -s "$sys/vms/$i/report" ] || return 1
	done
	stop "$RUN"
}

asked_again()
{
	[ "$(grep -cx "qom-set 1" quiet.state.log)" -ge 2 ]
}

# all_named N: something was said of each bad one up to N.
all_named()
{
	local i

	for ((i = 100; i < $1; i++)); do
		grep -q "VM $i: " "$dir/out" || return 1
	done
}

t_install()
{
	make -s -C "$TOP/tools/vmaccel" OUTPUT="${VMACCEL%/*}" DESTDIR="$dir/root" PREFIX=/usr install || return 1
	(cd root && find . -type f -printf '%P %m\n' | sort) >out
	cat out
	[ "$(cat out)" = "usr/lib/systemd/system/vmaccel-balloon.service 644
usr/sbin/vmaccel 755" ] && grep -qx 'ExecStart=/usr/sbin/vmaccel balloon' root/usr/lib/systemd/system/*.service || return 1
	DESTDIR=$dir/root PREFIX=/usr "$TOP/tools/install.sh" --uninstall && [ -z "$(find root -type f)" ]
}

# try NAME FUNCTION: what it says is for those who look for a fault.
try()
{
	local status=0

	: >"$dir/out"
	"$2" >&2 || status=$?
	[ "$status" = 0 ] || sed 's/^/# /' "$dir/out"
	ksft_test_result "$status" "- $1"
}

for tool in qemu-system-x86_64 python3 make gcc; do
	command -v "$tool" >/dev/null || ksft_exit_skip "no $tool: run tools/setup.sh"
done
ksft_print_header
ksft_set_plan 10
try "it builds without a warning" t_build
sys_make
try "errors are a line with the remedy" t_errors
try "status: a table" t_status
try "a real QEMU" t_qemu
try "QEMUs that go and come" t_restart
try "figures, orders, the floor, a link" t_figures
try "dry run changes nothing" t_dry
try "configuration, read again" t_config
try "one among hostile ones" t_hostile
try "install and uninstall" t_install
ksft_finished
