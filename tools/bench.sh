#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measures the modules against their stock peers in host VMs and writes down the figures.

set -u

usage()
{
	cat <<END
Usage: bench.sh [option...] [ID-GLOB...]

Boots a stock kernel, lets our device and its stock peer take turns at the same work, prints a "bench:" line for
each figure and a table, and writes build/bench/results.json and build/bench/index.html. Ids and the meaning of
the lines: Documentation/dev/benchmarks.rst.

  --kver SERIES   kernel series or release, repeatable (default: 6.1 and 6.12)
  --insn          count instructions instead of time: one CPU, the same figure every time (also INSN=1)
  --no-build      measure what is in build/ now
  --apart         put the generator and the worker on different CPUs (default with ACCEL=kvm; with an emulated
                  machine only where nothing else runs)
  --pairs N       turns of both devices (default 7, with --insn 3)
  --ms N          length of a turn in milliseconds (default 400)
  --out DIR       where the results go (default: build/bench)
  --list          print the ids

In a hurry, for one figure of one kernel: bench.sh --insn --kver 6.12 vhost.tx.64.xdpdrop.split
END
}

die()
{
	echo "bench.sh: $*" >&2
	exit 1
}

TOP=$(cd "$(dirname "$0")/.." && pwd)

list()
{
	sed -n 's/.*\.id = "\([^"]*\)".*/\1/p' "$TOP/tools/testing/selftests/vhost-accel/bench_work.c" | uniq
}

# Is there an id that glob $1 matches?
known()
{
	local id

	while read -r id; do
		# shellcheck disable=SC2254 # a pattern it shall be
		case $id in
		$1)	return 0 ;;
		esac
	done < <(list)
	return 1
}

PROGRAM=vhost-accel/bench_vhost
kernels=()
globs=()
insn=${INSN:-0}
apart=0
[ "${ACCEL:-tcg}" = tcg ] || apart=1
build=
pairs=
ms=
out=$TOP/build/bench

while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kernels+=("${2:?--kver needs a series}"); shift ;;
	--insn)		insn=1 ;;
	--apart)	apart=1 ;;
	--no-build)	build=--no-build ;;
	--pairs)	pairs=${2:?--pairs needs a number}; shift ;;
	--ms)		ms=${2:?--ms needs a number}; shift ;;
	--out)		out=${2:?--out needs a directory}; shift ;;
	--list)		list; exit ;;
	-h|--help)	usage; exit 0 ;;
	-*)		die "unknown option $1, see --help" ;;
	*)		globs+=("$1") ;;
	esac
	shift
done
[ ${#kernels[@]} != 0 ] || kernels=(6.1 6.12)
[ ${#globs[@]} != 0 ] || globs=('*')
for glob in "${globs[@]}"; do
	known "$glob" || die "no id matches '$glob'; see --list"
done
command -v python3 >/dev/null || die "no python3: run tools/setup.sh"
command -v gnuplot >/dev/null || die "no gnuplot: run tools/setup.sh"

arguments=(--env "BENCH_IDS=${globs[*]}" --env "BENCH_PAIRS=$pairs" --env "BENCH_MS=$ms" \
	--env "BENCH_APART=$apart")
if [ "$insn" = 1 ]; then
	arguments+=(--icount --env BENCH_INSN=1)
	# Limits within the VM are in its own time, which leaps ahead while it waits for a file.
	export VM_SLOW=${VM_SLOW:-100}
else
	# All ids are one program there.
	export VM_SLOW=${VM_SLOW:-10}
fi

mkdir -p "$out"
set -o pipefail
for kernel in "${kernels[@]}"; do
	"$TOP/tools/testing/vm/run.sh" --kver "$kernel" ${build:+"$build"} --timeout 900 \
		"${arguments[@]}" "$PROGRAM" 2>&1 || echo "# bench: kernel $kernel failed"
done | "$TOP/tools/bench/report.py" --env "${ACCEL:-tcg}" --log "$out/log" "$out"
