# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2317
#
# Nested guests with balloons, as VMs of vmballoon_host. Source it after kstest.sh.

# shellcheck source=tools/testing/vm/guest.sh
. "$VMACCEL_TOP/tools/testing/vm/guest.sh"
# shellcheck source=tools/testing/selftests/balloon/host_lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/host_lib.sh"

CG=/sys/fs/cgroup/vmballoon-nest

balloon_actual()
{
	guest_qmp "$1" '{"execute":"query-balloon"}' | sed -n 's/.*"actual": *\([0-9]*\).*/\1/p'
}

balloon_is()
{
	[ "$(balloon_actual "$1")" = "$2" ]
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

# leave MIB: to the VMs; all else is the host's.
leave()
{
	local vm sum=0

	for vm in "$SYS"/vms/*; do
		sum=$((sum + $(cat "$vm/measured")))
	done
	echo $(($(kst_meminfo MemAvailable) + sum - $1 * MIB)) >$SYS/reserve
}

# in_memory CGROUP: bytes that the host has of it.
in_memory()
{
	cat "$CG/$1/memory.current"
}

# guest_keep GUEST: what must be there later, in memory.
guest_keep()
{
	guest_exec "$1" 'dd if=/dev/urandom of=/tmp/kept bs=1M count=8 2>/dev/null; md5sum /tmp/kept >/tmp/sum'
}

guest_kept()
{
	guest_exec "$1" 'md5sum -c /tmp/sum >/dev/null'
}

# guest_sleep GUEST: all of the way to sleep but for the processors and the firmware, and back.
guest_sleep()
{
	guest_exec "$1" 'echo devices >/sys/power/pm_test && echo mem >/sys/power/state && echo none >/sys/power/pm_test'
}
