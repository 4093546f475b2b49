// SPDX-License-Identifier: GPL-2.0
/*
 * Taps, bridges, sinks and senders of the benchmarks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>

#include "bench_net.h"
#include "vhost_backend.h"

#define GUEST_HLEN	12
#define SEND_BUFFER	(64 << 20)

/* Guest and peer; the bridge learns the first and is told the second. */
static const __u8 guest_mac[ETH_ALEN] = { 0x02, 0x76, 0, 0, 0, 0 };
static const __u8 peer_mac[ETH_ALEN] = { 0x02, 0x76, 0x67, 0, 0, 1 };

static void statistic(struct bench_net *n, const char *dev, const char *name)
{
	snprintf(n->counter, sizeof(n->counter), "/sys/class/net/%s/statistics/%s",
		 dev, name);
}

__s64 bn_count(const struct bench_net *n)
{
	__s64 value = -1;
	FILE *f = fopen(n->counter, "re");
	char line[32];

	if (!f)
		return -1;
	if (fgets(line, sizeof(line), f))
		value = strtoll(line, NULL, 10);
	fclose(f);
	return value;
}

void bn_close(struct bench_net *n)
{
	if (n->link >= 0)
		close(n->link);
	if (n->sock >= 0)
		close(n->sock);
	if (n->tap >= 0)
		close(n->tap);
	if (n->bridge)
		vg_run("ip link del vbbr%u; ip link del vbsink%u", n->index, n->index);
}

int bn_open_tap(struct bench_net *n, unsigned int index)
{
	memset(n, 0, sizeof(*n));
	n->index = index;
	n->sock = -1;
	n->link = -1;
	snprintf(n->name, sizeof(n->name), "vbtap%u", index);
	n->tap = vg_tap_open(n->name, VG_TAP_OFFLOAD, GUEST_HLEN);
	return n->tap < 0 ? n->tap : vg_if_up(n->name, 0);
}

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	int fd = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

int bn_open_xdpdrop(struct bench_net *n, unsigned int index)
{
	/* return XDP_DROP; */
	struct bpf_insn insn[2] = {
		{
			.code = BPF_ALU64 | BPF_MOV | BPF_K,
			.dst_reg = BPF_REG_0,
			.imm = XDP_DROP,
		},
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insn,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr link = { };
	int err = bn_open_tap(n, index);
	int prog;

	if (err)
		return err;
	prog = sys_bpf(BPF_PROG_LOAD, &load);
	if (prog < 0)
		return prog;
	link.link_create.prog_fd = prog;
	link.link_create.target_ifindex = if_nametoindex(n->name);
	link.link_create.attach_type = BPF_XDP;
	link.link_create.flags = XDP_FLAGS_DRV_MODE;
	n->link = sys_bpf(BPF_LINK_CREATE, &link);
	close(prog);
	statistic(n, n->name, "rx_dropped");
	return n->link < 0 ? n->link : 0;
}

int bn_open_bridge(struct bench_net *n, unsigned int index)
{
	char bridge[16], sink[16];
	int err = bn_open_tap(n, index);

	if (err)
		return err;
	snprintf(bridge, sizeof(bridge), "vbbr%u", index);
	snprintf(sink, sizeof(sink), "vbsink%u", index);
	statistic(n, sink, "tx_packets");
	n->bridge = true;
	err = vg_run("ip link add %s type bridge forward_delay 0 mcast_snooping 0 && "
		     "ip link add %s type dummy && "
		     "ip link set %s master %s && ip link set %s master %s",
		     bridge, sink, sink, bridge, n->name, bridge);
	if (!err)
		err = vg_if_up(bridge, 0);
	if (!err)
		err = vg_if_up(sink, 0);
	if (!err)
		err = vg_run("bridge fdb add 02:76:67:00:00:01 dev %s master static", sink);
	return err;
}

static int open_sender(struct bench_net *n, unsigned int index, int vnet_hdr)
{
	/* Protocol 0: it never receives. */
	struct sockaddr_ll addr = { .sll_family = AF_PACKET };
	int size = SEND_BUFFER;
	int one = 1;
	int err = bn_open_tap(n, index);

	if (err)
		return err;
	addr.sll_ifindex = if_nametoindex(n->name);
	n->sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (n->sock < 0 ||
	    setsockopt(n->sock, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(n->sock, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	    setsockopt(n->sock, SOL_PACKET, PACKET_VNET_HDR, &vnet_hdr,
		       sizeof(vnet_hdr)) ||
	    bind(n->sock, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

int bn_open_sender(struct bench_net *n, unsigned int index)
{
	return open_sender(n, index, 0);
}

int bn_open_gso_sender(struct bench_net *n, unsigned int index)
{
	return open_sender(n, index, 1);
}

int bn_open_echo(struct bench_net *n, unsigned int index)
{
	int err = bn_open_tap(n, index);

	if (err)
		return err;
	n->sock = vg_packet_open(n->name, false);
	return n->sock < 0 ? n->sock : 0;
}

int bn_send(struct bench_net *n, const struct virtio_net_hdr *hdr, const void *frame,
	    size_t len, unsigned int count)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)hdr, .iov_len = hdr ? sizeof(*hdr) : 0 },
		{ .iov_base = (void *)frame, .iov_len = len },
	};
	static struct mmsghdr msg[BN_BURST];
	unsigned int i;
	int sent;

	if (count > BN_BURST)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		msg[i].msg_hdr.msg_iov = hdr ? iov : &iov[1];
		msg[i].msg_hdr.msg_iovlen = hdr ? 2 : 1;
	}
	for (i = 0; i < count; i += sent) {
		sent = sendmmsg(n->sock, msg + i, count - i, 0);
		if (sent <= 0)
			return sent ? -errno : -EIO;
	}
	return 0;
}

void bn_frame_udp(__u8 *frame, size_t len)
{
	struct ethhdr eth = { .h_proto = htons(ETH_P_IP) };
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(len - sizeof(eth)),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = htonl(0xc0000201),
		.daddr = htonl(0xc0000202),
	};
	struct udphdr udp = {
		.source = htons(9),
		.dest = htons(9),
		.len = htons(len - sizeof(eth) - sizeof(ip)),
	};
	const __u16 *p = (const __u16 *)&ip;
	__u32 sum = 0;
	size_t i;

	for (i = 0; i < sizeof(ip) / 2; i++)
		sum += p[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = ~(sum + (sum >> 16));

	memset(frame, 0x5a, len);
	memcpy(eth.h_dest, peer_mac, ETH_ALEN);
	memcpy(eth.h_source, guest_mac, ETH_ALEN);
	memcpy(frame, &eth, sizeof(eth));
	memcpy(frame + sizeof(eth), &ip, sizeof(ip));
	memcpy(frame + sizeof(eth) + sizeof(ip), &udp, sizeof(udp));
}
