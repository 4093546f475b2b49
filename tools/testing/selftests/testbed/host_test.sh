#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What every test may rely on in the host VM.

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

# shellcheck disable=SC2317 # these are called through ksft_test
writable()
{
	touch "$1/.vmaccel-test" && rm "$1/.vmaccel-test"
}

# shellcheck disable=SC2317
loads()
{
	modprobe "$1" && grep -q "^$1 " /proc/modules
}

# shellcheck disable=SC2317
mounted()
{
	grep -q " $1 $2 " /proc/mounts
}

ksft_print_header
ksft_set_plan 16
ksft_test "two processors" [ "$(nproc)" -ge 2 ]
ksft_test "root is writable" writable /etc
ksft_test "/tmp is writable" writable /tmp
ksft_test "/out is writable" writable /out
ksft_test "working directory is the test's" [ -x ./host_test.sh ]
ksft_test "the tree is writable" writable "$VMACCEL_TOP"
ksft_test "KVER is the running kernel" [ "$KVER" = "$(uname -r)" ]
ksft_test "cgroup2" mounted /sys/fs/cgroup cgroup2
ksft_test "debugfs" mounted /sys/kernel/debug debugfs
ksft_test "the OOM killer may take the test" [ "$(cat /proc/self/oom_score_adj)" = 0 ]
ksft_test "but not who runs it" [ "$(cat /proc/$PPID/oom_score_adj)" = -1000 ]
ksft_test "process substitution" grep -q x <(echo x)
ksft_test "loopback" ping -q -c 1 -W 5 127.0.0.1
ksft_test "vhost_net loads" loads vhost_net
ksft_test "KVM loads" loads kvm
ksft_test "network namespaces" ip netns add vmaccel-test
ksft_finished
