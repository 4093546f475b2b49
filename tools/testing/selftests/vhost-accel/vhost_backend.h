/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands behind a vhost device in a test: backends (tap, macvtap, packet
 * socket), the peer that sees its frames from the host's side, frames whose every
 * byte can be checked, and the worker threads of a device.
 */
#ifndef _VHOST_BACKEND_H
#define _VHOST_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/virtio_net.h>

#include "kstest.h"

/* ---- interfaces --------------------------------------------------------- */

/**
 * vg_run() - Run a shell command, with printf() arguments, for its exit status.
 *
 * Its output goes to standard error. Return: 0 or -EIO.
 */
__printf(1, 2)
int vg_run(const char *fmt, ...);

/** vg_if_up() - Set an interface up, without IPv6 so that it stays silent. */
int vg_if_up(const char *name, unsigned int mtu);

/** vg_veth() - Create a pair, both up, and wait till they carry frames. */
int vg_veth(const char *name, const char *peer, unsigned int mtu);

/* ---- backends ----------------------------------------------------------- */

#define VG_TAP_MULTI_QUEUE	0x01
#define VG_TAP_NO_VNET_HDR	0x02
#define VG_TAP_OFFLOAD		0x04	/* checksum and TSO towards the guest */
#define VG_TAP_NAPI		0x08
#define VG_TAP_SMALL_SNDBUF	0x10	/* no batched transmit in vhost */

/**
 * vg_tap_open() - Create a tap, or add a queue to a multi-queue one, as QEMU does.
 * @name: Interface.
 * @flags: VG_TAP_*.
 * @hlen: Header length, 10 or 12.
 *
 * The interface lives as long as one of its descriptors. Return: fd or -errno.
 */
int vg_tap_open(const char *name, unsigned int flags, int hlen);

/** vg_tap_setup() - The ioctls on a tap or macvtap fd that follow its creation. */
int vg_tap_setup(int fd, unsigned int flags, int hlen);

/**
 * vg_macvtap_open() - Create a macvtap in passthru mode and open its node.
 * @name: Interface to create.
 * @lower: Existing interface under it.
 * @flags: VG_TAP_OFFLOAD, VG_TAP_SMALL_SNDBUF.
 * @hlen: Header length.
 *
 * Remove it with vg_run("ip link del %s", name). Return: fd or -errno.
 */
int vg_macvtap_open(const char *name, const char *lower, unsigned int flags,
		    int hlen);

/**
 * vg_packet_open() - Packet socket of one interface, nonblocking, large buffers.
 * @name: Interface.
 * @vnet_hdr: True if each frame carries a struct virtio_net_hdr (10 bytes).
 *
 * Serves as a backend and as the peer. Return: fd or -errno.
 */
int vg_packet_open(const char *name, bool vnet_hdr);

/* ---- frames ------------------------------------------------------------- */

#define VG_ETH_HLEN		14
#define VG_ETHERTYPE		0x88b5	/* local experiments */
#define VG_MAX_FRAME		65550

/**
 * vg_frame_fill() - Make a frame that carries a number and is known to the last byte.
 * @frame: @len bytes, at least VG_ETH_HLEN.
 * @len: Length.
 * @seq: Number; it is also in the source address, so 14 bytes are enough.
 */
void vg_frame_fill(void *frame, size_t len, __u32 seq);

/**
 * vg_frame_seq() - Number of a frame made by vg_frame_fill() or vg_frame_tcp().
 *
 * Return: The number, or -1 for a foreign frame.
 */
__s64 vg_frame_seq(const void *frame, size_t len);

/** vg_frame_check() - True if a frame is what vg_frame_fill() made. */
bool vg_frame_check(const void *frame, size_t len, __u32 seq);

/**
 * vg_frame_tcp() - Make an IPv4 or IPv6 TCP frame and the header that asks for
 *	checksum and, if @mss, for segmentation.
 * @frame: @len bytes.
 * @len: Length, at least 74 bytes.
 * @seq: Number.
 * @v6: True for IPv6.
 * @mss: Payload bytes per segment, 0 for one frame with a partial checksum.
 * @hdr: Receives the header.
 */
void vg_frame_tcp(void *frame, size_t len, __u32 seq, bool v6, __u16 mss,
		  struct virtio_net_hdr *hdr);

/** vg_frame_tcp_check() - True if a frame is what vg_frame_tcp() made. */
bool vg_frame_tcp_check(const void *frame, size_t len, __u32 seq, bool v6);

/**
 * vg_peer_send() - Send a frame on a packet socket.
 * @fd: From vg_packet_open().
 * @hdr: Header if the socket was opened with one, else NULL.
 *
 * Return: 0 or -errno.
 */
int vg_peer_send(int fd, const struct virtio_net_hdr *hdr, const void *frame,
		 size_t len);

/**
 * vg_peer_recv() - Receive the next frame of ours on a packet socket.
 * @fd: From vg_packet_open().
 * @hdr: Receives the header if the socket was opened with one, else NULL.
 * @timeout_ms: Limit.
 *
 * Frames that vg_frame_seq() does not know and this host's own outgoing frames are
 * passed over. Return: length or -EAGAIN.
 */
int vg_peer_recv(int fd, struct virtio_net_hdr *hdr, void *frame, size_t size,
		 int timeout_ms);

/* ---- workers ------------------------------------------------------------ */

/**
 * vg_workers() - Threads named vhost-@owner.
 * @owner: Process that owns the devices.
 * @tid: Receives their ids.
 * @max: Room there.
 *
 * They are threads of the owner or kernel threads, as the kernel has it.
 * Return: how many there are.
 */
unsigned int vg_workers(pid_t owner, pid_t *tid, unsigned int max);

/**
 * vg_workers_become() - Threads named vhost-@owner, when there are as many as wanted.
 * @owner: Process that owns the devices.
 * @tid: Receives their ids, room for @want of them; or NULL.
 * @want: How many.
 *
 * A worker that was told to stop is a task until it has exited. Waits half a minute at most.
 * Return: how many there are.
 */
unsigned int vg_workers_become(pid_t owner, pid_t *tid, unsigned int want);

/**
 * struct vg_sched - Scheduler accounting of a thread.
 * @run_ns: Time on a CPU.
 * @slices: Times it was put on a CPU.
 * @state: As in /proc/<tid>/stat: 'S' asleep, 'R' running or ready.
 */
struct vg_sched {
	__u64 run_ns;
	__u64 slices;
	char state;
};

/** vg_sched_read() - Read the accounting of a thread; 0 or -errno. */
int vg_sched_read(pid_t tid, struct vg_sched *s);

/** vg_counter() - Value of a "key:\tvalue" line in the fdinfo of a device, or -1. */
__s64 vg_counter(int fd, const char *key);

#endif /* _VHOST_BACKEND_H */
