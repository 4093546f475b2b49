# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Nested guests for tests: an unmodified QEMU with KVM, a Debian kernel and a small initramfs with busybox, ip,
# ethtool and iperf3. Sourced by tests that run in the host VM.
#
#   guest_kvm                             loads KVM, for guests that others start
#   guest_start NAME [QEMU ARGUMENT...]   start; open file descriptors of the shell are inherited
#   guest_wait NAME                       until the guest answers
#   guest_exec NAME COMMAND               run in the guest: prints its output, returns its status (124: no answer)
#   guest_qmp NAME JSON                   one QMP command: prints the answer, fails on an error
#   guest_do NAME JSON                    the same without the answer; an error is shown
#   guest_reboot NAME, guest_reset NAME   from inside, by QMP; return when the new boot answers
#   guest_pid NAME                        process of the guest
#   guest_stop NAME, guest_kill NAME      QMP quit, SIGKILL
#   guest_log NAME                        console and messages of QEMU
#   guest_state NAME                      registers and timer of a silent guest
#
# Migration. Both guests need the same QEMU arguments but for the host's side of the devices:
#
#   guest_incoming NAME [QEMU ARGUMENT...]   start, paused, to be migrated to
#   guest_capability NAME CAPABILITY on|off  of migration; on both sides, before guest_migrate
#   guest_migrate FROM TO                    begin; TO takes it from now on
#   guest_migration NAME [FIELD]             its state ("active", "completed", ...), or another field
#   guest_in NAME STATE                      is the guest in this run state ("running", "paused", "postmigrate", ...)?
#   guest_forget NAME                        removes the files of a guest that is gone
#
# GUEST_MEM (MB, 256) and GUEST_SMP (1) size the guests. GUEST_MACHINE (pc) is their board, GUEST_APPEND has further
# kernel arguments. GUEST_FILES names programs of the host that they get in /bin. GUEST_RAM=shared keeps their memory in
# the file "ram" of their directory; they migrate to and from guests with GUEST_RAM=private. GUEST_DIR has a directory
# per guest.

GUEST_DIR=${GUEST_DIR:-/run/guest}
GUEST_TIMEOUT=$((60 * ${VM_SLOW:-1}))
# Arguments of the guests' kernel. nohz=off: QEMU 7.2 emulates VMRUN without the interrupt shadow, so that a guest
# may halt right after the interrupt that should have kept it awake; the next tick wakes it.
GUEST_CMDLINE="console=ttyS0 loglevel=4 panic=0 edd=off pci=noearly rodata=off 8250.nr_uarts=1 nohz=off"
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

# guest_initrd: prints the initramfs of the guests; the kernel takes archives one after the other.
guest_initrd()
{
	local out root file

	if [ -z "${GUEST_FILES:-}" ]; then
		echo "$VMACCEL_GUEST_INITRD"
		return
	fi
	# Test programs come after each other in one machine, each with its own files.
	out=$GUEST_DIR/initrd-$(cksum <<<"$GUEST_FILES" | cut -d' ' -f1)
	if [ ! -e "$out" ]; then
		root=$(mktemp -d)
		mkdir "$root/bin"
		for file in $GUEST_FILES; do
			cp "$file" "$root/bin/" || return 1
		done
		{
			cat "$VMACCEL_GUEST_INITRD"
			(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0)
		} >"$out"
		rm -r "$root"
	fi
	echo "$out"
}

# guest_kvm: loads KVM and keeps an empty virtual machine till the host VM ends, with a processor that never runs. Linux
# patches its scheduler with the first and the last machine, and KVM itself with the first and the last processor whose
# APIC is off, as each is when it boots. QEMU 7.2 may run meanwhile with a stale int3; so there is one of both always.
guest_kvm()
{
	local pid=/run/guest-kvm.pid

	[ -e /dev/kvm ] || modprobe kvm_amd 2>/dev/null || modprobe kvm_intel || return 1
	! kill -0 "$(cat $pid 2>/dev/null)" 2>/dev/null || return 0
	# Without what the shell has open, as that may be what the test waits for others to let go.
	perl -MPOSIX -e 'POSIX::close($_) for 3 .. 1023;
		open(KVM, "+<", "/dev/kvm") && open(VM, "+<&=", ioctl(KVM, 0xae01, 0)) &&
		ioctl(VM, 0xae60, 0) && ioctl(VM, 0xae41, 0) && sleep' </dev/null >/dev/null 2>&1 &
	echo $! >$pid
	disown
	# Out of the test's control group, which ends with the test.
	echo $! >/sys/fs/cgroup/cgroup.procs
}

guest_start()
{
	local name=$1 dir=$GUEST_DIR/$1 fifo initrd ram=()
	shift

	guest_kvm || return 1
	rm -rf "$dir"
	mkdir -p "$dir"
	# Pipes, not sockets: the shell can open them itself.
	for fifo in agent qmp; do
		mkfifo "$dir/$fifo.in" "$dir/$fifo.out"
	done
	initrd=$(guest_initrd) || return 1
	case ${GUEST_RAM:-} in
	shared)		ram=("memory-backend-file,id=ram,size=${GUEST_MEM:-256}M,mem-path=$dir/ram,share=on") ;;
	private)	ram=("memory-backend-ram,id=ram,size=${GUEST_MEM:-256}M") ;;
	esac
	[ ${#ram[@]} = 0 ] || ram=(-machine memory-backend=ram -object "${ram[0]}")
	qemu-system-x86_64 -accel kvm -cpu host -M "${GUEST_MACHINE:-pc}" -smp "${GUEST_SMP:-1}" -m "${GUEST_MEM:-256}" \
		-nodefaults -nographic \
		-kernel "$VMACCEL_GUEST_KERNEL" -initrd "$initrd" "${ram[@]}" \
		-append "$GUEST_CMDLINE ${GUEST_APPEND:-}" \
		-serial "file:$dir/console.log" \
		-chardev "pipe,id=qmp,path=$dir/qmp" -mon chardev=qmp,mode=control \
		-chardev "pipe,id=agent,path=$dir/agent" \
		-device virtio-serial-pci -device virtserialport,chardev=agent,name=agent \
		-d cpu_reset -D "$dir/resets" \
		"$@" </dev/null >"$dir/qemu.log" 2>&1 &
	echo $! >"$dir/pid"
	# No notice of the shell when the guest is killed.
	disown
	# Before its greeting, QEMU may not have opened the pipe, which then keeps nothing.
	guest_qmp_answer "$name" '{"QMP"' >/dev/null &&
		guest_qmp "$name" '{"execute":"qmp_capabilities"}' >/dev/null
}

# guest_read FD NAME SECONDS: next line in REPLY; fails when the guest is gone or silent. A read that times out may
# have part of a line.
guest_read()
{
	local end=$((SECONDS + $3)) line=''

	until read -r -t 1 REPLY <&"$1"; do
		line+=$REPLY
		guest_alive "$2" || return 1
		[ $SECONDS -lt $end ] || return 1
	done
	REPLY=$line$REPLY
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

guest_do()
{
	local answer

	answer=$(guest_qmp "$1" "$2") && return
	echo "${answer:-guest $1: no answer to $2}" >&2
	# The last words of a QEMU that is gone.
	[ -n "$answer" ] || tail -n 5 "$GUEST_DIR/$1/qemu.log" >&2
	return 1
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

# guest_wait NAME [OLD BOOT ID]: a request sent while the guest boots may be lost, so ask again. It gives up before the
# timeout of a test program does, which would say nothing.
guest_wait()
{
	local end=$((SECONDS + GUEST_TIMEOUT)) id

	while guest_alive "$1" && [ $SECONDS -lt $end ]; do
		id=$(guest_try "$1" 'cat /proc/sys/kernel/random/boot_id' 10) || continue
		[ "$id" = "${2:-}" ] || return 0
	done
	echo "guest $1 does not answer:" >&2
	guest_log "$1" | tail -n 20 >&2
	guest_state "$1" >&2
	return 1
}

# guest_hmp NAME COMMAND: a command for people. Who starts guests by other means defines it anew.
guest_hmp()
{
	guest_qmp "$1" '{"execute":"human-monitor-command","arguments":{"command-line":"'"$2"'"}}' |
		sed 's/\\r\\n/\n/g; s/\\t/ /g'
}

# guest_state NAME: where the processor of a silent guest is and what its timer waits for, twice, so that the two differ
# if it runs; and where it was when it was last reset, if not by its start.
guest_state()
{
	local command

	tail -n 40 "$GUEST_DIR/$1/resets" 2>/dev/null | grep -aE '^(CPU Reset|[ER]?(IP|AX|BX|SP|DI)=|CS|GDT|IDT|CR)'
	for _ in 1 2; do
		for command in "info registers" "info lapic"; do
			GUEST_TIMEOUT=10 guest_hmp "$1" "$command" | grep -E '^(RIP|CR0|LVTT |Timer|IRR|ISR|SPIV)'
		done
		sleep 1
	done
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

guest_forget()
{
	rm -rf "${GUEST_DIR:?}/$1"
}

# ---- migration ----------------------------------------------------------------------------------------------

guest_incoming()
{
	local name=$1
	shift

	guest_start "$name" -S -incoming defer "$@"
}

guest_capability()
{
	local state=false

	[ "$3" != on ] || state=true
	guest_do "$1" '{"execute":"migrate-set-capabilities","arguments":
		{"capabilities":[{"capability":"'"$2"'","state":'$state'}]}}'
}

guest_migrate()
{
	local uri=unix:$GUEST_DIR/$2/migration

	guest_do "$2" '{"execute":"migrate-incoming","arguments":{"uri":"'"$uri"'"}}' &&
		guest_do "$1" '{"execute":"migrate","arguments":{"uri":"'"$uri"'"}}'
}

guest_migration()
{
	guest_qmp "$1" '{"execute":"query-migrate"}' |
		sed -n 's/.*"'"${2:-status}"'": "\{0,1\}\([^",}]*\).*/\1/p'
}

guest_in()
{
	guest_qmp "$1" '{"execute":"query-status"}' | grep -q '"status": "'"$2"'"'
}
