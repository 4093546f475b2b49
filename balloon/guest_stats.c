// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics for the host, when it asks.
 *
 * The queue works backwards: the device keeps one buffer and uses it when the host wants
 * figures; the driver then returns it with new ones.
 */
#include <linux/mm.h>
#include <linux/vmstat.h>

#include "guest.h"

static unsigned int vmg_stat(struct vmg_dev *dev, unsigned int n, u16 tag, u64 value)
{
	if (n >= ARRAY_SIZE(dev->stat))
		return n;
	dev->stat[n].tag = cpu_to_virtio16(dev->vdev, tag);
	dev->stat[n].val = cpu_to_virtio64(dev->vdev, value);
	return n + 1;
}

static u64 vmg_bytes(u64 pages)
{
	return pages << PAGE_SHIFT;
}

#ifdef VIRTIO_BALLOON_S_OOM_KILL
/* Sums of one counter for each zone. */
static u64 vmg_zone_events(const unsigned long *events, unsigned int normal)
{
	const unsigned long *first = &events[normal - ZONE_NORMAL];
	unsigned int zone;
	u64 sum = 0;

	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		sum += first[zone];
	return sum;
}
#endif

static unsigned int vmg_stats_fill(struct vmg_dev *dev)
{
	unsigned long events[NR_VM_EVENT_ITEMS];
	struct sysinfo info;
	unsigned int n = 0;

	all_vm_events(events);
	si_meminfo(&info);
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_SWAP_IN, vmg_bytes(events[PSWPIN]));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_SWAP_OUT, vmg_bytes(events[PSWPOUT]));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_MAJFLT, events[PGMAJFAULT]);
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_MINFLT, events[PGFAULT]);
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_MEMFREE, vmg_bytes(info.freeram));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_MEMTOT, vmg_bytes(info.totalram));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_AVAIL, vmg_bytes(si_mem_available()));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_CACHES,
		     vmg_bytes(global_node_page_state(NR_FILE_PAGES)));
#ifdef CONFIG_HUGETLB_PAGE
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_HTLB_PGALLOC, events[HTLB_BUDDY_PGALLOC]);
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_HTLB_PGFAIL, events[HTLB_BUDDY_PGALLOC_FAIL]);
#endif
	/* Tags that the header of an older kernel does not name. */
#ifdef VIRTIO_BALLOON_S_OOM_KILL
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_OOM_KILL, events[OOM_KILL]);
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_ALLOC_STALL,
		     vmg_zone_events(events, ALLOCSTALL_NORMAL));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_ASYNC_SCAN, vmg_bytes(events[PGSCAN_KSWAPD]));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_DIRECT_SCAN, vmg_bytes(events[PGSCAN_DIRECT]));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_ASYNC_RECLAIM,
		     vmg_bytes(events[PGSTEAL_KSWAPD]));
	n = vmg_stat(dev, n, VIRTIO_BALLOON_S_DIRECT_RECLAIM,
		     vmg_bytes(events[PGSTEAL_DIRECT]));
#endif
	return n;
}

static int vmg_stats_send(struct vmg_dev *dev)
{
	struct scatterlist sg;
	int err;

	sg_init_one(&sg, dev->stat, vmg_stats_fill(dev) * sizeof(dev->stat[0]));
	err = virtqueue_add_outbuf(dev->stats, &sg, 1, dev, GFP_KERNEL);
	if (!err)
		virtqueue_kick(dev->stats);
	return err;
}

/*
 * vmg_stats_prime() - hand the device its buffer
 *
 * Return: 0 or an error.
 */
int vmg_stats_prime(struct vmg_dev *dev)
{
	return dev->stats ? vmg_stats_send(dev) : 0;
}

/* vmg_stats_work() - answer a request */
void vmg_stats_work(struct work_struct *work)
{
	struct vmg_dev *dev = container_of(work, struct vmg_dev, stats_work);
	unsigned int len;

	if (!READ_ONCE(dev->stop) && virtqueue_get_buf(dev->stats, &len))
		vmg_stats_send(dev);
}

/* vmg_stats_request() - the device used its buffer: the host asks */
void vmg_stats_request(struct virtqueue *vq)
{
	struct vmg_dev *dev = vq->vdev->priv;

	vmg_queue(dev, &dev->stats_work);
}
