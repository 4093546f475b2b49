// SPDX-License-Identifier: GPL-2.0
/*
 * Large requests, shared out to several CPUs.
 *
 * Problem: swapping out a huge page is one request of 512 pages. Whoever reclaims
 * compresses them one after the other, some milliseconds, while other CPUs idle.
 *
 * Model: a large bio is a row of chunks, and whoever is there takes the next one: the
 * submitter, and helpers in a workqueue. The submitter takes chunks until none is
 * left, calls helpers off that have not started, and goes. Nobody waits: each helper
 * at work holds a part of the bio, and the last to let go of it ends it.
 *
 * Control: helpers are bound to the CPUs after the submitter's, so that none of them
 * waits for the submitter's own. They have no precedence there: where a CPU is busy its
 * helper comes late, and is called off. The table of shared bios is made with the
 * device, one entry for each CPU. A bio that finds no entry free is done by its
 * submitter alone, as is one on a machine with one CPU. Helpers inherit the submitter's
 * right to memory: those of a reclaimer take none by waiting.
 *
 * Limits: progress never depends on a helper, so it does not matter when the queue
 * has no worker to give. At most %MCZ_HELPERS help with one bio.
 */
#include <linux/bio.h>
#include <linux/cpumask.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "internal.h"

#define MCZ_HELPERS 3
#define MCZ_CHUNK 4			/* pages */
#define MCZ_SHARED_MIN (4 * MCZ_CHUNK)	/* pages of a bio worth sharing */

/**
 * struct mcz_helper - a helper of a bio
 * @work: runs it
 * @job: what it helps with
 */
struct mcz_helper {
	struct work_struct work;
	struct mcz_job *job;
};

/**
 * struct mcz_job - a bio that is shared out
 * @busy: 1 while it is one
 * @refs: those who may look at it; the last one makes it free
 * @next: chunk to be done next
 * @chunks: of the bio
 * @pool: store
 * @bio: bio; each helper that has been queued holds a part of it
 * @iter: its beginning
 * @reclaim: the submitter reclaims memory
 * @helpers: to be queued
 */
struct mcz_job {
	atomic_t busy;
	atomic_t refs;
	atomic_t next;
	int chunks;
	struct mcz_pool *pool;
	struct bio *bio;
	struct bvec_iter iter;
	bool reclaim;
	struct mcz_helper helpers[MCZ_HELPERS];
};

static struct workqueue_struct *mcz_job_wq;

/* Take chunks until none is left. After an error there is none left. */
static void mcz_job_do(struct mcz_job *job)
{
	struct bvec_iter iter = job->iter;
	int at = 0, next;

	for (;;) {
		next = atomic_inc_return(&job->next) - 1;
		if (next >= job->chunks)
			return;
		bio_advance_iter(job->bio, &iter,
				 (next - at) * MCZ_CHUNK * MCZ_PAGE);
		if (!mcz_bio_pages(job->pool, job->bio, &iter, MCZ_CHUNK)) {
			atomic_set(&job->next, job->chunks);
			return;
		}
		at = next + 1;
	}
}

static void mcz_job_put(struct mcz_job *job)
{
	if (atomic_dec_and_test(&job->refs))
		atomic_set_release(&job->busy, 0);
}

static void mcz_job_help(struct work_struct *work)
{
	struct mcz_helper *helper = container_of(work, struct mcz_helper, work);
	struct mcz_job *job = helper->job;
	struct bio *bio = job->bio;
	unsigned int flags = 0;

	if (job->reclaim)
		flags = memalloc_noreclaim_save();
	mcz_job_do(job);
	if (job->reclaim)
		memalloc_noreclaim_restore(flags);
	mcz_job_put(job);
	/* The device may go as soon as its last bio has its answer. */
	bio_endio(bio);
}

static struct mcz_job *mcz_job_get(struct mcz_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->njobs; i++) {
		if (!atomic_cmpxchg_acquire(&pool->jobs[i].busy, 0, 1))
			return &pool->jobs[i];
	}
	return NULL;
}

static unsigned int mcz_cpu_after(unsigned int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

/**
 * mcz_job_share() - do a large bio with the help of other CPUs
 * @pool: store
 * @bio: bio of whole pages, to be read or written
 *
 * Helpers may still be at it on return; the caller ends its part of @bio by
 * bio_endio() as it does for any other.
 *
 * Context: process; may sleep.
 * Return: true if all of @bio is done or under way, false if it has not been touched.
 */
bool mcz_job_share(struct mcz_pool *pool, struct bio *bio)
{
	unsigned int pages = bio->bi_iter.bi_size / MCZ_PAGE;
	unsigned int i, helpers = min_t(unsigned int, num_online_cpus() - 1,
					MCZ_HELPERS);
	unsigned int cpu = raw_smp_processor_id();
	struct mcz_job *job;

	if (pages < MCZ_SHARED_MIN || !helpers)
		return false;
	job = mcz_job_get(pool);
	if (!job)
		return false;
	job->pool = pool;
	job->bio = bio;
	job->iter = bio->bi_iter;
	job->reclaim = current->flags & PF_MEMALLOC;
	job->chunks = DIV_ROUND_UP(pages, MCZ_CHUNK);
	helpers = min_t(unsigned int, helpers, job->chunks - 1);
	atomic_set(&job->next, 0);
	atomic_set(&job->refs, helpers + 1);
	for (i = 0; i < helpers; i++) {
		bio_inc_remaining(bio);
		cpu = mcz_cpu_after(cpu);
		queue_work_on(cpu, mcz_job_wq, &job->helpers[i].work);
	}
	mcz_job_do(job);
	for (i = 0; i < helpers; i++) {
		if (cancel_work(&job->helpers[i].work)) {
			mcz_job_put(job);
			bio_endio(bio);
		}
	}
	mcz_job_put(job);
	return true;
}

/**
 * mcz_jobs_create() - make a device's table of shared bios
 * @pool: to have it
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int mcz_jobs_create(struct mcz_pool *pool)
{
	unsigned int i, k;

	pool->jobs = kvcalloc(num_online_cpus(), sizeof(*pool->jobs), GFP_KERNEL);
	if (!pool->jobs)
		return -ENOMEM;
	pool->njobs = num_online_cpus();
	for (i = 0; i < pool->njobs; i++) {
		for (k = 0; k < MCZ_HELPERS; k++) {
			struct mcz_helper *helper = &pool->jobs[i].helpers[k];

			INIT_WORK(&helper->work, mcz_job_help);
			helper->job = &pool->jobs[i];
		}
	}
	return 0;
}

/**
 * mcz_jobs_destroy() - also after mcz_jobs_create() failed
 * @pool: whose; it has no bio any more
 */
void mcz_jobs_destroy(struct mcz_pool *pool)
{
	kvfree(pool->jobs);
	pool->jobs = NULL;
}

/**
 * mcz_job_init() - before any device
 *
 * Return: 0 or -ENOMEM.
 */
int mcz_job_init(void)
{
	mcz_job_wq = alloc_workqueue("memcompress", WQ_MEM_RECLAIM |
				     WQ_CPU_INTENSIVE, 0);
	return mcz_job_wq ? 0 : -ENOMEM;
}

/** mcz_job_exit() - after the last device */
void mcz_job_exit(void)
{
	destroy_workqueue(mcz_job_wq);
}
