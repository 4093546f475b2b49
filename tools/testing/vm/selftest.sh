#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests the test bed: what is broken on purpose must fail a run, for the right reason.

set -u

usage()
{
	cat <<END
Usage: selftest.sh [--kver SERIES]

Feeds the verdict good and bad records, then boots a few VMs with modules and tests that misbehave, and expects
run.sh to fail each time and to name the reason.
END
}

# shellcheck source=tools/testing/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/testing/vm/verdict.sh
. "$VM_DIR/verdict.sh"
# shellcheck source=tools/testing/selftests/kstest.sh
. "$TOP/tools/testing/selftests/kstest.sh"

kver=${KVER:-6.12}
while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kver=$2; shift ;;
	-h|--help)	usage; exit 0 ;;
	*)		die "unknown argument $1, see --help" ;;
	esac
	shift
done

tmp=$(mktemp -d)
kst_undo rm -rf "$tmp"
vm_find_kernel "$kver"

# verdict NAME CONSOLE TAP EXPECTED [ENDED]: EXPECTED is a glob for the reason, empty for a good run.
verdict()
{
	local reason

	printf '%s\n' "$2" >"$tmp/console"
	printf '%s\n' "$3" >"$tmp/tap"
	reason=$(vm_judge "$tmp/console" "$tmp/tap" "${5:-}")
	# shellcheck disable=SC2254
	case $reason in
	$4)	ksft_test_result_pass "verdict: $1" ;;
	*)	ksft_test_result_fail "verdict: $1 (got: ${reason:-passed})" ;;
	esac
}

# artefact NAME EXPECTED CONSOLE: EXPECTED is a glob for what the emulator did wrong, empty for what is no fault of it.
artefact()
{
	local found

	printf '%s\n' "$3" >"$tmp/console"
	found=$(vm_artefact "$tmp/console" /dev/null)
	# shellcheck disable=SC2254
	case $found in
	$2)	ksft_test_result_pass "artefact: $1" ;;
	*)	ksft_test_result_fail "artefact: $1 (got: ${found:-none})" ;;
	esac
}

# An emulator for the starter alone: boot number N gets what stands in console.N and tap.N, and a triple fault if its
# console says "reset".
fake_qemu()
{
	cat >"$tmp/qemu" <<-'END'
	#!/bin/bash
	for arg; do
		case $arg in
		file,id=console,path=*)	console=${arg##*path=} ;;
		file,id=tap,path=*)	tap=${arg##*path=} ;;
		*/resets)		resets=$arg ;;
		esac
	done
	n=$(($(cat "$FAKE/boots") + 1))
	echo $n >"$FAKE/boots"
	cat "$FAKE/console.$n" >"$console"
	! grep -q reset "$console" || echo "Triple fault" >"$resets"
	cat "$FAKE/tap.$n" >"$tap"
	END
	chmod +x "$tmp/qemu"
}

# starts NAME STATUS BOOTS CONSOLE TAP CONSOLE2 TAP2: run.sh with that emulator exits with STATUS after BOOTS boots.
starts()
{
	local status

	echo 0 >"$tmp/boots"
	printf '%s\n' "$4" >"$tmp/console.1"
	printf '%s\n' "$5" >"$tmp/tap.1"
	printf '%s\n' "$6" >"$tmp/console.2"
	printf '%s\n' "$7" >"$tmp/tap.2"
	FAKE=$tmp VM_QEMU=$tmp/qemu "$VM_DIR/run.sh" --no-build --kver "$VM_RELEASE" --out "$tmp/out.fake" \
		testbed/host_test.sh >"$tmp/log" 2>&1
	status=$?
	if [ $status = "$2" ] && grep -q "^# kernel=.* boots=$3 " "$tmp/log"; then
		ksft_test_result_pass "start: $1"
	else
		sed 's/^/# /' "$tmp/log"
		ksft_test_result_fail "start: $1"
	fi
}

# boots NAME "RUN ARGUMENTS" LINE...: run.sh fails and prints lines that match each extended expression.
boots()
{
	local name=$1 args=$2 line log=$tmp/$1.log problem=''
	shift 2

	# shellcheck disable=SC2086
	if "$VM_DIR/run.sh" --no-build --kver "$VM_RELEASE" --env "BROKEN_KO=$ko" --out "$tmp/out.$name" $args \
		>"$log" 2>&1; then
		problem="passed"
	fi
	for line; do
		grep -qE "$line" "$log" || problem+=" no line: $line"
	done
	ksft_print_msg "$(grep '^# FAILED' "$log")"
	ksft_print_msg "$(grep '^# kernel=' "$log")"
	if [ -z "$problem" ]; then
		ksft_test_result_pass "$name"
	else
		sed 's/^/# /' "$log"
		ksft_test_result_fail "$name:$problem"
	fi
}

ksft_print_header
ksft_set_plan 27

good=$'TAP version 13\n1..1\nok 1 a\n# vm-end'
oops=$'Oops: int3: 0000 [#1]\nRIP: 0010:sched_clock_cpu+0xd/0x1a0\nModules linked in: vmt(OE) kvm(E)'
verdict "good run" "boot" "$good" ""
verdict "splat" "WARNING: CPU: 0 PID: 1 at x" "$good" "kernel: WARNING: CPU: 0*"
verdict "failed test" "boot" $'1..1\nnot ok 1 a\n# vm-end' "not ok 1 a"
verdict "no end marker" "boot" $'1..1\nok 1 a' "no end marker*"
verdict "early end" "boot" $'1..2\nok 1 a\n# vm-end' "plan not met"
verdict "nothing at all" "" "" "no end marker*"
verdict "killed" "boot" $'1..1\nok 1 a' "no end within*" "no end within 9 s: killed"
artefact "int3" "int3 *" "$oops"
artefact "int3, our module in the trace" "" "$oops"$'\n vmt_init+0x10/0x20 [vmt]'
artefact "int3, other module in the trace" "int3 *" "$oops"$'\n kvm_x+0x10/0x20 [kvm]'
artefact "no int3" "" "BUG: kernel NULL pointer dereference"
gif=$' sysvec_reschedule_ipi+0xa/0x110\r\n asm_sysvec_reschedule_ipi+0x16/0x20\r\n'
vmrun=$'RIP: 0010:__svm_vcpu_run+0x9c/0x210 [kvm_amd]\r\nModules linked in: vmt(OE) kvm_amd(E)'
artefact "interrupt at VMRUN" "interrupt while *" "$gif$vmrun"
artefact "fault at VMRUN" "" $' asm_exc_page_fault+0x22/0x30\r\n'"$vmrun"
artefact "interrupt elsewhere" "" "$gif"$'RIP: 0010:schedule+0x9c/0x210\r\n'"$vmrun"
artefact "interrupt at VMRUN, our module in the trace" "" "$gif$vmrun"$'\n vmt_init+0x10/0x20 [vmt]'

counts=$'# vm-counts: 1 passed, 0 failed, 0 skipped\n# vm-end'
run=$'TAP version 13\n1..1\nok 1 a\n'$counts
fake_qemu
starts "good run" 0 1 "boot" "$run" "" ""
starts "again after the emulator's int3" 0 2 "$oops" "" "boot" "$run"
starts "int3 twice" 1 2 "$oops" "" "$oops" ""
starts "not again after a module's int3" 1 1 "$oops"$'\n vmt_init+0x10/0x20 [vmt]' "" "boot" "$run"
starts "again after a reset without a word" 0 2 "reset" "" "boot" "$run"
starts "not again after a reset with a word" 1 1 "BUG: scheduling, reset" "" "boot" "$run"
starts "not again after a failed test" 1 1 "boot" $'1..1\nnot ok 1 a\n'"$counts" "boot" "$run"

build=$TOP/build/testbed/$VM_RELEASE
mkdir -p "$build"
cp -u "$TOP"/tools/testing/selftests/testbed/broken/{Kbuild,*.c} "$build"
make -s -C "$("$TOP/tools/kdir.sh" "$VM_RELEASE")" M="$build" modules >"$tmp/build.log" 2>&1 || {
	cat "$tmp/build.log"
	ksft_exit_fail_msg "the broken module does not build"
}
ko=$build/vmt_broken.ko

boots "oops" testbed/broken/oops.sh '^# FAILED: kernel: .*NULL pointer' 'seconds=.*skipped=0' '^# vm: .* 1 failed'
boots "hang" "--append watchdog_thresh=2 testbed/broken/hang.sh" '^# FAILED: kernel: .*soft lockup'
boots "early-end" testbed/broken/early_end.sh '^# FAILED: no end marker'
boots "timeout" "--timeout 5 testbed/broken/slow.sh" '^# FAILED: no end within 5 s'
b=testbed/broken
boots "tests" "--no-skip $b/bad_plan.sh $b/bad_status.sh $b/bad_result.sh $b/no_plan.sh $b/skip.sh $b/slow.sh
	$b/splat.sh $b/leak.sh" \
	'^not ok [0-9]+ .*/bad_plan.sh # planned 2, ran 1' '^not ok [0-9]+ .*/bad_status.sh # exit status 3' \
	'^not ok [0-9]+ .*/bad_result.sh # 1 failed' '^not ok [0-9]+ .*/no_plan.sh # no plan' \
	'^not ok [0-9]+ .*/skip.sh # skipped, which' '^not ok [0-9]+ .*/slow.sh # timeout' \
	'^not ok [0-9]+ .*/splat.sh # kernel: .*WARNING:' \
	'^not ok [0-9]+ modules unload # cannot be unloaded: vmt_broken'
(ksft_finished)
status=$?
echo "# testbed: $_ksft_pass passed, $_ksft_fail failed"
exit $status
