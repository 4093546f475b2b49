// SPDX-License-Identifier: GPL-2.0
/*
 * Sets up a device with a backend and a peer for the ring tests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kstest.h"
#include "test_bed.h"

#define TAP	"vgbed0"
#define MTAP	"vgbed1"
#define VETH	"vgbed2"
#define PEER	"vgbed3"
#define MAX_MTU	65521
#define ROOM	(VG_MAX_FRAME + 64)

static const char * const kind_names[BED_KINDS] = {
	"tap", "tap-sndbuf", "tap-napi", "tap-plain", "macvtap", "packet", "packet-vnet",
};

const char *bed_kind_name(enum bed_kind kind)
{
	return kind_names[kind];
}

bool bed_kind_usable(enum bed_kind kind, __u64 features)
{
	/* The socket's header has 10 bytes. */
	if (kind == BED_PACKET_VNET)
		return !(features & (VG_F_MRG_RXBUF | VG_F_VERSION_1));
	return true;
}

bool bed_long(void)
{
	const char *l = getenv("VMACCEL_LONG");

	return l && !strcmp(l, "1");
}

__u8 *bed_buffer(unsigned int i)
{
	static __u8 buffer[4][ROOM];

	return buffer[i];
}

static void del_veth(void)
{
	vg_run("ip link del %s", VETH);
}

/* One pair serves all devices of the program: a new one is slow to come up. */
static int need_veth(void)
{
	static bool there;

	if (there)
		return 0;
	there = true;
	atexit(del_veth);
	return vg_veth(VETH, PEER, MAX_MTU);
}

static int open_backend(struct bed *b, int hlen)
{
	unsigned int flags = VG_TAP_OFFLOAD;
	int err;

	switch (b->cfg.kind) {
	case BED_TAP_SNDBUF:
		flags |= VG_TAP_SMALL_SNDBUF;
		break;
	case BED_TAP_NAPI:
		flags |= VG_TAP_NAPI;
		break;
	case BED_TAP_PLAIN:
		flags = VG_TAP_NO_VNET_HDR;
		break;
	default:
		break;
	}
	if (b->cfg.kind < BED_MACVTAP) {
		b->peer_if = b->cfg.tap ? b->cfg.tap : TAP;
		b->backend = vg_tap_open(b->peer_if, flags, hlen);
		return b->backend < 0 ? b->backend : vg_if_up(b->peer_if, MAX_MTU);
	}

	b->peer_if = PEER;
	err = need_veth();
	if (err)
		return err;
	if (b->cfg.kind != BED_MACVTAP) {
		b->backend = vg_packet_open(VETH, b->cfg.kind == BED_PACKET_VNET);
		return b->backend < 0 ? b->backend : 0;
	}
	b->backend = vg_macvtap_open(MTAP, VETH, flags, hlen);
	return b->backend < 0 ? b->backend : vg_if_up(MTAP, MAX_MTU);
}

/* A packed ring stands where @base descriptors lead. */
static void reset_at(struct vg_ring *r, __u32 base)
{
	if (r->features & VG_F_PACKED)
		base = VG_BASE_PACKED(base % r->num, !(base / r->num % 2));
	r->ops->reset(r, base);
}

static int open_device(struct bed *b)
{
	struct vg_config cfg = {
		.features = b->cfg.features,
		.num = b->cfg.num,
		.mem_size = b->cfg.mem_size ? b->cfg.mem_size : 32ul << 20,
		.nregions = b->cfg.nregions,
		.busyloop_us = b->cfg.busyloop_us,
	};
	unsigned int i;
	int err;

	err = vg_dev_open(&b->d, &cfg);
	for (i = 0; !err && i < VG_RINGS; i++)
		reset_at(&b->d.ring[i], b->cfg.base);
	return err ? err : vg_dev_setup(&b->d);
}

int bed_open(struct bed *b, const struct bed_config *cfg)
{
	unsigned int rx_buf = cfg->rx_buf ? cfg->rx_buf : ROOM;
	unsigned int rx_count = cfg->rx_count;
	int err;

	memset(b, 0, sizeof(*b));
	b->cfg = *cfg;
	b->backend = -1;
	b->peer = -1;
	b->d.fd = -1;
	if (cfg->kind == BED_PACKET || cfg->kind == BED_TAP_PLAIN)
		b->cfg.features |= VG_F_NET_HDR;
	/* Few, since each page touched first is slow; room for three large frames. */
	if (!rx_count)
		rx_count = 3 * (ROOM + rx_buf - 1) / rx_buf + 1;

	err = open_device(b);
	if (!err)
		err = open_backend(b, b->d.hlen);
	if (!err) {
		b->peer = vg_packet_open(b->peer_if, true);
		err = b->peer < 0 ? b->peer : 0;
	}
	if (!err && cfg->place)
		err = cfg->place(b);
	if (!err && !cfg->place)
		err = vg_pool_init(&b->tx, &b->d.mem, 64, ROOM);
	if (!err && !cfg->place)
		err = vg_pool_init(&b->rx, &b->d.mem, rx_count, rx_buf);
	if (err) {
		ksft_print_msg("%s: cannot set up: %s\n", kind_names[cfg->kind],
			       strerror(-err));
		bed_close(b);
	}
	return err;
}

int bed_start(struct bed *b)
{
	int err;

	vg_rx_fill(&b->d, &b->rx);
	err = vg_dev_start(&b->d, b->backend);
	if (err)
		ksft_print_msg("cannot start: %s\n", strerror(-err));
	return err;
}

int bed_reset_ring(struct bed *b, unsigned int which)
{
	struct vg_ring *r = &b->d.ring[which];
	int err = vg_set_backend(&b->d, which, VG_NO_FD);

	if (err)
		return err;
	vg_ring_reset(r);
	vg_ring_ack(r);
	vg_ring_errors(r);
	vg_pool_reset(which == VG_RX ? &b->rx : &b->tx);
	if (which == VG_RX)
		vg_rx_fill(&b->d, &b->rx);
	err = vg_ring_setup(&b->d, which);
	return err ? err : vg_set_backend(&b->d, which, b->backend);
}

bool bed_is_stock(const struct bed *b)
{
	return !strcmp(b->d.path, "/dev/vhost-net");
}

/*
 * Asleep, and not on a CPU between two looks. The state counts, too: where a hypervisor
 * stops a CPU for a while, no time passes for what runs there.
 */
static bool slept(pid_t tid)
{
	struct vg_sched before, after;

	if (vg_sched_read(tid, &before))
		return true;
	usleep(30000);
	return vg_sched_read(tid, &after) ||
	       (before.state != 'R' && after.state != 'R' &&
		before.run_ns == after.run_ns && before.slices == after.slices);
}

bool bed_idles(void)
{
	pid_t tid[16];
	unsigned int i, ms, n = vg_workers(getpid(), tid, 16);

	for (i = 0; i < n && i < 16; i++) {
		for (ms = 0; !slept(tid[i]); ms += 30) {
			if (ms < BED_SOON_MS)
				continue;
			ksft_print_msg("worker %d does not come to rest\n", tid[i]);
			return false;
		}
	}
	return true;
}

static const char *fault;

const char *bed_fault(void)
{
	const char *f = fault;

	fault = NULL;
	return f;
}

void bed_close(struct bed *b)
{
	unsigned int i;

	for (i = 0; i < VG_RINGS && !fault; i++)
		fault = b->d.ring[i].fault;
	if (b->d.fd >= 0)
		vg_dev_close(&b->d);
	vg_pool_free(&b->rx);
	vg_pool_free(&b->tx);
	if (b->peer >= 0)
		close(b->peer);
	if (b->backend >= 0)
		close(b->backend);
	if (b->cfg.kind == BED_MACVTAP)
		vg_run("ip link del %s", MTAP);
}

int bed_tx(struct bed *b, __u32 seq, size_t len, enum vg_layout layout)
{
	struct virtio_net_hdr hdr;
	int n;

	vg_frame_fill(bed_buffer(0), len, seq);
	n = vg_tx_send(&b->d, &b->tx, NULL, bed_buffer(0), len, layout);
	if (n) {
		ksft_print_msg("tx %u: %s\n", seq, strerror(-n));
		return n;
	}
	vg_ring_kick(&b->d.ring[VG_TX]);
	n = vg_peer_recv(b->peer, &hdr, bed_buffer(1), ROOM, BED_SOON_MS);
	if (n != (int)len || !vg_frame_check(bed_buffer(1), len, seq)) {
		ksft_print_msg("tx %u of %zu bytes, %s: peer got %d\n", seq, len,
			       vg_layout_name(layout), n);
		return -EPROTO;
	}
	n = vg_ring_wait(&b->d.ring[VG_TX], BED_SOON_MS);
	if (n || !vg_tx_reap(&b->d, &b->tx)) {
		ksft_print_msg("tx %u: buffer not returned\n", seq);
		return -EPROTO;
	}
	return 0;
}

int bed_rx(struct bed *b, __u32 seq, size_t len)
{
	struct virtio_net_hdr none = { 0 };
	struct virtio_net_hdr_v1 hdr;
	int n;

	vg_frame_fill(bed_buffer(0), len, seq);
	n = vg_peer_send(b->peer, &none, bed_buffer(0), len);
	if (n) {
		ksft_print_msg("rx %u: peer cannot send: %s\n", seq, strerror(-n));
		return n;
	}
	n = vg_ring_wait(&b->d.ring[VG_RX], BED_SOON_MS);
	if (!n)
		n = vg_rx_get(&b->d, &b->rx, &hdr, bed_buffer(1), ROOM);
	if (n != (int)len || !vg_frame_check(bed_buffer(1), len, seq)) {
		ksft_print_msg("rx %u of %zu bytes: guest got %d\n", seq, len, n);
		return -EPROTO;
	}
	vg_rx_fill(&b->d, &b->rx);
	return 0;
}

bool bed_works(struct bed *b)
{
	__u32 seq = 0x7000000;
	int i;

	for (i = 0; i < 3; i++, seq++)
		if (bed_tx(b, seq, 60 + 500 * i, VG_LAYOUT_HDR) ||
		    bed_rx(b, seq, 60 + 500 * i))
			return false;
	return true;
}
