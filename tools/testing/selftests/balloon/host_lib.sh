# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What vmballoon_host says of its VMs, for tests. Source it.

# shellcheck disable=SC2034 # for those who source it
MIB=$((1024 * 1024))
SYS=/sys/kernel/vmballoon

# vm NUMBER FILE: its value.
vm()
{
	cat "$SYS/vms/$1/$2"
}

# vm_is NUMBER FILE VALUE
vm_is()
{
	[ "$(vm "$1" "$2")" = "$3" ]
}

# vm_has NUMBER FILE OPERATOR BYTES
vm_has()
{
	test "$(vm "$1" "$2")" "$3" "$4"
}
