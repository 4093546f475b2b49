// SPDX-License-Identifier: GPL-2.0
/*
 * Set-up of a device under measurement; CPU time of its worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench_meter.h"
#include "vhost_backend.h"

#define MEM_SIZE	(64ul << 20)
#define MAX_WORKERS	4
#define SETTLE_US	100
#define SETTLE_TRIES	100000

/* A clock id is made of a pid and these bits. */
#define CLOCK_PER_THREAD	4
#define CLOCK_SCHED		2

int bench_complain(const char *what, int err)
{
	printf("# %s: %s\n", what, strerror(-err));
	return err;
}

static __u64 clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return 0;
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

__u64 bench_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- worker ------------------------------------------------------------- */

static bool contains(const pid_t *tid, unsigned int n, pid_t wanted)
{
	while (n--)
		if (tid[n] == wanted)
			return true;
	return false;
}

/*
 * The worker is a thread of this process or, in older kernels, a process of its own;
 * the clocks of these differ by a bit.
 */
static int find_worker(struct bench_side *s, const pid_t *before, unsigned int nbefore)
{
	pid_t tid[MAX_WORKERS];
	unsigned int i, n = vg_workers(getpid(), tid, MAX_WORKERS);
	struct timespec t;
	char path[64];

	s->tid = 0;
	for (i = 0; i < n && i < MAX_WORKERS; i++)
		if (!contains(before, nbefore, tid[i]))
			s->tid = tid[i];
	if (!s->tid || n != nbefore + 1)
		return bench_complain("there is not one new worker", -ESRCH);

	s->clock = ~(clockid_t)s->tid * 8 + CLOCK_PER_THREAD + CLOCK_SCHED;
	if (clock_gettime(s->clock, &t))
		s->clock -= CLOCK_PER_THREAD;
	if (clock_gettime(s->clock, &t))
		return bench_complain("the worker's CPU time", -errno);

	snprintf(path, sizeof(path), "/proc/%d/stat", s->tid);
	s->stat = open(path, O_RDONLY | O_CLOEXEC);
	return s->stat < 0 ? bench_complain(path, -errno) : 0;
}

static int place_worker(const struct bench_side *s, unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(s->tid, sizeof(set), &set))
		return bench_complain("placing the worker", -errno);
	return 0;
}

int bench_start(struct bench_side *s, unsigned int ring_num, unsigned int busyloop_us,
		unsigned int cpu)
{
	struct vg_config cfg = {
		.path = s->path,
		.features = s->features,
		.num = ring_num,
		.mem_size = MEM_SIZE,
		.busyloop_us = busyloop_us,
	};
	pid_t before[MAX_WORKERS];
	unsigned int nbefore = vg_workers(getpid(), before, MAX_WORKERS);
	int err;

	s->seq = 0;
	s->checked = false;
	s->elapsed = false;
	s->stat = -1;
	err = vg_dev_open(&s->dev, &cfg);
	if (err)
		return bench_complain(s->path, err);
	err = vg_dev_setup(&s->dev);
	if (!err)
		err = vg_dev_start(&s->dev, s->net.tap);
	if (err)
		bench_complain("set-up of the device", err);
	if (!err)
		err = find_worker(s, before, nbefore);
	if (!err)
		err = place_worker(s, cpu);
	if (err)
		bench_stop(s);
	return err;
}

void bench_stop(struct bench_side *s)
{
	if (s->stat >= 0)
		close(s->stat);
	s->stat = -1;
	vg_dev_stop(&s->dev);
	vg_dev_close(&s->dev);
}

static bool asleep(const struct bench_side *s)
{
	char line[256];
	const char *p;
	ssize_t n = pread(s->stat, line, sizeof(line) - 1, 0);

	line[n > 0 ? n : 0] = '\0';
	p = strrchr(line, ')');
	return p && (p[2] == 'S' || p[2] == 'I');
}

int bench_settle(const struct bench_side *s)
{
	unsigned int i;

	for (i = 0; i < SETTLE_TRIES; i++) {
		if (asleep(s))
			return 0;
		usleep(SETTLE_US);
	}
	return bench_complain("the worker does not sleep", -EBUSY);
}

int bench_switches(const struct bench_side *s, __u64 *sum)
{
	char path[64], line[128];
	unsigned long long n;
	FILE *f;

	*sum = 0;
	snprintf(path, sizeof(path), "/proc/%d/status", s->tid);
	f = fopen(path, "re");
	if (!f)
		return bench_complain(path, -errno);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
			*sum += n;
	}
	fclose(f);
	return 0;
}

/* ---- meter -------------------------------------------------------------- */

static __u64 kicks(const struct bench_side *s)
{
	return s->dev.ring[VG_RX].kicks + s->dev.ring[VG_TX].kicks;
}

static __u64 calls(const struct bench_side *s)
{
	return s->dev.ring[VG_RX].calls + s->dev.ring[VG_TX].calls;
}

int meter_start(struct bench_side *s)
{
	struct bench_meter *m = &s->meter;
	int err = bench_settle(s);

	memset(m, 0, sizeof(*m));
	m->kicks = kicks(s);
	m->calls = calls(s);
	m->count = bn_count(&s->net);
	m->worker = clock_ns(s->clock);
	return err;
}

void meter_round_start(struct bench_side *s)
{
	s->meter.start_ns = s->elapsed ? bench_now_ns() : clock_ns(s->clock);
}

int meter_round_end(struct bench_side *s)
{
	struct bench_meter *m = &s->meter;
	__u64 now = s->elapsed ? bench_now_ns() : 0;
	int err = bench_settle(s);

	/* What the worker does till it sleeps is part of its work. */
	if (!s->elapsed)
		now = clock_ns(s->clock);
	if (m->nrounds == BENCH_MAX_ROUNDS)
		return -ENOSPC;
	m->sum += now - m->start_ns;
	m->ops += s->batch;
	m->cost[m->nrounds++] = (double)(now - m->start_ns) / s->batch;
	return err;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

int meter_stop(struct bench_side *s, bool mean, struct bench_result *res)
{
	struct bench_meter *m = &s->meter;
	__s64 count = bn_count(&s->net) - m->count;

	if (s->net.counter[0] && (__u64)count != m->ops) {
		printf("# %s: %lld of %llu frames arrived\n", s->name, (long long)count,
		       (unsigned long long)m->ops);
		return -EIO;
	}
	qsort(m->cost, m->nrounds, sizeof(m->cost[0]), compare);
	res->value = mean ? (double)m->sum / m->ops : m->cost[m->nrounds / 10];
	res->worker = (double)(clock_ns(s->clock) - m->worker) / m->ops;
	res->ops = m->ops;
	res->kicks = kicks(s) - m->kicks;
	res->calls = calls(s) - m->calls;
	return 0;
}
