// SPDX-License-Identifier: GPL-2.0
/*
 * A turn: measure, divide, order.
 *
 * While there are VMs a turn is made each second, ten times a second while memory changes
 * hands or the host is short. What a VM may still take of what it was granted is
 * promised: only memory beyond all promises and the reserve is granted. A VM that is not
 * measured, or is stuck, takes no part: its memory is not in the pool, and it is told to
 * go to its minimum, or to stay where it is when nobody can see it move.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "host.h"

#define VMB_TURN_CALM_MS 1000
#define VMB_TURN_BUSY_MS 100

struct vmb_result vmb_result;

/* Room for all VMs, and which they are; by vmb_lock. */
static struct vmb_vm *vmb_table;
static struct vmb_member **vmb_members;
static u64 vmb_last;

static void vmb_turn(struct work_struct *work);
static DECLARE_DELAYED_WORK(vmb_turn_work, vmb_turn);

/*
 * vmb_turn_resize() - have room for @n VMs
 *
 * Return: 0 or -ENOMEM: then the room is as before.
 */
int vmb_turn_resize(unsigned int n)
{
	struct vmb_vm *table;
	struct vmb_member **members;

	lockdep_assert_held(&vmb_lock);
	table = kvcalloc(n, sizeof(*table), GFP_KERNEL);
	members = kvcalloc(n, sizeof(*members), GFP_KERNEL);
	if (!table || !members) {
		kvfree(table);
		kvfree(members);
		return -ENOMEM;
	}
	kvfree(vmb_table);
	kvfree(vmb_members);
	vmb_table = table;
	vmb_members = members;
	return 0;
}

/*
 * vmb_reserve() - bytes that are to stay with a host of @total
 *
 * Return: the setting, or twice the floor.
 */
u64 vmb_reserve(u64 total)
{
	lockdep_assert_held(&vmb_lock);
	return vmb_settings.reserve ?: 2 * vmb_host_floor(total);
}

/* The guest says that it holds what its order asks for. */
static bool vmb_obeyed(const struct vmb_member *vm)
{
	u64 order = min(vm->share.order, vm->ram);

	return vm->held + vmb_band(order) > vm->ram - order;
}

/* Bring one VM up to date; true if it takes part. */
static bool vmb_look_at(struct vmb_member *vm, u64 now)
{
	struct vmb_look look = {
		.now = now,
		.order = vm->share.order,
		.obeyed = vmb_obeyed(vm),
	};
	bool stuck = vm->watch.stuck;

	vm->share.need = vm->reported ?
			 vmb_need(&vm->report, vm->buffer, vm->share.min, vm->share.max) :
			 vm->share.max;
	if (!vm->counted)
		return false;
	look.measured = vm->measured;
	/* One that is to give nothing cannot fail to: it has more beside its guest than thought. */
	if (look.order >= vm->ram)
		look.order = max(look.order, vm->measured);
	vmb_watch_look(&vm->watch, &look);
	if (vm->watch.stuck && !stuck)
		pr_notice_ratelimited("VM %u does not give memory back\n", vm->cid);
	/* No order takes what is beside the guest: one that shrinks, shrinks from its RAM. */
	vm->share.size = min(vm->watch.size, vm->ram);
	return !vm->watch.stuck;
}

static struct file *vmb_file_get(struct file *file)
{
	return file ? get_file(file) : NULL;
}

/* Measure host and VMs. Those that come or change meanwhile are measured the next time. */
static void vmb_turn_measure(struct vmb_host *host)
{
	struct vmb_probe *probe, *next;
	struct vmb_member *vm;
	LIST_HEAD(probes);

	mutex_lock(&vmb_lock);
	list_for_each_entry(vm, &vmb_vms, link) {
		kobject_get(&vm->kobj);
		vm->probe.current_file = vmb_file_get(vm->current_file);
		vm->probe.swap_file = vmb_file_get(vm->swap_file);
		vm->probe.pid = get_pid(vm->pid);
		list_add_tail(&vm->probe.link, &probes);
	}
	mutex_unlock(&vmb_lock);

	vmb_measure_host(host);
	list_for_each_entry(probe, &probes, link)
		vmb_measure_vm(probe);

	mutex_lock(&vmb_lock);
	list_for_each_entry(probe, &probes, link) {
		vm = container_of(probe, struct vmb_member, probe);
		vm->counted = probe->good && vm->current_file == probe->current_file &&
			      (vm->current_file || vm->pid == probe->pid);
		vm->resident = probe->resident;
		vm->measured = probe->measured - min(probe->measured, vm->overhead);
	}
	mutex_unlock(&vmb_lock);

	list_for_each_entry_safe(probe, next, &probes, link) {
		vmb_measure_close(probe->current_file);
		vmb_measure_close(probe->swap_file);
		put_pid(probe->pid);
		kobject_put(&container_of(probe, struct vmb_member, probe)->kobj);
	}
}

/* What the balloon did not give: by the limit of its cgroup, where it may have one. */
static void vmb_turn_squeeze(struct vmb_member *vm, enum vmb_host_state state)
{
	struct vmb_press press = {
		.state = state,
		.resident = vm->resident,
		.goal = max(vm->share.target, min(vm->share.min, vm->share.max)) + vm->overhead,
		.ram = vm->ram,
		.stuck = vm->watch.stuck,
	};

	vm->limit = vm->squeeze && vm->squeezer && vm->counted ? vmb_limit(vm->limit, &press) : 0;
	vmb_squeeze_set(vm->squeezer, vm->limit);
}

static void vmb_turn(struct work_struct *work)
{
	struct vmb_result *r = &vmb_result;
	u64 now, occupied = 0, promised = 0, reserve;
	struct vmb_turn turn = {};
	struct vmb_member *vm;
	unsigned int i, n = 0;
	struct vmb_host host, quiet;
	bool busy;

	vmb_turn_measure(&host);
	mutex_lock(&vmb_lock);
	/* Not before: who held the lock may have noted a later time. */
	now = vmb_now();
	r->host = host;
	r->state = vmb_host_judge(&r->host, r->state);
	/* Those who are squeezed wait for memory: that is no reason to go on with it. */
	quiet = (struct vmb_host){ .total = host.total, .avail = host.avail };
	r->scarcity = vmb_host_judge(&quiet, r->scarcity);
	list_for_each_entry(vm, &vmb_vms, link) {
		if (vmb_look_at(vm, now)) {
			occupied += vm->measured;
			vmb_members[n] = vm;
			vmb_table[n++] = vm->share;
		} else {
			if (vm->counted)
				vm->share.order = min(vm->share.min, vm->share.max);
			vm->share.credit = 0;
		}
		if (vm->counted && vm->watch.size > vm->measured)
			promised += vm->watch.size - vm->measured;
	}
	reserve = vmb_reserve(r->host.total);
	r->pool = vmb_host_pool(&r->host, occupied, reserve);
	r->spare = r->host.avail - min(r->host.avail, reserve);
	r->spare -= min(r->spare, promised);
	r->lack = vmb_divide(vmb_table, n, r->pool, &vmb_settings.policy);

	turn.spare = r->spare;
	turn.state = r->state;
	/* The first turn after a long time is no reason to hurry. */
	turn.elapsed = min_t(u64, now - vmb_last, VMB_TURN_CALM_MS);
	vmb_last = now;
	vmb_hand_over(vmb_table, n, &turn);
	vmb_grant_credit(vmb_table, n, min(r->host.avail, reserve) -
			 min3(r->host.avail, reserve, vmb_host_floor(r->host.total)));
	busy = r->state != VMB_HOST_HIGH;
	for (i = 0; i < n; i++) {
		busy |= vmb_table[i].order != vmb_table[i].size;
		vmb_members[i]->share = vmb_table[i];
	}
	list_for_each_entry(vm, &vmb_vms, link) {
		vmb_turn_squeeze(vm, r->scarcity);
		vmb_link_turn(vm, now);
	}
	if (vmb_vms_count)
		queue_delayed_work(system_unbound_wq, &vmb_turn_work,
				   msecs_to_jiffies(busy ? VMB_TURN_BUSY_MS : VMB_TURN_CALM_MS));
	mutex_unlock(&vmb_lock);
}

/*
 * vmb_turn_soon() - something changed: a turn, if there are VMs
 *
 * Now, but no sooner than a busy turn after the last one: guests come here.
 */
void vmb_turn_soon(void)
{
	u64 passed = vmb_now() - vmb_last;

	lockdep_assert_held(&vmb_lock);
	if (vmb_vms_count)
		mod_delayed_work(system_unbound_wq, &vmb_turn_work,
				 msecs_to_jiffies(VMB_TURN_BUSY_MS -
						  min_t(u64, passed, VMB_TURN_BUSY_MS)));
}

/* vmb_turn_exit() - no turns any more; there are no VMs */
void vmb_turn_exit(void)
{
	cancel_delayed_work_sync(&vmb_turn_work);
	kvfree(vmb_table);
	kvfree(vmb_members);
}
