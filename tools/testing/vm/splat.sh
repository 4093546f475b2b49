# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What in the kernel log fails a run. Sourced on both sides.

# shellcheck disable=SC2034
SPLAT='BUG:|WARNING:|Oops|Call Trace:|Kernel panic|KASAN:|KCSAN:|UBSAN:|KFENCE:|DEBUG_LOCKS_WARN'
SPLAT+='|possible (circular|recursive) locking|inconsistent lock state|suspicious RCU usage|lockdep'
SPLAT+='|refcount_t|unreferenced object|Objects remaining|general protection|invalid opcode|stack segment'
SPLAT+='|hung task|blocked for more than|soft lockup|hard LOCKUP|detected stalls|self-detected stall'
SPLAT+='|sleeping function called|scheduling while atomic|corruption|Bad page|bad page state'
SPLAT+='|unregister_netdevice: waiting for|trying to register non-static key'
