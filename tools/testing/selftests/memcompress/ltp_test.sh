#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# LTP's zram tests, unmodified, on memcompress. VMACCEL_LTP is where LTP is installed; see "make peers". With
# VMACCEL_LTP_ON=zram they run on the kernel's zram, to compare. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh
# shellcheck source=tools/testing/selftests/memcompress/zram_dd.sh
. ./zram_dd.sh

LTP=${VMACCEL_LTP:-/opt/ltp}
BIN=$LTP/testcases/bin
CONFIG=/run/modprobe.d/vmaccel-ltp.conf
ON=${VMACCEL_LTP_ON:-memcompress}

# The tests load and unload zram: give them memcompress. modprobe is told so as users tell it, and notes that it did;
# rmmod has no configuration.
stand_in()
{
	local ko load="modprobe --ignore-install zram"

	mkdir -p /run/modprobe.d "$TMP/bin"
	if [ "$ON" = memcompress ]; then
		ko=$(kst_ko memcompress) || return 1
		load="modprobe -a zsmalloc lz4_compress zstd_compress && insmod $ko zram_compat=1"
		# shellcheck disable=SC2016 # the script's own arguments
		printf '#!/bin/sh\n[ "$1" != zram ] || set -- memcompress\nexec %s "$@"\n' "$(command -v rmmod)" >"$TMP/bin/rmmod"
		chmod +x "$TMP/bin/rmmod"
	fi
	echo "install zram $load \$CMDLINE_OPTS && echo $ON >$TMP/loaded" >"$CONFIG"
	kst_undo rm -f "$CONFIG"
}

# ltp NAME: 0 when it passed something, failed nothing, and loaded what it should
ltp()
{
	local run=("$1") r

	# A shell that takes our dd.
	[ "${1%.sh}" = "$1" ] || run=(bash "$BIN/$1")
	rm -f "$TMP/loaded"
	(export KIB && export -f dd && cd "$TMP" &&
		PATH=$TMP/bin:$BIN:$PATH LTPROOT=$LTP TMPDIR=$TMP LTP_TIMEOUT_MUL=10 "${run[@]}") 2>&1 |
		tee "$TMP/$1.log" | sed -u 's/^/# /'
	r=${PIPESTATUS[0]}
	rmmod "$ON" 2>/dev/null
	[ "$r" = 0 ] && grep -q TPASS "$TMP/$1.log" && ! grep -qE 'TFAIL|TBROK|TWARN' "$TMP/$1.log" && [ -e "$TMP/loaded" ]
}

ksft_print_header
kst_need bc mkfs.ext4 mkswap
[ -x "$BIN/zram01.sh" ] || ksft_exit_skip "no LTP in $LTP: make peers LTP=DIR"
ksft_set_plan 4
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
ksft_test "$ON serves zram's name" stand_in
for name in zram01.sh zram02.sh zram03; do
	ksft_test "$name" ltp "$name"
done
ksft_finished
