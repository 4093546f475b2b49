// SPDX-License-Identifier: GPL-2.0
/*
 * vmaccel balloon: VMs whose guests have a stock balloon driver take part in vmballoon_host.
 *
 * One thread waits for all of them; each second they all have their turn, so that the host
 * looks at them together. Those whose balloons move have turns between: what a balloon gave
 * is worth nothing to others before the host knows of it.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "balloon_vm.h"
#include "vmaccel.h"

#define VMA_CONFIG "/etc/vmaccel/balloon.conf"
#define VMA_DIR "/run/vmaccel"
#define VMA_TURN_MS 1000
#define VMA_TURN_BUSY_MS 100
/* Turns in which a guest that was not asked before may say something. */
#define VMA_ONCE_TURNS 4

static const char vma_usage[] =
	"Usage: vmaccel balloon [OPTION...]\n"
	"       vmaccel balloon status [OPTION...]\n"
	"\n"
	"Tells vmballoon_host once a second what guests with a stock balloon driver need,\n"
	"and asks their balloons for what it orders, by QEMU's monitor.\n"
	"\n"
	"  -q, --qmp SOCKET  of a QEMU started with -qmp unix:SOCKET,server=on,wait=off, and\n"
	"  -m, --vm NUMBER   that VM's number in " VMA_SYSFS ";\n"
	"                    both again for each further VM\n"
	"  -c, --config FILE a line for each VM: its number and the path of its socket;\n"
	"                    read again on SIGHUP\n"
	"  -d, --dir DIR     sockets named after the VMs: 7, 7.sock or 7.qmp; they may come\n"
	"                    and go\n"
	"                    (default: " VMA_CONFIG " if there is one, and " VMA_DIR ")\n"
	"  -1, --once        one turn for each VM; exit status 1 if one could not be looked after\n"
	"  -n, --dry-run     change nothing, print what would be changed\n"
	"  -v, --verbose     print each size that is asked for\n"
	"      --sysfs DIR   the files of vmballoon_host (default " VMA_SYSFS ")\n"
	"  -h, --help        this text\n";

/**
 * struct vma_service - all that is looked after
 * @job: what to do with each
 * @vms: all VMs
 * @n: how many
 * @polls: room to wait for them
 * @config: file that names VMs, or NULL
 * @config_needed: it must be there
 * @dir: directory with sockets, or NULL
 * @once: one turn only
 */
struct vma_service {
	struct vma_job job;
	struct vma_vm *vms[VMA_VMS_MAX];
	unsigned int n;
	struct pollfd polls[VMA_VMS_MAX];
	const char *config;
	bool config_needed;
	const char *dir;
	bool once;
};

static volatile sig_atomic_t vma_stop;
static volatile sig_atomic_t vma_reload;

static void vma_signal(int sig)
{
	if (sig == SIGHUP)
		vma_reload = 1;
	else
		vma_stop = 1;
}

static void vma_now(struct vma_clock *clock)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock->now = now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
	clock->wall = time(NULL);
}

static struct vma_vm *vma_find(struct vma_service *s, uint64_t number)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->vms[i]->number == number)
			return s->vms[i];
	return NULL;
}

/* Return: 0 or a negative error; -EEXIST: it has another socket. */
static int vma_add(struct vma_service *s, uint64_t number, const char *path, bool found)
{
	struct vma_vm *vm = vma_find(s, number);

	if (vm && vm->wanted)
		return strcmp(vm->path, path) ? -EEXIST : 0;
	if (vm) {
		char *copy = strdup(path);

		if (!copy)
			return -ENOMEM;
		if (strcmp(vm->path, path)) {
			/* Another QEMU: begin anew, now. */
			vma_qmp_close(&vm->qmp);
			vma_vm_leave(&s->job, vm);
			vm->step = 0;
			vm->due = 0;
		}
		free(vm->path);
		vm->path = copy;
		vm->wanted = true;
		vm->found = found;
		return 0;
	}
	if (s->n == VMA_VMS_MAX)
		return -ENOSPC;
	vm = vma_vm_new(number, path);
	if (!vm)
		return -ENOMEM;
	vm->found = found;
	s->vms[s->n++] = vm;
	return 0;
}

/* Look no more after those that nobody wants any more. */
static void vma_sweep(struct vma_service *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (s->vms[i]->wanted) {
			s->vms[n++] = s->vms[i];
			continue;
		}
		vma_vm_leave(&s->job, s->vms[i]);
		vma_vm_free(s->vms[i]);
	}
	s->n = n;
}

/* Return: 0, 1: it cannot be read or understood, which was said. */
static int vma_read_config(struct vma_service *s)
{
	char line[512], *path;
	unsigned int i, row = 0;
	uint64_t number;
	FILE *file;
	int err = 0;

	if (!s->config)
		return 0;
	file = fopen(s->config, "re");
	if (!file && errno == ENOENT && !s->config_needed)
		return 0;
	if (!file)
		return vma_fail("balloon", "%s: %s", s->config, strerror(errno));
	for (i = 0; i < s->n; i++)
		s->vms[i]->wanted = s->vms[i]->found;
	while (!err && fgets(line, sizeof(line), file)) {
		row++;
		if (!vma_parse_line(line, &number, &path)) {
			err = vma_fail("balloon", "%s: line %u: not a number from %u and a path",
				       s->config, row, VMA_VM_MIN);
			break;
		}
		if (!number)
			continue;
		err = vma_add(s, number, path, false);
		if (err)
			err = vma_fail("balloon", "%s: line %u: VM %u: %s", s->config, row,
				       (unsigned int)number, err == -EEXIST ?
				       "has another socket already" : strerror(-err));
	}
	fclose(file);
	return err;
}

/* Again, when the administrator says so; if it makes no sense nobody is dropped. */
static void vma_config_again(struct vma_service *s)
{
	unsigned int i;

	vma_reload = 0;
	if (!vma_read_config(s)) {
		vma_sweep(s);
		return;
	}
	for (i = 0; i < s->n; i++)
		s->vms[i]->wanted = true;
}

/* Sockets come and go with their QEMUs; what is connected stays until it is not. */
static void vma_read_dir(struct vma_service *s)
{
	struct dirent *entry;
	unsigned int i;
	char path[512];
	uint64_t number;
	DIR *list;

	if (!s->dir)
		return;
	for (i = 0; i < s->n; i++)
		if (s->vms[i]->found)
			s->vms[i]->wanted = s->vms[i]->qmp.fd >= 0;
	list = opendir(s->dir);
	while (list && (entry = readdir(list))) {
		int n = snprintf(path, sizeof(path), "%s/%s", s->dir, entry->d_name);

		if (n > 0 && (size_t)n < sizeof(path) && vma_parse_socket(entry->d_name, &number))
			vma_add(s, number, path, true);
	}
	if (list)
		closedir(list);
	vma_sweep(s);
}

/* Wait until something comes or @until; then have each look at its own. */
static void vma_wait(struct vma_service *s, uint64_t until)
{
	unsigned int i;
	int timeout;

	vma_now(&s->job.clock);
	timeout = until > s->job.clock.now ? until - s->job.clock.now : 0;
	for (i = 0; i < s->n; i++) {
		s->polls[i].fd = s->vms[i]->qmp.fd;
		s->polls[i].events = vma_qmp_events(&s->vms[i]->qmp);
		s->polls[i].revents = 0;
	}
	if (poll(s->polls, s->n, timeout) <= 0)
		return;
	vma_now(&s->job.clock);
	for (i = 0; i < s->n; i++)
		if (s->polls[i].revents && s->vms[i]->qmp.fd == s->polls[i].fd)
			vma_vm_event(&s->job, s->vms[i], s->polls[i].revents);
}

/* Each was looked after, or could not be: 1 if one could not, 0 if all were, else -1. */
static int vma_done(struct vma_service *s)
{
	bool failed = false;
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		struct vma_vm *vm = s->vms[i];

		if (vma_vm_busy(vm))
			return -1;
		if (!vm->failed && (!vm->turns || (!vm->guest.fresh && vm->running &&
						   vm->turns < VMA_ONCE_TURNS)))
			return -1;
		failed |= vm->failed;
	}
	return failed;
}

/* The directory of a module that was loaded anew is another one. */
static void vma_open_again(struct vma_service *s)
{
	int dir = vma_sysfs_open(s->job.sysfs_path);

	if (dir < 0)
		return;
	close(s->job.sysfs);
	s->job.sysfs = dir;
}

/* The turn of all. */
static void vma_turn(struct vma_service *s)
{
	unsigned int i;

	vma_open_again(s);
	if (vma_reload)
		vma_config_again(s);
	vma_read_dir(s);
	for (i = 0; i < s->n; i++) {
		s->vms[i]->qmp.quota = VMA_QMP_QUOTA;
		vma_vm_tick(&s->job, s->vms[i]);
	}
}

/* The turn of those that move. */
static void vma_turn_busy(struct vma_service *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (vma_vm_moves(&s->job, s->vms[i]))
			vma_vm_tick(&s->job, s->vms[i]);
}

static bool vma_any_moves(struct vma_service *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (vma_vm_moves(&s->job, s->vms[i]))
			return true;
	return false;
}

static int vma_loop(struct vma_service *s)
{
	uint64_t turn = 0, busy = 0;
	int done;

	/* One that comes just before the wait is noticed at the end of it, within a second. */
	signal(SIGTERM, vma_signal);
	signal(SIGINT, vma_signal);
	signal(SIGHUP, vma_signal);
	while (!vma_stop) {
		vma_now(&s->job.clock);
		if (s->job.clock.now >= turn) {
			turn = s->job.clock.now + VMA_TURN_MS;
			busy = s->job.clock.now + VMA_TURN_BUSY_MS;
			vma_turn(s);
		} else if (s->job.clock.now >= busy) {
			busy = s->job.clock.now + VMA_TURN_BUSY_MS;
			vma_turn_busy(s);
		}
		done = s->once ? vma_done(s) : -1;
		if (done >= 0)
			return done;
		vma_wait(s, vma_any_moves(s) && busy < turn ? busy : turn);
	}
	return 0;
}

/* Return: -1 to go on, or the exit status. */
static int vma_options(struct vma_service *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "qmp", required_argument, NULL, 'q' },
		{ "vm", required_argument, NULL, 'm' },
		{ "config", required_argument, NULL, 'c' },
		{ "dir", required_argument, NULL, 'd' },
		{ "once", no_argument, NULL, '1' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "sysfs", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *socket = NULL;
	uint64_t number = 0;
	int c, err;

	while ((c = getopt_long(argc, argv, "q:m:c:d:1nvh", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			if (socket)
				goto pair;
			socket = optarg;
			break;
		case 'm':
			if (number)
				goto pair;
			if (!vma_parse_number(optarg, VMA_VM_MAX, &number) || number < VMA_VM_MIN) {
				vma_fail("balloon", "--vm %s: not a number from %u to %u", optarg,
					 VMA_VM_MIN, VMA_VM_MAX);
				return 2;
			}
			break;
		case 'c':
			s->config = optarg;
			s->config_needed = true;
			break;
		case 'd':
			s->dir = optarg;
			break;
		case '1':
			s->once = true;
			break;
		case 'n':
			s->job.dry = true;
			break;
		case 'v':
			s->job.verbose = true;
			break;
		case 's':
			s->job.sysfs_path = optarg;
			break;
		case 'h':
			fputs(vma_usage, stdout);
			return 0;
		default:
			return 2;
		}
		if (socket && number) {
			err = vma_add(s, number, socket, false);
			if (err) {
				vma_fail("balloon", "--vm %u: %s", (unsigned int)number,
					 err == -EEXIST ? "given twice" : strerror(-err));
				return 2;
			}
			socket = NULL;
			number = 0;
		}
	}
	if (optind < argc) {
		vma_fail("balloon", "unknown argument %s; see --help", argv[optind]);
		return 2;
	}
	if (socket || number)
		goto pair;
	if (s->n && s->config) {
		vma_fail("balloon", "--config and --qmp: one of them, the file is read again");
		return 2;
	}
	return -1;
pair:
	vma_fail("balloon", "each --qmp SOCKET needs its --vm NUMBER; see --help");
	return 2;
}

/* vma_balloon() - the command; @argv begins with its name */
int vma_balloon(int argc, char **argv)
{
	static struct vma_service s = { .job.sysfs_path = VMA_SYSFS };
	int status = vma_options(&s, argc, argv);

	if (status >= 0)
		goto out;
	status = 1;
	if (!s.n && !s.config && !s.dir) {
		s.config = VMA_CONFIG;
		s.dir = VMA_DIR;
	}
	s.job.sysfs = vma_sysfs_open(s.job.sysfs_path);
	if (s.job.sysfs < 0) {
		vma_fail("balloon", "%s: %s%s", s.job.sysfs_path, strerror(-s.job.sysfs),
			 s.job.sysfs == -ENOENT ? ": modprobe vmballoon_host" : "");
		goto out;
	}
	if (!vma_read_config(&s)) {
		vma_read_dir(&s);
		if (s.once && !s.n)
			vma_fail("balloon", "no VM: name it by --qmp and --vm; see --help");
		else
			status = vma_loop(&s);
	}
	close(s.job.sysfs);
out:
	while (s.n)
		vma_vm_free(s.vms[--s.n]);
	return status;
}
