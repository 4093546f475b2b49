#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# vmballoon as the driver of this machine's balloon device, against a QEMU that it
# commands itself, with the stock driver beside it. The functions are called through
# ksft_test.
# shellcheck disable=SC2086,SC2317

# shellcheck source=tools/testing/selftests/kstest.sh
. "$(dirname "$0")/../kstest.sh"
# shellcheck source=tools/testing/selftests/balloon/qmp.sh
. "$(dirname "$0")/qmp.sh"

MIB=$((1024 * 1024))
LONG=${VMACCEL_LONG:-0}
TOUCHED=/run/vmballoon

# What the machine's memory takes on its host: bytes; kept up to date by who started it.
host_memory()
{
	cat "$VMACCEL_OUT/rss"
}

host_memory_below()
{
	[ "$(host_memory)" -lt "$1" ]
}

# Touch memory and free it again, so that the host has it: bytes.
touch_memory()
{
	fallocate -l "$1" $TOUCHED/file && rm $TOUCHED/file
}

# Bit 2 of the features that the driver took.
deflates_on_oom()
{
	local features

	features=$(cat "$BALLOON/features")
	[ "${features:2:1}" = 1 ]
}

# MemTotal was $1 and $2 more bytes were given away: what it should be.
total_without()
{
	deflates_on_oom && echo "$1" || echo $(($1 - $2))
}

# The host has not got free memory of the guest, or will not get it back.
host_settles()
{
	local last now

	now=$(host_memory)
	for _ in {1..20}; do
		last=$now
		sleep 3
		now=$(host_memory)
		[ "$now" -lt $((last - 16 * MIB)) ] || return 0
	done
}

# inflate_to BYTES: what is given away is written first, so the host has it unless it is told.
inflate_to()
{
	local before more=$((256 * MIB))

	before=$(host_memory)
	balloon_to "$1" && kst_wait 5 host_memory_below $((before + more)) || return 1
	ksft_print_msg "host memory $((before / MIB)) MiB, then $(($(host_memory) / MIB)) MiB"
}

# Without a balloon: what becomes free is no longer the host's to keep.
free_memory()
{
	local before

	touch_memory $((512 * MIB)) && before=$(host_memory) && kst_wait 30 host_memory_below $((before - 400 * MIB)) || return 1
	ksft_print_msg "host memory $((before / MIB)) MiB, then $(($(host_memory) / MIB)) MiB"
	balloon_is "$full" && [ "$(cat "$BALLOON/blocks")" = 0 ] && [ "$(cat "$BALLOON/pages")" = 0 ]
}

inflate_blocks()
{
	local total

	total=$(kst_meminfo MemTotal)
	host_settles
	inflate_to "$low" || return 1
	[ "$(cat "$BALLOON/blocks")" = $(((full - low) / (2 * MIB))) ] || return 1
	[ "$(cat "$BALLOON/pages")" = 0 ] || return 1
	[ "$(kst_meminfo MemTotal)" = "$(total_without "$total" $((full - low)))" ]
}

deflate_blocks()
{
	local total

	total=$(kst_meminfo MemTotal)
	balloon_to "$full" || return 1
	[ "$(cat "$BALLOON/blocks")" = 0 ] || return 1
	[ "$total" = "$(total_without "$(kst_meminfo MemTotal)" $((full - low)))" ]
}

# A size that is no multiple of a block, and steps up and down around it.
odd_sizes()
{
	local size base=$((full - 100 * MIB))

	for size in $((base - 4096)) $((base + 4096)) $((base - 777 * 4096)) $((base - 511 * 4096)) \
		    $base $((base + 3 * 4096)) $full; do
		balloon_to "$size" || return 1
	done
	[ "$(cat "$BALLOON/pages")" = 0 ]
}

# Single pages move when memory is compacted, and the balloon keeps its size.
compaction()
{
	local before

	balloon_to $((full - 511 * 4096)) || return 1
	before=$(sed -n 's/^balloon_migrate //p' /proc/vmstat)
	echo 1 >/proc/sys/vm/compact_memory
	ksft_print_msg "$(($(sed -n 's/^balloon_migrate //p' /proc/vmstat) - before)) pages moved"
	balloon_is $((full - 511 * 4096)) && balloon_to "$full"
}

# Memory with blocks of the balloon can go offline: they come back, and others take their place.
offline()
{
	local total memory gone=() i

	total=$(kst_meminfo MemTotal)
	balloon_to "$low" || return 1
	for i in {20..4}; do
		memory=/sys/devices/system/memory/memory$i
		timeout 5 bash -c "echo offline >$memory/state" 2>/dev/null && gone+=("$memory")
		[ ${#gone[@]} -lt 2 ] || break
	done
	ksft_print_msg "offline: ${gone[*]##*/}"
	kst_wait 30 balloon_is "$low" || return 1
	for memory in "${gone[@]}"; do
		echo online >"$memory/state" || return 1
	done
	[ ${#gone[@]} -gt 0 ] && balloon_to "$full" && [ "$(kst_meminfo MemTotal)" = "$total" ]
}

statistics()
{
	local path=/machine/peripheral/balloon0 answer

	qmp qom-set "{\"path\":\"$path\",\"property\":\"guest-stats-polling-interval\",\"value\":1}" >/dev/null ||
		return 1
	for _ in {1..60}; do
		answer=$(qmp qom-get "{\"path\":\"$path\",\"property\":\"guest-stats\"}")
		case $answer in
		*"\"stat-total-memory\": $(kst_meminfo MemTotal)"*)
			qmp qom-set "{\"path\":\"$path\",\"property\":\"guest-stats-polling-interval\",\"value\":0}" >/dev/null
			return 0 ;;
		esac
		sleep 0.5
	done
	ksft_print_msg "$answer"
	return 1
}

# What is no size is refused and changes nothing; more than the machine was started with is all of that.
illegal()
{
	local value

	balloon_to "$less" || return 1
	for value in 0 -1 -1073741824 9223372036854775808 1.5 '"x"' '"1G"' null true '{}' '[]'; do
		if balloon_set "$value"; then
			ksft_print_msg "takes $value"
			return 1
		fi
	done
	if qmp balloon '{}' >/dev/null || qmp balloon '{"value":1073741824,"other":1}' >/dev/null; then
		return 1
	fi
	balloon_is "$less" && balloon_set $((full + 1024 * MIB)) && kst_wait 60 balloon_is "$full" && balloon_set $((less + 4095)) || return 1
	# Whole pages; the device has no others.
	kst_wait 60 balloon_is $((less + 4096)) && balloon_set 9223372036854775807 && kst_wait 60 balloon_is "$full"
}

# What is written is read back while the balloon takes and gives, in steps of any size.
in_use()
{
	local total busy sizes=0

	total=$(kst_meminfo MemTotal)
	(
		for ((i = 0; i < (LONG ? 60 : 6); i++)); do
			head -c 48M /dev/urandom >$TOUCHED/one && cp $TOUCHED/one $TOUCHED/two || exit 1
			sum=$(cksum <$TOUCHED/one)
			sleep 0.5
			[ "$(cksum <$TOUCHED/one)" = "$sum" ] && cmp $TOUCHED/one $TOUCHED/two && rm $TOUCHED/* || exit 1
		done
	) &
	busy=$!
	while kill -0 $busy 2>/dev/null; do
		balloon_set $((low + RANDOM % 1024 * MIB + RANDOM % 512 * 4096)) || return 1
		sizes=$((sizes + 1))
		sleep 0.$((RANDOM % 5))
	done
	ksft_print_msg "$sizes sizes"
	wait $busy && balloon_to "$low" && balloon_to "$full" && [ "$(kst_meminfo MemTotal)" = "$total" ]
}

# The least that this machine can do with.
little_left()
{
	balloon_to $((256 * MIB)) && balloon_to "$full"
}

unload_inflated()
{
	local total

	total=$(kst_meminfo MemTotal)
	balloon_to "$less" || return 1
	rmmod vmballoon || return 1
	[ "$(kst_meminfo MemTotal)" = "$total" ] && balloon_is "$full"
}

# Loaded again it goes to the size that the device still asks for.
load_again()
{
	balloon_bind vmballoon && kst_wait 60 balloon_is "$less" && balloon_to "$full"
}

unload_moving()
{
	local i total

	total=$(kst_meminfo MemTotal)
	for ((i = 1; i <= (LONG ? 30 : 3); i++)); do
		balloon_set $((i % 2 ? low : full)) || return 1
		sleep 0.$((RANDOM % 10))$i
		rmmod vmballoon || return 1
		balloon_is "$full" && [ "$(kst_meminfo MemTotal)" = "$total" ] || return 1
		balloon_bind vmballoon || return 1
	done
	balloon_to "$full"
}

# Memory that is free and that the host has goes to it as it is, several times over.
grab()
{
	local i rounds=$((LONG ? 10 : 2)) grabbed=0 total

	kst_insmod vmballoon grab=1 || return 1
	total=$(kst_meminfo MemTotal)
	for ((i = 0; i < rounds; i++)); do
		touch_memory $((512 * MIB)) && balloon_to "$less" || return 1
		[ "$(kst_meminfo MemTotal)" = "$(total_without "$total" $((full - less)))" ] || return 1
		[ "$(cat "$BALLOON/grabbed")" -gt $grabbed ] || return 1
		grabbed=$(cat "$BALLOON/grabbed")
		balloon_to "$full" || return 1
		[ "$(kst_meminfo MemTotal)" = "$total" ] || return 1
	done
	ksft_print_msg "$grabbed of $((rounds * (full - less) / MIB / 2)) blocks as they were"
	# All of it can be used again.
	touch_memory $((full - less)) && rmmod vmballoon
}

# The same while memory is compacted, goes offline, and is in use.
grab_churn()
{
	kst_insmod vmballoon grab=1 && touch_memory $((512 * MIB)) && compaction && touch_memory $((512 * MIB)) && offline &&
		touch_memory $((512 * MIB)) && in_use || return 1
	ksft_print_msg "$(cat "$BALLOON/grabbed") blocks as they were"
	[ "$(cat "$BALLOON/grabbed")" -gt 0 ] && touch_memory $((full - less)) && rmmod vmballoon
}

# rebind FROM TO: the device gets the other driver.
rebind()
{
	local id=${BALLOON##*/}

	echo "$id" >"/sys/bus/virtio/drivers/$1/unbind" && echo "$id" >"/sys/bus/virtio/drivers/$2/bind" &&
		balloon_find "$2"
}

# A balloon that the stock driver has inflated, taken over, and given back.
take_over()
{
	local to=$((full - 128 * MIB))

	balloon_bind virtio_balloon && balloon_to "$to" && kst_insmod vmballoon || return 1
	rebind virtio_balloon vmballoon && kst_wait 60 balloon_is "$to" || return 1
	[ "$(cat "$BALLOON/blocks")" = 64 ] || return 1
	rebind vmballoon virtio_balloon && kst_wait 60 balloon_is "$to" || return 1
	rebind virtio_balloon vmballoon && rmmod virtio_balloon && balloon_to "$full"
}

# Pulled out while it moves, and plugged in as a device without reporting: page by page.
page_by_page()
{
	local total

	total=$(kst_meminfo MemTotal)
	balloon_to "$low" || return 1
	host_settles
	balloon_set $((low - 512 * MIB)) || return 1
	balloon_replug '"free-page-reporting":false' && kst_wait 30 balloon_find vmballoon || return 1
	[ "$(kst_meminfo MemTotal)" = "$total" ] && balloon_is "$full" || return 1
	inflate_to "$low" || return 1
	[ "$(cat "$BALLOON/blocks")" = $(((full - low) / (2 * MIB))) ] || return 1
	balloon_to "$full" && [ "$(cat "$BALLOON/blocks")" = 0 ]
}

oom_kills()
{
	sed -n 's/^oom_kill //p' /proc/vmstat
}

# A program needs more than is left: the balloon yields, as much as needed, and stays so.
deflate_on_oom()
{
	local total kills actual to=$((640 * MIB)) need=$((768 * MIB))

	balloon_replug '"free-page-reporting":true,"deflate-on-oom":true' &&
		kst_wait 30 balloon_find vmballoon && deflates_on_oom || return 1
	total=$(kst_meminfo MemTotal)
	balloon_to "$to" || return 1
	# It is still the guest's memory.
	[ "$(kst_meminfo MemTotal)" = "$total" ] || return 1
	kills=$(oom_kills)
	dd if=/dev/zero of=/dev/null bs="$need" count=1 status=none || return 1
	[ "$(oom_kills)" = "$kills" ] || return 1
	kst_wait 5 balloon_is $((full - $(cat "$BALLOON/blocks") * 2 * MIB - $(cat "$BALLOON/pages") * 4096)) ||
		return 1
	actual=$(balloon_actual)
	ksft_print_msg "of $((to / MIB)) MiB to $((actual / MIB)) MiB for a program of $((need / MIB)) MiB"
	[ "$actual" -gt "$to" ] && [ "$actual" -lt $((2 * need)) ] || return 1
	# What the guest needed it keeps, until the host says something else.
	sleep 1
	balloon_is "$actual" && balloon_to $((actual - 16 * MIB)) && balloon_to "$full"
}

# More than there is: what cannot be had is not claimed, and the guest lives.
too_much()
{
	local goal=$((32 * MIB)) last actual same=0 kills

	kills=$(oom_kills)
	balloon_set "$goal" || return 1
	last=$(balloon_actual)
	for _ in {1..60}; do
		sleep 1
		actual=$(balloon_actual)
		same=$((actual == last ? same + 1 : 0))
		[ $same -lt 3 ] || break
		last=$actual
	done
	ksft_print_msg "of $((full / MIB)) MiB $((actual / MIB)) are left"
	[ "$actual" -gt "$goal" ] && [ "$actual" -lt $((full / 2)) ] && [ "$(oom_kills)" = "$kills" ] && balloon_to "$full"
}

ksft_print_header
kst_need modprobe fallocate
qmp_open
ksft_set_plan $((LONG ? 20 : 17))

# In large pages: with small ones emulated machines take long.
mkdir -p $TOUCHED
mount -t tmpfs -o huge=always,size=90% vmballoon $TOUCHED || ksft_exit_fail_msg "no tmpfs"
kst_undo umount $TOUCHED
kst_undo rmmod vmballoon
ksft_test "the driver binds" balloon_bind vmballoon
full=$(balloon_actual)
less=$((full - 512 * MIB))
low=$((full - 1024 * MIB))
ksft_test "free memory" free_memory
ksft_test "inflate by blocks" inflate_blocks
ksft_test "deflate by blocks" deflate_blocks
ksft_test "sizes of no whole block" odd_sizes
ksft_test "compaction" compaction
ksft_test "memory goes offline" offline
ksft_test "statistics" statistics
ksft_test "what is no size" illegal
ksft_test "sizes of any kind while memory is in use" in_use
ksft_test "unload inflated" unload_inflated
ksft_test "load while the device asks for less" load_again
ksft_test "unload while it moves" unload_moving
rmmod vmballoon
ksft_test "free memory as it is" grab
[ "$LONG" = 0 ] || ksft_test "free memory as it is, in a kernel that is busy with memory" grab_churn
ksft_test "taken over from the stock driver, and back" take_over
ksft_test "pulled out, and page by page" page_by_page
ksft_test "deflate on OOM" deflate_on_oom
if [ "$LONG" != 0 ]; then
	ksft_test "little is left" little_left
	ksft_test "more than there is" too_much
fi
rmmod vmballoon
balloon_replug '"free-page-reporting":true'
ksft_finished
