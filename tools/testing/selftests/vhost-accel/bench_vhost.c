// SPDX-License-Identifier: GPL-2.0
/*
 * Measures /dev/vhost-accel against stock vhost-net, round by round in one boot.
 *
 * Prints a line for each run, which tools/bench/report.py makes figures of:
 *
 *   run: id=... unit=... side=ours|peer value=... worker=... ops=... kicks=...
 *
 * Environment:
 *
 *   BENCH_IDS    globs, separated by blanks
 *   BENCH_PAIRS  turns of both devices
 *   BENCH_MS     length of a turn of one
 *   BENCH_APART  1: generator and worker on different CPUs
 *   BENCH_INSN   1: the VM counts instructions, so that a nanosecond is one
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
#define SIDES		2
#define IDLE_MS		2000

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
 * @worker_cpu: Where the workers run.
 */
struct options {
	char ids[512];
	unsigned int pairs;
	unsigned int ms;
	bool insn;
	int worker_cpu;
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
	if (o->insn && (!w->round || w->busyloop_us))
		return false;
	strcpy(ids, o->ids);
	for (glob = strtok_r(ids, " ", &save); glob; glob = strtok_r(NULL, " ", &save))
		if (!fnmatch(glob, w->id, 0))
			return true;
	return false;
}

/*
 * The generator and the workers share a CPU, and the generator runs whenever it can:
 * so the order of things is always the same, and no wake-up waits for an emulated CPU
 * to be given a real one. Or they are apart, as they should be on real CPUs.
 * Returns the CPU of the workers.
 */
static int place(bool apart)
{
	struct sched_param first = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		ksft_exit_fail_msg("cannot pin this process\n");
	if (apart && sysconf(_SC_NPROCESSORS_ONLN) > 1)
		return 1;
	if (sched_setscheduler(0, SCHED_FIFO, &first))
		ksft_exit_fail_msg("cannot give precedence to this process\n");
	return 0;
}

static void print_run(const struct bench_work *w, const struct options *o,
		      const struct bench_side *s, const struct bench_result *res)
{
	printf("run: id=%s ", w->id);
	if (w->variant)
		printf("variant=%s ", w->variant);
	printf("unit=%s%s side=%s value=%.2f worker=%.2f ops=%llu kicks=%llu calls=%llu%s\n",
	       !w->round ? "" : o->insn ? "insn/" : "ns/", w->unit, s->name, res->value,
	       res->worker, (unsigned long long)res->ops,
	       (unsigned long long)res->kicks, (unsigned long long)res->calls,
	       w->round ? "" : " limit=peer");
}

static int one_round(const struct bench_work *w, struct bench_side *s)
{
	int err;

	meter_round_start(s);
	err = w->round(s);
	return err ? err : meter_round_end(s);
}

/* Round by round, so that a moment in which the machine is slow hits both. */
static bool work(const struct bench_work *w, const struct options *o,
		 struct bench_side *side)
{
	__u64 end = bench_now_ns() + 2 * o->ms * 1000000ULL;
	unsigned int i, n = o->insn ? w->rounds : 1;
	struct bench_result res[SIDES];
	int err = 0;

	/* Not counted: caches fill. */
	for (i = 0; !err && i < 2 * SIDES; i++)
		err = w->round(&side[i % SIDES]);
	for (i = 0; !err && i < SIDES; i++)
		err = meter_start(&side[i]);
	for (i = 0; !err && i < BENCH_MAX_ROUNDS &&
	     (i < n || (!o->insn && bench_now_ns() < end)); i++) {
		err = one_round(w, &side[i % SIDES]);
		if (!err)
			err = one_round(w, &side[(i + 1) % SIDES]);
	}
	for (i = 0; !err && i < SIDES; i++) {
		err = meter_stop(&side[i], o->insn, &res[i]);
		if (!err)
			print_run(w, o, &side[i], &res[i]);
	}
	return !err;
}

static bool idle(const struct bench_work *w, const struct options *o,
		 struct bench_side *side)
{
	struct bench_result res = { .ops = 1 };
	__u64 before[SIDES], after, start;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < SIDES; i++)
		err = bench_settle(&side[i]);
	for (i = 0; !err && i < SIDES; i++)
		err = bench_switches(&side[i], &before[i]);
	start = bench_now_ns();
	usleep(IDLE_MS * 1000);
	for (i = 0; !err && i < SIDES; i++) {
		err = bench_switches(&side[i], &after);
		res.value = (after - before[i]) * 1e9 / (bench_now_ns() - start);
		if (!err)
			print_run(w, o, &side[i], &res);
	}
	return !err;
}

/* A turn of both devices, set up anew. */
static bool turn(const struct bench_work *w, const struct options *o,
		 struct bench_side *side)
{
	unsigned int i, n;
	bool good = true;

	for (n = 0; good && n < SIDES; n++) {
		side[n].features = VG_F_MODERN | (w->packed && !n ? VG_F_PACKED : 0);
		good = !bench_start(&side[n], BENCH_RING_NUM, w->busyloop_us, o->worker_cpu);
		if (!good)
			break;
		good = !w->prepare(&side[n]);
	}
	if (good)
		good = w->round ? work(w, o, side) : idle(w, o, side);
	for (i = 0; i < n; i++)
		bench_stop(&side[i]);
	return good;
}

static bool measure(const struct bench_work *w, const struct options *o,
		    struct bench_side *side)
{
	unsigned int i;
	bool good = true;

	for (i = 0; i < SIDES; i++) {
		if (w->open(&side[i].net, i)) {
			ksft_print_msg("no network for %s\n", w->id);
			good = false;
		}
	}
	for (i = 0; good && i < o->pairs; i++)
		good = turn(w, o, side);
	for (i = 0; i < SIDES; i++)
		bn_close(&side[i].net);
	return good;
}

int main(void)
{
	static struct bench_side side[SIDES] = {
		{ .name = "ours", .path = OURS_PATH },
		{ .name = "peer", .path = PEER_PATH },
	};
	const struct bench_work *w;
	unsigned int i, n = 0;
	struct options o;

	ksft_print_header();
	read_options(&o);
	for (i = 0; i < SIDES; i++) {
		vg_require(side[i].path);
		side[i].frame = calloc(1, VG_MAX_FRAME);
		side[i].buf = calloc(BENCH_RING_NUM, sizeof(*side[i].buf));
		if (!side[i].frame || !side[i].buf)
			ksft_exit_fail_msg("no memory\n");
	}
	o.worker_cpu = place(!strcmp(setting("BENCH_APART", "0"), "1"));

	for (w = bench_works; w->id; w++)
		n += wanted(&o, w);
	if (!n)
		ksft_exit_fail_msg("no id matches %s\n", o.ids);
	ksft_set_plan(n);
	for (w = bench_works; w->id; w++) {
		if (wanted(&o, w))
			ksft_test_result(measure(w, &o, side), "%s %s\n", w->id,
					 w->variant ? w->variant : "");
	}
	ksft_finished();
}
