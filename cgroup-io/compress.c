// SPDX-License-Identifier: GPL-2.0
/*
 * The files io.vm.compress.*: what memcompress.ko, if it is loaded, has of a cgroup.
 *
 * They are there in any case: a policy's files cannot change while it is registered, and
 * the kernel has no room for a policy of memcompress' own. Without memcompress they say
 * ENODEV. It may come and go at any time; while a file is accessed it stays.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kernfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "internal.h"
#include "../memcompress/cgroup.h"

/**
 * cgio_compress_show() - a VM's setting, or its statistics
 * @seq: of a file whose private is an enum mcz_file
 * @unused: unused
 *
 * Return: 0, -ENODEV without memcompress, or -ENOMEM.
 */
int cgio_compress_show(struct seq_file *seq, void *unused)
{
	int (*show)(struct cgroup *cgroup, enum mcz_file file, char *page);
	char *page;
	int r = -ENOMEM;

	show = symbol_get(mcz_cgroup_show);
	if (!show)
		return -ENODEV;
	page = (char *)get_zeroed_page(GFP_KERNEL);
	if (page) {
		r = show(seq_css(seq)->cgroup, seq_cft(seq)->private, page);
		seq_puts(seq, page);
		free_page((unsigned long)page);
	}
	symbol_put(mcz_cgroup_show);
	return r;
}

/**
 * cgio_compress_write() - change a VM's setting
 * @of: a file whose private is an enum mcz_file
 * @buf: what is written
 * @len: its length
 * @off: unused
 *
 * Return: @len, -ENODEV without memcompress, or what that refuses it with.
 */
ssize_t cgio_compress_write(struct kernfs_open_file *of, char *buf, size_t len,
			    loff_t off)
{
	const bool admin = file_ns_capable(of->file, &init_user_ns, CAP_SYS_ADMIN);
	int (*store)(struct cgroup *cgroup, enum mcz_file file, const char *text,
		     bool admin);
	int r;

	store = symbol_get(mcz_cgroup_store);
	if (!store)
		return -ENODEV;
	r = store(of_css(of)->cgroup, of_cft(of)->private, buf, admin);
	symbol_put(mcz_cgroup_store);
	return r ? r : len;
}
