#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unpack Debian's linux-source-6.12 once into the cache, apply patches/, print
# the directory.
#
# UML, checkpatch and the debug kernel come from this one tree.  It is unpacked
# beside its final name and renamed, so a directory with the final name is
# always complete.  The code of other architectures and the largest register
# headers are left out: nothing here compiles them (their Kconfig files stay,
# others include them).
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
SERIES=${LINUX_SOURCE_SERIES:-6.12}
TARBALL=/usr/src/linux-source-$SERIES.tar.xz
CACHE=${VMACCEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmaccel}

usage() {
	cat <<-USAGE
	usage: source.sh [--help]

	Unpacks $TARBALL into the cache (once) and prints the
	directory on stdout.  Environment: VMACCEL_CACHE.
	USAGE
}

die() {
	echo "source.sh: $*" >&2
	exit 1
}

case "${1:-}" in
-h|--help)	usage; exit 0 ;;
"")		;;
*)		usage >&2; exit 2 ;;
esac

[ -r "$TARBALL" ] ||
	die "$TARBALL is missing; run tools/setup.sh (package linux-source-$SERIES)"

version=$(dpkg-query -W -f '${Version}' "linux-source-$SERIES" 2>/dev/null) ||
	version=$(stat -c '%s-%Y' "$TARBALL")
patches=$(cat "$HERE"/patches/*.patch | sha256sum | cut -c1-8)
dir=$CACHE/linux-source-${version//[^A-Za-z0-9.+-]/_}-$patches

mkdir -p "$CACHE"
exec 9>"$dir.lock"
flock 9

if [ ! -d "$dir" ]; then
	echo "source.sh: unpacking $TARBALL (about 1 minute, once)" >&2
	rm -rf "$dir".tmp.*
	tmp=$(mktemp -d "$dir.tmp.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	archs=()
	for a in alpha arc arm arm64 csky hexagon loongarch m68k microblaze \
		 mips nios2 openrisc parisc powerpc riscv s390 sh sparc xtensa; do
		for ext in c h S dts dtsi; do
			archs+=("--exclude=*/arch/$a/*.$ext")
		done
	done
	nice -n 5 tar -xJf "$TARBALL" -C "$tmp" --strip-components=1 \
		"${archs[@]}" --exclude='*/drivers/gpu/drm/amd/include/*' \
		--exclude='*/Documentation/devicetree/*' \
		--checkpoint=20000 \
		--checkpoint-action=exec="echo \"source.sh: \$((TAR_CHECKPOINT / 100)) MB unpacked\" >&2"
	[ -x "$tmp/scripts/checkpatch.pl" ] ||
		die "$TARBALL has no scripts/checkpatch.pl; reinstall linux-source-$SERIES"
	for p in "$HERE"/patches/*.patch; do
		# Not as part of a repository that the cache may lie in.
		(cd "$tmp" && GIT_CEILING_DIRECTORIES=$CACHE git apply "$p") ||
			die "$p does not apply to $TARBALL"
	done
	chmod 755 "$tmp"
	mv "$tmp" "$dir"
	trap - EXIT
fi

echo "$dir"
