// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of guests.
 *
 * A listener on a port below 1024 of AF_VSOCK. Which VM a connection comes from, vhost says.
 * Only VMs that take part may connect, each once: a new connection replaces the old
 * one, as a guest that was reset says no farewell. Where the kernel has no AF_VSOCK the
 * rest of the module does without.
 *
 * What a guest can cost: a connection each 200 ms, 64 messages in a tenth of a second
 * read and 50 in a second looked at, 4 KiB of unread messages, and for each message taken
 * an answer and one order more. Nothing waits for a guest: sockets are never waited
 * on, and what does not fit is not sent. Connections of those who may not have one are
 * accepted, as vsock knows no other way to refuse them, and ended: 64 in 50 ms at
 * most. While somebody makes more the others must try again; who is connected
 * does not notice.
 *
 * That bounds what we do, not what vsock does on its own: it answers each read, and each
 * request, with the space that is left, and keeps the answers until the guest takes
 * them. A connection that leaves more than 64 KiB of them, or 256 packets, is ended by the
 * next turn, and its VM has no other before they are gone. So a guest that takes nothing
 * costs once what it can ask for within a turn, a second at most. Connections that have
 * not been accepted are vsock's alone, as those of any other listener are.
 *
 * Silence ends a connection after 10 s, and what the guest said last is forgotten.
 *
 * Life: a connection belongs to its VM (vmb_member.conn) until it is detached, under
 * vmb_lock, by whoever finds that it has ended; the reaper then ends its work and its
 * socket. Sockets call back with their lock held or bottom halves off.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vm_sockets.h>
#include <net/af_vsock.h>
#include <net/sock.h>

#include "host.h"
#include "link_core.h"

/* Connections that may wait to be accepted. */
#define VMB_BACKLOG 256

/* Connections accepted at once, and the pause after so many. */
#define VMB_ACCEPTS 64
#define VMB_ACCEPT_PAUSE_MS 50

/* Reads of a connection, also in vain, in so many milliseconds. */
#define VMB_RECEIVES 64
#define VMB_RECEIVE_MS 100

/* Bytes of a guest that may wait to be read. */
#define VMB_BUFFER 4096

/* Bytes of memory, and packets, that may wait in a connection for its guest. */
#define VMB_UNTAKEN SZ_64K
#define VMB_UNTAKEN_PACKETS 256

static unsigned int vmb_loopback_as;
module_param_named(loopback_as, vmb_loopback_as, uint, 0600);
MODULE_PARM_DESC(loopback_as,
		 "VM that connections from this machine itself count as, for tests (default 0: refused)");

/**
 * struct vmb_calls - what a socket calls when something happens
 * @ready: there is data, or a connection
 * @change: the connection changed
 * @error: it failed
 */
struct vmb_calls {
	void (*ready)(struct sock *sk);
	void (*change)(struct sock *sk);
	void (*error)(struct sock *sk);
};

/**
 * struct vmb_conn - a connection
 * @dead: in the list of those that were detached
 * @sock: its socket
 * @calls: of @sock, before it called us
 * @vm: whose it is, or NULL: it was detached; by vmb_lock
 * @work: reads and answers
 * @in: a message that is being received; by @work alone
 * @got: bytes of it
 * @reads: since @window; by @work alone
 * @window: jiffies, when counting them began
 * @seq: number of the last order; by @work alone
 * @due: an order is to be sent; by vmb_lock
 * @fresh: said hello, and no turn was made since: no order is sent; by vmb_lock
 * @may_push: one may be sent that nobody asked for; by vmb_lock
 * @order: size that was last sent; by vmb_lock
 * @credit: likewise
 */
struct vmb_conn {
	struct list_head dead;
	struct socket *sock;
	struct vmb_calls calls;
	struct vmb_member *vm;
	struct delayed_work work;
	struct vml_wire in;
	unsigned int got;
	unsigned int reads;
	unsigned long window;
	u32 seq;
	bool due;
	bool fresh;
	bool may_push;
	u64 order;
	u64 credit;
};

static struct workqueue_struct *vmb_link_wq;

/* NULL where there is no AF_VSOCK. */
static struct socket *vmb_listener;
static struct vmb_calls vmb_listener_calls;
static atomic_long_t vmb_refused;

/* Detached and not yet closed; by vmb_lock. */
static LIST_HEAD(vmb_dead);

static void vmb_link_accept(struct work_struct *work);
static void vmb_link_reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(vmb_accept_work, vmb_link_accept);
static DECLARE_WORK(vmb_reap_work, vmb_link_reap);

/* Have a socket call @fn, with @data to find; @old is what it called before. */
static void vmb_calls_set(struct socket *sock, void (*fn)(struct sock *sk), void *data,
			  struct vmb_calls *old)
{
	struct sock *sk = sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	old->ready = sk->sk_data_ready;
	old->change = sk->sk_state_change;
	old->error = sk->sk_error_report;
	sk->sk_user_data = data;
	sk->sk_data_ready = fn;
	sk->sk_state_change = fn;
	sk->sk_error_report = fn;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* As it was. A call that began before finds no data. */
static void vmb_calls_restore(struct socket *sock, const struct vmb_calls *old)
{
	struct sock *sk = sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = old->ready;
	sk->sk_state_change = old->change;
	sk->sk_error_report = old->error;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Something happened; its data is the work to be done. During a pause, nothing. */
static void vmb_sock_call(struct sock *sk)
{
	struct delayed_work *work;

	read_lock_bh(&sk->sk_callback_lock);
	work = sk->sk_user_data;
	if (work)
		queue_delayed_work(vmb_link_wq, work, 0);
	read_unlock_bh(&sk->sk_callback_lock);
}

/* Packets charge the memory of their socket, or hold it: that depends on the kernel. */
static bool vmb_sock_crowded(struct sock *sk)
{
	return sk_wmem_alloc_get(sk) > VMB_UNTAKEN ||
	       refcount_read(&sk->sk_refcnt) > VMB_UNTAKEN_PACKETS;
}

/* Whether a connection that was ended still waits for its guest; we hold the socket. */
static bool vmb_sock_waits(struct sock *sk)
{
	return sk_wmem_alloc_get(sk) || refcount_read(&sk->sk_refcnt) > 1;
}

/*
 * Close an accepted socket at once: while vsock waited for the guest to agree, up to 8 s,
 * it would answer as before.
 */
static void vmb_sock_end(struct socket *sock)
{
	lock_sock(sock->sk);
	vsock_sk(sock->sk)->peer_shutdown = SHUTDOWN_MASK;
	release_sock(sock->sk);
	sock_release(sock);
}

/* Forget a connection for which @vm was to have no other. */
static void vmb_link_unchoke(struct vmb_member *vm)
{
	lockdep_assert_held(&vmb_lock);
	if (vm->choked)
		sock_put(vm->choked);
	vm->choked = NULL;
}

/* The connection is not its VM's any more, and will be closed. */
static void vmb_conn_detach(struct vmb_conn *conn)
{
	struct vmb_member *vm = conn->vm;
	struct sock *sk = conn->sock->sk;

	lockdep_assert_held(&vmb_lock);
	if (!vm)
		return;
	/* There is no earlier one: it would have got no connection. */
	if (vmb_sock_crowded(sk)) {
		sock_hold(sk);
		vm->choked = sk;
	}
	conn->vm = NULL;
	vm->conn = NULL;
	list_add_tail(&conn->dead, &vmb_dead);
	queue_work(vmb_link_wq, &vmb_reap_work);
}

/* A message that counts; the VM's figures are what it says. */
static void vmb_conn_take(struct vmb_conn *conn, const struct vml_message *message)
{
	struct vmb_member *vm = conn->vm;
	const u64 *arg = message->arg;

	lockdep_assert_held(&vmb_lock);
	vm->heard = vmb_now();
	conn->due = true;
	conn->may_push = true;
	if (message->type == VML_HELLO) {
		/* The last order was for what there was before: a turn is to make another. */
		conn->fresh = true;
		vm->reported = false;
		vmb_vm_begin(vm);
		vmb_vm_claim(vm, NULL, arg[1], 0);
	} else {
		struct vmb_report report = {
			.total = arg[0],
			.avail = arg[1],
			.active_file = arg[2],
			.refault = arg[3],
		};

		vmb_vm_claim(vm, &report, arg[4], arg[5]);
	}
}

/* Whether the connection may go on after the message in @conn->in. */
static bool vmb_conn_message(struct vmb_conn *conn)
{
	struct vml_message message;
	enum vml_verdict verdict = VML_IGNORE;

	if (!vml_decode(&message, &conn->in))
		return false;
	mutex_lock(&vmb_lock);
	if (conn->vm) {
		verdict = vml_peer_accept(&conn->vm->peer, &message, vmb_now());
		if (verdict == VML_TAKE)
			vmb_conn_take(conn, &message);
		else
			conn->vm->ignored++;
	}
	mutex_unlock(&vmb_lock);
	return verdict != VML_CLOSE;
}

/* Whether the connection may go on; *@again is set if there may be more to read. */
static bool vmb_conn_receive(struct vmb_conn *conn, bool *again)
{
	/* However many runs of the work they are spread over. */
	if (time_after_eq(jiffies, conn->window + msecs_to_jiffies(VMB_RECEIVE_MS))) {
		conn->window = jiffies;
		conn->reads = 0;
	}
	while (conn->reads < VMB_RECEIVES) {
		struct kvec vec = {
			.iov_base = (u8 *)&conn->in + conn->got,
			.iov_len = sizeof(conn->in) - conn->got,
		};
		struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
		int n = kernel_recvmsg(conn->sock, &msg, &vec, 1, vec.iov_len, MSG_DONTWAIT);

		conn->reads++;
		if (n == -EAGAIN)
			return true;
		if (n <= 0)
			return false;
		conn->got += n;
		if (conn->got < sizeof(conn->in))
			continue;
		conn->got = 0;
		if (!vmb_conn_message(conn))
			return false;
	}
	*again = true;
	return true;
}

/* Whether the connection may go on after the order that is due, if one is. */
static bool vmb_conn_answer(struct vmb_conn *conn)
{
	struct vml_message message = { .type = VML_ORDER, .seq = conn->seq + 1 };
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct vml_wire wire;
	struct kvec vec = { &wire, sizeof(wire) };
	bool due = false;
	int n;

	mutex_lock(&vmb_lock);
	if (conn->vm && conn->due && !conn->fresh) {
		const struct vmb_vm *share = &conn->vm->share;

		due = true;
		conn->due = false;
		conn->order = share->order;
		conn->credit = share->credit;
		message.arg[0] = conn->vm->ram - min(share->order, conn->vm->ram);
		message.arg[1] = share->credit;
	}
	mutex_unlock(&vmb_lock);
	if (!due)
		return true;
	vml_encode(&wire, &message);
	n = kernel_sendmsg(conn->sock, &msg, &vec, 1, sizeof(wire));
	/* It does not read: there will be another order. */
	if (n == -EAGAIN)
		return true;
	conn->seq++;
	return n == sizeof(wire);
}

static void vmb_conn_work(struct work_struct *work)
{
	struct vmb_conn *conn = container_of(to_delayed_work(work), struct vmb_conn, work);
	bool again = false;

	if (!vmb_conn_receive(conn, &again) || !vmb_conn_answer(conn)) {
		mutex_lock(&vmb_lock);
		vmb_conn_detach(conn);
		mutex_unlock(&vmb_lock);
		return;
	}
	if (again)
		queue_delayed_work(vmb_link_wq, &conn->work,
				   msecs_to_jiffies(VMB_RECEIVE_MS));
}

static void vmb_link_reap(struct work_struct *work)
{
	struct vmb_conn *conn, *next;
	LIST_HEAD(list);

	mutex_lock(&vmb_lock);
	list_splice_init(&vmb_dead, &list);
	mutex_unlock(&vmb_lock);
	list_for_each_entry_safe(conn, next, &list, dead) {
		vmb_calls_restore(conn->sock, &conn->calls);
		cancel_delayed_work_sync(&conn->work);
		vmb_sock_end(conn->sock);
		kfree(conn);
	}
}

/* The VM that has a connection from now on which comes from @cid and @port, or NULL. */
static struct vmb_member *vmb_link_whose(unsigned int cid, unsigned int port)
{
	struct vmb_member *vm;

	lockdep_assert_held(&vmb_lock);
	if (!vml_may_connect(cid, port))
		return NULL;
	vm = vmb_vm_find(cid);
	if (!vm || !vml_peer_connect(&vm->peer, vmb_now()))
		return NULL;
	if (vm->conn)
		vmb_conn_detach(vm->conn);
	if (vm->choked && vmb_sock_waits(vm->choked))
		return NULL;
	vmb_link_unchoke(vm);
	return vm;
}

/* Give an accepted socket to its VM, or end it. */
static void vmb_link_new(struct socket *sock)
{
	unsigned int as = READ_ONCE(vmb_loopback_as);
	struct sockaddr_vm peer = {};
	struct vmb_conn *conn;

	conn = kzalloc(sizeof(*conn), GFP_KERNEL);
	if (!conn || kernel_getpeername(sock, (struct sockaddr *)&peer) < 0)
		goto err_conn;
	if (peer.svm_cid == VMADDR_CID_LOCAL && as)
		peer.svm_cid = as;
	conn->sock = sock;
	conn->window = jiffies;
	INIT_DELAYED_WORK(&conn->work, vmb_conn_work);
	mutex_lock(&vmb_lock);
	conn->vm = vmb_link_whose(peer.svm_cid, peer.svm_port);
	if (!conn->vm) {
		mutex_unlock(&vmb_lock);
		goto err_conn;
	}
	conn->vm->conn = conn;
	conn->vm->heard = vmb_now();
	vmb_calls_set(sock, vmb_sock_call, &conn->work, &conn->calls);
	/* For what came before. */
	queue_delayed_work(vmb_link_wq, &conn->work, 0);
	mutex_unlock(&vmb_lock);
	return;

err_conn:
	kfree(conn);
	vmb_sock_end(sock);
	atomic_long_inc(&vmb_refused);
}

static void vmb_link_accept(struct work_struct *work)
{
	unsigned int i;

	for (i = 0; i < VMB_ACCEPTS; i++) {
		struct socket *sock;
		int err = kernel_accept(vmb_listener, &sock, O_NONBLOCK);

		if (err == -EAGAIN)
			return;
		if (err)
			break;
		vmb_link_new(sock);
	}
	queue_delayed_work(vmb_link_wq, &vmb_accept_work,
			   msecs_to_jiffies(VMB_ACCEPT_PAUSE_MS));
}

/* vmb_link_drop() - @vm has no connection any more, nor a trace of one */
void vmb_link_drop(struct vmb_member *vm)
{
	lockdep_assert_held(&vmb_lock);
	if (vm->conn)
		vmb_conn_detach(vm->conn);
	vmb_link_unchoke(vm);
}

/*
 * vmb_link_turn() - a turn has looked at @vm: have it sent what is new
 *
 * What was said before a long silence counts no more.
 */
void vmb_link_turn(struct vmb_member *vm, u64 now)
{
	struct vmb_conn *conn;

	lockdep_assert_held(&vmb_lock);
	if (vm->heard && !vml_order_good(vm->heard, now)) {
		vm->heard = 0;
		vmb_vm_forget(vm);
		if (vm->conn)
			vmb_conn_detach(vm->conn);
	}
	if (vm->conn && vmb_sock_crowded(vm->conn->sock->sk))
		vmb_conn_detach(vm->conn);
	conn = vm->conn;
	if (!conn)
		return;
	if (!conn->fresh) {
		if (!conn->may_push || (conn->order == vm->share.order &&
					conn->credit == vm->share.credit))
			return;
		conn->may_push = false;
		conn->due = true;
	}
	conn->fresh = false;
	queue_delayed_work(vmb_link_wq, &conn->work, 0);
}

/* vmb_link_refused() - connections that were ended at once */
unsigned long vmb_link_refused(void)
{
	return atomic_long_read(&vmb_refused);
}

static int vmb_link_listen(struct socket *sock)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK,
		.svm_port = VML_PORT,
		.svm_cid = VMADDR_CID_ANY,
	};
	u64 size = VMB_BUFFER;
	int err;

	/* Accepted sockets have their buffer from the listener. */
	err = sock->ops->setsockopt(sock, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE,
				    KERNEL_SOCKPTR(&size), sizeof(size));
	if (!err)
		err = kernel_bind(sock, (struct sockaddr *)&address, sizeof(address));
	if (!err)
		err = kernel_listen(sock, VMB_BACKLOG);
	return err;
}

/*
 * vmb_link_init() - let guests connect
 *
 * Return: 0, also where there is no AF_VSOCK, or an error.
 */
int vmb_link_init(void)
{
	struct socket *sock;
	int err;

	vmb_link_wq = alloc_workqueue("vmballoon_link", WQ_UNBOUND, 0);
	if (!vmb_link_wq)
		return -ENOMEM;
	err = sock_create_kern(&init_net, AF_VSOCK, SOCK_STREAM, 0, &sock);
	if (err == -EAFNOSUPPORT) {
		pr_info("no AF_VSOCK: guests cannot connect\n");
		return 0;
	}
	if (err)
		goto err_wq;
	err = vmb_link_listen(sock);
	if (err)
		goto err_sock;
	vmb_listener = sock;
	vmb_calls_set(sock, vmb_sock_call, &vmb_accept_work, &vmb_listener_calls);
	queue_delayed_work(vmb_link_wq, &vmb_accept_work, 0);
	return 0;

err_sock:
	pr_err("cannot listen on port %u of AF_VSOCK: %d\n", VML_PORT, err);
	sock_release(sock);
err_wq:
	destroy_workqueue(vmb_link_wq);
	return err;
}

/* vmb_link_stop() - no connection is accepted any more; VMs may still have some */
void vmb_link_stop(void)
{
	if (!vmb_listener)
		return;
	vmb_calls_restore(vmb_listener, &vmb_listener_calls);
	cancel_delayed_work_sync(&vmb_accept_work);
	sock_release(vmb_listener);
	vmb_listener = NULL;
}

/* vmb_link_exit() - all connections are gone: there are no VMs */
void vmb_link_exit(void)
{
	flush_work(&vmb_reap_work);
	/* Sockets that are being reset call with bottom halves off. */
	synchronize_rcu();
	destroy_workqueue(vmb_link_wq);
}
