#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs what building and testing vmaccel need on Debian 12, from Debian's own archive. Asks the package
# database first, so a second run costs a fraction of a second and needs no network.

set -u

usage()
{
	cat <<END
Usage: tools/setup.sh [--check | --list | --unpack-kernels | --help]

Installs missing Debian packages, as root or through sudo. Removes and upgrades nothing. Then builds the QEMU
of the test bed in the cache (tools/testing/vm/emulator.sh, about 3 minutes, once).

  --check            install nothing; name what is missing, exit 1 if anything is
  --list             print the packages and what each is for
  --unpack-kernels   unpack the kernel images below the cache directory instead of installing them

The images that match the newest headers of 6.1 and 6.12 are only files for QEMU to boot, but as installed
packages they also enter this machine's boot menu, where the newest is the default (they are Debian's own and
the others stay). On a machine whose next boot must not change, use --unpack-kernels.

VMACCEL_CACHE names the cache directory (default: ~/.cache/vmaccel).
END
}

packages='
linux-headers-amd64        builds modules for 6.1
linux-headers-6.12-amd64   builds modules for 6.12
linux-source-6.12          checkpatch, kernel-doc and the UML kernel of make kunit
gcc                        builds modules and tests
make                       builds modules and tests
libc6-dev                  builds user-space tests
clang                      fuzzers of make unit
llvm                       coverage of make unit
libclang-rt-14-dev         sanitizer and fuzzer runtime of clang
bc                         kernel build
flex                       kernel build
bison                      kernel build
libelf-dev                 kernel build
libssl-dev                 kernel build
libjansson-dev             builds the command vmaccel
perl                       checkpatch
python3                    tools and reports
patch                      corrections to the UML kernel
git                        style of commits
sparse                     static checker of kernel code
shellcheck                 static checker of scripts
codespell                  spelling of the documentation
qemu-system-x86            nested guests
ninja-build                builds the QEMU that host VMs run on
pkg-config                 the same
libglib2.0-dev             the same
libpixman-1-dev            the same
libfdt-dev                 the same
libattr1-dev               the same
libcap-ng-dev              the same
busybox-static             user space of the initramfs
cpio                       packs the initramfs
xz-utils                   unpacks kernel modules
zstd                       unpacks kernel images and test data
kmod                       modprobe, rmmod
procps                     sysctl, ps
iproute2                   ip, tc, bridge
iputils-ping               traffic in tests
iperf3                     traffic in tests
ethtool                    offloads and statistics
fio                        disk load in tests
dmsetup                    device mapper targets
e2fsprogs                  file systems in tests
xfsprogs                   file systems in tests
systemd                    systemd-makefs, which zram-generator calls
gnuplot-nox                plots of make bench
libvirt-daemon             a guest started by libvirt
libvirt-daemon-driver-qemu the same
libvirt-clients            virsh
apparmor                   syntax of what make install adds
udev                       rule of what make install adds
'

# Unpacked below the cache directory, not installed, for what installing would do to this machine.
unpacked='
systemd-zram-generator     a client of zram; installed it would swap to zram from the next boot on
'

# shellcheck source=tools/testing/vm/lib.sh
. "$(dirname "$0")/testing/vm/lib.sh"

mode=install
unpack=
while [ $# -gt 0 ]; do
	case $1 in
	--check)		mode=check ;;
	--list)			mode=list ;;
	--unpack-kernels)	unpack=1 ;;
	-h|--help)		usage; exit 0 ;;
	*)			die "unknown option $1, see --help" ;;
	esac
	shift
done

cache=$(vm_cache)

# missing_packages: those of the list that are not installed.
missing_packages()
{
	# shellcheck disable=SC2016 # dpkg-query's format
	awk 'NF { print $1 }' <<<"$packages" | xargs dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null |
		awk -v list="$packages" '
			$2 == "installed" { have[$1] = 1 }
			END {
				n = split(list, line, "\n")
				for (i = 1; i <= n; i++)
					if (split(line[i], word, " ") && !(word[1] in have))
						print word[1]
			}'
}

# missing_images: the images of the newest headers of each series, where neither installed nor unpacked. An image
# package is named by its release, so that image and headers always match.
missing_images()
{
	local series kdir rel

	for series in 6.1 6.12; do
		kdir=$("$TOP/tools/kdir.sh" "$series" 2>/dev/null) || continue
		rel=$("$TOP/tools/kdir.sh" --release "$kdir")
		vm_kernel_root "$rel" >/dev/null || echo "linux-image-$rel"
	done
}

# missing_unpacked: those of the second list that are not in the cache.
missing_unpacked()
{
	local name rest

	while read -r name rest; do
		[ -z "$name" ] || [ -d "$cache/packages/$name" ] || echo "$name"
	done <<<"$unpacked"
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -- "$@"
	fi
}

# The maintainer scripts see a clean environment: variables of a build (MODULES, KVER, V) would leak into the
# generation of the initrd.
apt()
{
	as_root env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} \
		apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# run WHAT COMMAND...: the command with its output in a log file, a line of progress every now and then.
run()
{
	local what=$1
	shift

	echo "setup: $what"
	if ! "$@" 2>&1 | tee -a "$log" |
	     awk '/^Setting up / { n++; if (n % 20 == 0) { print "setup:   " n " packages set up"; fflush() } }'; then
		tail -n 15 "$log" >&2
		die "failed: $what (log: $log)"
	fi
}

# unpack IMAGE: to $cache/kernels/RELEASE/{boot,lib}, with the module lists that installing would make.
unpack()
{
	local rel=${1#linux-image-} dir

	dir=$cache/kernels/$rel
	rm -rf "$dir.part"
	mkdir -p "$dir.part"
	cd "$dir.part" && apt-get -q download "$1" && dpkg-deb -x ./*.deb . && rm ./*.deb &&
		/sbin/depmod -b "$dir.part" "$rel" && cd / && rm -rf "$dir" && mv "$dir.part" "$dir"
}

# unpack_package NAME: to $cache/packages/NAME
unpack_package()
{
	local dir=$cache/packages/$1

	rm -rf "$dir.part"
	mkdir -p "$dir.part"
	cd "$dir.part" && apt-get -q download "$1" && dpkg-deb -x ./*.deb . && rm ./*.deb && cd / && mv "$dir.part" "$dir"
}

# emulator: the QEMU of the host VMs, built once. Without it they run on the installed one.
emulator()
{
	"$TOP/tools/testing/vm/emulator.sh" --path >/dev/null && return
	"$TOP/tools/testing/vm/emulator.sh" >/dev/null ||
		echo "setup: host VMs run on the installed QEMU, under which a nested guest dies now and then"
}

if [ "$mode" = list ]; then
	grep . <<<"$packages$unpacked"
	for kdir in 6.1 6.12; do
		printf '%-26s %s\n' "linux-image of $kdir" "the one of the newest headers; booted as KVM host and guest"
	done
	exit 0
fi
command -v dpkg-query >/dev/null || die "this is no Debian: install by other means what --list names"

mapfile -t want < <(missing_packages)
mapfile -t images < <(missing_images)
mapfile -t files < <(missing_unpacked)
if [ ${#want[@]} = 0 ] && [ ${#images[@]} = 0 ] && [ ${#files[@]} = 0 ]; then
	[ "$mode" = check ] || emulator
	echo "setup: all packages are there"
	exit 0
fi
[ "$mode" != check ] || die "missing: $(printf "%s " "${want[@]}" "${images[@]}" "${files[@]}")"

root=1
if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
	if ! command -v sudo >/dev/null || [ ! -t 0 ]; then
		root=
	fi
fi
if [ -z "$root" ] && { [ ${#want[@]} != 0 ] || { [ ${#images[@]} != 0 ] && [ -z "$unpack" ]; }; }; then
	die "neither root nor sudo; have the administrator install: ${want[*]} ${images[*]}"
fi

log=$cache/setup.log
mkdir -p "$cache"
: >"$log"
set -o pipefail
[ -z "$root" ] || run "updating the package lists" apt update
if [ ${#want[@]} != 0 ]; then
	run "installing ${#want[@]} packages: ${want[*]}" apt install --no-install-recommends --no-remove "${want[@]}"
	mapfile -t images < <(missing_images)
fi
if [ ${#images[@]} != 0 ] && [ -z "$unpack" ]; then
	[ ! -e /boot/grub/grub.cfg ] ||
		echo "setup: the kernels also enter this machine's boot menu (--help tells how to avoid it)"
	run "installing ${images[*]}" apt install --no-install-recommends --no-remove "${images[@]}"
elif [ ${#images[@]} != 0 ]; then
	for image in "${images[@]}"; do
		run "unpacking $image" unpack "$image"
	done
fi

for file in "${files[@]}"; do
	run "unpacking $file" unpack_package "$file"
done

mapfile -t want < <(missing_packages; missing_images; missing_unpacked)
[ ${#want[@]} = 0 ] || die "still missing: ${want[*]}"
emulator
echo "setup: done"
