/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vhost-accel: what its files share.
 *
 * Lock order, outermost first:
 *
 *   vha_dev.mutex -> sysfs.c's list and kernfs's active references
 *   vha_dev.mutex -> vha_vq.mutex of the RX queue -> vha_vq.mutex of the TX queue
 *   -> vha_dev.msg_lock, and locks of the backend socket, the eventfds and their
 *   wait queues
 *
 * The worker takes only vq mutexes, and the second one only by trylock, so an
 * ioctl that holds dev->mutex may wait for the worker. Wait queue callbacks
 * (poll.c) run under foreign locks with interrupts off: they set a bit and wake.
 * Readers of statistics take none of these locks.
 */
#ifndef VHA_INTERNAL_H
#define VHA_INTERNAL_H

#include <linux/eventfd.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched/vhost_task.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <linux/wait.h>
#include <net/xdp.h>

#include "log_core.h"
#include "packed_core.h"
#include "poll_core.h"
#include "ring_core.h"

struct miscdevice;
struct net_device;
struct pid;
struct ptr_ring;
struct seq_file;
struct sk_buff;
struct socket;
struct vha_dev;
struct vha_sysfs;
struct vha_tlb;

/** VHA_BURST - packets handled between two looks at the ring indices */
#define VHA_BURST 64

/**
 * VHA_BURST_BYTES - bytes after which a burst ends: the other side works on them
 * while we copy the next ones
 */
#define VHA_BURST_BYTES 0x20000

/** VHA_PKT_WEIGHT - packets after which the worker turns to the other queue */
#define VHA_PKT_WEIGHT 256

/** VHA_DESC_WEIGHT - chained descriptors after which it does */
#define VHA_DESC_WEIGHT 0x10000

/** VHA_BYTE_WEIGHT - bytes after which the worker turns to the other queue */
#define VHA_BYTE_WEIGHT 0x80000

/** VHA_FRAME_MAX - bytes of a guest's frame; 64 KiB is what drivers send */
#define VHA_FRAME_MAX 0x40000

/** VHA_INLINE_MIN - bytes of a frame from which on plain moves can copy it */
#define VHA_INLINE_MIN 8

/** VHA_INLINE_MAX - bytes of a frame up to which it is copied by plain moves */
#define VHA_INLINE_MAX 256

/** VHA_FEATURES - feature bits offered; bit 27 is VHOST_NET_F_VIRTIO_NET_HDR */
#define VHA_FEATURES (BIT_ULL(VIRTIO_F_NOTIFY_ON_EMPTY) |	\
		      BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |	\
		      BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |	\
		      BIT_ULL(VIRTIO_F_ANY_LAYOUT) |		\
		      BIT_ULL(VIRTIO_F_VERSION_1) |		\
		      BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |	\
		      BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |	\
		      BIT_ULL(VIRTIO_F_RING_PACKED) |		\
		      BIT_ULL(VIRTIO_F_IN_ORDER) |		\
		      BIT_ULL(VHOST_F_LOG_ALL) |		\
		      BIT_ULL(VIRTIO_F_RING_RESET))

/** VHA_BACKEND_FEATURES - backend feature bits offered */
#define VHA_BACKEND_FEATURES BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)

/**
 * enum vha_queue - the two queues of a device, numbered by the ABI
 * @VHA_RX: host to guest
 * @VHA_TX: guest to host
 * @VHA_NQUEUES: how many there are
 */
enum vha_queue {
	VHA_RX,
	VHA_TX,
	VHA_NQUEUES,
};

/**
 * enum vha_area - the areas of a ring, which are set and mapped separately
 * @VHA_DESC: descriptor table
 * @VHA_AVAIL: split: available ring; packed: driver event suppression
 * @VHA_USED: split: used ring; packed: device event suppression
 * @VHA_NAREAS: how many there are
 */
enum vha_area {
	VHA_DESC,
	VHA_AVAIL,
	VHA_USED,
	VHA_NAREAS,
};

/**
 * struct vha_miss - a translation that a queue waits for
 * @unread: place among the messages that nobody has read yet, or empty
 * @iova: device address that was missed
 * @perm: access, VHOST_ACCESS_RO or VHOST_ACCESS_WO
 * @waiting: an UPDATE for @iova shall run the queue
 *
 * Protected by vha_dev.msg_lock.
 */
struct vha_miss {
	struct list_head unread;
	u64 iova;
	u8 perm;
	bool waiting;
};

/**
 * struct vha_busy - busy polling of a worker
 * @policy: how long polling is worth while
 * @start: when the latest wait began, ns of local_clock()
 * @max: the owner's bound then, ns
 * @open: that wait is not over
 * @woken: when the worker was asked for work while it slept
 *
 * The worker's own, but for @woken, which the waker writes if @open is set.
 */
struct vha_busy {
	struct vha_poll_policy policy;
	u64 start;
	u32 max;
	bool open;
	u64 woken;
};

/**
 * struct vha_worker - the thread that moves a device's packets
 * @pending: a bit for each queue that may have something to do; set by anybody,
 *	taken by the worker
 * @awake: the worker looks at @pending once more before it sleeps
 * @busy: its busy polling
 * @dev: whose packets
 * @vtsk: vhost_task of the owner's process, or NULL
 * @task: kthread that adopts the owner's address space, when there is no @vtsk
 * @thread: id of the thread once it has run; written by the thread
 * @clock: when the handler in work began, local clock, ns; the thread's own, like
 *	all below
 * @weight: time in handlers since @booked last changed, ns
 * @booked: CPU time of the thread that the queues have in their statistics, ns
 */
struct vha_worker {
	unsigned long pending;
	bool awake;
	struct vha_busy busy;
	struct vha_dev *dev;
	struct vhost_task *vtsk;
	struct task_struct *task;
	struct pid *thread;
	u64 clock;
	u64 weight[VHA_NQUEUES];
	u64 booked;
};

struct vha_vq;

/**
 * struct vha_poll - a place in the wait queue of an eventfd or a socket
 * @table: makes vfs_poll() call us with the wait queue
 * @wait: our entry
 * @wqh: wait queue that @wait stands in, NULL when in none;
 *	protected by the mutex of @vq
 * @home: wait queue of the polled file while the file is known
 * @mask: events that concern us
 * @wakes: events that were; written under the wait queue's lock
 * @vq: queue to run
 */
struct vha_poll {
	poll_table table;
	wait_queue_entry_t wait;
	wait_queue_head_t *wqh;
	wait_queue_head_t *home;
	__poll_t mask;
	u64 wakes;
	struct vha_vq *vq;
};

/**
 * struct vha_frag - page fragments for frames on their way to a tap
 * @page: compound page in use, then the one before it, which is taken up again
 *	once nobody holds a fragment of it
 * @bias: references of each page not yet handed out
 * @size: bytes of each page
 * @off: bytes of @page[0] handed out
 *
 * Protected by the TX queue's mutex.
 */
struct vha_frag {
	struct page *page[2];
	u32 bias[2];
	u32 size[2];
	u32 off;
};

/**
 * struct vha_stats - counters of a queue, since the device got its owner
 * @packets: packets handed to the backend or to the guest
 * @bytes: their bytes, without the virtio-net header
 * @copies: copies made of a frame between guest and host memory
 * @runs: runs of the handler
 * @signals: calls to the guest
 * @errors: ring errors, each of which stopped the queue and fired its ERR eventfd
 * @drop_short: frames shorter than an Ethernet header, or than the vnet header
 * @drop_hdr: frames with an impossible vnet header
 * @drop_fault: guest memory could not be read or written
 * @drop_nobuf: no buffer was large enough, or no memory
 * @drop_backend: the backend refused the frame, or lost it, or it is too long
 *
 * @worker_ns: CPU time of the worker spent on the queue; see cputime.c
 *
 * Written by the worker under the queue's mutex, read by anybody. sysfs.c names
 * them all.
 */
struct vha_stats {
	u64 packets;
	u64 bytes;
	u64 copies;
	u64 runs;
	u64 signals;
	u64 errors;
	u64 drop_short;
	u64 drop_hdr;
	u64 drop_fault;
	u64 drop_nobuf;
	u64 drop_backend;
	u64 worker_ns;
};

/**
 * struct vha_window - copies of available descriptors
 * @n: entries filled
 * @first: split: available index of entry 0
 * @head: split: ring index of each buffer's first descriptor
 * @desc: split: that descriptor; meaningless when @head is out of range
 * @at: packed: entry of the slot at last_avail; @n or above when it has none
 * @packed: packed: descriptors of successive slots
 */
struct vha_window {
	u32 n;
	union {
		struct {
			u16 first;
			u16 head[VHA_BURST];
			struct vring_desc desc[VHA_BURST];
		};
		struct {
			u32 at;
			struct vring_packed_desc packed[VHA_BURST];
		};
	};
};

/**
 * struct vha_taken - a buffer taken from the ring and not yet returned
 * @id: split: index of its first descriptor; packed: buffer id
 * @slots: split: 0; packed: descriptors of the ring that it takes
 * @len: bytes written to it, set by who wrote them
 *
 * For a split ring it is the used entry as it stands in memory: little endian, as
 * every CPU that this module is built for.
 */
struct vha_taken {
	u16 id;
	u16 slots;
	u32 len;
} __aligned(8);

/**
 * struct vha_frame - a packet of the burst in work
 * @ptr: TX: page fragment the frame is copied to, NULL when it is sent from
 *	guest memory; RX: skb
 * @hdr: RX: header to write
 * @iov: its segments in guest memory
 * @niov: number of them
 * @nbufs: buffers it takes
 * @drop: TX: counter of the reason for which it is not sent, or NULL
 * @len: bytes of the frame with the vnet header
 * @plain: copied by plain moves inside one user access section
 */
struct vha_frame {
	void *ptr;
	struct virtio_net_hdr hdr;
	struct iovec *iov;
	u16 niov;
	u16 nbufs;
	u64 *drop;
	u32 len;
	bool plain;
};

/** VHA_IOV_POOL - segments of a burst; one packet may need %VHA_MAX_SEGS */
#define VHA_IOV_POOL (VHA_MAX_SEGS + VHA_BURST)

/** VHA_TAKEN_POOL - buffers of a burst; one packet may need %VHA_MAX_SEGS */
#define VHA_TAKEN_POOL (VHA_MAX_SEGS + VHA_BURST)

/**
 * struct vha_vq - one virtqueue
 * @mutex: protects everything below, also against the worker
 * @dev: device
 * @index: VHA_RX or VHA_TX
 * @num: entries, a power of two
 * @addr: areas of the ring as the owner has set them: its own addresses, or with
 *	an IOTLB device addresses
 * @mapped: the ring can be used: @addr is set, and the IOTLB knows all of it
 * @linear: each area lies in one piece, at @desc, @avail and @used; otherwise
 *	these are NULL, and vha_meta_read() and vha_meta_write() find the pieces
 * @desc: descriptor table, an address of the owner
 * @avail: available ring, an address of the owner
 * @used: used ring, an address of the owner
 * @features: acknowledged feature bits
 * @space: guest memory; its table and its IOTLB are replaced under @mutex, freed
 *	after that
 * @miss: what it waits for that its IOTLB does not know
 * @log: buffers that are written are to be logged
 * @log_used: so is the ring
 * @log_base: address of the dirty log
 * @log_addr: guest-physical address of the used ring, for the log
 * @packed: the ring is a packed one
 * @avail_idx: split: avail->idx as read last; packed: position up to which
 *	available descriptors have been seen
 * @last_avail: split: buffers up to here have been taken and returned; packed:
 *	position of the next buffer to take, the same as @last_used between bursts
 * @last_used: split: buffers up to here have been returned, as used->idx;
 *	packed: position up to which buffers have been returned
 * @signalled: split: @last_used at the latest decision about a call; packed: slots
 *	returned since
 * @signalled_valid: @signalled is of this run of the ring
 * @used_flags: VRING_USED_F_NO_NOTIFY while the driver is asked not to kick
 * @busyloop_us: how long to poll before sleeping, microseconds; 0 = not at all
 * @vhost_hlen: bytes of vnet header that we make up
 * @sock_hlen: bytes of vnet header that the backend has
 * @sock: backend, NULL when stopped
 * @tap: backend is a tun, tap, macvtap or ipvtap, not a packet socket
 * @tun: backend is a tun or tap: RX packets are counted on its netdev
 * @direct: the backend's header is known to be @sock_hlen bytes long, so that
 *	RX packets may be taken from @ring without asking the backend
 * @ring: RX: where a tap backend queues packets
 * @netdev: RX: netdev of the backend, as soon as it is known; see netdev.c
 * @netdev_node: RX: place among the queues that have one
 * @rxq: RX: packets taken from @ring
 * @rxq_head: first of them
 * @rxq_tail: one past the last of them
 * @kick: eventfd file by which the driver kicks, or NULL
 * @call: eventfd by which the driver is called, or NULL
 * @err: eventfd that says that the ring is broken, or NULL
 * @kick_poll: waits on @kick
 * @sock_poll: waits on @sock
 * @stats: counters
 * @ntaken: entries of @taken; 0 between bursts
 * @taken_slots: packed: their descriptors of the ring
 * @parsed: chained descriptors followed in this run of the handler
 * @parsed_before: of them, those before this burst
 * @fetch: buffers that are probably wanted next: so many are copied at once
 * @win: copied descriptors of available buffers
 * @table: copied descriptors of an indirect table
 * @frame: packets of the burst in work
 * @taken: buffers of the burst in work
 * @iov: segments of the burst in work
 * @xdp: TX: frames handed to a tap at once
 */
struct vha_vq {
	struct mutex mutex;	/* everything in this struct */
	struct vha_dev *dev;
	enum vha_queue index;

	u32 num;
	u64 addr[VHA_NAREAS];
	bool mapped;
	bool linear;
	struct vring_desc __user *desc;
	struct vring_avail __user *avail;
	struct vring_used __user *used;
	u64 features;
	struct vha_space space;
	struct vha_miss miss;
	bool log;
	bool log_used;
	u64 log_base;
	u64 log_addr;

	bool packed;
	u16 avail_idx;
	u16 last_avail;
	u16 last_used;
	u16 signalled;
	bool signalled_valid;
	u16 used_flags;

	u32 busyloop_us;
	u16 vhost_hlen;
	u16 sock_hlen;

	struct socket *sock;
	bool tap;
	bool tun;
	bool direct;
	struct ptr_ring *ring;
	struct net_device *netdev;
	struct list_head netdev_node;
	void *rxq[VHA_BURST];
	u16 rxq_head;
	u16 rxq_tail;

	struct file *kick;
	struct eventfd_ctx *call;
	struct eventfd_ctx *err;
	struct vha_poll kick_poll;
	struct vha_poll sock_poll;

	struct vha_stats stats;

	u32 ntaken;
	u32 taken_slots;
	u32 parsed;
	u32 parsed_before;
	u16 fetch;
	struct vha_window win;
	struct vring_desc table[VHA_BURST];
	struct vha_frame frame[VHA_BURST];
	struct vha_taken taken[VHA_TAKEN_POOL];
	struct iovec iov[VHA_IOV_POOL];
	struct xdp_buff xdp[VHA_BURST];
};

/**
 * struct vha_dev - one open file of /dev/vhost-accel: a queue pair
 * @mutex: serialises ioctls; protects all below but the insides of @vq
 * @mm: owner's address space, NULL without an owner
 * @worker: thread that serves both queues; set while there is an owner
 * @mem: guest memory table, also in each queue
 * @sysfs: its directory in sysfs, while there is an owner
 * @tlb: IOTLB, also in each queue, or NULL; changed under @mutex and those of all
 *	queues
 * @log_ctx: fires when something has been logged, or NULL; changed as @tlb
 * @backend_features: acknowledged backend feature bits
 * @msg_lock: protects @unread and the queues' miss
 * @unread: messages that nobody has read yet, oldest first
 * @msg_wait: readers of the device
 * @kthread: use a kthread even where the kernel has vhost_task
 * @frag: TX page fragments
 * @vq: the queues
 */
struct vha_dev {
	struct mutex mutex;	/* set-up: everything but the insides of vq */
	struct mm_struct *mm;
	struct vha_worker *worker;
	struct vha_mem *mem;
	struct vha_sysfs *sysfs;
	struct vha_tlb *tlb;
	struct eventfd_ctx *log_ctx;
	u64 backend_features;
	spinlock_t msg_lock;	/* unread and the queues' miss */
	struct list_head unread;
	wait_queue_head_t msg_wait;
	bool kthread;
	struct vha_frag frag;
	struct vha_vq vq[VHA_NQUEUES];
};

static inline bool vha_has_feature(const struct vha_vq *vq, unsigned int bit)
{
	return vq->features & (1ULL << bit);
}

/**
 * vha_ring_batches_used() - does one used entry return a whole burst?
 * @vq: queue; mutex held
 *
 * With IN_ORDER the driver takes an entry for all buffers up to the one that it
 * names, and those before that for read or written as a whole: so are all that
 * are sent, but not those that packets are received into.
 *
 * Return: true if so.
 */
static inline bool vha_ring_batches_used(const struct vha_vq *vq)
{
	return vq->index == VHA_TX && vha_has_feature(vq, VIRTIO_F_IN_ORDER);
}

/* dev.c */
extern unsigned short vha_max_mem_regions;

struct vha_dev *vha_dev_create(void);
void vha_dev_destroy(struct vha_dev *dev);
void vha_dev_lock_queues(struct vha_dev *dev);
void vha_dev_unlock_queues(struct vha_dev *dev);
int vha_dev_check_owner(struct vha_dev *dev);
long vha_dev_set_owner(struct vha_dev *dev);
long vha_dev_reset_owner(struct vha_dev *dev);
long vha_dev_set_features(struct vha_dev *dev, u64 features);
long vha_dev_set_backend_features(struct vha_dev *dev, u64 features);
long vha_dev_set_memory(struct vha_dev *dev, void __user *argp);
long vha_dev_set_fork(struct vha_dev *dev, void __user *argp);
long vha_dev_get_fork(struct vha_dev *dev, void __user *argp);

/* vring.c */
long vha_vring_ioctl(struct vha_dev *dev, unsigned int cmd, void __user *argp);
void vha_vq_init(struct vha_dev *dev, enum vha_queue index);
void vha_vq_reset(struct vha_vq *vq);
void vha_vq_forget_addr(struct vha_vq *vq);
void vha_vq_set_format(struct vha_vq *vq, bool packed);
bool vha_vq_access_ok(struct vha_vq *vq);
int vha_vq_start(struct vha_vq *vq);

/* iotlb.c */
struct vha_tlb *vha_tlb_create(void);
void vha_tlb_destroy(struct vha_tlb *tlb);
struct vha_iotlb *vha_tlb_core(struct vha_tlb *tlb);
void vha_iotlb_miss(struct vha_vq *vq);
void vha_iotlb_forget(struct vha_vq *vq);
ssize_t vha_iotlb_write(struct vha_dev *dev, struct iov_iter *from);
ssize_t vha_iotlb_read(struct vha_dev *dev, struct iov_iter *to, bool noblock);
__poll_t vha_iotlb_poll(struct vha_dev *dev, struct file *file,
			poll_table *wait);
size_t vha_area_size(const struct vha_vq *vq, enum vha_area area);
void vha_vq_unmap(struct vha_vq *vq);
int vha_vq_remap(struct vha_vq *vq);
int vha_meta_read(struct vha_vq *vq, enum vha_area area, size_t off, void *buf,
		  size_t len);
int vha_meta_write(struct vha_vq *vq, enum vha_area area, size_t off,
		   const void *buf, size_t len);

/**
 * vha_vq_map() - have the areas of a ring ready for use
 * @vq: queue; mutex held
 *
 * The areas stay valid as long as the mutex is held.
 *
 * Return: 0, or -EAGAIN: leave the ring alone, see vha_vq_remap().
 */
static inline int vha_vq_map(struct vha_vq *vq)
{
	return likely(vq->mapped) ? 0 : vha_vq_remap(vq);
}

/* log.c */
int vha_log_iov(struct vha_vq *vq, const struct iovec *iov, unsigned int niov,
		u64 len);
int vha_log_area(struct vha_vq *vq, enum vha_area area, size_t off, size_t len);
bool vha_log_mem_ok(const struct vha_mem *mem, u64 base);
bool vha_log_used_ok(const struct vha_vq *vq, u64 base, bool log_used,
		     u64 log_addr);
bool vha_log_vq_ok(const struct vha_vq *vq, u64 base);
long vha_log_set_base(struct vha_dev *dev, void __user *argp);
long vha_log_set_fd(struct vha_dev *dev, void __user *argp);

/* backend.c */
long vha_backend_ioctl(struct vha_dev *dev, void __user *argp);
void vha_backend_stop(struct vha_dev *dev);

/* worker.c */
struct vha_worker *vha_worker_create(struct vha_dev *dev);
void vha_worker_destroy(struct vha_worker *worker);
void vha_worker_queue(struct vha_worker *worker, enum vha_queue queue);

/* poll.c */
void vha_poll_init(struct vha_poll *poll, struct vha_vq *vq, __poll_t mask);
int vha_poll_start(struct vha_poll *poll, struct file *file);
void vha_poll_rearm(struct vha_poll *poll, struct file *file);
void vha_poll_stop(struct vha_poll *poll);
void vha_poll_forget(struct vha_poll *poll);

/* ring.c */
void vha_ring_run(struct vha_vq *vq);
int vha_ring_copy_table(struct vha_vq *vq, u64 gpa, u32 n);
void vha_ring_untake(struct vha_vq *vq, unsigned int n);
bool vha_ring_more(struct vha_vq *vq);
void vha_ring_disable_notify(struct vha_vq *vq);
bool vha_ring_enable_notify(struct vha_vq *vq);
int vha_ring_publish(struct vha_vq *vq, unsigned int n);
void vha_ring_call(struct vha_vq *vq);
void vha_ring_error(struct vha_vq *vq, int err);

/* split.c */
int vha_split_start(struct vha_vq *vq);
int vha_split_take(struct vha_vq *vq, struct vha_chain *c, struct iovec *iov,
		   unsigned int max);
bool vha_split_more(struct vha_vq *vq);
int vha_split_disable_notify(struct vha_vq *vq);
int vha_split_enable_notify(struct vha_vq *vq);
int vha_split_publish(struct vha_vq *vq);

/* packed.c */
void vha_packed_init(struct vha_vq *vq, u16 avail, u16 used);
bool vha_packed_aligned(const u64 *addr);
int vha_packed_start(struct vha_vq *vq);
int vha_packed_take(struct vha_vq *vq, struct vha_chain *c, struct iovec *iov,
		    unsigned int max);
void vha_packed_untake(struct vha_vq *vq, unsigned int n);
bool vha_packed_more(struct vha_vq *vq);
int vha_packed_disable_notify(struct vha_vq *vq);
int vha_packed_enable_notify(struct vha_vq *vq);
int vha_packed_publish(struct vha_vq *vq);

/**
 * vha_ring_take() - take the next available buffer
 * @vq: queue; mutex held
 * @c: parser; holds the result
 * @iov: room for segments
 * @max: entries of @iov
 *
 * The buffer is the last one in vq->taken[] then, with length 0.
 *
 * Return: 0; -ENOENT when the driver has made no more available; -EFAULT when
 * the ring or the buffer is not in readable memory of the guest; -EINVAL, -E2BIG
 * when the ring or the buffer is impossible; -EPERM when the IOTLB forbids the
 * access; -ENOBUFS when there is no room for its segments, no buffer can be left
 * in the ring, or those taken had too many descriptors: publish some first; -EIO
 * when the IOTLB does not know it yet: come back when the queue runs again.
 */
static inline int vha_ring_take(struct vha_vq *vq, struct vha_chain *c,
				struct iovec *iov, unsigned int max)
{
	int r;

	if (!vq->ntaken)
		vq->parsed_before = vq->parsed;
	else if (unlikely(vq->ntaken == VHA_TAKEN_POOL ||
			  vq->parsed - vq->parsed_before >= VHA_DESC_WEIGHT))
		return -ENOBUFS;
	r = vq->packed ? vha_packed_take(vq, c, iov, max) :
			 vha_split_take(vq, c, iov, max);
	if (unlikely(r == -EAGAIN)) {
		vha_iotlb_miss(vq);
		return -EIO;
	}
	return r;
}

/* tx.c, rx.c */
bool vha_handle_tx(struct vha_vq *vq);
bool vha_handle_rx(struct vha_vq *vq);
void vha_rx_return_packets(struct vha_vq *vq);
bool vha_rx_has_packet(struct vha_vq *vq);

/* cputime.c */
void vha_cputime_begin(struct vha_worker *worker);
void vha_cputime_end(struct vha_worker *worker, enum vha_queue queue);

/* sysfs.c */
void vha_sysfs_init(const struct miscdevice *misc);
void vha_sysfs_publish(void);
void vha_sysfs_exit(void);
int vha_sysfs_add(struct vha_dev *dev);
void vha_sysfs_del(struct vha_dev *dev);
void vha_sysfs_fdinfo(const struct vha_dev *dev, struct seq_file *m);

/* busy.c */
bool vha_busy_poll(struct vha_vq *vq);
void vha_busy_woken(struct vha_worker *worker);

/* netdev.c */
int vha_netdev_init(void);
void vha_netdev_exit(void);
void vha_netdev_add(struct vha_vq *vq);
void vha_netdev_del(struct vha_vq *vq);
void vha_netdev_account(struct vha_vq *vq, const struct net_device *dev,
			unsigned int packets, unsigned int bytes);
void vha_netdev_bind(struct vha_vq *vq);
void vha_netdev_name(const struct vha_vq *vq, char *name);

/* frag.c */
void *vha_frag_alloc(struct vha_frag *frag, u32 size);
void vha_frag_free(void *ptr);
void vha_frag_drain(struct vha_frag *frag);

#endif /* VHA_INTERNAL_H */
