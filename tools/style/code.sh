# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Checks that read or compile code.

# Version tests live in compat/ alone, so that the code reads like mainline.
check_compat() {
	c_files | grep -v '^compat/' | tr '\n' '\0' |
		xargs -0r grep -nE '\b(LINUX_VERSION_CODE|KERNEL_VERSION|RHEL_RELEASE_CODE)\b' |
		refuse "write for the newest supported kernel; put a shim in compat/linux/"
}

check_nobug() {
	module_files | tr '\n' '\0' |
		xargs -0r grep -nE '\b(BUG|BUG_ON|VM_BUG_ON[A-Z_]*|panic)\(' |
		refuse "return an error, or WARN_ON_ONCE() and recover"
}

check_checkpatch() {
	local src
	need perl || return 1
	src=$(linux_source) || return 1
	# Shims in compat/ are the one place that may ask for the kernel's version.
	# A label may well be used twice in a macro: it has no side effects.
	# cParams is what the kernel's zstd calls it, page flags are the kernel's names, too.
	# tools/ is user space: kernel types and helpers are not to be had there.
	{
		module_files | grep -v '^compat/' | tr '\n' '\0' |
			xargs -0r -P "$(nproc)" -n 8 perl "$src/scripts/checkpatch.pl" --terse --show-types -q -f
		c_files | grep '^compat/' | tr '\n' '\0' |
			xargs -0r -P "$(nproc)" -n 8 perl "$src/scripts/checkpatch.pl" --terse --show-types -q \
				--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f
		c_files | grep '^tools/' | tr '\n' '\0' |
			xargs -0r -P "$(nproc)" -n 8 perl "$src/scripts/checkpatch.pl" --terse --show-types -q \
				--ignore PREFER_KERNEL_TYPES,SSCANF_TO_KSTRTO,SPLIT_STRING \
				--ignore ENOSYS,AVOID_EXTERNS,VOLATILE,STRCPY,STRLCPY \
				--ignore MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE \
				--ignore ARRAY_SIZE,CAMELCASE,NEW_TYPEDEFS -f
	} 2>&1 | grep -vE "^total: |Macro argument reuse 'label'|CamelCase: <(cParams|__(Set|Clear)PageOffline)>" |
		refuse "follow checkpatch; it knows the kernel's style"
}

check_kerneldoc() {
	local src
	need perl || return 1
	src=$(linux_source) || return 1
	module_files | tr '\n' '\0' |
		xargs -0r perl "$src/scripts/kernel-doc" -none -Wall -Werror 2>&1 |
		refuse "complete the kernel-doc comments"
}

check_shellcheck() {
	need shellcheck || return 1
	# SC1090, SC1091: what a script sources by variable is checked on its own.
	# SC2187: busybox's shell is near enough to dash.
	shell_files | tr '\n' '\0' |
		xargs -0r -P "$(nproc)" -n 4 shellcheck -x -e SC1090,SC1091,SC2187 2>&1 |
		refuse "follow shellcheck"
}

check_python() {
	local f
	need python3 || return 1
	python_files | while IFS= read -r f; do
		python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")' "$f" 2>&1
	done | refuse "correct the syntax"
}

# build_tree SERIES ARGUMENT...: the modules, elsewhere than people build them, and
# with the same flags each time, so that sparse finds them compiled.
build_tree() {
	local kernel=$1
	shift
	O=$TOP/build/style "$TOP/tools/build.sh" "$kernel" -j"$(nproc)" W=1e "$@"
}

# gcc, objtool and modpost at W=1; sparse has its own check.
check_warnings() {
	local kernel=$1 release rc=0
	release=$("$TOP/tools/kdir.sh" --release "$kernel") || return 1
	rm -rf "${TOP:?}/build/style/$release"
	build_tree "$kernel" >"$STYLE_TMP/build" 2>&1 || rc=$?
	grep -iE '(warning|error):|\*\*\*' "$STYLE_TMP/build" |
		refuse "make the build for $kernel silent at W=1" || return 1
	[ "$rc" = 0 ] || cat "$STYLE_TMP/build"
	return "$rc"
}

check_sparse() {
	local kernel=$1 rc=0
	need sparse || return 1
	build_tree "$kernel" C=2 CHECK=sparse CF=-D__CHECK_ENDIAN__ \
		>"$STYLE_TMP/build" 2>&1 || rc=$?
	if ! grep -q '^ *CHECK ' "$STYLE_TMP/build"; then
		cat "$STYLE_TMP/build"
		echo "sparse saw no file"
		return 1
	fi
	grep -iE '(warning|error):|\*\*\*' "$STYLE_TMP/build" |
		refuse "annotate or correct what sparse found on $kernel" || return 1
	[ "$rc" = 0 ] || cat "$STYLE_TMP/build"
	return "$rc"
}

check_selftest() {
	"$HERE/style/selftest.sh"
}

check_sums() {
	"$HERE/style/checktest.sh"
}
