#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Shows the main job: a stock KVM host, our module in it, an unmodified guest whose traffic passes through stock
# vhost-net and through vhost-accel in turn.

set -u

usage()
{
	cat <<END
Usage: demo.sh [--kver SERIES] [--pairs N] [--no-build]

Builds the module, boots a stock Debian kernel as a KVM host under QEMU (emulated, no KVM needed), inserts the
module, starts an unmodified QEMU/KVM guest in that host with a NIC on /dev/vhost-net and one on
/dev/vhost-accel, proves that the traffic goes through the devices, measures it on both in turn, then the
devices alone, and prints a table. Takes a few minutes; needs what tools/setup.sh installs, and no root. Keeps
all output in build/demo/log.

  --kver SERIES   kernel of host and guest (6.12)
  --pairs N       turns of both devices (5)
  --no-build      take the module as it is in build/
END
}

TOP=$(cd "$(dirname "$0")/.." && pwd)
kver=${KVER:-6.12}
pairs=5
build=

# fail REASON REMEDY
fail()
{
	echo "demo failed: $1. $2" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kver=${2:?--kver needs a series}; shift ;;
	--pairs)	pairs=${2:?--pairs needs a number}; shift ;;
	--no-build)	build=--no-build ;;
	-h|--help)	usage; exit 0 ;;
	*)		fail "unknown option $1" "See tools/demo.sh --help" ;;
	esac
	shift
done

for tool in qemu-system-x86_64 python3 busybox make; do
	command -v $tool >/dev/null || fail "no $tool" "Run tools/setup.sh"
done
free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
[ "$free" -ge 2048 ] || fail "$free MB of memory are free, the host VM needs 2048" "End other programs"

out=$TOP/build/demo
log=$out/log
mkdir -p "$out" || fail "no place for results" "Make $TOP writable"
echo "demo: from nothing to a guest's traffic through /dev/vhost-accel; a few minutes (log: build/demo/log)"
set -o pipefail
if VM_SLOW=${VM_SLOW:-6} "$TOP/tools/testing/vm/run.sh" --kver "$kver" ${build:+"$build"} --timeout 1200 \
	--env "BENCH_PAIRS=$pairs" --env BENCH_MS=200 --env 'BENCH_IDS=vhost.tx.64.* vhost.rx.64.*' \
	vhost-accel/bench_guest.sh vhost-accel/bench_vhost 2>&1 |
	"$TOP/tools/bench/report.py" --env "${ACCEL:-tcg}" --log "$log" --names vhost-accel vhost-net --no-page "$out"
then
	cat <<END

demo.*: an unmodified QEMU/KVM guest with a NIC on each device. QEMU did not fall back to userspace virtio, and
each device's worker and counters moved with its own traffic. These figures measure the guest more than the
devices, since it is emulated twice, and show whatever else this machine does.
vhost.*: a process plays the guest, so that only the device is measured. "make bench" does this at length.
END
	exit 0
fi

reason=$(grep -aE 'Bail out! |FAILED: |^run\.sh: |\*\*\* |[Ee]rror: ' "$log" | head -n 1 |
	sed 's/^[# ]*//; s/^Bail out! /in the host VM: /; s/^FAILED: //')
case $reason in
run.sh:*)
	fail "$reason" "Run tools/setup.sh" ;;
*'rror: '*|*'*** '*)
	fail "the module does not build: $reason" "See the compiler's messages: make KVER=$kver" ;;
*'no end within'*|*timeout*)
	fail "$reason" "The machine is slow or busy: VM_SLOW=30 make demo" ;;
*)	fail "${reason:-no result}" "See build/demo/log, or look around in such a host: make vm KVER=$kver" ;;
esac
