#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove that tools/check.sh adds up what its tiers say and takes no silence, crash or
# hang for success: made-up tiers take the place of the real ones.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(dirname "$(dirname "$HERE")")

case "${1:-}" in
-h|--help)
	echo "usage: tools/style/checktest.sh: runs tools/check.sh on made-up tiers"
	exit 0 ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0

# tier NAME COMMAND...: a program that does as told.
tier() {
	local name=$1
	shift
	printf '#!/bin/bash\n%s\n' "$*" >"$tmp/$name"
	chmod +x "$tmp/$name"
}

# expect RC SUM TIER...: the last line and the exit status of a run.
expect() {
	local rc=0 want=$1 sum=$2 last tiers=() name
	shift 2
	for name; do
		tiers+=("$name|$tmp/$name")
	done
	CHECK_TIERS=$(printf '%s\n' "${tiers[@]}") CHECK_LOGS=$tmp/logs CHECK_LIMIT=3 VMACCEL_LONG=0 \
		"$TOP/tools/check.sh" >"$tmp/out" 2>&1 || rc=$?
	last=$(tail -n 1 "$tmp/out")
	[ "$rc" = "$want" ] && [ "$last" = "$sum" ] && return
	echo "$*: exit $rc and \"$last\", expected $want and \"$sum\""
	cat "$tmp/out"
	failures=$((failures + 1))
}

tier good 'echo "ok 1 - a"; echo "# good: 3 passed, 0 failed"'
tier more 'echo "# more: 4 passed, 0 failed"; echo "# more: anything"'
tier bad 'echo "not ok 1 - b"; echo "# bad: 2 passed, 1 failed"; exit 1'
tier silent 'exit 0'
tier crash 'echo "# crash: 5 passed, 0 failed"; kill -SEGV $$'
tier none 'echo "# none: 0 passed, 0 failed"'
tier hang 'echo "ok 1 - c"; sleep 60; echo "# hang: 1 passed, 0 failed"'

expect 0 "7 passed, 0 failed" good more
expect 1 "9 passed, 1 failed" good bad more
expect 1 "3 passed, 1 failed" good silent
expect 1 "8 passed, 1 failed" good crash
expect 1 "3 passed, 1 failed" good none
expect 1 "4 passed, 1 failed" hang more

[ "$failures" = 0 ]
