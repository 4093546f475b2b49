// SPDX-License-Identifier: GPL-2.0
/*
 * What a hostile guest and a hostile owner can do beyond breaking a ring: frames and
 * buffers that keep the worker busy for nothing, files that are no backends, files that
 * hold each other, backends that come and go, and memory that changes its pages under the
 * rings. The other ring and other devices go on, the worker rests when there is nothing to
 * do, and no frame is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/if.h>
#include <linux/if_tun.h>

#include "kstest.h"
#include "malformed.h"
#include "test_traffic.h"

#define FRAME	120

static const struct bed_config config = {
	.kind = BED_TAP,
	.features = VG_F_MODERN,
	.rx_buf = 2048,
};

static const struct bed_config other_config = {
	.kind = BED_TAP,
	.tap = "vgother",
	.features = VG_F_MODERN,
	.rx_buf = 2048,
};

static struct bed bed, other;
static __u64 scratch;

/* ---- helpers ------------------------------------------------------------ */

static bool open_bed(const struct bed_config *cfg)
{
	if (!expect(!bed_open(&bed, cfg)) || !expect(!bed_start(&bed)))
		return false;
	scratch = vg_mem_alloc(&bed.d.mem, SCRATCH, VG_PAGE, true);
	return expect(scratch);
}

static bool others_work(void)
{
	return expect(bed_works(&other));
}

/* An RX ring with nothing posted. */
static bool bare_rx(void)
{
	struct vg_ring *r = &bed.d.ring[VG_RX];

	if (vg_set_backend(&bed.d, VG_RX, VG_NO_FD))
		return false;
	r->ops->reset(r, 0);
	vg_pool_reset(&bed.rx);
	return !vg_ring_setup(&bed.d, VG_RX) &&
	       !vg_set_backend(&bed.d, VG_RX, bed.backend);
}

static bool peer_sends(struct bed *b, size_t len)
{
	struct virtio_net_hdr none = { 0 };

	vg_frame_fill(bed_buffer(2), len, 1);
	return !vg_peer_send(b->peer, &none, bed_buffer(2), len);
}

static bool counter_passes(const char *key, __s64 value)
{
	int ms;

	for (ms = 0; ms < BED_SOON_MS; ms++) {
		if (vg_counter(bed.d.fd, key) > value)
			return true;
		usleep(1000);
	}
	return false;
}

/* ---- a thread that disturbs --------------------------------------------- */

static bool stop_thread;
static unsigned long turns;

static bool go_on(void)
{
	__atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
	return !__atomic_load_n(&stop_thread, __ATOMIC_RELAXED);
}

/* Runs @work beside @fn till both have had some turns; @fn says if all is well. */
static bool beside(void *(*work)(void *), void *arg, bool (*fn)(void))
{
	unsigned int least = bed_long() ? 2000 : 30;
	pthread_t thread;
	bool ok = true;
	int i;

	stop_thread = false;
	turns = 0;
	if (pthread_create(&thread, NULL, work, arg))
		return false;
	for (i = 0; ok && (i < 5 || __atomic_load_n(&turns, __ATOMIC_RELAXED) < least); i++)
		ok = fn();
	__atomic_store_n(&stop_thread, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	return ok;
}

static bool tx_works(void)
{
	static __u32 seq;

	return expect(!bed_tx(&bed, seq++, FRAME, VG_LAYOUT_HDR));
}

/* ---- busy for nothing --------------------------------------------------- */

static void *flood(void *arg)
{
	struct virtio_net_hdr none = { 0 };
	static __u8 frame[9000];

	vg_frame_fill(frame, sizeof(frame), 1);
	do {
		vg_peer_send(*(int *)arg, &none, frame, sizeof(frame));
	} while (go_on());
	return NULL;
}

/* No frame of the flood fits: each is dropped, and the other ring goes on. */
static bool rx_flood(void)
{
	__u64 features = VG_F_MODERN & ~VG_F_MRG_RXBUF;
	__s64 drops;
	bool ok;
	int fd;

	if (!open_bed(&config))
		return false;
	drops = vg_counter(bed.d.fd, "rx_drop_nobuf");
	ok = expect(!vg_dev_stop(&bed.d)) &&
	     expect(!vg_ioctl(bed.d.fd, VHOST_SET_FEATURES, &features)) && expect(bare_rx()) &&
	     expect(!bed_reset_ring(&bed, VG_TX));
	raw_desc(&bed.d.ring[VG_RX].desc[D0], scratch, 2000, VRING_DESC_F_WRITE, 0);
	raw_avail(&bed.d.ring[VG_RX], D0);
	fd = vg_packet_open(bed.peer_if, true);
	ok = ok && expect(fd >= 0) && beside(flood, &fd, tx_works) && others_work() &&
	     expect(bed_is_stock(&bed) || counter_passes("rx_drop_nobuf", drops)) &&
	     expect(bed_idles());
	close(fd);
	bed_close(&bed);
	return ok;
}

/* One small mergeable buffer and a frame of 64 KiB: there is nothing to do. */
static bool rx_one_small(void)
{
	bool ok;

	if (!open_bed(&config))
		return false;
	ok = expect(bare_rx());
	raw_desc(&bed.d.ring[VG_RX].desc[D0], scratch, 2000, VRING_DESC_F_WRITE, 0);
	raw_avail(&bed.d.ring[VG_RX], D0);
	ok = ok && expect(peer_sends(&bed, 65000)) && expect(bed_idles()) &&
	     expect(bed.d.ring[VG_RX].used->idx == 0) && tx_works() && expect(bed_idles());
	ok = expect(!bed_reset_ring(&bed, VG_RX)) && ok;
	bed_close(&bed);
	return ok;
}

/*
 * Buffers of a thousand empty descriptors each: a frame that would take more than any sound
 * driver could describe is dropped before the worker has read them all.
 */
static bool rx_empty_descriptors(void)
{
	struct vring_desc *t;
	struct vg_ring *r;
	unsigned int i;
	__s64 drops;
	bool ok;

	if (!open_bed(&config))
		return false;
	r = &bed.d.ring[VG_RX];
	t = vg_mem_hva(&bed.d.mem, scratch);
	drops = vg_counter(bed.d.fd, "rx_drop_nobuf");
	ok = expect(bare_rx());
	for (i = 0; i < 1024; i++)
		raw_desc(&t[i], scratch + 0x10000, i < 1023 ? 0 : 400,
			 VRING_DESC_F_WRITE | (i < 1023 ? VRING_DESC_F_NEXT : 0), i + 1);
	raw_desc(&r->desc[D0], scratch, 1024 * sizeof(*t), VRING_DESC_F_INDIRECT, 0);
	for (i = 0; i < r->num; i++)
		r->avail->ring[i] = D0;
	__atomic_store_n(&r->avail->idx, r->num, __ATOMIC_RELEASE);
	vg_ring_notify(r);
	ok = ok && expect(peer_sends(&bed, 65000)) && tx_works() &&
	     expect(bed_is_stock(&bed) || counter_passes("rx_drop_nobuf", drops)) &&
	     expect(bed_idles());
	bed_close(&bed);
	return ok;
}

/* ---- frames that are none ----------------------------------------------- */

/* A frame of @len bytes goes out; its buffer comes back. */
static bool swallow(unsigned int len)
{
	struct vg_ring *r = &bed.d.ring[VG_TX];
	struct vg_chain c = { .nsegs = 1, .seg[0] = { .gpa = scratch, .len = len } };
	struct vg_used u;
	int ms;

	if (vg_ring_add(r, &c, &c))
		return false;
	vg_ring_kick(r);
	/* Its call may go elsewhere. */
	for (ms = 0; !vg_ring_get(r, &u); ms++) {
		if (ms > BED_SOON_MS)
			return false;
		usleep(1000);
	}
	return u.token == &c;
}

/* Less than an Ethernet header, through every kind of backend. */
static bool short_frames(void)
{
	static const enum bed_kind kinds[] = {
		BED_TAP, BED_TAP_SNDBUF, BED_TAP_NAPI, BED_TAP_PLAIN, BED_MACVTAP,
	};
	unsigned int i, len;
	bool ok = true;

	for (i = 0; ok && i < ARRAY_SIZE(kinds); i++) {
		struct bed_config cfg = config;

		cfg.kind = kinds[i];
		if (!open_bed(&cfg))
			return false;
		for (len = 0; ok && len < VG_ETH_HLEN; len++) {
			__s64 before = vg_counter(bed.d.fd, "tx_drop_short");

			/* Stock takes an empty frame for a broken ring. */
			if (bed_is_stock(&bed) && !len)
				continue;
			ok = expect(swallow(bed.d.hlen + len)) &&
			     expect(bed_is_stock(&bed) || counter_passes("tx_drop_short", before));
		}
		ok = ok && tx_works() && expect(bed_idles());
		if (!ok)
			ksft_print_msg("%s, %u bytes\n", bed_kind_name(cfg.kind), len);
		bed_close(&bed);
	}
	return ok;
}

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

/* A page for each would be all of the machine's memory. */
static bool short_flood(void)
{
	unsigned int i, n = bed_long() ? 1000000 : 20000;
	unsigned long before, after;
	struct vg_chain c = { .nsegs = 1 };
	struct vg_ring *r;
	__s64 drops;
	bool ok = true;

	if (!open_bed(&config))
		return false;
	r = &bed.d.ring[VG_TX];
	drops = vg_counter(bed.d.fd, "tx_drop_short");
	before = number_in("/proc/meminfo", "MemAvailable: %lu");
	for (i = 0; i < r->num; i++) {
		c.seg[0].gpa = scratch;
		c.seg[0].len = bed.d.hlen + 1 + i % (VG_ETH_HLEN - 1);
		ok = ok && !vg_ring_add(r, &c, &bed);
	}
	vg_ring_kick(r);
	for (i = 0; ok && i < n; ) {
		ok = expect(!vg_ring_wait_n(r, r->num / 2, BED_SOON_MS));
		i += vg_ring_recycle(r, r->num);
		vg_ring_kick(r);
	}
	ok = ok && expect(bed_idles());
	after = number_in("/proc/meminfo", "MemAvailable: %lu");
	ksft_print_msg("%u frames: available before %lu KiB, after %lu KiB\n", i, before, after);
	ok = ok && expect(after + 16384 > before) &&
	     expect(bed_is_stock(&bed) || vg_counter(bed.d.fd, "tx_drop_short") >= drops + n) &&
	     expect(!bed_reset_ring(&bed, VG_TX)) && tx_works();
	bed_close(&bed);
	return ok;
}

/* ---- files that are no backend ------------------------------------------ */

/* A kind of file that this kernel does not have is refused already. */
static bool refused(int fd, const char *name)
{
	int err = fd == VG_NO_FD ? -ENOTSOCK : vg_set_backend(&bed.d, VG_TX, fd);
	bool ok = err == -ENOTSOCK || err == -EINVAL;

	if (!ok)
		ksft_print_msg("%s: %d\n", name, err);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool strange_backends(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET };
	unsigned int family, i, n = 0;
	char name[64];
	sigset_t none;
	bool ok = true;
	int p[2];

	if (!open_bed(&config))
		return false;
	for (family = 0; family < 64; family++) {
		for (i = 0; i < ARRAY_SIZE(types); i++) {
			int fd = socket(family, types[i] | SOCK_CLOEXEC,
					family == AF_INET && types[i] == SOCK_RAW ? 1 : 0);

			if (fd < 0)
				continue;
			n++;
			if (family == AF_PACKET && types[i] == SOCK_RAW) {
				/* The one family and type that is a backend. */
				ok = expect(!vg_set_backend(&bed.d, VG_TX, fd)) && ok;
				close(fd);
				continue;
			}
			snprintf(name, sizeof(name), "socket of family %u, type %d", family,
				 types[i]);
			ok = refused(fd, name) && ok;
		}
	}
	ok = expect(n >= 8) && ok;
	sigemptyset(&none);
	ok = expect(!pipe2(p, O_CLOEXEC)) && refused(p[0], "read end of a pipe") &&
	     refused(p[1], "write end of a pipe") && ok;
	ok = refused(epoll_create1(EPOLL_CLOEXEC), "epoll") && ok;
	ok = refused(eventfd(0, EFD_CLOEXEC), "eventfd") && ok;
	ok = refused(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd") && ok;
	ok = refused(signalfd(-1, &none, SFD_CLOEXEC), "signalfd") && ok;
	ok = refused(inotify_init1(IN_CLOEXEC), "inotify") && ok;
	ok = refused(memfd_create("vg", MFD_CLOEXEC), "memfd") && ok;
	ok = refused(open("/", O_RDONLY | O_CLOEXEC), "directory") && ok;
	ok = refused(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null") && ok;
	ok = refused(open("/dev/null", O_PATH | O_CLOEXEC), "O_PATH") && ok;
	ok = refused(open("/dev/net/tun", O_RDWR | O_CLOEXEC), "tun without an interface") && ok;
	ok = refused(dup(bed.d.fd), "the device itself") && ok;
	ok = refused(dup(other.d.fd), "another device") && ok;
	ok = refused(0x7fffffff, "no file") && ok;
	ok = refused(-2, "minus two") && ok;
	/* The one that worked is bound still. */
	ok = expect(!vg_set_backend(&bed.d, VG_TX, bed.backend)) && tx_works() && ok;
	bed_close(&bed);
	return ok;
}

/* ---- files that hold each other ----------------------------------------- */

static bool circles(void)
{
	static const unsigned long req[] = {
		VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
	};
	unsigned int i;
	bool ok = true;

	if (!open_bed(&config))
		return false;
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		ok = expect(vg_ring_set_fd(&bed.d, VG_TX, req[i], bed.d.fd) == -EINVAL) && ok;
		ok = expect(vg_ring_set_fd(&bed.d, VG_TX, req[i], other.d.fd) == -EINVAL) && ok;
	}
	/* Two devices, each of which calls by kicking the other. */
	ok = expect(!vg_ring_set_fd(&bed.d, VG_TX, VHOST_SET_VRING_CALL,
				    other.d.ring[VG_TX].kick)) &&
	     expect(!vg_ring_set_fd(&other.d, VG_TX, VHOST_SET_VRING_CALL,
				    bed.d.ring[VG_TX].kick)) && ok;
	for (i = 0; ok && i < 20; i++) {
		bed.d.ring[VG_TX].ops->arm(&bed.d.ring[VG_TX], 1);
		other.d.ring[VG_TX].ops->arm(&other.d.ring[VG_TX], 1);
		ok = expect(swallow(bed.d.hlen + FRAME));
	}
	ok = expect(bed_idles()) && ok;
	ok = expect(!vg_ring_set_fd(&other.d, VG_TX, VHOST_SET_VRING_CALL,
				    other.d.ring[VG_TX].call)) && ok;
	/* Memory of a process cannot hold the device. */
	ok = expect(mmap(NULL, VG_PAGE, PROT_READ, MAP_SHARED, bed.d.fd, 0) == MAP_FAILED) && ok;
	bed_close(&bed);
	return others_work() && ok;
}

static bool send_fds(int to, const int *fd, unsigned int n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * 4)];
		struct cmsghdr align;
	} u = { .buf = "" };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = CMSG_SPACE(sizeof(int) * n),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fd, sizeof(int) * n);
	return sendmsg(to, &msg, 0) == 1;
}

/* A running device that only a circle of messages holds goes with its owner. */
static bool in_flight(void)
{
	int status = -1, ms;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct bed_config cfg = config;
		struct bed b;
		int s[4];

		cfg.tap = "vgflight";
		if (bed_open(&b, &cfg) || bed_start(&b) ||
		    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s))
			_exit(1);
		s[2] = b.d.fd;
		s[3] = b.backend;
		_exit(!send_fds(s[0], s, 4) || !send_fds(s[1], s, 4));
	}
	if (!expect(waitpid(pid, &status, 0) == pid && status == 0))
		return false;
	for (ms = 0; !access("/sys/class/net/vgflight", F_OK); ms += 10) {
		/* Circles are looked for when any such socket is closed. */
		close(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
		if (!expect(ms < BED_SOON_MS))
			return false;
		usleep(10000);
	}
	if (!expect(!vg_workers_become(pid, NULL, 0)))
		return false;
	return others_work();
}

/* ---- backends that come and go ------------------------------------------ */

static void *detach(void *arg)
{
	struct ifreq ifr = { 0 };

	do {
		ifr.ifr_flags = IFF_DETACH_QUEUE;
		ioctl(bed.backend, TUNSETQUEUE, &ifr);
		usleep(1000);
		ifr.ifr_flags = IFF_ATTACH_QUEUE;
		ioctl(bed.backend, TUNSETQUEUE, &ifr);
	} while (go_on());
	return NULL;
}

static bool burst_returns(void)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; ok && i < 64; i++) {
		vg_frame_fill(bed_buffer(0), FRAME, i);
		ok = expect(!vg_tx_send(&bed.d, &bed.tx, NULL, bed_buffer(0), FRAME,
					i % 2 ? VG_LAYOUT_SINGLE : VG_LAYOUT_HDR));
	}
	vg_ring_kick(&bed.d.ring[VG_TX]);
	peer_sends(&bed, FRAME);
	while (ok && i) {
		ok = expect(!vg_ring_wait(&bed.d.ring[VG_TX], BED_SOON_MS));
		i -= vg_tx_reap(&bed.d, &bed.tx);
	}
	return ok;
}

/* Queues of a tap leave it and come back while frames pass. */
static bool queue_detach(void)
{
	int first, hlen = 12;
	bool ok;

	/* The interface has another queue all the time, and a peer. */
	first = vg_tap_open("vgdetach", VG_TAP_OFFLOAD | VG_TAP_MULTI_QUEUE, hlen);
	if (!expect(first >= 0) || !expect(!vg_if_up("vgdetach", 0)) || !open_bed(&config))
		return false;
	close(bed.backend);
	bed.backend = vg_tap_open("vgdetach", VG_TAP_OFFLOAD | VG_TAP_MULTI_QUEUE, hlen);
	ok = expect(bed.backend >= 0) && expect(!bed_reset_ring(&bed, VG_RX)) &&
	     expect(!bed_reset_ring(&bed, VG_TX)) && beside(detach, NULL, burst_returns) &&
	     expect(bed_idles()) && expect(burst_returns()) && others_work();
	bed_close(&bed);
	close(first);
	return ok;
}

/* ---- pages that change -------------------------------------------------- */

static struct traffic traffic;

static bool traffic_passes(void)
{
	return traffic_tx(&traffic, 24) && traffic_rx(&traffic, 24) &&
	       traffic_drain(&traffic, true);
}

static bool start_traffic(void)
{
	if (!open_bed(&config))
		return false;
	traffic = (struct traffic){ .b = &bed, .layout = VG_LAYOUT_CHAIN, .max = 4000 };
	return expect(traffic_passes());
}

/* The pages of the rings, then those of some buffers. */
static void *page_number(unsigned int i)
{
	void *at[] = {
		bed.d.ring[VG_RX].desc, bed.d.ring[VG_RX].avail, bed.d.ring[VG_RX].used,
		bed.d.ring[VG_TX].desc, bed.d.ring[VG_TX].avail, bed.d.ring[VG_TX].used,
		vg_mem_hva(&bed.d.mem, bed.rx.buf[0].gpa),
		vg_mem_hva(&bed.d.mem, bed.rx.buf[1].gpa),
		vg_mem_hva(&bed.d.mem, bed.tx.buf[0].gpa),
	};

	if (i >= ARRAY_SIZE(at))
		return NULL;
	return (void *)((uintptr_t)at[i] & ~(uintptr_t)(VG_PAGE - 1));
}

enum change { CHANGE_DROP, CHANGE_MOVE, CHANGE_REPLACE };

static bool move_page(void *from, void *to)
{
	return mremap(from, VG_PAGE, VG_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
}

/* Another page with the same bytes comes to the same address. */
static bool change_page(void *page, enum change how)
{
	__u8 keep[VG_PAGE];
	void *away;

	memcpy(keep, page, VG_PAGE);
	switch (how) {
	case CHANGE_DROP:
		if (madvise(page, VG_PAGE, MADV_DONTNEED))
			return false;
		break;
	case CHANGE_MOVE:
		away = mmap(NULL, VG_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return away != MAP_FAILED && move_page(page, away) && move_page(away, page);
	case CHANGE_REPLACE:
		if (mmap(page, VG_PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != page)
			return false;
		break;
	}
	memcpy(page, keep, VG_PAGE);
	return true;
}

static bool pages_change(void)
{
	unsigned int i, how, round, n = bed_long() ? 50 : 1;
	bool ok = start_traffic();

	for (round = 0; ok && round < n; round++)
		for (how = CHANGE_DROP; ok && how <= CHANGE_REPLACE; how++)
			for (i = 0; ok && page_number(i); i++) {
				ok = expect(bed_idles()) &&
				     expect(change_page(page_number(i), how)) &&
				     traffic_passes();
				if (!ok)
					ksft_print_msg("page %u, change %u\n", i, how);
			}
	ok = ok && expect(!vg_ring_errors(&bed.d.ring[VG_RX])) &&
	     expect(!vg_ring_errors(&bed.d.ring[VG_TX]));
	bed_close(&bed);
	return ok;
}

/* Every page is shared with a child for a while, so that both sides copy it on write. */
static void *forker(void *arg)
{
	do {
		pid_t pid = fork();

		if (!pid) {
			unsigned int i;

			for (i = 0; page_number(i); i++)
				memset(page_number(i), 0xa5, VG_PAGE);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	} while (go_on());
	return NULL;
}

static bool forks(void)
{
	bool ok = start_traffic() && beside(forker, NULL, traffic_passes) &&
		  expect(bed_idles());

	bed_close(&bed);
	return ok;
}

#define KSM	"/sys/kernel/mm/ksm/"

static bool put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	return f && fputs(text, f) >= 0 && !fclose(f);
}

static bool merges(void)
{
	unsigned long run = number_in(KSM "run", "%lu");
	struct vg_mem *m = &bed.d.mem;
	__u8 *pages;
	unsigned int round;
	bool ok = start_traffic();
	int ms;

	pages = vg_mem_hva(m, scratch);
	ok = ok && expect(put(KSM "pages_to_scan", "10000")) &&
	     expect(put(KSM "sleep_millisecs", "5")) && expect(put(KSM "run", "1"));
	for (round = 0; ok && round < (bed_long() ? 20 : 2); round++) {
		/* All that lies in guest RAM may be merged; these pages will be. */
		memset(pages, 0x5a, 64 * VG_PAGE);
		ok = expect(!madvise(m->region[0].hva, m->region[0].size, MADV_MERGEABLE));
		for (ms = 0; ok && !number_in(KSM "pages_sharing", "%lu"); ms++) {
			ok = expect(ms < BED_SOON_MS);
			usleep(1000);
		}
		ok = ok && traffic_passes() && traffic_passes();
	}
	ksft_print_msg("%lu pages share\n", number_in(KSM "pages_sharing", "%lu"));
	/* 2 undoes it. */
	ok = expect(put(KSM "run", "2")) && ok;
	if (run == 1)
		put(KSM "run", "1");
	ok = ok && traffic_passes();
	bed_close(&bed);
	return ok;
}

static const struct {
	const char *name;
	bool (*fn)(void);
	const char *needs;
} cases[] = {
	{ "rx flood of frames that never fit", rx_flood },
	{ "one small rx buffer, a large frame", rx_one_small },
	{ "rx buffers of empty descriptors", rx_empty_descriptors },
	{ "short frames to every kind of backend", short_frames },
	{ "flood of short frames", short_flood },
	{ "files that are no backend", strange_backends },
	{ "devices that call each other", circles },
	{ "device in flight", in_flight },
	{ "queue detached while frames pass", queue_detach },
	{ "pages of rings and buffers change", pages_change },
	{ "forks under traffic", forks },
	{ "pages merged under traffic", merges, KSM "run" },
};

int main(int argc, char **argv)
{
	unsigned int i, only = argc > 1 ? atoi(argv[1]) : 0;

	ksft_print_header();
	vg_require(vg_default_path());
	if (bed_open(&other, &other_config) || bed_start(&other))
		ksft_exit_fail_msg("no device to test\n");
	ksft_set_plan(only ? 1 : ARRAY_SIZE(cases));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (only && only != i + 1)
			continue;
		if (cases[i].needs && access(cases[i].needs, F_OK))
			ksft_test_result_skip("%s: no %s\n", cases[i].name, cases[i].needs);
		else
			ksft_test_result(cases[i].fn(), "%s\n", cases[i].name);
	}
	bed_close(&other);
	ksft_finished();
}
