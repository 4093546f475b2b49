# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Checks that read any text of the tree.

check_spdx() {
	local f
	tree | while IFS= read -r f; do
		case $f in
		COPYING|README|*/README) continue ;;
		esac
		head -n 5 "$f" | LC_ALL=C grep -aq 'SPDX-License-Identifier: ' || echo "$f"
	done | refuse "add an SPDX-License-Identifier line at the top of these files"
}

check_whitespace() {
	{
		text_files | grep -vE '\.patch$|^COPYING$' | tr '\n' '\0' |
			xargs -0 grep -nE '[[:blank:]]+$'
		text_files | while IFS= read -r f; do
			[ -z "$(tail -c 1 "$f")" ] || echo "$f: no newline at its end"
			[ -n "$(tail -n 1 "$f")" ] || [ ! -s "$f" ] || echo "$f: empty line at its end"
		done
	} | refuse "remove trailing blanks; end files with one newline"
}

check_longfiles() {
	tree | grep -vx COPYING | tr '\n' '\0' | xargs -0 wc -l |
		awk '$2 != "total" && $1 > 1000 { print $2 ": " $1 " lines" }' |
		refuse "split files of more than 1000 lines by concept"
}

# A program starts with "#!" and is executable; a library is neither.
check_modes() {
	tree | while IFS= read -r f; do
		case $(head -c 2 "$f" | tr -d '\0') in
		"#!") [ -x "$f" ] || echo "$f: has an interpreter line but is not executable" ;;
		*) [ ! -x "$f" ] || echo "$f: is executable without an interpreter line" ;;
		esac
	done | refuse "chmod +x programs, chmod -x the rest"
}

check_todo() {
	text_files | without_checkers | grep -vx COPYING | tr '\n' '\0' |
		xargs -0 grep -nwE 'TODO|FIXME|XXX|HACK' |
		refuse "do it now, or open an issue and leave the code without a marker"
}

# Where a checkout or a home directory lies is nobody else's business.
check_paths() {
	text_files | without_checkers | tr '\n' '\0' |
		xargs -0 grep -nE '(^|[^A-Za-z0-9_.$}/-])/(work\b|home/[a-z]|root/[A-Za-z.])' |
		refuse "name places relative to the tree, or by variable"
}

check_spelling() {
	need codespell || return 1
	text_files | grep -vE '^COPYING$|\.(seeds|patch)$' | tr '\n' '\0' |
		xargs -0 codespell --ignore-words="$HERE/style/codespell-words" |
		refuse "correct the words, or add them to tools/style/codespell-words"
}

# Every file that the README or a page names must exist, every page must be listed.
check_links() {
	local f name dir
	{
		tree | grep -E '^(README|.*\.rst)$' | while IFS= read -r f; do
			grep -oP '(?<![A-Za-z0-9_./-])(Documentation|compat|tools|vhost-accel|memcompress|balloon|cgroup-io)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]' \
				"$f" | sort -u | while IFS= read -r name; do
				# Modules are not there before they are built.
				[ -e "$name" ] || [ "${name%.ko}" != "$name" ] ||
					echo "$f names $name, which does not exist"
			done
			# shellcheck disable=SC2016
			grep -oE ':doc:`[^`]*`' "$f" | sed 's/.*<\(.*\)>`/\1/; s/:doc:`//; s/`$//' |
				while IFS= read -r name; do
				dir=$(dirname "$f")
				[ "${name#/}" = "$name" ] || { dir=Documentation; name=${name#/}; }
				[ -e "$dir/$name.rst" ] || echo "$f links to $name, which does not exist"
			done
		done
		text_files | without_checkers | tr '\n' '\0' |
			xargs -0 grep -oE 'Documentation/[a-z]+/[a-z-]+\.rst' | sort -u |
			while IFS=: read -r f name; do
			[ -e "$name" ] || echo "$f names $name, which does not exist"
		done
		if [ -e Documentation/index.rst ]; then
			tree | grep -E '^Documentation/.*\.rst$' | while IFS= read -r f; do
				name=${f#Documentation/}
				[ "$name" = index.rst ] || grep -q "^   ${name%.rst}\$" \
					Documentation/index.rst || echo "$f is not in Documentation/index.rst"
			done
			sed -n 's/^   \([a-z-]*\/[A-Za-z0-9_-]*\)$/\1/p' Documentation/index.rst |
				while IFS= read -r name; do
				[ -e "Documentation/$name.rst" ] ||
					echo "Documentation/index.rst lists $name, which does not exist"
			done
		fi
	} | refuse "correct the reference"
}

# The tiers' time limits, and what a selftest directory may claim of them.
check_budget() {
	local budget=tools/testing/budget sum part dir claimed
	[ -r "$budget" ] || { echo "$budget is missing"; return 1; }
	sum=$(awk '/^[a-z]/ && $1 != "part" { s += $2 } END { print s + 0 }' "$budget")
	part=$(awk '$1 == "part" { print $2 }' "$budget")
	{
		[ "$sum" -gt 0 ] || echo "$budget declares nothing"
		[ "$sum" -le 3600 ] || echo "$budget sums up to $sum s, more than 3600 s"
		for dir in tools/testing/selftests/*/; do
			[ -d "$dir" ] || continue
			claimed=$(sed -n 's/^timeout=\([0-9]*\)$/\1/p' "$dir/settings" 2>/dev/null |
				sort -n | tail -n 1)
			if [ -z "$claimed" ]; then
				echo "${dir}settings has no timeout=SECONDS line"
			elif [ "$claimed" -gt "${part:-0}" ]; then
				echo "${dir}settings claims $claimed s, more than $part s"
			fi
		done
	} | refuse "make the tests shorter, long loops belong to VMACCEL_LONG=1"
}
