// SPDX-License-Identifier: GPL-2.0
/*
 * Every frame arrives, once, in order and intact: both directions, every backend,
 * feature set, size and descriptor layout; then the corners of the ring protocol.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kstest.h"
#include "ring_test.h"

static const unsigned int sizes[] = {
	14, 15, 59, 60, 61, 64, 127, 128, 255, 256, 257, 300, 1000, 1513, 1514, 1515,
	2047, 2048, 3000, 3700, 3800, 4000, 4095, 4096, 4097, 9014, 16384, 32769, 65000,
	65535,
};

#define NSIZES	(ARRAY_SIZE(sizes))

static const struct {
	const char *name;
	__u64 features;
	unsigned int nregions;
	unsigned int rx_buf;
	unsigned int busyloop_us;
} sets[] = {
	{ "legacy", 0, 1 },
	{ "legacy,indirect", VG_F_INDIRECT, 16 },
	{ "legacy,event_idx", VG_F_EVENT_IDX, 3 },
	{ "legacy,mrg_rxbuf", VG_F_MRG_RXBUF, 16, 1536 },
	{ "version_1", VG_F_VERSION_1, 1 },
	{ "version_1,notify_on_empty", VG_F_VERSION_1 | VG_F_NOTIFY_ON_EMPTY, 1 },
	{ "modern", VG_F_MODERN, 16, 2048 },
	{ "modern,small buffers", VG_F_MODERN, 1, 700 },
	{ "modern,poll", VG_F_MODERN, 1, 0, 50 },
	{ "in_order", VG_F_MODERN | VG_F_IN_ORDER, 3, 700 },
	{ "packed,bare", VG_F_VERSION_1 | VG_F_PACKED, 1 },
	{ "packed", VG_F_MODERN | VG_F_PACKED, 16, 2048 },
	{ "packed,in_order", VG_F_MODERN | VG_F_PACKED | VG_F_IN_ORDER, 1, 700 },
	{ "packed,poll", VG_F_MODERN | VG_F_PACKED, 1, 0, 50 },
};

#define NSETS	(ARRAY_SIZE(sets))

/* Sizes by layouts: all of them if long, else each size once, turning with the set. */
static unsigned int rounds(void)
{
	return bed_long() ? VG_LAYOUTS : 1;
}

static enum vg_layout pick_layout(const struct bed *b, unsigned int n)
{
	return n % (b->cfg.features & VG_F_INDIRECT ? VG_LAYOUTS : VG_LAYOUT_INDIRECT);
}

static bool all_tx(struct bed *b, unsigned int turn)
{
	unsigned int l, i;
	__u32 seq = 1;

	for (l = 0; l < rounds(); l++)
		for (i = 0; i < NSIZES; i++)
			if (bed_tx(b, seq++, sizes[i], pick_layout(b, i + l + turn)))
				return false;
	/* No MTU bounds what the guest sends. */
	return b->cfg.kind >= BED_MACVTAP ||
	       !bed_tx(b, seq, VG_MAX_FRAME, pick_layout(b, turn));
}

static bool all_rx(struct bed *b, unsigned int turn)
{
	unsigned int l, i;
	__u32 seq = 100000;

	for (l = 0; l < rounds(); l++) {
		for (i = 0; i < NSIZES; i++) {
			/* Posted from now on; what stands in the ring keeps its layout. */
			b->rx.layout = pick_layout(b, i + l + turn);
			if (bed_rx(b, seq++, sizes[i]))
				return false;
		}
	}
	return true;
}

static void test_matrix(enum bed_kind kind, unsigned int set)
{
	struct bed_config cfg = {
		.kind = kind,
		.features = sets[set].features,
		/* Small buffers: a large frame needs many, of several descriptors each. */
		.num = sets[set].rx_buf ? 1024 : 256,
		.nregions = sets[set].nregions,
		.rx_buf = sets[set].rx_buf,
		.busyloop_us = sets[set].busyloop_us,
	};
	bool tx = false, rx = false;
	const char *fault;
	struct bed b;

	if (!bed_open(&b, &cfg)) {
		if (!bed_start(&b)) {
			tx = all_tx(&b, set + kind);
			rx = all_rx(&b, set + kind);
		}
		if (vg_ring_errors(&b.d.ring[VG_RX]) || vg_ring_errors(&b.d.ring[VG_TX])) {
			ksft_print_msg("error eventfd fired\n");
			tx = false;
		}
		bed_close(&b);
	}
	fault = bed_fault();
	if (fault) {
		ksft_print_msg("%s\n", fault);
		tx = false;
	}
	ksft_test_result(tx, "%s, %s: tx of all sizes and layouts\n", bed_kind_name(kind),
			 sets[set].name);
	ksft_test_result(rx, "%s, %s: rx of all sizes and layouts\n", bed_kind_name(kind),
			 sets[set].name);
}

static const struct {
	const char *name;
	__u64 features;
} formats[] = {
	{ "split", VG_F_MODERN },
	{ "split,in_order", VG_F_MODERN | VG_F_IN_ORDER },
	{ "packed", VG_F_MODERN | VG_F_PACKED },
	{ "packed,in_order", VG_F_MODERN | VG_F_PACKED | VG_F_IN_ORDER },
};

#define NFORMATS	(2 * ARRAY_SIZE(formats))

/* The second half is the same without EVENT_IDX. */
static __u64 format_features(unsigned int format)
{
	if (format < ARRAY_SIZE(formats))
		return formats[format].features;
	return formats[format - ARRAY_SIZE(formats)].features & ~VG_F_EVENT_IDX;
}

static const struct {
	const struct ring_case *c;
	const unsigned int *n;
} tables[] = {
	{ format_cases, &format_ncases },
	{ ring_cases, &ring_ncases },
	{ backend_cases, &backend_ncases },
};

/* The stock module knows neither packed rings nor IN_ORDER. */
static bool is_offered(__u64 features)
{
	const __u64 formats = VG_F_PACKED | VG_F_IN_ORDER;

	return !(features & formats & ~vg_features_of(vg_default_path()));
}

/* Runs, or counts, the cases of all tables by format. */
static unsigned int all_cases(const char *only, bool run)
{
	unsigned int count = 0, format, table, i;

	for (format = 0; format < NFORMATS; format++) {
		const char *name = formats[format % ARRAY_SIZE(formats)].name;
		const char *flags = format < ARRAY_SIZE(formats) ? "" : ",flags";

		ring_features = format_features(format);
		for (table = 0; table < ARRAY_SIZE(tables); table++) {
			for (i = 0; i < *tables[table].n; i++) {
				const struct ring_case *c = &tables[table].c[i];
				const char *fault;
				bool ok;

				if (!(c->formats >> format & 1) ||
				    (only && strcmp(only, c->name)))
					continue;
				count++;
				if (!run)
					continue;
				if (!is_offered(ring_features)) {
					ksft_test_result_skip("%s%s: %s: not offered\n", name,
							      flags, c->name);
					continue;
				}
				ok = c->fn();
				fault = bed_fault();
				if (fault)
					ksft_print_msg("%s\n", fault);
				ksft_test_result(ok && !fault, "%s%s: %s\n", name, flags,
						 c->name);
			}
		}
	}
	return count;
}

/* Not every backend need meet every feature set, unless there is time. */
static bool is_wanted(enum bed_kind kind, unsigned int set)
{
	bool variant = kind == BED_TAP_SNDBUF || kind == BED_TAP_NAPI || kind == BED_TAP_PLAIN;

	if (!bed_long() && set % (variant ? 3 : kind == BED_TAP ? 1 : 2))
		return false;
	if (!is_offered(sets[set].features))
		return false;
	return bed_kind_usable(kind, sets[set].features);
}

/* An argument picks the one case to run; "matrix" is all the combinations. */
int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	bool matrix = !only || !strcmp(only, "matrix");
	unsigned int plan = 0, kind, set;

	ksft_print_header();
	vg_require(vg_default_path());
	vg_run("modprobe macvtap");
	for (kind = 0; matrix && kind < BED_KINDS; kind++)
		for (set = 0; set < NSETS; set++)
			plan += 2 * is_wanted(kind, set);
	plan += all_cases(only, false);
	ksft_set_plan(plan);

	for (kind = 0; matrix && kind < BED_KINDS; kind++)
		for (set = 0; set < NSETS; set++)
			if (is_wanted(kind, set))
				test_matrix(kind, set);
	all_cases(only, true);
	ksft_finished();
}
