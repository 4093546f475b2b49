/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages between a guest's balloon and its host.
 */
#ifndef VML_LINK_CORE_H
#define VML_LINK_CORE_H

#include <linux/types.h>

/** VML_PORT - port of the host that guests connect to */
#define VML_PORT 1005

/** VML_PORT_MAX - ports above this belong to anybody */
#define VML_PORT_MAX 1023

/** VML_ARGS - numbers in a message */
#define VML_ARGS 6

/** VML_RATE - messages that a guest may send in a second */
#define VML_RATE 50

/** VML_BURST - messages that it may send at once after it was silent */
#define VML_BURST 100

/** VML_PATIENCE - messages too many after which it is cut off */
#define VML_PATIENCE 1000

/** VML_CONNECT - messages that a connection costs */
#define VML_CONNECT 10

/** VML_STALE_MS - milliseconds for which an order is good */
#define VML_STALE_MS 10000

/**
 * enum vml_type - kinds of messages
 * @VML_HELLO: guest: bytes it was started with, bytes held
 * @VML_REPORT: guest: total, available, active page cache, refaults in a second, held,
 *		missing to what it was ordered to hold; all in bytes
 * @VML_ORDER: host: bytes to hold, credit in bytes
 */
enum vml_type {
	VML_HELLO = 1,
	VML_REPORT,
	VML_ORDER,
};

/**
 * struct vml_wire - a message as it is sent: 64 bytes, little endian
 * @magic: always the same
 * @version: of the protocol
 * @type: enum vml_type
 * @zero: must be 0
 * @seq: one more than in the message before, the first is 1
 * @zero2: must be 0
 * @arg: numbers; those that the type has not are 0
 */
struct vml_wire {
	__le32 magic;
	__u8 version;
	__u8 type;
	__le16 zero;
	__le32 seq;
	__le32 zero2;
	__le64 arg[VML_ARGS];
};

/**
 * struct vml_message - a message
 * @type: kind
 * @seq: number
 * @arg: see &enum vml_type
 */
struct vml_message {
	enum vml_type type;
	u32 seq;
	u64 arg[VML_ARGS];
};

/**
 * struct vml_peer - what a host knows of a guest that sends
 * @seq: number of the connection's last message, 0 before the first
 * @tokens: messages that may come at once, in thousandths; outlasts connections
 * @last: milliseconds, when @tokens was brought up to date
 * @excess: messages too many in this connection
 */
struct vml_peer {
	u32 seq;
	u32 tokens;
	u64 last;
	u32 excess;
};

/**
 * struct vml_room - what a guest's balloon can be
 * @total: bytes of memory that the guest has, without what it holds
 * @avail: bytes of @total that can be had without swapping
 * @active_file: bytes of page cache that is in use
 * @held: bytes that the balloon holds
 * @order: bytes that the host wants it to hold
 * @credit: bytes of @order that the guest may keep in need
 */
struct vml_room {
	u64 total;
	u64 avail;
	u64 active_file;
	u64 held;
	u64 order;
	u64 credit;
};

/**
 * enum vml_verdict - what becomes of a message of a guest
 * @VML_TAKE: it counts
 * @VML_IGNORE: it is one too many
 * @VML_CLOSE: the connection ends
 */
enum vml_verdict {
	VML_TAKE,
	VML_IGNORE,
	VML_CLOSE,
};

bool vml_may_connect(u32 cid, u32 port);
void vml_encode(struct vml_wire *wire, const struct vml_message *message);
bool vml_decode(struct vml_message *message, const struct vml_wire *wire);
void vml_peer_start(struct vml_peer *peer, u64 now);
bool vml_peer_connect(struct vml_peer *peer, u64 now);
enum vml_verdict vml_peer_accept(struct vml_peer *peer, const struct vml_message *message,
				 u64 now);
bool vml_order_good(u64 received, u64 now);
u64 vml_floor(u64 total, u64 active_file);
u64 vml_hold(const struct vml_room *room);

#endif /* VML_LINK_CORE_H */
