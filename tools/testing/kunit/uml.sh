#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a UML kernel, once, and print its build directory: the one that runs KUnit,
# or, with more configuration, another.
#
# The directory lies in the cache under a name made of the configuration, the
# source package's version and the compiler; it is built under another name and
# renamed when complete.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${VMACCEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmaccel}
FRAGMENTS=("$HERE/uml.config")

usage() {
	cat <<-USAGE
	usage: uml.sh [--help] [CONFIG...]

	Builds user-mode Linux 6.12 with tools/testing/kunit/uml.config and the files
	CONFIG in the cache (about 4 minutes, once; debug kernels about 15) and prints the
	build directory; DIR/source names the source tree.  Environment: VMACCEL_CACHE.
	USAGE
}

die() {
	echo "uml.sh: $*" >&2
	exit 1
}

case "${1:-}" in
-h|--help)	usage; exit 0 ;;
-*)		usage >&2; exit 2 ;;
*)		FRAGMENTS+=("$@") ;;
esac
for f in "${FRAGMENTS[@]}"; do
	[ -r "$f" ] || die "$f: no such configuration"
done

for tool in gcc make flex bison bc; do
	command -v "$tool" >/dev/null || die "$tool is missing; run tools/setup.sh"
done

src=$("$HERE/source.sh")
key=$({ cat "${FRAGMENTS[@]}"; echo "$src"; gcc -dumpfullversion; } | sha256sum | cut -c1-12)
dir=$CACHE/uml-$key

exec 9>"$dir.lock"
flock 9

if [ ! -d "$dir" ]; then
	rm -rf "$dir".tmp.*
	tmp=$(mktemp -d "$dir.tmp.XXXXXX")
	pid=
	trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT
	log=$CACHE/uml-$key.log
	echo "uml.sh: building user-mode Linux (minutes, once); log: $log" >&2

	cat "${FRAGMENTS[@]}" >"$tmp/wanted.config"
	make -C "$src" O="$tmp" ARCH=um KCONFIG_ALLCONFIG="$tmp/wanted.config" \
		allnoconfig >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "allnoconfig failed"; }
	missing=$(grep '^CONFIG_' "$tmp/wanted.config" | grep -vxFf "$tmp/.config" || true)
	[ -z "$missing" ] ||
		die "the kernel did not take these lines: ${missing//$'\n'/ }"

	nice -n 5 make -C "$src" O="$tmp" ARCH=um -j"$(nproc)" linux modules >>"$log" 2>&1 &
	pid=$!
	start=$SECONDS
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		if [ $(((SECONDS - start) % 20)) = 0 ]; then
			echo "uml.sh: $((SECONDS - start)) s, $(grep -c '^  CC' "$log") files compiled" >&2
		fi
	done
	rc=0
	wait "$pid" || rc=$?
	pid=
	[ "$rc" = 0 ] || { tail -n 30 "$log" >&2; die "the build failed; log: $log"; }
	ln -sfn "$src" "$tmp/source"
	chmod 755 "$tmp"
	mv "$tmp" "$dir"
	trap - EXIT
	echo "uml.sh: built in $((SECONDS - start)) s" >&2
fi

echo "$dir"
