# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A guest that drives its own QEMU, by QMP through a virtio serial port: vm_self_args in
# tools/testing/vm/lib.sh has the options for that.

# qmp_open: skips the test where there is no such port or device.
qmp_open()
{
	local port

	modprobe virtio_console 2>/dev/null
	for port in /sys/class/virtio-ports/*; do
		[ "$(cat "$port/name" 2>/dev/null)" = vmaccel.qmp ] || continue
		exec {QMP}<>"/dev/${port##*/}"
		qmp qmp_capabilities >/dev/null
		return
	done
	ksft_exit_skip "no port to QEMU's monitor: run it by tools/testing/vm/run.sh"
}

# qmp COMMAND [ARGUMENTS]: prints what it returns; events are passed over.
qmp()
{
	local line

	printf '{"execute":"%s"%s}\n' "$1" "${2:+,\"arguments\":$2}" >&"$QMP"
	while IFS= read -r -t 60 line <&"$QMP"; do
		case $line in
		'{"return"'*)	echo "$line"; return 0 ;;
		'{"error"'*)	echo "$line"; return 1 ;;
		esac
	done
	return 1
}

# balloon_set BYTES: the memory that the guest is to have.
balloon_set()
{
	qmp balloon "{\"value\":$1}" >/dev/null
}

# balloon_actual: the memory that it has, by its own word: bytes.
balloon_actual()
{
	qmp query-balloon | sed -n 's/.*"actual": *\([0-9]*\).*/\1/p'
}

balloon_is()
{
	[ "$(balloon_actual)" = "$1" ]
}

# balloon_to BYTES: set it, and wait until it is reached.
balloon_to()
{
	balloon_set "$1" && kst_wait 60 balloon_is "$1"
}

# balloon_find MODULE: its device: BALLOON; fails if it has none.
balloon_find()
{
	local dev

	for dev in "/sys/bus/virtio/drivers/$1"/virtio*; do
		[ -e "$dev" ] || return 1
		# shellcheck disable=SC2034
		BALLOON=$dev
	done
}

# balloon_bind MODULE [PARAMETER...]: our driver, or the stock one, has the device: BALLOON.
balloon_bind()
{
	case $1 in
	vmballoon)	kst_insmod "$@" ;;
	*)		modprobe "$@" ;;
	esac && kst_wait 10 balloon_find "$1"
}

# balloon_replug [PROPERTIES]: pull the device out and plug it in again with those, "a":true,"b":false.
balloon_replug()
{
	local plug='"driver":"virtio-balloon-pci","id":"balloon0","free-page-hint":true,"iothread":"hints"'

	qmp device_del '{"id":"balloon0"}' >/dev/null || return 1
	# Its name is free once the guest has let it go.
	kst_wait 30 qmp device_add "{$plug${1:+,$1}}" >/dev/null
}
