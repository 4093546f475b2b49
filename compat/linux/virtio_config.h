/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_VIRTIO_CONFIG_H
#define COMPAT_LINUX_VIRTIO_CONFIG_H

#include <linux/version.h>
#include_next <linux/virtio_config.h>

/* Linux 6.11 put what there is to know of a virtqueue into one struct. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define COMPAT_VQS_MAX 8

struct virtqueue_info {
	const char *name;
	vq_callback_t *callback;
	bool ctx;
};

static inline int compat_virtio_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
					 struct virtqueue *vqs[],
					 struct virtqueue_info info[],
					 struct irq_affinity *desc)
{
	vq_callback_t *callbacks[COMPAT_VQS_MAX];
	const char *names[COMPAT_VQS_MAX];
	unsigned int i;

	if (nvqs > COMPAT_VQS_MAX)
		return -EINVAL;
	for (i = 0; i < nvqs; i++) {
		callbacks[i] = info[i].callback;
		names[i] = info[i].name;
	}
	return virtio_find_vqs(vdev, nvqs, vqs, callbacks, names, desc);
}

#define virtio_find_vqs compat_virtio_find_vqs
#endif

#endif /* COMPAT_LINUX_VIRTIO_CONFIG_H */
