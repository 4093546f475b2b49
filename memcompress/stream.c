// SPDX-License-Identifier: GPL-2.0
/*
 * Compression streams.
 *
 * A compressor needs a workspace of up to some hundred KiB that only one page at a
 * time can use. A device has as many as CPUs were online at its set-up; a CPU
 * prefers the one of its number. The mutex, not the CPU, is what makes use of a
 * stream exclusive: a task may sleep and move while it has one, and CPUs may come
 * and go.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "internal.h"

/* Offered where the kernel has them; the order is zram's. */
static const char * const mcz_algs[MCZ_ALG_KINDS] = {
	"lzo", "lzo-rle", "lz4", "lz4hc", "842", "zstd", "deflate",
};

/**
 * mcz_alg_find() - may a device or a VM use this algorithm?
 * @name: as in comp_algorithm
 *
 * Context: process; may load a module.
 * Return: its number, below %MCZ_ALG_KINDS; or -EINVAL when it is none, or none that
 * this kernel has.
 */
int mcz_alg_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < MCZ_ALG_KINDS; i++) {
		if (!strcmp(mcz_algs[i], name))
			return mcz_comp_find(name) ? i : -EINVAL;
	}
	return -EINVAL;
}

/**
 * mcz_alg_name() - what an algorithm is called
 * @alg: from mcz_alg_find()
 *
 * Return: the name.
 */
const char *mcz_alg_name(unsigned int alg)
{
	return mcz_algs[alg];
}

/**
 * mcz_alg_list() - the algorithms, the current one in brackets
 * @current_alg: its name
 * @buf: a sysfs page
 *
 * Return: bytes written.
 */
ssize_t mcz_alg_list(const char *current_alg, char *buf)
{
	ssize_t n = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mcz_algs); i++) {
		if (!strcmp(mcz_algs[i], current_alg))
			n += sysfs_emit_at(buf, n, "[%s] ", mcz_algs[i]);
		else if (mcz_comp_find(mcz_algs[i]))
			n += sysfs_emit_at(buf, n, "%s ", mcz_algs[i]);
	}
	n += sysfs_emit_at(buf, n, "\n");
	return n;
}

/* No object has used that algorithm. */
static void mcz_streams_drop(struct mcz_pool *pool, unsigned int slot)
{
	unsigned int i;

	for (i = 0; i < pool->nstreams; i++) {
		struct mcz_stream *s = &pool->streams[i];

		if (s->work[slot])
			pool->comp[slot]->destroy(s->work[slot]);
		s->work[slot] = NULL;
	}
	pool->comp[slot] = NULL;
}

static int mcz_streams_add(struct mcz_pool *pool, unsigned int slot,
			   unsigned int alg)
{
	const struct mcz_comp *comp = mcz_comp_find(mcz_algs[alg]);
	unsigned int i;

	if (!comp)
		return -ENOENT;
	pool->comp[slot] = comp;
	for (i = 0; i < pool->nstreams; i++) {
		struct mcz_stream *s = &pool->streams[i];
		void *work;

		work = comp->create(mcz_algs[alg]);
		if (IS_ERR(work)) {
			mcz_streams_drop(pool, slot);
			return PTR_ERR(work);
		}
		mutex_lock(&s->lock);
		s->work[slot] = work;
		mutex_unlock(&s->lock);
	}
	if (!comp->bare_unpack)
		WRITE_ONCE(pool->bare, false);
	/* Pairs with mcz_pack(): who sees the slot sees the workspaces. */
	smp_store_release(&pool->slot_of[alg], slot);
	return 0;
}

/**
 * mcz_streams_create() - make a device's streams
 * @pool: to have them
 * @name: algorithm
 *
 * Context: process; may sleep.
 * Return: 0, -ENOMEM, -EINVAL without the algorithm, or what else the crypto API
 * refuses it with.
 */
int mcz_streams_create(struct mcz_pool *pool, const char *name)
{
	int alg = mcz_alg_find(name);
	unsigned int i;

	if (alg < 0)
		return alg;
	pool->nstreams = num_online_cpus();
	pool->streams = kvcalloc(pool->nstreams, sizeof(*pool->streams),
				 GFP_KERNEL);
	if (!pool->streams)
		return -ENOMEM;
	for (i = 0; i < pool->nstreams; i++)
		mutex_init(&pool->streams[i].lock);
	for (i = 0; i < pool->nstreams; i++) {
		pool->streams[i].buf = kvmalloc(2 * MCZ_PAGE, GFP_KERNEL);
		if (!pool->streams[i].buf)
			return -ENOMEM;
	}
	pool->bare = true;
	pool->alg = alg;
	return mcz_streams_add(pool, 0, alg);
}

/**
 * mcz_streams_use() - let streams have one more algorithm
 * @pool: whose
 * @alg: algorithm; it stays until the streams go
 *
 * Context: process; may sleep; mcz_settings_lock held.
 * Return: 0, -ENOSPC beyond %MCZ_ALGS, -ENOMEM, or what else the crypto API refuses
 * the algorithm with.
 */
int mcz_streams_use(struct mcz_pool *pool, unsigned int alg)
{
	unsigned int slot;

	lockdep_assert_held(&mcz_settings_lock);
	if (pool->slot_of[alg] || pool->alg == alg)
		return 0;
	for (slot = 1; slot < MCZ_ALGS; slot++) {
		if (!pool->comp[slot])
			break;
	}
	if (slot == MCZ_ALGS)
		return -ENOSPC;
	return mcz_streams_add(pool, slot, alg);
}

/**
 * mcz_streams_destroy() - also after mcz_streams_create() failed half-way
 * @pool: whose
 */
void mcz_streams_destroy(struct mcz_pool *pool)
{
	unsigned int i;

	if (!pool->streams)
		return;
	for (i = 0; i < MCZ_ALGS; i++)
		mcz_streams_drop(pool, i);
	for (i = 0; i < pool->nstreams; i++)
		kvfree(pool->streams[i].buf);
	kvfree(pool->streams);
	pool->streams = NULL;
}

/**
 * mcz_stream_get() - take a stream, wait for it if need be
 * @pool: whose
 *
 * Context: process; may sleep. Holders never wait for memory.
 * Return: the stream, to be given back by mcz_stream_put().
 */
struct mcz_stream *mcz_stream_get(struct mcz_pool *pool)
{
	unsigned int i, first = raw_smp_processor_id() % pool->nstreams;

	for (i = 0; i < pool->nstreams; i++) {
		struct mcz_stream *s =
			&pool->streams[(first + i) % pool->nstreams];

		if (mutex_trylock(&s->lock))
			return s;
	}
	mutex_lock(&pool->streams[first].lock);
	return &pool->streams[first];
}

/**
 * mcz_stream_put() - give a stream back
 * @stream: from mcz_stream_get()
 */
void mcz_stream_put(struct mcz_stream *stream)
{
	mutex_unlock(&stream->lock);
}
