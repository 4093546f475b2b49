/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks of memcompress share: two block devices side by side, and the
 * pages that are written to them.
 */
#ifndef _BENCH_MCZ_H
#define _BENCH_MCZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BM_PAGE		4096UL
#define BM_HUGE		(2UL << 20)
#define BM_PATH		128

/**
 * struct bm_side - A device.
 * @name: "ours" or "peer".
 * @disk: Its name below /dev and /sys/block.
 * @module: Its module's.
 * @fallback: Its algorithm before anybody chose one.
 * @fd: Open for direct I/O while it is set up, else -1.
 */
struct bm_side {
	const char *name;
	const char *disk;
	const char *module;
	char fallback[32];
	int fd;
};

/**
 * struct bm_pages - Content.
 * @mem: Page aligned.
 * @count: Pages.
 */
struct bm_pages {
	uint8_t *mem;
	size_t count;
};

uint64_t bm_now_ns(void);

int bm_find(struct bm_side *s);
bool bm_has(const struct bm_side *s, const char *alg);
int bm_start(struct bm_side *s, const char *alg, uint64_t bytes);
void bm_stop(struct bm_side *s);
uint64_t bm_mm_stat(const struct bm_side *s, unsigned int column);

int bm_alloc(struct bm_pages *p, size_t count);
void bm_free(struct bm_pages *p);
void bm_fill_noise(struct bm_pages *p);
void bm_fill_made(struct bm_pages *p);
int bm_fill_from(struct bm_pages *p, const char *dir, bool sample);

int bm_rw(const struct bm_side *s, struct bm_pages *p, size_t first, size_t count,
	  bool write);

#endif /* _BENCH_MCZ_H */
