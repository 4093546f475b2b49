#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What make install puts on a host: into a directory, twice, and away again; and a real udevd that gives the node its
# group and mode. The functions are called through ksft_test.
# shellcheck disable=SC2317

set -u

# shellcheck source=tools/testing/selftests/kstest.sh
. ../kstest.sh

DEV=/dev/vhost-accel
LOCAL=etc/apparmor.d/local/abstractions/libvirt-qemu
root=$(mktemp -d)
kst_undo rm -rf "$root"

# host_install [OPTION...]: below $root
host_install()
{
	DESTDIR=$root PREFIX=/usr "$VMACCEL_TOP/tools/install.sh" "$@"
}

files()
{
	(cd "$root" && find . -type f -printf '%P %m\n' | sort)
}

t_files()
{
	host_install >/dev/null || return 1
	files
	[ "$(files)" = "$LOCAL 644
usr/lib/modules-load.d/vmaccel.conf 644
usr/lib/udev/rules.d/60-vhost-accel.rules 644" ]
}

t_twice()
{
	local before

	before=$(cd "$root" && find . -type f -exec sha256sum {} + | sort)
	host_install >/dev/null || return 1
	[ "$before" = "$(cd "$root" && find . -type f -exec sha256sum {} + | sort)" ]
}

t_uninstall()
{
	host_install --uninstall && [ -z "$(files)" ] && host_install --uninstall
}

# What others have written there stays, in its order; a last line without its end gets one.
t_keep()
{
	printf '  /some/path r,\n  /other/path rw,' >"$root/$LOCAL"
	chmod 640 "$root/$LOCAL"
	host_install >/dev/null && host_install >/dev/null || return 1
	echo '  /added/later r,' >>"$root/$LOCAL"
	[ "$(grep -c "$DEV rw," "$root/$LOCAL")" = 1 ] || return 1
	host_install --uninstall || return 1
	[ "$(cat "$root/$LOCAL")" = "  /some/path r,
  /other/path rw,
  /added/later r," ] && [ "$(stat -c %a "$root/$LOCAL")" = 640 ] && rm "$root/$LOCAL"
}

t_empty()
{
	: >"$root/$LOCAL"
	host_install >/dev/null && host_install --uninstall && [ -e "$root/$LOCAL" ] && [ ! -s "$root/$LOCAL" ]
}

t_modules()
{
	local release=1.2.3-test dir=$root/lib/modules/1.2.3-test/updates

	mkdir -p "$dir/vhost-accel" "$dir/other"
	touch "$dir/vhost-accel/vhost_accel.ko.xz" "$dir/other/other.ko"
	host_install --uninstall "$release" && [ ! -e "$dir/vhost-accel" ] && [ -e "$dir/other/other.ko" ]
}

# As libvirt's abstraction includes the file, in a profile of a guest.
t_apparmor()
{
	host_install >/dev/null || return 1
	cat >"$root/profile" <<-END
		abi <abi/3.0>,
		profile guest {
		  include if exists <local/abstractions/libvirt-qemu>
		}
	END
	apparmor_parser --skip-kernel-load --skip-cache --base /etc/apparmor.d --Include "$root/etc/apparmor.d" \
		--debug "$root/profile" >"$root/parsed" 2>&1 || {
		cat "$root/parsed"
		return 1
	}
	grep -F "$DEV" "$root/parsed" || {
		cat "$root/parsed"
		return 1
	}
}

# modules-load.d names modules that are there.
t_list()
{
	local module

	while read -r module; do
		kst_ko "$module" >/dev/null || return 1
	done < <(grep -v '^#' "$root/usr/lib/modules-load.d/vmaccel.conf")
}

udevd_answers()
{
	udevadm control --ping --timeout=5 2>/dev/null
}

node_is()
{
	[ "$(stat -c '%G %a' "$DEV")" = "$1" ]
}

t_udev()
{
	local udevd=/usr/lib/systemd/systemd-udevd pid status

	kst_insmod vhost_accel || return 1
	node_is "root 600" || return 1
	# Only our rule: what the host's own would do with its devices is not the question.
	mkdir -p /run/udev/rules.d
	mount -t tmpfs tmpfs /usr/lib/udev/rules.d || return 1
	cp "$root/usr/lib/udev/rules.d/60-vhost-accel.rules" /usr/lib/udev/rules.d/
	"$udevd" --resolve-names=early --children-max=2 >"$root/udevd.log" 2>&1 &
	pid=$!
	kst_undo kill -9 "$pid"
	# A node that is there already, and one that comes with the module.
	kst_wait 10 udevd_answers && udevadm trigger --action=change /sys/class/misc/vhost-accel &&
		kst_wait 10 node_is "kvm 660" &&
		rmmod vhost_accel && kst_insmod vhost_accel && kst_wait 10 node_is "kvm 660"
	status=$?
	rmmod vhost_accel
	kill "$pid"
	wait "$pid"
	cat "$root/udevd.log"
	return "$status"
}

if [ "${1:-}" != inside ]; then
	kst_need unshare udevadm apparmor_parser insmod
	exec unshare --mount --propagation private "$0" inside
fi
ksft_print_header
ksft_set_plan 9
kst_loaded vhost_accel && rmmod vhost_accel
ksft_test "files and their modes" t_files
ksft_test "twice is as good as once" t_twice
ksft_test "uninstall leaves no file" t_uninstall
ksft_test "what others wrote for AppArmor stays" t_keep
ksft_test "an empty file of others stays" t_empty
ksft_test "uninstall removes our modules only" t_modules
ksft_test "AppArmor reads the lines" t_apparmor
ksft_test "modules to load are there" t_list
ksft_test "udev gives the node to kvm, mode 0660" t_udev
ksft_finished
