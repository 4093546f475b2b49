#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots the host VM many times in a row on a busy machine: shows that the test bed itself does not flicker.

set -u

usage()
{
	cat <<END
Usage: boots.sh [--kver SERIES] [--hogs N] [BOOTS] [TEST...]

Boots BOOTS times (20) beside N busy loops (1) and runs the tests in each boot (default: testbed/host_test.sh).
Every boot must pass; boots that the emulator's int3 artefact made necessary are counted.
END
}

# shellcheck source=tools/testing/vm/lib.sh
. "$(dirname "$0")/lib.sh"

kver=${KVER:-6.12}
hogs=1
while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kver=$2; shift ;;
	--hogs)		hogs=$2; shift ;;
	-h|--help)	usage; exit 0 ;;
	-*)		die "unknown option $1, see --help" ;;
	*)		break ;;
	esac
	shift
done
boots=${1:-20}
[ $# = 0 ] || shift
[ $# != 0 ] || set -- testbed/host_test.sh

log=$(mktemp)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -f "$log"' EXIT
for ((i = 0; i < hogs; i++)); do
	while :; do :; done &
	pids+=($!)
done

passed=0
again=0
echo "TAP version 13"
echo "1..$boots"
for ((i = 1; i <= boots; i++)); do
	if "$VM_DIR/run.sh" --no-build --kver "$kver" "$@" >"$log" 2>&1; then
		passed=$((passed + 1))
		echo "ok $i boot ($(grep -o 'seconds=[0-9]*' "$log"))"
	else
		sed 's/^/# /' "$log"
		echo "not ok $i boot"
	fi
	! grep -q '^# kernel=.* boots=2 ' "$log" || again=$((again + 1))
done
echo "# boots: $passed passed, $((boots - passed)) failed"
echo "# int3 artefacts: $again"
[ "$passed" = "$boots" ]
