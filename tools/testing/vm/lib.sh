# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the scripts of the test bed share on the machine that starts QEMU: naming kernels, packing an
# initramfs, assembling the QEMU command line. Sourced; sets variables, defines functions, runs nothing.

# Size of the VM, and the -icount shift when instructions are counted.
VM_SMP=2
VM_MEM=3G
VM_ICOUNT=
# Emulation is that much slower than what the timeouts of tests are made for.
case ${ACCEL:-tcg} in
tcg)	VM_SLOW=${VM_SLOW:-3} ;;
*)	VM_SLOW=${VM_SLOW:-1} ;;
esac

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$VM_DIR/../../.." && pwd)
SELFTESTS=$TOP/tools/testing/selftests
PATH=$PATH:/usr/sbin:/sbin

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# Cached results stand outside the tree, so that a fresh clone finds them.
vm_cache()
{
	echo "${VMACCEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmaccel}"
}

# vm_kernel_root RELEASE: the directory that has boot/vmlinuz-RELEASE and lib/modules/RELEASE: the root directory
# where the package is installed, one in the cache where setup.sh only unpacked it.
vm_kernel_root()
{
	local root

	for root in "" "$(vm_cache)/kernels/$1"; do
		if [ -e "$root/boot/vmlinuz-$1" ] && [ -e "$root/lib/modules/$1/modules.dep" ]; then
			echo "$root/"
			return 0
		fi
	done
	return 1
}

# vm_use_kernel IMAGE MODULES_DIR: boot this one. MODULES_DIR ends in lib/modules/RELEASE.
vm_use_kernel()
{
	VM_KERNEL=$1
	VM_MODULES=$2
	VM_RELEASE=${2##*/}
}

# vm_find_kernel KVER: the kernel that a series ("6.12") or a release stands for.
vm_find_kernel()
{
	local kdir release root

	kdir=$("$TOP/tools/kdir.sh" "$1") || exit 1
	release=$("$TOP/tools/kdir.sh" --release "$kdir") || exit 1
	root=$(vm_kernel_root "$release") || die "no kernel image of $release: run tools/setup.sh"
	vm_use_kernel "${root}boot/vmlinuz-$release" "${root}lib/modules/$release"
}

# vm_build_modules: builds for that kernel, sets VM_KO to the directory of the modules.
vm_build_modules()
{
	local kdir=$VM_MODULES/build log=$TOP/build/$VM_RELEASE.log

	[ -d "$kdir" ] || kdir=$VM_RELEASE
	mkdir -p "$TOP/build"
	if ! "$TOP/tools/build.sh" "$kdir" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		die "modules for $VM_RELEASE do not build (log: ${log#"$TOP/"})"
	fi
	VM_KO=$(tail -n 1 "$log")
}

# vm_make_vars DIR: "script|program NAME" for the tests that a directory declares.
vm_make_vars()
{
	# shellcheck disable=SC2016
	make -s --no-print-directory -C "$SELFTESTS/$1" --eval '__vm_list: ; @:
		$(foreach p,$(TEST_PROGS),$(info script $(notdir $(p))))
		$(foreach p,$(TEST_GEN_PROGS),$(info program $(notdir $(p))))' __vm_list
}

# vm_list_tests TEST...: lines "dir program path timeout". Long loops may take ten times as long.
vm_list_tests()
{
	local test dir only settings limit kind name path

	for test; do
		dir=${test%%/*}
		only=${test#"$dir"}
		only=${only#/}
		settings=$SELFTESTS/$dir/settings
		[ -z "$only" ] || settings=$(dirname "$SELFTESTS/$test")/settings
		limit=$(sed -n 's/^timeout=//p' "$settings" 2>/dev/null)
		limit=$((${limit:-60} * VM_SLOW * (${VMACCEL_LONG:-0} ? 10 : 1)))
		if [ -n "$only" ]; then
			path=$SELFTESTS/$dir/$only
			[ -x "$path" ] || path=$TOP/build/selftests/$dir/$only
			[ -x "$path" ] || die "no such test: $test"
			echo "$dir $only $path $limit"
			continue
		fi
		while read -r kind name; do
			path=$SELFTESTS/$dir/$name
			[ "$kind" = script ] || path=$TOP/build/selftests/$dir/$name
			[ -x "$path" ] || die "$path is missing or not executable"
			echo "$dir $name $path $limit"
		done < <(vm_make_vars "$dir")
	done
}

# vm_env MODE OUT [NAME=VALUE...]: writes the settings of a run, which are the environment of its tests.
vm_env()
{
	local mode=$1 out=$2 guest vmlinux setting
	shift 2

	vmlinux=$(vm_vmlinux "$VM_KERNEL") || exit 1
	guest=$(vm_guest_initramfs "$VM_MODULES") || exit 1
	for setting in VM_MODE="$mode" VM_MODULES="$VM_MODULES" VM_SLOW="$VM_SLOW" VMACCEL_TOP="$TOP" \
		       VMACCEL_KO="$VM_KO" VMACCEL_OUT=/out VMACCEL_CACHE="$(vm_cache)" \
		       VMACCEL_GUEST_KERNEL="$vmlinux" VMACCEL_GUEST_INITRD="$guest" \
		       VMACCEL_LONG="${VMACCEL_LONG:-0}" CI="${CI:-}" "$@"; do
		printf '%s=%q\n' "${setting%%=*}" "${setting#*=}"
	done >"$out/vm.env"
}

# vm_pack_modules MODULES_DIR ROOT MODULE...: copy modules and what they depend on to ROOT/modules,
# uncompressed, and their load order to ROOT/modules/order. Names that are built in are left out.
vm_pack_modules()
{
	local dir=$1 root=$2 rel base file name
	shift 2

	rel=${dir##*/}
	base=${dir%/lib/modules/*}
	mkdir -p "$root/modules"
	modprobe -d "$base/" -S "$rel" --show-depends -a "$@" >"$root/modules/deps" ||
		die "cannot resolve modules of $rel: $*"
	while read -r file; do
		name=${file##*/}
		name=${name%.xz}
		case $file in
		*.xz)	xz -dc "$file" >"$root/modules/$name" ;;
		*)	cp "$file" "$root/modules/$name" ;;
		esac
		echo "$name"
	done < <(awk '$1 == "insmod" && !seen[$2]++ { print $2 }' "$root/modules/deps") \
		>"$root/modules/order"
	rm "$root/modules/deps"
}

# vm_pack_busybox ROOT: busybox with its applets in /bin.
vm_pack_busybox()
{
	local root=$1 busybox applet

	busybox=$(command -v busybox) || die "no busybox: run tools/setup.sh"
	mkdir -p "$root/bin"
	cp "$busybox" "$root/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
}

# vm_pack_program ROOT PROGRAM: a program with the libraries it is linked to, in the same places.
vm_pack_program()
{
	local root=$1 file

	file=$(command -v "$2") || die "no $2: run tools/setup.sh"
	rm -f "$root/bin/$2"
	cp "$file" "$root/bin/$2"
	ldd "$file" | sed -n 's,^[^/]*\(/[^ ]*\) (.*,\1,p' | while read -r file; do
		mkdir -p "$root${file%/*}"
		cp -L "$file" "$root$file"
	done
}

# vm_cpio ROOT OUT: write the tree as an initramfs; appears whole or not at all. Not compressed: a guest reads
# it faster than it unpacks it.
vm_cpio()
{
	mkdir -p "${2%/*}"
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) >"$2.$$" && mv "$2.$$" "$2"
	rm -rf "$1"
}

# vm_key MODULES_DIR FILE...: names a cached initramfs by all that goes in.
vm_key()
{
	local dir=$1
	shift

	cat "$VM_DIR/lib.sh" "$dir/modules.dep" "$@" | sha256sum | cut -c1-16
}

# vm_initramfs MODULES_DIR: path of the initramfs that mounts the root over 9p, made when missing.
vm_initramfs()
{
	local dir=$1 out root

	out=$(vm_cache)/initramfs/${dir##*/}-host-$(vm_key "$dir" "$VM_DIR/stage1" "$(command -v busybox)").cpio
	if [ ! -e "$out" ]; then
		root=$(mktemp -d)
		mkdir -p "$root"/{dev,proc,sys,lower,rw,new}
		vm_pack_busybox "$root"
		vm_pack_modules "$dir" "$root" virtio_pci 9pnet_virtio 9p overlay
		install -m 755 "$VM_DIR/stage1" "$root/init"
		vm_cpio "$root" "$out"
	fi
	echo "$out"
}

# vm_guest_initramfs MODULES_DIR: the same for nested guests.
vm_guest_initramfs()
{
	local dir=$1 out root program programs=(ip ethtool iperf3)

	out=$(vm_cache)/initramfs/${dir##*/}-guest-$(vm_key "$dir" "$VM_DIR/guest-init" "$(command -v busybox)" \
		"$(command -v ip)" "$(command -v ethtool)" "$(command -v iperf3)").cpio
	if [ ! -e "$out" ]; then
		root=$(mktemp -d)
		mkdir -p "$root"/{dev,proc,sys,tmp}
		vm_pack_busybox "$root"
		vm_pack_modules "$dir" "$root" virtio_pci virtio_net virtio_console
		for program in "${programs[@]}"; do
			vm_pack_program "$root" "$program"
		done
		install -m 755 "$VM_DIR/guest-init" "$root/init"
		vm_cpio "$root" "$out"
	fi
	echo "$out"
}

# vm_vmlinux IMAGE: the ELF kernel inside a bzImage, unpacked into the cache; the image itself when it is packed in
# another way than Debian's. A nested guest starts it through the PVH entry and saves the decompressor, which
# takes longer than the rest of its boot when emulation runs below.
vm_vmlinux()
{
	local image=$1 out start size unpack

	out=$(vm_cache)/initramfs/vmlinux-$(sha256sum <"$image" | cut -c1-16)
	if [ ! -e "$out" ]; then
		# Fields of the boot protocol: setup_sects, payload_offset, payload_length (with a size appended).
		start=$((($(od -An -tu1 -j497 -N1 "$image") + 1) * 512 + $(od -An -tu4 -j584 -N4 "$image")))
		size=$(($(od -An -tu4 -j588 -N4 "$image") - 4))
		case $(od -An -tx4 -j"$start" -N4 "$image") in
		*587a37fd)	unpack=xz ;;
		*fd2fb528)	unpack=zstd ;;
		*)		echo "$image"; return ;;
		esac
		mkdir -p "${out%/*}"
		tail -c "+$((start + 1))" "$image" | head -c "$size" | $unpack -dc >"$out.$$" ||
			die "cannot unpack $image"
		mv "$out.$$" "$out"
	fi
	echo "$out"
}

# vm_emulator: the QEMU that runs the host VM; without it, what is installed, which now and then goes wrong.
vm_emulator()
{
	if [ -n "${VM_QEMU:-}" ]; then
		echo "$VM_QEMU"
	elif [ "${ACCEL:-tcg}" != tcg ] || ! "$VM_DIR/emulator.sh" --path; then
		command -v qemu-system-x86_64 || die "no qemu-system-x86_64: run tools/setup.sh"
	fi
}

# vm_qemu_args OUT APPEND: fill the array QEMU_ARGS, the program first.
#
# -M pc: q35 costs Linux an 8254 timer retry. thread=multi: with thread=single a nested guest stalls.
# erms and fsrm off: TCG runs rep-string instructions byte by byte, which would turn every copy into the
# measured thing. tsc=reliable: fewer static keys are patched while both CPUs run. pci=noearly:
# scanning 256 buses by port I/O costs seconds. virtio-9p in multidevs=remap: the export of / spans mounts, whose
# inode numbers may collide. norandmaps: QEMU translates code anew for each address that it is mapped at, and forgets
# it one by one when the page is written: with a C library at a new address in each process that took half a minute.
vm_qemu_args()
{
	local out=$1 append=$2 qemu initrd accel cpu

	qemu=$(vm_emulator) || exit 1
	case $TOP in
	*[[:space:]]*) die "the path of the tree has a blank: $TOP" ;;
	esac
	initrd=$(vm_initramfs "$VM_MODULES") || exit 1
	append="console=ttyS0 tsc=reliable pci=noearly norandmaps panic=-1 oops=panic softlockup_panic=1 loglevel=5 log_buf_len=4M vmaccel.top=$TOP $append"
	case ${ACCEL:-tcg} in
	tcg)
		accel=tcg,thread=multi
		cpu=max,-erms,-fsrm
		;;
	*)
		accel=$ACCEL
		cpu=host
		;;
	esac
	if [ -n "$VM_ICOUNT" ]; then
		accel=tcg,thread=single
		VM_SMP=1
	fi
	# shellcheck disable=SC2054 # the commas are QEMU's
	QEMU_ARGS=(
		"$qemu" -L /usr/share/qemu -L /usr/share/seabios
		-accel "$accel" -M pc -cpu "$cpu" -smp "$VM_SMP" -m "$VM_MEM"
		-nodefaults -nographic -no-reboot
		-kernel "$VM_KERNEL" -initrd "$initrd"
		-append "$append"
		-fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
		-device virtio-9p-pci,fsdev=root,mount_tag=root
		-fsdev "local,id=out,path=$out,security_model=none,multidevs=remap"
		-device virtio-9p-pci,fsdev=out,mount_tag=out
	)
	[ -z "$VM_ICOUNT" ] || QEMU_ARGS+=(-icount "shift=$VM_ICOUNT,sleep=off")
}

# vm_self_args OUT: further arguments for a VM that commands its own QEMU through a serial port, and has a balloon.
vm_self_args()
{
	local socket=$1/qmp

	# shellcheck disable=SC2054 # the commas are QEMU's
	QEMU_ARGS+=(
		-chardev "socket,id=qmp,path=$socket,server=on,wait=off" -mon chardev=qmp,mode=control
		-chardev "socket,id=self,path=$socket"
		-device virtio-serial-pci -device virtserialport,chardev=self,name=vmaccel.qmp
		-object iothread,id=hints
		-device virtio-balloon-pci,id=balloon0,free-page-reporting=on,free-page-hint=on,iothread=hints
	)
}

# vm_disk_args OUT: further arguments for a VM with a virtio-blk disk, a file that is there while the VM is.
vm_disk_args()
{
	rm -f "$1/disk"
	truncate -s 16M "$1/disk"
	# shellcheck disable=SC2054 # the commas are QEMU's
	QEMU_ARGS+=(
		-drive "if=none,id=disk,format=raw,file=$1/disk"
		-device virtio-blk-pci,drive=disk,serial=vmaccel
	)
}
