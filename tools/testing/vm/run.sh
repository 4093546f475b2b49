#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots a stock kernel under QEMU with this machine's root, runs kselftests in it and judges the run.

set -u

usage()
{
	cat <<END
Usage: run.sh [option...] [TEST...]

Builds the modules and selftests, boots the newest installed Debian kernel of a series as a KVM host under
QEMU (emulated unless ACCEL= says otherwise), runs the tests there, prints their TAP and the verdict.
TEST is a directory below tools/testing/selftests/ or one program of it, "dir/program"; default: all, those
of a directory whose settings say "boot=own" in a boot of their own.

  --kver SERIES     kernel series or release (default: \$KVER or 6.12)
  --kernel IMAGE    boot this image instead; needs --modules
  --modules DIR     its modules, a path that ends in lib/modules/RELEASE
  --no-build        take modules and selftests as they are in build/
  --no-skip         a skipped test fails unless expected-skips names it (implied by CI=true)
  --long            VMACCEL_LONG=1 for the tests
  --keep            keep the result directory of a passed run
  --out DIR         result directory, kept (default: one below build/vm-out/)
  --timeout S       end the VM after S seconds (default: boot time plus the sum over the tests)
  --smp N, --mem M  processors and memory of the VM (2, 3G)
  --icount [SHIFT]  deterministic instruction counting, one CPU
  --append ARGS     further kernel arguments
  --extra ARG       one further QEMU argument (repeatable)
  --env NAME=VALUE  environment of the tests (repeatable)

Environment: ACCEL=kvm uses KVM of this machine; VM_SLOW=N scales every timeout (default 3, with KVM 1);
VMACCEL_CACHE is the cache directory; VM_QEMU is a QEMU to use instead of emulator.sh's.
END
}

# shellcheck source=tools/testing/vm/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/testing/vm/verdict.sh
. "$VM_DIR/verdict.sh"

# Of which the first ended by a fault of the emulator.
MAX_BOOTS=2

arguments=("$@")
kver=${KVER:-6.12}
kernel=
modules=
build=1
keep=
out=
timeout=
append=
extra=()
env=()
tests=()
no_skip=0
[ "${CI:-}" != true ] || no_skip=1

while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kver=$2; shift ;;
	--kernel)	kernel=$2; shift ;;
	--modules)	modules=$2; shift ;;
	--no-build)	build= ;;
	--no-skip)	no_skip=1 ;;
	--long)		VMACCEL_LONG=1 ;;
	--keep)		keep=1 ;;
	--out)		out=$2; keep=1; shift ;;
	--timeout)	timeout=$2; shift ;;
	--smp)		VM_SMP=$2; shift ;;
	--mem)		VM_MEM=$2; shift ;;
	--icount)
		VM_ICOUNT=0
		case ${2:-} in
		[0-9]|auto) VM_ICOUNT=$2; shift ;;
		esac
		;;
	--append)	append=$2; shift ;;
	--extra)	extra+=("$2"); shift ;;
	--env)		env+=("$2"); shift ;;
	-h|--help)	usage; exit 0 ;;
	-*)		die "unknown option $1, see --help" ;;
	*)		tests+=("${1%/}") ;;
	esac
	shift
done

if [ -n "$kernel" ]; then
	[ -d "$modules" ] || die "--kernel needs --modules DIR"
	vm_use_kernel "$kernel" "$modules"
else
	vm_find_kernel "$kver"
fi

# run_group DIR...: another instance of this script boots for them; adds up what it counts.
all_passed=0
all_failed=0
run_group()
{
	local log passed='' failed=''

	log=$(mktemp)
	"$0" "${arguments[@]}" ${out:+--out "$out/$1"} "$@" | tee "$log"
	read -r passed failed < <(sed -n 's/^# vm: \([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log")
	rm "$log"
	all_passed=$((all_passed + ${passed:-0}))
	all_failed=$((all_failed + ${failed:-1}))
}

if [ ${#tests[@]} = 0 ]; then
	own=()
	for dir in "$SELFTESTS"/*/Makefile; do
		dir=${dir%/Makefile}
		if grep -qsx 'boot=own' "$dir/settings"; then
			own+=("${dir##*/}")
		else
			tests+=("${dir##*/}")
		fi
	done
	run_group "${tests[@]}"
	for dir in "${own[@]}"; do
		run_group "$dir"
	done
	echo "# vm: $all_passed passed, $all_failed failed"
	[ "$all_failed" = 0 ]
	exit
fi

for test in "${tests[@]}"; do
	[ -e "$SELFTESTS/${test%%/*}/Makefile" ] || die "no such test: $test"
done
VM_KO=$TOP/build/$VM_RELEASE
if [ -n "$build" ]; then
	echo "# building for $VM_RELEASE"
	vm_build_modules
	mkdir -p "$TOP/build"
	for test in "${tests[@]}"; do
		# Both kernels' runs use what is built.
		flock "$TOP/build/selftests.lock" make -s -C "$SELFTESTS/${test%%/*}" ||
			die "selftests of $test do not build"
	done
fi

if [ -z "$out" ]; then
	mkdir -p "$TOP/build/vm-out"
	# Failed runs stay for a look, but not for ever.
	find "$TOP/build/vm-out" -mindepth 1 -maxdepth 1 -name "$VM_RELEASE.*" -mtime +2 -exec rm -rf {} +
	out=$(mktemp -d "$TOP/build/vm-out/$VM_RELEASE.XXXXXX")
else
	mkdir -p "$out"
	out=$(cd "$out" && pwd)
fi
vm_list_tests "${tests[@]}" >"$out/tests" || exit 1
[ -s "$out/tests" ] || die "no test to run"
vm_env tests "$out" VM_NO_SKIP=$no_skip "${env[@]}"
if [ -z "$timeout" ]; then
	timeout=$(awk -v slow="$VM_SLOW" '{ sum += $4 + 10 } END { print sum + 90 * slow }' "$out/tests")
fi

vm_qemu_args "$out" "$append"
# The device under test is QEMU's own, and what it does is seen in QEMU's memory.
watch_memory=
if grep -q '^balloon ' "$out/tests"; then
	vm_self_args "$out"
	watch_memory=1
fi
! grep -q '^cgroup-io fio_test.sh ' "$out/tests" || vm_disk_args "$out"

qemu_pid=
trap '[ -z "$qemu_pid" ] || kill -9 "$qemu_pid" 2>/dev/null' EXIT

# The memory of the VM in bytes, for the VM to read.
write_memory()
{
	awk '$1 == "RssAnon:" { printf "%.0f\n", $2 * 1024 }' "/proc/$qemu_pid/status" >"$out/rss.new" 2>/dev/null &&
		mv "$out/rss.new" "$out/rss"
}

# Boots once, shows TAP as it comes. Sets why to what ended the VM, if not itself.
boot()
{
	local end

	why=
	: >"$out/console.log"
	: >"$out/tap"
	: >"$out/resets"
	# Should this script be killed, so is the VM.
	setpriv --pdeathsig KILL "${QEMU_ARGS[@]}" -monitor none \
		-chardev "file,id=console,path=$out/console.log" -serial chardev:console \
		-chardev "file,id=tap,path=$out/tap" -serial chardev:tap -d cpu_reset -D "$out/resets" \
		"${extra[@]}" </dev/null >"$out/qemu.log" 2>&1 &
	qemu_pid=$!
	tail -n +1 -s 0.3 -f --pid="$qemu_pid" "$out/tap" &
	end=$((SECONDS + timeout))
	while kill -0 "$qemu_pid" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			why="no end within $timeout s: killed"
			kill -9 "$qemu_pid"
			break
		fi
		[ -z "$watch_memory" ] || write_memory
		sleep 0.2
	done
	wait "$qemu_pid" 2>/dev/null || why=${why:-qemu failed: $(tail -n 1 "$out/qemu.log")}
	qemu_pid=
	wait
}

echo "# booting $VM_RELEASE (${ACCEL:-tcg}, results in ${out#"$TOP/"}, timeout $timeout s)"
start=$SECONDS
boots=0
while :; do
	boots=$((boots + 1))
	boot
	reason=$(vm_judge "$out/console.log" "$out/tap" "$why")
	artefact=
	[ -z "$reason" ] || artefact=$(vm_artefact "$out/console.log" "$out/resets")
	if [ -z "$artefact" ] || [ $boots -ge $MAX_BOOTS ]; then
		break
	fi
	echo "# booting again: $artefact"
	for log in console.log tap resets; do
		cp "$out/$log" "$out/$log.$boots"
	done
done

read -r passed failed skipped < <(sed -n 's/^# vm-counts: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped/\1 \2 \3/p' "$out/tap")
if [ -z "$failed" ]; then
	# The VM did not live to count: what it reported so far, and its end.
	passed=$(grep -acE '^ok ' "$out/tap")
	failed=1
	skipped=0
fi
if [ -n "$reason" ]; then
	[ "$failed" != 0 ] || failed=1
	echo "# console, from the first splat or the end:"
	tr -d '\r' <"$out/console.log" | awk -v splat="$VM_SPLAT" '
		$0 ~ splat && !hit { hit = NR }
		{ line[NR] = $0 }
		END {
			first = hit ? hit : NR - 29
			for (i = first < 1 ? 1 : first; i <= NR && i < first + 60; i++)
				print "# | " line[i]
		}'
	echo "# FAILED: $reason"
	echo "# results kept in ${out#"$TOP/"}"
fi
echo "# kernel=$VM_RELEASE boots=$boots seconds=$((SECONDS - start)) skipped=$skipped"
echo "# vm: $passed passed, $failed failed"
[ -z "$reason" ] || exit 1
[ -n "$keep" ] || rm -rf "$out"
exit 0
