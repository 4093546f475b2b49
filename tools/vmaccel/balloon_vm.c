// SPDX-License-Identifier: GPL-2.0
/*
 * A VM that is looked after by way of its QEMU's monitor.
 *
 * A connection is a walk through steps, each a command and its answer: those of the set-up
 * once, those of a turn each second. Nothing waits: an answer leads on to the next step, and
 * when none came in time, or not what must come, the connection ends and is made again later.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon_vm.h"
#include "vmaccel.h"

/* For an answer. */
#define VMA_REPLY_MS 5000
/* Until the next attempt: the first, and twice as long each time up to the last. */
#define VMA_RETRY_MS 1000
#define VMA_RETRY_MOST_MS 30000
/* Until a size is asked for again that the guest did not go to: others can ask, too. */
#define VMA_AGAIN_MS 10000
/* Since a balloon moved, or was asked to: it is looked at again soon. */
#define VMA_MOVES_MS 1000
/* Turns until a guest that says nothing is made to be asked again: others can forbid it. */
#define VMA_SILENT_TURNS 5

enum vma_step {
	VMA_OFF,
	VMA_GREETING,
	VMA_CAPABILITIES,
	VMA_DEVICES,
	VMA_DEFLATE,
	VMA_INTERVAL,
	VMA_MEMORY,
	VMA_REST,
	VMA_STATUS,
	VMA_ACTUAL,
	VMA_STATS,
	VMA_BALLOON,
};

static const char * const vma_places[] = { "/machine/peripheral", "/machine/peripheral-anon" };

/* Once for each state of affairs, not once a second. */
static void __printf(2, 3)
vma_vm_say(struct vma_vm *vm, const char *format, ...)
{
	char text[sizeof(vm->said)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	vma_clean(text);
	if (!strcmp(text, vm->said))
		return;
	strcpy(vm->said, text);
	fprintf(stderr, "vmaccel balloon: VM %u: %s\n", (unsigned int)vm->number, text);
}

/*
 * vma_vm_new() - a VM to look after
 *
 * Return: the VM, or NULL.
 */
struct vma_vm *vma_vm_new(uint64_t number, const char *path)
{
	struct vma_vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->path = strdup(path);
	if (!vm->path) {
		free(vm);
		return NULL;
	}
	vm->number = number;
	vm->wanted = true;
	vma_qmp_init(&vm->qmp);
	return vm;
}

/* vma_vm_free() - look after it no more */
void vma_vm_free(struct vma_vm *vm)
{
	vma_qmp_close(&vm->qmp);
	free(vm->path);
	free(vm);
}

/* Its driver has a connection of its own to the host. */
static bool vma_vm_linked(struct vma_job *job, struct vma_vm *vm)
{
	char text[16];

	return !vma_sysfs_read(job->sysfs, vm->number, "link", text, sizeof(text)) &&
	       !strcmp(text, "connected");
}

/* Set a file of the VM, or say that it would be set. */
static int vma_vm_write(struct vma_job *job, struct vma_vm *vm, const char *name,
			const char *text)
{
	if (job->dry) {
		printf("VM %u: would write %s to %s\n", (unsigned int)vm->number, text, name);
		return 0;
	}
	vm->told = true;
	return vma_sysfs_write(job->sysfs, vm->number, name, text);
}

static int vma_vm_tell(struct vma_job *job, struct vma_vm *vm, const struct vma_report *report,
		       uint64_t held)
{
	char text[96];
	int err;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)held);
	err = vma_vm_write(job, vm, "held", text);
	if (err)
		return err;
	snprintf(text, sizeof(text), "%llu %llu %llu %llu",
		 (unsigned long long)report->total, (unsigned long long)report->avail,
		 (unsigned long long)report->active_file,
		 (unsigned long long)report->refault);
	return vma_vm_write(job, vm, "report", text);
}

/*
 * vma_vm_leave() - it is not there any more: what it said counts no more
 *
 * As it is with a guest whose driver has a connection of its own.
 */
void vma_vm_leave(struct vma_job *job, struct vma_vm *vm)
{
	struct vma_report report;

	vma_guest_forget(&vm->guest);
	vm->sent = 0;
	if (!vm->told || vma_vm_linked(job, vm))
		return;
	vma_guest_report(&vm->guest, &vm->size, &report);
	vma_vm_tell(job, vm, &report, 0);
	vm->told = false;
}

/* End the connection; @why says what is wrong, and what to do about it. */
static void vma_vm_fail(struct vma_job *job, struct vma_vm *vm, const char *why)
{
	uint64_t wait = VMA_RETRY_MS;
	unsigned int i;

	for (i = 0; i < vm->failures && wait < VMA_RETRY_MOST_MS; i++)
		wait *= 2;
	vm->failures++;
	vma_qmp_close(&vm->qmp);
	vm->step = VMA_OFF;
	vm->due = job->clock.now + (wait < VMA_RETRY_MOST_MS ? wait : VMA_RETRY_MOST_MS);
	vm->failed = true;
	vma_vm_say(vm, "%s: %s", vm->path, why);
	vma_vm_leave(job, vm);
}

static const char *vma_vm_reason(int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "no QEMU there: start it with -qmp unix:PATH,server=on,wait=off";
	case -EACCES:
	case -EPERM:
		return "not allowed: run as root";
	case -EAGAIN:
		return "no answer: if another program uses this monitor, give QEMU one more -qmp";
	case -ENAMETOOLONG:
		return "path too long for a socket: make it shorter than 108 bytes";
	case -EPIPE:
	case -ECONNRESET:
		return "QEMU is gone; it is tried again";
	case -EMSGSIZE:
	case -EPROTO:
	case -ENOBUFS:
		return "nonsense, or too much of it; is this the socket of -qmp? It is tried again";
	default:
		return strerror(-err);
	}
}

/* Paths of QEMU's objects are bounded, as all that it says. */
static int vma_vm_ask_object(struct vma_vm *vm, const char *command, const char *path,
			     const char *property, json_t *value)
{
	json_t *arguments = json_pack("{s:s, s:s*, s:o*}", "path", path, "property", property,
				      "value", value);

	return arguments ? vma_qmp_ask(&vm->qmp, command, arguments) : -ENOMEM;
}

static void vma_vm_step(struct vma_job *job, struct vma_vm *vm, enum vma_step step)
{
	int err = 0;

	vm->step = step;
	vm->due = job->clock.now + VMA_REPLY_MS;
	switch (step) {
	case VMA_CAPABILITIES:
		err = vma_qmp_ask(&vm->qmp, "qmp_capabilities", NULL);
		break;
	case VMA_DEVICES:
		err = vma_vm_ask_object(vm, "qom-list", vma_places[vm->list], NULL, NULL);
		break;
	case VMA_DEFLATE:
		err = vma_vm_ask_object(vm, "qom-get", vm->device, "deflate-on-oom", NULL);
		break;
	case VMA_INTERVAL:
		err = vma_vm_ask_object(vm, "qom-set", vm->device, "guest-stats-polling-interval",
					json_integer(1));
		break;
	case VMA_MEMORY:
		err = vma_qmp_ask(&vm->qmp, "query-memory-size-summary", NULL);
		break;
	case VMA_STATUS:
		err = vma_qmp_ask(&vm->qmp, "query-status", NULL);
		break;
	case VMA_ACTUAL:
		err = vma_qmp_ask(&vm->qmp, "query-balloon", NULL);
		break;
	case VMA_STATS:
		err = vma_vm_ask_object(vm, "qom-get", vm->device, "guest-stats", NULL);
		break;
	case VMA_BALLOON:
		err = vma_qmp_ask(&vm->qmp, "balloon",
				  json_pack("{s:I}", "value", (json_int_t)vm->sent));
		break;
	default:
		break;
	}
	if (err)
		vma_vm_fail(job, vm, vma_vm_reason(err));
}

/* A number of QEMU; VMA_UNKNOWN: none that makes sense. */
static uint64_t vma_vm_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	double number = json_number_value(value);

	/* Not a number is in no order to any. */
	if (!json_is_number(value) || !(number >= 0 && number < 0x1p63))
		return VMA_UNKNOWN;
	return number;
}

/* The first balloon among the devices. */
static bool vma_vm_find(struct vma_vm *vm, json_t *devices)
{
	static const char type[] = "child<virtio-balloon";
	json_t *device;
	size_t i;

	json_array_foreach(devices, i, device) {
		const char *name = json_string_value(json_object_get(device, "name"));
		const char *kind = json_string_value(json_object_get(device, "type"));
		int n;

		if (!name || !kind || strncmp(kind, type, sizeof(type) - 1))
			continue;
		n = snprintf(vm->device, sizeof(vm->device), "%s/%s", vma_places[vm->list], name);
		if (n > 0 && (size_t)n < sizeof(vm->device))
			return true;
	}
	return false;
}

static void vma_vm_stats(struct vma_job *job, struct vma_vm *vm, json_t *answer)
{
	const json_t *all = json_object_get(answer, "stats");
	struct vma_stats stats = {
		.update = vma_vm_number(answer, "last-update"),
		.total = vma_vm_number(all, "stat-total-memory"),
		.avail = vma_vm_number(all, "stat-available-memory"),
		.free = vma_vm_number(all, "stat-free-memory"),
		.caches = vma_vm_number(all, "stat-disk-caches"),
		.swap_in = vma_vm_number(all, "stat-swap-in"),
		.faults = vma_vm_number(all, "stat-major-faults"),
		.actual = vm->size.actual,
	};

	if (stats.update == VMA_UNKNOWN)
		stats.update = 0;
	vma_guest_look(&vm->guest, &stats, vm->running, &job->clock);
}

/* What the host says of the VM. */
static int vma_vm_read(struct vma_job *job, struct vma_vm *vm)
{
	const struct {
		const char *name;
		uint64_t *number;
	} files[] = {
		{ "ram", &vm->size.ram },
		{ "min", &vm->size.min },
		{ "order", &vm->size.order },
		{ "credit", &vm->size.credit },
	};
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		err = vma_sysfs_number(job->sysfs, vm->number, files[i].name, files[i].number);
		if (err)
			return err;
	}
	return 0;
}

/* What the driver's own connection does is not done twice: its balloon of QEMU is empty. */
static uint64_t vma_vm_serve(struct vma_job *job, struct vma_vm *vm)
{
	struct vma_report report;
	int err;

	err = vma_vm_read(job, vm);
	if (!err && vma_vm_linked(job, vm)) {
		vma_vm_say(vm, "its driver has a link to the host, nothing to do");
		vm->told = false;
		return vm->size.ram;
	}
	if (!err) {
		vma_guest_rest(&vm->guest, &vm->size, &job->clock);
		vma_guest_report(&vm->guest, &vm->size, &report);
		err = vma_vm_tell(job, vm, &report, vma_held(&vm->size));
	}
	switch (err) {
	case 0:
		break;
	case -ENOENT:
	case -ENODEV:
		vm->told = false;
		vma_vm_say(vm, "takes no part: echo %u %llu > %s/add", (unsigned int)vm->number,
			   (unsigned long long)vm->plugged, job->sysfs_path);
		return 0;
	case -EACCES:
	case -EPERM:
		vma_vm_say(vm, "%s/vms/%u: not allowed: run as root", job->sysfs_path,
			   (unsigned int)vm->number);
		return 0;
	default:
		vma_vm_say(vm, "%s/vms/%u: %s: is this vmballoon_host?", job->sysfs_path,
			   (unsigned int)vm->number, strerror(-err));
		return 0;
	}
	if (vm->plugged && vm->plugged != vm->size.ram)
		vma_vm_say(vm, "QEMU says it has %llu bytes, not %llu: remove it and add it again",
			   (unsigned long long)vm->plugged, (unsigned long long)vm->size.ram);
	else if (vm->guest.fresh)
		vma_vm_say(vm, "connected, the guest says what it needs");
	else
		vma_vm_say(vm, "connected, the guest says nothing%s", vm->size.min ?
			   "" : ": it stays as it is until it does, or has a minimum");
	return vma_value(&vm->guest, &vm->size);
}

/* The end of a turn: the sizes are known. */
static void vma_vm_turn(struct vma_job *job, struct vma_vm *vm)
{
	uint64_t value = vma_vm_serve(job, vm), order = vm->size.order;
	bool again, off;

	vm->turns++;
	vm->failures = 0;
	vm->failed = !value;
	off = vm->size.actual > vm->sent + VMA_BAND || vm->size.actual + VMA_BAND < vm->sent;
	again = off && job->clock.now - vm->sent_at >= VMA_AGAIN_MS;
	if (again && value)
		vm->sent = 0;
	if (!value || !vma_worth(value, order, vm->sent)) {
		vma_vm_step(job, vm, VMA_REST);
		return;
	}
	vm->sent = value;
	vm->sent_at = job->clock.now;
	if (job->dry || job->verbose)
		printf("VM %u: %s ask for %llu bytes, has %llu, order %llu\n",
		       (unsigned int)vm->number, job->dry ? "would" : "to",
		       (unsigned long long)value, (unsigned long long)vm->size.actual,
		       (unsigned long long)order);
	vma_vm_step(job, vm, job->dry ? VMA_REST : VMA_BALLOON);
}

/* The answer to the command of a step; @answer is NULL where that is an error. */
static void vma_vm_answer(struct vma_job *job, struct vma_vm *vm, json_t *answer)
{
	uint64_t base, plugged;

	switch ((enum vma_step)vm->step) {
	case VMA_CAPABILITIES:
		vm->list = 0;
		vma_vm_step(job, vm, VMA_DEVICES);
		break;
	case VMA_DEVICES:
		if (vma_vm_find(vm, answer))
			vma_vm_step(job, vm, VMA_DEFLATE);
		else if (++vm->list < sizeof(vma_places) / sizeof(vma_places[0]))
			vma_vm_step(job, vm, VMA_DEVICES);
		else
			vma_vm_fail(job, vm,
				    "no balloon: start QEMU with -device virtio-balloon-pci");
		break;
	case VMA_DEFLATE:
		vm->size.counted = json_is_true(answer);
		vma_vm_step(job, vm, job->dry ? VMA_MEMORY : VMA_INTERVAL);
		break;
	case VMA_INTERVAL:
		vma_vm_step(job, vm, VMA_MEMORY);
		break;
	case VMA_MEMORY:
		base = vma_vm_number(answer, "base-memory");
		plugged = vma_vm_number(answer, "plugged-memory");
		vm->plugged = base == VMA_UNKNOWN ? 0 : base;
		if (plugged <= VMA_SIZE_MAX && base <= VMA_SIZE_MAX)
			vm->plugged = base + plugged;
		vma_vm_step(job, vm, VMA_STATUS);
		break;
	case VMA_STATUS:
		vm->running = json_is_true(json_object_get(answer, "running"));
		vma_vm_step(job, vm, VMA_ACTUAL);
		break;
	case VMA_ACTUAL:
		vm->size.actual = vma_vm_number(answer, "actual");
		if (vm->size.actual > VMA_SIZE_MAX)
			vma_vm_fail(job, vm, vma_vm_reason(-EPROTO));
		else
			vma_vm_step(job, vm, VMA_STATS);
		break;
	case VMA_STATS:
		vma_vm_stats(job, vm, answer);
		vma_vm_turn(job, vm);
		break;
	default:
		vma_vm_step(job, vm, VMA_REST);
		break;
	}
}

/* An error is an answer, too: some steps can do without another. */
static void vma_vm_error(struct vma_job *job, struct vma_vm *vm, json_t *error)
{
	const char *desc = json_string_value(json_object_get(error, "desc"));
	char text[160];

	if (vm->step == VMA_DEFLATE || vm->step == VMA_MEMORY || vm->step == VMA_STATS) {
		vma_vm_answer(job, vm, NULL);
		return;
	}
	snprintf(text, sizeof(text), "QEMU refuses: %.120s", desc ? desc : "without a reason");
	vma_vm_fail(job, vm, text);
}

static void vma_vm_message(struct vma_job *job, struct vma_vm *vm, json_t *message)
{
	const char *event = json_string_value(json_object_get(message, "event"));
	json_t *answer;

	if (event) {
		/* What the guest said before says nothing of the one that starts now. */
		if (!strcmp(event, "RESET"))
			vma_guest_forget(&vm->guest);
		return;
	}
	if (vm->step == VMA_GREETING) {
		if (json_is_object(json_object_get(message, "QMP")))
			vma_vm_step(job, vm, VMA_CAPABILITIES);
		else
			vma_vm_fail(job, vm, vma_vm_reason(-EPROTO));
		return;
	}
	if (vm->step == VMA_REST || !vma_qmp_answers(&vm->qmp, message)) {
		vma_vm_fail(job, vm, vma_vm_reason(-EPROTO));
		return;
	}
	answer = json_object_get(message, "return");
	if (answer)
		vma_vm_answer(job, vm, answer);
	else
		vma_vm_error(job, vm, json_object_get(message, "error"));
}

/* vma_vm_busy() - it waits for an answer */
bool vma_vm_busy(const struct vma_vm *vm)
{
	return vm->step != VMA_OFF && vm->step != VMA_REST;
}

/* vma_vm_moves() - its balloon moves, and nothing is asked now */
bool vma_vm_moves(const struct vma_job *job, const struct vma_vm *vm)
{
	return vm->step == VMA_REST && !vm->failed &&
	       (job->clock.now - vm->sent_at < VMA_MOVES_MS ||
		job->clock.now - vm->guest.moved < VMA_MOVES_MS);
}

/* vma_vm_event() - its socket can be read or written */
void vma_vm_event(struct vma_job *job, struct vma_vm *vm, short events)
{
	int err = vma_qmp_flush(&vm->qmp);

	if (!err && events & (POLLIN | POLLHUP | POLLERR))
		err = vma_qmp_receive(&vm->qmp);
	while (!err && vm->step != VMA_OFF) {
		json_t *message;

		err = vma_qmp_next(&vm->qmp, &message);
		if (!message)
			break;
		vma_vm_message(job, vm, message);
		json_decref(message);
	}
	if (err && vm->step != VMA_OFF)
		vma_vm_fail(job, vm, vma_vm_reason(err));
}

/* vma_vm_tick() - once a second, and between that while it moves */
void vma_vm_tick(struct vma_job *job, struct vma_vm *vm)
{
	int err;

	switch ((enum vma_step)vm->step) {
	case VMA_OFF:
		if (job->clock.now < vm->due)
			break;
		err = vma_qmp_connect(&vm->qmp, vm->path);
		if (err)
			vma_vm_fail(job, vm, vma_vm_reason(err));
		else
			vma_vm_step(job, vm, VMA_GREETING);
		break;
	case VMA_REST:
		if (!job->dry && vm->running && !vm->guest.fresh &&
		    vm->turns % VMA_SILENT_TURNS == 0)
			vma_vm_step(job, vm, VMA_INTERVAL);
		else
			vma_vm_step(job, vm, VMA_STATUS);
		break;
	default:
		if (job->clock.now >= vm->due)
			vma_vm_fail(job, vm, vma_vm_reason(-EAGAIN));
		break;
	}
}
