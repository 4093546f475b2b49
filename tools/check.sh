#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run every test tier, one after the other, and add up their results.
#
# A tier is a program that prints TAP and ends with "# NAME: N passed, N failed".
# One that exits non-zero without a failed test, or says nothing, counts as one
# failure: silence is not success. The last line is "N passed, N failed".
set -u

TOP=$(cd "$(dirname "$0")/.." && pwd)
LOGS=${CHECK_LOGS:-$TOP/build/logs}
BUDGET=$TOP/tools/testing/budget
# Tenths. A tier may take longer on a busy machine, and where nobody waits for it.
SCALE=$([ "${VMACCEL_LONG:-0}" = 1 ] && echo 100 || echo 14)
PROGRESS=30

usage() {
	cat <<-USAGE
	usage: tools/check.sh [--help] [--list] [TIER...]

	Runs the tiers (default: all) and prints a line for each, the end of the log of
	those that failed, and the sum of all results. Full logs: build/logs/TIER.log.
	  --list   print the tiers and their commands
	Environment: VMACCEL_LONG=1 long loops and ten times the time limits.
	USAGE
}

TIERS=(
	"style|tools/style.sh"
	"unit|tools/testing/unit/run.sh"
	"kunit|tools/testing/kunit/run.sh"
	"testbed|tools/testing/vm/selftest.sh"
	"vmtest-6.1|tools/testing/vm/run.sh --kver 6.1"
	"vmtest-6.12|tools/testing/vm/run.sh --kver 6.12"
)

# What gates a release, not every change.
[ "${VMACCEL_LONG:-0}" != 1 ] || TIERS+=("debug|tools/testing/debug/run.sh --long")

# tools/style/checktest.sh puts its own in their place.
[ -z "${CHECK_TIERS:-}" ] || mapfile -t TIERS <<<"$CHECK_TIERS"

limit() {
	local s
	s=$(awk -v t="$1" '$1 == t { print $2 }' "$BUDGET")
	echo $((${s:-${CHECK_LIMIT:-600}} * SCALE / 10))
}

wanted=()
for arg; do
	case $arg in
	-h|--help)	usage; exit 0 ;;
	--list)		printf '%s\n' "${TIERS[@]}" | tr '|' '\t'; exit 0 ;;
	-*)		usage >&2; exit 2 ;;
	*)		wanted+=("$arg") ;;
	esac
done

selected=()
for entry in "${TIERS[@]}"; do
	if [ ${#wanted[@]} = 0 ] || [[ " ${wanted[*]} " == *" ${entry%%|*} "* ]]; then
		selected+=("$entry")
	fi
done
if [ ${#wanted[@]} -gt 0 ] && [ ${#selected[@]} != ${#wanted[@]} ]; then
	echo "check.sh: no such tier among: ${wanted[*]}; see --list" >&2
	exit 2
fi

cd "$TOP" || exit 1
mkdir -p "$LOGS"
total_passed=0
total_failed=0
child=
trap '[ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null; exit 130' INT TERM

# run_tier NUMBER NAME COMMAND
run_tier() {
	local name=$2 command=$3 log=$LOGS/$2.log seconds start next rc=0 sums passed failed note=
	seconds=$(limit "$name")
	start=$SECONDS
	next=$((start + PROGRESS))
	echo "[$1/${#selected[@]}] $name ..."
	: >"$log"

	# A session of its own, so that its end ends all of its processes.
	read -ra argv <<<"$command"
	setsid timeout -k 20 "$seconds" "${argv[@]}" </dev/null >"$log" 2>&1 &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		sleep 0.2
		if [ "$SECONDS" -ge "$next" ]; then
			next=$((SECONDS + PROGRESS))
			echo "      $((SECONDS - start)) s: $(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)"
		fi
	done
	wait "$child" || rc=$?
	child=

	sums=$(sed -n 's/^# [^:]*: \([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*/\1 \2/p' "$log" |
		tail -n 1)
	passed=${sums% *}
	failed=${sums#* }
	if [ -z "$sums" ]; then
		passed=0
		failed=1
		note=" (no result, exit $rc)"
	elif [ "$rc" != 0 ] && [ "$failed" = 0 ]; then
		failed=1
		note=" (exit $rc without a failed test)"
	elif [ "$((passed + failed))" = 0 ]; then
		failed=1
		note=" (ran no test)"
	fi
	[ "$rc" != 124 ] || note=" (ended after $seconds s)"
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))

	if [ "$failed" = 0 ]; then
		echo "[$1/${#selected[@]}] $name ... $((SECONDS - start)) s ok ($passed passed)"
		return
	fi
	echo "[$1/${#selected[@]}] $name ... $((SECONDS - start)) s FAILED ($passed passed, $failed failed)$note"
	grep -E '^not ok|^Bail out' "$log" | head -n 20 | sed 's/^/      /'
	echo "      --- build/logs/$name.log, from the first that failed"
	failure_of "$log" | sed 's/^/      /'
}

# failure_of LOG: what led to the first failure, and the end.
failure_of() {
	awk '
		/not ok |^Bail out|^# FAILED/ && !hit { hit = NR }
		{ line[NR] = $0 }
		END {
			first = NR - 29
			for (i = hit - 50; hit && i <= hit && i < first; i++)
				if (i > 0)
					print line[i]
			for (i = first; i <= NR; i++)
				if (i > 0)
					print line[i]
		}' "$1"
}

i=0
for entry in "${selected[@]}"; do
	i=$((i + 1))
	run_tier "$i" "${entry%%|*}" "${entry#*|}"
done

echo "$total_passed passed, $total_failed failed" | tee "$LOGS/summary"
[ "$total_failed" = 0 ]
