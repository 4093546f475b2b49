// SPDX-License-Identifier: GPL-2.0
/*
 * The IOTLB: a device behind a virtual IOMMU works, however its memory is scattered and
 * however late and piecemeal it learns where; and from the moment a translation is taken
 * away, nobody uses it. Every frame is checked. "iotlb_test NAME" runs one case.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dirty_log.h"
#include "kstest.h"
#include "test_traffic.h"
#include "viommu.h"

#define RAM		(2ul << 20)
#define BUFS		32
#define SMALL_BUF	700	/* frames take several */
#define LARGE_BUF	9100	/* any frame fits */
#define NOWHERE		0x7000000000ULL	/* an IOVA that is never mapped */
#define FRAME		300

/**
 * struct variant - What a case runs on.
 * @name: For its results.
 * @kind: Backend.
 * @features: Negotiated, with ACCESS_PLATFORM.
 * @num: Ring entries.
 * @v2: See struct viommu, as the next three.
 * @scatter: Neighbours lie apart.
 * @piece: Bytes of each answer.
 * @late_us: Answers come late.
 * @both: Also for packed rings where time is short.
 */
struct variant {
	const char *name;
	enum bed_kind kind;
	__u64 features;
	unsigned int num;
	bool v2;
	bool scatter;
	unsigned int piece;
	unsigned int late_us;
	bool both;
};

struct scene {
	struct bed b;
	struct traffic t;
	struct viommu v;
};

/* ---- scenes ------------------------------------------------------------- */

static int place(struct bed *b)
{
	int err = traffic_place(&b->rx, &b->d.mem, BUFS, b->cfg.rx_buf);

	return err ? err : traffic_place(&b->tx, &b->d.mem, BUFS / 2, LARGE_BUF);
}

static bool scene_open(struct scene *s, const struct variant *v)
{
	struct bed_config cfg = {
		.kind = v->kind,
		.features = v->features | VG_F_PLATFORM,
		.num = v->num,
		.mem_size = RAM,
		.rx_buf = v->features & VG_F_MRG_RXBUF ? SMALL_BUF : LARGE_BUF,
		.place = place,
	};
	int err;

	memset(s, 0, sizeof(*s));
	if (bed_open(&s->b, &cfg))
		return false;
	s->t.b = &s->b;
	s->t.max = 9000;
	s->v.v2 = v->v2;
	s->v.scatter = v->scatter;
	s->v.piece = v->piece;
	s->v.late_us = v->late_us;
	err = vi_open(&s->v, &s->b.d);
	if (!err)
		err = vi_map_rings(&s->v);
	if (!err)
		err = vi_start(&s->v);
	if (!err)
		err = bed_start(&s->b);
	if (err) {
		ksft_print_msg("cannot set up: %s\n", strerror(-err));
		vi_close(&s->v);
		bed_close(&s->b);
	}
	return !err;
}

static void scene_close(struct scene *s)
{
	vi_stop(&s->v);
	bed_close(&s->b);
	vi_close(&s->v);
}

static bool no_errors(struct scene *s)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &s->b.d.ring[i];

		if (r->fault)
			ksft_print_msg("ring %u: %s\n", i, r->fault);
		ok = expect(!r->fault) && expect(!vg_ring_errors(r)) && ok;
	}
	return ok && expect(!s->v.bad) && expect(!s->v.foreign) && expect(vi_untouched(&s->v));
}

static bool is_packed(const struct scene *s)
{
	return s->b.d.features & VG_F_PACKED;
}

/* A page in use: every second time one of the rings'. */
static unsigned int any_page(struct scene *s)
{
	unsigned int rings = vi_page(s->b.rx.buf[0].chain.table);
	unsigned int all = vi_page(s->b.d.mem.next);
	unsigned int r = rand();

	return r % 2 ? r / 2 % rings : r / 2 % all;
}

/* ---- translations come and go ------------------------------------------- */

static bool rounds(struct scene *s)
{
	unsigned int i, n = bed_long() ? 500 : 4;
	bool ok = true;

	for (i = 0; ok && i < n; i++) {
		s->b.rx.layout = i % VG_LAYOUT_MIXED;
		s->t.layout = (i + 1) % VG_LAYOUT_MIXED;
		ok = traffic_rx(&s->t, 5) && traffic_tx(&s->t, 5);
		if (i % 3 == 1)
			ok = ok && expect(!vi_flush(&s->v));
		ok = ok && traffic_drain(&s->t, true);
	}
	return ok && expect(s->v.misses) && no_errors(s);
}

/* Pages move while frames pass; where they were, somebody else's data lie at once. */
static bool moves(struct scene *s)
{
	unsigned int i, k, n = bed_long() ? 2000 : 12;
	bool ok = true;

	for (i = 0; ok && i < n; i++) {
		ok = traffic_rx(&s->t, 4) && traffic_tx(&s->t, 4);
		for (k = 0; ok && k < 8; k++) {
			int err = vi_move(&s->v, any_page(s));

			ok = expect(!err || err == -ENOSPC);
			if (k % 2)
				sched_yield();
		}
		ok = ok && traffic_drain(&s->t, true);
	}
	return ok && no_errors(s);
}

/* No answer: the device waits at rest; with the answer everything goes on. */
static bool late(struct scene *s)
{
	struct virtio_net_hdr hdr;
	unsigned int i, before;
	bool ok = true;

	for (i = 0; ok && i < 3; i++) {
		vi_hold(&s->v);
		before = s->v.misses;
		ok = expect(!vi_flush(&s->v)) && traffic_rx(&s->t, 4) && traffic_tx(&s->t, 4) &&
		     expect(!vi_wait_miss(&s->v, before, BED_SOON_MS)) && expect(bed_idles()) &&
		     expect(vg_peer_recv(s->b.peer, &hdr, bed_buffer(1), VG_MAX_FRAME,
					 BED_NEVER_MS) == -EAGAIN) &&
		     expect(vg_ring_wait(&s->b.d.ring[VG_RX], 0) == -ETIMEDOUT);
		/* A translation of something else changes nothing. */
		ok = ok && expect(!vi_send(&s->v, VHOST_IOTLB_UPDATE, NOWHERE, VG_PAGE,
					   (uintptr_t)s->v.view, VHOST_ACCESS_RW)) &&
		     expect(bed_idles());
		vi_release(&s->v);
		ok = ok && traffic_drain(&s->t, true);
	}
	return ok && no_errors(s);
}

/* A device that waits for an answer can be stopped and started. */
static bool stop_while_waiting(struct scene *s)
{
	unsigned int i, before;
	bool ok = true;

	for (i = 0; ok && i < 4; i++) {
		vi_hold(&s->v);
		before = s->v.misses;
		ok = expect(!vi_flush(&s->v)) && traffic_rx(&s->t, 2) && traffic_tx(&s->t, 2) &&
		     expect(!vi_wait_miss(&s->v, before, BED_SOON_MS)) &&
		     expect(!vg_dev_stop(&s->b.d));
		vi_release(&s->v);
		ok = ok && expect(!vi_map_rings(&s->v)) &&
		     expect(!vg_dev_start(&s->b.d, s->b.backend));
		vg_ring_notify(&s->b.d.ring[VG_TX]);
		ok = ok && traffic_drain(&s->t, true);
	}
	return ok && no_errors(s);
}

static void set_perm(struct scene *s, struct vg_pool *p, __u8 perm)
{
	unsigned int page = vi_page(p->buf[0].gpa);

	for (; page < vi_page(p->buf[p->count - 1].gpa + p->cap); page++)
		s->v.perm[page] = perm;
}

/* What may only be read is not written, what may only be written is not sent. */
static bool permissions(struct scene *s, unsigned int which)
{
	struct vg_pool *p = which == VG_RX ? &s->b.rx : &s->b.tx;
	struct vg_ring *r = &s->b.d.ring[which];
	__u8 *data = vg_mem_hva(&s->b.d.mem, p->buf[0].gpa & ~(__u64)(VG_PAGE - 1));
	size_t len = p->buf[p->count - 1].gpa + p->cap - p->buf[0].gpa;
	__u8 *copy = malloc(len);
	struct virtio_net_hdr hdr;
	bool ok;

	set_perm(s, p, which == VG_RX ? VHOST_ACCESS_RO : VHOST_ACCESS_WO);
	ok = expect(copy) && expect(!vi_flush(&s->v)) && expect(!vi_map_rings(&s->v)) &&
	     expect(!vi_map(&s->v, p->buf[0].gpa, len));
	if (which == VG_RX) {
		memcpy(copy, data, len);
		ok = ok && traffic_rx(&s->t, 3) && expect(bed_idles()) &&
		     expect(!memcmp(copy, data, len));
	} else {
		ok = ok && traffic_tx(&s->t, 3) && expect(bed_idles()) &&
		     expect(vg_peer_recv(s->b.peer, &hdr, bed_buffer(1), VG_MAX_FRAME,
					 BED_NEVER_MS) == -EAGAIN);
	}
	free(copy);
	vg_ring_errors(r);

	set_perm(s, p, VHOST_ACCESS_RW);
	ok = ok && expect(!vi_flush(&s->v)) && expect(!vi_map_rings(&s->v));
	vg_ring_notify(r);
	return ok && traffic_drain(&s->t, true);
}

static bool wrong_permissions(struct scene *s)
{
	return permissions(s, VG_RX) && permissions(s, VG_TX) && no_errors(s);
}

/* More translations than are kept: the oldest go, nothing grows without bound. */
static bool many_updates(struct scene *s)
{
	unsigned int i, before, n = bed_long() ? 1000000 : 100000;
	bool ok = true;

	vi_hold(&s->v);
	for (i = 0; ok && i < n; i++)
		ok = expect(!vi_send(&s->v, VHOST_IOTLB_UPDATE, NOWHERE + 2ull * i * VG_PAGE,
				     VG_PAGE, (uintptr_t)s->v.view, VHOST_ACCESS_RW));
	before = s->v.misses;
	ok = ok && traffic_tx(&s->t, 1) && expect(!vi_wait_miss(&s->v, before, BED_SOON_MS));
	vi_release(&s->v);
	return ok && traffic_drain(&s->t, true) && rounds(s);
}

/* ---- rings move --------------------------------------------------------- */

static int set_addr(struct scene *s, unsigned int which, __u64 desc, __u64 avail, __u64 used)
{
	struct vhost_vring_addr a = {
		.index = which,
		.desc_user_addr = desc,
		.avail_user_addr = avail,
		.used_user_addr = used,
	};

	return vg_ioctl(s->b.d.fd, VHOST_SET_VRING_ADDR, &a);
}

/* A ring is sent where there is no translation, while the old one's are known. */
static bool ring_to_nowhere(struct scene *s)
{
	struct vg_ring *r = &s->b.d.ring[VG_TX];
	unsigned int i, before;
	__u64 at[3];
	bool ok = true;

	for (i = 0; ok && i < 3; i++) {
		struct virtio_net_hdr hdr;

		ok = traffic_tx(&s->t, 3) && traffic_drain(&s->t, true);
		at[0] = r->desc_gpa;
		at[1] = r->driver_gpa;
		at[2] = r->device_gpa;
		at[i] = NOWHERE + i * VG_PAGE;
		before = s->v.foreign;
		ok = ok && expect(!set_addr(s, VG_TX, at[0], at[1], at[2])) &&
		     traffic_tx(&s->t, 3);
		vg_ring_notify(r);
		ok = ok && expect(bed_idles()) &&
		     expect(vg_peer_recv(s->b.peer, &hdr, bed_buffer(1), VG_MAX_FRAME,
					 BED_NEVER_MS) == -EAGAIN) &&
		     expect(s->v.foreign > before);
		ok = ok && expect(!vg_ring_set_addr(&s->b.d, VG_TX));
		vg_ring_notify(r);
		ok = ok && traffic_rx(&s->t, 3) && traffic_drain(&s->t, true);
	}
	s->v.foreign = 0;
	return ok && no_errors(s);
}

/* The guest names buffers that nobody translates: its ring waits, the other goes on. */
static bool buffer_nowhere(struct scene *s)
{
	struct vg_ring *r = &s->b.d.ring[VG_TX];
	struct vg_chain c = { .nsegs = 1, .seg = { { .gpa = NOWHERE, .len = FRAME } } };
	bool ok;

	ok = traffic_tx(&s->t, 2) && traffic_drain(&s->t, true) &&
	     expect(!vg_ring_add(r, &c, &c));
	vg_ring_kick(r);
	ok = ok && expect(bed_idles()) && expect(s->v.foreign) && traffic_rx(&s->t, 5) &&
	     traffic_drain(&s->t, true);
	s->v.foreign = 0;
	s->t.layout = VG_LAYOUT_SINGLE;
	return expect(!bed_reset_ring(&s->b, VG_TX)) && traffic_tx(&s->t, 3) &&
	       traffic_drain(&s->t, true) && ok && no_errors(s);
}

/* ---- the IOTLB goes ----------------------------------------------------- */

/*
 * Without ACCESS_PLATFORM an address is an address of this process. Where the rings would
 * then be lies a copy of guest RAM with frames to send, and the memory table covers it.
 */
static bool iova_is_no_hva(struct scene *s)
{
	struct vg_mem flat = s->b.d.mem;
	__u8 *trap = (void *)(uintptr_t)VG_GPA_BASE;
	__u64 features = s->b.d.features & ~VG_F_PLATFORM;
	struct virtio_net_hdr hdr;
	__u8 *copy = malloc(RAM);
	unsigned int i, k;
	bool ok = true;

	if (mmap(trap, RAM, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != trap || !copy)
		return expect(!"room for the trap");
	flat.region[0].hva = trap;

	for (i = 0; ok && i < 4; i++) {
		/* At rest with work to do, or in the middle of it. */
		if (i % 2) {
			ok = traffic_rx(&s->t, 6) && traffic_tx(&s->t, 6);
		} else {
			vi_hold(&s->v);
			ok = expect(!vi_flush(&s->v)) && traffic_tx(&s->t, 3) &&
			     traffic_rx(&s->t, 3) && expect(bed_idles());
		}
		vg_mem_read(&s->b.d.mem, VG_GPA_BASE, copy, RAM);
		memcpy(trap, copy, RAM);
		ok = ok && expect(!vg_ioctl(s->b.d.fd, VHOST_SET_FEATURES, &features)) &&
		     expect(!vg_dev_set_mem(&s->b.d, &flat));
		while (i % 2 && vg_peer_recv(s->b.peer, &hdr, bed_buffer(1), VG_MAX_FRAME,
					     BED_NEVER_MS) >= 0)
			;
		for (k = 0; k < VG_RINGS; k++)
			vg_ring_notify(&s->b.d.ring[k]);
		ok = ok && expect(bed_idles());
		/* Linux 6.1's own module does not know better. */
		if (!bed_is_stock(&s->b))
			ok = ok && expect(!memcmp(trap, copy, RAM)) &&
			     expect(vg_peer_recv(s->b.peer, &hdr, bed_buffer(1), VG_MAX_FRAME,
						 BED_NEVER_MS) == -EAGAIN);

		/* And back again. */
		ok = expect(!vg_dev_stop(&s->b.d)) && ok;
		vi_release(&s->v);
		ok = ok && expect(!vg_ioctl(s->b.d.fd, VHOST_SET_FEATURES, &s->b.d.features)) &&
		     expect(!vg_dev_set_mem(&s->b.d, &s->v.table)) &&
		     expect(!vi_map_rings(&s->v)) && expect(!bed_reset_ring(&s->b, VG_TX)) &&
		     expect(!bed_reset_ring(&s->b, VG_RX)) && traffic_resync(&s->t) &&
		     traffic_tx(&s->t, 3) && traffic_rx(&s->t, 3) && traffic_drain(&s->t, true);
		s->v.foreign = 0;
		for (k = 0; k < VG_RINGS; k++)
			vg_ring_errors(&s->b.d.ring[k]);
	}
	munmap(trap, RAM);
	free(copy);
	return ok && no_errors(s);
}

/* ---- messages ----------------------------------------------------------- */

struct reader {
	int fd;
	char message[256];
	ssize_t n;
	int err;
};

static void *read_one(void *arg)
{
	struct reader *r = arg;

	r->n = read(r->fd, r->message, sizeof(r->message));
	r->err = r->n < 0 ? errno : 0;
	return NULL;
}

static void nothing(int sig)
{
}

static bool starts(struct reader *r, struct scene *s, pthread_t *thread)
{
	memset(r, 0, sizeof(*r));
	r->fd = s->b.d.fd;
	if (pthread_create(thread, NULL, read_one, r))
		return false;
	usleep(50000);
	return true;
}

/* Everything is invalid, and a frame waits to be sent. */
static bool misses(struct scene *s)
{
	return expect(bed_idles()) && expect(!vi_flush(&s->v)) && traffic_tx(&s->t, 1);
}

/* The frame goes, and no message is left. */
static bool settles(struct scene *s)
{
	int flags = fcntl(s->b.d.fd, F_GETFL);
	bool ok;

	fcntl(s->b.d.fd, F_SETFL, flags | O_NONBLOCK);
	ok = expect(!vi_map_rings(&s->v)) && expect(!vi_start(&s->v));
	vg_ring_notify(&s->b.d.ring[VG_TX]);
	ok = ok && traffic_drain(&s->t, true) && expect(bed_idles());
	vi_stop(&s->v);
	fcntl(s->b.d.fd, F_SETFL, flags);
	return ok;
}

static bool polls(struct scene *s)
{
	struct pollfd p = { .fd = s->b.d.fd, .events = POLLIN };
	char message[256], small[71];
	int fd = s->b.d.fd;
	unsigned int n = 0;
	bool ok;

	ok = expect(poll(&p, 1, 0) == 0) && expect(read(fd, message, sizeof(message)) < 0) &&
	     expect(errno == EAGAIN) && expect(read(fd, small, sizeof(small)) == 0) &&
	     misses(s) && expect(poll(&p, 1, BED_SOON_MS) == 1) &&
	     expect(p.revents & POLLIN) && expect(read(fd, small, sizeof(small)) == 0);
	while (ok && poll(&p, 1, 0) == 1 && n++ < 100)
		ok = expect(vi_parse(&s->v, message, read(fd, message, sizeof(message))) > 0);
	return ok && expect(n && n < 100) && expect(read(fd, message, sizeof(message)) < 0) &&
	       settles(s);
}

/* Waits, is woken by a miss, by a signal, by the end of the IOTLB. */
static bool readers(struct scene *s)
{
	__u64 features = s->b.d.features & ~VG_F_PLATFORM;
	int fd = s->b.d.fd, flags = fcntl(fd, F_GETFL);
	struct sigaction act = { .sa_handler = nothing };
	struct sigaction old;
	struct reader r;
	pthread_t thread;
	bool ok;

	vi_stop(&s->v);
	ok = polls(s);
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	if (ok && expect(starts(&r, s, &thread))) {
		ok = misses(s);
		pthread_join(thread, NULL);
		ok = ok && expect(vi_parse(&s->v, r.message, r.n) > 0) && settles(s);
	}
	sigaction(SIGUSR1, &act, &old);
	if (ok && expect(starts(&r, s, &thread))) {
		pthread_kill(thread, SIGUSR1);
		pthread_join(thread, NULL);
		ok = expect(r.n < 0 && r.err == EINTR);
	}
	sigaction(SIGUSR1, &old, NULL);
	if (ok && expect(starts(&r, s, &thread))) {
		ok = expect(!vg_ioctl(fd, VHOST_SET_FEATURES, &features));
		pthread_join(thread, NULL);
		ok = expect(r.n < 0 && r.err == EBADFD) && ok;
	}
	fcntl(fd, F_SETFL, flags);
	return ok && no_errors(s);
}

/* Whatever is written: an error or not, but nothing happens to guest or process. */
static bool nonsense(struct scene *s)
{
	unsigned int i, k, n = bed_long() ? 100000 : 3000;
	unsigned int type = s->v.v2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG;
	void *elsewhere = mmap(NULL, VG_PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static __u8 huge[100000];
	bool ok = true;

	for (i = 0; i < n; i++) {
		union {
			struct vhost_msg v1;
			struct vhost_msg_v2 v2;
			__u8 byte[128];
		} m;
		struct vhost_iotlb_msg *io = s->v.v2 ? &m.v2.iotlb : &m.v1.iotlb;
		struct iovec iov[3];
		unsigned int cut;

		for (k = 0; k < sizeof(m); k++)
			m.byte[k] = rand();
		m.v1.type = i % 8 ? type : rand() % 5u;
		io->type = rand() % 6;
		io->perm = rand() % 5;
		/* It must not be told that RAM is elsewhere: that would be so. */
		io->uaddr = rand() % 3 ? (uintptr_t)elsewhere : 0xffff888000000000ULL;
		io->iova = NOWHERE + rand() * (__u64)VG_PAGE;
		io->size = rand() % 4 ? (__u64)rand() : rand() % 2 ? ~0ULL : 0;
		if (io->iova + io->size < io->iova)
			io->size = VG_PAGE;
		cut = rand() % 73;
		iov[0] = (struct iovec){ m.byte, cut };
		iov[1] = (struct iovec){ m.byte + cut, i % 5 ? 72 - cut : rand() % 73u };
		iov[2] = (struct iovec){ huge, i % 7 ? 0 : sizeof(huge) };
		if (writev(s->b.d.fd, iov, 3) > 72)
			ok = expect(!"a write of more than a message");
		if (i % 500 == 0)
			ok = ok && traffic_tx(&s->t, 2) && traffic_rx(&s->t, 2) &&
			     traffic_drain(&s->t, true);
	}
	munmap(elsewhere, VG_PAGE);
	return expect(!vi_flush(&s->v)) && ok && rounds(s);
}

/* ---- with the dirty log ------------------------------------------------- */

static void spoil(struct scene *s)
{
	__u64 gpa = s->b.rx.buf[0].gpa & ~(__u64)(VG_PAGE - 1);

	for (; gpa < s->b.tx.buf[0].chain.table; gpa += VG_PAGE)
		memset(vg_mem_hva(&s->b.d.mem, gpa), 0xaa, VG_PAGE);
}

/* Bits count pages of the memory table, which the guest's addresses are not. */
static bool logged(struct scene *s)
{
	unsigned int i, k, n = bed_long() ? 300 : 5;
	struct vg_dev *d = &s->b.d;
	struct dlog l;
	bool ok;

	ok = expect(!vg_dev_stop(d)) && expect(!dlog_init(&l, d, &s->v.table));
	l.page_of = vi_page_of;
	l.arg = &s->v;
	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &d->ring[i];

		if (!is_packed(s))
			dlog_mine(&l, r->desc_gpa, 16ul * r->num);
		dlog_mine(&l, r->driver_gpa, is_packed(s) ? 4 : 6 + 2ul * r->num);
	}
	dlog_mine(&l, s->b.rx.buf[0].chain.table, BUFS * VG_MAX_SEGS * 16ul);
	dlog_mine(&l, s->b.tx.buf[0].chain.table, d->mem.next - s->b.tx.buf[0].chain.table);
	/* This makes a new, empty IOTLB. */
	ok = ok && expect(!dlog_on(&l));

	for (i = 0; ok && i < n; i++) {
		spoil(s);
		s->b.rx.layout = i % VG_LAYOUT_MIXED;
		vg_rx_fill(d, &s->b.rx);
		ok = traffic_tx(&s->t, 6);
		dlog_adopt(&l);
		ok = ok && expect(!vi_map_rings(&s->v)) && expect(!vg_dev_start(d, s->b.backend));
		for (k = 0; k < VG_RINGS; k++)
			vg_ring_notify(&d->ring[k]);
		ok = ok && traffic_rx(&s->t, 6);
		for (k = 0; ok && s->v.piece && k < 8; k++) {
			int err = vi_move(&s->v, any_page(s));

			dlog_sync(&l);
			ok = expect(!err || err == -ENOSPC);
		}
		ok = ok && traffic_drain(&s->t, false);
		/* Memory comes and goes; what the IOTLB knows stays. */
		ok = ok && expect(!vg_dev_set_mem(d, &s->v.table)) &&
		     expect(!vg_dev_stop(d)) && expect(dlog_check(&l));
		vg_tx_reap(d, &s->b.tx);
	}
	dlog_free(&l);
	return ok && no_errors(s);
}

/* ---- the table ---------------------------------------------------------- */

#define NO_EVENT_IDX	(VG_F_MODERN & ~VG_F_EVENT_IDX)

static const struct variant round_variants[] = {
	{ "one translation", BED_TAP, VG_F_MODERN, 256, true, false, 0, 0, true },
	{ "pages", BED_TAP, VG_F_MODERN, 256, true, false, VG_PAGE, 0 },
	{ "pages apart", BED_TAP, VG_F_MODERN, 256, true, true, VG_PAGE, 0, true },
	{ "pages apart, old messages", BED_TAP, VG_F_MODERN, 256, false, true, VG_PAGE, 0 },
	{ "pages apart, no event index", BED_TAP, NO_EVENT_IDX, 256, true, true, VG_PAGE, 0,
	  true },
	{ "pieces of pages, late", BED_TAP, VG_F_MODERN, 256, true, true, 512, 100 },
	{ "rings on several pages", BED_TAP, VG_F_MODERN, 1024, true, true, VG_PAGE, 0, true },
	{ "no mergeable buffers", BED_TAP, VG_F_MODERN & ~VG_F_MRG_RXBUF, 256, true, true,
	  VG_PAGE, 0 },
	{ "header by vhost", BED_TAP_PLAIN, VG_F_MODERN, 256, true, true, VG_PAGE, 0 },
	{ "packet socket", BED_PACKET, VG_F_MODERN, 256, true, true, VG_PAGE, 0 },
};

static const struct variant apart = { "", BED_TAP, VG_F_MODERN, 256, true, true, VG_PAGE, 0, true };
static const struct variant large = {
	"", BED_TAP, VG_F_MODERN, 1024, true, true, VG_PAGE, 0, true
};

static const struct variant whole = { "", BED_TAP, VG_F_MODERN, 256, true, false, 0, 0, true };
static const struct variant once = { "", BED_TAP, VG_F_MODERN, 256, true, true, VG_PAGE, 0 };
static const struct variant old = { "", BED_TAP, VG_F_MODERN, 256, false, true, VG_PAGE, 0 };

static const struct {
	const char *name;
	bool (*fn)(struct scene *s);
	const struct variant *v;
} cases[] = {
	{ "pages move under traffic", moves, &apart },
	{ "pages of large rings move under traffic", moves, &large },
	{ "answers that do not come", late, &apart },
	{ "stop while an answer is awaited", stop_while_waiting, &apart },
	{ "wrong permissions", wrong_permissions, &apart },
	{ "more translations than are kept", many_updates, &once },
	{ "ring sent where nothing is", ring_to_nowhere, &apart },
	{ "buffer where nothing is", buffer_nowhere, &apart },
	{ "IOTLB switched off", iova_is_no_hva, &apart },
	{ "IOTLB switched off, one translation", iova_is_no_hva, &whole },
	{ "readers of messages", readers, &apart },
	{ "readers of old messages", readers, &old },
	{ "nonsense written", nonsense, &once },
	{ "dirty log", logged, &apart },
	{ "dirty log, one translation", logged, &whole },
	{ "dirty log, large rings", logged, &large },
};

static const char *only;
static bool packed;

static bool wanted(const char *name)
{
	return !only || !strcmp(only, name);
}

/* Ring formats a case runs with. */
static int formats(const struct variant *v)
{
	return 1 + (packed && (v->both || bed_long()));
}

static void run(const char *name, bool (*fn)(struct scene *s), const struct variant *v)
{
	int i;

	if (!wanted(name))
		return;
	for (i = 0; i < formats(v); i++) {
		struct variant with = *v;
		struct scene s;
		bool ok;

		if (i)
			with.features |= VG_F_PACKED;
		ok = scene_open(&s, &with);
		if (ok) {
			ok = fn(&s);
			scene_close(&s);
		}
		ksft_test_result(ok, "%s: %s\n", i ? "packed" : "split", name);
	}
}

int main(int argc, char **argv)
{
	const char *path = vg_default_path();
	const char *seed = getenv("SEED");
	unsigned int i, n = 0;
	__u64 features;

	only = argc > 1 ? argv[1] : NULL;
	ksft_print_header();
	vg_require(path);
	features = vg_features_of(path);
	if (!(features & VG_F_PLATFORM))
		ksft_exit_skip("%s has no IOTLB\n", path);
	packed = features & VG_F_PACKED;
	for (i = 0; i < ARRAY_SIZE(round_variants); i++)
		n += wanted(round_variants[i].name) * formats(&round_variants[i]);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		n += wanted(cases[i].name) * formats(cases[i].v);
	ksft_set_plan(n);
	i = seed ? strtoul(seed, NULL, 0) : (unsigned int)getpid();
	ksft_print_msg("SEED=%u\n", i);
	srand(i);

	for (i = 0; i < ARRAY_SIZE(round_variants); i++)
		run(round_variants[i].name, rounds, &round_variants[i]);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		run(cases[i].name, cases[i].fn, cases[i].v);
	ksft_finished();
}
