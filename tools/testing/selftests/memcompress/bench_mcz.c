// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmarks of memcompress against zram.
 *
 * Both devices are set up at once, with the same algorithm unless defaults are what
 * is compared, and take rounds in turn, over the same pages again and again. Work is
 * elapsed time: a device does it in the task that asks.
 *
 * Environment: BENCH_IDS (globs), BENCH_PAIRS, BENCH_MS (turn), BENCH_INSN (the clock
 * counts instructions: few sweeps), BENCH_PAGES (directory of files
 * of pages; without it stores and loads are of made-up pages, and mc.capacity is
 * skipped).
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench_mcz.h"
#include "kstest.h"

#define SIDES		2
#define PAGES		1024
#define ROUND_PAGES	32
#define HUGE_PAGES	(BM_HUGE / BM_PAGE)
#define MIN_SWEEPS	10
#define INSN_SWEEPS	2
#define IDLE_S		4
#define TRACING		"/sys/kernel/tracing"

struct work {
	const char *id;
	const char *variant;
	const char *unit;
	const char *alg;
	bool (*measure)(const struct work *w, struct bm_side *side);
	/* Of work in rounds: what the pages are, what is done with them. */
	void (*fill)(struct bm_pages *p);
	int (*round)(const struct bm_side *s, struct bm_pages *p, size_t at);
	size_t pages;
	size_t step;	/* of them in a round */
};

static unsigned int pairs;
static uint64_t turn_ns;
static bool insn;
static const char *ids, *pages_dir;

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static void print_run(const struct work *w, const struct bm_side *s, double value,
		      const char *more)
{
	ksft_print_msg("run: id=%s%s%s unit=%s%s side=%s value=%.4f peer=zram %s\n", w->id,
		       w->variant ? " variant=" : "", w->variant ? w->variant : "",
		       insn && !strncmp(w->unit, "ns/", 3) ? "insn" : "",
		       insn && !strncmp(w->unit, "ns/", 3) ? w->unit + 2 : w->unit, s->name, value,
		       more);
}

static bool start_both(struct bm_side *side, const char *alg, uint64_t bytes)
{
	return !bm_start(&side[0], alg, bytes) && !bm_start(&side[1], alg, bytes);
}

static void stop_both(struct bm_side *side)
{
	bm_stop(&side[0]);
	bm_stop(&side[1]);
}

/* ---- work in rounds ----------------------------------------------------- */

static int store_round(const struct bm_side *s, struct bm_pages *p, size_t at)
{
	return bm_rw(s, p, at, ROUND_PAGES, true);
}

static int load_round(const struct bm_side *s, struct bm_pages *p, size_t at)
{
	return bm_rw(s, p, at, ROUND_PAGES, false);
}

static int thp_round(const struct bm_side *s, struct bm_pages *p, size_t at)
{
	return pwrite(s->fd, p->mem + at * BM_PAGE, BM_HUGE, at * BM_PAGE) == (ssize_t)BM_HUGE ?
	       0 : -EIO;
}

static void fill_guest(struct bm_pages *p)
{
	if (!*pages_dir || bm_fill_from(p, pages_dir, true))
		bm_fill_made(p);
}

/*
 * A round of both sides on the pages from @at. Its cost is the cheapest of all turns
 * over the same pages: what else the machine does can only add to it.
 */
static int round_of_both(const struct work *w, struct bm_side *side, struct bm_pages *p,
			 size_t at, unsigned int first, uint64_t (*cost)[SIDES])
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < SIDES; i++) {
		unsigned int k = (first + i) % SIDES;
		uint64_t took = bm_now_ns();

		err = w->round(&side[k], p, at);
		took = bm_now_ns() - took;
		if (!(*cost)[k] || took < (*cost)[k])
			(*cost)[k] = took;
	}
	return err;
}

/* Fill the device; what comes back must be what was written. */
static bool proven(const struct bm_side *s, struct bm_pages *p)
{
	struct bm_pages back;
	bool good;

	if (bm_alloc(&back, p->count))
		return false;
	good = !bm_rw(s, p, 0, p->count, true) &&
	       !bm_rw(s, &back, 0, p->count, false) &&
	       !memcmp(p->mem, back.mem, p->count * BM_PAGE);
	bm_free(&back);
	return good;
}

static bool turn(const struct work *w, struct bm_side *side, struct bm_pages *p)
{
	const size_t rounds = p->count / w->step;
	uint64_t (*cost)[SIDES] = calloc(rounds, sizeof(*cost));
	uint64_t end, sum[SIDES] = { };
	unsigned int i, n = 0;
	bool good = cost;
	char more[96];
	size_t at;

	for (i = 0; good && i < SIDES; i++) {
		/* A load finds the pages as they are. */
		good = proven(&side[i], p);
		if (!good)
			ksft_print_msg("%s does not give back what was written\n", side[i].disk);
	}
	end = bm_now_ns() + SIDES * turn_ns;
	do {
		for (at = 0; good && at < rounds; at++)
			good = !round_of_both(w, side, p, at * w->step, at + n, &cost[at]);
		n++;
	} while (good && (insn ? n < INSN_SWEEPS : n < MIN_SWEEPS || bm_now_ns() < end));
	for (i = 0; good && i < SIDES; i++) {
		for (at = 0; at < rounds; at++)
			sum[i] += cost[at][i];
		snprintf(more, sizeof(more), "sweeps=%u compressed=%.3f", n,
			 (double)bm_mm_stat(&side[i], 2) / (p->count * BM_PAGE));
		print_run(w, &side[i], (double)sum[i] / p->count, more);
	}
	free(cost);
	return good;
}

static bool measure_rounds(const struct work *w, struct bm_side *side)
{
	struct bm_pages p;
	unsigned int i;
	bool good;

	if (bm_alloc(&p, w->pages))
		return false;
	w->fill(&p);
	good = start_both(side, w->alg, 2 * w->pages * BM_PAGE);
	for (i = 0; good && i < pairs; i++)
		good = turn(w, side, &p);
	stop_both(side);
	bm_free(&p);
	return good;
}

/* ---- capacity ----------------------------------------------------------- */

static long long mem_field(const char *name)
{
	FILE *f = fopen("/proc/meminfo", "r");
	size_t len = strlen(name);
	char line[128];
	long long kib = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, len) && line[len] == ':')
			kib = atoll(line + len + 1);
	}
	if (f)
		fclose(f);
	return kib * 1024;
}

static void put(const char *path, const char *value)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(value, f);
		fclose(f);
	}
}

/* Free pages that a CPU keeps in its own list: MemFree has them not. */
static long long cpu_lists(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	char line[128];
	long long pages = 0, n;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " count: %lld", &n) == 1)
			pages += n;
	}
	if (f)
		fclose(f);
	return pages * BM_PAGE;
}

/* Bytes that are not free, without page cache, which others may fill meanwhile. */
static long long in_use(void)
{
	sync();
	put("/proc/sys/vm/drop_caches", "3");
	put("/proc/sys/vm/stat_refresh", "1");
	usleep(200000);
	return mem_field("MemTotal") - mem_field("MemFree") - cpu_lists() -
	       mem_field("Cached") - mem_field("Buffers");
}

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return r.ru_stime.tv_sec + r.ru_stime.tv_usec / 1e6;
}

static bool fill_device(const struct work *w, struct bm_side *s, struct bm_pages *p)
{
	long long before, slab, used;
	char more[128];
	double cpu;
	bool good;

	before = in_use();
	slab = mem_field("Slab");
	if (bm_start(s, w->alg, p->count * BM_PAGE))
		return false;
	cpu = cpu_seconds();
	good = !bm_rw(s, p, 0, p->count, true);
	cpu = cpu_seconds() - cpu;
	used = in_use() - before;
	if (good) {
		snprintf(more, sizeof(more),
			 "better=more cpu=%.2f used=%lld slab=%lld arena=%llu alg=%s",
			 cpu, used, mem_field("Slab") - slab,
			 (unsigned long long)bm_mm_stat(s, 3), w->alg ? w->alg : s->fallback);
		print_run(w, s, (double)p->count * BM_PAGE / used, more);
	}
	bm_stop(s);
	return good && used > 0;
}

static bool measure_capacity(const struct work *w, struct bm_side *side)
{
	struct bm_pages p = { };
	unsigned int i;
	bool good;

	good = !bm_fill_from(&p, pages_dir, false);
	if (!good)
		ksft_print_msg("no pages in %s\n", pages_dir);
	for (i = 0; good && i < SIDES * (pairs + 1) / 2; i++)
		good = fill_device(w, &side[i % SIDES], &p);
	bm_free(&p);
	return good;
}

/* ---- idle --------------------------------------------------------------- */

/* Lines of the trace that name a function of the module. */
static long traced(const char *module)
{
	FILE *f = fopen(TRACING "/trace", "r");
	char line[512], mark[64];
	long n = 0;

	if (!f)
		return -1;
	snprintf(mark, sizeof(mark), "[%s]", module);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, mark) ? 1 : 0;
	fclose(f);
	return n;
}

static const char * const wakers[] = {
	"workqueue/workqueue_execute_start", "timer/timer_expire_entry",
	"timer/hrtimer_expire_entry",
};

static void trace(bool on)
{
	char path[BM_PATH];
	unsigned int i;

	for (i = 0; i < sizeof(wakers) / sizeof(*wakers); i++) {
		snprintf(path, sizeof(path), TRACING "/events/%s/enable", wakers[i]);
		put(path, on ? "1" : "0");
	}
}

/* Two devices with pages in them that nobody uses. */
static bool measure_idle(const struct work *w, struct bm_side *side)
{
	struct bm_pages p;
	unsigned int i, k;
	bool good;

	if (access(TRACING "/trace", R_OK)) {
		ksft_print_msg("no tracefs\n");
		return false;
	}
	if (bm_alloc(&p, PAGES))
		return false;
	fill_guest(&p);
	good = start_both(side, w->alg, PAGES * BM_PAGE) &&
	       !bm_rw(&side[0], &p, 0, PAGES, true) &&
	       !bm_rw(&side[1], &p, 0, PAGES, true);
	for (i = 0; good && i < (pairs + 1) / 2; i++) {
		put(TRACING "/trace", "");
		trace(true);
		sleep(IDLE_S);
		trace(false);
		for (k = 0; good && k < SIDES; k++) {
			long n = traced(side[k].module);

			good = n >= 0;
			print_run(w, &side[k], (double)n / IDLE_S, "limit=peer");
		}
	}
	stop_both(side);
	bm_free(&p);
	return good;
}

/* ---- table -------------------------------------------------------------- */

static const struct work works[] = {
	{ .id = "mc.store", .variant = "lz4", .unit = "ns/page", .alg = "lz4",
	  .measure = measure_rounds, .fill = fill_guest, .round = store_round,
	  .pages = PAGES, .step = ROUND_PAGES },
	{ .id = "mc.store", .variant = "zstd", .unit = "ns/page", .alg = "zstd",
	  .measure = measure_rounds, .fill = fill_guest, .round = store_round,
	  .pages = PAGES, .step = ROUND_PAGES },
	{ .id = "mc.load", .variant = "lz4", .unit = "ns/page", .alg = "lz4",
	  .measure = measure_rounds, .fill = fill_guest, .round = load_round,
	  .pages = PAGES, .step = ROUND_PAGES },
	{ .id = "mc.load", .variant = "zstd", .unit = "ns/page", .alg = "zstd",
	  .measure = measure_rounds, .fill = fill_guest, .round = load_round,
	  .pages = PAGES, .step = ROUND_PAGES },
	{ .id = "mc.store.incompressible.lz4", .unit = "ns/page", .alg = "lz4",
	  .measure = measure_rounds, .fill = bm_fill_noise, .round = store_round,
	  .pages = PAGES, .step = ROUND_PAGES },
	{ .id = "mc.store.incompressible.zstd", .unit = "ns/page", .alg = "zstd",
	  .measure = measure_rounds, .fill = bm_fill_noise, .round = store_round,
	  .pages = PAGES, .step = ROUND_PAGES },
	{ .id = "mc.store.thp", .variant = "lz4", .unit = "ns/page", .alg = "lz4",
	  .measure = measure_rounds, .fill = fill_guest, .round = thp_round,
	  .pages = 8 * HUGE_PAGES, .step = HUGE_PAGES },
	{ .id = "mc.capacity.private", .unit = "bytes/byte", .alg = "zstd",
	  .measure = measure_capacity },
	{ .id = "mc.capacity.default.private", .unit = "bytes/byte",
	  .measure = measure_capacity },
	{ .id = "idle.memcompress", .unit = "wakeups/s", .alg = "lz4",
	  .measure = measure_idle },
	{ }
};

static bool wanted(const struct work *w)
{
	char list[512], *word, *rest = list;

	snprintf(list, sizeof(list), "%s", ids);
	while ((word = strsep(&rest, " "))) {
		if (*word && !fnmatch(word, w->id, 0))
			return true;
	}
	return false;
}

static void run(const struct work *w, struct bm_side *side)
{
	const char *variant = w->variant ? w->variant : "";

	if (w->measure == measure_capacity && !*pages_dir)
		ksft_test_result_skip("%s: no pages of guests, see GUEST_RAM\n", w->id);
	else if (w->alg && (!bm_has(&side[0], w->alg) || !bm_has(&side[1], w->alg)))
		ksft_test_result_skip("%s %s: not on both sides\n", w->id, variant);
	else
		ksft_test_result(w->measure(w, side), "%s %s\n", w->id, variant);
}

int main(void)
{
	struct bm_side side[SIDES] = {
		{ .name = "ours", .disk = "memcompress0", .module = "memcompress" },
		{ .name = "peer", .disk = "zram0", .module = "zram" },
	};
	const struct work *w;
	unsigned int i, n = 0;

	ksft_print_header();
	insn = !strcmp(setting("BENCH_INSN", "0"), "1");
	ids = setting("BENCH_IDS", "*");
	pages_dir = setting("BENCH_PAGES", "");
	pairs = atoi(setting("BENCH_PAIRS", insn ? "3" : "7"));
	turn_ns = atoll(setting("BENCH_MS", "400")) * 1000000;
	for (i = 0; i < SIDES; i++) {
		if (bm_find(&side[i]))
			ksft_exit_skip("no %s: load %s\n", side[i].disk, side[i].module);
	}
	for (w = works; w->id; w++)
		n += wanted(w);
	if (!n)
		ksft_exit_fail_msg("no id matches %s\n", ids);
	ksft_set_plan(n);
	for (w = works; w->id; w++) {
		if (wanted(w))
			run(w, side);
	}
	ksft_finished();
}
