# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Nested guests for tests: an unmodified QEMU with KVM, a Debian kernel and a small initramfs with busybox, ip,
# ethtool and iperf3. Sourced by tests that run in the host VM.
#
#   guest_start NAME [QEMU ARGUMENT...]   start; open file descriptors of the shell are inherited
#   guest_wait NAME                       until the guest answers
#   guest_exec NAME COMMAND               run in the guest: prints its output, returns its status (124: no answer)
#   guest_qmp NAME JSON                   one QMP command: prints the answer, fails on an error
#   guest_reboot NAME, guest_reset NAME   from inside, by QMP; return when the new boot answers
#   guest_pid NAME                        process of the guest
#   guest_stop NAME, guest_kill NAME      QMP quit, SIGKILL
#   guest_log NAME                        console and messages of QEMU
#
# GUEST_MEM (MB, 256) and GUEST_SMP (1) size the guests; GUEST_DIR has a directory per guest.

GUEST_DIR=${GUEST_DIR:-/run/guest}
GUEST_TIMEOUT=$((60 * ${VM_SLOW:-1}))
guest_seq=0

guest_pid()
{
	cat "$GUEST_DIR/$1/pid"
}

guest_alive()
{
	kill -0 "$(guest_pid "$1")" 2>/dev/null
}

guest_log()
{
	tr -d '\r' <"$GUEST_DIR/$1/console.log"
	cat "$GUEST_DIR/$1/qemu.log"
}

guest_start()
{
	local name=$1 dir=$GUEST_DIR/$1 fifo
	shift

	if [ ! -e /dev/kvm ]; then
		modprobe kvm_amd 2>/dev/null || modprobe kvm_intel || return 1
	fi
	rm -rf "$dir"
	mkdir -p "$dir"
	# Pipes, not sockets: the shell can open them itself.
	for fifo in agent qmp; do
		mkfifo "$dir/$fifo.in" "$dir/$fifo.out"
	done
	qemu-system-x86_64 -accel kvm -cpu host -M pc -smp "${GUEST_SMP:-1}" -m "${GUEST_MEM:-256}" \
		-nodefaults -nographic \
		-kernel "$VMACCEL_GUEST_KERNEL" -initrd "$VMACCEL_GUEST_INITRD" \
		-append "console=ttyS0 loglevel=4 panic=0 edd=off pci=noearly rodata=off 8250.nr_uarts=1" \
		-serial "file:$dir/console.log" \
		-chardev "pipe,id=qmp,path=$dir/qmp" -mon chardev=qmp,mode=control \
		-chardev "pipe,id=agent,path=$dir/agent" \
		-device virtio-serial-pci -device virtserialport,chardev=agent,name=agent \
		"$@" </dev/null >"$dir/qemu.log" 2>&1 &
	echo $! >"$dir/pid"
	# No notice of the shell when the guest is killed.
	disown
	# Before its greeting, QEMU may not have opened the pipe, which then keeps nothing.
	guest_qmp_answer "$name" '{"QMP"' >/dev/null &&
		guest_qmp "$name" '{"execute":"qmp_capabilities"}' >/dev/null
}

# guest_read FD NAME SECONDS: next line in REPLY; fails when the guest is gone or silent.
guest_read()
{
	local end=$((SECONDS + $3))

	until read -r -t 1 REPLY <&"$1"; do
		guest_alive "$2" || return 1
		[ $SECONDS -lt $end ] || return 1
	done
}

# guest_qmp_answer NAME [PREFIX]: the next answer; events on the way go to the file "events".
guest_qmp_answer()
{
	local fd prefix=${2:-'{"return"'}

	exec {fd}<>"$GUEST_DIR/$1/qmp.out"
	while guest_read "$fd" "$1" "$GUEST_TIMEOUT"; do
		case $REPLY in
		"$prefix"*)
			exec {fd}>&-
			echo "$REPLY"
			return 0
			;;
		'{"error"'*)
			exec {fd}>&-
			echo "$REPLY"
			return 1
			;;
		*)	echo "$REPLY" >>"$GUEST_DIR/$1/events" ;;
		esac
	done
	exec {fd}>&-
	return 124
}

guest_qmp()
{
	echo "$2" 1<>"$GUEST_DIR/$1/qmp.in"
	guest_qmp_answer "$1"
}

# guest_try NAME COMMAND SECONDS
guest_try()
{
	local id fd line last='' first=1

	guest_seq=$((guest_seq + 1))
	id=$BASHPID.$guest_seq
	exec {fd}<>"$GUEST_DIR/$1/agent.out"
	echo "$id $(base64 -w 0 <<<"$2")" 1<>"$GUEST_DIR/$1/agent.in"
	while guest_read "$fd" "$1" "$3"; do
		line=$REPLY
		case $line in
		"@$id "*)
			exec {fd}>&-
			[ -z "$last" ] || echo "$last"
			return "${line##* }"
			;;
		@[0-9]*.[0-9]*' '*)
			# The late answer of a request that was given up.
			first=1
			last=''
			continue
			;;
		esac
		[ -n "$first" ] || echo "$last"
		first=
		last=$line
	done
	exec {fd}>&-
	[ -z "$last" ] || echo "$last"
	return 124
}

guest_exec()
{
	guest_try "$1" "$2" "$GUEST_TIMEOUT"
}

# guest_wait NAME [OLD BOOT ID]: a request sent while the guest boots may be lost, so ask again.
guest_wait()
{
	local end=$((SECONDS + 3 * GUEST_TIMEOUT)) id

	while guest_alive "$1" && [ $SECONDS -lt $end ]; do
		id=$(guest_try "$1" 'cat /proc/sys/kernel/random/boot_id' 10) || continue
		[ "$id" = "${2:-}" ] || return 0
	done
	echo "guest $1 does not answer:" >&2
	guest_log "$1" | tail -n 20 >&2
	return 1
}

guest_boot_id()
{
	guest_exec "$1" 'cat /proc/sys/kernel/random/boot_id'
}

guest_reboot()
{
	local id

	id=$(guest_boot_id "$1") || return 1
	guest_exec "$1" '(sleep 0.3; reboot -f) >/dev/null 2>&1 &'
	guest_wait "$1" "$id"
}

guest_reset()
{
	local id

	id=$(guest_boot_id "$1") || return 1
	guest_qmp "$1" '{"execute":"system_reset"}' >/dev/null || return 1
	guest_wait "$1" "$id"
}

guest_gone()
{
	local i

	for ((i = 0; i < 10 * GUEST_TIMEOUT; i++)); do
		guest_alive "$1" || return 0
		sleep 0.1
	done
	return 1
}

guest_stop()
{
	guest_qmp "$1" '{"execute":"quit"}' >/dev/null
	guest_gone "$1" || guest_kill "$1"
}

guest_kill()
{
	kill -9 "$(guest_pid "$1")" 2>/dev/null
	guest_gone "$1"
}
