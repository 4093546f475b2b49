#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench_mcz with both modules loaded. BENCH_PAGES=live takes the memory of a guest that is booted for it.

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh >/dev/null

# live_pages DIR: all memory of a QEMU/KVM guest that has just booted
live_pages()
{
	local mib=128

	# shellcheck source=tools/testing/vm/guest.sh
	. "$VMACCEL_TOP/tools/testing/vm/guest.sh"
	mkdir -p "$1"
	GUEST_MEM=$mib guest_start g && kst_undo guest_kill g && guest_wait g &&
		guest_do g '{"execute":"stop"}' &&
		guest_do g '{"execute":"pmemsave","arguments":{"val":0,"size":'$((mib << 20))',"filename":"'"$1/g"'"}}' &&
		guest_kill g
}

if [ "${BENCH_PAGES:-}" = live ]; then
	export BENCH_PAGES=/run/pages
	live_pages $BENCH_PAGES || ksft_exit_fail_msg "no guest to take pages from"
fi
kst_load_stock zram
kst_undo rmmod zram
kst_load memcompress
[ -e /sys/kernel/tracing/trace ] || mount -t tracefs none /sys/kernel/tracing
"${VMACCEL_TOP:-../../../..}/build/selftests/memcompress/bench_mcz"
