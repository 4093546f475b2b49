# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2317
#
# A nested guest with a balloon of its own and a pattern in its freed pages (page_poison=1), and what is tried with it
# whoever commands it. A page that the host discarded against the rules is found by the guest's kernel, which looks for
# the pattern. Source it after kstest.sh; DEV is the device's directory in guest a.

# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"
# shellcheck source=tools/testing/selftests/balloon/host_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/host_lib.sh"

FULL=$((256 * MIB))
LESS=$((160 * MIB))
export GUEST_MEM=256 GUEST_APPEND="page_poison=1 suspend.pm_test_delay=1"
# shellcheck disable=SC2034,SC2054 # used by the tests; the commas are QEMU's
DEVICES=(-object iothread,id=hints
	-device "virtio-balloon-pci,id=balloon0,free-page-reporting=on,free-page-hint=on,iothread=hints")

CG=/sys/fs/cgroup/vmballoon-nest

balloon_actual()
{
	guest_qmp "$1" '{"execute":"query-balloon"}' | sed -n 's/.*"actual": *\([0-9]*\).*/\1/p'
}

balloon_is()
{
	[ "$(balloon_actual "$1")" = "$2" ]
}

# balloon_to GUEST BYTES
balloon_to()
{
	guest_do "$1" '{"execute":"balloon","arguments":{"value":'"$2"'}}' >/dev/null && kst_wait 30 balloon_is "$1" "$2"
}

# guest_modules DIR MODULE...: modules of this kernel for guests, as files without compression: their names.
guest_modules()
{
	local dir=$1 module file
	shift

	for module; do
		file=$(modinfo -n "$module") || return 1
		case $file in
		*.xz)	xz -dc "$file" >"$dir/$module.ko" ;;
		*)	cp "$file" "$dir/$module.ko" ;;
		esac || return 1
		echo "$dir/$module.ko"
	done
}

# cgroup_make NAME: a directory of $CG, which goes with what is in it.
cgroup_make()
{
	if [ ! -d "$CG" ]; then
		echo +memory >/sys/fs/cgroup/cgroup.subtree_control
		mkdir "$CG" && kst_undo kst_wait 10 rmdir "$CG" && echo +memory >"$CG/cgroup.subtree_control" || return 1
	fi
	mkdir "$CG/$1" && kst_undo kst_wait 10 rmdir "$CG/$1"
}

# start_in CGROUP COMMAND...: what it starts is counted there from the beginning.
start_in()
{
	local was cgroup=$1
	shift

	was=$(sed -n 's/^0:://p' /proc/self/cgroup)
	echo $$ >"$CG/$cgroup/cgroup.procs" || return 1
	"$@"
	set -- $?
	echo $$ >"/sys/fs/cgroup$was/cgroup.procs"
	return "$1"
}

# vm_add NUMBER MIB CGROUP
vm_add()
{
	echo "$1 $2M" >$SYS/add && echo "/${CG##*/}/$3" >"$SYS/vms/$1/cgroup"
}

# guest_file GUEST FILE
guest_file()
{
	guest_exec "$1" "cat $2"
}

# Host memory of a guest: bytes.
guest_memory()
{
	awk '$1 == "RssAnon:" { printf "%.0f\n", $2 * 1024 }' "/proc/$(guest_pid "$1")/status"
}

guest_memory_below()
{
	[ "$(guest_memory "$1")" -lt "$2" ]
}

# The kernel of a guest found every page as it must be.
no_corruption()
{
	! guest_exec "$1" 'dmesg -c' | grep -aE 'pagealloc|BUG|WARNING|Oops|Call Trace' | sed 's/^/# guest: /' | grep .
}

# All of the guest's free memory is allocated once, and its pattern looked at.
use_memory()
{
	guest_exec "$1" "dd if=/dev/zero of=/tmp/use bs=1M count=$2 2>/dev/null && rm /tmp/use"
}

# The driver is there, with a balloon that is empty.
has_balloon()
{
	DEV=$(guest_exec a "echo /sys/bus/virtio/drivers/vmballoon/virtio*")
	# Hints, pattern, reporting.
	[ "$(guest_file a "$DEV/features" | cut -c4-6)" = 111 ] || return 1
	# What its kernel says of the emulated processor is not ours.
	guest_exec a 'dmesg -c >/dev/null'
	balloon_is a $FULL
}

sizes()
{
	local before size

	# With a pattern all free memory was written, and the host has it.
	use_memory a 80 || return 1
	before=$(guest_memory a)
	balloon_to a $LESS || return 1
	[ "$(guest_file a "$DEV/blocks")" -gt 0 ] || return 1
	kst_wait 5 guest_memory_below a $((before - (FULL - LESS) * 3 / 4)) || return 1
	ksft_print_msg "host memory $((before / MIB)) MiB, then $(($(guest_memory a) / MIB)) MiB"
	for size in $((LESS + 777 * 4096)) $((LESS - 4096)) $((FULL - 511 * 4096)) $FULL; do
		balloon_to a "$size" || return 1
	done
	[ "$(guest_file a "$DEV/blocks")" = 0 ] && [ "$(guest_file a "$DEV/pages")" = 0 ] || return 1
	use_memory a 80 || return 1
	no_corruption a
}

# All of the way to sleep but for the processors and the firmware.
sleeps()
{
	balloon_to a $LESS || return 1
	guest_exec a 'dd if=/dev/urandom of=/tmp/kept bs=1M count=20 2>/dev/null; md5sum /tmp/kept >/tmp/sum' || return 1
	guest_exec a 'echo devices >/sys/power/pm_test && echo mem >/sys/power/state && echo none >/sys/power/pm_test' || return 1
	kst_wait 30 balloon_is a $LESS || return 1
	guest_exec a 'md5sum -c /tmp/sum >/dev/null' && no_corruption a
}
