// SPDX-License-Identifier: GPL-2.0
/*
 * Backends: what VHOST_NET_SET_BACKEND connects a queue to.
 *
 * A backend is a tun or tap, a macvtap or ipvtap, or a raw packet socket. We hold
 * its file while a queue uses it. The two queues of a device are bound one by one
 * and may have different backends.
 */
#include <linux/file.h>
#include <linux/if_packet.h>
#include <linux/if_tap.h>
#include <linux/if_tun.h>
#include <linux/net.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include "internal.h"

/**
 * struct vha_backend - a file looked at as a backend
 * @sock: its socket; the file is held
 * @ring: ring by which a tap gives packets, or NULL
 * @tap: any kind of tap
 * @tun: a tun or tap
 */
struct vha_backend {
	struct socket *sock;
	struct ptr_ring *ring;
	bool tap;
	bool tun;
};

static struct socket *vha_packet_socket(int fd)
{
	struct socket *sock;
	int err;

	sock = sockfd_lookup(fd, &err);
	if (!sock)
		return NULL;
	if (sock->sk->sk_type == SOCK_RAW && sock->sk->sk_family == AF_PACKET)
		return sock;
	sockfd_put(sock);
	return NULL;
}

static int vha_backend_get(int fd, struct vha_backend *be)
{
	struct file *file;

	*be = (struct vha_backend){ .sock = vha_packet_socket(fd) };
	if (be->sock)
		return 0;

	file = fget(fd);
	if (!file)
		return -ENOTSOCK;
	be->sock = tun_get_socket(file);
	if (!IS_ERR(be->sock)) {
		be->ring = tun_get_tx_ring(file);
		be->tun = true;
	} else {
		be->sock = tap_get_socket(file);
		if (IS_ERR(be->sock)) {
			fput(file);
			return -ENOTSOCK;
		}
		be->ring = tap_get_ptr_ring(file);
	}
	be->tap = true;
	if (IS_ERR(be->ring))
		be->ring = NULL;
	return 0;
}

/* Bind a queue to a backend, or to none; the old one's file stays held. */
static void vha_backend_bind(struct vha_vq *vq, const struct vha_backend *be)
{
	lockdep_assert_held(&vq->mutex);
	vha_poll_forget(&vq->sock_poll);
	vha_rx_return_packets(vq);
	vq->sock = be->sock;
	vq->ring = vq->index == VHA_RX ? be->ring : NULL;
	vq->tap = be->tap;
	vq->tun = be->tun;
	vq->direct = false;
	if (vq->index == VHA_RX)
		vha_netdev_bind(vq);
}

static int vha_backend_start(struct vha_vq *vq)
{
	int r;

	r = vha_vq_start(vq);
	if (!r)
		r = vha_poll_start(&vq->sock_poll, vq->sock->file);
	if (!r)
		vha_worker_queue(vq->dev->worker, vq->index);
	return r;
}

static long vha_backend_set(struct vha_vq *vq, int fd, struct socket **put)
{
	struct vha_backend be, old = {
		.sock = vq->sock,
		.ring = vq->ring,
		.tap = vq->tap,
		.tun = vq->tun,
	};
	long r;

	if (!vha_vq_access_ok(vq))
		return -EFAULT;
	r = vha_backend_get(fd, &be);
	if (r)
		return r;
	if (be.sock == old.sock) {
		*put = be.sock;
		return 0;
	}
	vha_backend_bind(vq, &be);
	r = vha_backend_start(vq);
	if (!r) {
		*put = old.sock;
		return 0;
	}
	/* The former backend goes on. */
	vha_backend_bind(vq, &old);
	if (old.sock) {
		vha_poll_start(&vq->sock_poll, old.sock->file);
		vha_worker_queue(vq->dev->worker, vq->index);
	}
	*put = be.sock;
	return r;
}

/**
 * vha_backend_ioctl() - VHOST_NET_SET_BACKEND
 * @dev: device
 * @argp: struct vhost_vring_file; fd -1 stops the queue and cannot fail
 *
 * When a stop returns, all buffers taken from the ring have been given back, and
 * packets taken from the backend are in it again.
 *
 * Return: 0; -EFAULT for a bad pointer or a ring that is not set up; -EPERM;
 * -ENOBUFS for a bad index; -ENOTSOCK for a file that cannot be a backend;
 * -EINVAL for a tap without an interface.
 */
long vha_backend_ioctl(struct vha_dev *dev, void __user *argp)
{
	static const struct vha_backend none;
	struct vhost_vring_file f;
	struct socket *put = NULL;
	struct vha_vq *vq;
	long r;

	if (copy_from_user(&f, argp, sizeof(f)))
		return -EFAULT;

	mutex_lock(&dev->mutex);
	r = vha_dev_check_owner(dev);
	if (r)
		goto out;
	if (f.index >= VHA_NQUEUES) {
		r = -ENOBUFS;
		goto out;
	}
	vq = &dev->vq[array_index_nospec(f.index, VHA_NQUEUES)];

	mutex_lock(&vq->mutex);
	if (f.fd == VHOST_FILE_UNBIND) {
		put = vq->sock;
		vha_backend_bind(vq, &none);
		vha_iotlb_forget(vq);
	} else {
		r = vha_backend_set(vq, f.fd, &put);
	}
	mutex_unlock(&vq->mutex);

	if (put)
		sockfd_put(put);
out:
	mutex_unlock(&dev->mutex);
	return r;
}

/**
 * vha_backend_stop() - stop both queues
 * @dev: device; nobody else is in an ioctl
 */
void vha_backend_stop(struct vha_dev *dev)
{
	static const struct vha_backend none;
	int i;

	for (i = 0; i < VHA_NQUEUES; i++) {
		struct vha_vq *vq = &dev->vq[i];
		struct socket *put;

		mutex_lock(&vq->mutex);
		put = vq->sock;
		vha_backend_bind(vq, &none);
		vha_iotlb_forget(vq);
		mutex_unlock(&vq->mutex);
		if (put)
			sockfd_put(put);
	}
}
