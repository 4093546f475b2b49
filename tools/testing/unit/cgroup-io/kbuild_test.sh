#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In which kernels cgroup_io is built to have files in cgroups: those whose CRC of blkcg_policy_register is on the list
# in compat. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../../../.." && pwd)
# shellcheck source=tools/testing/selftests/kstest.sh
. "$TOP/tools/testing/selftests/kstest.sh"

dir=$(mktemp -d)
kst_undo rm -rf "$dir"

# flags: what the modules are compiled with, but for what all are
flags()
{
	# shellcheck disable=SC2016 # make's
	make -s -f "$TOP/cgroup-io/Kbuild" objtree="$dir" src="$TOP/cgroup-io" --eval='flags: ; @echo $(ccflags-y)' flags
}

# known CRC [SYMBOL]: so the flags say, for a kernel whose symbol has that CRC
known()
{
	printf '%s\t%s\tvmlinux\tEXPORT_SYMBOL_GPL\t\n' 0x12345678 blkcg_policy_unregister "$1" \
		"${2:-blkcg_policy_register}" >"$dir/Module.symvers"
	[ "$(flags)" = -DCOMPAT_BLKCG_POLICY_KNOWN ]
}

debian()
{
	known 0xa4e5c1e7 && known 0xec0e0d7c && known 0x00000000
}

others()
{
	! known 0xa4e5c1e6 && ! known 0xec0e0d7 && ! known 0x12345678 && ! known 0xec0e0d7c blkcg_policy_registers
}

without()
{
	: >"$dir/Module.symvers" && [ -z "$(flags)" ] && rm "$dir/Module.symvers" && [ -z "$(flags 2>/dev/null)" ]
}

ksft_print_header
ksft_set_plan 3
ksft_test "- kernels that were looked at" debian
ksft_test "- kernels with another CRC" others
ksft_test "- kernels without the symbol" without
ksft_finished
