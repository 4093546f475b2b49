/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of a host and of its VMs, and what to make of it.
 */
#ifndef VMB_STATE_CORE_H
#define VMB_STATE_CORE_H

#include <linux/types.h>

#include "policy_core.h"

/** VMB_BUFFER_DEFAULT - memory beyond what a guest uses, in percent of that */
#define VMB_BUFFER_DEFAULT 20

/** VMB_BUFFER_MAX - largest such setting */
#define VMB_BUFFER_MAX 2000

/** VMB_STUCK_MS - milliseconds without progress after which a VM is stuck */
#define VMB_STUCK_MS 2000

/** VMB_RETRY_MS - milliseconds after which a stuck VM is given another chance */
#define VMB_RETRY_MS 10000

/**
 * struct vmb_host - memory of a host
 * @total: bytes that it has
 * @avail: bytes that can be had without swapping
 * @some: time in which a task waited for memory, 10 s average, 1/100 percent
 * @full: time in which all did, likewise
 */
struct vmb_host {
	u64 total;
	u64 avail;
	u32 some;
	u32 full;
};

/**
 * struct vmb_report - what a guest says of itself
 * @total: bytes of memory that its kernel manages
 * @avail: bytes that can be had without swapping
 * @active_file: bytes of page cache that is in use
 * @refault: bytes read again soon after they were reclaimed, for each second
 */
struct vmb_report {
	u64 total;
	u64 avail;
	u64 active_file;
	u64 refault;
};

/**
 * struct vmb_watch - a VM under observation
 * @size: bytes that it may occupy; starts at its maximum
 * @best: the least measured since @since
 * @since: milliseconds, when the last progress was seen, or another chance given
 * @stuck: ordered down, and nothing came
 */
struct vmb_watch {
	u64 size;
	u64 best;
	u64 since;
	bool stuck;
};

/**
 * struct vmb_look - one observation
 * @now: milliseconds
 * @measured: bytes of host memory and swap that the VM has
 * @order: bytes that it was last ordered to
 * @obeyed: the guest says that it holds what the order asks for
 */
struct vmb_look {
	u64 now;
	u64 measured;
	u64 order;
	bool obeyed;
};

/**
 * struct vmb_press - what decides about the limit of a VM's cgroup
 * @state: of the host, by its free memory alone
 * @resident: bytes that the VM has in the host's memory
 * @goal: bytes that it is to have
 * @ram: bytes that its guest was started with
 * @stuck: it does not come there by its balloon
 */
struct vmb_press {
	enum vmb_host_state state;
	u64 resident;
	u64 goal;
	u64 ram;
	bool stuck;
};

u64 vmb_host_floor(u64 total);
bool vmb_host_waits(struct vmb_host *host, const char *text, size_t size);
enum vmb_host_state vmb_host_judge(const struct vmb_host *host,
				   enum vmb_host_state before);
u64 vmb_host_pool(const struct vmb_host *host, u64 occupied, u64 reserve);
u64 vmb_need(const struct vmb_report *report, u32 buffer, u64 least, u64 most);
void vmb_watch_start(struct vmb_watch *watch, u64 max, u64 now);
u64 vmb_limit(u64 limit, const struct vmb_press *press);
void vmb_watch_look(struct vmb_watch *watch, const struct vmb_look *look);

#endif /* VMB_STATE_CORE_H */
