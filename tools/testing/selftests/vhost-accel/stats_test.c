// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics in sysfs: each counter against traffic that is known to the last frame,
 * drops by reason, whose device it is, readers while devices come and go, and the
 * module's end with files still open.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/if_tun.h>

#include "kstest.h"
#include "test_bed.h"

#define DEVICES		"/sys/class/misc/vhost-accel/devices"
#define CGROUP_ROOT	"/sys/fs/cgroup"
#define TAP		"vgstat0"
#define FRAME		300
#define FRAMES		40

static const char * const counters[] = {
	"packets", "bytes", "copies", "kicks", "runs", "signals", "errors", "drop_short",
	"drop_hdr", "drop_fault", "drop_nobuf", "drop_backend", "worker_ns",
};

static const char * const way[VG_RINGS] = { "rx", "tx" };

/* ---- helpers ------------------------------------------------------------ */

/* False if it is not there, or no line. */
static bool read_line(const char *path, char *value, size_t size)
{
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, value, size - 1);
	close(fd);
	if (len <= 0 || value[len - 1] != '\n')
		return false;
	value[len - 1] = '\0';
	return true;
}

/* A file of this process's device @n. */
static bool read_file(unsigned int n, const char *name, char *value, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), DEVICES "/%d-%u/%s", getpid(), n, name);
	return read_line(path, value, size);
}

static bool file_is(unsigned int n, const char *name, const char *want)
{
	char value[4096];

	if (!read_file(n, name, value, sizeof(value)))
		return false;
	if (!strcmp(value, want))
		return true;
	ksft_print_msg("%s: \"%s\", not \"%s\"\n", name, value, want);
	return false;
}

static __s64 counter(unsigned int which, const char *name)
{
	char path[64], value[64];

	snprintf(path, sizeof(path), "%s/%s", way[which], name);
	return read_file(0, path, value, sizeof(value)) ? strtoll(value, NULL, 10) : -1;
}

/* Waits, since a worker counts after the guest has seen its work. */
static bool counts(unsigned int which, const char *name, __s64 want)
{
	__s64 is;
	int ms;

	for (ms = 0; (is = counter(which, name)) != want && ms < BED_SOON_MS; ms += 10)
		usleep(10000);
	if (is != want)
		ksft_print_msg("%s/%s is %lld, not %lld\n", way[which], name, (long long)is,
			       (long long)want);
	return is == want;
}

static bool is_dir(unsigned int n)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "/%d-%u", getpid(), n);
	return !access(path, F_OK);
}

static bool send_frames(struct bed *b, unsigned int n, size_t len)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (bed_tx(b, i, len, VG_LAYOUT_HDR) || bed_rx(b, i, len))
			return false;
	return true;
}

static const struct bed_config config = {
	.kind = BED_TAP,
	.tap = TAP,
	.features = VG_F_MODERN,
	.rx_buf = 2048,
};

/* ---- traffic ------------------------------------------------------------ */

static bool traffic(__u64 features)
{
	struct bed_config cfg = config;
	unsigned int i, q;
	char name[64];
	struct bed b;
	bool ok;

	cfg.features = features;
	if (bed_open(&b, &cfg) || bed_start(&b))
		return false;
	ok = expect(send_frames(&b, FRAMES, FRAME)) && expect(bed_idles());
	for (q = 0; ok && q < VG_RINGS; q++) {
		vg_ring_ack(&b.d.ring[q]);
		snprintf(name, sizeof(name), "%s/ring_format", way[q]);
		ok = expect(file_is(0, name, features & VG_F_PACKED ? "packed" : "split")) &&
		     expect(counts(q, "packets", FRAMES)) &&
		     expect(counts(q, "bytes", FRAMES * FRAME)) &&
		     expect(counts(q, "copies", FRAMES)) &&
		     expect(counts(q, "kicks", b.d.ring[q].kicks)) &&
		     expect(counts(q, "signals", b.d.ring[q].calls)) &&
		     expect(counter(q, "runs") > 0) && expect(counter(q, "runs") >=
			    counter(q, "signals"));
		for (i = 6; ok && i < 12; i++)
			ok = expect(counts(q, counters[i], 0));
	}
	/* Kicks with nothing to do count as kicks alone. */
	for (i = 0; i < 3; i++)
		vg_ring_notify(&b.d.ring[VG_TX]);
	ok = ok && expect(counts(VG_TX, "kicks", b.d.ring[VG_TX].kicks)) &&
	     expect(counts(VG_TX, "packets", FRAMES));
	bed_close(&b);
	return ok;
}

static bool c_traffic(void)
{
	return traffic(VG_F_MODERN);
}

static bool c_traffic_packed(void)
{
	return traffic(VG_F_MODERN | VG_F_PACKED);
}

/* Frames that go to the backend in guest memory are copied there: once, too. */
static bool c_large(void)
{
	struct bed b;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(send_frames(&b, 3, 20000)) && expect(counts(VG_TX, "packets", 3)) &&
	     expect(counts(VG_TX, "bytes", 60000)) && expect(counts(VG_TX, "copies", 3)) &&
	     expect(counts(VG_RX, "bytes", 60000)) && expect(counts(VG_RX, "copies", 3));
	bed_close(&b);
	return ok;
}

static bool c_fdinfo(void)
{
	unsigned int i, q;
	struct bed b;
	char key[64];
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(send_frames(&b, 3, FRAME)) && expect(bed_idles());
	for (q = 0; q < VG_RINGS; q++) {
		for (i = 0; i < ARRAY_SIZE(counters); i++) {
			snprintf(key, sizeof(key), "%s_%s", way[q], counters[i]);
			ok = ok && expect(vg_counter(b.d.fd, key) == counter(q, counters[i]));
		}
	}
	bed_close(&b);
	return ok;
}

/*
 * The sum is never ahead of the scheduler, and has caught up with all before the last
 * sleep when the worker has run again.
 */
static bool c_worker_ns(void)
{
	struct vg_sched before, after;
	__s64 rx, sum, runs;
	struct bed b;
	pid_t tid;
	bool ok;
	int i;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(send_frames(&b, FRAMES, FRAME)) &&
	     expect(vg_workers_become(getpid(), &tid, 1) == 1) && expect(bed_idles()) &&
	     expect(!vg_sched_read(tid, &before));

	/* Run once more, it has booked what was before. */
	rx = counter(VG_RX, "runs");
	runs = counter(VG_TX, "runs");
	vg_ring_notify(&b.d.ring[VG_TX]);
	ok = ok && expect(counts(VG_TX, "runs", runs + 1)) && expect(bed_idles()) &&
	     expect(counts(VG_RX, "runs", rx));
	sum = counter(VG_RX, "worker_ns") + counter(VG_TX, "worker_ns");
	ok = ok && expect(sum >= (__s64)before.run_ns) && expect(!vg_sched_read(tid, &after)) &&
	     expect(sum <= (__s64)after.run_ns);

	/* Only the queue that works pays, and it pays all. */
	vg_ring_notify(&b.d.ring[VG_TX]);
	ok = ok && expect(counts(VG_TX, "runs", runs + 2)) && expect(bed_idles()) &&
	     expect(!vg_sched_read(tid, &before));
	rx = counter(VG_RX, "worker_ns");
	for (i = 0; i < 20; i++) {
		vg_ring_notify(&b.d.ring[VG_TX]);
		ok = ok && expect(counts(VG_TX, "runs", runs + 3 + i)) && expect(bed_idles());
	}
	ok = ok && expect(counter(VG_RX, "worker_ns") == rx) &&
	     expect(counter(VG_TX, "worker_ns") >= (__s64)before.run_ns - rx);
	bed_close(&b);
	return ok;
}

/* ---- drops -------------------------------------------------------------- */

static __u64 scratch(struct bed *b, size_t size)
{
	return vg_mem_alloc(&b->d.mem, size, VG_PAGE, true);
}

static bool tx_raw(struct bed *b, __u64 gpa, __u32 len)
{
	struct vg_chain c = { .nsegs = 1, .seg = { { .gpa = gpa, .len = len } } };
	struct vg_ring *r = &b->d.ring[VG_TX];
	struct vg_used u;

	if (vg_ring_add(r, &c, b))
		return false;
	vg_ring_kick(r);
	return !vg_ring_wait(r, BED_SOON_MS) && vg_ring_get(r, &u) && u.token == b;
}

static bool c_drop_tx(void)
{
	struct virtio_net_hdr_v1 *hdr;
	struct bed b;
	__u64 gpa;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	gpa = scratch(&b, 0x60000);
	hdr = vg_mem_hva(&b.d.mem, gpa);
	ok = expect(gpa) && expect(tx_raw(&b, gpa, b.d.hlen + 13)) &&
	     expect(counts(VG_TX, "drop_short", 1));

	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = 0xffff;
	ok = ok && expect(tx_raw(&b, gpa, FRAME)) && expect(counts(VG_TX, "drop_hdr", 1));
	hdr->flags = 0;

	/* Longer than any frame may be. */
	ok = ok && expect(tx_raw(&b, gpa, 0x50000)) && expect(counts(VG_TX, "drop_backend", 1));

	ok = ok && expect(!munmap(hdr, VG_PAGE)) && expect(tx_raw(&b, gpa, FRAME)) &&
	     expect(counts(VG_TX, "drop_fault", 1));
	ok = expect(mmap(hdr, VG_PAGE, PROT_READ | PROT_WRITE,
			 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == hdr) && ok;

	ok = ok && expect(counts(VG_TX, "packets", 0)) && expect(counts(VG_TX, "bytes", 0)) &&
	     expect(counts(VG_TX, "drop_short", 1)) && expect(counts(VG_TX, "drop_hdr", 1)) &&
	     expect(counts(VG_TX, "drop_fault", 1)) && expect(counts(VG_TX, "drop_backend", 1)) &&
	     expect(counts(VG_TX, "drop_nobuf", 0)) && expect(counts(VG_TX, "errors", 0)) &&
	     expect(counts(VG_RX, "drop_short", 0)) && expect(bed_works(&b));
	bed_close(&b);
	return ok;
}

static bool peer_sends(struct bed *b, size_t len)
{
	struct virtio_net_hdr none = { 0 };

	vg_frame_fill(bed_buffer(2), len, 1);
	return !vg_peer_send(b->peer, &none, bed_buffer(2), len);
}

/* A tap that is down refuses frames that come one by one. */
static bool c_drop_down(void)
{
	struct bed_config cfg = config;
	struct bed b;
	bool ok;

	cfg.kind = BED_TAP_SNDBUF;
	if (bed_open(&b, &cfg) || bed_start(&b))
		return false;
	ok = expect(!vg_run("ip link set %s down", TAP)) &&
	     expect(tx_raw(&b, scratch(&b, VG_PAGE), FRAME)) &&
	     expect(counts(VG_TX, "drop_backend", 1)) && expect(counts(VG_TX, "packets", 0));
	bed_close(&b);
	return ok;
}

static bool c_drop_rx(void)
{
	struct bed_config cfg = config;
	int len = sizeof(struct virtio_net_hdr);
	struct bed b;
	bool ok;

	cfg.features = VG_F_VERSION_1 | VG_F_EVENT_IDX;
	cfg.rx_buf = 256;
	if (bed_open(&b, &cfg) || bed_start(&b))
		return false;
	ok = expect(peer_sends(&b, 1000)) && expect(counts(VG_RX, "drop_nobuf", 1)) &&
	     expect(peer_sends(&b, 1000)) && expect(counts(VG_RX, "drop_nobuf", 2)) &&
	     expect(counts(VG_RX, "packets", 0));
	bed_close(&b);
	if (!ok)
		return false;

	/* The tap's header is shorter than the guest's. */
	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(!ioctl(b.backend, TUNSETVNETHDRSZ, &len)) && expect(peer_sends(&b, FRAME)) &&
	     expect(counts(VG_RX, "drop_backend", 1)) && expect(counts(VG_RX, "packets", 0));
	bed_close(&b);
	return ok;
}

static bool rx_raw(struct bed *b, __u64 gpa)
{
	struct vg_chain c = {
		.nsegs = 1,
		.seg = { { .gpa = gpa, .len = VG_PAGE, .write = true } },
	};

	if (vg_ring_add(&b->d.ring[VG_RX], &c, b))
		return false;
	vg_ring_kick(&b->d.ring[VG_RX]);
	return true;
}

/* The first frame goes another way than all that follow. */
static bool c_drop_rx_fault(void)
{
	struct bed b;
	__u64 gpa;
	void *bad;
	bool ok;

	if (bed_open(&b, &config) || vg_dev_start(&b.d, b.backend))
		return false;
	gpa = scratch(&b, 2 * VG_PAGE);
	bad = vg_mem_hva(&b.d.mem, gpa + VG_PAGE);
	ok = expect(rx_raw(&b, gpa)) && expect(peer_sends(&b, FRAME)) &&
	     expect(counts(VG_RX, "packets", 1)) && expect(!mprotect(bad, VG_PAGE, PROT_READ)) &&
	     expect(rx_raw(&b, gpa + VG_PAGE)) && expect(peer_sends(&b, FRAME)) &&
	     expect(counts(VG_RX, "drop_fault", 1)) && expect(counts(VG_RX, "packets", 1));
	ok = expect(!mprotect(bad, VG_PAGE, PROT_READ | PROT_WRITE)) && ok;
	ok = ok && expect(peer_sends(&b, FRAME)) && expect(counts(VG_RX, "packets", 2)) &&
	     expect(counts(VG_RX, "drop_fault", 1));
	bed_close(&b);
	return ok;
}

static bool c_errors(void)
{
	struct vg_ring *r;
	struct bed b;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	r = &b.d.ring[VG_TX];
	/* The look that starting causes is over. */
	ok = expect(bed_idles());
	/* More buffers than the ring has. */
	*(volatile __u16 *)&r->avail->idx = r->avail_idx + r->num + 1;
	vg_ring_notify(r);
	ok = ok && expect(counts(VG_TX, "errors", 1)) && expect(bed_idles()) &&
	     expect(vg_ring_errors(r) == 1) && expect(counts(VG_RX, "errors", 0));
	bed_close(&b);
	return ok;
}

/* ---- whose -------------------------------------------------------------- */

static bool c_describe(void)
{
	char want[64];
	struct bed b;
	pid_t tid;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(bed_works(&b)) && expect(vg_workers_become(getpid(), &tid, 1) == 1);
	snprintf(want, sizeof(want), "%d", getpid());
	ok = ok && expect(file_is(0, "owner", want));
	snprintf(want, sizeof(want), "%d", tid);
	ok = ok && expect(file_is(0, "worker", want)) && expect(file_is(0, "netdev", TAP));
	snprintf(want, sizeof(want), "0x%llx", (unsigned long long)b.d.features);
	ok = ok && expect(file_is(0, "features", want)) &&
	     expect(file_is(0, "rx/ring_size", "256")) &&
	     expect(file_is(0, "tx/ring_size", "256")) &&
	     expect(file_is(0, "rx/ring_format", b.d.features & VG_F_PACKED ? "packed" : "split"));

	/* The tap's name goes with the tap. */
	ok = ok && expect(!vg_dev_stop(&b.d)) && expect(file_is(0, "netdev", ""));
	bed_close(&b);
	return ok && expect(!is_dir(0));
}

static bool c_netdev(void)
{
	static const struct {
		enum bed_kind kind;
		const char *name;
	} kinds[] = {
		{ BED_MACVTAP, "vgbed1" }, { BED_PACKET, "vgbed2" },
	};
	struct bed_config cfg = config;
	unsigned int i;
	struct bed b;
	bool ok = true;

	for (i = 0; ok && i < ARRAY_SIZE(kinds); i++) {
		cfg.kind = kinds[i].kind;
		cfg.tap = NULL;
		if (bed_open(&b, &cfg) || bed_start(&b))
			return false;
		ok = expect(file_is(0, "netdev", kinds[i].name));
		bed_close(&b);
	}
	return ok;
}

/* Lowest free number of an owner; nothing is shown before SET_OWNER. */
static bool c_numbers(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	struct vg_dev d[3];
	unsigned int i;
	bool ok = true;

	for (i = 0; i < 3; i++)
		ok = expect(!vg_dev_open(&d[i], &cfg)) && expect(!is_dir(i)) &&
		     expect(!vg_dev_setup(&d[i])) && expect(is_dir(i)) && ok;
	ok = ok && expect(!vg_ioctl(d[1].fd, VHOST_RESET_OWNER, NULL)) && expect(is_dir(0)) &&
	     expect(!is_dir(1)) && expect(is_dir(2)) && expect(!vg_dev_setup(&d[1])) &&
	     expect(is_dir(1)) && expect(!is_dir(3));
	for (i = 0; i < 3; i++) {
		vg_dev_close(&d[i]);
		ok = expect(!is_dir(i)) && ok;
	}
	return ok;
}

static bool c_new_owner(void)
{
	unsigned int i;
	struct bed b;
	bool ok;

	if (bed_open(&b, &config) || bed_start(&b))
		return false;
	ok = expect(send_frames(&b, 2, FRAME)) && expect(counts(VG_TX, "packets", 2)) &&
	     expect(!vg_ioctl(b.d.fd, VHOST_RESET_OWNER, NULL)) && expect(!is_dir(0)) &&
	     expect(vg_counter(b.d.fd, "tx_packets") == 2) &&
	     expect(!vg_ioctl(b.d.fd, VHOST_SET_OWNER, NULL));
	for (i = 0; ok && i < ARRAY_SIZE(counters); i++)
		ok = expect(counter(VG_RX, counters[i]) == 0) &&
		     expect(counter(VG_TX, counters[i]) == 0);
	bed_close(&b);
	return ok;
}

static bool own_cgroup(char *cg, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[1024];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, "0::", 3);
		line[strcspn(line, "\n")] = '\0';
		snprintf(cg, size, "%s", line + 3);
	}
	if (f)
		fclose(f);
	return found;
}

static bool move_to(const char *cg)
{
	char path[1200];
	FILE *f;

	snprintf(path, sizeof(path), CGROUP_ROOT "%s/cgroup.procs", cg);
	f = fopen(path, "we");
	if (!f)
		return false;
	fprintf(f, "0");
	return !fclose(f);
}

static bool child_in_cgroup(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	char home[1024], cg[1100], path[1200];
	struct vg_dev d;
	bool ok;

	if (!own_cgroup(home, sizeof(home)))
		return expect(!"in the unified hierarchy");
	snprintf(cg, sizeof(cg), "%s/vgstat %d", strcmp(home, "/") ? home : "", getpid());
	snprintf(path, sizeof(path), CGROUP_ROOT "%s", cg);
	if (mkdir(path, 0755))
		return expect(!"cgroup made");
	ok = expect(!vg_dev_open(&d, &cfg)) && expect(!vg_dev_setup(&d)) &&
	     expect(file_is(0, "cgroup", home)) && expect(move_to(cg)) &&
	     expect(file_is(0, "cgroup", cg));
	/* As the reader's namespace has it. */
	ok = ok && expect(!unshare(CLONE_NEWCGROUP)) && expect(file_is(0, "cgroup", "/"));
	ok = expect(move_to(home)) && ok;
	vg_dev_close(&d);
	return expect(!rmdir(path)) && ok;
}

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

static bool c_cgroup(void)
{
	return in_child(child_in_cgroup);
}

static char watched[128];

static bool child_reads(void)
{
	char value[64];

	return expect(read_line(watched, value, sizeof(value))) && expect(!strcmp(value, "0"));
}

/* Another PID namespace has no id for the owner. */
static bool child_in_pidns(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	struct vg_dev d;
	bool ok;

	snprintf(watched, sizeof(watched), DEVICES "/%d-0/owner", getpid());
	ok = expect(!vg_dev_open(&d, &cfg)) && expect(!vg_dev_setup(&d)) &&
	     expect(!unshare(CLONE_NEWPID)) && expect(in_child(child_reads));
	vg_dev_close(&d);
	return ok;
}

static bool c_pidns(void)
{
	return in_child(child_in_pidns);
}

/* The file outlives its owner: no id, no cgroup, but still its counters. */
static bool c_orphan(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	char path[128], value[64];
	struct vg_dev d;
	pid_t pid;
	bool ok;

	if (vg_dev_open(&d, &cfg))
		return false;
	pid = fork();
	if (!pid)
		_exit(vg_ioctl(d.fd, VHOST_SET_OWNER, NULL) ? 1 : 0);
	ok = expect(waitpid(pid, NULL, 0) == pid);
	snprintf(path, sizeof(path), DEVICES "/%d-0/owner", pid);
	ok = ok && expect(read_line(path, value, sizeof(value))) && expect(!strcmp(value, "0"));
	snprintf(path, sizeof(path), DEVICES "/%d-0/cgroup", pid);
	ok = ok && expect(read_line(path, value, sizeof(value))) && expect(!*value);
	snprintf(path, sizeof(path), DEVICES "/%d-0/worker", pid);
	ok = ok && expect(read_line(path, value, sizeof(value)));
	snprintf(path, sizeof(path), DEVICES "/%d-0/rx/packets", pid);
	ok = ok && expect(read_line(path, value, sizeof(value))) && expect(!strcmp(value, "0"));
	vg_dev_close(&d);
	snprintf(path, sizeof(path), DEVICES "/%d-0", pid);
	return ok && expect(access(path, F_OK));
}

/* ---- end of a device ---------------------------------------------------- */

static atomic_bool stop;
static atomic_ulong reads, ended;

/* Reads a file, and once more after a while through the same descriptor. */
static void read_twice(int dir, const char *name)
{
	char value[4096];
	ssize_t n;
	int fd;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, value, sizeof(value));
	if (n > 0)
		reads++;
	sched_yield();
	n = pread(fd, value, sizeof(value), 0);
	if (n < 0 && errno == ENODEV)
		ended++;
	close(fd);
}

static void read_dir(int parent, const char *name, bool files)
{
	struct dirent *e;
	DIR *dir;
	int fd;

	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return;
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (e->d_type == DT_DIR)
			read_dir(dirfd(dir), e->d_name, true);
		else if (files)
			read_twice(dirfd(dir), e->d_name);
	}
	closedir(dir);
}

static void *reader(void *unused)
{
	while (!stop)
		read_dir(AT_FDCWD, DEVICES, false);
	return NULL;
}

static bool c_readers(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	unsigned int i, n = bed_long() ? 3000 : 100;
	pthread_t thread[3];
	struct bed load;
	struct vg_dev d;
	bool ok = true;

	/* Numbers 0 and up; one device stays, and works. */
	if (bed_open(&load, &config) || bed_start(&load))
		return false;
	stop = false;
	reads = 0;
	ended = 0;
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		if (pthread_create(&thread[i], NULL, reader, NULL))
			return expect(!"thread made");
	for (i = 0; ok && i < n; i++) {
		ok = expect(!vg_dev_open(&d, &cfg)) && expect(!vg_dev_setup(&d)) &&
		     expect(is_dir(1));
		if (i & 1)
			ok = ok && expect(!vg_ioctl(d.fd, VHOST_RESET_OWNER, NULL)) &&
			     expect(!is_dir(1)) &&
			     expect(!vg_ioctl(d.fd, VHOST_SET_OWNER, NULL));
		vg_dev_close(&d);
		if (!(i & 15))
			ok = ok && expect(bed_works(&load));
	}
	stop = true;
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		pthread_join(thread[i], NULL);
	ksft_print_msg("%u devices, %lu files read, %lu ended while open\n", n,
		       (unsigned long)reads, (unsigned long)ended);
	ok = ok && expect(reads);
	bed_close(&load);
	return ok;
}

/* Needs a kernel with fault injection; others have only the reviewer. */
static bool c_no_memory(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	unsigned int nth, failed = 0;
	char value[16] = "";
	struct vg_dev d;
	bool ok = true;
	int fd, err;

	fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		ksft_print_msg("this kernel has no fault injection\n");
		return true;
	}
	vg_run("cd /sys/kernel/debug && echo 0 | tee failslab/ignore-gfp-wait failslab/verbose "
	       "fail_page_alloc/verbose fail_usercopy/verbose >/dev/null");
	for (nth = 1; ok && nth < 2000; nth++) {
		if (!expect(!vg_dev_open(&d, &cfg)))
			return false;
		dprintf(fd, "%u", nth);
		err = vg_ioctl(d.fd, VHOST_SET_OWNER, NULL);
		ok = expect(pread(fd, value, sizeof(value) - 1, 0) > 0);
		pwrite(fd, "0", 1, 0);
		failed += !!err;
		/* All or nothing, and the next try works. */
		ok = ok && expect(is_dir(0) == !err);
		if (err)
			ok = ok && expect(!vg_ioctl(d.fd, VHOST_SET_OWNER, NULL));
		ok = ok && expect(is_dir(0));
		vg_dev_close(&d);
		ok = ok && expect(!is_dir(0));
		/* Not reached: there are no more allocations. */
		if (atoi(value))
			break;
	}
	close(fd);
	ksft_print_msg("%u allocations, %u failures of SET_OWNER\n", nth, failed);
	return ok && expect(nth < 2000);
}

static bool load(bool there)
{
	const char *ko = getenv("VMACCEL_KO");

	if (!there)
		return !vg_run("rmmod vhost_accel 2>/dev/null");
	if (ko)
		return !vg_run("insmod %s/vhost-accel/vhost_accel.ko", ko);
	return !vg_run("modprobe vhost_accel");
}

static bool c_unload(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	char path[128], value[64];
	struct vg_dev d;
	int file, dir;
	bool ok;

	ok = expect(!vg_dev_open(&d, &cfg)) && expect(!vg_dev_setup(&d));
	snprintf(path, sizeof(path), DEVICES "/%d-0/tx/packets", getpid());
	file = open(path, O_RDONLY | O_CLOEXEC);
	dir = open(DEVICES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = ok && expect(file >= 0) && expect(dir >= 0) &&
	     expect(read(file, value, sizeof(value)) == 2) && expect(!load(false));
	vg_dev_close(&d);
	/* Who only looks does not hold the module. */
	ok = expect(load(false)) && ok;
	ok = ok && expect(pread(file, value, sizeof(value), 0) < 0) && expect(errno == ENODEV) &&
	     expect(access(DEVICES, F_OK)) && expect(openat(dir, "x", O_RDONLY) < 0);
	ok = expect(load(true)) && ok;
	ok = ok && expect(pread(file, value, sizeof(value), 0) < 0) &&
	     expect(!access(DEVICES, F_OK));
	close(file);
	close(dir);
	return ok;
}

static const struct {
	const char *name;
	bool (*fn)(void);
} cases[] = {
	{ "small frames, kicks, calls", c_traffic },
	{ "the same on packed rings", c_traffic_packed },
	{ "large frames", c_large },
	{ "fdinfo says the same", c_fdinfo },
	{ "CPU time of the worker, queue by queue", c_worker_ns },
	{ "drops from the guest, by reason", c_drop_tx },
	{ "drops by a tap that is down", c_drop_down },
	{ "drops to the guest, by reason", c_drop_rx },
	{ "drops to guest memory that is gone", c_drop_rx_fault },
	{ "broken ring", c_errors },
	{ "owner, worker, netdev, features, rings", c_describe },
	{ "netdev of a macvtap and of a packet socket", c_netdev },
	{ "lowest free number", c_numbers },
	{ "a new owner begins at 0", c_new_owner },
	{ "cgroup of the owner, wherever it goes", c_cgroup },
	{ "ids as the reader's namespace has them", c_pidns },
	{ "device whose owner has ended", c_orphan },
	{ "readers while devices come and go", c_readers },
	{ "no memory for SET_OWNER", c_no_memory },
	{ "module unloads under open files", c_unload },
};

#define NCASES	(ARRAY_SIZE(cases))

/* An argument picks the one case to run, by number. */
int main(int argc, char **argv)
{
	unsigned int i, only = argc > 1 ? atoi(argv[1]) : 0;

	ksft_print_header();
	if (strcmp(vg_default_path(), "/dev/vhost-accel"))
		ksft_exit_skip("only vhost-accel has these statistics\n");
	vg_require(vg_default_path());
	ksft_set_plan(only ? 1 : NCASES);
	for (i = 0; i < NCASES; i++)
		if (!only || only == i + 1)
			ksft_test_result(cases[i].fn(), "%s\n", cases[i].name);
	ksft_finished();
}
