// SPDX-License-Identifier: GPL-2.0
/*
 * Measures /dev/vhost-accel against stock vhost-net, turn by turn in one boot.
 *
 * Prints a line for each run, which tools/bench/report.py makes figures of:
 *
 *   run: id=... unit=... side=ours|peer value=... worker=... ops=... kicks=...
 *
 * Environment: BENCH_IDS=globs, BENCH_PAIRS=turns of both devices, BENCH_MS=length of a
 * run, BENCH_INSN=1 where the VM counts instructions: there, a nanosecond is one.
 */
#include <fnmatch.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_work.h"
#include "kstest.h"
#include "vhost_backend.h"

#define PEER_PATH	"/dev/vhost-net"
#define OURS_PATH	"/dev/vhost-accel"
#define FRAME_SIZE	VG_MAX_FRAME
#define RING_MAX	1024

static const char *setting(const char *name, const char *other)
{
	const char *value = getenv(name);

	return value && *value ? value : other;
}

/**
 * struct options - From the environment.
 * @ids: Globs, separated by blanks.
 * @pairs: Turns.
 * @ms: Length of a run.
 * @insn: Instructions, not nanoseconds.
 */
struct options {
	char ids[512];
	unsigned int pairs;
	unsigned int ms;
	bool insn;
};

static void read_options(struct options *o)
{
	snprintf(o->ids, sizeof(o->ids), "%s", setting("BENCH_IDS", "*"));
	o->insn = !strcmp(setting("BENCH_INSN", "0"), "1");
	o->pairs = atoi(setting("BENCH_PAIRS", o->insn ? "3" : "7"));
	o->ms = atoi(setting("BENCH_MS", "400"));
}

static bool wanted(const struct options *o, const struct bench_work *w)
{
	char ids[sizeof(o->ids)], *save, *glob;

	/* Being idle takes none, and polling on the only CPU is only delay. */
	if (o->insn && (w->value || w->busyloop_us))
		return false;
	strcpy(ids, o->ids);
	for (glob = strtok_r(ids, " ", &save); glob; glob = strtok_r(NULL, " ", &save))
		if (!fnmatch(glob, w->id, 0))
			return true;
	return false;
}

/*
 * Two CPUs: the generator has one, the workers the other. One CPU: the generator
 * runs whenever it can, so that the turns of both are the same in every run.
 */
static int place(void)
{
	struct sched_param first = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		return sched_setaffinity(0, sizeof(set), &set) ? -1 : 1;
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		return -1;
	return 0;
}

static bool measure(const struct bench_work *w, const struct options *o,
		    struct bench_run *r, bool ours)
{
	struct bench_limit l = {
		.ops = o->insn ? w->ops : 1,
		.ms = o->insn ? 0 : o->ms,
	};
	struct bench_result res = { 0 };
	int err = bench_start(r, ours ? OURS_PATH : PEER_PATH);

	if (err)
		return false;
	err = w->run(r, &l, &res);
	bench_stop(r);
	if (err)
		return false;

	printf("run: id=%s ", w->id);
	if (w->variant)
		printf("variant=%s ", w->variant);
	printf("unit=%s%s side=%s value=%.2f worker=%.2f ops=%llu kicks=%llu calls=%llu%s\n",
	       w->value ? "" : o->insn ? "insn/" : "ns/", w->unit, ours ? "ours" : "peer",
	       res.value, res.worker, (unsigned long long)res.ops,
	       (unsigned long long)res.kicks, (unsigned long long)res.calls,
	       w->value ? " limit=peer" : "");
	return true;
}

static bool alternate(const struct bench_work *w, const struct options *o,
		      struct bench_run *r)
{
	struct bench_net net = { .tap = -1, .sock = -1, .link = -1 };
	unsigned int i;
	bool good;

	good = !w->open(&net);
	if (!good)
		ksft_print_msg("no network for %s\n", w->id);
	r->net = &net;
	r->busyloop_us = w->busyloop_us;
	/* Neither is always the first: ours, peer, peer, ours, ... */
	for (i = 0; good && i < 2 * o->pairs; i++)
		good = measure(w, o, r, (i ^ i >> 1) & 1);
	bn_close(&net);
	return good;
}

int main(void)
{
	const struct bench_work *w;
	struct bench_run r = { 0 };
	struct options o;
	unsigned int n = 0;
	int cpu;

	ksft_print_header();
	read_options(&o);
	vg_require(PEER_PATH);
	vg_require(OURS_PATH);
	cpu = place();
	if (cpu < 0)
		ksft_exit_fail_msg("cannot place this process\n");
	r.worker_cpu = cpu ? cpu : -1;
	r.frame = calloc(1, FRAME_SIZE);
	r.buf = calloc(RING_MAX, sizeof(*r.buf));
	if (!r.frame || !r.buf)
		ksft_exit_fail_msg("no memory\n");

	for (w = bench_works; w->id; w++)
		n += wanted(&o, w);
	if (!n)
		ksft_exit_fail_msg("no id matches %s\n", o.ids);
	ksft_set_plan(n);
	for (w = bench_works; w->id; w++) {
		if (wanted(&o, w))
			ksft_test_result(alternate(w, &o, &r), "%s %s\n", w->id,
					 w->variant ? w->variant : "");
	}
	ksft_finished();
}
