/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that plays both sides a vhost-net device meets: the guest's virtio-net
 * driver (guest RAM, rings, buffers) and the VMM (the ioctls, the eventfds). It runs
 * against any device with the vhost-net ABI, so one program tests and measures
 * /dev/vhost-accel and /dev/vhost-net alike.
 *
 *   struct vg_mem    guest RAM: regions with guest physical addresses (GPA)
 *   struct vg_ring   driver half of one virtqueue; the format is behind vg_ring_ops
 *   struct vg_chain  the segments of one buffer, and how they become descriptors
 *   struct vg_pool   equal buffers out of guest RAM, for frames
 *   struct vg_dev    one vhost fd with its RX and TX ring
 *
 * A minimal sender:
 *
 *   struct vg_config cfg = { .path = "/dev/vhost-net", .features = VG_F_MODERN };
 *   struct vg_dev d;
 *   struct vg_pool tx;
 *   int tap = vg_tap_open("vgtap0", 0, 12);
 *
 *   if (vg_dev_open(&d, &cfg) || vg_dev_setup(&d) || vg_dev_start(&d, tap))
 *           ...
 *   vg_pool_init(&tx, &d.mem, 256, 2048);
 *   vg_tx_send(&d, &tx, NULL, frame, len, VG_LAYOUT_SINGLE);
 *   vg_ring_kick(&d.ring[VG_TX]);
 *   while (!vg_tx_reap(&d, &tx))
 *           vg_ring_wait(&d.ring[VG_TX], 1000);
 *
 * Nothing here polls: vg_ring_wait() arms the interrupt, looks once more and sleeps
 * on the call eventfd. Functions return 0 or a count on success and a negative errno
 * on failure. A ring and its pool belong to one thread at a time; different rings
 * may be driven by different threads. Nothing locks.
 */
#ifndef _VHOST_GUEST_H
#define _VHOST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define VG_RX			0	/* host to guest, vhost vring 0 */
#define VG_TX			1	/* guest to host, vhost vring 1 */
#define VG_RINGS		2

/* VRING_BASE of a packed ring: halves for the device's next available and next used. */
#define VG_BASE_WRAP		0x8000u
#define VG_BASE_PACKED(pos, wrap) \
	(((pos) | ((wrap) ? VG_BASE_WRAP : 0)) * 0x10001u)

#define VG_MAX_REGIONS		16
#define VG_MAX_SEGS		64
#define VG_GPA_BASE		0x100000000ULL
#define VG_PAGE			4096

#define VG_BIT(nr)		(1ULL << (nr))
#define VG_F_EVENT_IDX		VG_BIT(VIRTIO_RING_F_EVENT_IDX)
#define VG_F_INDIRECT		VG_BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define VG_F_MRG_RXBUF		VG_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define VG_F_VERSION_1		VG_BIT(VIRTIO_F_VERSION_1)
#define VG_F_NOTIFY_ON_EMPTY	VG_BIT(VIRTIO_F_NOTIFY_ON_EMPTY)
#define VG_F_PACKED		VG_BIT(VIRTIO_F_RING_PACKED)
#define VG_F_IN_ORDER		VG_BIT(VIRTIO_F_IN_ORDER)
#define VG_F_PLATFORM		VG_BIT(VIRTIO_F_ACCESS_PLATFORM)
#define VG_F_LOG_ALL		VG_BIT(VHOST_F_LOG_ALL)

/* Bit 27: the driver's ANY_LAYOUT, but to vhost "make up the vnet header". */
#define VG_F_NET_HDR		VG_BIT(VHOST_NET_F_VIRTIO_NET_HDR)

/* What a current Linux guest negotiates with a tap backend. */
#define VG_F_MODERN	(VG_F_EVENT_IDX | VG_F_INDIRECT | VG_F_MRG_RXBUF | \
			 VG_F_VERSION_1)

/* In struct vhost_vring_file: no eventfd, no backend. */
#define VG_NO_FD		(-1)

/* ---- guest RAM ---------------------------------------------------------- */

/**
 * struct vg_region - One piece of guest RAM.
 * @gpa: Guest physical address of its first byte.
 * @size: Bytes.
 * @hva: Where this process has it mapped.
 */
struct vg_region {
	__u64 gpa;
	__u64 size;
	__u8 *hva;
};

/**
 * struct vg_mem - Guest RAM.
 * @region: Ascending and adjacent in GPA space, apart in the process.
 * @nregions: Regions in use.
 * @next: GPA of the first byte not yet given out by vg_mem_alloc().
 */
struct vg_mem {
	struct vg_region region[VG_MAX_REGIONS];
	unsigned int nregions;
	__u64 next;
};

/**
 * vg_mem_init() - Map guest RAM.
 * @m: To fill in.
 * @size: Bytes in total, a multiple of @nregions pages.
 * @nregions: Pieces; neighbours in GPA space are not neighbours in the process.
 */
int vg_mem_init(struct vg_mem *m, size_t size, unsigned int nregions);
void vg_mem_free(struct vg_mem *m);

/**
 * vg_mem_alloc() - Take bytes of guest RAM; there is no way to give them back.
 * @m: Guest RAM.
 * @size: Bytes.
 * @align: Power of two.
 * @contig: True if the bytes must not cross the border of a region.
 *
 * Return: GPA, or 0 if guest RAM is used up.
 */
__u64 vg_mem_alloc(struct vg_mem *m, size_t size, size_t align, bool contig);

/** vg_mem_hva() - Address in this process of a byte of guest RAM, or NULL. */
void *vg_mem_hva(const struct vg_mem *m, __u64 gpa);

/* Copy across region borders; the range must lie in guest RAM. */
void vg_mem_read(const struct vg_mem *m, __u64 gpa, void *to, size_t len);
void vg_mem_write(const struct vg_mem *m, __u64 gpa, const void *from,
		  size_t len);

/* ---- chains ------------------------------------------------------------- */

struct vg_seg {
	__u64 gpa;
	__u32 len;
	bool write;		/* the device writes it */
};

/**
 * enum vg_mode - How the segments of a chain become descriptors.
 * @VG_DIRECT: One ring descriptor per segment.
 * @VG_INDIRECT: One ring descriptor, the segments in an indirect table.
 * @VG_MIXED: The first segment in a ring descriptor, which is followed by one that
 *	holds the indirect table of the others. Packed rings do not allow that: the same
 *	as VG_INDIRECT there.
 */
enum vg_mode { VG_DIRECT, VG_INDIRECT, VG_MIXED };

/**
 * struct vg_chain - One buffer as the ring takes it.
 * @seg: Segments, those the device reads first.
 * @nsegs: Segments in use.
 * @mode: See enum vg_mode.
 * @table: GPA of room for an indirect table of @nsegs entries.
 */
struct vg_chain {
	struct vg_seg seg[VG_MAX_SEGS];
	unsigned int nsegs;
	enum vg_mode mode;
	__u64 table;
};

/**
 * enum vg_layout - How a frame and its header are cut into segments.
 * @VG_LAYOUT_SINGLE: Header and frame in one segment.
 * @VG_LAYOUT_HDR: The header in its own segment.
 * @VG_LAYOUT_CHAIN: The header cut in two, the frame in up to seven pieces at odd
 *	addresses.
 * @VG_LAYOUT_INDIRECT: As CHAIN, through an indirect table.
 * @VG_LAYOUT_MIXED: As CHAIN, the first segment direct, the others indirect.
 * @VG_LAYOUTS: Number of layouts.
 */
enum vg_layout {
	VG_LAYOUT_SINGLE,
	VG_LAYOUT_HDR,
	VG_LAYOUT_CHAIN,
	VG_LAYOUT_INDIRECT,
	VG_LAYOUT_MIXED,
	VG_LAYOUTS
};

const char *vg_layout_name(enum vg_layout layout);

/* ---- rings -------------------------------------------------------------- */

struct vg_ring;

/**
 * struct vg_used - One buffer the device gave back.
 * @token: What the buffer was added with; NULL if the device made up the id.
 * @len: Bytes written, as the device says; all of a buffer that it passed over in a
 *	batch.
 * @id: Buffer id: with split rings the head descriptor.
 */
struct vg_used {
	void *token;
	__u32 len;
	__u16 id;
};

/**
 * struct vg_ring_ops - A ring format.
 * @layout: Place the three areas in guest RAM.
 * @reset: Empty ring; the device's side starts at @base.
 * @base: What to hand to VHOST_SET_VRING_BASE so that a device continues here.
 * @stopped: Where a device must stand that has stopped, by what it has used.
 * @add: Put a chain at the next place, not yet visible to the device; its id, or
 *	-ENOSPC.
 * @publish: Make all added chains visible; true if the device wants a kick.
 * @peek: Read id and length of the next used entry; false if there is none.
 * @pass: Step over a used buffer.
 * @release: Its descriptors are free.
 * @again: Add it again, unchanged, in place of @release and @add; its id.
 * @ready: Count used buffers, those of an opened batch too, up to max or beyond.
 * @arm: Ask for an interrupt once @after more buffers are used, and look only then:
 *	true if that is already so.
 * @disarm: Ask for no interrupt.
 */
struct vg_ring_ops {
	int (*layout)(struct vg_ring *r, struct vg_mem *m);
	void (*reset)(struct vg_ring *r, __u32 base);
	__u32 (*base)(const struct vg_ring *r);
	__u32 (*stopped)(const struct vg_ring *r);
	int (*add)(struct vg_ring *r, const struct vg_chain *c);
	bool (*publish)(struct vg_ring *r);
	bool (*peek)(struct vg_ring *r, struct vg_used *u);
	void (*pass)(struct vg_ring *r, __u16 id);
	void (*release)(struct vg_ring *r, __u16 id);
	__u16 (*again)(struct vg_ring *r, __u16 id);
	unsigned int (*ready)(const struct vg_ring *r, unsigned int max);
	bool (*arm)(struct vg_ring *r, unsigned int after);
	void (*disarm)(struct vg_ring *r);
};

/**
 * struct vg_slot - What the driver remembers of a buffer in the ring, by id.
 * @token: See struct vg_used.
 * @ndesc: Ring descriptors it holds.
 * @bytes: Bytes of all its segments.
 * @room: Bytes of those the device writes.
 * @next: Packed rings: slot with the next descriptor of the chain, or the next free one.
 * @desc: Packed rings: a descriptor, which the device overwrites in the ring.
 */
struct vg_slot {
	void *token;
	unsigned int ndesc;
	__u32 bytes;
	__u32 room;
	__u16 next;
	struct vring_packed_desc desc;
};

/**
 * struct vg_ring - Driver half of a virtqueue.
 * @ops: Format.
 * @mem: Guest RAM it lies in.
 * @features: As negotiated.
 * @num: Entries.
 * @desc_gpa: Descriptor area.
 * @driver_gpa: Driver area: the available ring, or the driver's event structure.
 * @device_gpa: Device area: the used ring, or the device's event structure.
 * @desc: Split rings: mapping of the descriptor area; the next two likewise. Tests
 *	that break the ring on purpose write here.
 * @avail: Available ring.
 * @used: Used ring.
 * @packed: Packed rings: mapping of the descriptor area; the next two likewise.
 * @driver_event: When the driver wants an interrupt.
 * @device_event: When the device wants a kick.
 * @slot: By buffer id.
 * @order: Ids of the buffers in the ring, in the order they were added; a ring itself.
 * @oldest: Index of the oldest of them.
 * @count: How many there are.
 * @shuffled: The device has used a buffer before an older one.
 * @avail_idx: Index of the next chain to add; packed: position of its head.
 * @kick_idx: Split rings: what @avail_idx was at the last publish.
 * @used_idx: Index of the next used entry to take; packed: its position.
 * @avail_wrap: Packed rings: driver's wrap counter for @avail_idx.
 * @used_wrap: Packed rings: driver's wrap counter for @used_idx.
 * @unpublished: Packed rings: descriptors added since the last publish.
 * @head_idx: Packed rings: position of the first of them, whose flags are kept back.
 * @head_flags: Packed rings: these flags.
 * @free_head: First free descriptor; split rings link them by desc[].next. Packed
 *	rings: first free slot, linked by slot[].next.
 * @num_free: Free descriptors.
 * @last: Used entry read last.
 * @batch: Buffers that it covers and that are not yet taken.
 * @fault: The first rule that the device was seen to break, or NULL.
 * @kick: Eventfd to the device.
 * @call: Eventfd from the device, nonblocking.
 * @err: Eventfd the device signals when the ring is broken, nonblocking.
 * @kicks: Times kicked.
 * @calls: Calls consumed by vg_ring_wait() and vg_ring_ack().
 * @bytes: Bytes in used buffers: what the device wrote for RX, what was added
 *	for TX.
 */
struct vg_ring {
	const struct vg_ring_ops *ops;
	struct vg_mem *mem;
	__u64 features;
	unsigned int num;
	__u64 desc_gpa;
	__u64 driver_gpa;
	__u64 device_gpa;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *packed;
	struct vring_packed_desc_event *driver_event;
	struct vring_packed_desc_event *device_event;
	struct vg_slot *slot;
	__u16 *order;
	unsigned int oldest;
	unsigned int count;
	bool shuffled;
	__u16 avail_idx;
	__u16 kick_idx;
	__u16 used_idx;
	bool avail_wrap;
	bool used_wrap;
	unsigned int unpublished;
	__u16 head_idx;
	__u16 head_flags;
	__u16 free_head;
	unsigned int num_free;
	struct vg_used last;
	unsigned int batch;
	const char *fault;
	int kick;
	int call;
	int err;
	__u64 kicks;
	__u64 calls;
	__u64 bytes;
};

extern const struct vg_ring_ops vg_split_ops;
extern const struct vg_ring_ops vg_packed_ops;

/**
 * vg_ring_init() - Allocate a ring in guest RAM, and its eventfds.
 * @r: To fill in.
 * @m: Guest RAM.
 * @num: Entries.
 * @features: Negotiated features: they choose the format.
 */
int vg_ring_init(struct vg_ring *r, struct vg_mem *m, unsigned int num,
		 __u64 features);
void vg_ring_free(struct vg_ring *r);

/** vg_ring_reset() - Empty the ring; both sides begin at its start. */
void vg_ring_reset(struct vg_ring *r);

/** vg_ring_add() - Add a chain; -ENOSPC if too few descriptors are free. */
int vg_ring_add(struct vg_ring *r, const struct vg_chain *c, void *token);

/** vg_ring_kick() - Publish what was added and kick if the device wants it. */
bool vg_ring_kick(struct vg_ring *r);

/** vg_ring_notify() - Kick whatever the device wants. */
void vg_ring_notify(struct vg_ring *r);

/** vg_ring_get() - Take the next used buffer; false if there is none. */
bool vg_ring_get(struct vg_ring *r, struct vg_used *u);

/** vg_ring_ready() - Count used buffers that wait to be taken, up to @max or beyond. */
unsigned int vg_ring_ready(const struct vg_ring *r, unsigned int max);

/**
 * vg_ring_recycle() - Take used buffers and add the same chains again.
 * @r: Ring.
 * @max: At most so many.
 *
 * The cheap way to keep a ring busy with fixed buffers. vg_ring_kick() makes them
 * visible.
 *
 * Return: Number of buffers, whose bytes were added to @r->bytes.
 */
unsigned int vg_ring_recycle(struct vg_ring *r, unsigned int max);

/**
 * vg_ring_wait_n() - Sleep till the device has used buffers.
 * @r: Ring.
 * @after: With EVENT_IDX, be called when so many buffers are used; 0 and 1 mean any.
 * @timeout_ms: Limit, -1 for none.
 *
 * Return: 0 if there are used buffers, -ETIMEDOUT.
 */
int vg_ring_wait_n(struct vg_ring *r, unsigned int after, int timeout_ms);
int vg_ring_wait(struct vg_ring *r, int timeout_ms);

/** vg_ring_wait_any() - The same for either of two rings. */
int vg_ring_wait_any(struct vg_ring *a, struct vg_ring *b, int timeout_ms);

/** vg_ring_ack() - Consume pending calls; returns how many. */
__u64 vg_ring_ack(struct vg_ring *r);

/** vg_ring_errors() - Consume and return the count of the error eventfd. */
__u64 vg_ring_errors(struct vg_ring *r);

/* ---- device ------------------------------------------------------------- */

/**
 * struct vg_config - What a device is made of; zeroed members take the default.
 * @path: Character device, default $VHOST_DEV or /dev/vhost-accel.
 * @features: Negotiated as given.
 * @num: Ring entries, default 256.
 * @mem_size: Guest RAM, default 32 MiB.
 * @nregions: Regions of guest RAM, default 1.
 * @busyloop_us: Busy polling of both rings, default off.
 */
struct vg_config {
	const char *path;
	__u64 features;
	unsigned int num;
	size_t mem_size;
	unsigned int nregions;
	unsigned int busyloop_us;
};

/**
 * struct vg_dev - One vhost device: a queue pair.
 * @path: Character device.
 * @fd: Open file of it.
 * @features: Acknowledged features.
 * @hlen: Bytes of the virtio-net header in front of each frame.
 * @busyloop_us: See struct vg_config.
 * @addr_flags: For VHOST_SET_VRING_ADDR: VHOST_VRING_F_LOG as a mask, or 0.
 * @mem: Guest RAM.
 * @ring: RX and TX ring.
 */
struct vg_dev {
	const char *path;
	int fd;
	__u64 features;
	unsigned int hlen;
	unsigned int busyloop_us;
	unsigned int addr_flags;
	struct vg_mem mem;
	struct vg_ring ring[VG_RINGS];
};

/** vg_default_path() - $VHOST_DEV, or /dev/vhost-accel. */
const char *vg_default_path(void);

/**
 * vg_require() - Make sure a vhost device exists: load its module if it does not.
 * @path: Device; for /dev/vhost-accel the module is found by $VMACCEL_KO.
 *
 * Exits with a TAP skip if the device cannot be had. A module of ours that was
 * loaded here is unloaded at exit; where that fails the exit status is 1.
 */
void vg_require(const char *path);

/** vg_features_of() - Features a device offers, 0 if it cannot be opened. */
__u64 vg_features_of(const char *path);

/** vg_ioctl() - ioctl() that returns 0 or a negative errno. */
int vg_ioctl(int fd, unsigned long req, const void *arg);

/** vg_dev_open() - Open the device and make guest RAM and rings; no ioctl yet. */
int vg_dev_open(struct vg_dev *d, const struct vg_config *cfg);

/** vg_dev_setup() - Everything up to the backend, in QEMU's order. */
int vg_dev_setup(struct vg_dev *d);

/** vg_dev_set_mem() - Hand guest RAM to the device, live or not. */
int vg_dev_set_mem(const struct vg_dev *d, const struct vg_mem *m);

/** vg_ring_setup() - NUM, BASE, ADDR, KICK, CALL, ERR and busy polling of a ring. */
int vg_ring_setup(struct vg_dev *d, unsigned int index);

/**
 * vg_ring_set_addr() - Tell the device where the areas of a ring are.
 *
 * With ACCESS_PLATFORM what the library calls a GPA is the address that an IOMMU
 * translates, and the areas are given by it.
 */
int vg_ring_set_addr(struct vg_dev *d, unsigned int index);
int vg_ring_set_fd(struct vg_dev *d, unsigned int index, unsigned long req, int fd);

/** vg_set_backend() - Bind or, with VG_NO_FD, unbind the backend of one ring. */
int vg_set_backend(struct vg_dev *d, unsigned int index, int backend);

/** vg_dev_start() - Bind the backend of both rings. */
int vg_dev_start(struct vg_dev *d, int backend);

/** vg_dev_stop() - Unbind the backend of both rings. */
int vg_dev_stop(struct vg_dev *d);

/** vg_get_base() - GET_VRING_BASE: the value or a negative errno. */
__s64 vg_get_base(struct vg_dev *d, unsigned int index);
int vg_set_base(struct vg_dev *d, unsigned int index, __u32 base);

/** vg_dev_close() - Close the device, then free rings and guest RAM. */
void vg_dev_close(struct vg_dev *d);

/* ---- frames ------------------------------------------------------------- */

/**
 * struct vg_buf - A buffer of a pool.
 * @gpa: Start of its bytes.
 * @chain: How it was last put into the ring.
 * @next: Next free buffer.
 */
struct vg_buf {
	__u64 gpa;
	struct vg_chain chain;
	struct vg_buf *next;
};

/**
 * struct vg_pool - Equal buffers for the frames of one ring.
 * @mem: Guest RAM they lie in.
 * @buf: The buffers.
 * @count: How many.
 * @cap: Header and frame bytes each can hold, in any layout.
 * @free: Those not in the ring.
 * @layout: RX only: how vg_rx_fill() posts them.
 * @len: RX only: bytes each posted buffer offers.
 */
struct vg_pool {
	struct vg_mem *mem;
	struct vg_buf *buf;
	unsigned int count;
	__u32 cap;
	struct vg_buf *free;
	enum vg_layout layout;
	__u32 len;
};

int vg_pool_init(struct vg_pool *p, struct vg_mem *m, unsigned int count,
		 __u32 cap);
void vg_pool_free(struct vg_pool *p);

/** vg_pool_reset() - All buffers are free again, after the ring was reset. */
void vg_pool_reset(struct vg_pool *p);

/** vg_chain_cut() - Cut a buffer of @len bytes at @gpa into a chain. */
void vg_chain_cut(struct vg_chain *c, enum vg_layout layout, __u64 gpa,
		  unsigned int hlen, __u32 len, bool write);

/* Bytes of a chain in order, wherever its segments lie. */
void vg_chain_read(const struct vg_mem *m, const struct vg_chain *c, size_t off,
		   void *to, size_t len);
void vg_chain_write(const struct vg_mem *m, const struct vg_chain *c,
		    const void *from, size_t len, size_t off);

/**
 * vg_tx_send() - Add one frame to the TX ring; vg_ring_kick() sends it.
 * @d: Device.
 * @p: Pool of TX buffers.
 * @hdr: Header, or NULL for one that asks for nothing.
 * @frame: Frame from the destination address on.
 * @len: Its length.
 * @layout: Descriptor layout.
 *
 * Return: 0, or -ENOSPC if there is no free buffer or descriptor.
 */
int vg_tx_send(struct vg_dev *d, struct vg_pool *p,
	       const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len,
	       enum vg_layout layout);

/** vg_tx_reap() - Take back used TX buffers; returns how many. */
unsigned int vg_tx_reap(struct vg_dev *d, struct vg_pool *p);

/**
 * vg_rx_fill() - Post all free buffers to the RX ring and kick.
 * @d: Device.
 * @p: Pool of RX buffers; p->layout and p->len say how.
 *
 * Return: Number of buffers posted.
 */
unsigned int vg_rx_fill(struct vg_dev *d, struct vg_pool *p);

/**
 * vg_rx_get() - Take one received frame; its buffers become free.
 * @d: Device.
 * @p: Pool of RX buffers.
 * @hdr: Receives the header; num_buffers is 1 unless MRG_RXBUF or VERSION_1.
 * @frame: Receives the frame.
 * @size: Room there.
 *
 * Return: Length of the frame, -EAGAIN if there is none, -EPROTO if the device broke
 * a rule: unknown id, more bytes than posted, short header, wrong num_buffers.
 */
int vg_rx_get(struct vg_dev *d, struct vg_pool *p, struct virtio_net_hdr_v1 *hdr,
	      void *frame, size_t size);

#endif /* _VHOST_GUEST_H */
