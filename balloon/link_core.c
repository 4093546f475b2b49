// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol between a guest's balloon and its host.
 *
 * Problem: a connection over vsock says which VM it comes from, which vhost checks, but not
 * who in it sends, how much, or what. The sender may be hostile and the receiver is
 * the host's kernel.
 *
 * Model: messages have one size and one form; every bit that means nothing is zero, so that
 * there is one way to say a thing. The guest says hello once and then reports; each
 * message has the number after that of the one before. Guests' kernels connect from a
 * port below 1024, which their unprivileged users cannot bind.
 *
 * Control: a message that has not this form ends the connection: there is no state to
 * recover. Too many messages are first ignored, by a bucket of tokens, and end the
 * connection when they do not cease. The bucket belongs to the guest and a connection
 * costs some of it, so that to connect anew gains nothing. What the numbers say is
 * believed nowhere: see state_core.c.
 *
 * The guest believes its host, but keeps a floor: an order is followed while that much
 * memory stays available beside the page cache in use. Below the floor the guest takes
 * memory back without asking, up to the credit that it was granted.
 *
 * Limits: root in the guest can be the guest's kernel. It can lie for its own VM alone.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "link_core.h"

#define VML_MAGIC 0x4c424d56
#define VML_VERSION 1

/* Those below are hypervisor, loopback and host; the last one is nobody. */
#define VML_CID_MIN 3
#define VML_CID_ANY 0xffffffffU

#define VML_TOKEN 1000

/* The guest's floor: 64 MiB and a part of its memory; each part of it at most a quarter. */
#define VML_FLOOR_LEAST 0x4000000ULL
#define VML_FLOOR_PART 32
#define VML_FLOOR_MOST 4

/**
 * vml_may_connect() - who may have a connection
 * @cid: context of the peer
 * @port: its port
 *
 * Return: whether it is a guest, and its kernel.
 */
bool vml_may_connect(u32 cid, u32 port)
{
	return cid >= VML_CID_MIN && cid != VML_CID_ANY && port <= VML_PORT_MAX;
}

/* How many numbers a message has, 0 for an unknown type. */
static unsigned int vml_args(unsigned int type)
{
	switch (type) {
	case VML_HELLO:
	case VML_ORDER:
		return 2;
	case VML_REPORT:
		return 6;
	default:
		return 0;
	}
}

/**
 * vml_encode() - make a message ready to be sent
 * @wire: result
 * @message: what to send; numbers that its type has not are not sent
 */
void vml_encode(struct vml_wire *wire, const struct vml_message *message)
{
	unsigned int i;

	memset(wire, 0, sizeof(*wire));
	wire->magic = cpu_to_le32(VML_MAGIC);
	wire->version = VML_VERSION;
	wire->type = message->type;
	wire->seq = cpu_to_le32(message->seq);
	for (i = 0; i < vml_args(message->type); i++)
		wire->arg[i] = cpu_to_le64(message->arg[i]);
}

/**
 * vml_decode() - read a message that was received
 * @message: result, set only where the return value says so
 * @wire: any bytes
 *
 * Return: whether it is a message.
 */
bool vml_decode(struct vml_message *message, const struct vml_wire *wire)
{
	const unsigned int args = vml_args(wire->type);
	unsigned int i;

	if (wire->magic != cpu_to_le32(VML_MAGIC) || wire->version != VML_VERSION ||
	    !args || wire->zero || wire->zero2)
		return false;
	for (i = args; i < VML_ARGS; i++)
		if (wire->arg[i])
			return false;
	message->type = wire->type;
	message->seq = le32_to_cpu(wire->seq);
	for (i = 0; i < VML_ARGS; i++)
		message->arg[i] = le64_to_cpu(wire->arg[i]);
	return true;
}

/**
 * vml_peer_start() - a guest that never sent anything
 * @peer: set
 * @now: milliseconds
 */
void vml_peer_start(struct vml_peer *peer, u64 now)
{
	peer->seq = 0;
	peer->tokens = VML_BURST * VML_TOKEN;
	peer->last = now;
	peer->excess = 0;
}

static bool vml_tokens(struct vml_peer *peer, u32 n, u64 now)
{
	/* Never more than fill the bucket, so that nothing overflows. */
	u64 passed = min_t(u64, now - peer->last, VML_BURST * VML_TOKEN / VML_RATE);

	peer->last = now;
	peer->tokens = min_t(u64, peer->tokens + passed * VML_RATE, VML_BURST * VML_TOKEN);
	if (peer->tokens < n * VML_TOKEN)
		return false;
	peer->tokens -= n * VML_TOKEN;
	return true;
}

/**
 * vml_peer_connect() - a guest's connection begins
 * @peer: the guest; prepared for the first message, unless the connection is refused
 * @now: milliseconds, not less than before
 *
 * Return: whether it may: a guest that connects or sends too often may not.
 */
bool vml_peer_connect(struct vml_peer *peer, u64 now)
{
	if (!vml_tokens(peer, VML_CONNECT, now))
		return false;
	peer->seq = 0;
	peer->excess = 0;
	return true;
}

/**
 * vml_peer_accept() - what becomes of a guest's message
 * @peer: the guest
 * @message: the message
 * @now: milliseconds, not less than before
 *
 * Return: the verdict.
 */
enum vml_verdict vml_peer_accept(struct vml_peer *peer, const struct vml_message *message,
				 u64 now)
{
	if (message->seq != peer->seq + 1 || !message->seq)
		return VML_CLOSE;
	if (message->type != (peer->seq ? VML_REPORT : VML_HELLO))
		return VML_CLOSE;
	peer->seq = message->seq;
	if (vml_tokens(peer, 1, now))
		return VML_TAKE;
	return ++peer->excess > VML_PATIENCE ? VML_CLOSE : VML_IGNORE;
}

/**
 * vml_order_good() - whether a guest may still give memory for an order
 * @received: milliseconds, when it came
 * @now: milliseconds
 *
 * A host that went away, or that this guest was moved from, has no say any more.
 *
 * Return: whether it is young enough.
 */
bool vml_order_good(u64 received, u64 now)
{
	/* One from the future is as old as can be. */
	return now - received < VML_STALE_MS;
}

/**
 * vml_floor() - memory that is to stay available in a guest
 * @total: bytes that it has
 * @active_file: bytes of page cache in use
 *
 * Return: bytes, at most half of @total.
 */
u64 vml_floor(u64 total, u64 active_file)
{
	u64 most = total / VML_FLOOR_MOST;

	return min(VML_FLOOR_LEAST + total / VML_FLOOR_PART, most) + min(active_file, most);
}

/**
 * vml_hold() - what a guest's balloon is to hold
 * @room: the guest's memory and the host's order
 *
 * Return: bytes: the order as far as the floor allows. What is held already is taken back
 * down to the floor, but no more of it than the credit.
 */
u64 vml_hold(const struct vml_room *room)
{
	u64 floor = vml_floor(room->total, room->active_file);
	u64 all = room->held + min(room->avail, room->total);
	u64 most = all - min(all, floor);

	return min(room->order, max(most, min(room->held, room->order -
						  min(room->order, room->credit))));
}
