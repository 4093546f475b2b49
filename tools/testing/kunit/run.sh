#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the KUnit modules against the cached UML kernel, run them, print TAP.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=${KUNIT_TOP:-$(cd "$HERE/../../.." && pwd)}
LIMIT=${KUNIT_TIMEOUT:-60}

usage() {
	cat <<-USAGE
	usage: run.sh [--help]

	Builds */tests/*_kunit.ko against user-mode Linux (built once, about 4 minutes,
	see uml.sh), loads them there and prints one TAP line for each test case.
	Environment: KUNIT_TIMEOUT (seconds for the run, default 60), VMACCEL_CACHE,
	KUNIT_TOP=DIR runs the suites of another tree.
	USAGE
}

die() {
	echo "Bail out! kunit: $*"
	echo "# kunit: 0 passed, 1 failed"
	exit 1
}

case "${1:-}" in
-h|--help)	usage; exit 0 ;;
"")		;;
*)		usage >&2; exit 2 ;;
esac

echo "TAP version 13"
busybox=$(command -v busybox) || die "busybox is missing; run tools/setup.sh"
uml=$("$HERE/uml.sh") || die "the UML kernel is not to be had, see above"

# The suites alone: the modules proper need more than UML has.
out=$TOP/build/$(basename "$uml")
mkdir -p "$out"
cd "$TOP"
dirs=()
for d in compat include */tests; do
	[ ! -d "$d" ] || dirs+=("${d%/tests}")
done
find "${dirs[@]}" -type f \( -name '*.[ch]' -o -name Kbuild \) -print0 |
	xargs -0 cp -up --parents -t "$out"
sed '/^obj-m +=/s,/\( \|$\),/tests/\1,g' Kbuild >"$out/Kbuild.new"
cmp -s "$out/Kbuild.new" "$out/Kbuild" || mv "$out/Kbuild.new" "$out/Kbuild"
find "$out" -name '*_kunit.ko' -delete
if ! make -C "$uml/source" O="$uml" ARCH=um M="$out" modules >"$out/build.log" 2>&1; then
	sed 's/^/# /' "$out/build.log" | tail -n 30
	die "the test modules do not build"
fi

root=$out/root
rm -rf "$root"
mkdir -p "$root"/{bin,dev,lib,modules,out,proc,sys,tmp}
cp "$busybox" "$root/bin/busybox"
for applet in sh mount insmod rmmod dmesg cat sync poweroff; do
	ln -s busybox "$root/bin/$applet"
done
cp "$HERE/init" "$root/init"
find "$out" -path "$root" -prune -o -name '*_kunit.ko' -exec cp -t "$root/modules" {} +
modules=$(find "$root/modules" -name '*.ko' | wc -l)
[ "$modules" -gt 0 ] || die "no */tests/*_kunit.ko was built; see build/$(basename "$uml")/build.log"

# UML keeps its memory in a file of TMPDIR and its sockets in uml_dir.
console=$out/console.log
rc=0
TMPDIR=$root/tmp timeout -k 5 "$LIMIT" "$uml/linux" mem=256M rootfstype=hostfs \
	rootflags="$root" rw init=/init con=null con0=null,fd:1 kunit.enable=1 quiet panic=-1 \
	uml_dir="$root/tmp/" umid=kunit </dev/null >"$console" 2>&1 || rc=$?

n=0
passed=0
failed=0
result() {
	n=$((n + 1))
	case $1 in
	ok)	passed=$((passed + 1)); echo "ok $n - $2" ;;
	skip)	failed=$((failed + 1)); echo "not ok $n - $2 # skipped, which counts as failed here" ;;
	*)	failed=$((failed + 1)); echo "not ok $n - $2" ;;
	esac
}

for f in "$root"/out/*.ktap; do
	[ -e "$f" ] || continue
	while IFS= read -r line; do
		case $line in
		"ok "*)		result ok "${line#ok }" ;;
		"skip "*)	result skip "${line#skip }" ;;
		"not ok "*)	result fail "${line#not ok }" ;;
		"bad "*)	result fail "${line#bad }" ;;
		*)		echo "$line" ;;
		esac
	done < <(awk -f "$HERE/results.awk" "$f")
done
suites=$(find "$root/out" -name '*.ktap' | wc -l)
[ "$n" -gt 0 ] || result fail "at least one test ran"

if [ -e "$root/out/end" ]; then
	result ok "the kernel ran to its end"
else
	result fail "the kernel ran to its end (exit $rc, $([ "$rc" = 124 ] && echo "hung for $LIMIT s" || echo crashed))"
	tail -n 40 "$console" | sed 's/^/# console: /'
fi
for what in not-loaded not-unloaded; do
	[ -e "$root/out/$what" ] || continue
	result fail "$what: $(tr '\n' ' ' <"$root/out/$what")"
done
if [ -e "$root/out/dmesg" ]; then
	splat='BUG:|WARNING:|Call Trace|Oops|list_(add|del) corruption'
	if grep -qE "$splat" "$root/out/dmesg"; then
		result fail "no splat in the kernel log"
		grep -nE -A 12 "$splat" "$root/out/dmesg" | head -n 40 | sed 's/^/# /'
	else
		result ok "no splat in the kernel log"
	fi
fi

# A run that cannot fail proves nothing.
if [ -z "${KUNIT_TOP:-}" ]; then
	if "$HERE/selftest.sh" >"$out/selftest.log" 2>&1; then
		result ok "broken suites make a run fail"
	else
		result fail "broken suites make a run fail"
		sed 's/^/# /' "$out/selftest.log"
	fi
fi

echo "1..$n"
echo "# $modules modules, $suites suites"
echo "# kunit: $passed passed, $failed failed"
[ "$failed" = 0 ]
