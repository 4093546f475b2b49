#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Lets the processors of an emulated host VM interrupt each other a few times a second, and does nothing else.
#
# QEMU 7.2 forgets an interrupt now and then when KVM runs on the processor that it emulates: helper_vmrun() sets a
# bit of the vCPU's interrupt_request without the lock that protects it, and what another thread sets in the same
# instant is lost. The interrupt still stands in the APIC, which looks at it again with the next one. If it was the
# one-shot timer, there is no next one: the processor has no timers any more, and everything that waits for one stands
# still, a nested guest on this processor included. So each processor wakes a process that is bound to the next one
# whenever it has not been woken itself for a while.
set -u

PERIOD=0.25
# Turns after which a process is bound again: a processor that went offline let it go.
AGAIN=40
DIR=/run/heartbeat

# beat CPU NEXT
beat()
{
	local turn=0

	exec 3<>"$DIR/$1" 4<>"$DIR/$2"
	while :; do
		[ $((turn++ % AGAIN)) != 0 ] || taskset -cp "$1" "$BASHPID" >/dev/null 2>&1
		read -r -t "$PERIOD" -u 3 || echo >&4
	done
}

# Tests may use up all memory, and need their timers for that.
echo -1000 >/proc/self/oom_score_adj
cpus=$(nproc)
[ "$cpus" -gt 1 ] || exit 0
mkdir -p "$DIR"
for ((cpu = 0; cpu < cpus; cpu++)); do
	mkfifo "$DIR/$cpu"
done
for ((cpu = 0; cpu < cpus; cpu++)); do
	beat "$cpu" $(((cpu + 1) % cpus)) &
done
wait
