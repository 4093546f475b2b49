# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What fails a run. The runner in the VM takes the pattern, the starter the functions.

# Lines of the kernel log that are never part of a good run.
VM_SPLAT='BUG:|WARNING:|Oops|Call Trace:|Kernel panic|KASAN:|KCSAN:|UBSAN:|KFENCE:|DEBUG_LOCKS_WARN'
VM_SPLAT+='|possible (circular|recursive) locking|inconsistent lock state|suspicious RCU usage'
VM_SPLAT+='|refcount_t|unreferenced object|Objects remaining|general protection|invalid opcode|stack segment'
VM_SPLAT+='|blocked for more than|soft lockup|hard LOCKUP|detected stalls|self-detected stall'
VM_SPLAT+='|sleeping function called|scheduling while atomic|list_(add|del) corruption|Bad page'
VM_SPLAT+='|unregister_netdevice: waiting for|trying to register non-static key'

# vm_splat FILE: the first such line.
vm_splat()
{
	grep -am1 -E "$VM_SPLAT" "$1" | tr -d '\r'
}

# vm_judge CONSOLE TAP [HOW THE VM WAS ENDED]: why the run failed; prints nothing for a good one.
vm_judge()
{
	local console=$1 tap=$2 ended=${3:-} splat

	splat=$(vm_splat "$console")
	if [ -n "$splat" ]; then
		echo "kernel: $splat"
	elif grep -aq '^not ok ' "$tap"; then
		grep -am1 '^not ok ' "$tap"
	elif [ -n "$ended" ]; then
		echo "$ended"
	elif ! grep -aqx '# vm-end' "$tap"; then
		echo "no end marker: the VM went down early"
	elif ! awk '/^1\.\./ { plan = substr($0, 4) } /^ok / { n++ } END { exit !(plan > 0 && plan == n) }' "$tap"; then
		echo "plan not met"
	fi
}

# vm_ours CONSOLE: does a trace name an out-of-tree module?
vm_ours()
{
	local module

	# "Modules linked in: a(E) b(OE)": O is out-of-tree. In a trace: "function+0x10/0x20 [b]".
	while read -r module; do
		! grep -aqF "[$module]" "$1" || return 0
	done < <(grep -a 'Modules linked in:' "$1" | grep -aoE '[a-z0-9_]+\([A-Z]*O[A-Z+-]*\)' | sed 's/(.*//' | sort -u)
	return 1
}

# vm_int3_artefact CONSOLE: multi-threaded TCG may run a stale int3 while the other CPU patches a static key.
vm_int3_artefact()
{
	grep -aq 'int3: 0000' "$1"
}

# vm_gif_artefact CONSOLE: a device's or another processor's interrupt in __svm_vcpu_run(), which runs with the global
# interrupt flag clear: a processor holds it until KVM sets the flag again, unless another one has undone its change
# (patches/qemu-ignne.patch). GS is the guest's there, so each access to per-CPU data faults, and so does the fault's
# handler.
vm_gif_artefact()
{
	tr -d '\r' <"$1" | grep -aA1 -E 'asm_(sysvec_[a-z_]+|common_interrupt)\+' |
		grep -aq 'RIP: 0010:__svm_vcpu_run+'
}

# vm_artefact CONSOLE RESETS: what the emulator did wrong, if that is why the run failed: only then, with no module of
# ours in a trace, may the VM boot again. A triple fault in a machine that runs nested guests is a reset without a word:
# a host that walks page tables as if they were a guest's. A kernel that goes wrong speaks first.
vm_artefact()
{
	if vm_ours "$1"; then
		return
	elif vm_int3_artefact "$1"; then
		echo "int3 artefact of the emulator ($(grep -am1 'RIP: 0010' "$1" | tr -d '\r'))"
	elif vm_gif_artefact "$1"; then
		echo "interrupt while the emulated processor must hold it"
	elif [ -z "$(vm_splat "$1")" ] && grep -aqs '^Triple fault' "$2"; then
		echo "triple fault without a word of the kernel"
	fi
}
