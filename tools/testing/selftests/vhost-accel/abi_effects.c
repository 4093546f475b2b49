// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios of the differential ABI test: what calls do to a device that moves frames.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_play.h"

/* ---- scenarios ---------------------------------------------------------- */

static void e_count(struct fix *f, struct text *t)
{
	struct play p;
	int i;

	play_start(&p, f, t);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	for (i = 0; i < 5; i++)
		play_tx(&p);
	for (i = 0; i < 3; i++)
		play_rx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	play_say_base(&p);
	play_end(&p);
}

static void e_pending_at_start(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	play_tx_arrives(&p, p.peer, SOON_MS);
	play_rx(&p);
	play_end(&p);
}

static void e_kick_swap(struct fix *f, struct text *t)
{
	int kick = play_event(1);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "unbind", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_KICK, VG_NO_FD));
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	vg_ring_notify(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, NEVER_MS);
	/* Already signalled: must not wait for another kick. */
	play_say(&p, "bind", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_KICK, kick));
	play_tx_arrives(&p, p.peer, SOON_MS);
	close(p.d->ring[VG_TX].kick);
	p.d->ring[VG_TX].kick = kick;
	vg_tx_reap(p.d, &p.tx);
	play_tx(&p);
	play_end(&p);
}

static void e_kick_same(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_say(&p, "again", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_KICK,
					     p.d->ring[VG_TX].kick));
	play_tx(&p);
	play_end(&p);
}

static void e_call_swap(struct fix *f, struct text *t)
{
	int call = play_event(0);
	struct vg_ring *r;
	struct play p;

	play_start(&p, f, t);
	r = &p.d->ring[VG_TX];
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	vg_ring_ack(r);

	play_say(&p, "swap", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL, call));
	r->ops->arm(r, 1);
	play_put(&p);
	vg_ring_kick(r);
	play_tx_arrives(&p, p.peer, SOON_MS);
	text_add(t, " new:%d", play_fired(call, SOON_MS));
	text_add(t, " old:%d", play_fired(r->call, 0));
	vg_tx_reap(p.d, &p.tx);

	play_say(&p, "off", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL, VG_NO_FD));
	r->ops->arm(r, 1);
	play_put(&p);
	vg_ring_kick(r);
	play_tx_arrives(&p, p.peer, SOON_MS);
	play_say(&p, "stop", vg_dev_stop(p.d));
	text_add(t, " reaped:%u new:%d old:%d", vg_tx_reap(p.d, &p.tx), play_fired(call, 0),
		 play_fired(r->call, 0));
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
	play_rx(&p);
	if (vg_mem_init(&copy, old->region[0].size, 1)) {
		text_add(t, " no memory");
		return;
	}
	play_say(&p, "swap", vg_dev_set_mem(p.d, &copy));
	play_rx_send(&p, p.peer);
	vg_ring_wait(&p.d->ring[VG_RX], SOON_MS);
	*old = copy;
	play_rx_arrives(&p, SOON_MS);
	*old = keep;
	play_say(&p, "back", vg_dev_set_mem(p.d, old));
	play_rx(&p);
	play_tx(&p);
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
	play_tx(&p);
	vg_ring_errors(&p.d->ring[VG_TX]);
	play_say(&p, "shrink", vg_dev_set_mem(p.d, &small));
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	text_add(t, " err:%d", play_fired(p.d->ring[VG_TX].err, SOON_MS));
	play_say(&p, "grow", vg_dev_set_mem(p.d, &f->d.mem));
	vg_ring_notify(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, SOON_MS);
	play_end(&p);
}

static void e_stop_twice(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	play_say(&p, "stop", vg_dev_stop(p.d));
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	play_say(&p, "stop", vg_dev_stop(p.d));
	play_put(&p);
	vg_ring_notify(&p.d->ring[VG_TX]);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, NEVER_MS);
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	play_tx_arrives(&p, p.peer, SOON_MS);
	play_end(&p);
}

static void e_restart(struct fix *f, struct text *t)
{
	struct play p;
	unsigned int round, i;

	play_start(&p, f, t);
	for (round = 0; round < 3; round++) {
		vg_dev_start(p.d, f->tap);
		play_tx(&p);
		play_rx(&p);
		vg_dev_stop(p.d);
		play_say_base(&p);
		for (i = 0; i < VG_RINGS; i++)
			play_say(&p, "base", vg_set_base(p.d, i, vg_get_base(p.d, i)));
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
	play_tx(&p);
	vg_dev_stop(p.d);
	r->used->idx = 1000;
	r->used_idx = 1000;
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	text_add(t, " used:%u", r->used->idx);
	play_say_base(&p);
	play_end(&p);
}

/* A base other than the ring's index: what was used before is sent again. */
static void e_base_back(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	vg_dev_stop(p.d);
	play_say(&p, "back", vg_set_base(p.d, VG_TX, 0));
	vg_dev_start(p.d, f->tap);
	play_tx_arrives(&p, p.peer, SOON_MS);
	vg_dev_stop(p.d);
	play_say_base(&p);
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
	play_tx(&p);
	play_rx(&p);
	play_say(&p, "num live", vg_ioctl(p.d->fd, VHOST_SET_VRING_NUM, &s));
	play_say(&p, "stop tx", vg_set_backend(p.d, VG_TX, VG_NO_FD));
	play_rx(&p);
	play_say_base(&p);
	play_say(&p, "num tx", vg_ioctl(p.d->fd, VHOST_SET_VRING_NUM, &s));
	s.index = VG_RX;
	play_say(&p, "num rx", vg_ioctl(p.d->fd, VHOST_SET_VRING_NUM, &s));
	vg_ring_reset(r);
	play_say(&p, "setup tx", vg_ring_setup(p.d, VG_TX));
	play_say(&p, "start tx", vg_set_backend(p.d, VG_TX, f->tap));
	play_tx(&p);
	play_rx(&p);
	play_say_base(&p);
	play_end(&p);
}

static void e_reset_owner(struct fix *f, struct text *t)
{
	struct play p;
	unsigned int i;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "reset", vg_ioctl(p.d->fd, VHOST_RESET_OWNER, NULL));
	text_add(t, " workers:%u", vg_workers_become(getpid(), NULL, 0));
	for (i = 0; i < VG_RINGS; i++)
		vg_ring_reset(&p.d->ring[i]);
	play_end(&p);

	play_start(&p, f, t);
	play_say(&p, "setup", vg_dev_setup(p.d));
	play_say(&p, "start", vg_dev_start(p.d, f->tap));
	text_add(t, " workers:%u", vg_workers_become(getpid(), NULL, 1));
	play_tx(&p);
	play_rx(&p);
	play_say_base(&p);
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

	play_say(&p, "reset", vg_ioctl(d.fd, VHOST_RESET_OWNER, NULL));
	pid = fork();
	if (!pid)
		_exit(vg_ioctl(d.fd, VHOST_SET_OWNER, NULL) ? 1 : 0);
	waitpid(pid, NULL, 0);
	play_say(&p, "set owner", vg_ioctl(d.fd, VHOST_SET_OWNER, NULL));
	play_say(&p, "reset owner", vg_ioctl(d.fd, VHOST_RESET_OWNER, NULL));
	play_say(&p, "num", vg_ioctl(d.fd, VHOST_SET_VRING_NUM, &s));
	play_say(&p, "backend", vg_set_backend(&d, VG_TX, VG_NO_FD));
	play_say(&p, "features", vg_ioctl(d.fd, VHOST_SET_FEATURES, &features));
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
	play_say(&p, "num", (long)ret);
}

static void e_backend_swap(struct fix *f, struct text *t)
{
	int peer2 = vg_packet_open(f->name2, false);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "swap rx", vg_set_backend(p.d, VG_RX, f->tap2));
	play_say(&p, "swap tx", vg_set_backend(p.d, VG_TX, f->tap2));
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, peer2, SOON_MS);
	play_rx_send(&p, peer2);
	play_rx_arrives(&p, SOON_MS);
	play_say(&p, "bad", vg_set_backend(p.d, VG_TX, p.d->fd));
	vg_tx_reap(p.d, &p.tx);
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, peer2, SOON_MS);
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
	play_say(&p, "start", vg_dev_start(p.d, tap));
	close(tap);
	play_tx(&p);
	play_rx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	text_add(t, " left:%d", !access("/sys/class/net/vgabi9", F_OK));
	memcpy(f->name, name, sizeof(name));
	f->tap = mine;
	play_end(&p);
}

static void e_error(struct fix *f, struct text *t)
{
	struct vg_ring *r = &f->d.ring[VG_TX];
	int err = play_event(0);
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say_base(&p);
	/* The next available entry names a descriptor that does not exist. */
	r->avail->ring[1] = 9999;
	r->avail->idx = 2;
	vg_ring_notify(r);
	text_add(t, " err:%d", play_fired(r->err, SOON_MS));
	play_say(&p, "swap", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_ERR, err));
	vg_ring_notify(r);
	text_add(t, " new:%d", play_fired(err, SOON_MS));
	play_rx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	play_say_base(&p);
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
	play_tx(&p);
	desc = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(desc, r->desc, size);
	{
		struct vhost_vring_addr a = {
			.index = VG_TX,
			.desc_user_addr = (uintptr_t)desc,
			.avail_user_addr = (uintptr_t)r->avail,
			.used_user_addr = (uintptr_t)r->used,
		};

		play_say(&p, "move", vg_ioctl(p.d->fd, VHOST_SET_VRING_ADDR, &a));
	}
	memset(r->desc, 0xff, size);
	r->desc = desc;
	play_tx(&p);
	play_say(&p, "stop", vg_dev_stop(p.d));
	munmap(desc, size);
	play_end(&p);
}

static void e_features_again(struct fix *f, struct text *t)
{
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "features", vg_ioctl(p.d->fd, VHOST_SET_FEATURES, &p.d->features));
	play_tx(&p);
	play_rx(&p);
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
	play_tx(&p);
	play_end(&p);
}

static void e_workers(struct fix *f, struct text *t)
{
	struct vg_config cfg = { .path = f->d.path, .mem_size = 1 << 20 };
	struct vg_dev d;

	text_add(t, " one:%u", vg_workers_become(getpid(), NULL, 1));
	if (vg_dev_open(&d, &cfg))
		return;
	text_add(t, " opened:%u", vg_workers(getpid(), NULL, 0));
	vg_ioctl(d.fd, VHOST_SET_OWNER, NULL);
	text_add(t, " owned:%u", vg_workers(getpid(), NULL, 0));
	vg_dev_close(&d);
	text_add(t, " closed:%u", vg_workers_become(getpid(), NULL, 1));
}

/* A call that is a kick: of the same ring, of the other ring, of another device. */
static void e_call_is_kick(struct fix *f, struct text *t)
{
	struct vg_config cfg = { .path = f->d.path, .features = FIX_FEATURES };
	struct vg_dev other;
	struct play p;

	play_start(&p, f, t);
	vg_dev_start(p.d, f->tap);
	play_tx(&p);
	play_say(&p, "own", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL,
					   p.d->ring[VG_TX].kick));
	p.d->ring[VG_TX].ops->arm(&p.d->ring[VG_TX], 1);
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, SOON_MS);
	play_say(&p, "other ring's", vg_ring_set_fd(p.d, VG_TX, VHOST_SET_VRING_CALL,
						    p.d->ring[VG_RX].kick));
	p.d->ring[VG_TX].ops->arm(&p.d->ring[VG_TX], 1);
	play_put(&p);
	vg_ring_kick(&p.d->ring[VG_TX]);
	play_tx_arrives(&p, p.peer, SOON_MS);
	play_rx(&p);

	if (vg_dev_open(&other, &cfg) || vg_dev_setup(&other)) {
		text_add(t, " no other device");
		return;
	}
	play_say(&p, "other's kick", vg_ring_set_fd(&other, VG_TX, VHOST_SET_VRING_KICK,
						    p.d->ring[VG_RX].kick));
	play_say(&p, "start", vg_dev_start(&other, f->tap2));
	play_rx(&p);
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
	EFFECT(log), EFFECT(log_flag), EFFECT(log_fd), EFFECT(log_swap), EFFECT(log_bad_live),
	EFFECT(iotlb), EFFECT(iotlb_misses), EFFECT(iotlb_start), EFFECT(iotlb_perm),
	EFFECT(iotlb_invalidate), EFFECT(iotlb_drop), EFFECT(iotlb_again),
};

const unsigned int abi_neffects = ARRAY_SIZE(abi_effects);
