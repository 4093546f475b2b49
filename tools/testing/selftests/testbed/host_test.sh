#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What tests may rely on in the host VM.

set -u

cases=0
fail=0

# expect DESCRIPTION COMMAND...
expect()
{
	local what=$1
	shift

	cases=$((cases + 1))
	if "$@"; then
		echo "ok $cases $what"
	else
		echo "not ok $cases $what"
		fail=1
	fi
}

writable()
{
	touch "$1/.vmaccel-test" && rm "$1/.vmaccel-test"
}

loads()
{
	modprobe "$1" && grep -q "^$1 " /proc/modules
}

mounted()
{
	grep -q " $1 $2 " /proc/mounts
}

echo "TAP version 13"
echo "1..13"
expect "two processors" [ "$(nproc)" -ge 2 ]
expect "root is writable" writable /etc
expect "/tmp is writable" writable /tmp
expect "/out is writable" writable /out
expect "working directory is the test's" [ -x ./host_test.sh ]
expect "the tree is writable" writable "$VMACCEL_TOP"
expect "KVER is the running kernel" [ "$KVER" = "$(uname -r)" ]
expect "cgroup2" mounted /sys/fs/cgroup cgroup2
expect "debugfs" mounted /sys/kernel/debug debugfs
expect "loopback" ping -c 1 -W 5 127.0.0.1
expect "vhost_net loads" loads vhost_net
expect "kvm_amd loads" loads kvm_amd
expect "network namespaces" ip netns add vmaccel-test
exit $fail
