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

Stores and loads of memcompress are measured at native speed, in user-mode Linux; with --insn in the VM. Its
capacity is that for real guests' pages: GUEST_RAM names a directory of files with pages of 4 KiB, or a tar
archive of one, or is "live": a guest that is booted for it. See the same document for how to make one.

  --kver SERIES   kernel series or release, repeatable (default: 6.1 and 6.12)
  --insn          count instructions instead of time: one CPU, the same figure every time (also INSN=1)
  --no-build      measure what is in build/ now
  --apart         put the generator and the worker on different CPUs (default with ACCEL=kvm; with an emulated
                  machine only where nothing else runs)
  --pairs N       turns of both devices (default 7, with --insn 3)
  --ms N          length of a turn in milliseconds (default 400)
  --append ARGS   further arguments of the kernel that is measured, as init_on_alloc=0
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
	sed -n 's/.*\.id = "\([^"]*\)".*/\1/p' "$TOP/tools/testing/selftests/vhost-accel/bench_work.c" \
		"$TOP/tools/testing/selftests/memcompress/bench_mcz.c" | uniq
	sed -n 's/^IDS=(\(.*\))$/\1/p' "$TOP/tools/testing/selftests/balloon/bench_balloon.sh" | tr ' ' '\n'
	printf '%s\n' mc.isolation cgio.disk.overhead.linear cgio.disk.overhead.bfq cgio.disk.share \
		cgio.disk.share.iocost cgio.disk.light.bfq cgio.disk.light.iocost cgio.disk.light.iomax \
		cgio.disk.reserve cgio.disk.converge idle.vmio
}

# Where an id is measured: a program of the VM, or "uml".
place()
{
	case $1 in
	mc.store.thp|mc.capacity.*|idle.memcompress)
		echo memcompress/bench_mcz.sh ;;
	mc.isolation)
		echo memcompress/isolation_test.sh ;;
	balloon.*|idle.balloon)
		echo balloon/bench_balloon.sh ;;
	cgio.*|idle.vmio)
		echo cgroup-io/bench_vmio.sh ;;
	mc.store*|mc.load*)
		[ "$insn" = 1 ] && echo memcompress/bench_mcz.sh || echo uml ;;
	*)	echo vhost-accel/bench_vhost ;;
	esac
}

# The ids that the globs match, those of place $1.
chosen()
{
	local id glob

	while read -r id; do
		for glob in "${globs[@]}"; do
			# shellcheck disable=SC2254 # a pattern it shall be
			case $id in
			$glob)	[ "$(place "$id")" != "$1" ] || echo "$id"
				break ;;
			esac
		done
	done < <(list)
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

kernels=()
globs=()
insn=${INSN:-0}
apart=0
[ "${ACCEL:-tcg}" = tcg ] || apart=1
build=
pairs=
ms=
append=
out=$TOP/build/bench

while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kernels+=("${2:?--kver needs a series}"); shift ;;
	--insn)		insn=1 ;;
	--apart)	apart=1 ;;
	--no-build)	build=--no-build ;;
	--pairs)	pairs=${2:?--pairs needs a number}; shift ;;
	--ms)		ms=${2:?--ms needs a number}; shift ;;
	--append)	append=${2:?--append needs arguments}; shift ;;
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

arguments=(--env "BENCH_PAIRS=$pairs" --env "BENCH_MS=$ms" --env "BENCH_APART=$apart")
vm_arguments=()
if [ "$insn" = 1 ]; then
	vm_arguments+=(--icount --env BENCH_INSN=1)
	# Limits within the VM are in its own time, which leaps ahead while it waits for a file.
	export VM_SLOW=${VM_SLOW:-100}
else
	# All ids are one program there.
	export VM_SLOW=${VM_SLOW:-10}
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ "${GUEST_RAM:-}" = live ]; then
	# Guests are in the VM only.
	vm_arguments+=(--env BENCH_PAGES=live)
elif [ -d "${GUEST_RAM:-}" ]; then
	arguments+=(--env "BENCH_PAGES=$(cd "$GUEST_RAM" && pwd)")
elif [ -n "${GUEST_RAM:-}" ]; then
	# In the tree, which the VM sees; it has a /tmp of its own.
	pages=$TOP/build/pages
	rm -rf "$pages"
	mkdir "$pages"
	tar -C "$pages" --strip-components=1 -xf "$GUEST_RAM" || die "cannot unpack GUEST_RAM=$GUEST_RAM"
	arguments+=(--env "BENCH_PAGES=$pages")
fi

# measure WHERE COMMAND...: the ids that are measured there, if any.
measure()
{
	local found

	found=$(chosen "$1" | tr '\n' ' ')
	shift
	[ -n "$found" ] || return 0
	"$@" ${build:+"$build"} --timeout 900 --env "BENCH_IDS=$found" "${arguments[@]}" "${last[@]}" 2>&1 ||
		echo "# bench: ${last[*]} failed"
}

[ -z "$append" ] || vm_arguments+=(--append "$append")

# Something for the page cache of the VM.
truncate -s 4G "$TOP/build/bench-cache"

set -o pipefail
{
	last=(memcompress/bench_mcz)
	measure uml "$TOP/tools/bench/uml.sh"
	for kernel in "${kernels[@]}"; do
		for program in vhost-accel/bench_vhost memcompress/bench_mcz.sh memcompress/isolation_test.sh \
			balloon/bench_balloon.sh cgroup-io/bench_vmio.sh; do
			last=("${vm_arguments[@]}" "$program")
			measure "$program" "$TOP/tools/testing/vm/run.sh" --kver "$kernel"
		done
	done
} | "$TOP/tools/bench/report.py" --env "${ACCEL:-tcg}" --log "$out/log" "$out"
