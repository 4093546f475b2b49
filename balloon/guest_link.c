// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's end of the link to vmballoon_host.
 *
 * With link=1 a thread connects to the host over AF_VSOCK, says what the guest has and
 * needs once a second, ten times a second while the balloon moves, and turns the
 * host's orders into a size that the balloon is to have at least. The other size is
 * the device's, and the larger one counts.
 *
 * Orders hold while the connection does. A host that does not speak any more gets no more
 * memory after 10 s, and one whose connection ended and did not come back gets none: a
 * guest that was moved to a host without the module has all of its memory.
 *
 * The thread allocates little, from reserves, and takes none of the balloon's locks: a
 * guest that is short of memory can still say so.
 */
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vm_sockets.h>
#include <linux/vmstat.h>
#include <net/sock.h>

#include "guest.h"
#include "link_core.h"

/* Between reports, and while the balloon is not what was ordered. */
#define VMG_LINK_CALM_MS 1000
#define VMG_LINK_BUSY_MS 100

/* Between attempts to connect, doubled each time; half of it is chance. */
#define VMG_LINK_RETRY_MIN_MS 200
#define VMG_LINK_RETRY_MAX_MS 10000

/* Privileged ports that are tried, from here on. */
#define VMG_LINK_PORT_MIN 512

/* The least change of the balloon that is worth it: a block. */
#define VMG_LINK_GRAIN (VMG_BLOCK_PAGES << PAGE_SHIFT)

static bool vmg_link_enabled;
module_param_named(link, vmg_link_enabled, bool, 0444);
MODULE_PARM_DESC(link, "Connect to vmballoon_host by AF_VSOCK (default 0)");

/**
 * struct vmg_link - the link of a device; by its thread alone
 * @dev: the device
 * @task: the thread
 * @sock: the connection, or NULL
 * @in: a message that is being received
 * @got: bytes of it
 * @seq: number of the last message sent
 * @received: number of the last order, 0 before the first
 * @heard: milliseconds, when the last order came
 * @order: bytes that the balloon is to hold
 * @credit: bytes of @order that may be kept in need
 * @held: bytes that the balloon held when it was last looked at
 * @refaults: pages read again up to the last report
 * @counted: milliseconds, when that was
 */
struct vmg_link {
	struct vmg_dev *dev;
	struct task_struct *task;
	struct socket *sock;
	struct vml_wire in;
	unsigned int got;
	u32 seq;
	u32 received;
	u64 heard;
	u64 order;
	u64 credit;
	u64 held;
	u64 refaults;
	u64 counted;
};

static u64 vmg_link_now(void)
{
	return ktime_get_ns() / NSEC_PER_MSEC;
}

static u64 vmg_link_held(struct vmg_dev *dev)
{
	struct vmg_holding have;

	vmg_have(dev, &have);
	return vmg_size(&have) << PAGE_SHIFT;
}

static u64 vmg_link_refaults(void)
{
	return (u64)global_node_page_state(WORKINGSET_REFAULT_ANON) +
	       global_node_page_state(WORKINGSET_REFAULT_FILE);
}

/* The guest's memory. What the balloon holds is not its own. */
static void vmg_link_look(struct vmg_link *link, struct vml_room *room)
{
	u64 all = (u64)get_num_physpages() << PAGE_SHIFT;

	room->held = vmg_link_held(link->dev);
	room->total = all - min(all, room->held);
	room->avail = (u64)max(si_mem_available(), 0L) << PAGE_SHIFT;
	room->active_file = (u64)global_node_page_state(NR_ACTIVE_FILE) << PAGE_SHIFT;
	room->order = link->order;
	room->credit = link->credit;
}

/* What the balloon is to hold at least; true if that is news. */
static bool vmg_link_set(struct vmg_link *link, u32 pages)
{
	if (pages == link->dev->link_pages)
		return false;
	WRITE_ONCE(link->dev->link_pages, pages);
	vmg_queue_resize(link->dev, 0);
	return true;
}

/* Bring the balloon to what host and floor allow; false while it moves. */
static bool vmg_link_apply(struct vmg_link *link)
{
	u64 hold, before = (u64)link->dev->link_pages << PAGE_SHIFT;
	struct vml_room room;
	bool rests;

	vmg_link_look(link, &room);
	hold = vml_hold(&room);
	/* A host that is silent gets nothing more. */
	if (!vml_order_good(link->heard, vmg_link_now()))
		hold = min(hold, room.held);
	rests = room.held == link->held;
	link->held = room.held;
	/* The order is followed exactly, the floor by whole blocks. */
	if ((hold == room.order || max(hold, before) - min(hold, before) >= VMG_LINK_GRAIN) &&
	    vmg_link_set(link, min_t(u64, hold >> PAGE_SHIFT, U32_MAX)))
		rests = false;
	return rests;
}

static int vmg_link_send(struct vmg_link *link, struct vml_message *message)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };
	struct vml_wire wire;
	struct kvec vec = { &wire, sizeof(wire) };
	unsigned int flags;
	int n;

	message->seq = ++link->seq;
	vml_encode(&wire, message);
	flags = memalloc_noreclaim_save();
	n = kernel_sendmsg(link->sock, &msg, &vec, 1, sizeof(wire));
	memalloc_noreclaim_restore(flags);
	if (n == sizeof(wire))
		return 0;
	return n < 0 ? n : -EPIPE;
}

static int vmg_link_hello(struct vmg_link *link)
{
	struct vml_message message = { .type = VML_HELLO };
	struct vml_room room;

	vmg_link_look(link, &room);
	message.arg[0] = room.total + room.held;
	message.arg[1] = room.held;
	link->refaults = vmg_link_refaults();
	link->counted = vmg_link_now();
	return vmg_link_send(link, &message);
}

static int vmg_link_report(struct vmg_link *link)
{
	u64 now = vmg_link_now(), refaults = vmg_link_refaults(), floor;
	struct vml_message message = { .type = VML_REPORT };
	struct vml_room room;

	vmg_link_look(link, &room);
	floor = vml_floor(room.total, room.active_file);
	message.arg[0] = room.total;
	/* The floor is not to be had. */
	message.arg[1] = room.avail - min(room.avail, floor);
	message.arg[2] = room.active_file;
	message.arg[3] = ((refaults - link->refaults) << PAGE_SHIFT) * MSEC_PER_SEC /
			 max(now - link->counted, 1ULL);
	message.arg[4] = room.held;
	message.arg[5] = room.order - min(room.order, room.held);
	link->refaults = refaults;
	link->counted = now;
	return vmg_link_send(link, &message);
}

/* Wait @ms for an order. Return: 1: it came, 0: it did not, or an error. */
static int vmg_link_receive(struct vmg_link *link, unsigned int ms)
{
	struct vml_message message;
	int n;

	WRITE_ONCE(link->sock->sk->sk_rcvtimeo, msecs_to_jiffies(ms));
	do {
		struct kvec vec = {
			.iov_base = (u8 *)&link->in + link->got,
			.iov_len = sizeof(link->in) - link->got,
		};
		struct msghdr msg = {};

		n = kernel_recvmsg(link->sock, &msg, &vec, 1, vec.iov_len, 0);
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n ?: -EPIPE;
		link->got += n;
	} while (link->got < sizeof(link->in));
	link->got = 0;
	if (!vml_decode(&message, &link->in) || message.type != VML_ORDER ||
	    message.seq != link->received + 1)
		return -EPROTO;
	link->received++;
	link->heard = vmg_link_now();
	link->order = message.arg[0];
	link->credit = message.arg[1];
	return 1;
}

static int vmg_link_connect(struct vmg_link *link)
{
	struct sockaddr_vm host = {
		.svm_family = AF_VSOCK,
		.svm_port = VML_PORT,
		.svm_cid = VMADDR_CID_HOST,
	};
	struct sockaddr_vm own = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
	};
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, AF_VSOCK, SOCK_STREAM, 0, &sock);
	if (err)
		return err;
	/* Another one each time: the host may still know the old connection. */
	own.svm_port = VMG_LINK_PORT_MIN +
		       get_random_u32() % (VML_PORT_MAX + 1 - VMG_LINK_PORT_MIN);
	err = kernel_bind(sock, (struct sockaddr *)&own, sizeof(own));
	if (!err)
		err = kernel_connect(sock, (struct sockaddr *)&host, sizeof(host), 0);
	if (err) {
		sock_release(sock);
		return err;
	}
	WRITE_ONCE(sock->sk->sk_sndtimeo, msecs_to_jiffies(VMG_LINK_CALM_MS));
	link->sock = sock;
	link->got = 0;
	link->seq = 0;
	link->received = 0;
	return 0;
}

static bool vmg_link_stopping(void)
{
	return kthread_freezable_should_stop(NULL);
}

/* A connection, from hello to its end. */
static void vmg_link_talk(struct vmg_link *link)
{
	bool rests = true;
	int err = vmg_link_hello(link);

	while (err >= 0 && !vmg_link_stopping()) {
		err = vmg_link_receive(link, rests ? VMG_LINK_CALM_MS : VMG_LINK_BUSY_MS);
		if (err < 0)
			break;
		rests = vmg_link_apply(link);
		/* An order is no question: else both would talk without end. */
		if (!err)
			err = vmg_link_report(link);
	}
	sock_release(link->sock);
	link->sock = NULL;
}

/* Until the next attempt. */
static void vmg_link_pause(unsigned int ms)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (!kthread_should_stop())
		schedule_timeout(msecs_to_jiffies(ms));
	__set_current_state(TASK_RUNNING);
}

/* The host is gone, and gets its memory no more. */
static void vmg_link_forget(struct vmg_link *link)
{
	if (vml_order_good(link->heard, vmg_link_now()))
		return;
	link->order = 0;
	link->credit = 0;
	vmg_link_set(link, 0);
}

static int vmg_link_thread(void *data)
{
	unsigned int retry = VMG_LINK_RETRY_MIN_MS;
	struct vmg_link *link = data;

	set_freezable();
	while (!vmg_link_stopping()) {
		if (!vmg_link_connect(link)) {
			vmg_link_talk(link);
			/* One that only ever hung up is no better than none. */
			if (link->received)
				retry = VMG_LINK_RETRY_MIN_MS;
		}
		vmg_link_forget(link);
		vmg_link_pause(retry / 2 + get_random_u32() % (retry / 2));
		retry = min(2 * retry, (unsigned int)VMG_LINK_RETRY_MAX_MS);
	}
	return 0;
}

/*
 * vmg_link_start() - connect to the host, if that is wanted and can be
 *
 * The device works without.
 */
void vmg_link_start(struct vmg_dev *dev)
{
	struct vmg_link *link;
	struct socket *sock;

	if (!vmg_link_enabled)
		return;
	if (sock_create_kern(&init_net, AF_VSOCK, SOCK_STREAM, 0, &sock)) {
		dev_info(&dev->vdev->dev, "no AF_VSOCK: no link to the host\n");
		return;
	}
	sock_release(sock);
	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return;
	link->dev = dev;
	link->task = kthread_create(vmg_link_thread, link, "vmballoon_link");
	if (IS_ERR(link->task)) {
		kfree(link);
		return;
	}
	dev->link = link;
	wake_up_process(link->task);
}

/* vmg_link_stop() - leave the host; nothing resizes the balloon any more */
void vmg_link_stop(struct vmg_dev *dev)
{
	if (!dev->link)
		return;
	kthread_stop(dev->link->task);
	kfree(dev->link);
	dev->link = NULL;
}
