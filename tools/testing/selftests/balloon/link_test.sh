#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The link between guests and vmballoon_host over vsock_loopback, where a parameter says which VM a connection
# counts as: guests that behave, guests that do not, and vmballoon as a guest's end. The functions are called
# through ksft_test.
# shellcheck disable=SC2086,SC2317

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/qmp.sh
. "$(dirname "$0")/qmp.sh"
# shellcheck source=tools/testing/selftests/balloon/host_lib.sh
. "$(dirname "$0")/host_lib.sh"

LONG=${VMACCEL_LONG:-0}
AS=/sys/module/vmballoon_host/parameters/loopback_as
CG=/sys/fs/cgroup/vmballoon-test
BIN=${VMACCEL_TOP:-$(dirname "$0")/../../../..}/build/selftests/balloon
PEER=$BIN/link_peer
RAM=$((512 * MIB))
ANY=4294967295
HELLO="connect hello $RAM 0"

# peer CID OPTION-OR-OPERATION...: a client that is VM CID; others may follow once it is connected.
peer()
{
	echo "$1" >$AS
	shift
	"$PEER" "$@"
}

# stay CID OPERATION...: the same in the background, until it is killed: STAYS.
stay()
{
	local cid=$1
	shift

	echo "$cid" >$AS
	"$PEER" $HELLO "$@" wait 600000 >"$DIR/$cid" &
	STAYS=$!
	kst_undo kill $STAYS
	kst_wait 10 vm_is "$cid" link connected
}

end()
{
	kill "$1" && wait "$1" 2>/dev/null
	:
}

# again CID: it never connected before.
again()
{
	[ ! -e "$SYS/vms/$1" ] || echo "$1" >"$SYS/remove"
	echo "$1 512M" >"$SYS/add"
}

refused_more_than()
{
	[ "$(cat $SYS/refused)" -gt "$1" ]
}

# refused COMMAND...: does so, and is refused.
refused()
{
	local before

	before=$(cat $SYS/refused)
	"$@" && kst_wait 10 refused_more_than "$before"
}

strangers()
{
	refused peer 0 connect closed || return 1
	refused peer 9 connect closed || return 1
	refused peer 7 -p 1024 connect closed || return 1
	refused peer 7 -p 40000 connect closed || return 1
	# An unprivileged user gets no other port.
	echo 7 >$AS
	! setpriv --reuid 65534 --clear-groups "$PEER" connect 2>/dev/null || return 1
	vm_is 7 link none
}

talks()
{
	local said

	again 7 && stay 7 report $((500 * MIB)) $((400 * MIB)) 5 6 7 8 order || return 1
	kst_wait 10 grep -q order "$DIR/7" && kst_wait 10 vm_is 7 missing 8 || return 1
	said=$(vm 7 report)
	[ "$said" = "$((500 * MIB)) $((400 * MIB)) 5 6" ] && vm_is 7 held 7 || return 1
	# Not measured: nothing is to be held.
	grep -q "^order 0 " "$DIR/7" && end $STAYS && kst_wait 10 vm_is 7 link none
}

# What is ordered follows without a question, once.
ordered()
{
	again 7 && mkdir -p "$CG/a" && echo "/${CG##*/}/a" >"$SYS/vms/7/cgroup" || return 1
	echo $(($(kst_meminfo MemAvailable) - 200 * MIB)) >"$SYS/reserve" || return 1
	stay 7 report $RAM $RAM 0 0 0 0 order order order order || return 1
	kst_wait 20 grep -q "^order [1-9]" "$DIR/7" || return 1
	end $STAYS
	echo 0 >"$SYS/reserve"
}

# One that was started anew, and whose VM was stuck before, is not told to give all.
anew()
{
	again 7 && echo "/${CG##*/}/a" >"$SYS/vms/7/cgroup" || return 1
	echo $(($(kst_meminfo MemAvailable) - 200 * MIB)) >"$SYS/reserve" || return 1
	kst_wait 30 vm_is 7 state stuck && vm_is 7 order 0 || return 1
	peer 7 $HELLO order >"$DIR/7" && echo 0 >"$SYS/reserve" || return 1
	! grep -q "^order $RAM " "$DIR/7"
}

replaced()
{
	local first

	again 7
	echo 7 >$AS
	"$PEER" $HELLO closed &
	first=$!
	kst_wait 10 vm_is 7 link connected && stay 7 || return 1
	wait $first && vm_is 7 link connected && end $STAYS
}

# bad OPERATION...: ends the connection.
bad()
{
	again 7 || return 1
	peer 7 connect "$@" closed && kst_wait 10 vm_is 7 link none && return
	ksft_print_msg "still connected after: $*"
	return 1
}

bad_messages()
{
	local zeros=0000000000000000000000000000000000000000000000000000000000000000

	bad report 1 2 3 4 5 6 && bad type 3 && bad type 4 && bad type 255 && bad seq 2 hello 1 1 &&
		bad seq 0 hello 1 1 && bad hello 1 1 hello 1 1 && bad hello 1 1 type 3 &&
		bad hello 1 1 seq 3 report 1 2 3 4 5 6 && bad hello 1 1 seq 1 report 1 2 3 4 5 6 &&
		bad bytes $zeros$zeros &&
		bad bytes 564d424c02010000010000000000000000000000400000000000000000000000$zeros
}

# Of any form: neither the host nor another VM minds.
damaged()
{
	local n=300 reads value

	[ "$LONG" = 0 ] || n=20000
	again 7
	peer 7 fuzz $n ${RANDOM}${RANDOM} || return 1
	# Whatever came through is within limits.
	reads="$(vm 7 held) $(vm 7 missing) $(vm 7 need)"
	for value in $reads; do
		[ "$value" -le $RAM ] || return 1
	done
	vm_is 8 link connected
}

claims()
{
	local big=18446744073709551615

	again 7
	peer 7 $HELLO report $big $big $big $big $big $big order >/dev/null || return 1
	# The order is the hello's: the report may still be on its way.
	kst_wait 10 vm_is 7 missing $RAM && vm_is 7 held $RAM && vm_has 7 need -le $RAM && vm_has 7 target -le $RAM || return 1
	peer 7 $HELLO report $big 0 $big $big $big $big order >/dev/null || return 1
	kst_wait 10 vm_is 7 need $RAM && vm_has 7 target -le $RAM && vm_is 8 link connected
}

# Cut off; the other VM is answered all the while.
flood()
{
	local pid

	# It is to connect anew.
	end $STAYS
	again 7
	echo 7 >$AS
	"$PEER" $HELLO flood 1000000 closed &
	pid=$!
	kst_wait 10 vm_has 7 ignored -gt 0 || return 1
	peer 8 $HELLO report 1 1 1 1 1 1 order report 1 1 1 1 1 1 order >/dev/null || return 1
	wait $pid && vm_has 7 ignored -gt 100 && vm_is 8 ignored 0 && kst_wait 10 vm_is 7 link none && return
	ksft_print_msg "ignored: $(vm 7 ignored) and $(vm 8 ignored)"
	return 1
}

# A guest that asks and takes nothing, over vhost-vsock: ended, and refused until it has taken all.
untaken()
{
	local before

	again 7
	before=$(cat $SYS/refused)
	"$BIN/link_guest" 7 connect hello $RAM until "$DIR/ask" ask 400 until "$DIR/request" request until "$DIR/take" \
		take connect hello $RAM until "$DIR/end" >"$DIR/7" &
	kst_undo kill $!
	kst_wait 10 vm_is 7 link connected && touch "$DIR/ask" && kst_wait 10 grep -qx asked "$DIR/7" || return 1
	kst_wait 10 vm_is 7 link none && touch "$DIR/request" && kst_wait 10 refused_more_than "$before" || return 1
	vm_is 7 link none && touch "$DIR/take" && kst_wait 20 vm_is 7 link connected && touch "$DIR/end" && wait $!
}

# Connections without end: who is connected does not notice, and who is not gets in.
storm()
{
	local pid n=1000

	[ "$LONG" = 0 ] || n=100000
	again 7
	stay 8 keep || return 1
	echo 0 >$AS
	("$PEER" -p $ANY storm $n & "$PEER" -p $ANY storm $n; wait) &
	pid=$!
	kst_wait 20 peer 7 $HELLO report 1 1 1 1 1 1 order >/dev/null 2>&1 || return 1
	vm_is 8 link connected && wait $pid
	# A VM that connects too often is refused, too, for a while.
	again 7
	echo 7 >$AS
	refused "$PEER" storm 30 && kst_wait 10 "$PEER" $HELLO report 1 1 1 1 1 1 order >/dev/null && end $STAYS
}

# Half a message, and a hello alone.
be_silent()
{
	again 10 && again 11
	stay 10 report $RAM $RAM 0 0 1000 1000 part 10 && stay 11 && kst_wait 10 vm_has 10 need -lt $RAM || return 1
	# Not even a hello.
	again 12 && echo 12 >$AS || return 1
	"$PEER" connect wait 600000 &
	kst_undo kill $!
	kst_wait 10 vm_is 12 link connected
}

# One that will send no more, but would hear: it is gone.
half_closed()
{
	local pid

	again 7 && echo 7 >$AS || return 1
	"$PEER" $HELLO order until "$DIR/shut" shut wait 600000 &
	pid=$!
	kst_undo kill $pid
	kst_wait 10 vm_is 7 link connected && touch "$DIR/shut" && kst_wait 5 vm_is 7 link none && kill -0 $pid && end $pid &&
		vm_is 8 link connected
}

# Ended after ten seconds, and what was said is forgotten.
silence()
{
	kst_wait 20 vm_is 10 link none && kst_wait 20 vm_is 11 link none && kst_wait 20 vm_is 12 link none && kst_wait 10 vm_is 10 need $RAM || return 1
	[ -z "$(vm 10 report)" ] && vm_is 10 held 0 && vm_is 10 missing 0
}

held_is_more()
{
	vm_has 7 held -gt $1 && [ "$(cat "$BALLOON/blocks")" -gt $(($1 / MIB / 2)) ]
}

# The driver as VM 7, whose memory is a cgroup's: ordered down it gives, and it does not tell its device that it asked.
driver()
{
	local full ram

	full=$(balloon_actual)
	ram=$full
	echo 7 >"$SYS/remove"
	echo "7 $ram" >"$SYS/add"
	echo "/${CG##*/}/a" >"$SYS/vms/7/cgroup" || return 1
	echo 7 >$AS
	balloon_bind vmballoon link=1 || return 1
	kst_undo rmmod vmballoon
	kst_wait 20 vm_is 7 link connected || return 1
	kst_wait 20 vm_has 7 need -lt $ram || return 1
	echo $(($(kst_meminfo MemAvailable) - 1024 * MIB)) >"$SYS/reserve"
	kst_wait 30 held_is_more $((100 * MIB)) || return 1
	ksft_print_msg "ram $((ram / MIB)) MiB, order $(($(vm 7 order) / MIB)), held $(($(vm 7 held) / MIB))"
	balloon_is "$full" || return 1
	# The larger of two wishes counts, and the device hears of its own.
	balloon_to $((full - 64 * MIB)) && held_is_more $((100 * MIB)) && balloon_to $full
}

# The host is gone: after ten seconds the guest has its memory again.
deserted()
{
	echo 0 >"$SYS/reserve"
	echo 7 >"$SYS/remove"
	kst_wait 30 [ "$(cat "$BALLOON/blocks")" != 0 ]
	kst_wait 40 grep -qx 0 "$BALLOON/blocks" && rmmod vmballoon
}

unload()
{
	local i

	for i in 1 2 3; do
		again 7 && again 8 || return 1
		stay 7 && stay 8 || return 1
		"$PEER" -p $ANY storm 50 &
		kst_wait 5 rmmod vmballoon_host && [ ! -e "$SYS" ] && kst_insmod vmballoon_host || return 1
		wait $!
	done
}

ksft_print_header
kst_need setpriv
grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null || ksft_exit_skip "no cgroup v2 with memory"
kst_load_stock vsock_loopback
[ "$LONG" = 0 ] || kst_load_stock vhost_vsock
qmp_open
ksft_set_plan $((LONG ? 17 : 16))
DIR=$(mktemp -d)
rmmod virtio_balloon 2>/dev/null
kst_load vmballoon_host
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir -p "$CG"
echo +memory >"$CG/cgroup.subtree_control"
kst_undo rmdir "$CG"
kst_undo rmdir "$CG/a"
echo "7 512M" >$SYS/add
echo "8 512M" >$SYS/add

ksft_test "those who may not connect" strangers
ksft_test "those who have no more to say" be_silent
ksft_test "hello, report, order" talks
ksft_test "an order that is news" ordered
ksft_test "a guest started anew" anew
ksft_test "a new connection replaces the old" replaced
ksft_test "messages that are none" bad_messages
stay 8 keep
ksft_test "damaged messages" damaged
ksft_test "wrong claims" claims
ksft_test "a connection half closed" half_closed
ksft_test "a flood of messages" flood
[ "$LONG" = 0 ] || ksft_test "answers that nobody takes" untaken
ksft_test "a storm of connections" storm
ksft_test "silence" silence
ksft_test "the guest's driver" driver
ksft_test "a host that is gone" deserted
ksft_test "unload with connections" unload
ksft_finished
