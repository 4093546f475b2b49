// SPDX-License-Identifier: GPL-2.0
/*
 * Is the running kernel's struct blkcg_policy what cgroup_io takes it for? Its type
 * information tells: an int, two pointers at offsets 8 and 16, and then nothing but
 * pointers, no more than compat/linux/blk-cgroup.h has room for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kstest.h"

#define BTF_FILE "/sys/kernel/btf/vmlinux"
#define CALLBACKS_MAX 24

static uint8_t *btf;
static const struct btf_type **types;
static unsigned int n_types;
static const char *strings;

static size_t type_size(const struct btf_type *t)
{
	const unsigned int n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(*t) + 4;
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return sizeof(*t) + n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return sizeof(*t) + n * sizeof(struct btf_enum);
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*t) + n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return sizeof(*t) + n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_ENUM64:
		return sizeof(*t) + n * 12;
	default:
		return sizeof(*t);
	}
}

static uint8_t *slurp(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *data;
	ssize_t r = 1;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	data = malloc(st.st_size);
	for (*size = 0; data && r > 0 && *size < (size_t)st.st_size; *size += r)
		r = read(fd, data + *size, st.st_size - *size);
	close(fd);
	return data;
}

/* Number all types; type 0 is void. */
static int parse(void)
{
	const struct btf_header *h;
	size_t size, at = 0;

	btf = slurp(BTF_FILE, &size);
	if (!btf)
		return -1;
	h = (const void *)btf;
	if (size < sizeof(*h) || h->magic != BTF_MAGIC)
		return -1;
	strings = (const char *)btf + h->hdr_len + h->str_off;
	types = calloc(h->type_len / sizeof(struct btf_type) + 1, sizeof(*types));
	if (!types)
		return -1;
	for (n_types = 1; at < h->type_len; n_types++) {
		types[n_types] = (const void *)(btf + h->hdr_len + h->type_off + at);
		at += type_size(types[n_types]);
	}
	return 0;
}

static const struct btf_type *find(const char *name)
{
	unsigned int i;

	for (i = 1; i < n_types; i++) {
		if (BTF_INFO_KIND(types[i]->info) == BTF_KIND_STRUCT &&
		    !strcmp(strings + types[i]->name_off, name))
			return types[i];
	}
	return NULL;
}

/* What a type is behind its names. */
static const struct btf_type *bare(unsigned int id)
{
	for (;;) {
		const struct btf_type *t = id && id < n_types ? types[id] : NULL;
		const unsigned int kind = t ? BTF_INFO_KIND(t->info) : 0;

		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_CONST)
			return t;
		id = t->type;
	}
}

static int is_pointer(const struct btf_member *m)
{
	const struct btf_type *t = bare(m->type);

	return t && BTF_INFO_KIND(t->info) == BTF_KIND_PTR;
}

static int is_cftypes(const struct btf_member *m, const char *name, unsigned int offset)
{
	const struct btf_type *t = bare(m->type);

	if (strcmp(strings + m->name_off, name) || m->offset != 8 * offset || !is_pointer(m))
		return 0;
	t = bare(t->type);
	return t && BTF_INFO_KIND(t->info) == BTF_KIND_STRUCT &&
	       !strcmp(strings + t->name_off, "cftype");
}

int main(void)
{
	const struct btf_type *policy;
	const struct btf_member *m;
	unsigned int i, n, bad = 0;

	if (access(BTF_FILE, R_OK)) {
		printf("1..0 # SKIP no %s\n", BTF_FILE);
		return KSFT_SKIP;
	}
	ksft_print_header();
	ksft_set_plan(3);
	policy = parse() ? NULL : find("blkcg_policy");
	if (!policy)
		ksft_exit_fail_msg("no struct blkcg_policy in %s\n", BTF_FILE);
	m = (const void *)(policy + 1);
	n = BTF_INFO_VLEN(policy->info);
	ksft_test_result(n > 3 && !strcmp(strings + m[0].name_off, "plid") && !m[0].offset &&
			 !is_pointer(&m[0]), "plid comes first\n");
	ksft_test_result(n > 3 && is_cftypes(&m[1], "dfl_cftypes", 8) &&
			 is_cftypes(&m[2], "legacy_cftypes", 16), "then the files\n");
	for (i = 3; i < n; i++)
		bad += !is_pointer(&m[i]) || m[i].offset != 64 * i;
	ksft_print_msg("%u callbacks, %u bytes\n", n - 3, policy->size);
	ksft_test_result(!bad && n - 3 <= CALLBACKS_MAX && policy->size == 8 * n,
			 "then nothing but callbacks\n");
	ksft_finished();
}
