// SPDX-License-Identifier: GPL-2.0
/*
 * Random users of the device: several threads do random things to several devices, their
 * memory, their rings and their backends at the same time. In each round a process does so
 * until it ends, or is killed in the middle. The kernel must say nothing, the process must
 * end, its workers must go, and a device of ours must work all the time.
 *
 * fuzz_test [ROUNDS [SEED]]: a round can be repeated by its seed, as far as threads that
 * race can be.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz_test.h"
#include "kstest.h"
#include "test_bed.h"

#define EXTRA_ROUNDS	30

static struct fuzz_world world;
static struct bed bed;
static __u64 round_seed;

/* ---- files -------------------------------------------------------------- */

static void add_backend(int fd)
{
	if (world.nbackends < FUZZ_BACKENDS)
		world.backend[world.nbackends++] = fd;
}

static bool make_files(void)
{
	static const int family[] = { AF_INET, AF_INET6, AF_UNIX, AF_NETLINK };
	unsigned int i;
	int p[2];

	world.tap[0] = vg_tap_open("vgfuzz0", VG_TAP_OFFLOAD | VG_TAP_MULTI_QUEUE, 12);
	world.tap[1] = vg_tap_open("vgfuzz0", VG_TAP_OFFLOAD | VG_TAP_MULTI_QUEUE, 12);
	world.tap[2] = vg_tap_open("vgfuzz1", VG_TAP_OFFLOAD | VG_TAP_NAPI, 12);
	for (i = 0; i < FUZZ_TAPS; i++)
		if (world.tap[i] < 0)
			return false;
	if (vg_if_up("vgfuzz0", 9000) || vg_if_up("vgfuzz1", 65521))
		return false;
	world.peer[0] = vg_packet_open("vgfuzz0", true);
	world.peer[1] = vg_packet_open("vgfuzz1", true);
	world.peer[2] = vg_packet_open("vgfuzz1", true);

	add_backend(vg_tap_open("vgfuzz2", VG_TAP_NO_VNET_HDR, 0));
	vg_if_up("vgfuzz2", 0);
	add_backend(vg_packet_open("vgfuzz2", false));
	add_backend(vg_packet_open("vgfuzz0", false));
	add_backend(vg_packet_open("vgfuzz1", true));
	add_backend(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
	for (i = 0; i < ARRAY_SIZE(family); i++)
		add_backend(socket(family[i], SOCK_DGRAM | SOCK_CLOEXEC, 0));
	if (!pipe2(p, O_CLOEXEC)) {
		add_backend(p[0]);
		add_backend(p[1]);
	}
	add_backend(epoll_create1(EPOLL_CLOEXEC));
	add_backend(open("/dev/null", O_RDWR | O_CLOEXEC));
	add_backend(-1);
	add_backend(0x7fffffff);
	for (i = 0; i < FUZZ_EVENTS; i++)
		world.event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	add_backend(world.event[0]);
	return world.peer[0] >= 0 && world.peer[1] >= 0 && world.peer[2] >= 0;
}

/* ---- a round ------------------------------------------------------------ */

/* Guest RAM that another thread has taken away comes back; other crashes are for real. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	__u8 *page = (__u8 *)((uintptr_t)info->si_addr & ~(uintptr_t)(VG_PAGE - 1));

	if (page < world.ram || page >= world.ram + FUZZ_RAM) {
		signal(sig, SIG_DFL);
		return;
	}
	if (mprotect(page, VG_PAGE, PROT_READ | PROT_WRITE))
		mmap(page, VG_PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void count_packets(void)
{
	unsigned int i;

	for (i = 0; i < FUZZ_DEVICES; i++) {
		__s64 rx = vg_counter(world.fd[i], "rx_packets");
		__s64 tx = vg_counter(world.fd[i], "tx_packets");

		__atomic_fetch_add(&world.progress[FUZZ_DID_RX], rx, __ATOMIC_RELAXED);
		__atomic_fetch_add(&world.progress[FUZZ_DID_TX], tx, __ATOMIC_RELAXED);
	}
}

static void *thread(void *arg)
{
	struct fuzz_rnd r = { .x = (round_seed + (uintptr_t)arg) * 0x9e3779b97f4a7c15ULL | 1 };
	unsigned int i;

	for (i = 0; world.endless || i < world.ops; i++) {
		fuzz_op(&world, &r);
		__atomic_fetch_add(&world.progress[FUZZ_DID_OPS], 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void child(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	pthread_t id[FUZZ_THREADS];
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	world.ram = mmap(NULL, FUZZ_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (world.ram == MAP_FAILED)
		_exit(2);
	for (i = 0; i < FUZZ_DEVICES; i++) {
		world.fd[i] = open(world.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (world.fd[i] < 0)
			_exit(3);
	}
	/* A device is a backend and an eventfd of no use, too. */
	add_backend(world.fd[0]);
	for (i = 0; i < FUZZ_THREADS; i++)
		if (pthread_create(&id[i], NULL, thread, (void *)(uintptr_t)i))
			_exit(4);
	for (i = 0; i < FUZZ_THREADS; i++)
		pthread_join(id[i], NULL);
	count_packets();
	for (i = 0; i < FUZZ_DEVICES; i++)
		if (round_seed >> i & 1)
			close(world.fd[i]);
	_exit(0);
}

/* Returns its exit status, or -1 if nothing ends it. */
static int end_of(pid_t pid, unsigned int limit)
{
	int status = 0, ms, quiet = 0;
	__u32 last = 0;

	for (ms = 0; ms < 4 * BED_SOON_MS; ms += 5) {
		__u32 done = __atomic_load_n(&world.progress[FUZZ_DID_OPS], __ATOMIC_RELAXED);

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		/* A crash of its memory may leave it hanging: that is its own affair. */
		quiet = done == last ? quiet + 5 : 0;
		last = done;
		if (done >= limit || quiet > 3000) {
			kill(pid, SIGKILL);
			limit = ~0U;
			quiet = 0;
		}
		usleep(5000);
	}
	return -1;
}

static bool fuzz_round(unsigned int number, unsigned int ops)
{
	int status;
	pid_t pid;
	bool ok;

	world.progress[FUZZ_DID_OPS] = 0;
	world.endless = number % 3 == 2;
	world.ops = ops;
	fflush(stdout);
	pid = fork();
	if (!pid)
		child();
	if (!expect(pid > 0))
		return false;
	status = end_of(pid, world.endless ? ops * FUZZ_THREADS : ~0U);
	ok = expect(status >= 0) && expect(!WIFEXITED(status) || !WEXITSTATUS(status)) &&
	     expect(!vg_workers_become(pid, NULL, 0));
	ksft_print_msg("%u operations, %s %d\n", world.progress[FUZZ_DID_OPS],
		       WIFEXITED(status) ? "exit" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	/* Whoever did what to the others: this one works. */
	return ok && expect(bed_works(&bed)) && expect(bed_idles());
}

static bool traffic_passed(void)
{
	return bed_is_stock(&bed) ||
	       (world.progress[FUZZ_DID_RX] && world.progress[FUZZ_DID_TX]);
}

int main(int argc, char **argv)
{
	struct bed_config cfg = { .kind = BED_TAP, .features = VG_F_MODERN, .rx_buf = 2048 };
	unsigned int i, rounds = bed_long() ? 300 : 3, ops = bed_long() ? 5000 : 500;
	const char *env = getenv("SEED");
	struct timespec now;
	bool ok = true;
	__u64 seed;

	ksft_print_header();
	vg_require(vg_default_path());
	clock_gettime(CLOCK_REALTIME, &now);
	seed = env ? strtoull(env, NULL, 0) : now.tv_sec * 1000003ULL + now.tv_nsec;
	if (argc > 1)
		rounds = atoi(argv[1]);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	if (unshare(CLONE_NEWNET))
		ksft_exit_skip("no network namespaces\n");
	world.path = vg_default_path();
	world.features = vg_features_of(world.path);
	world.progress = mmap(NULL, VG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	if (world.progress == MAP_FAILED || !make_files() || bed_open(&bed, &cfg) ||
	    bed_start(&bed))
		ksft_exit_fail_msg("no device to test\n");

	ksft_set_plan(rounds + 1);
	for (i = 0; i < rounds; i++) {
		round_seed = seed + i;
		ksft_test_result(fuzz_round(i, ops), "round %u, seed %llu\n", i,
				 (unsigned long long)round_seed);
	}
	/*
	 * What never runs is not tested. Packets count in what is left of a round that ends by
	 * itself: a few rounds may have none, more may not.
	 */
	for (; ok && !traffic_passed() && i < rounds + EXTRA_ROUNDS; i++) {
		round_seed = seed + i;
		ok = fuzz_round(0, ops);
	}
	ksft_test_result(ok && traffic_passed(), "traffic passed: %u rx, %u tx\n",
			 world.progress[FUZZ_DID_RX], world.progress[FUZZ_DID_TX]);
	bed_close(&bed);
	ksft_finished();
}
