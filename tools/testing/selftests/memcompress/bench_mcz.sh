#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench_mcz with both modules loaded.

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh >/dev/null

kst_load_stock zram
kst_undo rmmod zram
kst_load memcompress
[ -e /sys/kernel/tracing/trace ] || mount -t tracefs none /sys/kernel/tracing
"${VMACCEL_TOP:-../../../..}/build/selftests/memcompress/bench_mcz"
