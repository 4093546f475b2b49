/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_FSNOTIFY_BACKEND_H
#define COMPAT_LINUX_FSNOTIFY_BACKEND_H

#include <linux/version.h>
#include_next <linux/fsnotify_backend.h>

/*
 * Linux 6.10 takes the object itself that is watched; before, where it keeps its marks.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
static inline int compat_fsnotify_add_sb_mark(struct fsnotify_mark *mark,
					      struct super_block *sb)
{
	return fsnotify_add_mark(mark, sb, FSNOTIFY_OBJ_TYPE_SB, 0);
}
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
static inline int compat_fsnotify_add_sb_mark(struct fsnotify_mark *mark,
					      struct super_block *sb)
{
	return fsnotify_add_mark(mark, &sb->s_fsnotify_marks, FSNOTIFY_OBJ_TYPE_SB, 0);
}
#else
static inline int compat_fsnotify_add_sb_mark(struct fsnotify_mark *mark,
					      struct super_block *sb)
{
	return fsnotify_add_mark(mark, &sb->s_fsnotify_marks, FSNOTIFY_OBJ_TYPE_SB, 0, NULL);
}
#endif

#endif /* COMPAT_LINUX_FSNOTIFY_BACKEND_H */
