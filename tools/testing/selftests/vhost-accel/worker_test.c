// SPDX-License-Identifier: GPL-2.0
/*
 * The worker thread: found under the name that tools look for, in the owner's cgroup,
 * asleep when there is nothing to do, and gone with its device, however that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kstest.h"
#include "test_bed.h"

#ifndef VHOST_SET_FORK_FROM_OWNER
#define VHOST_SET_FORK_FROM_OWNER	_IOW(VHOST_VIRTIO, 0x84, __u8)
#endif

#define CGROUP_ROOT	"/sys/fs/cgroup"
#define TAP		"vgwork0"
#define FRAME		200

static const struct bed_config config = {
	.kind = BED_TAP,
	.tap = TAP,
	.features = VG_F_MODERN,
	.rx_buf = 2048,
};

/* ---- helpers ------------------------------------------------------------ */

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, size, f);

	if (f)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

/* Path of a thread in the unified hierarchy. */
static bool cgroup_of(pid_t tid, char *cg, size_t size)
{
	char path[64], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", tid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(cg, size, "%s", line + 3);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

static bool tap_goes(const char *name)
{
	char path[64];
	int ms;

	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	for (ms = 0; !access(path, F_OK); ms += 10) {
		if (ms > BED_SOON_MS)
			return false;
		usleep(10000);
	}
	return true;
}

/* A child that runs @fn and hands back its verdict. */
static bool in_child(bool (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		bool ok = fn();

		fflush(stdout);
		_exit(!ok);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- name, number, cgroup ----------------------------------------------- */

static bool c_name(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN };
	struct vg_dev a, b;
	bool ok;

	ok = expect(!vg_workers_become(getpid(), NULL, 0)) && expect(!vg_dev_open(&a, &cfg)) &&
	     expect(!vg_dev_open(&b, &cfg)) && expect(!vg_workers(getpid(), NULL, 0)) &&
	     expect(!vg_dev_setup(&a)) && expect(vg_workers(getpid(), NULL, 0) == 1) &&
	     expect(!vg_dev_setup(&b)) && expect(vg_workers(getpid(), NULL, 0) == 2);
	vg_dev_close(&a);
	ok = ok && expect(vg_workers_become(getpid(), NULL, 1) == 1);
	ok = ok && expect(!vg_ioctl(b.fd, VHOST_RESET_OWNER, NULL)) &&
	     expect(!vg_workers_become(getpid(), NULL, 0));
	ok = ok && expect(!vg_dev_setup(&b)) && expect(vg_workers(getpid(), NULL, 0) == 1);
	vg_dev_close(&b);
	return ok && expect(!vg_workers_become(getpid(), NULL, 0));
}

static bool move_to_cgroup(const char *cg)
{
	char path[700];
	FILE *f;

	snprintf(path, sizeof(path), CGROUP_ROOT "%s/cgroup.procs", cg);
	f = fopen(path, "we");
	if (!f)
		return false;
	fprintf(f, "0");
	return !fclose(f);
}

static __u8 fork_mode;

static bool child_in_cgroup(void)
{
	char mine[512], its[512], cg[540], path[600];
	struct vg_config cfg = { .features = VG_F_MODERN };
	struct vg_dev d;
	pid_t tid;
	bool ok;

	if (!cgroup_of(getpid(), mine, sizeof(mine)))
		return expect(!"in the unified hierarchy");
	snprintf(cg, sizeof(cg), "%s/vgwork-%d", strcmp(mine, "/") ? mine : "", getpid());
	snprintf(path, sizeof(path), CGROUP_ROOT "%s", cg);
	if (mkdir(path, 0755) && errno != EEXIST)
		return expect(!"cgroup made");

	ok = expect(move_to_cgroup(cg)) && expect(!vg_dev_open(&d, &cfg));
	if (ok && fork_mode != 0xff)
		ok = expect(!vg_ioctl(d.fd, VHOST_SET_FORK_FROM_OWNER, &fork_mode));
	ok = ok && expect(!vg_dev_setup(&d)) && expect(vg_workers_become(getpid(), &tid, 1) == 1) &&
	     expect(cgroup_of(tid, its, sizeof(its))) && expect(!strcmp(its, cg));
	/* Without the owner's consent there are other threads of it, not this kind. */
	if (ok && fork_mode == 0) {
		snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
		ok = expect(access(path, F_OK));
	}
	vg_dev_close(&d);
	move_to_cgroup(mine);
	snprintf(path, sizeof(path), CGROUP_ROOT "%s", cg);
	return expect(!vg_workers_become(getpid(), NULL, 0)) && expect(!rmdir(path)) && ok;
}

static bool c_cgroup(void)
{
	fork_mode = 0xff;
	return in_child(child_in_cgroup);
}

static bool has_fork_mode(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN };
	__u8 mode = 1;
	struct vg_dev d;
	int err;

	if (vg_dev_open(&d, &cfg))
		return false;
	err = vg_ioctl(d.fd, VHOST_SET_FORK_FROM_OWNER, &mode);
	vg_dev_close(&d);
	return !err;
}

static bool c_cgroup_kthread(void)
{
	if (!has_fork_mode())
		return true;
	fork_mode = 0;
	return in_child(child_in_cgroup);
}

/* ---- rest --------------------------------------------------------------- */

/* Idle costs nothing: not one wake-up. */
static bool c_idle(void)
{
	struct vg_sched before, after;
	struct bed b;
	pid_t tid;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(bed_works(&b)) && expect(vg_workers_become(getpid(), &tid, 1) == 1) &&
	     expect(bed_idles()) && expect(!vg_sched_read(tid, &before));
	usleep(500000);
	ok = ok && expect(!vg_sched_read(tid, &after)) &&
	     expect(before.slices == after.slices) && expect(before.run_ns == after.run_ns);
	bed_close(&b);
	return ok;
}

/* A device without buffers lets frames wait, and does not look after them. */
static bool c_idle_backlog(void)
{
	struct virtio_net_hdr none = { 0 };
	struct vg_sched before, after;
	struct bed b;
	unsigned int i;
	pid_t tid;
	bool ok;

	if (bed_open(&b, &config) || vg_dev_start(&b.d, b.backend))
		return false;
	vg_frame_fill(bed_buffer(0), FRAME, 1);
	for (i = 0; i < 50; i++)
		vg_peer_send(b.peer, &none, bed_buffer(0), FRAME);
	ok = expect(vg_workers_become(getpid(), &tid, 1) == 1) && expect(bed_idles()) &&
	     expect(!vg_sched_read(tid, &before));
	for (i = 0; i < 50; i++)
		vg_peer_send(b.peer, &none, bed_buffer(0), FRAME);
	usleep(300000);
	ok = ok && expect(!vg_sched_read(tid, &after)) &&
	     expect(after.slices <= before.slices + 50) && expect(bed_idles());
	bed_close(&b);
	return ok;
}

/* ---- ends --------------------------------------------------------------- */

/* Sends for ever; tells by a byte that it has begun. */
static void load(int ready, int inherited)
{
	struct bed b;
	int i;

	if (inherited < 0) {
		if (bed_open(&b, &config))
			_exit(1);
	} else {
		struct vg_config cfg = { .features = VG_F_MODERN };

		memset(&b, 0, sizeof(b));
		if (vg_dev_open(&b.d, &cfg))
			_exit(1);
		dup2(inherited, b.d.fd);
		b.backend = vg_tap_open(TAP, VG_TAP_OFFLOAD, 12);
		b.cfg = config;
		if (vg_dev_setup(&b.d) || b.backend < 0 || vg_if_up(TAP, 0) ||
		    vg_pool_init(&b.tx, &b.d.mem, 64, 2048) ||
		    vg_pool_init(&b.rx, &b.d.mem, 64, 2048))
			_exit(1);
	}
	if (bed_start(&b))
		_exit(1);
	vg_frame_fill(bed_buffer(0), FRAME, 1);
	for (i = 0;; i++) {
		while (!vg_tx_send(&b.d, &b.tx, NULL, bed_buffer(0), FRAME, i % VG_LAYOUTS))
			;
		vg_ring_kick(&b.d.ring[VG_TX]);
		if (i == 3 && write(ready, "", 1) != 1)
			_exit(1);
		if (vg_ring_wait(&b.d.ring[VG_TX], BED_SOON_MS))
			_exit(1);
		vg_tx_reap(&b.d, &b.tx);
		vg_rx_fill(&b.d, &b.rx);
	}
}

/* Starts a child under load, and RX load against it. */
static pid_t start_load(int inherited, int *peer)
{
	int p[2];
	pid_t pid;
	char c;

	if (pipe(p))
		return -1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(p[0]);
		load(p[1], inherited);
	}
	close(p[1]);
	if (read(p[0], &c, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(p[0]);
	*peer = pid < 0 ? -1 : vg_packet_open(TAP, false);
	return pid;
}

/* Returns the id of the child that was, or -1. */
static pid_t kill_one(int inherited)
{
	int peer, status, i;
	pid_t pid = start_load(inherited, &peer);

	if (!expect(pid > 0))
		return -1;
	vg_frame_fill(bed_buffer(0), FRAME, 1);
	for (i = 0; i < 100; i++)
		vg_peer_send(peer, NULL, bed_buffer(0), FRAME);
	kill(pid, SIGKILL);
	for (i = 0; i < 100; i++)
		vg_peer_send(peer, NULL, bed_buffer(0), FRAME);
	waitpid(pid, &status, 0);
	close(peer);
	return expect(WIFSIGNALED(status)) ? pid : -1;
}

static bool c_kill(void)
{
	unsigned int i, n = bed_long() ? 300 : 8;

	for (i = 0; i < n; i++) {
		pid_t pid = kill_one(-1);

		if (pid < 0 || !expect(!vg_workers_become(pid, NULL, 0)) || !expect(tap_goes(TAP)))
			return false;
	}
	return true;
}

/* The file outlives its killed owner: it is of no use, and closes well. */
static bool c_orphan(void)
{
	struct vhost_vring_state s = { .num = 256 };
	unsigned int i, n = bed_long() ? 100 : 4;
	bool ok = true;

	for (i = 0; ok && i < n; i++) {
		int fd = open(vg_default_path(), O_RDWR | O_CLOEXEC);
		pid_t pid = fd < 0 ? -1 : kill_one(fd);

		ok = expect(pid > 0) &&
		     expect(vg_ioctl(fd, VHOST_SET_VRING_NUM, &s) == -EPERM) &&
		     expect(vg_ioctl(fd, VHOST_SET_OWNER, NULL) == -EBUSY);
		close(fd);
		ok = ok && expect(!vg_workers_become(pid, NULL, 0)) && expect(tap_goes(TAP));
	}
	return ok;
}

/* The owner becomes another program. */
static bool child_execs(void)
{
	struct bed b;
	int i;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	vg_frame_fill(bed_buffer(0), FRAME, 1);
	for (i = 0; i < 50; i++)
		vg_tx_send(&b.d, &b.tx, NULL, bed_buffer(0), FRAME, VG_LAYOUT_HDR);
	vg_ring_kick(&b.d.ring[VG_TX]);
	/* One that keeps the files and one that closes them. */
	if (getpid() & 1)
		fcntl(b.d.fd, F_SETFD, 0);
	execl("/bin/true", "true", NULL);
	return false;
}

static bool c_exec(void)
{
	int i;

	for (i = 0; i < 4; i++)
		if (!expect(in_child(child_execs)) || !expect(tap_goes(TAP)))
			return false;
	return true;
}

/* A child that inherits the file and ends does no harm. */
static bool nothing(void)
{
	return true;
}

static bool c_fork(void)
{
	struct bed b;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(bed_works(&b)) && expect(in_child(nothing)) && expect(bed_works(&b));
	bed_close(&b);
	return ok;
}

/* ---- leaks -------------------------------------------------------------- */

static unsigned long number_in(const char *path, const char *format)
{
	unsigned long n = 0;
	char line[256];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, format, &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static unsigned long tasks(void)
{
	char line[128];
	char *slash;

	if (!read_line("/proc/loadavg", line, sizeof(line)))
		return 0;
	slash = strchr(line, '/');
	return slash ? strtoul(slash + 1, NULL, 10) : 0;
}

static bool open_close(unsigned int n)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	struct vg_dev d;

	while (n--) {
		if (vg_dev_open(&d, &cfg) || vg_dev_setup(&d))
			return false;
		vg_dev_close(&d);
	}
	return true;
}

static bool c_leaks(void)
{
	unsigned int n = bed_long() ? 3000 : 150;
	unsigned long kb, threads, left;
	int ms;
	bool ok;

	ok = expect(open_close(10));
	kb = number_in("/proc/meminfo", "SUnreclaim: %lu");
	threads = tasks();
	ok = ok && expect(open_close(n));
	/* Kernel workers and RCU come and go: what leaks stays. */
	for (ms = 0; ms < 5000; ms += 100) {
		if (tasks() < threads + n / 10 &&
		    number_in("/proc/meminfo", "SUnreclaim: %lu") < kb + n * 4)
			break;
		usleep(100000);
	}
	left = number_in("/proc/meminfo", "SUnreclaim: %lu");
	ksft_print_msg("%u devices: slab %lu to %lu KiB, tasks %lu to %lu\n", n, kb, left,
		       threads, tasks());
	/* Kernels that look for leaks themselves keep what is freed for long. */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		left = kb;
	return ok && expect(tasks() < threads + n / 10) && expect(left < kb + n * 4);
}

static const struct {
	const char *name;
	bool (*fn)(void);
} cases[] = {
	{ "named vhost-<pid>, one a device", c_name },
	{ "in the owner's cgroup", c_cgroup },
	{ "in the owner's cgroup as a kernel thread", c_cgroup_kthread },
	{ "idle without a wake-up", c_idle },
	{ "at rest with frames but no buffers", c_idle_backlog },
	{ "gone after kill -9 of the owner under load", c_kill },
	{ "file outlives the killed owner", c_orphan },
	{ "owner execs", c_exec },
	{ "child of the owner ends", c_fork },
	{ "no leak", c_leaks },
};

#define NCASES	(ARRAY_SIZE(cases))

/* An argument picks the one case to run, by number. */
int main(int argc, char **argv)
{
	unsigned int i, only = argc > 1 ? atoi(argv[1]) : 0;

	ksft_print_header();
	vg_require(vg_default_path());
	ksft_set_plan(only ? 1 : NCASES);
	for (i = 0; i < NCASES; i++)
		if (!only || only == i + 1)
			ksft_test_result(cases[i].fn(), "%s\n", cases[i].name);
	ksft_finished();
}
