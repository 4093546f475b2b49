/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMPAT_LINUX_SHRINKER_H
#define COMPAT_LINUX_SHRINKER_H

#include <linux/version.h>
#include_next <linux/shrinker.h>

/*
 * Linux 6.7 made shrinkers something that is allocated and has private data; before,
 * they were part of something. Named apart: the old names are still there.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static inline struct shrinker *
compat_shrinker_new(const char *name, void *data,
		    unsigned long (*count)(struct shrinker *, struct shrink_control *),
		    unsigned long (*scan)(struct shrinker *, struct shrink_control *))
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->private_data = data;
	shrinker_register(shrinker);
	return shrinker;
}

static inline void *compat_shrinker_data(struct shrinker *shrinker)
{
	return shrinker->private_data;
}

static inline void compat_shrinker_free(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#else
#include <linux/container_of.h>
#include <linux/slab.h>

struct compat_shrinker {
	struct shrinker shrinker;
	void *data;
};

static inline struct shrinker *
compat_shrinker_new(const char *name, void *data,
		    unsigned long (*count)(struct shrinker *, struct shrink_control *),
		    unsigned long (*scan)(struct shrinker *, struct shrink_control *))
{
	struct compat_shrinker *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->data = data;
	c->shrinker.count_objects = count;
	c->shrinker.scan_objects = scan;
	c->shrinker.seeks = DEFAULT_SEEKS;
	if (register_shrinker(&c->shrinker, "%s", name)) {
		kfree(c);
		return NULL;
	}
	return &c->shrinker;
}

static inline void *compat_shrinker_data(struct shrinker *shrinker)
{
	return container_of(shrinker, struct compat_shrinker, shrinker)->data;
}

static inline void compat_shrinker_free(struct shrinker *shrinker)
{
	if (!shrinker)
		return;
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct compat_shrinker, shrinker));
}
#endif

#endif /* COMPAT_LINUX_SHRINKER_H */
