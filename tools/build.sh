#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Build the modules for one kernel, outside the source directories.
#
# Kernels before 6.13 put the objects of an external module beside its sources.
# Mirroring the sources to build/<release>/ keeps the builds for several
# kernels apart, so that they can run side by side and stay incremental.
set -eu

usage() {
	cat <<-USAGE
	usage: tools/build.sh [SERIES|RELEASE|KDIR] [make arguments...]

	Mirrors the module sources to build/<release>/, builds them there and
	prints that directory as the last line. O=DIR in the environment names
	another parent than build/. Make arguments (W=1, C=2, V=1, ...) are passed on.
	USAGE
}

case ${1:-} in
-h | --help) usage; exit 0 ;;
esac

top=$(cd "$(dirname "$0")/.." && pwd)
want=${1:-}
[ $# -eq 0 ] || shift
kdir=$("$top/tools/kdir.sh" ${want:+"$want"})
release=$("$top/tools/kdir.sh" --release "$kdir")
out=${O:-$top/build}/$release
mkdir -p "$out"

cd "$top"
dirs=(compat)
for d in include vhost-accel memcompress balloon cgroup-io; do
	[ -d "$d" ] && dirs+=("$d")
done
# cp -u keeps the time stamps of what has not changed: rebuilds stay short.
{
	echo Kbuild
	find "${dirs[@]}" -type f \( -name '*.[ch]' -o -name 'Kbuild*' -o -name '*.inc' \)
} | xargs cp -up --parents -t "$out"

make -C "$kdir" M="$out" "$@" modules >&2
echo "$out"
