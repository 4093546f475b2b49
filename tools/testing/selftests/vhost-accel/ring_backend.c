// SPDX-License-Identifier: GPL-2.0
/*
 * Things that happen to the backend while frames pass: VLAN tags, XDP programs, a full
 * send buffer, a resized or detached queue, another network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>

#include "kstest.h"
#include "ring_test.h"

#define ROOM		(VG_MAX_FRAME + 64)
#define SMALL		100
#define VLAN_ID		5
#define VLAN_HLEN	4
#define TBF		"tbf rate %s burst 10kb limit 9mb"

/* ---- VLAN tags ---------------------------------------------------------- */

/* The frame as it is on the wire: with a tag behind the addresses. */
static void tagged(__u8 *to, const __u8 *frame, size_t len)
{
	static const __u8 tag[VLAN_HLEN] = { 0x81, 0x00, 0, VLAN_ID };

	memcpy(to, frame, 12);
	memcpy(to + 12, tag, sizeof(tag));
	memcpy(to + 12 + VLAN_HLEN, frame + 12, len - 12);
}

/* Sent on the VLAN interface: the tag travels beside the frame, the guest gets it in. */
static bool vlan_rx(struct bed *b, int peer, const struct virtio_net_hdr *want, size_t len)
{
	struct virtio_net_hdr_v1 hdr;
	unsigned int shift = want->flags ? VLAN_HLEN : 0;
	int n;

	if (!expect(!vg_peer_send(peer, want, bed_buffer(0), len)) ||
	    !expect(!vg_ring_wait(&b->d.ring[VG_RX], BED_SOON_MS)))
		return false;
	n = vg_rx_get(&b->d, &b->rx, &hdr, bed_buffer(1), ROOM);
	vg_rx_fill(&b->d, &b->rx);
	tagged(bed_buffer(2), bed_buffer(0), len);
	return expect(n == (int)len + VLAN_HLEN) &&
	       expect(!memcmp(bed_buffer(1), bed_buffer(2), n)) &&
	       expect(hdr.flags == want->flags) && expect(hdr.gso_type == want->gso_type) &&
	       expect(hdr.gso_size == want->gso_size) &&
	       expect(hdr.csum_start == want->csum_start + shift) &&
	       expect(hdr.csum_offset == want->csum_offset);
}

static bool c_vlan(void)
{
	static const size_t lens[] = { 60, 200, 1000, 1500 };
	struct virtio_net_hdr hdr = { 0 };
	struct bed b;
	unsigned int i;
	int peer = -1, n;
	bool ok;

	if (!ring_open(&b, ring_features, 0))
		return false;
	ok = expect(!vg_run("ip link add link %s name vgvlan type vlan id %d", b.peer_if,
			    VLAN_ID)) && expect(!vg_if_up("vgvlan", 0));
	peer = ok ? vg_packet_open("vgvlan", true) : -1;
	ok = ok && expect(peer >= 0);
	for (i = 0; ok && i < 4; i++) {
		memset(&hdr, 0, sizeof(hdr));
		vg_frame_fill(bed_buffer(0), lens[i], i);
		ok = vlan_rx(&b, peer, &hdr, lens[i]);
	}
	vg_frame_tcp(bed_buffer(0), 300, 50, false, 0, &hdr);
	ok = ok && vlan_rx(&b, peer, &hdr, 300);
	vg_frame_tcp(bed_buffer(0), 9000, 51, true, 1400, &hdr);
	ok = ok && vlan_rx(&b, peer, &hdr, 9000);

	/* Tagged by the guest: the interface gets it without. */
	for (i = 0; ok && i < 4; i++) {
		vg_frame_fill(bed_buffer(0), lens[i], 100 + i);
		tagged(bed_buffer(2), bed_buffer(0), lens[i]);
		ok = expect(!vg_tx_send(&b.d, &b.tx, NULL, bed_buffer(2), lens[i] + VLAN_HLEN,
					VG_LAYOUT_CHAIN));
		vg_ring_kick(&b.d.ring[VG_TX]);
		n = vg_peer_recv(peer, &hdr, bed_buffer(1), ROOM, BED_SOON_MS);
		ok = ok && expect(n == (int)lens[i]) &&
		     expect(vg_frame_check(bed_buffer(1), n, 100 + i)) && ring_reap(&b, 1);
	}
	close(peer);
	bed_close(&b);
	return ok;
}

/* ---- XDP ---------------------------------------------------------------- */

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* A native program on an interface that returns @action for every frame. */
static int attach_xdp(const char *name, int action)
{
	struct bpf_insn insn[2] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = action },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insn,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr link = { };
	int prog = sys_bpf(BPF_PROG_LOAD, &load);
	int fd;

	if (prog < 0)
		return -1;
	link.link_create.prog_fd = prog;
	link.link_create.target_ifindex = if_nametoindex(name);
	link.link_create.attach_type = BPF_XDP;
	link.link_create.flags = XDP_FLAGS_DRV_MODE;
	fd = sys_bpf(BPF_LINK_CREATE, &link);
	close(prog);
	return fd;
}

static bool send_burst(struct bed *b, __u32 seq, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!expect(ring_put(b, seq + i, SMALL + i)))
			return false;
	vg_ring_kick(&b->d.ring[VG_TX]);
	return ring_reap(b, n);
}

/* The programs come and go while the device runs. */
static bool c_xdp(void)
{
	struct virtio_net_hdr hdr;
	unsigned int i;
	struct bed b;
	bool ok;
	int link;

	if (!ring_open(&b, ring_features, 0))
		return false;
	/* A native program takes no frame that is larger than a page. */
	ok = expect(!vg_if_up(b.peer_if, 1500)) && expect(bed_works(&b));

	link = attach_xdp(b.peer_if, XDP_PASS);
	ok = ok && expect(link >= 0) && send_burst(&b, 100, 40);
	for (i = 0; i < 40; i++)
		ok = ok && ring_got(&b, 100 + i, SMALL + i);
	close(link);

	link = attach_xdp(b.peer_if, XDP_DROP);
	ok = ok && expect(link >= 0) && send_burst(&b, 200, 40) &&
	     expect(vg_peer_recv(b.peer, &hdr, bed_buffer(1), ROOM, BED_NEVER_MS) == -EAGAIN);
	close(link);

	/* Sent back: they come as XDP frames, not as packets. */
	link = attach_xdp(b.peer_if, XDP_TX);
	ok = ok && expect(link >= 0) && send_burst(&b, 300, 40);
	for (i = 0; i < 40; i++)
		ok = ok && ring_got_rx(&b, 300 + i, SMALL + i);
	vg_rx_fill(&b.d, &b.rx);
	/* Both kinds in one queue. */
	for (i = 0; ok && i < 10; i++)
		ok = send_burst(&b, 400 + 2 * i, 1) && ring_send_rx(&b, 401 + 2 * i, SMALL) &&
		     ring_got_rx(&b, 400 + 2 * i, SMALL) && ring_got_rx(&b, 401 + 2 * i, SMALL);
	close(link);
	vg_rx_fill(&b.d, &b.rx);

	ok = ok && expect(bed_works(&b));
	bed_close(&b);
	return ok;
}

/* ---- a full backend ----------------------------------------------------- */

/*
 * The tap's send buffer holds a few frames, and the bridge's other port is blocked: the
 * device must keep the others in the ring, rest, and go on when there is room.
 */
static bool c_full_backend(void)
{
	struct bed_config cfg = { .kind = BED_TAP_SNDBUF, .features = ring_features };
	int sndbuf = 16384, peer = -1, port = -1, n;
	unsigned int i;
	struct bed b;
	__s64 base;
	bool ok;

	if (bed_open(&b, &cfg))
		return false;
	ok = expect(!vg_run("modprobe bridge && modprobe sch_tbf")) &&
	     expect(!vg_run("ip link add vgbr type bridge forward_delay 0 mcast_snooping 0")) &&
	     expect(!vg_veth("vgport", "vgfar", 9000)) && expect(!vg_if_up("vgbr", 0)) &&
	     expect(!vg_run("ip link set %s master vgbr && ip link set vgport master vgbr",
			    b.peer_if)) &&
	     expect(!vg_run("tc qdisc add dev vgport root " TBF, "1kbit"));
	ok = ok && expect(!ioctl(b.backend, TUNSETSNDBUF, &sndbuf));
	peer = vg_packet_open("vgfar", false);
	port = vg_packet_open("vgport", false);
	ok = ok && expect(peer >= 0) && expect(port >= 0) && !bed_start(&b);
	for (i = 0; ok && i < 60; i++)
		ok = expect(ring_put(&b, i, 3000));
	vg_ring_kick(&b.d.ring[VG_TX]);
	ok = ok && expect(!vg_ring_wait(&b.d.ring[VG_TX], BED_SOON_MS)) && expect(bed_idles());
	base = vg_get_base(&b.d, VG_TX);
	/* Behind the index a packed ring has its wrap counter. */
	ok = ok && expect(base > 0) && expect((base & 0x7fff) < 60);

	/* Opened again; the queue looks when the next frame comes. */
	ok = ok && expect(!vg_run("tc qdisc change dev vgport root " TBF, "1gbit"));
	memset(bed_buffer(0), 0xff, SMALL);
	ok = ok && expect(!vg_peer_send(port, NULL, bed_buffer(0), SMALL));
	for (i = 0; ok && i < 60; i++) {
		n = vg_peer_recv(peer, NULL, bed_buffer(1), ROOM, BED_SOON_MS);
		ok = expect(n == 3000) && expect(vg_frame_check(bed_buffer(1), n, i));
	}
	ok = ok && ring_reap(&b, 60) && expect(bed_idles());
	close(port);
	close(peer);
	bed_close(&b);
	vg_run("ip link del vgport; ip link del vgbr");
	return ok;
}

/* ---- queues and namespaces ---------------------------------------------- */

static bool c_queue_resize(void)
{
	static const unsigned int lens[] = { 1000, 600, 2000, 501, 1000 };
	unsigned int i, j;
	struct bed b;
	bool ok = true;

	if (!ring_open(&b, ring_features, 0))
		return false;
	for (i = 0; ok && i < 5; i++) {
		/* Frames are under way when the queue is exchanged. */
		for (j = 0; j < 100; j++) {
			ok = ok && ring_send_rx(&b, j, SMALL);
			if (j == 50)
				ok = ok && expect(!vg_run("ip link set %s txqueuelen %u",
							  b.peer_if, lens[i]));
		}
		for (j = 0; j < 100; j++)
			ok = ok && ring_got_rx(&b, j, SMALL);
		vg_rx_fill(&b.d, &b.rx);
	}
	ok = ok && expect(bed_works(&b));
	bed_close(&b);
	return ok;
}

/* As QEMU does when a guest changes its number of queues. */
static bool c_detach(void)
{
	struct vg_config cfg = { .features = ring_features };
	struct ifreq ifr = { .ifr_flags = IFF_DETACH_QUEUE };
	struct bed b = { .cfg = { .kind = BED_TAP, .features = ring_features } };
	int other, i;
	bool ok;

	other = vg_tap_open("vgmq1", VG_TAP_MULTI_QUEUE, 12);
	b.backend = vg_tap_open("vgmq1", VG_TAP_MULTI_QUEUE, 12);
	b.peer_if = "vgmq1";
	ok = expect(other >= 0) && expect(b.backend >= 0) && expect(!vg_if_up("vgmq1", 0));
	b.peer = vg_packet_open("vgmq1", true);
	ok = ok && expect(!vg_dev_open(&b.d, &cfg)) && expect(!vg_dev_setup(&b.d)) &&
	     expect(!vg_pool_init(&b.tx, &b.d.mem, 64, 2048)) &&
	     expect(!vg_pool_init(&b.rx, &b.d.mem, 64, 2048)) && !bed_start(&b);
	for (i = 0; ok && i < 3; i++) {
		ok = !bed_tx(&b, i, SMALL, VG_LAYOUT_HDR);
		ifr.ifr_flags = IFF_DETACH_QUEUE;
		ok = ok && expect(!ioctl(b.backend, TUNSETQUEUE, &ifr));
		/* Detached from what the host sends; the guest may still send. */
		ok = ok && !bed_tx(&b, 10 + i, SMALL, VG_LAYOUT_HDR) && expect(bed_idles());
		ifr.ifr_flags = IFF_ATTACH_QUEUE;
		ok = ok && expect(!ioctl(b.backend, TUNSETQUEUE, &ifr));
	}
	ok = ok && !bed_tx(&b, 100, SMALL, VG_LAYOUT_HDR);
	close(other);
	bed_close(&b);
	return ok;
}

static bool c_netns(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int peer = -1, there;
	struct bed b;
	bool ok;

	if (!ring_open(&b, ring_features, 0))
		return false;
	ok = expect(bed_works(&b)) && expect(!vg_run("ip netns add vgns")) &&
	     expect(!vg_run("ip link set %s netns vgns", b.peer_if));
	there = open("/run/netns/vgns", O_RDONLY | O_CLOEXEC);
	ok = ok && expect(!setns(there, CLONE_NEWNET)) && expect(!vg_if_up(b.peer_if, 0));
	peer = vg_packet_open(b.peer_if, true);
	setns(home, CLONE_NEWNET);
	close(b.peer);
	b.peer = peer;
	ok = ok && expect(peer >= 0) && expect(bed_works(&b));
	bed_close(&b);
	close(there);
	close(home);
	vg_run("ip netns del vgns");
	return ok;
}

/* ---- calls -------------------------------------------------------------- */

/*
 * The guest has no interrupt for as long as the used index takes to come round to where
 * it was at the last call: the next call must come all the same.
 */
static bool c_late_call(void)
{
	struct pollfd call = { .events = POLLIN };
	const bool packed = ring_features & VG_F_PACKED;
	/* Two laps of a packed ring, with two wrap counters, are all its places. */
	const unsigned int total = packed ? 511 : 65535;
	unsigned int left = total, used = 0, n;
	struct vg_ring *r;
	struct bed b;
	bool ok;

	if (!ring_open(&b, ring_features, 0))
		return false;
	r = &b.d.ring[VG_TX];
	ok = ring_put(&b, 0, SMALL);
	vg_ring_kick(r);
	ok = ok && ring_reap(&b, 1) &&
	     expect(!vg_ring_set_fd(&b.d, VG_TX, VHOST_SET_VRING_CALL, VG_NO_FD));
	for (; ok && left > total - 64; left--)
		ok = ring_put(&b, left, SMALL);
	while (ok && used < total) {
		vg_ring_kick(r);
		n = left ? vg_ring_recycle(r, left < 64 ? left : 64) :
			   vg_tx_reap(&b.d, &b.tx);
		if (left)
			left -= n;
		used += n;
		if (!n)
			sched_yield();
	}
	vg_ring_ack(r);
	call.fd = r->call;
	ok = ok && expect(!vg_ring_set_fd(&b.d, VG_TX, VHOST_SET_VRING_CALL, r->call)) &&
	     expect(packed || r->used->idx == 0) && expect(ring_put(&b, 1, SMALL));
	r->ops->arm(r, 1);
	vg_ring_kick(r);
	ok = ok && expect(poll(&call, 1, BED_SOON_MS) > 0);
	bed_close(&b);
	return ok;
}

#define CASE(fn, name, formats)	{ name, c_##fn, formats }
const struct ring_case backend_cases[] = {
	CASE(vlan, "VLAN tags", RING_SPLIT),
	CASE(xdp, "XDP programs", RING_SPLIT | RING_PACKED),
	CASE(full_backend, "full backend", RING_SPLIT | RING_PACKED),
	CASE(queue_resize, "tap queue resized under rx", RING_SPLIT),
	CASE(detach, "tap queue detached", RING_SPLIT),
	CASE(netns, "tap in another namespace", RING_SPLIT),
	CASE(late_call, "call eventfd set late", RING_SPLIT | RING_PACKED),
};

const unsigned int backend_ncases = ARRAY_SIZE(backend_cases);
