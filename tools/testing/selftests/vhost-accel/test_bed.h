/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A running device for the tests: backend, peer, guest, buffers.
 */
#ifndef _TEST_BED_H
#define _TEST_BED_H

#include "vhost_backend.h"
#include "vhost_guest.h"

#define BED_SOON_MS	30000	/* surely happens in less, even emulated */
#define BED_NEVER_MS	150	/* would have happened by then */

/**
 * enum bed_kind - What a device is bound to.
 * @BED_TAP: Tap with vnet header and offloads; frames go through the batched path.
 * @BED_TAP_SNDBUF: Tap with a finite send buffer: frame by frame.
 * @BED_TAP_NAPI: Tap that receives through NAPI.
 * @BED_TAP_PLAIN: Tap without vnet header; vhost makes it up.
 * @BED_MACVTAP: Macvtap over one end of a veth pair.
 * @BED_PACKET: Packet socket on one end of a veth pair; vhost makes up the header too.
 * @BED_PACKET_VNET: The same with the socket's own 10 byte header.
 * @BED_KINDS: Number of kinds.
 */
enum bed_kind {
	BED_TAP,
	BED_TAP_SNDBUF,
	BED_TAP_NAPI,
	BED_TAP_PLAIN,
	BED_MACVTAP,
	BED_PACKET,
	BED_PACKET_VNET,
	BED_KINDS
};

struct bed;

/**
 * struct bed_config - What to set up.
 * @kind: Backend.
 * @tap: Name of the tap, if there are several at a time.
 * @features: To negotiate; the kind may add or need some.
 * @num: Ring entries, default 256.
 * @nregions: Regions of guest RAM, default 1.
 * @busyloop_us: Busy polling.
 * @base: Index both rings start at; packed rings: the place to which as many
 *	descriptors lead.
 * @rx_buf: Bytes of an RX buffer, default enough for any frame.
 * @rx_count: RX buffers, default by @rx_buf.
 * @mem_size: Bytes of guest RAM, default 32 MiB.
 * @place: Makes both pools, if they shall lie in certain places; 0 or -errno.
 */
struct bed_config {
	enum bed_kind kind;
	const char *tap;
	__u64 features;
	unsigned int num;
	unsigned int nregions;
	unsigned int busyloop_us;
	__u16 base;
	unsigned int rx_buf;
	unsigned int rx_count;
	size_t mem_size;
	int (*place)(struct bed *b);
};

/**
 * struct bed - A device that runs.
 * @cfg: As set up.
 * @d: Device with the guest.
 * @rx: RX buffers.
 * @tx: TX buffers.
 * @backend: Descriptor bound to the rings.
 * @peer: Packet socket at the other end, with vnet header.
 * @peer_if: Interface of @peer.
 */
struct bed {
	struct bed_config cfg;
	struct vg_dev d;
	struct vg_pool rx;
	struct vg_pool tx;
	int backend;
	int peer;
	const char *peer_if;
};

const char *bed_kind_name(enum bed_kind kind);

/** bed_kind_usable() - Whether a kind works with the features. */
bool bed_kind_usable(enum bed_kind kind, __u64 features);

/** bed_open() - Set up, not started; 0 or -errno after a diagnostic. */
int bed_open(struct bed *b, const struct bed_config *cfg);

/** bed_start() - Post the RX buffers and bind the backend. */
int bed_start(struct bed *b);

/** bed_reset_ring() - Stop a ring, empty it, start it anew; RX gets its buffers. */
int bed_reset_ring(struct bed *b, unsigned int which);

/** bed_close() - Tear down whatever bed_open() made. */
void bed_close(struct bed *b);

/** bed_fault() - Take the first rule that a device was seen to break, or NULL. */
const char *bed_fault(void);

/** bed_tx() - Send one frame from the guest and check it at the peer. */
int bed_tx(struct bed *b, __u32 seq, size_t len, enum vg_layout layout);

/** bed_rx() - Send one frame from the peer and check it in the guest. */
int bed_rx(struct bed *b, __u32 seq, size_t len);

/** bed_works() - A few frames both ways arrive intact. */
bool bed_works(struct bed *b);

/** bed_idles() - Whether all worker threads of this process come to rest. */
bool bed_idles(void);

/** bed_is_stock() - True if the device under test is the stock module's. */
bool bed_is_stock(const struct bed *b);

/** bed_long() - True if loops shall be long: VMACCEL_LONG=1. */
bool bed_long(void);

/** bed_buffer() - One of four static buffers for a frame. */
__u8 *bed_buffer(unsigned int i);

/* A check that says where it failed. */
#define expect(cond)							\
({									\
	bool _ok = (cond);						\
									\
	if (!_ok)							\
		ksft_print_msg("%s:%d: not so: %s\n", __FILE_NAME__,	\
			       __LINE__, #cond);			\
	_ok;								\
})

#endif /* _TEST_BED_H */
