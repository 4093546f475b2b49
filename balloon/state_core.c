// SPDX-License-Identifier: GPL-2.0
/*
 * Observation: states of a host, need and progress of a VM.
 *
 * Problem: a policy is as good as what it is told. The host's own figures are true but
 * jump; a guest's report may be anything; and a guest that says it gave memory back
 * may not have done so.
 *
 * Model: a host has a floor F: 3 percent of its memory, at least 1 GiB, at most an
 * eighth. It is in the state soft below F, hard below F / 2, low below F / 4 of available
 * memory, and each is left at twice the mark at which it is entered: high is
 * reached again at 2 * F. Waiting for memory makes a host soft from 10 percent of the
 * time of some tasks, hard from 10 percent of the time of all, left below the half.
 *
 * A VM's need is what its guest uses and the buffer in percent of that, the active page
 * cache up to half of what is used, and what it read again within a second because
 * it had been reclaimed: reports are clamped to the VM's minimum and maximum.
 *
 * A VM may occupy its maximum until there is better evidence. Ordered down, it counts
 * with the order only when the guest says so and the host measures it: the word
 * alone frees nothing, and the measure alone may be memory never touched. What is measured
 * above the order counts always. One that does not come down for two seconds is stuck; after
 * ten more it is given another chance, as it may only have been ordered below what its
 * guest can do without.
 *
 * Beyond that a VM may be squeezed: while the host is hard, one that is stuck, and while it is
 * low, any is limited to what it is to have, so that its memory is swapped, to be compressed,
 * and only then to a disk. The limit is a step below what is there, a 32nd of the VM's memory
 * and at most 256 MiB, which is reclaimed at once: so it comes down as memory is
 * reclaimed, and stays where that fails. It never goes below an eighth of that memory: QEMU
 * and its devices are in the same cgroup. It stays while the host is soft, and is gone
 * when that is high.
 *
 * Limits: a guest that never touched its memory may claim to hold it, and touch it
 * later: it is then measured above its order and stuck. Only a limit on its cgroup
 * keeps it from that.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "state_core.h"

#define VMB_FLOOR_PERCENT 3
#define VMB_FLOOR_LEAST 0x40000000ULL

/* 1/100 percent of time. */
#define VMB_WAIT_ENTER 1000
#define VMB_WAIT_LEAVE 500

/* A step of a limit is at least VMB_BAND_MIN, and so is a limit. */
#define VMB_STEP_PART 32
#define VMB_STEP_MAX 0x10000000ULL
#define VMB_LIMIT_PART 8

/**
 * vmb_host_floor() - memory below which a host is short
 * @total: bytes that it has
 *
 * Return: bytes, at most an eighth of @total.
 */
u64 vmb_host_floor(u64 total)
{
	return min(max(total / 100 * VMB_FLOOR_PERCENT, VMB_FLOOR_LEAST), total / 8);
}

/*
 * "avg10=" and its value after the word @name, in 1/100 percent. What is longer than
 * 100 percent, or no number, is no value.
 */
static bool vmb_wait_value(const char *text, size_t size, const char *name, u32 *value)
{
	static const char key[] = " avg10=";
	const size_t skip = strlen(name) + sizeof(key) - 1;
	size_t i, digits = 0;
	u32 n = 0;

	for (i = 0; i + skip <= size; i++) {
		if ((i && text[i - 1] != '\n') || strncmp(text + i, name, strlen(name)) ||
		    strncmp(text + i + strlen(name), key, sizeof(key) - 1))
			continue;
		for (i += skip; i < size && digits < 6; i++) {
			if (text[i] == '.')
				continue;
			if (text[i] < '0' || text[i] > '9')
				break;
			n = n * 10 + text[i] - '0';
			digits++;
		}
		if (!digits || n > 10000)
			return false;
		*value = n;
		return true;
	}
	return false;
}

/**
 * vmb_host_waits() - read how long tasks wait for memory
 * @host: some and full are set; to 0 where the text does not say
 * @text: contents of a memory.pressure file; need not end in 0
 * @size: bytes of it
 *
 * Return: whether both were there.
 */
bool vmb_host_waits(struct vmb_host *host, const char *text, size_t size)
{
	bool some, full;

	host->some = 0;
	host->full = 0;
	some = vmb_wait_value(text, size, "some", &host->some);
	full = vmb_wait_value(text, size, "full", &host->full);
	return some && full;
}

static bool vmb_host_short(const struct vmb_host *host, enum vmb_host_state state,
			   bool already)
{
	u64 mark = vmb_host_floor(host->total);
	u32 wait = already ? VMB_WAIT_LEAVE : VMB_WAIT_ENTER;

	if (already)
		mark *= 2;
	switch (state) {
	case VMB_HOST_SOFT:
		return host->avail < mark || host->some >= wait;
	case VMB_HOST_HARD:
		return host->avail < mark / 2 || host->full >= wait;
	case VMB_HOST_LOW:
		return host->avail < mark / 4;
	default:
		return true;
	}
}

/**
 * vmb_host_judge() - how short a host is
 * @host: its figures
 * @before: what the last judgement was
 *
 * Return: the worst state whose marks it is below.
 */
enum vmb_host_state vmb_host_judge(const struct vmb_host *host,
				   enum vmb_host_state before)
{
	enum vmb_host_state state = VMB_HOST_LOW;

	while (!vmb_host_short(host, state, before >= state))
		state--;
	return state;
}

/**
 * vmb_host_pool() - what there is to divide
 * @host: its figures
 * @occupied: bytes that its VMs were measured to have
 * @reserve: bytes that are to stay with the host
 *
 * Return: bytes.
 */
u64 vmb_host_pool(const struct vmb_host *host, u64 occupied, u64 reserve)
{
	u64 all = min(host->avail, VMB_SIZE_MAX) + min(occupied, VMB_SIZE_MAX);

	return all - min(all, reserve);
}

/**
 * vmb_need() - what a guest needs, by its own report
 * @report: any bytes: nothing in it is trusted
 * @buffer: percent, at most %VMB_BUFFER_MAX
 * @least: bytes, the result is not less
 * @most: bytes, the result is not more, whatever @least is
 *
 * Return: bytes.
 */
u64 vmb_need(const struct vmb_report *report, u32 buffer, u64 least, u64 most)
{
	u64 total = min(report->total, VMB_SIZE_MAX);
	u64 used = total - min(report->avail, total);
	u64 need = used + used / 100 * min_t(u32, buffer, VMB_BUFFER_MAX);

	need += min(report->active_file, used / 2);
	need += min(report->refault, VMB_SIZE_MAX);
	return min(max(need, least), most);
}

/**
 * vmb_watch_start() - begin to observe a VM
 * @watch: set to all that can be: nothing is known
 * @max: bytes that it may have at most
 * @now: milliseconds
 */
void vmb_watch_start(struct vmb_watch *watch, u64 max, u64 now)
{
	watch->size = min(max, VMB_SIZE_MAX);
	watch->best = watch->size;
	watch->since = now;
	watch->stuck = false;
}

/**
 * vmb_watch_look() - note an observation
 * @watch: size and stuck are brought up to date
 * @look: what was seen
 */
void vmb_watch_look(struct vmb_watch *watch, const struct vmb_look *look)
{
	u64 measured = min(look->measured, VMB_SIZE_MAX);
	u64 order = min(look->order, VMB_SIZE_MAX);

	if (look->obeyed || order > watch->size)
		watch->size = max(order, measured);
	else
		watch->size = max(watch->size, measured);

	if (watch->size <= order || watch->size - order < vmb_band(order) ||
	    (measured < watch->best && watch->best - measured >= VMB_BAND_MIN)) {
		watch->best = measured;
		watch->since = look->now;
		watch->stuck = false;
	} else if (look->now - watch->since >= VMB_STUCK_MS + VMB_RETRY_MS) {
		watch->best = measured;
		watch->since = look->now;
		watch->stuck = false;
	} else if (look->now - watch->since >= VMB_STUCK_MS) {
		watch->stuck = true;
	}
}

/**
 * vmb_limit() - what a VM that may be squeezed is to keep in memory
 * @limit: bytes, what it was before; 0: any
 * @press: circumstances
 *
 * Return: bytes, or 0: any.
 */
u64 vmb_limit(u64 limit, const struct vmb_press *press)
{
	u64 ram = min(press->ram, VMB_SIZE_MAX);
	u64 step = min(max(ram / VMB_STEP_PART, VMB_BAND_MIN), VMB_STEP_MAX);
	u64 goal = max(min(press->goal, VMB_SIZE_MAX), max(ram / VMB_LIMIT_PART, VMB_BAND_MIN));

	if (press->state == VMB_HOST_HIGH)
		return 0;
	if (limit)
		limit = max(limit, goal);
	if (press->state == VMB_HOST_SOFT || press->resident <= goal ||
	    (!limit && !press->stuck && press->state != VMB_HOST_LOW))
		return limit;
	return max(press->resident - min(press->resident, step), goal);
}
