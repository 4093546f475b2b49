/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_SCHED_VHOST_TASK_H
#define COMPAT_LINUX_SCHED_VHOST_TASK_H

#include <linux/version.h>

/* Linux 6.4 brought vhost_task; before it vhost workers were kthreads. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#include_next <linux/sched/vhost_task.h>
#else
#include <linux/err.h>
#include <linux/types.h>

struct vhost_task;

static inline struct vhost_task *
vhost_task_create(bool (*fn)(void *), void (*handle_sigkill)(void *), void *arg,
		  const char *name)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void vhost_task_start(struct vhost_task *vtsk)
{
}

static inline void vhost_task_stop(struct vhost_task *vtsk)
{
}

static inline void vhost_task_wake(struct vhost_task *vtsk)
{
}
#endif

#endif /* COMPAT_LINUX_SCHED_VHOST_TASK_H */
