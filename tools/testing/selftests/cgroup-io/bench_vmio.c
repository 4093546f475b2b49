// SPDX-License-Identifier: GPL-2.0
/*
 * Loads for the benchmarks of dm_vmio.
 *
 *   bench_vmio cost ID PEER OURS-DEVICE PEER-DEVICE
 *
 * Both devices in turn: one direct read of 4 KiB after the other; prints what one costs,
 * in the cheapest tenth of the rounds.
 *
 *   bench_vmio load DEVICE MS STEP FILE TEXT DIRECTORY...
 *
 * From each of the cgroups many direct reads of 4 KiB at a time. When all of them are
 * under way, writes TEXT to FILE, and then prints every STEP ms, for MS, how long that
 * was ago and how many requests each of the cgroups has had since.
 *
 *   bench_vmio light DEVICE MS LIGHT [HEAVY]
 *
 * From the cgroup LIGHT one direct read of 4 KiB every 10 ms, for MS, while HEAVY has many at
 * a time; prints the median and the 99th percentile of how long each took, in us.
 *
 * BENCH_PAIRS, BENCH_MS and BENCH_INSN are as bench.sh sets them.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define SPAN (64 << 20)
#define DEPTH 64
#define ROUND 64
#define ROUNDS_MAX 100000
#define INSN_ROUNDS 8
#define VMS_MAX 16
#define LIGHT_MS 10
#define LIGHT_MAX 10000

/* Requests that have come back to a VM. */
struct count {
	_Atomic unsigned int n;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static long setting(const char *name, long standard)
{
	const char *text = getenv(name);

	return text && *text ? atol(text) : standard;
}

static void put(const char *path, const char *text)
{
	const ssize_t len = strlen(text);
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, len) != len)
		die(path);
	close(fd);
}

static void *block(void)
{
	void *buf;

	if (posix_memalign(&buf, BLOCK, BLOCK))
		die("memory");
	return buf;
}

static int open_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT);

	if (fd < 0)
		die(path);
	return fd;
}

/* ---- cost ---------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What a round costs, in ns. */
static uint64_t turn(int fd, void *buf, long ms, int insn)
{
	static uint64_t cost[ROUNDS_MAX];
	const uint64_t end = now_ns() + ms * 1000000ULL;
	unsigned int n = 0, i;
	uint64_t start;

	do {
		start = now_ns();
		for (i = 0; i < ROUND; i++) {
			if (pread(fd, buf, BLOCK, (off_t)i * BLOCK) != BLOCK)
				die("read");
		}
		cost[n++] = now_ns() - start;
	} while (n < ROUNDS_MAX && (insn ? n < INSN_ROUNDS : now_ns() < end));
	qsort(cost, n, sizeof(*cost), by_size);
	return cost[n / 20];
}

static int cost_of(char **argv)
{
	const int insn = setting("BENCH_INSN", 0);
	const long pairs = setting("BENCH_PAIRS", insn ? 3 : 7), ms = setting("BENCH_MS", 400);
	int fds[2] = { open_disk(argv[2]), open_disk(argv[3]) };
	void *buf = block();
	long pair;
	int side;

	for (pair = 0; pair < pairs; pair++) {
		for (side = 0; side < 2; side++)
			printf("# run: id=%s unit=%s/io side=%s value=%.2f peer=%s\n", argv[0],
			       insn ? "insn" : "ns", side ? "peer" : "ours",
			       (double)turn(fds[side], buf, ms, insn) / ROUND, argv[1]);
	}
	return 0;
}

/* ---- load ---------------------------------------------------------------- */

static void send_one(aio_context_t ctx, int fd, void *buf)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = BLOCK,
		.aio_offset = (long long)(random() % (SPAN / BLOCK)) * BLOCK,
	}, *cbs[] = { &cb };

	if (syscall(SYS_io_submit, ctx, 1, cbs) != 1)
		die("io_submit");
}

static void enter(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	put(path, "0");
}

static void vm(const char *device, const char *dir, struct count *had)
{
	struct io_event events[DEPTH];
	aio_context_t ctx = 0;
	void *buf;
	long n, i;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter(dir);
	fd = open_disk(device);
	buf = block();
	if (syscall(SYS_io_setup, DEPTH, &ctx))
		die("io_setup");
	for (i = 0; i < DEPTH; i++)
		send_one(ctx, fd, buf);
	for (;;) {
		n = syscall(SYS_io_getevents, ctx, 1, DEPTH, events, NULL);
		if (n < 1)
			die("io_getevents");
		atomic_fetch_add(&had->n, n);
		for (i = 0; i < n; i++)
			send_one(ctx, fd, buf);
	}
}

static int load(int n, char **dirs, char **argv)
{
	const uint64_t ms = atol(argv[1]), step = atol(argv[2]);
	struct count *had;
	unsigned int base[VMS_MAX];
	pid_t pids[VMS_MAX];
	uint64_t start, at;
	int i;

	had = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (had == MAP_FAILED)
		die("mmap");
	for (i = 0; i < n; i++) {
		pids[i] = fork();
		if (!pids[i])
			vm(argv[0], dirs[i], &had[i]);
		if (pids[i] < 0)
			die("fork");
	}
	for (i = 0; i < n; i++) {
		while (atomic_load(&had[i].n) < DEPTH)
			usleep(1000);
	}
	put(argv[3], argv[4]);
	for (i = 0; i < n; i++)
		base[i] = atomic_load(&had[i].n);
	start = now_ns();
	for (at = step; at <= ms; at += step) {
		uint64_t now = now_ns(), due = start + at * 1000000;

		if (now < due)
			usleep((due - now) / 1000);
		printf("%llu", (unsigned long long)(now_ns() - start) / 1000000);
		for (i = 0; i < n; i++)
			printf(" %u", atomic_load(&had[i].n) - base[i]);
		printf("\n");
	}
	for (i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	return 0;
}

/* ---- light ----------------------------------------------------------------- */

static pid_t heavy(const char *device, const char *dir)
{
	struct count *had;
	pid_t pid;

	had = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (had == MAP_FAILED)
		die("mmap");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		vm(device, dir, had);
	while (atomic_load(&had->n) < DEPTH)
		usleep(1000);
	return pid;
}

static int light(char **argv)
{
	static uint64_t took[LIGHT_MAX];
	const long n = atol(argv[1]) / LIGHT_MS;
	const pid_t pid = argv[3] ? heavy(argv[0], argv[3]) : 0;
	void *buf = block();
	uint64_t start;
	long i;
	int fd;

	if (n < 1 || n > LIGHT_MAX)
		return 2;
	enter(argv[2]);
	fd = open_disk(argv[0]);
	for (i = 0; i < n; i++) {
		usleep(LIGHT_MS * 1000);
		start = now_ns();
		if (pread(fd, buf, BLOCK, (off_t)(random() % (SPAN / BLOCK)) * BLOCK) != BLOCK)
			die("read");
		took[i] = now_ns() - start;
	}
	if (pid)
		kill(pid, SIGKILL);
	qsort(took, n, sizeof(*took), by_size);
	printf("%llu %llu\n", (unsigned long long)took[n / 2] / 1000,
	       (unsigned long long)took[n * 99 / 100] / 1000);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "cost"))
		return cost_of(argv + 2);
	if (argc > 7 && argc <= 7 + VMS_MAX && !strcmp(argv[1], "load"))
		return load(argc - 7, argv + 7, argv + 2);
	if ((argc == 5 || argc == 6) && !strcmp(argv[1], "light"))
		return light(argv + 2);
	fprintf(stderr, "usage: bench_vmio cost ID PEER OURS-DEVICE PEER-DEVICE\n"
		"       bench_vmio load DEVICE MS STEP FILE TEXT DIRECTORY...\n"
		"       bench_vmio light DEVICE MS LIGHT [HEAVY]\n");
	return 2;
}
