#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the test programs listed in /out/tests inside the host VM and writes TAP 13 to the second serial
# port (VMACCEL_OUT and VM_TAP name other places): one top-level result per program with the program's own TAP as comments before it, then the bed's own
# checks (taint, modules unloaded, leaks), then the end marker that the starter waits for.

set -u

# shellcheck source=tools/testing/vm/verdict.sh
. "$VMACCEL_TOP/tools/testing/vm/verdict.sh"

OUT=${VMACCEL_OUT:-/out}
TAP=${VM_TAP:-/dev/ttyS1}
CG=/sys/fs/cgroup/vmtest
LOG=/run/vmtest.log
DMESG=/run/vmtest.dmesg
number=0
passed=0
failed=0
skipped=0

# Tests may use up all memory: who reports on them stays. It is undone for the tests themselves.
echo -1000 >/proc/self/oom_score_adj

exec 3>>"$TAP"
[ ! -c "$TAP" ] || stty -F "$TAP" raw

tap()
{
	printf '%s\n' "$*" >&3
}

# result ok|"not ok" NAME [DIRECTIVE]
result()
{
	number=$((number + 1))
	tap "$1 $number $2${3:+ # $3}"
}

# check NAME [PROBLEM]: result of one of the bed's own checks.
check()
{
	if [ -n "${2:-}" ]; then
		failed=$((failed + 1))
		result "not ok" "$1" "$2"
	else
		passed=$((passed + 1))
		result ok "$1"
	fi
}

# Is a skip of test $1 ("dir/program") on this kernel accepted? Prints the reason.
skip_reason()
{
	local kver name reason

	while read -r kver name reason; do
		# shellcheck disable=SC2153,SC2254
		case $KVER/$1 in
		$kver/$name)
			echo "$reason"
			return 0
			;;
		esac
	done < <(grep -v '^#' "$VMACCEL_TOP/tools/testing/vm/expected-skips")
	return 1
}

# Ends what a program left running; a process that survives SIGKILL is a finding.
kill_cgroup()
{
	local i pid

	for i in {1..100}; do
		rmdir "$CG" 2>/dev/null && return 0
		[ "$i" != 1 ] || echo 1 >"$CG/cgroup.kill"
		find "$CG" -mindepth 1 -depth -type d -exec rmdir {} \; 2>/dev/null
		sleep 0.1
	done
	while read -r pid; do
		tap "# process $pid ($(cat "/proc/$pid/comm")) survives SIGKILL:"
		sed 's/^/# /' "/proc/$pid/stack" >&3
	done < <(cat "$CG"/cgroup.procs)
	return 1
}

# New kernel messages since the last call go to $DMESG; prints the first splat line.
new_splat()
{
	dmesg --read-clear >"$DMESG"
	cat "$DMESG" >>"$OUT/dmesg.log"
	vm_splat "$DMESG"
}

# run_one DIR PROGRAM PATH TIMEOUT
run_one()
{
	local name=$1/$2 path=$3 limit=$4 rc ok bad skip plan why='' splat reason pid start=$SECONDS

	tap "# $name"
	echo "vmtest: $name" >/dev/kmsg
	mkdir "$CG"
	mkfifo /run/vmtest.pipe
	tee "$LOG" </run/vmtest.pipe | sed -u 's/^/# /' >&3 &
	pid=$!
	(
		echo $BASHPID >"$CG/cgroup.procs"
		cd "$VMACCEL_TOP/tools/testing/selftests/$1" || exit 1
		exec 3>&-
		exec timeout -k 5 "$limit" choom -n 0 -- "$path"
	) </dev/null >/run/vmtest.pipe 2>&1
	rc=$?
	kill_cgroup || why="left a process that cannot be killed"
	wait "$pid"
	rm /run/vmtest.pipe
	cp "$LOG" "$OUT/$1-${2//\//-}.log"
	tap "# $name took $((SECONDS - start)) s"

	read -r ok bad skip plan < <(awk '
		/^ok .*# SKIP/ { skip++; next }
		/^ok / { ok++ }
		/^not ok / { bad++ }
		/^1\.\.[0-9]+/ { plan = substr($1, 4) }
		END { print ok + 0, bad + 0, skip + 0, plan }' "$LOG")

	case $rc in
	0)	;;
	4)	;;
	124|137)
		why="timeout after $limit s" ;;
	*)	why="exit status $rc" ;;
	esac
	[ "$bad" = 0 ] || why="$bad failed"
	if [ -z "$why" ] && [ "$rc" = 0 ]; then
		if [ -z "$plan" ]; then
			why="no plan"
		elif [ "$plan" != $((ok + skip)) ]; then
			why="planned $plan, ran $((ok + skip))"
		fi
	fi
	if [ -z "$why" ] && { [ "$rc" = 4 ] || [ "$skip" != 0 ]; } && [ "$VM_NO_SKIP" = 1 ]; then
		if reason=$(skip_reason "$name"); then
			tap "# expected skip: $reason"
		else
			why="skipped, which this run does not accept"
		fi
	fi
	splat=$(new_splat)
	if [ -n "$splat" ]; then
		why="kernel: $splat"
		sed 's/^/# /' "$DMESG" >&3
	fi

	passed=$((passed + ok))
	failed=$((failed + bad))
	skipped=$((skipped + skip))
	if [ -n "$why" ]; then
		[ "$bad" != 0 ] || failed=$((failed + 1))
		result "not ok" "$name" "$why"
	elif [ "$rc" = 4 ]; then
		skipped=$((skipped + 1))
		result ok "$name" "SKIP $(sed -n 's/.*# SKIP//p' "$LOG" | tail -n 1)"
	else
		result ok "$name"
	fi
}

# Unloads every out-of-tree module, users before what they use; prints those that stay. What a killed process
# held is released a little later than the process goes.
unload_modules()
{
	local module left before='' tries=0

	while [ $tries -lt 5 ]; do
		left=
		for module in /sys/module/*; do
			if [ -e "$module/taint" ] && [[ $(<"$module/taint") == *O* ]]; then
				rmmod "${module##*/}" 2>/dev/null ||
					left+=" ${module##*/} (refcnt $(<"$module/refcnt"))"
			fi
		done
		[ -n "$left" ] || return 0
		if [ "$left" = "$before" ]; then
			tries=$((tries + 1))
			sleep 1
		fi
		before=$left
	done
	echo "cannot be unloaded:$left"
}

check_taint()
{
	local taint

	taint=$(cat /proc/sys/kernel/tainted)
	# Bits 12 and 13: out-of-tree and unsigned modules.
	[ $((taint & ~(1 << 12 | 1 << 13))) = 0 ] || echo "taint $taint"
}

check_leaks()
{
	local file=/sys/kernel/debug/kmemleak

	[ -e $file ] || return 0
	echo scan >$file
	sleep 6
	echo scan >$file
	sed 's/^/# /' $file >&3
	grep -m1 'unreferenced object' $file
}

mapfile -t tests <"$OUT/tests"
tap "TAP version 13"
tap "1..$((${#tests[@]} + 4))"
tap "# kernel $KVER, $(nproc) CPUs, up $(cut -d' ' -f1 /proc/uptime) s"
check "boot without a splat" "$(new_splat)"
for line in "${tests[@]}"; do
	# shellcheck disable=SC2086
	run_one $line
done
check "modules unload" "$(unload_modules)"
check "no leak" "$(check_leaks)"
splat=$(new_splat)
check "clean at the end" "${splat:-$(check_taint)}"
tap "# vm-counts: $passed passed, $failed failed, $skipped skipped"
tap "# vm-end"
