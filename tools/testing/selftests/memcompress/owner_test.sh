#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# VMs of memcompress: whose page is whose, limits, shares, algorithms, directories that come and go. The functions
# are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

BIN=${VMACCEL_TOP:-../../../..}/build/selftests/memcompress
ROOT=/sys/fs/cgroup/kst-own
MC=/sys/kernel/memcompress
SYS=/sys/block/memcompress0
DEV=/dev/memcompress0
LONG=${VMACCEL_LONG:-0}
ROUNDS=$((LONG ? 1000 : 30))
M=$((LONG ? 2 : 1))		# what memory is multiplied by
FILES=$VMACCEL_TOP/tools/testing/selftests$([ "$LONG" = 1 ] || echo /memcompress)
CPUS=$(nproc --all)
declare -A IN OUT PID

column()
{
	local numbers

	read -ra numbers <"$SYS/$1" && echo "${numbers[$2 - 1]}"
}

# ---- VMs ----------------------------------------------------------------------------------------------------

# vm NAME: its directory; the id of a cgroup is its inode
vm()
{
	echo "$MC/vms/$(stat -c %i "$ROOT/$1")"
}

# stat DIRECTORY KEY
stat_of()
{
	local key n

	while read -r key n _; do
		[ "$key" != "$2" ] || echo "$n"
	done <"$1/stat"
}

add()
{
	echo "/kst-own/$1" >$MC/add
}

remove()
{
	echo "/kst-own/$1" >"$MC/remove"
}

refused()
{
	local said

	said=$({ printf '%s' "$3" >"$2"; } 2>&1) && { ksft_print_msg "$2 took '$3'"; return 1; }
	case $said in
	*"$1") return 0 ;;
	esac
	ksft_print_msg "$said"
	return 1
}

# ---- memory -------------------------------------------------------------------------------------------------

# start NAME CGROUP KIND CONTENT MIB: a process that owner_mem.c describes
start()
{
	local in out

	mkfifo "$TMP/$1.in" "$TMP/$1.out" || return 1
	"$BIN/owner_mem" "$ROOT/$2" "$3" "$4" "$5" <"$TMP/$1.in" >"$TMP/$1.out" &
	PID[$1]=$!
	exec {in}>"$TMP/$1.in" {out}<"$TMP/$1.out"
	IN[$1]=$in OUT[$1]=$out
	rm "$TMP/$1.in" "$TMP/$1.out"
	answered "$1"
}

# answered NAME: it says ok
answered()
{
	local line=gone

	read -r -u "${OUT[$1]}" line
	[ "$line" = ok ] || { ksft_print_msg "$1: $line"; return 1; }
}

tell()
{
	echo "${*:2}" >&"${IN[$1]}"
}

ask()
{
	tell "$@" && answered "$1"
}

stop()
{
	local fd=${IN[$1]}

	tell "$1" leave
	exec {fd}>&-
	fd=${OUT[$1]}
	exec {fd}<&-
	wait "${PID[$1]}"
}

# ---- checks -------------------------------------------------------------------------------------------------

# swap_of CGROUP: bytes of it in swap
swap_of()
{
	cat "$ROOT/$1/memory.swap.current"
}

# owns NAME CGROUP LEAST: the VM has what its cgroup has in swap, to the byte, and as much as that
owns()
{
	local have want

	have=$(stat_of "$(vm "$1")" orig_bytes) want=$(swap_of "$2")
	ksft_print_msg "$1 owns $have bytes, $2 has $want in swap"
	[ "$have" = "$want" ] && [ "$have" -ge "$3" ]
}

# The counters of all directories add up to the device's.
sums()
{
	awk 'FNR == 1 && NF > 2 { n["orig_bytes"] -= $1; n["stored_bytes"] -= $2; n["same_pages"] -= $6; n["huge_pages"] -= $8 }
		NF == 2 { n[$1] += $2 }
		END { for (i = split("orig_bytes stored_bytes same_pages huge_pages", key); i; i--)
				if (n[key[i]]) { r = 1; print "# " key[i] " of all less mm_stat: " n[key[i]] }
			exit r }' "$SYS/mm_stat" "$MC/vms/"*/stat
}

charge_limits()
{
	[ "$(stat_of "$1" charged_bytes)" -le $(($2 + CPUS * 4112)) ]
}

# Swap frees slots in batches of 64 for each CPU.
drained()
{
	kst_wait 20 eval "[ \$(stat_of $1 charged_bytes) -lt $((CPUS * 64 * 4112 * 2)) ]"
}

# ---- tests --------------------------------------------------------------------------------------------------

bad_settings()
{
	local d

	d=$(vm a)
	refused "File exists" "$MC/add" /kst-own/a &&
	refused "File exists" "$MC/add" "$(stat -c %i "$ROOT/a")" &&
	refused "No such file or directory" "$MC/add" /kst-own/nobody &&
	refused "Invalid argument" "$MC/add" / &&
	refused "Invalid argument" "$MC/add" kst-own/a &&
	refused "No such file or directory" "$MC/remove" /kst-own/b/n &&
	refused "No such file or directory" "$MC/remove" 0 &&
	refused "Invalid argument" "$MC/remove" x &&
	refused "Numerical result out of range" "$d/weight" 0 &&
	refused "Numerical result out of range" "$d/weight" 10001 &&
	refused "Invalid argument" "$d/max" lots &&
	refused "Invalid argument" "$d/min" -1 &&
	refused "Invalid argument" "$d/algorithm" rot13 &&
	[ "$(cat "$d/path")" = /kst-own/a ] &&
	[ "$(cat "$d"/{min,max,high,weight,algorithm} | tr '\n' ' ')" = "0 max max 100 default " ] &&
	echo 5M >"$d/high" && [ "$(cat "$d/high")" = $((5 << 20)) ] && echo max >"$d/high" &&
	[ "$(cat "$d/high")" = max ]
}

# attributed KIND: of all that a VM swaps, and of nothing else
attributed()
{
	local loads r=0

	start x a/p "$1" noise $((4 * M)) && ask x out && owns a a $((M * 5 << 19)) && owns b b 0 && sums || r=1
	loads=$(stat_of "$(vm a)" loads)
	ask x in && [ "$(stat_of "$(vm a)" loads)" -gt "$loads" ] && sums || r=1
	stop x
	drained "$(vm a)" && return "$r"
}

# A page belongs to the nearest VM above it.
nested()
{
	local r=0

	start x a/n anon noise $((4 * M)) && ask x out && owns a a $((M << 21)) || r=1
	add a/n || r=1
	start y a/n anon noise $((4 * M)) && ask y out || r=1
	[ $(($(stat_of "$(vm a)" orig_bytes) + $(stat_of "$(vm a/n)" orig_bytes))) = "$(swap_of a)" ] || r=1
	[ "$(stat_of "$(vm a/n)" orig_bytes)" -ge $((M << 21)) ] || r=1
	sums || r=1
	stop x
	stop y
	# What a former VM has stored is not in its directory any more: let all of it go.
	remove a/n && swapoff "$DEV" && swapon -p 100 "$DEV" && return "$r"
}

# Whoever reclaims, the owner is the owner.
reclaimed_by_others()
{
	local r=0

	start x a/p anon noise $((8 * M)) && start y b/p shared noise $((8 * M)) || r=1
	echo $((12 * M))M >"$ROOT/memory".reclaim 2>/dev/null
	owns a a $((1 << 20)) && owns b b $((1 << 20)) && sums || r=1
	ask x in && ask y in && sums || r=1
	stop x
	stop y
	return "$r"
}

# What is beyond the maximum is refused, and that is nobody else's business.
maximum()
{
	local d r=0

	d=$(vm a)
	echo $((2 * M))M >"$d/max"
	start x a/p anon noise $((6 * M)) && start y b/p anon noise $((4 * M)) && ask x out && ask y out || r=1
	ksft_print_msg "$(stat_of "$d" charged_bytes) charged, $(stat_of "$d" refused) refused"
	[ "$(stat_of "$d" charged_bytes)" -gt $((M * 3 << 19)) ] && charge_limits "$d" $((M << 21)) || r=1
	[ "$(stat_of "$d" refused)" -gt 0 ] && [ "$(stat_of "$(vm b)" refused)" = 0 ] || r=1
	owns b b $((M * 3 << 20)) && ask x in && ask y in && sums || r=1
	stop x
	stop y
	echo max >"$d/max"
	return "$r"
}

# pages COUNT: into the device, by somebody of VM a
pages()
{
	(
		echo "$BASHPID" >"$ROOT/a/p/cgroup".procs
		dd if=/dev/urandom of="$DEV" bs=4k count="$1" oflag=direct conv=notrunc 2>/dev/null
	)
}

# Who is at the maximum may yet write other pages over those that it has.
rewrite_at_maximum()
{
	local d n r=0

	d=$(vm a)
	echo 1M >"$d/max"
	pages 512 && r=1
	n=$(stat_of "$d" orig_bytes)
	pages 200 || r=1
	ksft_print_msg "$n bytes, then $(stat_of "$d" orig_bytes); refused $(stat_of "$d" refused)"
	[ "$n" -gt 900000 ] && [ "$(stat_of "$d" orig_bytes)" = "$n" ] && charge_limits "$d" $((1 << 20)) || r=1
	echo max >"$d/max"
	blkdiscard "$DEV" && [ "$(stat_of "$d" charged_bytes)" = 0 ] && sums && return "$r"
}

# mem_limit BYTES: beyond what the device takes already
mem_limit()
{
	echo $(($(column mm_stat 3) + $1)) >"$SYS/mem_limit"
}

# A VM gets its minimum when another has filled the device.
minimum()
{
	local d before r=0

	d=$(vm a)
	before=$(stat_of "$d" refused)
	echo $((4 * M))M >"$d/min"
	mem_limit $((M << 23))
	start y b/p anon noise $((12 * M)) && ask y out || r=1
	start x a/p anon noise $((3 * M)) && ask x out || r=1
	ksft_print_msg "refused $(stat_of "$(vm b)" refused); $(stat_of "$d" charged_bytes) of at least $((M << 22)) charged"
	[ "$(stat_of "$(vm b)" refused)" -gt 0 ] && [ "$(stat_of "$d" refused)" = "$before" ] &&
		[ "$(stat_of "$d" charged_bytes)" -gt $((M * 5 << 19)) ] || r=1
	ask x in && ask y in || r=1
	stop x
	stop y
	echo 0 >"$d/min"
	echo 0 >"$SYS/mem_limit"
	return "$r"
}

# Two VMs that want all of it come to have 1 part and 3: checked round by round, since how fast depends on the machine.
weights()
{
	local a b n r=1

	echo 300 >"$(vm b)/weight"
	mem_limit $((M << 23))
	start x a/p anon noise $((13 * M)) && start y b/p anon noise $((13 * M)) && ask x out || return 1
	for ((n = 0; n < 40 && r; n++)); do
		tell x stir 2000
		tell y stir 2000
		answered x || break
		answered y || break
		a=$(stat_of "$(vm a)" charged_bytes) b=$(stat_of "$(vm b)" charged_bytes)
		[ $((b * 10)) -gt $((a * 22)) ] && [ $((b * 10)) -lt $((a * 40)) ] && r=0
	done
	ksft_print_msg "$a and $b bytes after $n rounds"
	ask x in && ask y in && sums || r=1
	stop x
	stop y
	echo 100 >"$(vm b)/weight"
	echo 0 >"$SYS/mem_limit"
	return "$r"
}

# Each VM its own algorithm; what another has packed stays readable.
algorithms()
{
	local a b r=0

	modprobe -q crypto-zstd
	modprobe -q crypto-lzo-rle
	echo zstd >"$(vm b)/algorithm" || return 1
	start x a/p anon text $((4 * M)) && start y b/p anon text $((4 * M)) && ask x out && ask y out || r=1
	a=$(stat_of "$(vm a)" stored_bytes) b=$(stat_of "$(vm b)" stored_bytes)
	ksft_print_msg "$a bytes by $(cat "$SYS/comp_algorithm"), $b by zstd"
	[ "$b" -gt 0 ] && [ $((b * 10)) -lt $((a * 9)) ] || r=1
	for alg in lzo-rle default lz4; do
		echo "$alg" >"$(vm b)/algorithm" && ask y stir $((250 * M)) || r=1
	done
	ask x in && ask y in || r=1
	stop x
	stop y
	echo default >"$(vm b)/algorithm"
	return "$r"
}

add_remove()
{
	local n r=0

	start x a/p anon noise $((4 * M)) && start y a/n shared noise $((4 * M)) && ask x out && ask y out || return 1
	tell x stir $((3000 * M))
	tell y stir $((3000 * M))
	for ((n = 0; n < ROUNDS; n++)); do
		if ! { add a/n && remove a/n && remove a && add a; }; then
			r=1
			break
		fi
	done
	answered x && answered y && sums && ask x in && ask y in && sums || r=1
	stop x
	stop y
	drained "$MC/vms/0" && return "$r"
}

# From a cgroup namespace one cannot see the others' cgroups; they are there all the same.
in_namespace()
{
	(
		echo "$BASHPID" >"$ROOT/b/p/cgroup".procs
		unshare -C sh -c "echo / >$MC/add && echo $(stat -c %i "$ROOT/b/p") >$MC/remove"
	) && [ -d "$(vm a)" ] && [ -d "$(vm b)" ] && ! [ -d "$(vm b/p)" ]
}

# file CGROUP NAME: a file of cgroup_io
file()
{
	echo "$ROOT/$1/io.vm.compress.$2"
}

# settings CGROUP
settings()
{
	cat "$(file "$1" min)" "$(file "$1" max)" "$(file "$1" high)" "$(file "$1" weight)" "$(file "$1" algorithm)" |
		tr '\n' ' '
}

# The files of cgroups are those of the VMs, whichever module comes first.
cgroup_files()
{
	[ ! -e "$(file a max)" ] && kst_insmod cgroup_io && [ ! -e /sys/fs/cgroup/io.vm.compress.max ] &&
	[ "$(settings a)" = "0 max max 100 default " ] && cmp "$(file a stat)" "$(vm a)/stat" &&
	echo 1M >"$(file a min)" && echo 9M >"$(file a max)" && echo 8M >"$(file a high)" &&
	echo 250 >"$(file a weight)" && echo zstd >"$(file a algorithm)" &&
	[ "$(settings a)" = "1048576 9437184 8388608 250 zstd " ] &&
	[ "$(cat "$(vm a)"/{min,max,high,weight,algorithm} | tr '\n' ' ')" = "$(settings a)" ] &&
	refused "Invalid argument" "$(file a max)" lots && refused "Numerical result out of range" "$(file a weight)" 0 &&
	refused "Invalid argument" "$(file a algorithm)" rot13 &&
	echo 0 >"$(file a min)" && echo max >"$(file a max)" && echo max >"$(file a high)" &&
	echo 100 >"$(file a weight)" && echo default >"$(file a algorithm)" &&
	[ "$(cat "$(vm a)"/{min,max,high,weight,algorithm} | tr '\n' ' ')" = "0 max max 100 default " ]
}

# as_user FILE VALUE: by one who may write the file, but is not the host's administrator
as_user()
{
	setpriv --bounding-set -sys_admin --inh-caps -sys_admin sh -c "echo '$2' >'$1'" 2>/dev/null
}

# The administrator makes a cgroup a VM by a setting; whoever else has the files only gives up what it has.
delegation()
{
	local file r=0

	mkdir "$ROOT/c" && [ "$(settings c)" = "0 max max 100 default " ] && [ -z "$(cat "$(file c stat)")" ] || r=1
	refused "Invalid argument" "$(file c max)" lots || r=1
	for file in min max high weight; do
		! as_user "$(file c "$file")" 1 || r=1
	done
	[ ! -d "$(vm c)" ] && echo 8M >"$(file c max)" && [ "$(cat "$(vm c)/path")" = /kst-own/c ] || r=1
	! as_user "$(file c max)" 9M && as_user "$(file c max)" 6M && ! as_user "$(file c max)" 7M &&
	! as_user "$(file c max)" max && ! as_user "$(file c min)" 1 && as_user "$(file c min)" 0 &&
	! as_user "$(file c weight)" 101 && as_user "$(file c weight)" 50 && ! as_user "$(file c weight)" 51 &&
	! as_user "$(file c high)" 1M && ! as_user "$(file c algorithm)" lz4 || r=1
	[ "$(settings c)" = "0 6291456 max 50 default " ] || r=1
	file=$(vm c)
	rmdir "$ROOT/c" && add b/n && remove b/n && [ ! -d "$file" ] && return "$r"
}

# cgroup_io has the files all the time.
without_memcompress()
{
	local r=0

	refused "No such device" "$(file a max)" 1M && ! cat "$(file a max)" 2>/dev/null &&
	kst_insmod memcompress && [ ! -d "$(vm a)" ] && echo 1M >"$(file a max)" &&
	[ "$(cat "$(vm a)/max")" = 1048576 ] || r=1
	rmmod memcompress && rmmod cgroup_io && [ ! -e "$(file a max)" ] && return "$r"
}

# The pages of a file outlive their cgroup. They count as the rest of the host's, and nothing is lost.
rmdir_stored()
{
	local d had r=0

	mkdir "$ROOT/gone" && add gone && d=$(vm gone) && start x gone /dev/shm/kst-own noise $((4 * M)) && ask x out || r=1
	had=$(stat_of "$d" orig_bytes)
	stop x
	kst_wait 20 rmdir "$ROOT/gone" 2>/dev/null || r=1
	add b/n && remove b/n
	ksft_print_msg "$had bytes of a cgroup that is gone"
	[ ! -d "$d" ] && [ "$had" -ge $((M << 21)) ] && [ "$(stat_of "$MC/vms/0" orig_bytes)" -ge "$had" ] && sums || r=1
	rm /dev/shm/kst-own
	drained "$MC/vms/0" && sums && return "$r"
}

# A file system's own buffers are slab and vmalloc memory; its files are the VM's.
file_system()
{
	local dir="$TMP/mnt" r=0

	mkdir -p "$dir"
	"mkfs.$1" "${@:2}" "$DEV" >/dev/null 2>&1 && mount "$DEV" "$dir" || return 1
	(echo "$BASHPID" >"$ROOT/a/p/cgroup".procs && cp -r "$FILES" "$dir/files" && sync) || r=1
	[ "$(stat_of "$(vm a)" orig_bytes)" -gt $((LONG ? 1 << 18 : 1 << 16)) ] && sums || r=1
	echo 1 >/proc/sys/vm/drop_caches
	diff -r "$FILES" "$dir/files" >/dev/null || r=1
	umount "$dir" && return "$r"
}

unload_full()
{
	[ "$(stat_of "$(vm a)" orig_bytes)" -gt 0 ] && kst_wait 10 rmmod memcompress 2>/dev/null && ! [ -e "$MC" ]
}

ksft_print_header
kst_need mkswap swapon blkdiscard unshare setpriv mkfs.ext4 mkfs.xfs
[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup
ksft_set_plan 22
TMP=$(mktemp -d)
kst_undo rm -rf "$TMP"
kst_load memcompress
kst_undo rmmod cgroup_io
kst_undo swapoff $DEV
echo "+memory +io" >/sys/fs/cgroup/cgroup.subtree_control
for group in "" /a /a/p /a/n /b /b/p /b/n; do
	mkdir $ROOT$group && kst_undo rmdir $ROOT$group
	case $group in
	*/[pn]) ;;
	*) echo "+memory +io" >$ROOT$group/cgroup.subtree_control ;;
	esac
done
add a || ksft_exit_fail_msg "no VM"
add b || ksft_exit_fail_msg "no VM"

ksft_test "bad settings are refused" bad_settings
echo lz4 >$SYS/comp_algorithm
ksft_test "swap on" eval "echo 400M >$SYS/disksize && mkswap $DEV >/dev/null && swapon -p 100 $DEV"
for kind in anon thp shared; do
	ksft_test "$kind memory is its VM's" attributed $kind
done
ksft_test "nested VMs" nested
ksft_test "reclaimed by others" reclaimed_by_others
ksft_test "the maximum holds, and hurts no neighbour" maximum
ksft_test "the minimum holds in a full device" minimum
ksft_test "weights divide" weights
ksft_test "an algorithm for each VM" algorithms
ksft_test "$ROUNDS rounds of adding and removing under load" add_remove
ksft_test "adding and removing in a cgroup namespace" in_namespace
ksft_test "the files in cgroups" cgroup_files
ksft_test "who is no administrator only gives up" delegation
ksft_test "a cgroup goes before its pages" rmdir_stored
ksft_test "swap off leaves nothing" eval "swapoff $DEV && sums && [ \$(stat_of \$(vm a) charged_bytes) = 0 ]"
ksft_test "the maximum lets a VM rewrite what it has" rewrite_at_maximum
ksft_test "ext4 on the device" file_system ext4 -q
ksft_test "XFS on the device" file_system xfs -q -f
ksft_test "unloads with VMs and their pages" unload_full
ksft_test "the files in cgroups without memcompress, and with it later" without_memcompress
ksft_finished
