# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that swap on a memcompress device, after kstest.sh. The device is one of its own, whatever others there
# are: DEV is its node, SYS its directory below /sys/block.
#
#   swap_init                      load the module, make the device; undone at exit
#   swap_on [SETTING=VALUE...]     set up, mkswap, swapon; SWAP_SIZE (256M) is its size
#   swap_off                       swapoff, reset
#   column FILE N                  number N of a statistics file
#   no_errors                      no read, write or request has failed since swap_on, or since errors_expected
#   errors_expected                those so far
#   cgroup_make PATH...            memory cgroups; their processes are killed and they are removed at exit
#   vm_add CGROUP                  makes it a VM of memcompress, till the test ends
#   vm_dir CGROUP                  its directory in sysfs
#   vm_stat CGROUP NAME            a number of its statistics
#   log_quiet, log_over            before and after what runs out of memory: the reports of it fail a test run

# shellcheck source=tools/testing/vm/verdict.sh
. "${VMACCEL_TOP:-../../../..}/tools/testing/vm/verdict.sh"

# shellcheck disable=SC2034
LOAD=${VMACCEL_TOP:-../../../..}/build/selftests/memcompress/swap_load
SWAP_CONTROL=/sys/class/memcompress-control
VMS=/sys/kernel/memcompress

swap_init()
{
	local id

	kst_load memcompress
	id=$(cat $SWAP_CONTROL/hot_add) || ksft_exit_fail_msg "no device"
	DEV=/dev/memcompress$id
	SYS=/sys/block/memcompress$id
	kst_undo eval "echo $id >$SWAP_CONTROL/hot_remove"
	kst_undo swapoff "$DEV"
	kst_wait 10 [ -b "$DEV" ]
}

swap_on()
{
	local set

	_swap_errors="0 0 0"
	for set; do
		echo "${set#*=}" >"$SYS/${set%%=*}" || return 1
	done
	echo "${SWAP_SIZE:-256M}" >"$SYS/disksize" && mkswap "$DEV" >/dev/null && swapon -p 100 "$DEV"
}

# udev may look at the device for a moment more.
swap_off()
{
	swapoff "$DEV" && kst_wait 10 eval "echo 1 >$SYS/reset" 2>/dev/null
}

column()
{
	local numbers

	read -ra numbers <"$SYS/$1" && echo "${numbers[$2 - 1]}"
}

swap_show()
{
	ksft_print_msg "mm_stat $(cat "$SYS/mm_stat")"
	ksft_print_msg "io_stat $(cat "$SYS/io_stat")"
}

_swap_errors_now()
{
	local numbers

	read -ra numbers <"$SYS/io_stat" && echo "${numbers[*]:0:3}"
}

errors_expected()
{
	_swap_errors=$(_swap_errors_now)
}

no_errors()
{
	[ "$(_swap_errors_now)" = "$_swap_errors" ]
}

_cgroup_end()
{
	echo 1 >"$1/cgroup.kill"
	kst_wait 10 rmdir "$1"
}

cgroup_make()
{
	local dir

	[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	for dir; do
		mkdir "$dir" && kst_undo _cgroup_end "$dir"
	done
}

log_quiet()
{
	read -r _console _ </proc/sys/kernel/printk
	echo 1 >/proc/sys/kernel/printk
}

# Empties the log; what looks like a fault of the kernel is put back, but for the traces in the reports.
log_over()
{
	dmesg --read-clear --notime | grep -v 'Call Trace:' | grep -E "$VM_SPLAT" | while IFS= read -r line; do
		ksft_print_msg "$line"
		echo "<4>$line" >/dev/kmsg
	done
	echo "$_console" >/proc/sys/kernel/printk
}

vm_dir()
{
	echo "$VMS/vms/$(stat -c %i "$1")"
}

vm_add()
{
	echo "${1#/sys/fs/cgroup}" >$VMS/add && kst_undo eval "echo ${1#/sys/fs/cgroup} >$VMS/remove"
}

vm_stat()
{
	local key n

	while read -r key n _; do
		[ "$key" != "$2" ] || echo "$n"
	done <"$(vm_dir "$1")/stat"
}
