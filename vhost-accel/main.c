// SPDX-License-Identifier: GPL-2.0
/*
 * vhost-accel: in-kernel virtio-net backend with the ABI of vhost-net.
 *
 * A user of /dev/vhost-accel (QEMU with vhostfd=, libvirt with <backend vhost=>)
 * gets one queue pair for each open file. This file is the node itself; see
 * Documentation/design/vhost-accel.rst for the map of the others.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uio.h>

#include "internal.h"

/* QEMU takes the limit of the stock module as ours: it must not be lower. */
unsigned short vha_max_mem_regions = 509;
module_param_named(max_mem_regions, vha_max_mem_regions, ushort, 0444);
MODULE_PARM_DESC(max_mem_regions,
		 "Most regions of a guest memory table, entries (default 509)");

static int vha_open(struct inode *inode, struct file *file)
{
	struct vha_dev *dev = vha_dev_create();

	if (!dev)
		return -ENOMEM;
	file->private_data = dev;
	return 0;
}

static int vha_release(struct inode *inode, struct file *file)
{
	vha_dev_destroy(file->private_data);
	return 0;
}

static long vha_get_u64(u64 value, void __user *argp)
{
	return copy_to_user(argp, &value, sizeof(value)) ? -EFAULT : 0;
}

static long vha_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vha_dev *dev = file->private_data;
	void __user *argp = (void __user *)arg;
	u64 features;
	long r;

	switch (cmd) {
	case VHOST_NET_SET_BACKEND:
		return vha_backend_ioctl(dev, argp);
	case VHOST_GET_FEATURES:
		return vha_get_u64(VHA_FEATURES, argp);
	case VHOST_SET_FEATURES:
		if (copy_from_user(&features, argp, sizeof(features)))
			return -EFAULT;
		return vha_dev_set_features(dev, features);
	case VHOST_GET_BACKEND_FEATURES:
		return vha_get_u64(VHA_BACKEND_FEATURES, argp);
	case VHOST_SET_BACKEND_FEATURES:
		if (copy_from_user(&features, argp, sizeof(features)))
			return -EFAULT;
		return vha_dev_set_backend_features(dev, features);
	case VHOST_SET_OWNER:
		return vha_dev_set_owner(dev);
	case VHOST_RESET_OWNER:
		return vha_dev_reset_owner(dev);
#ifdef VHOST_SET_FORK_FROM_OWNER
	case VHOST_SET_FORK_FROM_OWNER:
		return vha_dev_set_fork(dev, argp);
	case VHOST_GET_FORK_FROM_OWNER:
		return vha_dev_get_fork(dev, argp);
#endif
	}

	mutex_lock(&dev->mutex);
	r = vha_dev_check_owner(dev);
	if (r)
		goto out;
	switch (cmd) {
	case VHOST_SET_MEM_TABLE:
		r = vha_dev_set_memory(dev, argp);
		break;
	case VHOST_SET_LOG_BASE:
		r = vha_log_set_base(dev, argp);
		break;
	case VHOST_SET_LOG_FD:
		r = vha_log_set_fd(dev, argp);
		break;
	default:
		r = vha_vring_ioctl(dev, cmd, argp);
	}
out:
	mutex_unlock(&dev->mutex);
	return r;
}

static ssize_t vha_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;

	return vha_iotlb_read(file->private_data, to,
			      file->f_flags & O_NONBLOCK);
}

static ssize_t vha_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return vha_iotlb_write(iocb->ki_filp->private_data, from);
}

static __poll_t vha_poll(struct file *file, poll_table *wait)
{
	return vha_iotlb_poll(file->private_data, file, wait);
}

static void vha_show_fdinfo(struct seq_file *m, struct file *file)
{
	vha_sysfs_fdinfo(file->private_data, m);
}

static const struct file_operations vha_fops = {
	.owner = THIS_MODULE,
	.open = vha_open,
	.release = vha_release,
	.unlocked_ioctl = vha_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = vha_read_iter,
	.write_iter = vha_write_iter,
	.poll = vha_poll,
	.llseek = noop_llseek,
	.show_fdinfo = vha_show_fdinfo,
};

/* DPDK takes only nodes of the misc major for a kernel vhost backend. */
static struct miscdevice vha_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-accel",
	.fops = &vha_fops,
};

static int __init vha_init(void)
{
	int r;

	vha_sysfs_init(&vha_misc);
	r = vha_netdev_init();
	if (r)
		return r;
	/* Nothing may fail after this: somebody may have opened the node. */
	r = misc_register(&vha_misc);
	if (r) {
		vha_netdev_exit();
		return r;
	}
	vha_sysfs_publish();
	return 0;
}
module_init(vha_init);

static void __exit vha_exit(void)
{
	vha_sysfs_exit();
	misc_deregister(&vha_misc);
	vha_netdev_exit();
}
module_exit(vha_exit);

MODULE_AUTHOR("vmaccel maintainers");
MODULE_DESCRIPTION("In-kernel virtio-net backend, drop-in for vhost-net");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
