#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compile every *_core.c for user space and try to break it.
#
# For <module>/<name>_core.c there must be, in the directory of that module here:
#   <name>_core_test.c   case tables and properties, TAP      (gcc, ASan, UBSan)
#   <name>_core_fuzz.c   libFuzzer target                     (clang, ASan, UBSan)
#   <name>_core.seeds    its first inputs, in hex
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../../.." && pwd)
OUT=$TOP/build/unit
FUZZ_RUNS=100000

usage() {
	cat <<-USAGE
	usage: run.sh [--mutants] [--coverage] [MODULE]

	Tests the cores of MODULE (default: of all) in user space.
	  --mutants        also break the cores on purpose, line by line of
	                   <name>_core.mutants, and demand that the tests notice
	  --coverage       print how much of each core the tests and the fuzzer run
	Environment:
	  SEED=N           repeat a run (its seed is printed)
	  ITER=N           iterations of each property (0x1000 or 4096)
	  FUZZ_SECONDS=N   fuzz each core so long, instead of $FUZZ_RUNS inputs
	A failing input is kept in build/unit/ and named in the output.
	USAGE
}

mutants=0
coverage=0
only=
for arg; do
	case $arg in
	-h|--help)	usage; exit 0 ;;
	--mutants)	mutants=1 ;;
	--coverage)	coverage=1 ;;
	-*)		usage >&2; exit 2 ;;
	*)		only=$arg ;;
	esac
done

# Results have no numbers until all are there: cores are tested side by side.
ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1"
}

if ! [[ ${ITER:-1} =~ ^(0x)?[0-9a-fA-F]+$ ]] || ! ((${ITER:-1} > 0)); then
	echo "unit: ITER=$ITER is no number of iterations; say ITER=10000" >&2
	exit 2
fi
SEED=${SEED:-$(($(date +%s%N) % 1000000007))}
export SEED
WARN=(-Wall -Wextra -Werror)
SAN=(-g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all)

# home MODULE: where its sources are; a command's are in tools/.
home() {
	if [ -d "$TOP/$1" ]; then
		echo "$TOP/$1"
	else
		echo "$TOP/tools/$1"
	fi
}

# compile CC OUTPUT MODULE FLAGS... -- SOURCES...
compile() {
	local cc=$1 output=$2 module=$3
	shift 3
	"$cc" -std=gnu11 "${WARN[@]}" "${SAN[@]}" -I"$HERE/include" -I"$(home "$module")" \
		-I"$TOP/include" "$@" -o "$output" >"$output.log" 2>&1
}

# Pass on the TAP of one program with its own numbers replaced by ours.
run_test() {
	local name=$1 program=$2 rc=0 lines=0 bad=0 planned='?' line log=$OUT/$1
	"$program" >"$log.tap" 2>"$log.err" || rc=$?
	while IFS= read -r line; do
		case $line in
		"ok "*)		lines=$((lines + 1)); ok "$name: ${line#*- }" ;;
		"not ok "*)	lines=$((lines + 1)); bad=1; not_ok "$name: ${line#*- }" ;;
		1..*)		planned=${line#1..} ;;
		"#"*)		echo "$line" ;;
		esac
	done <"$log.tap"
	# A sanitizer ends the program early, or, for a leak, after the last test.
	if [ "$lines" != "$planned" ] || [ "$lines" = 0 ] || [ "$rc" -gt "$bad" ]; then
		not_ok "$name: ran $lines of $planned tests (exit $rc)"
		sed 's/^/# /' "$log.err" | head -n 40
	fi
}

write_seeds() {
	local file=$1 dir=$2 name hex
	mkdir -p "$dir"
	while IFS=$' \t' read -r name hex; do
		case $name in
		""|"#"*) continue ;;
		esac
		printf '%b' "$(tr -d ' \t' <<<"$hex" | sed 's/../\\x&/g')" >"$dir/$name"
	done <"$file"
}

fuzz() {
	local core=$1 program=$2 seeds=$3 corpus rc=0 budget=(-runs="$FUZZ_RUNS")
	[ -z "${FUZZ_SECONDS:-}" ] || budget=(-max_total_time="$FUZZ_SECONDS")
	corpus=$program.corpus
	rm -rf "$corpus" "$program.seeds"
	mkdir -p "$corpus"
	write_seeds "$seeds" "$program.seeds"
	"$program" "${budget[@]}" -seed="$((SEED % 4294967296))" -timeout=10 -max_len=2048 \
		-artifact_prefix="$program-" "$corpus" "$program.seeds" \
		>"$program.fuzz.log" 2>&1 || rc=$?
	if [ "$rc" = 0 ]; then
		ok "$core: fuzzer, $(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\).*/\1 inputs in \2 s/p' \
			"$program.fuzz.log"), $(find "$corpus" -type f | wc -l) kept"
	else
		not_ok "$core: fuzzer (exit $rc)"
		tail -n 30 "$program.fuzz.log" | sed 's/^/# /'
	fi
}

# A mutant is a line "name<TAB>sed expression", for the core or its header. The tests must fail on it.
mutate() {
	local core=$1 module=$2 base=$3 name expr dir from
	from=$(home "$module")
	while IFS=$'\t' read -r name expr; do
		case $name in
		""|"#"*) continue ;;
		esac
		dir=$OUT/$module/$base.mutant
		rm -rf "$dir"
		mkdir -p "$dir/tests"
		cp "$from"/*_core.[ch] "$dir"
		[ ! -d "$from/tests" ] || cp "$from"/tests/*.h "$dir/tests"
		sed -i "$expr" "$dir/$base.c" "$dir/$base.h"
		if cmp -s "$dir/$base.c" "$from/$base.c" &&
			cmp -s "$dir/$base.h" "$from/$base.h"; then
			not_ok "$core: mutant $name changes nothing"
		elif ! compile gcc "$dir/test" "$dir" -I"$dir" -fsanitize=address,undefined \
			"$HERE/$module/${base}_test.c" "$dir"/*_core.c; then
			not_ok "$core: mutant $name does not compile"
			sed 's/^/# /' "$dir/test.log" | head -n 10
		elif timeout 60 "$dir/test" >/dev/null 2>&1; then
			not_ok "$core: mutant $name survives"
		else
			ok "$core: mutant $name is noticed"
		fi
	done <"$HERE/$module/$base.mutants"
}

# cover CORE MODULE BASE KIND FLAG -- ARGUMENT...: what one program runs of its core; lines and branches.
cover() {
	local core=$1 module=$2 base=$3 kind=$4 flag=$5 bin=$OUT/$2/$3.$4.cov from
	from=$(home "$module")
	shift 6
	rm -f "$bin".*
	if ! compile clang "$bin" "$module" "$flag" -fprofile-instr-generate -fcoverage-mapping \
		"$HERE/$module/${base}_$kind.c" "$from"/*_core.c; then
		not_ok "$core: $kind compiles for coverage"
		sed 's/^/# /' "$bin.log" | head -n 20
		return
	fi
	# libFuzzer measures itself by the same counters.
	LLVM_PROFILE_FILE=$bin.raw "$bin" "$@" >"$bin.out" 2>&1 || true
	if ! llvm-profdata merge -o "$bin.data" "$bin.raw" 2>>"$bin.log"; then
		not_ok "$core: $kind measures coverage"
		return
	fi
	llvm-cov report "$bin" -instr-profile="$bin.data" "$from/$base.c" 2>/dev/null |
		awk -v kind="$kind" -v core="$core" '$1 ~ /_core\.c$/ && NF >= 13 {
			printf "# coverage: %s.c by its %s: %s of %d lines, %s of %d branches\n",
				core, kind, $10, $8, $13, $11 }'
}

echo "TAP version 13"
echo "# SEED=$SEED"
tools=(gcc clang)
[ "$coverage" = 0 ] || tools+=(llvm-profdata llvm-cov)
for tool in "${tools[@]}"; do
	command -v "$tool" >/dev/null && continue
	echo "Bail out! unit: $tool is missing; run tools/setup.sh"
	echo "# unit: 0 passed, 1 failed"
	exit 1
done

# test_core MODULE BASE: everything about one core.
test_core() {
	local module=$1 base=$2 core=$1/$2 bin=$OUT/$1/$2 missing='' file from

	from=$(home "$module")
	for file in "${base}_test.c" "${base}_fuzz.c" "$base.seeds"; do
		[ -e "$HERE/$module/$file" ] || missing="$missing $file"
	done
	if [ -n "$missing" ]; then
		not_ok "$core: tools/testing/unit/$module lacks$missing"
		return
	fi

	# The module may have several cores and they may call each other.
	if compile gcc "$bin.test" "$module" -fsanitize=address,undefined \
		"$HERE/$module/${base}_test.c" "$from"/*_core.c; then
		run_test "$core" "$bin.test"
	else
		not_ok "$core: test compiles"
		sed 's/^/# /' "$bin.test.log" | head -n 40
	fi
	if compile clang "$bin.fuzz" "$module" -fsanitize=fuzzer,address,undefined \
		"$HERE/$module/${base}_fuzz.c" "$from"/*_core.c; then
		fuzz "$core" "$bin.fuzz" "$HERE/$module/$base.seeds"
	else
		not_ok "$core: fuzzer compiles"
		sed 's/^/# /' "$bin.fuzz.log" | head -n 40
	fi
	if [ "$coverage" = 1 ]; then
		cover "$core" "$module" "$base" test -O1 --
		cover "$core" "$module" "$base" fuzz -fsanitize=fuzzer -- -runs=0 \
			"$bin.fuzz.corpus" "$bin.fuzz.seeds"
	fi
	if [ "$mutants" = 1 ] && [ -e "$HERE/$module/$base.mutants" ]; then
		mutate "$core" "$module" "$base"
	fi
}

# As many cores at a time as there are CPUs; what they say is told in their order.
cores=()
commands=()
trap 'kill $(jobs -rp) 2>/dev/null || true' EXIT

# Commands as a whole: programs that print TAP. They wait more than they work, and take no core's place.
for path in "$HERE"/*/*_test.sh; do
	[ -e "$path" ] || continue
	base=$(basename "$path" .sh)
	module=$(basename "$(dirname "$path")")
	[ -z "$only" ] || [ "$only" = "$module" ] || continue
	mkdir -p "$OUT/$module"
	(
		trap 'rc=$?; [ "$rc" = 0 ] || not_ok "$module/$base: ended by status $rc"' EXIT
		run_test "$module/$base" "$path"
	) >"$OUT/$module/$base.results" 2>&1 &
	commands+=("$module/$base")
done

for path in "$TOP"/*/*_core.c "$TOP"/tools/*/*_core.c; do
	[ -e "$path" ] || continue
	base=$(basename "$path" .c)
	module=$(basename "$(dirname "$path")")
	[ -z "$only" ] || [ "$only" = "$module" ] || continue
	mkdir -p "$OUT/$module"
	while [ "$(jobs -rp | wc -l)" -ge $(($(nproc) + ${#commands[@]})) ]; do
		wait -n || true
	done
	(
		trap 'rc=$?; [ "$rc" = 0 ] || not_ok "$module/$base: ended by status $rc"' EXIT
		test_core "$module" "$base"
	) >"$OUT/$module/$base.results" 2>&1 &
	cores+=("$module/$base")
done

wait
n=0
passed=0
failed=0
for core in "${cores[@]}" "${commands[@]}"; do
	while IFS= read -r line; do
		case $line in
		"ok - "*)	n=$((n + 1)); passed=$((passed + 1)); echo "ok $n ${line#ok }" ;;
		"not ok - "*)	n=$((n + 1)); failed=$((failed + 1)); echo "not ok $n ${line#not ok }" ;;
		*)		echo "$line" ;;
		esac
	done <"$OUT/$core.results"
done
if [ "$n" = 0 ]; then
	n=1; failed=1
	echo "not ok 1 - there is a *_core.c to test"
fi

echo "1..$n"
echo "# unit: $passed passed, $failed failed"
[ "$failed" = 0 ]
