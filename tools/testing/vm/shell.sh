#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A root shell in a host VM, on this terminal.

set -u

usage()
{
	cat <<END
Usage: shell.sh [--kver SERIES] [--smp N] [--mem M] [--append ARGS] [--no-build] [-- COMMAND...]

Boots the newest installed Debian kernel of a series under QEMU with this machine's root below a throw-away
overlay, builds the modules for it and opens a shell there. \$VMACCEL_KO has the modules; what is written to
/out stays in build/vm-out/shell. "exit" or ctrl-a x ends the VM. With COMMAND, runs that and ends.

Nested guests: . "\$VMACCEL_TOP/tools/testing/vm/guest.sh", then guest_start (see that file).
END
}

# shellcheck source=tools/testing/vm/lib.sh
. "$(dirname "$0")/lib.sh"

kver=${KVER:-6.12}
append=
build=1
command=
while [ $# -gt 0 ]; do
	case $1 in
	--kver)		kver=$2; shift ;;
	--smp)		VM_SMP=$2; shift ;;
	--mem)		VM_MEM=$2; shift ;;
	--append)	append=$2; shift ;;
	--no-build)	build= ;;
	--)		shift; command=$*; break ;;
	-h|--help)	usage; exit 0 ;;
	*)		die "unknown argument $1, see --help" ;;
	esac
	shift
done

vm_find_kernel "$kver"
out=$TOP/build/vm-out/shell
mkdir -p "$out"
VM_KO=$TOP/build/$VM_RELEASE
if [ -n "$build" ]; then
	echo "building for $VM_RELEASE"
	vm_build_modules
fi
vm_env shell "$out" COMMAND="$command" VM_COLS="$(tput cols 2>/dev/null)" VM_ROWS="$(tput lines 2>/dev/null)"
vm_qemu_args "$out" "$append"
echo "booting $VM_RELEASE; ctrl-a x ends it"
exec "${QEMU_ARGS[@]}" -chardev stdio,id=console,mux=on,signal=off \
	-mon chardev=console -serial chardev:console
