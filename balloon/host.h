/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmballoon_host: what its files share.
 *
 * Lock order: vmb_admin, then vmb_lock. Files in sysfs are removed without it: their
 * handlers take it.
 */
#ifndef VMB_HOST_H
#define VMB_HOST_H

#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include "link_core.h"
#include "policy_core.h"
#include "state_core.h"

struct file;
struct pid;
struct sock;
struct vmb_conn;
struct vmb_squeeze;

/** VMB_CID_MIN - smallest number that a VM can have; those below are hosts */
#define VMB_CID_MIN 3

/** VMB_CID_MAX - largest */
#define VMB_CID_MAX 0xfffffffeU

/** VMB_NO_LIMIT - what a cgroup without a limit is limited to */
#define VMB_NO_LIMIT U64_MAX

/**
 * struct vmb_probe - a measurement under way; by the turn alone
 * @link: in the list of those of this turn
 * @current_file: memory.current of the VM's cgroup when it began, or NULL
 * @swap_file: memory.swap.current, or NULL
 * @pid: the process to measure where there is no @current_file, or NULL
 * @resident: result in bytes, if @good: without swap
 * @measured: likewise: with swap
 * @good: it could be measured
 */
struct vmb_probe {
	struct list_head link;
	struct file *current_file;
	struct file *swap_file;
	struct pid *pid;
	u64 resident;
	u64 measured;
	bool good;
};

/**
 * struct vmb_member - a VM that takes part
 * @kobj: its directory
 * @link: in the list of all
 * @cid: its number, that of its vsock device if it has one
 * @ram: bytes that its guest was started with: its size without a balloon
 * @buffer: percent of what it uses
 * @overhead: bytes that its QEMU and its kernel objects have beside its guest's memory
 * @share: settings, and what the policy made of them
 * @cgroup: path below the cgroup file system, or NULL
 * @current_file: its memory.current, or NULL
 * @swap_file: its memory.swap.current, or NULL
 * @pid: its QEMU, or NULL: counts where it has no cgroup
 * @report: what the guest says
 * @reported: it has said something
 * @held: bytes that it says it holds for the host
 * @missing: bytes of its order that it says it does not hold
 * @peer: what it may still send
 * @conn: its connection, or NULL
 * @choked: of one that was ended before its guest had taken all; until then no other
 * @heard: milliseconds, when it connected or said something there; 0: never, or long ago
 * @ignored: messages of it that did not count
 * @watch: what it counts with
 * @begun: milliseconds, when @watch was last begun by a hello; 0: never
 * @resident: bytes that it has in the host's memory, without swap
 * @measured: bytes that the host measured, without @overhead
 * @counted: @measured is known
 * @probe: how that becomes known
 * @squeeze: its cgroup may be limited
 * @squeezer: how it is, or NULL
 * @limit: bytes that its cgroup may keep in memory, or 0: any
 *
 * All but @kobj, @cid, @ram and @probe is protected by the lock of all VMs.
 */
struct vmb_member {
	struct kobject kobj;
	struct list_head link;
	u32 cid;
	u64 ram;
	u32 buffer;
	u64 overhead;
	struct vmb_vm share;
	char *cgroup;
	struct file *current_file;
	struct file *swap_file;
	struct pid *pid;
	struct vmb_report report;
	bool reported;
	u64 held;
	u64 missing;
	struct vml_peer peer;
	struct vmb_conn *conn;
	struct sock *choked;
	u64 heard;
	unsigned long ignored;
	struct vmb_watch watch;
	u64 begun;
	u64 resident;
	u64 measured;
	bool counted;
	struct vmb_probe probe;
	bool squeeze;
	struct vmb_squeeze *squeezer;
	u64 limit;
};

/**
 * struct vmb_settings - what the administrator set
 * @policy: how memory is divided
 * @reserve: bytes that are to stay with the host; 0: twice its floor
 */
struct vmb_settings {
	struct vmb_policy policy;
	u64 reserve;
};

/**
 * struct vmb_result - what the last turn found
 * @host: figures of the host
 * @state: of the host
 * @scarcity: the same by free memory alone
 * @pool: bytes divided
 * @spare: bytes that could be granted
 * @lack: bytes by which minima exceed the pool
 */
struct vmb_result {
	struct vmb_host host;
	enum vmb_host_state state;
	enum vmb_host_state scarcity;
	u64 pool;
	u64 spare;
	u64 lack;
};

extern struct mutex vmb_lock;
extern struct vmb_settings vmb_settings;
extern struct vmb_result vmb_result;

/* host_main.c */
int vmb_parse_size(const char *buf, u64 *size);
ssize_t vmb_store_size(const char *buf, size_t count, u64 *value);
ssize_t vmb_store_number(const char *buf, size_t count, u32 lowest, u32 highest, u32 *value);

/* host_vm.c */
int vmb_vms_init(struct kobject *parent);
void vmb_vms_exit(void);
int vmb_vm_add(u32 cid, u64 ram);
int vmb_vm_remove(u32 cid);
struct vmb_member *vmb_vm_find(u32 cid);
void vmb_vm_begin(struct vmb_member *vm);
void vmb_vm_forget(struct vmb_member *vm);
void vmb_vm_claim(struct vmb_member *vm, const struct vmb_report *report, u64 held,
		  u64 missing);
u64 vmb_now(void);

/* host_link.c */
int vmb_link_init(void);
void vmb_link_stop(void);
void vmb_link_exit(void);
void vmb_link_turn(struct vmb_member *vm, u64 now);
void vmb_link_drop(struct vmb_member *vm);
unsigned long vmb_link_refused(void);

/* host_measure.c */
int vmb_measure_open(const char *cgroup, const char *file, struct file **result);
void vmb_measure_close(struct file *file);
bool vmb_measure_number(struct file *file, u64 *value);
bool vmb_measure_process(struct pid *pid, u64 *resident, u64 *swap);
void vmb_measure_vm(struct vmb_probe *probe);
u64 vmb_measure_total(void);
void vmb_measure_host(struct vmb_host *host);
void vmb_measure_init(void);
void vmb_measure_exit(void);

/* host_squeeze.c */
int vmb_squeeze_init(void);
void vmb_squeeze_exit(void);
int vmb_squeeze_new(const char *cgroup, struct vmb_squeeze **result);
void vmb_squeeze_set(struct vmb_squeeze *sq, u64 limit);
void vmb_squeeze_end(struct vmb_squeeze *sq);

/* host_turn.c */
int vmb_turn_resize(unsigned int n);
void vmb_turn_soon(void);
void vmb_turn_exit(void);
u64 vmb_reserve(u64 total);

/* The list of VMs, for a turn. */
extern struct list_head vmb_vms;
extern unsigned int vmb_vms_count;

#endif /* VMB_HOST_H */
