#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# LTP's zram tests, unmodified, on memcompress. VMACCEL_LTP is where LTP is installed; see "make peers". The
# functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

LTP=${VMACCEL_LTP:-/opt/ltp}
BIN=$LTP/testcases/bin
CONFIG=/run/modprobe.d/vmaccel-ltp.conf

# The tests load and unload zram: give them memcompress. modprobe is told so as users tell it; rmmod has no
# configuration.
stand_in()
{
	local ko

	ko=$(kst_ko memcompress) || return 1
	mkdir -p /run/modprobe.d "$TMP/bin"
	echo "install zram modprobe -a zsmalloc lz4_compress zstd_compress && insmod $ko zram_compat=1 \$CMDLINE_OPTS" >"$CONFIG"
	kst_undo rm -f "$CONFIG"
	# shellcheck disable=SC2016 # the script's own arguments
	printf '#!/bin/sh\n[ "$1" != zram ] || set -- memcompress\nexec %s "$@"\n' "$(command -v rmmod)" >"$TMP/bin/rmmod"
	chmod +x "$TMP/bin/rmmod"
}

# ltp NAME: 0 when it passed something, failed nothing, and ran on memcompress
ltp()
{
	(cd "$TMP" && PATH=$TMP/bin:$BIN:$PATH LTPROOT=$LTP TMPDIR=$TMP LTP_TIMEOUT_MUL=10 "$1") >"$TMP/$1.log" 2>&1
	local r=$?

	sed 's/^/# /' "$TMP/$1.log"
	rmmod memcompress 2>/dev/null
	[ "$r" = 0 ] && grep -q TPASS "$TMP/$1.log" && ! grep -qE 'TFAIL|TBROK' "$TMP/$1.log" && [ ! -e /sys/module/zram ]
}

ksft_print_header
kst_need bc mkfs.ext4 mkswap
[ -x "$BIN/zram01.sh" ] || ksft_exit_skip "no LTP in $LTP: make peers LTP=DIR"
ksft_set_plan 4
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
ksft_test "memcompress stands in for zram" stand_in
for name in zram01.sh zram02.sh zram03; do
	ksft_test "$name" ltp "$name"
done
ksft_finished
