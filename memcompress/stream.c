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
static const char * const mcz_algs[] = {
	"lzo", "lzo-rle", "lz4", "lz4hc", "842", "zstd", "deflate",
};

/**
 * mcz_alg_known() - may a device use this algorithm?
 * @name: as in comp_algorithm
 *
 * Context: process; may load a module.
 * Return: true if so.
 */
bool mcz_alg_known(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mcz_algs); i++) {
		if (!strcmp(mcz_algs[i], name))
			return mcz_comp_find(name);
	}
	return false;
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

/**
 * mcz_streams_create() - make a device's streams
 * @pool: to have them
 * @alg: algorithm
 *
 * Context: process; may sleep.
 * Return: 0, -ENOMEM, -ENOENT without the algorithm, or what else the crypto API
 * refuses @alg with.
 */
int mcz_streams_create(struct mcz_pool *pool, const char *alg)
{
	unsigned int i;

	pool->comp = mcz_comp_find(alg);
	if (!pool->comp)
		return -ENOENT;
	pool->nstreams = num_online_cpus();
	pool->streams = kvcalloc(pool->nstreams, sizeof(*pool->streams),
				 GFP_KERNEL);
	if (!pool->streams)
		return -ENOMEM;
	for (i = 0; i < pool->nstreams; i++) {
		struct mcz_stream *s = &pool->streams[i];

		mutex_init(&s->lock);
		s->work = pool->comp->create(alg);
		if (IS_ERR(s->work)) {
			int r = PTR_ERR(s->work);

			s->work = NULL;
			return r;
		}
		s->buf = kvmalloc(2 * MCZ_PAGE, GFP_KERNEL);
		if (!s->buf)
			return -ENOMEM;
	}
	return 0;
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
	for (i = 0; i < pool->nstreams; i++) {
		kvfree(pool->streams[i].buf);
		if (pool->streams[i].work)
			pool->comp->destroy(pool->streams[i].work);
	}
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
