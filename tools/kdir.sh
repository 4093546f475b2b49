#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Name the kernel build directory that a series, a release or a path stands for.
set -eu

usage() {
	cat <<-USAGE
	usage: tools/kdir.sh [--release] [SERIES|RELEASE|KDIR]

	Prints the kernel build directory to compile against:
	  SERIES   6.1 or 6.12: Debian's newest installed amd64 headers of it
	  RELEASE  such as 6.12.117+deb12-amd64 (default: the running kernel)
	  KDIR     a directory, printed as it is
	  --release  print the release of that directory instead
	USAGE
}

release_only=0
case ${1:-} in
-h | --help) usage; exit 0 ;;
--release) release_only=1; shift ;;
esac

want=${1:-$(uname -r)}
if [ -d "$want" ]; then
	kdir=$(cd "$want" && pwd)
elif [ -d "/lib/modules/$want/build" ]; then
	kdir=/lib/modules/$want/build
else
	# 6.1 names its packages 6.1.0-56, 6.12 names them 6.12.117+deb12.
	kdir=$(find /usr/src -maxdepth 1 -type d -name "linux-headers-$want.*-amd64" \
		! -name '*-rt-amd64' ! -name '*-cloud-amd64' | sort -V | tail -n 1)
fi
if [ -z "$kdir" ] || [ ! -e "$kdir/Makefile" ]; then
	echo "kdir.sh: no kernel headers for '$want'; run tools/setup.sh or install linux-headers" >&2
	exit 1
fi

if [ "$release_only" = 1 ]; then
	# Not "make kernelrelease": Debian's 6.1 answers without its ABI suffix.
	sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$kdir/include/generated/utsrelease.h"
else
	echo "$kdir"
fi
