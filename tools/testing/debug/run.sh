#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs kselftests in a kernel that checks itself: user-mode Linux 6.12 with KASAN, lockdep, kmemleak and the
# rest of debug.config. No emulation: the tests run at the speed of this machine. It has one CPU and no KVM:
# races between CPUs and nested guests are for the host VM.

set -u

usage()
{
	cat <<END
Usage: run.sh [option...] [TEST...]

Builds the debug kernel (about 15 minutes, once, in the cache), the modules and the selftests, runs the tests
and prints TAP. A failed test, a report of the kernel, or memory that kmemleak misses a reference to, fails.
TEST is a directory below tools/testing/selftests/ or one program of it, "dir/program"; default: the programs of
vhost-accel that need no guest or daemon.

  --long            VMACCEL_LONG=1 for the tests
  --coverage        count lines run in the modules; prints a figure for each file
  --uml DIR         take this build of a UML kernel
  --timeout S       end it after S seconds (default: the sum over the tests)
  --env NAME=VALUE  environment of the tests (repeatable)

Environment: VM_SLOW=N scales every timeout (default 3); VMACCEL_CACHE is the cache directory.
END
}

VM_SLOW=${VM_SLOW:-3}
# shellcheck source=tools/testing/vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source=tools/testing/vm/verdict.sh
. "$VM_DIR/verdict.sh"
HERE=$TOP/tools/testing/debug

uml=
coverage=
timeout=
env=()
tests=()
while [ $# -gt 0 ]; do
	case $1 in
	--long)		VMACCEL_LONG=1 ;;
	--coverage)	coverage=1 ;;
	--uml)		uml=$2; shift ;;
	--timeout)	timeout=$2; shift ;;
	--env)		env+=("$2"); shift ;;
	-h|--help)	usage; exit 0 ;;
	-*)		die "unknown option $1, see --help" ;;
	*)		tests+=("${1%/}") ;;
	esac
	shift
done
if [ ${#tests[@]} = 0 ]; then
	tests=(vhost-accel/unload_test.sh vhost-accel/fault_test)
	while read -r kind name; do
		[ "$kind" != program ] || tests+=("vhost-accel/$name")
	done < <(vm_make_vars vhost-accel)
fi
for test in "${tests[@]}"; do
	[ -e "$SELFTESTS/${test%%/*}/Makefile" ] || die "no such test: $test"
done

[ -n "$uml" ] || uml=$("$TOP/tools/testing/kunit/uml.sh" "$HERE/debug.config") || die "no debug kernel, see above"
src=$(readlink -f "$uml/source")

# build_modules DIR: the modules of the tree, out of a copy of their sources.
build_modules()
{
	local d dirs=()

	mkdir -p "$1"
	cd "$TOP" || exit 1
	for d in compat include $(sed -n 's|^obj-m += \(.*\)/$|\1|p' Kbuild); do
		[ ! -d "$d" ] || dirs+=("$d")
	done
	find Kbuild "${dirs[@]}" -type f \( -name '*.[ch]' -o -name Kbuild \) -print0 |
		xargs -0 cp -up --parents -t "$1"
	make -C "$src" O="$uml" ARCH=um M="$1" ${coverage:+GCOV_PROFILE=y} modules >"$1/build.log" 2>&1 || {
		tail -n 30 "$1/build.log" >&2
		die "modules for the debug kernel do not build (log: ${1#"$TOP/"}/build.log)"
	}
}

ko=$TOP/build/$(basename "$uml")-debug${coverage:+-gcov}
build_modules "$ko"
for test in $(printf '%s\n' "${tests[@]%%/*}" | sort -u); do
	make -s -C "$SELFTESTS/$test" || die "selftests of $test do not build"
done

# The kernel's own modules, where modprobe finds them.
mods=$ko/root
if [ ! -e "$mods/done" ]; then
	rm -rf "$mods"
	make -C "$src" O="$uml" ARCH=um INSTALL_MOD_PATH="$mods" modules_install >"$ko/install.log" 2>&1 ||
		die "the debug kernel's modules cannot be installed (log: ${ko#"$TOP/"}/install.log)"
	touch "$mods/done"
fi

out=$(mktemp -d "$ko/run.XXXXXX")
uml_pid=
trap '[ -z "$uml_pid" ] || kill -9 "$uml_pid" 2>/dev/null; rm -rf "$out/tmp"' EXIT
mkdir "$out/tmp"
vm_list_tests "${tests[@]}" >"$out/tests" || exit 1
for setting in VM_SLOW="$VM_SLOW" VM_NO_SKIP=0 VM_TAP=/mnt/tap VM_MODULES="$mods" VMACCEL_TOP="$TOP" \
	       VMACCEL_KO="$ko" VMACCEL_LONG="${VMACCEL_LONG:-0}" VM_COVERAGE="${coverage:+$ko}" "${env[@]}"; do
	printf '%s=%q\n' "${setting%%=*}" "${setting#*=}"
done >"$out/vm.env"
[ -n "$timeout" ] ||
	timeout=$(awk '{ sum += $4 + 10 } END { print sum + 120 }' "$out/tests")

echo "# booting the debug kernel (results in ${out#"$TOP/"}, timeout $timeout s)"
start=$SECONDS
: >"$out/tap"
: >"$out/console.log"
# UML keeps its memory in a file of TMPDIR and its sockets in uml_dir; VM_RUN tells init where the results go.
TMPDIR=$out/tmp setpriv --pdeathsig KILL timeout -k 5 "$timeout" "$uml/linux" mem=1536M rootfstype=hostfs \
	rootflags=/ ro init="$HERE/init" VM_RUN="$out" con=null con0=null,fd:1 kunit.enable=0 quiet panic=-1 \
	uml_dir="$out/tmp/" umid=debug </dev/null >"$out/console.log" 2>&1 &
uml_pid=$!
tail -n +1 -s 0.3 -f --pid="$uml_pid" "$out/tap"
rc=0
wait "$uml_pid" || rc=$?
uml_pid=

why=
[ "$rc" != 124 ] || why="no end within $timeout s: killed"
reason=$(vm_judge "$out/console.log" "$out/tap" "$why")
read -r passed failed skipped < <(sed -n \
	's/^# vm-counts: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped/\1 \2 \3/p' "$out/tap")
if [ -z "$failed" ]; then
	passed=$(grep -acE '^ok ' "$out/tap")
	failed=1
	skipped=0
fi
if [ -n "$reason" ]; then
	[ "$failed" != 0 ] || failed=1
	tail -n 60 "$out/console.log" | sed 's/^/# | /'
	echo "# FAILED: $reason"
	echo "# results kept in ${out#"$TOP/"}"
fi

if [ -n "$coverage" ]; then
	# The kernel wrote the counts; what they count lies beside the objects.
	(cd "$out/gcov$ko/vhost-accel" 2>/dev/null &&
		for f in *.gcda; do
			[ -e "$f" ] || continue
			cp "$ko/vhost-accel/${f%.gcda}.gcno" . 2>/dev/null
			gcov -b -r -s "$uml" "$f" 2>/dev/null
		done) | awk -v ko="$ko/" '
		/^File / { gsub("\047", "", $2); file = $2; sub(ko, "", file); own = $2 ~ ko && file ~ /\.c$/ }
		/^Lines executed/ && own { split($0, a, /[:% ]+/); lines = a[3]; n = a[5] }
		/^Taken at least/ && own { split($0, a, /[:% ]+/); printf "# coverage: %-28s %6s %% of %s lines, %s %% of branches\n", file, lines, n, a[5]; own = 0 }'
fi
echo "# kernel=$(basename "$uml") seconds=$((SECONDS - start)) skipped=$skipped"
echo "# debug: $passed passed, $failed failed"
[ -z "$reason" ] || exit 1
rm -rf "$out"
exit 0
