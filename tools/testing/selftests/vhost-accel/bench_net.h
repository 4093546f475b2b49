/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands on the host's side of the tap in a benchmark, and proof of what
 * arrived there.
 */
#ifndef _BENCH_NET_H
#define _BENCH_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/virtio_net.h>

/* Longest burst that bn_send() takes; shorter than the queue of a tap. */
#define BN_BURST	256

/**
 * struct bench_net - Tap and its surroundings.
 * @index: Number that tells its interfaces from those of another.
 * @tap: Backend.
 * @sock: Packet socket that sends into the tap, or the echo of a round trip.
 * @link: BPF link of the XDP program.
 * @bridge: There is a bridge and a sink, too.
 * @name: The tap.
 * @counter: File of statistics that counts what arrived; empty if the ring tells.
 */
struct bench_net {
	unsigned int index;
	int tap;
	int sock;
	int link;
	bool bridge;
	char name[16];
	char counter[96];
};

/** bn_open_tap() - Tap with nothing behind it. */
int bn_open_tap(struct bench_net *n, unsigned int index);

/** bn_open_xdpdrop() - Tap with a native XDP program that drops and counts. */
int bn_open_xdpdrop(struct bench_net *n, unsigned int index);

/** bn_open_bridge() - Tap in a bridge that forwards to a port which counts. */
int bn_open_bridge(struct bench_net *n, unsigned int index);

/** bn_open_sender() - Tap with a socket that sends plain frames into it. */
int bn_open_sender(struct bench_net *n, unsigned int index);

/** bn_open_gso_sender() - The same for frames with a virtio-net header. */
int bn_open_gso_sender(struct bench_net *n, unsigned int index);

/** bn_open_echo() - Tap with a socket that sends and receives. */
int bn_open_echo(struct bench_net *n, unsigned int index);

void bn_close(struct bench_net *n);

/** bn_count() - What has arrived so far, or -1. */
__s64 bn_count(const struct bench_net *n);

/**
 * bn_send() - Send the same frame many times into the tap.
 * @n: With a sender.
 * @hdr: Header of each frame, or NULL for the sender of plain frames.
 * @frame: Frame.
 * @len: Its length.
 * @count: Times, at most BN_BURST.
 *
 * Return: 0 or -errno.
 */
int bn_send(struct bench_net *n, const struct virtio_net_hdr *hdr, const void *frame,
	    size_t len, unsigned int count);

/** bn_frame_udp() - Make an IPv4 UDP frame that the bridge knows the way of. */
void bn_frame_udp(__u8 *frame, size_t len);

#endif /* _BENCH_NET_H */
