// SPDX-License-Identifier: GPL-2.0
/*
 * vmaccel balloon status: all VMs of vmballoon_host in a table.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "balloon_core.h"
#include "vmaccel.h"

static const char vma_usage[] =
	"Usage: vmaccel balloon status [OPTION...]\n"
	"\n"
	"Shows how the host's memory is divided, and a line for each VM.\n"
	"\n"
	"  -b, --bytes      sizes in bytes, not in K, M and G\n"
	"      --sysfs DIR  the files of vmballoon_host (default " VMA_SYSFS ")\n"
	"  -h, --help       this text\n";

static const struct {
	const char *name;
	bool size;
	bool word;
} vma_columns[] = {
	{ "ram", true, false },
	{ "min", true, false },
	{ "max", true, false },
	{ "weight", false, false },
	{ "need", true, false },
	{ "held", true, false },
	{ "measured", true, false },
	{ "target", true, false },
	{ "order", true, false },
	{ "credit", true, false },
	{ "state", false, true },
	{ "link", false, true },
};

#define VMA_COLUMNS (sizeof(vma_columns) / sizeof(vma_columns[0]))

static const char * const vma_host[] = { "pool", "spare", "reserve", "lack" };

static int vma_compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* The numbers of all VMs; -1: there are none to be had. */
static int vma_list(int dir, uint64_t *vms)
{
	int fd = openat(dir, "vms", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	struct dirent *entry;
	DIR *list;

	list = fd < 0 ? NULL : fdopendir(fd);
	if (!list) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (n < VMA_VMS_MAX && (entry = readdir(list)))
		if (vma_parse_number(entry->d_name, VMA_VM_MAX, &vms[n]) && vms[n] >= VMA_VM_MIN)
			n++;
	closedir(list);
	qsort(vms, n, sizeof(*vms), vma_compare);
	return n;
}

/* A file's contents; a size for people unless they want bytes. */
static void vma_cell(int dir, uint64_t vm, const char *name, bool size, char *text, size_t room)
{
	uint64_t number;
	int err = vma_sysfs_read(dir, vm, name, text, room);

	vma_clean(text);
	if (err || !*text)
		snprintf(text, room, "-");
	else if (size && vma_parse_number(text, UINT64_MAX, &number))
		vma_format_size(text, room, number);
}

/* The rule in use is in brackets. */
static void vma_print_host(int dir, bool bytes)
{
	char text[128], *rule, *end;
	unsigned int i;

	vma_cell(dir, 0, "rule", false, text, sizeof(text));
	rule = strchr(text, '[');
	rule = rule ? rule + 1 : text;
	end = strchr(rule, ']');
	if (end)
		*end = 0;
	printf("rule %s", rule);
	vma_cell(dir, 0, "state", false, text, sizeof(text));
	printf(", host %s", text);
	for (i = 0; i < sizeof(vma_host) / sizeof(vma_host[0]); i++) {
		vma_cell(dir, 0, vma_host[i], !bytes, text, sizeof(text));
		printf(", %s %s", vma_host[i], text);
	}
	putchar('\n');
}

/* Figures end in the same column, words begin in it. */
static void vma_print_cell(const char *text, unsigned int column, bool bytes)
{
	if (vma_columns[column].word)
		printf("  %-*s", column + 1 < VMA_COLUMNS ? 12 : 0, text);
	else
		printf(" %*s", bytes ? 14 : 8, text);
}

static void vma_print_head(bool bytes)
{
	unsigned int i;

	printf("%-10s", "VM");
	for (i = 0; i < VMA_COLUMNS; i++) {
		char name[16] = "";
		const char *c;
		size_t n = 0;

		for (c = vma_columns[i].name; *c; c++)
			name[n++] = *c - 'a' + 'A';
		vma_print_cell(name, i, bytes);
	}
	putchar('\n');
}

static void vma_print_vm(int dir, uint64_t vm, bool bytes)
{
	unsigned int i;

	printf("%-10u", (unsigned int)vm);
	for (i = 0; i < VMA_COLUMNS; i++) {
		char text[64];

		vma_cell(dir, vm, vma_columns[i].name, vma_columns[i].size && !bytes, text,
			 sizeof(text));
		vma_print_cell(text, i, bytes);
	}
	putchar('\n');
}

/* vma_balloon_status() - the command; @argv begins with its name */
int vma_balloon_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bytes", no_argument, NULL, 'b' },
		{ "sysfs", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *path = VMA_SYSFS;
	static uint64_t vms[VMA_VMS_MAX];
	bool bytes = false;
	int c, dir, n, i;

	while ((c = getopt_long(argc, argv, "bh", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			bytes = true;
			break;
		case 's':
			path = optarg;
			break;
		case 'h':
			fputs(vma_usage, stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		vma_fail("balloon status", "unknown argument %s; see --help", argv[optind]);
		return 2;
	}
	dir = vma_sysfs_open(path);
	if (dir < 0)
		return vma_fail("balloon status", "%s: %s%s", path, strerror(-dir),
				dir == -ENOENT ? ": modprobe vmballoon_host" : "");
	n = vma_list(dir, vms);
	if (n < 0) {
		close(dir);
		return vma_fail("balloon status", "%s/vms: %s: is this vmballoon_host?", path,
				strerror(errno));
	}
	/* Only root may read them: rather say so than show nothing. */
	if (n && faccessat(dir, "rule", R_OK, 0)) {
		close(dir);
		return vma_fail("balloon status", "%s/rule: %s: run as root", path,
				strerror(errno));
	}
	vma_print_host(dir, bytes);
	vma_print_head(bytes);
	for (i = 0; i < n; i++)
		vma_print_vm(dir, vms[i], bytes);
	close(dir);
	return 0;
}
