# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For the tests of cgroup_io and dm_vmio: VMs that are cgroups, a slow disk, a pool on it, and what the VMs have
# had of it. Source it after kstest.sh.

VM_ROOT=/sys/fs/cgroup/vmio-test
DISK_IO=${VMACCEL_TOP:-../../../..}/build/selftests/cgroup-io/disk_io

# vmio_cgroups CONTROLLER...: io, and others if they are wanted, for cgroups below VM_ROOT
vmio_cgroups()
{
	local name

	for name; do
		grep -qw "$name" /sys/fs/cgroup/cgroup.controllers || ksft_exit_skip "no $name controller in cgroup v2"
		echo "+$name" >/sys/fs/cgroup/cgroup.subtree_control ||
			ksft_exit_fail_msg "cannot give cgroups the $name controller"
	done
	mkdir "$VM_ROOT" || ksft_exit_fail_msg "$VM_ROOT is there"
	kst_undo vmio_rmdir "$VM_ROOT"
	for name; do
		echo "+$name" >"$VM_ROOT/cgroup.subtree_control"
	done
}

# vmio_rmdir DIR: a cgroup with all below it
vmio_rmdir()
{
	find "$1" -depth -type d -exec rmdir {} +
}

# vmio_kill DIR: all processes in a cgroup and below
vmio_kill()
{
	echo 1 >"$1/cgroup.kill" && kst_wait 10 grep -qx "populated 0" "$1/cgroup.events"
}

# vmio_vm NAME: a VM's cgroup, known to cgroup_io
vmio_vm()
{
	mkdir -p "$VM_ROOT/$1" && echo default >"$VM_ROOT/$1/io.vm.shares"
}

# in_vm NAME COMMAND...: run it there
in_vm()
{
	(
		echo "$BASHPID" >"$VM_ROOT/$1/cgroup.procs" || exit 1
		shift
		exec "$@"
	)
}

# vmio_stat NAME KEY: what a VM has had of the pool
vmio_stat()
{
	local line

	line=" $(<"$VM_ROOT/$1/io.vm.stat") "
	line=${line#*" $2="}
	echo "${line%%[ $'\n']*}"
}

# vmio_null NS DEPTH [PARAMETER...]: /dev/nullb0, a disk that takes NS for a request and DEPTH at a time
vmio_null()
{
	local ns=$1 depth=$2
	shift 2

	modprobe null_blk queue_mode=2 irqmode=2 "completion_nsec=$ns" "hw_queue_depth=$depth" submit_queues=1 \
		nr_devices=1 gb=1 "$@" || ksft_exit_skip "no null_blk in this kernel"
	kst_undo rmmod null_blk
}

# vmio_table SECTORS ARGUMENT...: as dmsetup wants it
vmio_table()
{
	local sectors=$1
	shift

	echo "0 $sectors vmio $*"
}

# vmio_dm NAME TABLE...: /dev/mapper/NAME
vmio_dm()
{
	local name=$1
	shift

	dmsetup create "$name" --noudevsync --table "$*" && dmsetup mknodes "$name"
}

# vmio_no_dm NAME...: those that there are go
vmio_no_dm()
{
	local name r=0

	for name; do
		[ ! -e "/dev/mapper/$name" ] || dmsetup remove --noudevsync --retry "$name" || r=1
	done
	return "$r"
}

# vmio_create NAME DEVICE [ARGUMENT...]: /dev/mapper/NAME over the whole device
vmio_create()
{
	local name=$1 device=$2
	shift 2

	kst_undo vmio_no_dm "$name" &&
		vmio_dm "$name" "$(vmio_table "$(blockdev --getsz "$device")" "$device" "$@")"
}

# vmio_load NAME DEVICE: random reads of 4 KiB, until killed; so many at a time that a VM has always some that wait,
# however seldom its process runs
vmio_load()
{
	kst_undo vmio_kill "$VM_ROOT/$1"
	in_vm "$1" "$DISK_IO" read "$2" 64 0 >/dev/null 2>&1 &
	disown
}

# vmio_test_bed NS CONTROLLER...: two VMs and the device vmio-test, on a disk that keeps data and takes NS for a request
vmio_test_bed()
{
	local ns=$1 vm
	shift

	vmio_cgroups "$@"
	kst_load cgroup_io
	kst_load dm_vmio
	vmio_null "$ns" 64 memory_backed=1 discard=1 cache_size=1
	vmio_create vmio-test /dev/nullb0 pool=test window=8 || ksft_exit_fail_msg "cannot make the pool"
	for vm in a b; do
		vmio_vm "$vm" || ksft_exit_fail_msg "cannot make VM $vm"
	done
}
