#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs a benchmark at native speed: our module in the cached user-mode Linux, the same that KUnit runs in.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)

usage()
{
	cat <<END
usage: uml.sh [--no-build] [--timeout S] [--env NAME=VALUE]... DIR/PROGRAM

Builds the modules and selftests of DIR, boots user-mode Linux 6.12 (built once, about 4 minutes) with this
machine's root, read-only, and runs there build/selftests/DIR/PROGRAM with DIR's stock peer and module loaded.
END
}

die()
{
	echo "uml.sh: $*" >&2
	exit 1
}

build=1
limit=900
env=()
program=
while [ $# -gt 0 ]; do
	case $1 in
	--no-build)	build=0 ;;
	--timeout)	limit=$2; shift ;;
	--env)		env+=("$2"); shift ;;
	-h|--help)	usage; exit 0 ;;
	-*)		usage >&2; exit 2 ;;
	*)		program=$1 ;;
	esac
	shift
done
[ -n "$program" ] || { usage >&2; exit 2; }
dir=${program%%/*}
case $dir in
memcompress)	load=(zram memcompress) ;;
*)		die "$dir has no benchmark for user-mode Linux" ;;
esac

uml=$("$TOP/tools/testing/kunit/uml.sh") || die "no user-mode Linux, see above"
out=$TOP/build/bench-$(basename "$uml")
mkdir -p "$out/run"
if [ "$build" = 1 ]; then
	echo "# building for user-mode Linux"
	for part in compat include "$dir"; do
		[ ! -d "$TOP/$part" ] || (cd "$TOP" && find "$part" -name tests -prune -o -type f \
			\( -name '*.[ch]' -o -name Kbuild \) ! -name '*.mod.c' -print0 | xargs -0r cp -up --parents -t "$out")
	done
	# The tests are KUnit's.
	sed -i '/tests\//d' "$out/$dir/Kbuild"
	sed "s|^obj-m += .*|obj-m += $dir/|" "$TOP/Kbuild" >"$out/Kbuild.new"
	cmp -s "$out/Kbuild.new" "$out/Kbuild" || mv "$out/Kbuild.new" "$out/Kbuild"
	if ! make -C "$uml/source" O="$uml" ARCH=um M="$out" modules >"$out/build.log" 2>&1; then
		tail -n 30 "$out/build.log"
		die "$dir does not build"
	fi
	make -s -C "$TOP/tools/testing/selftests/$dir"
	[ -d "$out/lib" ] || make -C "$uml/source" O="$uml" ARCH=um INSTALL_MOD_PATH="$out" \
		modules_install >"$out/install.log" 2>&1 || die "modules do not install, see $out/install.log"
fi

release=$(basename "$out"/lib/modules/*)
cat >"$out/init" <<END
#!/bin/bash
# PID 1: the machine's root is its root, read-only.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tracefs trace /sys/kernel/tracing 2>/dev/null
dmesg -n 1
for m in lz4 lzo lzo-rle zstd lz4_compress lz4_decompress zstd_compress zstd_decompress zsmalloc; do modprobe -d '$out' \$m; done
for m in ${load[*]}; do
	modprobe -d '$out' \$m 2>/dev/null || insmod '$out/$dir/'\$m.ko
done
export${env[*]+ $(printf '%q ' "${env[@]}")}
echo "booting $release (uml)"
'$TOP/build/selftests/$program'
dmesg | grep -E -A 20 'BUG:|WARNING:|Oops' | sed 's/^/# /'
busybox poweroff -f
END
chmod +x "$out/init"
# UML keeps its memory in a file of TMPDIR.
tmp=$out/run
[ "$(df --output=avail -k /dev/shm | tail -n 1)" -lt 1300000 ] || tmp=/dev/shm
TMPDIR=$tmp timeout -k 5 "$limit" "$uml/linux" mem=1G rootfstype=hostfs rootflags=/ ro init="$out/init" \
	con=null con0=null,fd:1 quiet panic=-1 uml_dir="$out/run/" umid="bench$$" </dev/null
