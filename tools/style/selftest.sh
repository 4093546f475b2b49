#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove that each check of tools/style.sh can fail.
#
# A small tree that passes every check is made in a temporary directory; then, for
# each check, one thing in a copy of it is broken and the check must object.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(dirname "$(dirname "$HERE")")
SERIES=${STYLE_SELFTEST_KERNEL:-6.12}

case "${1:-}" in
-h|--help)
	echo "usage: tools/style/selftest.sh: breaks a small tree and runs the checks on it"
	exit 0 ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
good=$tmp/good
bad=$tmp/bad
failures=0

make_good() {
	mkdir -p "$good"/{compat/linux,vhost-accel,Documentation/admin-guide} \
		"$good"/tools/testing/selftests/sample
	cp "$TOP/tools/build.sh" "$TOP/tools/kdir.sh" "$good/tools"
	cp "$TOP/.checkpatch.conf" "$good"
	# One module is enough here.
	sed 's,^obj-m .*,obj-m += vhost-accel/,' "$TOP/Kbuild" >"$good/Kbuild"
	cat >"$good/vhost-accel/Kbuild" <<-'END'
		# SPDX-License-Identifier: GPL-2.0
		obj-m += style_sample.o
	END
	cat >"$good/vhost-accel/style_sample.c" <<-'END'
		// SPDX-License-Identifier: GPL-2.0
		/*
		 * A module that no check objects to.
		 */
		#include <linux/module.h>
		#include <linux/types.h>

		/**
		 * style_sample_half() - half of a number
		 * @n: the number
		 *
		 * Return: @n divided by two.
		 */
		static u32 style_sample_half(u32 n)
		{
			return n / 2;
		}

		static int __init style_sample_init(void)
		{
			return style_sample_half(1);
		}
		module_init(style_sample_init);

		MODULE_DESCRIPTION("Sample of the style checks");
		MODULE_LICENSE("GPL");
	END
	printf '/* SPDX-License-Identifier: GPL-2.0 */\n' >"$good/compat/linux/sample.h"
	cat >"$good/tools/sample.sh" <<-'END'
		#!/bin/bash
		# SPDX-License-Identifier: GPL-2.0
		echo "$1"
	END
	cat >"$good/tools/sample.py" <<-'END'
		# SPDX-License-Identifier: GPL-2.0
		print("sample")
	END
	cat >"$good/Documentation/index.rst" <<-'END'
		.. SPDX-License-Identifier: GPL-2.0

		.. toctree::

		   admin-guide/sample
	END
	cat >"$good/Documentation/admin-guide/sample.rst" <<-'END'
		.. SPDX-License-Identifier: GPL-2.0

		A page about tools/sample.sh.
	END
	printf '# SPDX-License-Identifier: GPL-2.0\nunit 60\npart 60\n' \
		>"$good/tools/testing/budget"
	printf '# SPDX-License-Identifier: GPL-2.0\ntimeout=30\n' \
		>"$good/tools/testing/selftests/sample/settings"
	chmod +x "$good/tools/sample.sh"
}

# verdict TREE CHECK: what the check says of the tree.
verdict() {
	STYLE_TOP=$1 "$TOP/tools/style.sh" "$2" >"$tmp/log" 2>&1
}

accepts() {
	verdict "$good" "$1" && return
	echo "$1 objects to a clean tree:"
	cat "$tmp/log"
	failures=$((failures + 1))
}

# objects CHECK FILE TEXT: TEXT appended to FILE must make CHECK fail.
objects() {
	rm -rf "$bad"
	cp -a "$good" "$bad"
	printf '%b\n' "$3" >>"$bad/$2"
	must_fail "$1" "$2 with $3"
}

must_fail() {
	verdict "$bad" "$1" || return 0
	echo "$1 accepts $2"
	failures=$((failures + 1))
}

make_good
for check in spdx whitespace longfiles modes todo paths compat nobug checkpatch kerneldoc \
	     shellcheck python spelling links budget "warnings:$SERIES" "sparse:$SERIES"; do
	accepts "$check"
done

c=vhost-accel/style_sample.c
objects spdx tools/new.rst 'A page.'
objects whitespace $c 'static int a; '
objects whitespace $c '\n'
objects longfiles $c "$(printf '\\n%.0s' {1..1001})"
objects todo $c '/* TODO: later */'
objects paths tools/sample.sh 'cd /home/somebody/src'
objects compat $c '#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)\n#endif'
objects nobug $c 'static void f(void)\n{\n\tBUG_ON(1);\n}'
objects checkpatch $c 'static int f( int a )\n{\n  return a;\n}'
objects kerneldoc $c '/**\n * f() - nothing\n */\nstatic void f(int a)\n{\n}'
# shellcheck disable=SC2016
objects shellcheck tools/sample.sh 'rm $1'
objects python tools/sample.py 'if:'
# In two parts: the tree that holds this file is checked as well.
objects spelling Documentation/admin-guide/sample.rst 'It works as ex''pceted.'
objects links Documentation/admin-guide/sample.rst 'See tools/absent.sh.'
objects links $c '/* See Documentation/design/absent.rst. */'
objects links Documentation/index.rst '   admin-guide/absent'
objects budget tools/testing/budget 'vm 3600'
objects budget tools/testing/selftests/sample/settings 'timeout=61'
objects "warnings:$SERIES" $c 'static int f(void)\n{\n\tint unused;\n\n\treturn 0;\n}'
objects "warnings:$SERIES" $c 'int style_sample_global(void);\nint style_sample_global(void)\n{\n\treturn nowhere();\n}'
objects "sparse:$SERIES" $c \
	'u32 style_sample_swap(__le32 n);\nu32 style_sample_swap(__le32 n)\n{\n\treturn n;\n}'

rm -rf "$bad"
cp -a "$good" "$bad"
chmod -x "$bad/tools/sample.sh"
must_fail modes "a program that is not executable"
rm -rf "$bad"
cp -a "$good" "$bad"
chmod +x "$bad/$c"
must_fail modes "an executable source file"
rm -rf "$bad"
cp -a "$good" "$bad"
rm "$bad/tools/testing/selftests/sample/settings"
must_fail budget "a selftest directory without settings"

[ "$failures" = 0 ]
