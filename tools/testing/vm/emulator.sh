#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the QEMU that emulates the host VM, once, and prints its path.
#
# The emulator is a part of the test bed, not of what is tested: nested guests run Debian 12's own QEMU. QEMU as it comes
# changes hidden flags of the first processor from the others with no lock, so that entries and exits of nested guests
# go wrong; it loses or repeats an interrupt where KVM injects one; and it may run code that another processor has just
# replaced. A guest or its host dies of it in a tenth of the runs, or in half of them. patches/ mends that, each says
# what. The source and meson come from Debian 13, through the archive that this machine takes its packages from, with
# package lists of their own: nothing is installed.
#
# The result lies in the cache under a name made of the suite, the options and the patches; it is built under another
# name and renamed when complete.
set -u

HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${VMACCEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmaccel}
SUITE=trixie
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
OPTIONS=(--target-list=x86_64-softmmu --without-default-features --enable-system --enable-tcg --enable-virtfs
	--enable-attr --enable-cap-ng --disable-tools --disable-docs --disable-install-blobs --disable-debug-info
	--disable-werror)

usage()
{
	cat <<END
Usage: emulator.sh [--path | --help]

Builds the QEMU of the test bed in the cache (about 3 minutes, once) and prints its path.
  --path   build nothing; print the path of the one that is there, exit 1 if there is none

Environment: VMACCEL_CACHE.
END
}

die()
{
	echo "emulator.sh: $*" >&2
	exit 1
}

mode=build
case ${1:-} in
--path)		mode=path ;;
-h|--help)	usage; exit 0 ;;
"")		;;
*)		usage >&2; exit 2 ;;
esac

key=$({ echo "$SUITE ${OPTIONS[*]}"; cat "$HERE"/patches/*.patch; } | sha256sum | cut -c1-12)
dir=$CACHE/emulator-$key
if [ -x "$dir/qemu-system-x86_64" ]; then
	echo "$dir/qemu-system-x86_64"
	exit 0
fi
[ "$mode" = build ] || exit 1

mkdir -p "$CACHE"
exec 9>"$dir.lock"
flock 9
if [ -x "$dir/qemu-system-x86_64" ]; then
	echo "$dir/qemu-system-x86_64"
	exit 0
fi
tmp=
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT
rm -rf "$dir".tmp.*
tmp=$(mktemp -d "$dir.tmp.XXXXXX") || die "cannot write to $CACHE"
log=$CACHE/emulator-$key.log
: >"$log"
echo "emulator.sh: building QEMU (3 minutes, once); log: $log" >&2

# step WHAT COMMAND...: with its output in the log.
step()
{
	local what=$1
	shift

	"$@" >>"$log" 2>&1 || { tail -n 15 "$log" >&2; die "$what failed (log: $log)"; }
}

# Package lists of Debian 13, apart from the machine's own.
# shellcheck disable=SC2016 # apt's format
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null |
	head -n 1)
[ -n "$archive" ] || die "apt knows no archive of Debian"
mkdir -p "$tmp"/apt/{lists,archives}/partial "$tmp/meson" "$tmp/src" "$tmp/build"
printf '%s [signed-by=%s] %s %s main\n' deb "$KEYRING" "$archive" "$SUITE" deb-src "$KEYRING" "$archive" "$SUITE" \
	>"$tmp/apt/list"
lists()
{
	"$1" -q -o Dir::Etc::sourcelist="$tmp/apt/list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::Lists="$tmp/apt/lists" -o Dir::Cache="$tmp/apt" -o Dir::Cache::archives="$tmp/apt/archives" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none "${@:2}"
}
cd "$tmp/apt" || exit 1
step "reading the package lists of $SUITE" lists apt-get update
step "download of meson" lists apt-get download "meson/$SUITE"
step "download of QEMU's source" lists apt-get source --download-only --only-source -t "$SUITE" qemu
step "unpacking meson" dpkg-deb -x meson_*.deb "$tmp/meson"
step "unpacking QEMU's source" tar -xf qemu_*.orig.tar.xz -C "$tmp/src" --strip-components=1
for patch in "$HERE"/patches/*.patch; do
	step "${patch##*/}" patch -d "$tmp/src" -p1 -i "$patch"
done

cd "$tmp/build" || exit 1
export PYTHONPATH=$tmp/meson/usr/lib/python3/dist-packages
step "configuring QEMU" env PATH=/usr/local/bin:/usr/bin:/bin ../src/configure --python=/usr/bin/python3 "${OPTIONS[@]}"
ninja qemu-system-x86_64 >>"$log" 2>&1 &
pid=$!
start=$SECONDS
next=30
while kill -0 "$pid" 2>/dev/null; do
	sleep 1
	if [ $((SECONDS - start)) -ge $next ]; then
		next=$((SECONDS - start + 30))
		echo "emulator.sh: $((SECONDS - start)) s, $(tail -n 1 "$log" | grep -o '^\[[0-9/]*\]')" >&2
	fi
done
rc=0
wait "$pid" || rc=$?
pid=
[ "$rc" = 0 ] || { tail -n 15 "$log" >&2; die "the build of QEMU failed (log: $log)"; }
mkdir "$tmp/done"
mv qemu-system-x86_64 "$tmp/done/"
"$tmp/done/qemu-system-x86_64" --version >&2 || die "what was built does not run"
chmod 755 "$tmp/done"
mv "$tmp/done" "$dir"
echo "$dir/qemu-system-x86_64"
