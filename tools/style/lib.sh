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

# Scripts by name or by shebang.
shell_files() {
	tree | while IFS= read -r f; do
		case $f in
		*.sh) echo "$f" ;;
		*) head -n 1 "$f" | LC_ALL=C grep -aqE '^#!.*[/ ](ba|da|a)?sh( |$)' && echo "$f" ;;
		esac
	done
}

python_files() {
	tree | while IFS= read -r f; do
		case $f in
		*.py) echo "$f" ;;
		*) head -n 1 "$f" | LC_ALL=C grep -aqE '^#!.*python' && echo "$f" ;;
		esac
	done
}

text_files() {
	tree | while IFS= read -r f; do
		LC_ALL=C grep -qI '' "$f" && echo "$f"
	done
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
