# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For zram's tests, which append a KiB by dd until a device is full: a process for each takes an emulated machine 60
# ms. In the shell itself the same write takes one; the tests are what they are. Source it, "export KIB" and
# "export -f dd", and have bash run them.

KIB=$(printf '\\0%.0s' {1..1024})
dd()
{
	local arg file=

	for arg; do
		case $arg in
		of=*)	file=${arg#of=} ;;
		esac
	done
	# shellcheck disable=SC2059
	printf "$KIB" >>"$file"
}
