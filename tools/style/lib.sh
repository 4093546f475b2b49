# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# What the checks share. TOP is the tree under test and the current directory.

# need TOOL: fail with the remedy where a tool is missing.
need() {
	command -v "$1" >/dev/null && return 0
	echo "$1 is missing; run tools/setup.sh"
	return 1
}

# Files of the tree, one a line: what git tracks or would track.
tree() {
	if [ -e .git ]; then
		git ls-files -co --exclude-standard
	else
		find . -type f -printf '%P\n'
	fi | while IFS= read -r f; do
		[ ! -f "$f" ] || [ -L "$f" ] || echo "$f"
	done | sort -u
}

c_files() {
	tree | grep -E '\.[ch]$'
}

# C that is compiled for the kernel.
module_files() {
	c_files | grep -v '^tools/'
}

# first_line REGEX: files whose first line matches.
first_line() {
	# shellcheck disable=SC2016
	tree | tr '\n' '\0' |
		LC_ALL=C xargs -0r awk -v re="$1" 'FNR == 1 && $0 ~ re { print FILENAME } { nextfile }'
}

# Scripts by name or by shebang.
shell_files() {
	{
		tree | grep '\.sh$'
		first_line '^#!.*[/ ](ba|da|a)?sh( |$)'
	} | sort -u
}

python_files() {
	{
		tree | grep '\.py$'
		first_line '^#!.*python'
	} | sort -u
}

text_files() {
	tree | tr '\n' '\0' | LC_ALL=C xargs -0r grep -lI ''
}

# The checkers themselves have to spell out what they look for.
without_checkers() {
	grep -vE '^tools/style(/|\.sh$)'
}

# refuse REMEDY: succeed on empty input, else print it and the remedy.
refuse() {
	local found
	found=$(cat)
	[ -n "$found" ] || return 0
	printf '%s\n' "$found"
	echo "remedy: $1"
	return 1
}

# The kernel source tree that has checkpatch.pl; unpacked once in the cache.
linux_source() {
	"$HERE/testing/kunit/source.sh" 2>"$STYLE_TMP/source.log" || {
		cat "$STYLE_TMP/source.log" >&2
		return 1
	}
}
