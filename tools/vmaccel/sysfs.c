// SPDX-License-Identifier: GPL-2.0
/*
 * Files of vmballoon_host.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "balloon_core.h"
#include "vmaccel.h"

/*
 * vma_sysfs_open() - the directory of vmballoon_host
 *
 * Return: a file descriptor or a negative error.
 */
int vma_sysfs_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A file of a VM, or of all if @vm is 0. What stands there instead is no reason to wait. */
static int vma_sysfs_file(int dir, uint64_t vm, const char *name, int flags)
{
	char path[64];
	int fd;

	if (vm)
		snprintf(path, sizeof(path), "vms/%u/%s", (unsigned int)vm, name);
	else
		snprintf(path, sizeof(path), "%s", name);
	fd = openat(dir, path, flags | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/*
 * vma_sysfs_read() - contents of a file, without the end of the line
 *
 * Return: 0 or a negative error.
 */
int vma_sysfs_read(int dir, uint64_t vm, const char *name, char *text, size_t room)
{
	int fd = vma_sysfs_file(dir, vm, name, O_RDONLY);
	ssize_t n;
	int err;

	*text = 0;
	if (fd < 0)
		return fd;
	n = read(fd, text, room - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

/*
 * vma_sysfs_number() - number in a file
 *
 * Return: 0 or a negative error; -EINVAL: there is another thing in it.
 */
int vma_sysfs_number(int dir, uint64_t vm, const char *name, uint64_t *number)
{
	char text[32];
	int err = vma_sysfs_read(dir, vm, name, text, sizeof(text));

	if (!err && !vma_parse_number(text, UINT64_MAX, number))
		err = -EINVAL;
	return err;
}

/*
 * vma_sysfs_write() - set a file
 *
 * Return: 0 or a negative error.
 */
int vma_sysfs_write(int dir, uint64_t vm, const char *name, const char *text)
{
	int fd = vma_sysfs_file(dir, vm, name, O_WRONLY | O_TRUNC), err = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write(fd, text, strlen(text));
	if (n < 0)
		err = -errno;
	else if ((size_t)n != strlen(text))
		err = -EIO;
	close(fd);
	return err;
}
