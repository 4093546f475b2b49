// SPDX-License-Identifier: GPL-2.0
/*
 * io.weight: the shares of a VM for which none were set.
 *
 * IOWeight= of systemd and <blkiotune> of libvirt end in io.weight, a file of the
 * kernel's own io.cost, which keeps what it says whether a disk heeds it or not. It is
 * read as anybody would read it, in a mount of our own, when a VM comes and when a watch
 * on the file system says that it was written. Where a kernel has no such file, or
 * cgroup v2 cannot be mounted, such a VM has the default.
 *
 * The same watch tells when a cgroup was removed, so that its settings go with it.
 *
 * The watch only marks the VM; a worker reads, without cgio_lock: looking up a file may
 * wait for the removal of a cgroup, and that for whoever writes our own files.
 */
#include <linux/cgroup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "internal.h"

#define CGIO_WEIGHT_FILE "io.weight"

/* Read in one turn of the worker. */
#define CGIO_WEIGHT_BATCH 64

static struct vfsmount *cgio_mount;	/* NULL where there is none; constant while loaded */
static struct fsnotify_group *cgio_watch;
static struct fsnotify_mark *cgio_mark;

/* What io.weight of a cgroup says; the default if nothing. */
static u32 cgio_weight_read(struct cgroup *cgroup)
{
	struct path root = { .mnt = cgio_mount };
	u32 weight = VMSHARE_WEIGHT_DEFAULT;
	struct file *file = NULL;
	char *path, text[64];
	loff_t pos = 0;
	ssize_t n;

	path = cgio_mount ? kmalloc(PATH_MAX, GFP_KERNEL) : NULL;
	if (!path)
		return weight;
	root.dentry = cgio_mount->mnt_root;
	n = cgroup_path(cgroup, path, PATH_MAX);
	if (n >= 0 && n < PATH_MAX && strlcat(path, "/" CGIO_WEIGHT_FILE, PATH_MAX) < PATH_MAX)
		file = file_open_root(&root, path, O_RDONLY, 0);
	kfree(path);
	if (IS_ERR_OR_NULL(file))
		return weight;
	n = kernel_read(file, text, sizeof(text) - 1, &pos);
	if (n > 0) {
		text[n] = '\0';
		weight = cgio_knob_weight(text);
	}
	fput(file);
	return weight;
}

static void cgio_weight_set(u64 id, u32 weight)
{
	struct cgio_vm *vm;

	mutex_lock(&cgio_lock);
	vm = cgio_vm_find(id);
	if (vm && vm->weight != weight) {
		vm->weight = weight;
		cgio_vm_changed(vm);
	}
	mutex_unlock(&cgio_lock);
}

/**
 * cgio_weight_work() - read the weights that may have changed
 * @work: of vm.c
 */
void cgio_weight_work(struct work_struct *work)
{
	unsigned int n;

	/* Whoever waits for its end does not wait for ever, however often somebody writes. */
	for (n = 0; n < CGIO_WEIGHT_BATCH; n++) {
		const u64 id = cgio_vm_next_stale();
		struct cgroup *cgroup;

		if (!id)
			return;
		cgroup = cgroup_get_from_id(id);
		if (IS_ERR(cgroup))
			continue;
		cgio_weight_set(id, cgio_weight_read(cgroup));
		cgroup_put(cgroup);
	}
	cgio_vm_requeue();
}

/*
 * A file of some cgroup was written, or some cgroup was removed: directories have the
 * number of their cgroup.
 */
static int cgio_weight_event(struct fsnotify_group *group, u32 mask, const void *data,
			     int data_type, struct inode *dir, const struct qstr *name,
			     u32 cookie, struct fsnotify_iter_info *iter)
{
	struct dentry *dentry = fsnotify_data_dentry(data, data_type), *parent;
	const struct inode *inode = fsnotify_data_inode(data, data_type);

	if (mask & FS_DELETE) {
		if (inode)
			cgio_vm_gone(inode->i_ino);
		return 0;
	}
	if (!dentry || strcmp(dentry->d_name.name, CGIO_WEIGHT_FILE))
		return 0;
	parent = dget_parent(dentry);
	cgio_vm_stale(d_inode(parent)->i_ino);
	dput(parent);
	return 0;
}

static void cgio_weight_free(struct fsnotify_mark *mark)
{
	kfree(mark);
}

static const struct fsnotify_ops cgio_weight_ops = {
	.handle_event = cgio_weight_event,
	.free_mark = cgio_weight_free,
};

static int cgio_weight_watch(void)
{
	int r;

	cgio_watch = fsnotify_alloc_group(&cgio_weight_ops, 0);
	if (IS_ERR(cgio_watch))
		return PTR_ERR(cgio_watch);
	r = -ENOMEM;
	cgio_mark = kzalloc(sizeof(*cgio_mark), GFP_KERNEL);
	if (!cgio_mark)
		goto err_group;
	fsnotify_init_mark(cgio_mark, cgio_watch);
	cgio_mark->mask = FS_MODIFY | FS_DELETE;
	r = compat_fsnotify_add_sb_mark(cgio_mark, cgio_mount->mnt_sb);
	if (!r)
		return 0;
	fsnotify_put_mark(cgio_mark);
	fsnotify_wait_marks_destroyed();
err_group:
	fsnotify_put_group(cgio_watch);
	return r;
}

/**
 * cgio_weight_init() - watch io.weight
 *
 * Without it VMs have their shares from io.vm.shares only.
 */
void cgio_weight_init(void)
{
	struct file_system_type *type = get_fs_type("cgroup2");
	struct vfsmount *mount = type ? kern_mount(type) : ERR_PTR(-ENODEV);
	int r;

	r = PTR_ERR_OR_ZERO(mount);
	if (!r) {
		cgio_mount = mount;
		/* In a cgroup namespace paths would begin elsewhere. */
		r = d_inode(mount->mnt_root)->i_ino == cgroup_id(&cgrp_dfl_root.cgrp) ?
			cgio_weight_watch() : -EXDEV;
		if (!r)
			return;
		cgio_mount = NULL;
		kern_unmount(mount);
	}
	pr_notice("cgroup_io: io.weight is not followed (%d); set io.vm.shares\n", r);
}

/** cgio_weight_exit() - after this no VM is marked by the watch; before those go */
void cgio_weight_exit(void)
{
	if (!cgio_mount)
		return;
	fsnotify_destroy_mark(cgio_mark, cgio_watch);
	fsnotify_put_mark(cgio_mark);
	fsnotify_wait_marks_destroyed();
	fsnotify_put_group(cgio_watch);
	cgio_vm_flush();
	kern_unmount(cgio_mount);
}
