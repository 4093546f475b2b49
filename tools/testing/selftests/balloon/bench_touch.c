// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest gets done: each processor reads and writes memory that it keeps, computes with
 * it, and takes new memory from the kernel and returns it.
 *
 *   bench_touch SLOTS MILLISECONDS
 *
 * Prints "start" once all have their memory, and after that many slots of that length what all
 * processors together did in each: rounds.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KEPT	(8192U * 1024)
#define NEW	(1024U * 1024)
#define PAGE	4096U
/* Of the kept memory, in a round. */
#define STRIDE	64U

static pthread_barrier_t ready;
static uint64_t slot_ns;
static size_t slots;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void *memory(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("bench_touch: mmap");
		exit(1);
	}
	return p;
}

static void round_of(volatile uint64_t *kept, uint64_t *sum)
{
	volatile char *new;
	size_t i;

	for (i = 0; i < KEPT / sizeof(*kept); i += STRIDE / sizeof(*kept)) {
		*sum = (*sum ^ kept[i]) * 0x100000001b3ULL;
		kept[i] = *sum;
	}
	new = memory(NEW);
	for (i = 0; i < NEW; i += PAGE)
		new[i] = 1;
	munmap((void *)new, NEW);
}

static void *work(void *rounds)
{
	uint64_t *kept = memory(KEPT), *done = rounds, sum = 0xcbf29ce484222325ULL, start;
	size_t slot;

	round_of(kept, &sum);
	pthread_barrier_wait(&ready);
	start = now();
	while ((slot = (now() - start) / slot_ns) < slots) {
		round_of(kept, &sum);
		done[slot]++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t i, slot, n = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t *threads;
	uint64_t *rounds;

	slots = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	slot_ns = argc == 3 ? strtoul(argv[2], NULL, 10) * 1000000ULL : 0;
	threads = calloc(n, sizeof(*threads));
	rounds = calloc(n * slots, sizeof(*rounds));
	if (!slots || !slot_ns || !threads || !rounds ||
	    pthread_barrier_init(&ready, NULL, n + 1)) {
		fprintf(stderr, "usage: bench_touch SLOTS MILLISECONDS\n");
		return 2;
	}
	for (i = 0; i < n; i++) {
		if (pthread_create(&threads[i], NULL, work, &rounds[i * slots])) {
			fprintf(stderr, "bench_touch: no thread\n");
			return 1;
		}
	}
	pthread_barrier_wait(&ready);
	puts("start");
	fflush(stdout);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	for (slot = 0; slot < slots; slot++) {
		uint64_t sum = 0;

		for (i = 0; i < n; i++)
			sum += rounds[i * slots + slot];
		printf("%llu%c", (unsigned long long)sum, slot + 1 < slots ? ' ' : '\n');
	}
	return 0;
}
