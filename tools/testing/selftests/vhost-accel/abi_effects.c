// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios of the differential ABI test: what calls do to a device that moves frames.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_test.h"

#define SOON_MS		20000	/* surely happens in less */
#define NEVER_MS	150	/* would have happened by then */
#define FRAME		200
#define BUFS		32

/* One device with buffers and the host's end of its tap. */
struct play {
	struct fix *f;
	struct vg_dev *d;
	struct text *t;
	struct vg_pool rx;
	struct vg_pool tx;
	int peer;
	__u32 seq;
};

static void play_start(struct play *p, struct fix *f, struct text *t)
{
	memset(p, 0, sizeof(*p));
	p->f = f;
	p->d = &f->d;
	p->t = t;
	p->peer = vg_packet_open(f->name, false);
	if (p->peer < 0 || vg_pool_init(&p->rx, &f->d.mem, BUFS, 512) ||
	    vg_pool_init(&p->tx, &f->d.mem, BUFS, 512))
		text_add(t, " no play");
	vg_rx_fill(p->d, &p->rx);
}

static void play_end(struct play *p)
{
	close(p->peer);
	vg_pool_free(&p->rx);
	vg_pool_free(&p->tx);
}

/* Puts a frame into the TX ring; the caller kicks, or does not. */
static void tx_put(struct play *p)
{
	char frame[FRAME];

	vg_frame_fill(frame, sizeof(frame), ++p->seq);
	vg_tx_send(p->d, &p->tx, NULL, frame, sizeof(frame), VG_LAYOUT_HDR);
}

/* Says whether the frame put last arrives. */
static void tx_arrives(struct play *p, int peer, int ms)
{
	char frame[FRAME + 100];
	int len = vg_peer_recv(peer, NULL, frame, sizeof(frame), ms);

	if (len < 0)
		text_add(p->t, " tx:nothing");
	else
		text_add(p->t, " tx:%s", len == FRAME &&
			 vg_frame_check(frame, len, p->seq) ? "good" : "bad");
}

static void tx(struct play *p)
{
	tx_put(p);
	vg_ring_kick(&p->d->ring[VG_TX]);
	tx_arrives(p, p->peer, SOON_MS);
	vg_ring_wait(&p->d->ring[VG_TX], SOON_MS);
	text_add(p->t, " reaped:%u", vg_tx_reap(p->d, &p->tx));
}

static void rx_arrives(struct play *p, int ms)
{
	struct virtio_net_hdr_v1 hdr;
	char frame[FRAME + 100];
	int len;

	vg_ring_wait(&p->d->ring[VG_RX], ms);
	len = vg_rx_get(p->d, &p->rx, &hdr, frame, sizeof(frame));
	if (len == -EAGAIN)
		text_add(p->t, " rx:nothing");
	else
		text_add(p->t, " rx:%s,%u", len == FRAME &&
			 vg_frame_check(frame, len, p->seq) ? "good" : "bad",
			 hdr.num_buffers);
	vg_rx_fill(p->d, &p->rx);
}

static void rx_send(struct play *p, int peer)
{
	char frame[FRAME];

	vg_frame_fill(frame, sizeof(frame), ++p->seq);
	vg_peer_send(peer, NULL, frame, sizeof(frame));
}

static void rx(struct play *p)
{
	rx_send(p, p->peer);
	rx_arrives(p, SOON_MS);
}

static void say(struct play *p, const char *what, long err)
{
	text_add(p->t, " %s:%s", what, text_err(err));
}

static void say_base(struct play *p)
{
	text_add(p->t, " base:%lld,%lld", vg_get_base(p->d, VG_RX),
		 vg_get_base(p->d, VG_TX));
}

static int new_event(unsigned int count)
{
	return eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC);
}

static bool fired(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	eventfd_t n;

	return poll(&p, 1, ms) > 0 && !eventfd_read(fd, &n);
}

/* ---- scenarios ---------------------------------------------------------- */

static void e_count(struct fix *f, struct text *t)
{
	struct play p;
	int i;

	play_start(&p, f, t);
	say(&p, "start", vg_dev_start(p.d, f->tap));
	for (i = 0; i < 5; i++)
		tx(&p);
	for (i = 0; i < 3; i++)
		rx(&p);
	say(&p, "stop", vg_dev_stop(p.d));
	say_base(&p);
	play_end(&p);
}

static void e_pending_at_start(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	say(&p, "start", vg_dev_start(p.d, f->tap));
	tx_arrives(&p, p.peer, SOON_MS);
	rx(&p);
	play_end(&p);
}

static void e_kick_swap(struct fix *f, struct text *t)
{
	int kick = new_event(1);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say(&p, "unbind", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_KICK, VG_NO_FD));
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	vg_ring_notify(&p.d->ring[VG_TX]);
	tx_arrives(&p, p.peer, NEVER_MS);
	/* Already signalled: must not wait for another kick. */
	say(&p, "bind", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_KICK, kick));
	tx_arrives(&p, p.peer, SOON_MS);
	close(p.d->ring[VG_TX].kick);
	p.d->ring[VG_TX].kick = kick;
	vg_tx_reap(p.d, &p.tx);
	tx(&p);
	play_end(&p);
}

static void e_kick_same(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	say(&p, "again", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_KICK,
					p.d->ring[VG_TX].kick));
	tx(&p);
	play_end(&p);
}

static void e_call_swap(struct fix *f, struct text *t)
{
	int call = new_event(0);
	struct vg_ring *r;
	struct play p;

	play_start(&p, f, t);
	r = &p.d->ring[VG_TX];
	vg_dev_start(p.d, f->tap);
	tx(&p);
	vg_ring_ack(r);

	say(&p, "swap", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL, call));
	r->ops->arm(r, 1);
	tx_put(&p);
	vg_ring_kick(r);
	tx_arrives(&p, p.peer, SOON_MS);
	text_add(t, " new:%d", fired(call, SOON_MS));
	text_add(t, " old:%d", fired(r->call, 0));
	vg_tx_reap(p.d, &p.tx);

	say(&p, "off", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL, VG_NO_FD));
	r->ops->arm(r, 1);
	tx_put(&p);
	vg_ring_kick(r);
	tx_arrives(&p, p.peer, SOON_MS);
	say(&p, "stop", vg_dev_stop(p.d));
	text_add(t, " reaped:%u new:%d old:%d", vg_tx_reap(p.d, &p.tx), fired(call, 0),
		 fired(r->call, 0));
	close(call);
	play_end(&p);
}

/* The same guest addresses elsewhere in the process: buffers move, rings do not. */
static void e_mem_swap(struct fix *f, struct text *t)
{
	struct vg_mem copy, *old = &f->d.mem;
	struct vg_mem keep;
	struct play p;

	play_start(&p, f, t);
	keep = *old;
	vg_dev_start(p.d, f->tap);
	rx(&p);
	if (vg_mem_init(&copy, old->region[0].size, 1)) {
		text_add(t, " no memory");
		return;
	}
	say(&p, "swap", vg_dev_set_mem(p.d, &copy));
	rx_send(&p, p.peer);
	vg_ring_wait(&p.d->ring[VG_RX], SOON_MS);
	*old = copy;
	rx_arrives(&p, SOON_MS);
	*old = keep;
	say(&p, "back", vg_dev_set_mem(p.d, old));
	rx(&p);
	tx(&p);
	vg_dev_stop(p.d);
	vg_mem_free(&copy);
	play_end(&p);
}

/* Buffers outside of guest memory break the ring till the table covers them again. */
static void e_mem_shrink(struct fix *f, struct text *t)
{
	struct vg_mem small = f->d.mem;
	struct play p;

	play_start(&p, f, t);
	small.region[0].size = VG_PAGE;
	vg_dev_start(p.d, f->tap);
	tx(&p);
	vg_ring_errors(&p.d->ring[VG_TX]);
	say(&p, "shrink", vg_dev_set_mem(p.d, &small));
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	text_add(t, " err:%d", fired(p.d->ring[VG_TX].err, SOON_MS));
	say(&p, "grow", vg_dev_set_mem(p.d, &f->d.mem));
	vg_ring_notify(&p.d->ring[VG_TX]);
	tx_arrives(&p, p.peer, SOON_MS);
	play_end(&p);
}

static void e_stop_twice(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	say(&p, "stop", vg_dev_stop(p.d));
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say(&p, "stop", vg_dev_stop(p.d));
	say(&p, "stop", vg_dev_stop(p.d));
	tx_put(&p);
	vg_ring_notify(&p.d->ring[VG_TX]);
	vg_ring_kick(&p.d->ring[VG_TX]);
	tx_arrives(&p, p.peer, NEVER_MS);
	say(&p, "start", vg_dev_start(p.d, f->tap));
	tx_arrives(&p, p.peer, SOON_MS);
	play_end(&p);
}

static void e_restart(struct fix *f, struct text *t)
{
	struct play p;
	unsigned int round, i;

	play_start(&p, f, t);
	for (round = 0; round < 3; round++) {
		vg_dev_start(p.d, f->tap);
		tx(&p);
		rx(&p);
		vg_dev_stop(p.d);
		say_base(&p);
		for (i = 0; i < VG_RINGS; i++)
			say(&p, "base", vg_set_base(p.d, i, vg_get_base(p.d, i)));
	}
	play_end(&p);
}

/* The device continues where the used index in guest memory is. */
static void e_used_reread(struct fix *f, struct text *t)
{
	struct vg_ring *r = &f->d.ring[VG_TX];
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	vg_dev_stop(p.d);
	r->used->idx = 1000;
	r->used_idx = 1000;
	vg_dev_start(p.d, f->tap);
	tx(&p);
	text_add(t, " used:%u", r->used->idx);
	say_base(&p);
	play_end(&p);
}

/* A base other than the ring's index: what was used before is sent again. */
static void e_base_back(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	vg_dev_stop(p.d);
	say(&p, "back", vg_set_base(p.d, VG_TX, 0));
	vg_dev_start(p.d, f->tap);
	tx_arrives(&p, p.peer, SOON_MS);
	vg_dev_stop(p.d);
	say_base(&p);
	play_end(&p);
}

/* Ring reset: one ring stops and starts anew while the other runs. */
static void e_ring_reset(struct fix *f, struct text *t)
{
	struct vhost_vring_state s = { .index = VG_TX, .num = 256 };
	struct vg_ring *r = &f->d.ring[VG_TX];
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	rx(&p);
	say(&p, "num live", vg_ioctl(p.d->fd, VHOST_SET_VRING_NUM, &s));
	say(&p, "stop tx", vg_set_backend(p.d, VG_TX, VG_NO_FD));
	rx(&p);
	say_base(&p);
	say(&p, "num tx", vg_ioctl(p.d->fd, VHOST_SET_VRING_NUM, &s));
	s.index = VG_RX;
	say(&p, "num rx", vg_ioctl(p.d->fd, VHOST_SET_VRING_NUM, &s));
	vg_ring_reset(r);
	say(&p, "setup tx", vg_ring_setup(p.d, VG_TX));
	say(&p, "start tx", vg_set_backend(p.d, VG_TX, f->tap));
	tx(&p);
	rx(&p);
	say_base(&p);
	play_end(&p);
}

static void e_reset_owner(struct fix *f, struct text *t)
{
	struct play p;
	unsigned int i;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say(&p, "reset", vg_ioctl(p.d->fd, VHOST_RESET_OWNER, NULL));
	text_add(t, " workers:%u", vg_workers(getpid(), NULL, 0));
	for (i = 0; i < VG_RINGS; i++)
		vg_ring_reset(&p.d->ring[i]);
	play_end(&p);

	play_start(&p, f, t);
	say(&p, "setup", vg_dev_setup(p.d));
	say(&p, "start", vg_dev_start(p.d, f->tap));
	text_add(t, " workers:%u", vg_workers(getpid(), NULL, 0));
	tx(&p);
	rx(&p);
	say_base(&p);
	play_end(&p);
}

/* The owner is gone; the file lives on here. */
static void e_orphan(struct fix *f, struct text *t)
{
	struct vhost_vring_state s = { .num = 256 };
	struct vg_dev d = f->d;
	__u64 features = 0;
	struct play p = { .d = &d, .t = t };
	pid_t pid;

	say(&p, "reset", vg_ioctl(d.fd, VHOST_RESET_OWNER, NULL));
	pid = fork();
	if (!pid)
		_exit(vg_ioctl(d.fd, VHOST_SET_OWNER, NULL) ? 1 : 0);
	waitpid(pid, NULL, 0);
	say(&p, "set owner", vg_ioctl(d.fd, VHOST_SET_OWNER, NULL));
	say(&p, "reset owner", vg_ioctl(d.fd, VHOST_RESET_OWNER, NULL));
	say(&p, "num", vg_ioctl(d.fd, VHOST_SET_VRING_NUM, &s));
	say(&p, "backend", vg_set_backend(&d, VG_TX, VG_NO_FD));
	say(&p, "features", vg_ioctl(d.fd, VHOST_SET_FEATURES, &features));
}

static void *set_num_thread(void *arg)
{
	struct vhost_vring_state s = { .num = 256 };

	return (void *)(long)vg_ioctl(*(int *)arg, VHOST_SET_VRING_NUM, &s);
}

/* Owner is the address space, not the task: a VMM calls from any of its threads. */
static void e_thread(struct fix *f, struct text *t)
{
	struct play p = { .d = &f->d, .t = t };
	pthread_t thread;
	void *ret = NULL;

	if (!pthread_create(&thread, NULL, set_num_thread, &f->d.fd))
		pthread_join(thread, &ret);
	say(&p, "num", (long)ret);
}

static void e_backend_swap(struct fix *f, struct text *t)
{
	int peer2 = vg_packet_open(f->name2, false);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say(&p, "swap rx", vg_set_backend(p.d, VG_RX, f->tap2));
	say(&p, "swap tx", vg_set_backend(p.d, VG_TX, f->tap2));
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	tx_arrives(&p, peer2, SOON_MS);
	rx_send(&p, peer2);
	rx_arrives(&p, SOON_MS);
	say(&p, "bad", vg_set_backend(p.d, VG_TX, p.d->fd));
	vg_tx_reap(p.d, &p.tx);
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	tx_arrives(&p, peer2, SOON_MS);
	close(peer2);
	play_end(&p);
}

/* The device keeps a backend alive that its user has closed. */
static void e_tap_closed(struct fix *f, struct text *t)
{
	int tap = vg_tap_open("vgabi9", 0, 12);
	int mine = f->tap;
	char name[16];
	struct play p;

	vg_if_up("vgabi9", 0);
	memcpy(name, f->name, sizeof(name));
	snprintf(f->name, sizeof(f->name), "vgabi9");
	play_start(&p, f, t);
	say(&p, "start", vg_dev_start(p.d, tap));
	close(tap);
	tx(&p);
	rx(&p);
	say(&p, "stop", vg_dev_stop(p.d));
	text_add(t, " left:%d", !access("/sys/class/net/vgabi9", F_OK));
	memcpy(f->name, name, sizeof(name));
	f->tap = mine;
	play_end(&p);
}

static void e_error(struct fix *f, struct text *t)
{
	struct vg_ring *r = &f->d.ring[VG_TX];
	int err = new_event(0);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say_base(&p);
	/* The next available entry names a descriptor that does not exist. */
	r->avail->ring[1] = 9999;
	r->avail->idx = 2;
	vg_ring_notify(r);
	text_add(t, " err:%d", fired(r->err, SOON_MS));
	say(&p, "swap", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_ERR, err));
	vg_ring_notify(r);
	text_add(t, " new:%d", fired(err, SOON_MS));
	rx(&p);
	say(&p, "stop", vg_dev_stop(p.d));
	say_base(&p);
	close(err);
	play_end(&p);
}

/* Rings move in the address space while they run. */
static void e_addr_move(struct fix *f, struct text *t)
{
	struct vg_ring *r = &f->d.ring[VG_TX];
	size_t size = 16 * r->num;
	struct play p;
	void *desc;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	desc = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(desc, r->desc, size);
	{
		struct vhost_vring_addr a = {
			.index = VG_TX,
			.desc_user_addr = (uintptr_t)desc,
			.avail_user_addr = (uintptr_t)r->avail,
			.used_user_addr = (uintptr_t)r->used,
		};

		say(&p, "move", vg_ioctl(p.d->fd, VHOST_SET_VRING_ADDR, &a));
	}
	memset(r->desc, 0xff, size);
	r->desc = desc;
	tx(&p);
	say(&p, "stop", vg_dev_stop(p.d));
	munmap(desc, size);
	play_end(&p);
}

static void e_features_again(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say(&p, "features", vg_ioctl(p.d->fd, VHOST_SET_FEATURES, &p.d->features));
	tx(&p);
	rx(&p);
	play_end(&p);
}

static void e_used_flags(struct fix *f, struct text *t)
{
	struct vg_ring *r = &f->d.ring[VG_TX];
	struct play p;

	play_start(&p, f, t);
	r->used->flags = 0xffff;
	vg_dev_start(p.d, f->tap);
	text_add(t, " flags:%x", r->used->flags & ~VRING_USED_F_NO_NOTIFY);
	tx(&p);
	play_end(&p);
}

static void e_workers(struct fix *f, struct text *t)
{
	struct vg_config cfg = { .path = f->d.path, .mem_size = 1 << 20 };
	struct vg_dev d;

	text_add(t, " one:%u", vg_workers(getpid(), NULL, 0));
	if (vg_dev_open(&d, &cfg))
		return;
	text_add(t, " opened:%u", vg_workers(getpid(), NULL, 0));
	vg_ioctl(d.fd, VHOST_SET_OWNER, NULL);
	text_add(t, " owned:%u", vg_workers(getpid(), NULL, 0));
	vg_dev_close(&d);
	text_add(t, " closed:%u", vg_workers(getpid(), NULL, 0));
}

/* A call that is a kick: of the same ring, of the other ring, of another device. */
static void e_call_is_kick(struct fix *f, struct text *t)
{
	struct vg_config cfg = { .path = f->d.path, .features = FIX_FEATURES };
	struct vg_dev other;
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	tx(&p);
	say(&p, "own", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL,
				      p.d->ring[VG_TX].kick));
	p.d->ring[VG_TX].ops->arm(&p.d->ring[VG_TX], 1);
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	tx_arrives(&p, p.peer, SOON_MS);
	say(&p, "other ring's", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL,
					       p.d->ring[VG_RX].kick));
	p.d->ring[VG_TX].ops->arm(&p.d->ring[VG_TX], 1);
	tx_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	tx_arrives(&p, p.peer, SOON_MS);
	rx(&p);

	if (vg_dev_open(&other, &cfg) || vg_dev_setup(&other)) {
		text_add(t, " no other device");
		return;
	}
	say(&p, "other's kick", vg_ring_set_fd(&other, VG_TX, VHOST_SET_VRING_KICK,
					       p.d->ring[VG_RX].kick));
	say(&p, "start", vg_dev_start(&other, f->tap2));
	rx(&p);
	vg_dev_close(&other);
	play_end(&p);
}

#define EFFECT(name)	{ #name, e_##name }
const struct effect abi_effects[] = {
	EFFECT(count), EFFECT(pending_at_start), EFFECT(kick_swap), EFFECT(kick_same),
	EFFECT(call_swap), EFFECT(mem_swap), EFFECT(mem_shrink), EFFECT(stop_twice),
	EFFECT(restart), EFFECT(used_reread), EFFECT(base_back), EFFECT(ring_reset),
	EFFECT(reset_owner), EFFECT(orphan), EFFECT(thread), EFFECT(backend_swap),
	EFFECT(tap_closed), EFFECT(error), EFFECT(addr_move), EFFECT(features_again),
	EFFECT(used_flags), EFFECT(workers), EFFECT(call_is_kick),
};

const unsigned int abi_neffects = ARRAY_SIZE(abi_effects);
