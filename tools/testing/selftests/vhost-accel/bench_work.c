// SPDX-License-Identifier: GPL-2.0
/*
 * What the benchmarks do, and how its cost is found.
 *
 * Bulk work is charged to the worker thread: its CPU time, divided by frames that
 * are proven to have arrived. The generator never polls and sits on another CPU
 * where there is one; how fast it is does not matter, since work comes in rounds
 * and the worker finds each of them complete:
 *
 *   tx  a ring full of frames is made available and kicked once
 *   rx  the tap's queue is filled while the guest has posted no buffers, then a
 *       ring full of buffers is posted at once
 *
 * Between rounds the worker sleeps, which makes its CPU time exact. A round trip
 * is charged by elapsed time, since it is all waiting and waking. The cost of a run
 * is the median of its rounds: a machine that does other things as well stretches
 * some of them, not all.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_work.h"
#include "vhost_backend.h"

#define RING_NUM	256
#define WAIT_MS		20000
#define SMALL_LEN	64
/* 45 segments of 1448 bytes behind 54 bytes of headers. */
#define TSO_HEADERS	54
#define TSO_MSS		1448
#define TSO_LEN		(TSO_HEADERS + 45 * TSO_MSS)
/* Pieces of a large frame as a Linux guest has them: page fragments. */
#define TSO_PIECE	32768
#define TX_BUF		(TSO_LEN + 64)
#define RX_SMALL_BUF	1536
#define RX_LARGE_BUF	4096
#define TSO_BATCH	32
#define RTT_BUFS	64
#define IDLE_MS		2000
#define SETTLE_US	100
#define MAX_ROUNDS	8192

__u64 bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int complain(const char *what, int err)
{
	printf("# %s: %s\n", what, strerror(-err));
	return err;
}

/* ---- device and worker -------------------------------------------------- */

static int open_proc(pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int bench_start(struct bench_run *r, const char *path)
{
	struct vg_config cfg = {
		.path = path,
		.features = VG_F_MODERN,
		.num = RING_NUM,
		.mem_size = 64ul << 20,
		.busyloop_us = r->busyloop_us,
	};
	unsigned int i;
	cpu_set_t set;
	int err;

	r->checked = false;
	memset(r->stat_fd, -1, sizeof(r->stat_fd));
	memset(r->sched_fd, -1, sizeof(r->sched_fd));
	err = vg_dev_open(&r->dev, &cfg);
	if (err)
		return complain(path, err);
	err = vg_dev_setup(&r->dev);
	if (!err)
		err = vg_dev_start(&r->dev, r->net->tap);
	if (err) {
		vg_dev_close(&r->dev);
		return complain("set-up of the device", err);
	}

	r->nworkers = vg_workers(getpid(), r->tid, BENCH_MAX_WORKERS);
	if (!r->nworkers || r->nworkers > BENCH_MAX_WORKERS) {
		bench_stop(r);
		return complain("worker threads", -ESRCH);
	}
	CPU_ZERO(&set);
	CPU_SET(r->worker_cpu < 0 ? 0 : r->worker_cpu, &set);
	for (i = 0; i < r->nworkers; i++) {
		r->stat_fd[i] = open_proc(r->tid[i], "stat");
		r->sched_fd[i] = open_proc(r->tid[i], "schedstat");
		if (r->stat_fd[i] < 0 || r->sched_fd[i] < 0 ||
		    (r->worker_cpu >= 0 &&
		     sched_setaffinity(r->tid[i], sizeof(set), &set))) {
			err = complain("watching and placing the worker", -errno);
			bench_stop(r);
			return err;
		}
	}
	return 0;
}

void bench_stop(struct bench_run *r)
{
	unsigned int i;

	for (i = 0; i < BENCH_MAX_WORKERS; i++) {
		if (r->stat_fd[i] >= 0)
			close(r->stat_fd[i]);
		if (r->sched_fd[i] >= 0)
			close(r->sched_fd[i]);
	}
	vg_dev_stop(&r->dev);
	vg_dev_close(&r->dev);
}

static bool asleep(const struct bench_run *r, unsigned int i)
{
	char line[256];
	const char *p;
	ssize_t n = pread(r->stat_fd[i], line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	p = strrchr(line, ')');
	return p && (p[2] == 'S' || p[2] == 'I');
}

/* CPU time of the workers, which is exact only when they sleep. */
static int worker_ns(const struct bench_run *r, __u64 *ns)
{
	unsigned long long run;
	unsigned int i;
	int tries = 0;
	char line[96];
	ssize_t n;

	*ns = 0;
	for (i = 0; i < r->nworkers; i++) {
		while (!asleep(r, i)) {
			if (++tries > WAIT_MS * (1000 / SETTLE_US))
				return complain("the worker does not sleep", -EBUSY);
			usleep(SETTLE_US);
		}
		n = pread(r->sched_fd[i], line, sizeof(line) - 1, 0);
		line[n > 0 ? n : 0] = '\0';
		if (sscanf(line, "%llu", &run) != 1)
			return complain("schedstat", -EIO);
		*ns += run;
	}
	return 0;
}

/**
 * struct meter - A run being measured.
 * @r: The run.
 * @ring: Ring whose kicks and calls are told.
 * @l: When to end.
 * @elapsed: Rounds cost elapsed time, not the worker's.
 * @start: Time.
 * @round_ns: Time at the start of the round.
 * @worker_ns: CPU time of the worker then.
 * @worker_sum: In all rounds.
 * @sum: Cost of all rounds.
 * @count: Had arrived on the far side.
 * @kicks: Of the ring.
 * @calls: Of the ring.
 * @ops: Operations counted by the guest.
 * @nrounds: Rounds.
 * @cost: Cost of an operation, by round.
 */
struct meter {
	struct bench_run *r;
	struct vg_ring *ring;
	const struct bench_limit *l;
	bool elapsed;
	__u64 start;
	__u64 round_ns;
	__u64 worker_ns;
	__u64 worker_sum;
	__u64 sum;
	__s64 count;
	__u64 kicks;
	__u64 calls;
	__u64 ops;
	unsigned int nrounds;
	double cost[MAX_ROUNDS];
};

static int meter_start(struct meter *m, struct bench_run *r, struct vg_ring *ring,
		       const struct bench_limit *l)
{
	memset(m, 0, sizeof(*m));
	m->r = r;
	m->ring = ring;
	m->l = l;
	m->kicks = ring->kicks;
	m->calls = ring->calls;
	m->count = bn_count(r->net);
	m->start = bench_now_ns();
	m->round_ns = m->start;
	return worker_ns(r, &m->worker_ns);
}

/* The end of a round of @ops operations. */
static int meter_round(struct meter *m, unsigned int ops)
{
	__u64 now = bench_now_ns();
	__u64 cost = now - m->round_ns;
	__u64 ns;
	int err = 0;

	if (!m->elapsed) {
		err = worker_ns(m->r, &ns);
		cost = ns - m->worker_ns;
		m->worker_sum += cost;
		m->worker_ns = ns;
	}
	m->sum += cost;
	m->ops += ops;
	m->cost[m->nrounds++] = (double)cost / ops;
	m->round_ns = bench_now_ns();
	return err;
}

static bool meter_more(const struct meter *m)
{
	return m->nrounds < MAX_ROUNDS &&
	       (m->ops < m->l->ops ||
		bench_now_ns() - m->start < m->l->ms * 1000000ULL);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The cost, if all frames have arrived. */
static int meter_stop(struct meter *m, struct bench_result *res)
{
	__s64 count;
	__u64 ns;
	int err = worker_ns(m->r, &ns);

	if (err)
		return err;
	count = bn_count(m->r->net) - m->count;
	if (m->r->net->counter[0] && (__u64)count != m->ops) {
		printf("# %lld of %llu frames arrived\n", (long long)count,
		       (unsigned long long)m->ops);
		return -EIO;
	}
	qsort(m->cost, m->nrounds, sizeof(m->cost[0]), compare);
	res->value = m->l->ms ? m->cost[m->nrounds / 2] : (double)m->sum / m->ops;
	res->worker = (double)(m->worker_sum + ns - m->worker_ns) / m->ops;
	res->ops = m->ops;
	res->kicks = m->ring->kicks - m->kicks;
	res->calls = m->ring->calls - m->calls;
	return 0;
}

/* ---- the ring ----------------------------------------------------------- */

static __u16 used_idx(const struct vg_ring *ring)
{
	return __atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE);
}

/* Sleep till @want buffers wait to be taken. */
static int wait_used(struct vg_ring *ring, __u16 want)
{
	while ((__u16)(used_idx(ring) - ring->used_idx) < want) {
		int err = vg_ring_wait_n(ring, want, WAIT_MS);

		if (err)
			return complain("the device stopped using buffers", err);
	}
	return 0;
}

/* Add @count buffers of @size bytes to a ring; visible at the next kick. */
static int add_buffers(struct bench_run *r, unsigned int index, unsigned int count,
		       __u32 size, void (*fill)(struct bench_run *r, struct vg_chain *c, __u64 gpa))
{
	struct vg_ring *ring = &r->dev.ring[index];
	struct vg_mem *mem = &r->dev.mem;
	struct vg_chain c;
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		r->buf[i] = vg_mem_alloc(mem, size, 64, true);
		memset(&c, 0, sizeof(c));
		c.table = vg_mem_alloc(mem, VG_MAX_SEGS * sizeof(struct vring_desc), 16,
				       true);
		if (!r->buf[i] || !c.table)
			return complain("guest memory", -ENOMEM);
		fill(r, &c, r->buf[i]);
		err = vg_ring_add(ring, &c, &r->buf[i]);
		if (err)
			return complain("filling the ring", err);
	}
	return 0;
}

/* ---- guest to host ------------------------------------------------------ */

static void put_frame(struct bench_run *r, __u64 gpa)
{
	const unsigned int hlen = r->dev.hlen;
	__u8 *p = vg_mem_hva(&r->dev.mem, gpa);

	memset(p, 0, hlen);
	memcpy(p, &r->hdr, sizeof(r->hdr));
	memcpy(p + hlen, r->frame, r->len);
}

/* A Linux guest has room for the header in front of a small frame. */
static void fill_small(struct bench_run *r, struct vg_chain *c, __u64 gpa)
{
	put_frame(r, gpa);
	c->mode = VG_DIRECT;
	c->nsegs = 1;
	c->seg[0].gpa = gpa;
	c->seg[0].len = r->dev.hlen + r->len;
}

/* And has the payload of a large one in page fragments, sent through a table. */
static void fill_large(struct bench_run *r, struct vg_chain *c, __u64 gpa)
{
	__u32 left = r->dev.hlen + r->len;
	__u32 part = r->dev.hlen + TSO_HEADERS;

	put_frame(r, gpa);
	c->mode = VG_INDIRECT;
	for (c->nsegs = 0; left; c->nsegs++) {
		c->seg[c->nsegs].gpa = gpa;
		c->seg[c->nsegs].len = part;
		gpa += part;
		left -= part;
		part = left < TSO_PIECE ? left : TSO_PIECE;
	}
}

/* All of them, again and again. */
static int send_all(struct bench_run *r, unsigned int batch,
		    const struct bench_limit *l, struct bench_result *res)
{
	struct vg_ring *tx = &r->dev.ring[VG_TX];
	static struct meter m;
	int err;

	/* The first round warms up. */
	vg_ring_kick(tx);
	err = wait_used(tx, batch);
	if (!err)
		err = meter_start(&m, r, tx, l);
	while (!err && meter_more(&m)) {
		vg_ring_recycle(tx, batch);
		vg_ring_kick(tx);
		err = wait_used(tx, batch);
		if (!err)
			err = meter_round(&m, batch);
	}
	return err ? err : meter_stop(&m, res);
}

static int run_tx_small(struct bench_run *r, const struct bench_limit *l,
			struct bench_result *res)
{
	int err;

	r->len = SMALL_LEN;
	memset(&r->hdr, 0, sizeof(r->hdr));
	bn_frame_udp(r->frame, r->len);
	err = add_buffers(r, VG_TX, RING_NUM, r->dev.hlen + r->len, fill_small);
	return err ? err : send_all(r, RING_NUM, l, res);
}

static int run_tx_tso(struct bench_run *r, const struct bench_limit *l,
		      struct bench_result *res)
{
	int err;

	r->len = TSO_LEN;
	vg_frame_tcp(r->frame, r->len, 1, false, TSO_MSS, &r->hdr);
	err = add_buffers(r, VG_TX, TSO_BATCH, TX_BUF, fill_large);
	return err ? err : send_all(r, TSO_BATCH, l, res);
}

/* ---- host to guest ------------------------------------------------------ */

static void fill_rx_small(struct bench_run *r, struct vg_chain *c, __u64 gpa)
{
	c->mode = VG_DIRECT;
	c->nsegs = 1;
	c->seg[0].gpa = gpa;
	c->seg[0].len = RX_SMALL_BUF;
	c->seg[0].write = true;
}

static void fill_rx_large(struct bench_run *r, struct vg_chain *c, __u64 gpa)
{
	fill_rx_small(r, c, gpa);
	c->seg[0].len = RX_LARGE_BUF;
}

/* Is the ring full of used buffers what was sent, to the byte? */
static bool burst_matches(const struct bench_run *r, unsigned int frames)
{
	const struct vg_ring *rx = &r->dev.ring[VG_RX];
	__u16 idx = rx->used_idx;

	while (frames--) {
		__u32 skip = r->dev.hlen;
		__u32 done = 0;

		while (done < r->len) {
			const struct vring_used_elem *e;
			const __u64 *buf;

			if (idx == used_idx(rx))
				return false;
			e = &rx->used->ring[idx++ & (rx->num - 1)];
			buf = e->id < rx->num ? rx->slot[e->id].token : NULL;
			if (!buf || e->len <= skip || e->len - skip > r->len - done ||
			    memcmp((__u8 *)vg_mem_hva(rx->mem, *buf) + skip,
				   r->frame + done, e->len - skip))
				return false;
			done += e->len - skip;
			skip = 0;
		}
	}
	return idx == used_idx(rx);
}

/* A ring full of buffers, which hold @frames frames. */
static int receive_burst(struct bench_run *r, const struct virtio_net_hdr *hdr,
			 unsigned int frames)
{
	struct vg_ring *rx = &r->dev.ring[VG_RX];
	__u64 bytes = rx->bytes;
	int err;

	err = bn_send(r->net, hdr, r->frame, r->len, frames);
	if (err)
		return complain("sending into the tap", err);
	vg_ring_kick(rx);
	err = wait_used(rx, rx->num);
	if (err)
		return err;
	if (!r->checked && !burst_matches(r, frames))
		return complain("frames differ from what was sent", -EIO);
	r->checked = true;
	vg_ring_recycle(rx, rx->num);
	if (rx->bytes - bytes != (__u64)frames * (r->dev.hlen + r->len))
		return complain("lengths differ from what was sent", -EIO);
	return 0;
}

static int receive_all(struct bench_run *r, const struct virtio_net_hdr *hdr,
		       unsigned int frames, const struct bench_limit *l,
		       struct bench_result *res)
{
	static struct meter m;
	int err;

	err = receive_burst(r, hdr, frames);
	if (!err)
		err = meter_start(&m, r, &r->dev.ring[VG_RX], l);
	while (!err && meter_more(&m)) {
		err = receive_burst(r, hdr, frames);
		if (!err)
			err = meter_round(&m, frames);
	}
	return err ? err : meter_stop(&m, res);
}

static int run_rx_small(struct bench_run *r, const struct bench_limit *l,
			struct bench_result *res)
{
	int err;

	r->len = SMALL_LEN;
	bn_frame_udp(r->frame, r->len);
	err = add_buffers(r, VG_RX, RING_NUM, RX_SMALL_BUF, fill_rx_small);
	return err ? err : receive_all(r, NULL, RING_NUM, l, res);
}

static int run_rx_tso(struct bench_run *r, const struct bench_limit *l,
		      struct bench_result *res)
{
	unsigned int bufs;
	int err;

	r->len = TSO_LEN;
	vg_frame_tcp(r->frame, r->len, 1, false, TSO_MSS, &r->hdr);
	bufs = (r->dev.hlen + r->len + RX_LARGE_BUF - 1) / RX_LARGE_BUF;
	err = add_buffers(r, VG_RX, RING_NUM, RX_LARGE_BUF, fill_rx_large);
	return err ? err : receive_all(r, &r->hdr, RING_NUM / bufs, l, res);
}

/* ---- round trip --------------------------------------------------------- */

/* One frame there and back; this process is both the guest and the echo. */
static int round_trip(struct bench_run *r, unsigned int seq)
{
	struct vg_ring *tx = &r->dev.ring[VG_TX];
	struct vg_ring *rx = &r->dev.ring[VG_RX];
	__u64 *buf = &r->buf[seq % RTT_BUFS];
	struct vg_chain c = { 0 };
	static __u8 frame[2048];
	struct vg_used u;
	int len, err;

	while (vg_ring_get(tx, &u))
		;
	vg_frame_fill(r->frame, r->len, seq);
	fill_small(r, &c, *buf);
	err = vg_ring_add(tx, &c, buf);
	if (err)
		return complain("no room for a frame", err);
	vg_ring_kick(tx);

	len = vg_peer_recv(r->net->sock, NULL, frame, sizeof(frame), WAIT_MS);
	if (len != (int)r->len || vg_frame_seq(frame, len) != seq)
		return complain("the frame did not arrive", -EIO);
	err = vg_peer_send(r->net->sock, NULL, frame, len);
	if (err)
		return complain("sending the frame back", err);

	err = wait_used(rx, 1);
	if (err)
		return err;
	if (vg_ring_recycle(rx, 2) != 1)
		return complain("more than one frame came back", -EIO);
	vg_ring_kick(rx);
	return 0;
}

static int run_rtt(struct bench_run *r, const struct bench_limit *l,
		   struct bench_result *res)
{
	struct vg_ring *rx = &r->dev.ring[VG_RX];
	unsigned int i, seq = 0;
	static struct meter m;
	__u64 bytes;
	int err;

	r->len = SMALL_LEN;
	memset(&r->hdr, 0, sizeof(r->hdr));
	err = add_buffers(r, VG_RX, RING_NUM, RX_SMALL_BUF, fill_rx_small);
	if (err)
		return err;
	vg_ring_kick(rx);
	for (i = 0; i < RTT_BUFS; i++)
		r->buf[i] = vg_mem_alloc(&r->dev.mem, RX_SMALL_BUF, 64, true);
	r->dev.ring[VG_TX].ops->disarm(&r->dev.ring[VG_TX]);

	for (i = 0; !err && i < RTT_BUFS; i++)
		err = round_trip(r, seq++);
	if (!err)
		err = meter_start(&m, r, rx, l);
	m.elapsed = true;
	m.round_ns = bench_now_ns();
	bytes = rx->bytes;
	while (!err && meter_more(&m)) {
		err = round_trip(r, seq++);
		if (!err)
			err = meter_round(&m, 1);
	}
	if (!err)
		err = meter_stop(&m, res);
	if (!err && rx->bytes - bytes != m.ops * (r->dev.hlen + r->len))
		err = complain("lengths differ from what was sent", -EIO);
	return err;
}

/* ---- idle --------------------------------------------------------------- */

static int switches(const struct bench_run *r, __u64 *sum)
{
	char path[64], line[128];
	unsigned long long n;
	unsigned int i;
	FILE *f;

	*sum = 0;
	for (i = 0; i < r->nworkers; i++) {
		snprintf(path, sizeof(path), "/proc/%d/status", r->tid[i]);
		f = fopen(path, "re");
		if (!f)
			return complain(path, -errno);
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
			    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
				*sum += n;
		}
		fclose(f);
	}
	return 0;
}

/* A guest that waits for traffic: buffers posted, nothing happens. */
static int run_idle(struct bench_run *r, const struct bench_limit *l,
		    struct bench_result *res)
{
	__u64 before, after, ns, start;
	int err;

	r->len = SMALL_LEN;
	err = add_buffers(r, VG_RX, RING_NUM, RX_SMALL_BUF, fill_rx_small);
	if (err)
		return err;
	vg_ring_kick(&r->dev.ring[VG_RX]);
	err = worker_ns(r, &ns);
	if (!err)
		err = switches(r, &before);
	if (err)
		return err;
	start = bench_now_ns();
	usleep(IDLE_MS * 1000);
	err = switches(r, &after);
	res->ops = 1;
	res->value = (after - before) * 1e9 / (bench_now_ns() - start);
	return err;
}

/* ---- table -------------------------------------------------------------- */

const struct bench_work bench_works[] = {
	{ .id = "vhost.tx.64.xdpdrop.split", .unit = "pkt", .open = bn_open_xdpdrop,
	  .run = run_tx_small, .ops = 64 * RING_NUM },
	{ .id = "vhost.tx.64.bridge.split", .unit = "pkt", .open = bn_open_bridge,
	  .run = run_tx_small, .ops = 32 * RING_NUM },
	{ .id = "vhost.rx.64.split", .unit = "pkt", .open = bn_open_sender,
	  .run = run_rx_small, .ops = 64 * RING_NUM },
	{ .id = "vhost.tx.tso", .unit = "pkt", .open = bn_open_bridge,
	  .run = run_tx_tso, .ops = 4 * RING_NUM },
	{ .id = "vhost.rx.tso", .unit = "pkt", .open = bn_open_gso_sender,
	  .run = run_rx_tso, .ops = 2 * RING_NUM },
	{ .id = "vhost.rtt", .variant = "poll0", .unit = "trip", .open = bn_open_echo,
	  .run = run_rtt, .ops = 1000 },
	{ .id = "vhost.rtt", .variant = "poll50", .unit = "trip", .open = bn_open_echo,
	  .run = run_rtt, .ops = 1000, .busyloop_us = 50 },
	{ .id = "idle.vhost", .unit = "wakeups/s", .open = bn_open_tap,
	  .run = run_idle, .value = true },
	{ }
};
