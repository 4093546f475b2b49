#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs and removes what a host needs beside the modules: see usage().

set -eu

usage()
{
	cat <<END
Usage: tools/install.sh [--uninstall] [RELEASE...]

Installs the udev rule, the list of modules to load at boot, and the AppArmor lines for libvirt's guests. Doing it
twice is as good as doing it once. --uninstall removes them, the command vmaccel, which tools/vmaccel/Makefile
installs, and the modules of the releases named.

  DESTDIR      put before each path; the running system is left alone then
  PREFIX       where the rule and the list go, below lib/, and the command is (default /usr/local)
  SYSCONFDIR   where AppArmor's files are, below apparmor.d/ (default /etc)
END
}

here=$(cd "$(dirname "$0")" && pwd)
PREFIX=${PREFIX:-/usr/local}
SYSCONFDIR=${SYSCONFDIR:-/etc}
DESTDIR=${DESTDIR:-}

rules=$DESTDIR$PREFIX/lib/udev/rules.d/60-vhost-accel.rules
modules=$DESTDIR$PREFIX/lib/modules-load.d/vmaccel.conf
command=$DESTDIR$PREFIX/sbin/vmaccel
service=$DESTDIR$PREFIX/lib/systemd/system/vmaccel-balloon.service
apparmor=$DESTDIR$SYSCONFDIR/apparmor.d/local/abstractions/libvirt-qemu

begin='  # vmaccel begin'
made='  # vmaccel begin (made this file)'
end='  # vmaccel end'

# Where libvirt's abstraction includes them; what else is in the file stays.
apparmor_remove()
{
	local tmp whole

	[ -e "$apparmor" ] || return 0
	grep -q "^$begin" "$apparmor" || return 0
	whole=$(grep -cxF "$made" "$apparmor" || :)
	tmp=$(mktemp "$apparmor.XXXXXX")
	# The block ends with its end line, or with the file.
	awk -v begin="$begin" -v end="$end" 'index($0, begin) == 1 { skip = 1 }
		!skip { print }
		$0 == end { skip = 0 }' "$apparmor" >"$tmp"
	if [ "$whole" != 0 ] && [ ! -s "$tmp" ]; then
		rm "$tmp" "$apparmor"
		return
	fi
	# Into the same file: its mode and owner stay.
	cat "$tmp" >"$apparmor"
	rm "$tmp"
}

apparmor_add()
{
	local first=$begin new=

	apparmor_remove
	mkdir -p "${apparmor%/*}"
	if [ ! -e "$apparmor" ]; then
		first=$made
		new=1
	elif [ -s "$apparmor" ] && [ "$(tail -c 1 "$apparmor" | wc -l)" = 0 ]; then
		echo >>"$apparmor"
	fi
	{
		echo "$first"
		cat "$here/install/apparmor-libvirt-qemu"
		echo "$end"
	} >>"$apparmor"
	[ -z "$new" ] || chmod 644 "$apparmor"
}

# udev reads its rules anew and looks at the node again, if there is one.
udev_apply()
{
	if [ -n "$DESTDIR" ] || [ ! -S /run/udev/control ]; then
		return 0
	fi
	udevadm control --reload
	[ ! -e /dev/vhost-accel ] || udevadm trigger --action=change /sys/class/misc/vhost-accel
}

remove_modules()
{
	local updates=$DESTDIR/lib/modules/$1/updates module found=

	for module in vhost-accel/vhost_accel memcompress/memcompress balloon/vmballoon \
		balloon/vmballoon_host cgroup-io/cgroup_io cgroup-io/dm_vmio; do
		[ -e "$updates/${module%/*}" ] || continue
		found=1
		rm -f "$updates/$module".ko*
		rmdir --ignore-fail-on-non-empty -p "$updates/${module%/*}" 2>/dev/null || :
	done
	[ -z "$found" ] || [ -n "$DESTDIR" ] || depmod "$1"
}

remove=
case ${1:-} in
-h|--help)	usage; exit 0 ;;
--uninstall)	remove=1; shift ;;
-*)		usage >&2; exit 2 ;;
esac

if [ -n "$remove" ]; then
	rm -f "$rules" "$modules" "$command" "$service"
	apparmor_remove
	for release; do
		remove_modules "$release"
	done
	udev_apply
	exit 0
fi

install -D -m 644 "$here/install/60-vhost-accel.rules" "$rules"
install -D -m 644 "$here/install/vmaccel.conf" "$modules"
apparmor_add
udev_apply
printf 'installed %s\n' "$rules" "$modules" "$apparmor"
