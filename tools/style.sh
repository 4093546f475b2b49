#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every style check of the tree, one TAP line each, with the full output of those
# that fail. A check is a function check_NAME in tools/style/*.sh; it prints what
# it objects to and returns non-zero. tools/style/selftest.sh breaks a small tree
# in every way that a check is there for, and demands that the check notices.
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=${STYLE_TOP:-$(dirname "$HERE")}

usage() {
	cat <<-USAGE
	usage: tools/style.sh [--help] [--list] [CHECK...]

	Runs the style checks (default: all, and their self-test).
	  --list   print the names of the checks
	Environment: STYLE_TOP=DIR checks another tree, STYLE_KERNELS="6.1 6.12" names the
	kernels that the modules are built for.
	USAGE
}

STYLE_KERNELS=${STYLE_KERNELS:-6.1 6.12}
CHECKS=(spdx whitespace longfiles modes todo paths compat nobug checkpatch kerneldoc
	shellcheck python spelling links budget)
for kernel in $STYLE_KERNELS; do
	CHECKS+=("warnings:$kernel" "sparse:$kernel")
done
CHECKS+=(selftest sums)

# shellcheck source=tools/style/lib.sh
. "$HERE/style/lib.sh"
# shellcheck source=tools/style/text.sh
. "$HERE/style/text.sh"
# shellcheck source=tools/style/code.sh
. "$HERE/style/code.sh"

wanted=()
for arg; do
	case $arg in
	-h|--help)	usage; exit 0 ;;
	--list)		printf '%s\n' "${CHECKS[@]}"; exit 0 ;;
	-*)		usage >&2; exit 2 ;;
	*)		wanted+=("$arg") ;;
	esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${CHECKS[@]}")

cd "$TOP" || exit 1
STYLE_TMP=$(mktemp -d)
trap 'rm -rf "$STYLE_TMP"' EXIT

passed=0
failed=0
n=0
echo "TAP version 13"
echo "1..${#wanted[@]}"
for check in "${wanted[@]}"; do
	n=$((n + 1))
	name=${check%%:*}
	argument=
	[ "$name" = "$check" ] || argument=${check#*:}
	if ! declare -F "check_$name" >/dev/null; then
		echo "not ok $n - $check: no such check, see --list"
		failed=$((failed + 1))
		continue
	fi
	start=$SECONDS
	if "check_$name" ${argument:+"$argument"} >"$STYLE_TMP/out" 2>&1; then
		echo "ok $n - $check # $((SECONDS - start)) s"
		passed=$((passed + 1))
	else
		echo "not ok $n - $check"
		sed 's/^/# /' "$STYLE_TMP/out"
		failed=$((failed + 1))
	fi
done

echo "# style: $passed passed, $failed failed"
[ "$failed" = 0 ]
