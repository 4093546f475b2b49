// SPDX-License-Identifier: GPL-2.0
/*
 * The backend's netdev: its statistics and its name.
 *
 * Problem: packets that we take from a tap's ring without asking tun are not
 * counted by tun, while operators read the VM's traffic from the tap. The netdev
 * is not to be had from the tap's file; a packet names it, but a packet may be
 * older than the netdev's end: a detached tap keeps what we give back to it.
 * Macvtaps and packet sockets count for themselves and tell their netdev.
 *
 * Control: a packet's netdev pointer is compared, never followed. It is looked up
 * among the netdevs that exist; one that is found there, and is a tun, is
 * remembered by the queue. The lookup and the remembering are one RCU section. A
 * netdev leaves the lists, waits for RCU readers, and then announces its end: our
 * notifier makes all queues forget it, and the netdev waits for readers again
 * before it is freed. So what a queue remembers inside an RCU section exists until
 * the section ends, without a reference that would hold up unregistering.
 */
#include <linux/if_packet.h>
#include <linux/if_tap.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

#include "internal.h"

/* Queues that the notifier must know; their netdev is written under it, too. */
static DEFINE_SPINLOCK(vha_netdev_lock);
static LIST_HEAD(vha_netdev_queues);

static bool vha_netdev_is_tun(const struct net_device *dev)
{
	return dev->rtnl_link_ops && !strcmp(dev->rtnl_link_ops->kind, "tun") &&
	       dev->tstats;
}

static struct net_device *vha_netdev_find(const struct net_device *wanted)
{
	struct net_device *dev;
	struct net *net;

	for_each_net_rcu(net) {
		for_each_netdev_rcu(net, dev) {
			if (dev == wanted)
				return dev;
		}
	}
	return NULL;
}

/**
 * vha_netdev_account() - count packets on the tap they came from
 * @vq: RX queue; mutex held
 * @dev: netdev of the packets; need not exist any more
 * @packets: how many
 * @bytes: of all of them
 *
 * Context: process.
 */
void vha_netdev_account(struct vha_vq *vq, const struct net_device *dev,
			unsigned int packets, unsigned int bytes)
{
	struct net_device *known;

	rcu_read_lock();
	known = READ_ONCE(vq->netdev);
	if (unlikely(known != dev)) {
		known = vha_netdev_find(dev);
		if (known && !vha_netdev_is_tun(known))
			known = NULL;
		spin_lock(&vha_netdev_lock);
		if (known)
			WRITE_ONCE(vq->netdev, known);
		spin_unlock(&vha_netdev_lock);
	}
	if (known) {
		preempt_disable();
		dev_sw_netstats_tx_add(known, packets, bytes);
		preempt_enable();
	}
	rcu_read_unlock();
}

/* The netdev that the backend itself names; it may be on its way out. */
static const struct net_device *vha_netdev_of(const struct vha_vq *vq)
{
	/* A hardware address may be longer than a sockaddr_ll has room for. */
	struct sockaddr_storage addr = { };
	const struct sockaddr_ll *ll = (struct sockaddr_ll *)&addr;
	const struct tap_queue *queue;
	const struct tap_dev *tap;

	if (!vq->sock || vq->tun)
		return NULL;
	if (vq->tap) {
		queue = container_of(vq->sock, struct tap_queue, sock);
		tap = rcu_dereference(queue->tap);
		return tap ? tap->dev : NULL;
	}
	if (vq->sock->ops->getname(vq->sock, (struct sockaddr *)&addr, 0) < 0)
		return NULL;
	return dev_get_by_index_rcu(sock_net(vq->sock->sk), ll->sll_ifindex);
}

/**
 * vha_netdev_bind() - the queue has another backend, or none
 * @vq: RX queue; mutex held
 *
 * Context: process.
 */
void vha_netdev_bind(struct vha_vq *vq)
{
	const struct net_device *dev;
	struct net_device *known;

	lockdep_assert_held(&vq->mutex);
	rcu_read_lock();
	dev = vha_netdev_of(vq);
	known = dev ? vha_netdev_find(dev) : NULL;
	spin_lock(&vha_netdev_lock);
	WRITE_ONCE(vq->netdev, known);
	spin_unlock(&vha_netdev_lock);
	rcu_read_unlock();
}

/**
 * vha_netdev_name() - name of the backend's netdev
 * @vq: RX queue
 * @name: IFNAMSIZ bytes for it; empty when it is not known
 *
 * A netdev that is being renamed may give a mixture of both names.
 *
 * Context: process; takes no lock.
 */
void vha_netdev_name(const struct vha_vq *vq, char *name)
{
	const struct net_device *dev;

	rcu_read_lock();
	dev = READ_ONCE(vq->netdev);
	strscpy(name, dev ? dev->name : "", IFNAMSIZ);
	rcu_read_unlock();
}

/**
 * vha_netdev_add() - let a queue count
 * @vq: RX queue
 */
void vha_netdev_add(struct vha_vq *vq)
{
	spin_lock(&vha_netdev_lock);
	list_add(&vq->netdev_node, &vha_netdev_queues);
	spin_unlock(&vha_netdev_lock);
}

/**
 * vha_netdev_del() - the queue goes
 * @vq: RX queue
 */
void vha_netdev_del(struct vha_vq *vq)
{
	spin_lock(&vha_netdev_lock);
	list_del(&vq->netdev_node);
	spin_unlock(&vha_netdev_lock);
}

static int vha_netdev_event(struct notifier_block *nb, unsigned long event,
			    void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct vha_vq *vq;

	if (event != NETDEV_UNREGISTER)
		return NOTIFY_DONE;
	spin_lock(&vha_netdev_lock);
	list_for_each_entry(vq, &vha_netdev_queues, netdev_node) {
		if (vq->netdev == dev)
			WRITE_ONCE(vq->netdev, NULL);
	}
	spin_unlock(&vha_netdev_lock);
	return NOTIFY_DONE;
}

static struct notifier_block vha_netdev_notifier = {
	.notifier_call = vha_netdev_event,
};

/**
 * vha_netdev_init() - begin to listen
 *
 * Return: 0 or a negative errno.
 */
int vha_netdev_init(void)
{
	return register_netdevice_notifier(&vha_netdev_notifier);
}

/**
 * vha_netdev_exit() - no queue is left
 */
void vha_netdev_exit(void)
{
	unregister_netdevice_notifier(&vha_netdev_notifier);
}
