// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log: whatever the device writes to guest RAM has its bit when it is written,
 * or a migrated guest is corrupted without a trace.
 *
 * A pulse stops the device, spoils every byte that it may write, and lets it work on what
 * was prepared, so that each of its writes is a change; a stream runs both directions
 * while bits are taken and the log is switched. "log_test NAME" runs one case.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty_log.h"
#include "kstest.h"
#include "test_traffic.h"

#define RAM		(2ul << 20)
#define BUFS		32
#define SMALL_BUF	700	/* frames take several */
#define LARGE_BUF	9100	/* any frame fits */
#define ALIAS		(64ul << 20)
#define SPOILT		0xaa
#define FRAMES		6

/**
 * struct variant - What a case runs on.
 * @name: For its results.
 * @kind: Backend.
 * @features: Negotiated.
 * @num: Ring entries.
 * @nregions: Regions of guest RAM.
 */
struct variant {
	const char *name;
	enum bed_kind kind;
	__u64 features;
	unsigned int num;
	unsigned int nregions;
};

struct scene {
	struct bed b;
	struct traffic t;
	struct dlog l;
	__u64 rx_start;
	__u64 rx_end;
};

/* ---- scenes ------------------------------------------------------------- */

static int place(struct bed *b)
{
	int err = traffic_place(&b->rx, &b->d.mem, BUFS, b->cfg.rx_buf);

	return err ? err : traffic_place(&b->tx, &b->d.mem, BUFS / 2, LARGE_BUF);
}

static bool is_packed(const struct scene *s)
{
	return s->b.d.features & VG_F_PACKED;
}

/*
 * Pages the guest writes: its areas, tables, TX data. Both write the descriptors of a
 * packed ring, which are compared only where the guest leaves them alone.
 */
static void name_mine(struct scene *s, bool live)
{
	struct bed *b = &s->b;
	unsigned int i;

	memset(s->l.mine, 0, s->l.npages * sizeof(*s->l.mine));
	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &b->d.ring[i];

		if (live || !is_packed(s))
			dlog_mine(&s->l, r->desc_gpa, 16ul * r->num);
		dlog_mine(&s->l, r->driver_gpa, is_packed(s) ? 4 : 6 + 2ul * r->num);
	}
	dlog_mine(&s->l, b->rx.buf[0].chain.table, b->rx.count * VG_MAX_SEGS * 16ul);
	dlog_mine(&s->l, b->tx.buf[0].chain.table, b->d.mem.next - b->tx.buf[0].chain.table);
}

static bool scene_open(struct scene *s, const struct variant *v)
{
	struct bed_config cfg = {
		.kind = v->kind,
		.features = v->features,
		.num = v->num,
		/* Entries and index of a large used ring lie on different pages. */
		.base = v->num > 512 ? 700 : 0,
		.nregions = v->nregions,
		.mem_size = RAM,
		.rx_buf = v->features & VG_F_MRG_RXBUF ? SMALL_BUF : LARGE_BUF,
		.place = place,
	};

	memset(s, 0, sizeof(*s));
	if (bed_open(&s->b, &cfg))
		return false;
	s->t.b = &s->b;
	s->t.max = 9000;
	s->rx_start = s->b.rx.buf[0].gpa & ~(__u64)(VG_PAGE - 1);
	s->rx_end = s->b.tx.buf[0].chain.table;
	if (dlog_init(&s->l, &s->b.d, &s->b.d.mem)) {
		bed_close(&s->b);
		return false;
	}
	name_mine(s, false);
	return true;
}

static void scene_close(struct scene *s)
{
	bed_close(&s->b);
	dlog_free(&s->l);
}

static bool scene_start(struct scene *s)
{
	unsigned int i;

	if (vg_dev_start(&s->b.d, s->b.backend))
		return expect(!"the device starts");
	for (i = 0; i < VG_RINGS; i++)
		vg_ring_notify(&s->b.d.ring[i]);
	return true;
}

static bool scene_stop(struct scene *s)
{
	bool ok = expect(!vg_dev_stop(&s->b.d));

	vg_tx_reap(&s->b.d, &s->b.tx);
	return ok;
}

static bool no_errors(struct scene *s)
{
	unsigned int i;
	bool ok = true;

	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &s->b.d.ring[i];

		if (r->fault)
			ksft_print_msg("ring %u: %s\n", i, r->fault);
		ok = expect(!r->fault) && expect(!vg_ring_errors(r)) && ok;
	}
	return ok;
}

/* The guest changes all that the device may write, but for what both go by. */
static void spoil(struct scene *s)
{
	__u64 gpa;
	unsigned int i;

	for (gpa = s->rx_start; gpa < s->rx_end; gpa += VG_PAGE)
		memset(vg_mem_hva(&s->b.d.mem, gpa), SPOILT, VG_PAGE);
	for (i = 0; i < VG_RINGS; i++) {
		struct vg_ring *r = &s->b.d.ring[i];
		__u8 *area = vg_mem_hva(&s->b.d.mem, r->device_gpa);

		/* Anything else in a packed ring would be a fault of the device. */
		if (is_packed(s)) {
			*(__u16 *)area = r->num - 1;
		} else {
			memset(area, 0xfe, 2);
			memset(area + 4, SPOILT, 8ul * r->num + 2);
		}
	}
}

/* The device wrote nothing where only the guest writes. */
static bool no_excess(struct scene *s)
{
	unsigned int page;

	for (page = 0; page < s->l.npages; page++)
		if (s->l.seen[page] && s->l.mine[page]) {
			ksft_print_msg("bit of page %u, which the device does not write\n", page);
			return false;
		}
	return true;
}

/* Moves what the RX descriptors name to the second address of the same memory. */
static void use_alias(struct scene *s)
{
	struct vring_desc *desc = vg_mem_hva(&s->b.d.mem, s->b.d.ring[VG_RX].desc_gpa);
	unsigned int i;

	for (i = 0; i < s->b.d.ring[VG_RX].num; i++)
		if (desc[i].addr >= s->rx_start && desc[i].addr < s->rx_end)
			desc[i].addr += ALIAS;
}

static bool pulse(struct scene *s, bool alias, unsigned int frames)
{
	bool ok;

	if (!scene_stop(s))
		return false;
	spoil(s);
	vg_rx_fill(&s->b.d, &s->b.rx);
	if (alias)
		use_alias(s);
	ok = traffic_tx(&s->t, frames);
	dlog_adopt(&s->l);
	memset(s->l.seen, 0, s->l.npages * sizeof(*s->l.seen));

	ok = ok && scene_start(s);
	/* What the start has logged covers nothing that follows. */
	dlog_sync(&s->l);
	ok = ok && traffic_rx(&s->t, frames) && traffic_drain(&s->t, false);
	return scene_stop(s) && ok && expect(dlog_check(&s->l)) && expect(no_excess(s)) &&
	       no_errors(s);
}

/* ---- pulses ------------------------------------------------------------- */

static bool layout_usable(const struct scene *s, unsigned int layout)
{
	if (layout == VG_LAYOUT_MIXED && is_packed(s))
		return false;
	return layout < VG_LAYOUT_INDIRECT || s->b.d.features & VG_F_INDIRECT;
}

static bool pulses(struct scene *s)
{
	unsigned int rounds = bed_long() ? 100 : 1;
	unsigned int layout, i;
	/* Start and stop alone write, too. */
	bool ok = expect(!dlog_on(&s->l)) && pulse(s, false, 0);

	for (i = 0; ok && i < rounds; i++)
		for (layout = 0; ok && layout < VG_LAYOUTS; layout++) {
			if (!layout_usable(s, layout))
				continue;
			s->b.rx.layout = layout;
			s->t.layout = layout;
			ok = pulse(s, false, FRAMES);
			if (!ok)
				ksft_print_msg("layout %s, round %u\n",
					       vg_layout_name(layout), i);
		}
	return ok;
}

static long alias_page(void *arg, __u64 gpa)
{
	return dlog_page(arg, gpa >= VG_GPA_BASE + ALIAS ? gpa - ALIAS : gpa);
}

/* The same memory at two addresses; the ring is logged at the second. */
static bool aliases(struct scene *s)
{
	struct vg_dev *d = &s->b.d;
	struct vg_mem both = d->mem;
	unsigned int i, n = d->mem.nregions;
	bool ok;

	for (i = 0; i < n; i++) {
		both.region[n + i] = d->mem.region[i];
		both.region[n + i].gpa += ALIAS;
	}
	both.nregions = 2 * n;
	dlog_free(&s->l);
	ok = expect(!dlog_init(&s->l, d, &both));
	s->l.page_of = alias_page;
	s->l.arg = &s->l;
	name_mine(s, false);
	d->mem = both;
	for (i = 0; i < VG_RINGS; i++)
		d->ring[i].device_gpa += ALIAS;
	ok = ok && expect(!vg_dev_set_mem(d, &both)) && expect(!dlog_on(&s->l));
	for (i = 0; ok && i < 6; i++) {
		/* The guest sees what is changed behind its back but in the first place. */
		s->b.rx.layout = is_packed(s) ? VG_LAYOUT_SINGLE : i % 3;
		ok = pulse(s, i % 2, FRAMES);
	}
	d->mem.nregions = n;
	return ok;
}

/* ---- streams ------------------------------------------------------------ */

static bool compare(struct scene *s)
{
	return scene_stop(s) && expect(dlog_check(&s->l)) && scene_start(s);
}

/* Frames both ways while bits are taken. */
static bool stream(struct scene *s, unsigned int rounds)
{
	bool ok = true;
	unsigned int i;

	for (; ok && rounds; rounds--) {
		ok = traffic_rx(&s->t, 4) && traffic_tx(&s->t, 4);
		for (i = 0; i < 4; i++) {
			dlog_sync(&s->l);
			sched_yield();
		}
		ok = ok && traffic_drain(&s->t, true);
		if (rounds % 4 == 1)
			ok = ok && compare(s);
	}
	return ok;
}

static bool stream_start(struct scene *s)
{
	name_mine(s, true);
	vg_rx_fill(&s->b.d, &s->b.rx);
	return scene_start(s);
}

/* A migration that is given up and tried again, under traffic. */
static bool on_and_off(struct scene *s)
{
	unsigned int rounds = bed_long() ? 1000 : 6;
	bool ok = stream_start(s);

	for (; ok && rounds; rounds--) {
		ok = traffic_rx(&s->t, 5) && traffic_tx(&s->t, 5) &&
		     expect(!dlog_on(&s->l)) && stream(s, 4);
		ok = ok && traffic_rx(&s->t, 5) && traffic_tx(&s->t, 5) &&
		     expect(!dlog_off(&s->l)) && traffic_drain(&s->t, true);
		/* What was taken before it was switched off, nothing after. */
		ok = ok && scene_stop(s);
		dlog_take(&s->l, s->l.bits);
		ok = ok && scene_start(s) && traffic_rx(&s->t, 3) && traffic_drain(&s->t, true) &&
		     expect(!dlog_sync(&s->l));
	}
	return ok && no_errors(s);
}

/* The flag of the rings alone: writes to them are logged again once it is set. */
static bool ring_flag(struct scene *s)
{
	unsigned int i, k, rounds = bed_long() ? 500 : 4;
	struct vg_dev *d = &s->b.d;
	bool ok = stream_start(s) && expect(!dlog_on(&s->l));

	for (i = 0; ok && i < rounds; i++) {
		d->addr_flags = 0;
		ok = traffic_rx(&s->t, 3) && traffic_tx(&s->t, 3);
		for (k = 0; k < VG_RINGS; k++)
			ok = ok && expect(!vg_ring_set_addr(d, k));
		ok = ok && traffic_drain(&s->t, true);

		d->addr_flags = 1 << VHOST_VRING_F_LOG;
		for (k = 0; k < VG_RINGS; k++) {
			ok = ok && expect(!vg_ring_set_addr(d, k));
			dlog_adopt_range(&s->l, d->ring[k].device_gpa,
					 is_packed(s) ? 4 : 6 + 8ul * d->ring[k].num);
		}
		ok = ok && stream(s, 2) && compare(s);
	}
	return ok && no_errors(s);
}

/* Memory plugged in and out: a new table, a new log, the old one gone at once. */
static bool new_base(struct scene *s)
{
	unsigned int i, k, n, rounds = bed_long() ? 1000 : 12;
	struct vg_dev *d = &s->b.d;
	struct vg_mem halves = d->mem;
	__u64 *old, *gone = NULL;
	bool ok = stream_start(s) && expect(!dlog_on(&s->l));

	for (n = i = 0; i < d->mem.nregions; i++)
		for (k = 0; k < 2; k++, n++) {
			halves.region[n] = d->mem.region[i];
			halves.region[n].size /= 2;
			halves.region[n].gpa += k * halves.region[n].size;
			halves.region[n].hva += k * halves.region[n].size;
		}
	halves.nregions = n;

	for (i = 0; ok && i < rounds; i++) {
		ok = traffic_rx(&s->t, 4) && traffic_tx(&s->t, 4);
		old = s->l.bits;
		s->l.bits = mmap(NULL, s->l.size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ok = ok && expect(!dlog_set_base(&s->l, s->l.bits));
		dlog_take(&s->l, old);
		/* Unmapped, or somebody else's from now on. */
		if (i % 2) {
			munmap(old, s->l.size);
		} else {
			mmap(old, s->l.size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			gone = old;
		}
		ok = ok && expect(!vg_dev_set_mem(d, i % 3 ? &halves : &d->mem));
		ok = ok && traffic_rx(&s->t, 2) && traffic_tx(&s->t, 2) &&
		     traffic_drain(&s->t, true) && compare(s);
		for (k = 0; i % 2 && k < s->l.size / 8; k++)
			ok = ok && expect(!gone[k]);
		if (i % 2)
			munmap(gone, s->l.size);
	}
	return ok && no_errors(s);
}

/* ---- trouble ------------------------------------------------------------ */

static bool recovers(struct scene *s)
{
	return expect(!bed_reset_ring(&s->b, VG_TX)) && expect(!bed_reset_ring(&s->b, VG_RX)) &&
	       traffic_resync(&s->t) && expect(bed_works(&s->b));
}

static bool error_fires(struct scene *s)
{
	struct pollfd p[VG_RINGS];
	unsigned int i;

	/* The stock module loses the bits and says nothing. */
	if (bed_is_stock(&s->b))
		return true;
	for (i = 0; i < VG_RINGS; i++) {
		p[i].fd = s->b.d.ring[i].err;
		p[i].events = POLLIN;
	}
	return poll(p, VG_RINGS, BED_SOON_MS) > 0;
}

/* A log that is read-only, or not there: an error, and all is well with a good one. */
static bool not_writable(struct scene *s)
{
	static const int prot[] = { PROT_READ, PROT_NONE };
	unsigned int i;
	bool ok = true;
	void *bad;

	for (i = 0; ok && i < ARRAY_SIZE(prot); i++) {
		ok = expect(!bed_reset_ring(&s->b, VG_RX)) &&
		     expect(!bed_reset_ring(&s->b, VG_TX));
		bad = mmap(NULL, s->l.size, prot[i], MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ok = ok && expect(!dlog_on(&s->l)) && expect(!dlog_set_base(&s->l, bad)) &&
		     traffic_rx(&s->t, 3) && traffic_tx(&s->t, 3) && expect(error_fires(s)) &&
		     expect(bed_idles());
		ok = ok && expect(!dlog_set_base(&s->l, s->l.bits));
		munmap(bad, s->l.size);
		ok = ok && recovers(s) && scene_stop(s);
		dlog_adopt(&s->l);
		ok = ok && pulse(s, false, FRAMES) && expect(!dlog_off(&s->l));
	}
	return ok;
}

/* A chain of as many descriptors as there can be, all empty but the last. */
static bool empty_descriptors(struct scene *s)
{
	struct vg_ring *r = &s->b.d.ring[VG_RX];
	struct vg_chain c = { .nsegs = 1, .mode = VG_INDIRECT };
	struct vg_dev *d = &s->b.d;
	struct vring_desc *desc, *table;
	unsigned int i;
	bool ok;

	scene_stop(s);
	vg_ring_reset(r);
	vg_pool_reset(&s->b.rx);
	c.table = s->b.rx.buf[0].chain.table;
	c.seg[0] = (struct vg_seg){ .gpa = s->b.rx.buf[1].gpa, .len = 600, .write = true };
	ok = expect(!vg_ring_add(r, &c, &c));
	table = vg_mem_hva(&d->mem, c.table);
	table[r->num - 1] = table[0];
	for (i = 0; i < r->num - 1; i++) {
		table[i].addr = c.seg[0].gpa;
		table[i].len = 0;
		table[i].flags = VRING_DESC_F_WRITE | (is_packed(s) ? 0 : VRING_DESC_F_NEXT);
		table[i].next = is_packed(s) ? 0 : i + 1;
	}
	desc = vg_mem_hva(&d->mem, r->desc_gpa);
	desc[0].len = 16 * r->num;
	ok = ok && expect(!vg_ring_setup(d, VG_RX)) && expect(!dlog_on(&s->l));
	vg_ring_kick(r);
	dlog_adopt(&s->l);
	ok = ok && scene_start(s) && traffic_rx(&s->t, 1) && expect(bed_idles()) &&
	     scene_stop(s) && expect(dlog_check(&s->l));
	return recovers(s) && ok;
}

/*
 * A copy that ends in the middle has written what it has written. A good one comes first:
 * it may be copied in another way than those behind it.
 */
static bool half_a_copy(struct scene *s)
{
	/* The header and more, the header alone, a part of it are on the first page. */
	static const unsigned int before[] = { 300, 12, 5 };
	struct vg_ring *r = &s->b.d.ring[VG_RX];
	__u64 gpa = (s->b.rx.buf[3].gpa & ~(__u64)(VG_PAGE - 1)) + VG_PAGE;
	__u8 *hva = vg_mem_hva(&s->b.d.mem, gpa);
	struct vg_chain c = { .nsegs = 1 };
	bool ok = true, changed = false;
	unsigned int i;

	for (i = 0; ok && i < 2 * ARRAY_SIZE(before); i++) {
		scene_stop(s);
		spoil(s);
		vg_ring_reset(r);
		vg_pool_reset(&s->b.rx);
		c.seg[0] = (struct vg_seg){ s->b.rx.buf[8].gpa, 2000, true };
		ok = expect(!vg_ring_add(r, &c, &c));
		c.seg[0] = (struct vg_seg){ gpa - before[i / 2], 2000, true };
		ok = ok && expect(!vg_ring_add(r, &c, &c)) &&
		     expect(!vg_ring_setup(&s->b.d, VG_RX)) && expect(!dlog_on(&s->l));
		vg_ring_kick(r);
		dlog_adopt(&s->l);
		mprotect(hva, VG_PAGE, PROT_NONE);
		s->t.given = 2 + i % 2;		/* 123 and 1514 bytes, or 1514 and 700 */
		ok = ok && scene_start(s) && traffic_rx(&s->t, 2) && expect(bed_idles()) &&
		     scene_stop(s);
		mprotect(hva, VG_PAGE, PROT_READ | PROT_WRITE);
		changed |= hva[-1] != SPOILT;
		/* The stock module forgets it. */
		if (!bed_is_stock(&s->b))
			ok = ok && expect(dlog_check(&s->l));
		ok = recovers(s) && ok;
		ok = ok && expect(!dlog_off(&s->l));
	}
	if (!changed)
		ksft_print_msg("the device writes nothing if it cannot write all\n");
	return ok;
}

/* ---- the table ---------------------------------------------------------- */

static const struct variant pulse_variants[] = {
	{ "tap", BED_TAP, VG_F_MODERN, 256, 2 },
	{ "tap, no event index", BED_TAP, VG_F_MODERN & ~VG_F_EVENT_IDX, 256, 1 },
	{ "tap, no mergeable buffers", BED_TAP, VG_F_MODERN & ~VG_F_MRG_RXBUF, 256, 2 },
	{ "tap, large rings", BED_TAP, VG_F_MODERN, 1024, 4 },
	{ "tap, header by vhost", BED_TAP_PLAIN, VG_F_MODERN, 256, 1 },
	{ "packet socket", BED_PACKET, VG_F_MODERN, 256, 2 },
	{ "tap, in order", BED_TAP, VG_F_MODERN | VG_F_IN_ORDER, 256, 2 },
};

static const struct variant modern = { "tap", BED_TAP, VG_F_MODERN, 256, 2 };
static const struct variant large = { "tap", BED_TAP, VG_F_MODERN, 1024, 1 };
static const struct variant plain = { "tap", BED_TAP_PLAIN, VG_F_MODERN, 256, 2 };
static const struct variant packet = { "packet", BED_PACKET, VG_F_MODERN, 256, 2 };
static const struct variant legacy = { "tap, legacy guest", BED_TAP, 0, 256, 2 };

static const struct {
	const char *name;
	bool (*fn)(struct scene *s);
	const struct variant *v;
} cases[] = {
	{ "two addresses of the same memory", aliases, &modern },
	{ "log on and off under traffic", on_and_off, &modern },
	{ "ring flag on and off under traffic", ring_flag, &modern },
	{ "new log and memory table under traffic", new_base, &modern },
	{ "log that cannot be written", not_writable, &modern },
	{ "chain of empty descriptors", empty_descriptors, &large },
	{ "copy that fails half-way", half_a_copy, &modern },
	{ "copy that fails half-way, header by vhost", half_a_copy, &plain },
	{ "copy that fails half-way, packet socket", half_a_copy, &packet },
};

static const char *only;
static bool packed;

static void run(const char *name, const char *format, bool (*fn)(struct scene *s),
		const struct variant *v, __u64 extra)
{
	struct variant with = *v;
	struct scene s;
	bool ok;

	with.features |= extra;
	ok = scene_open(&s, &with);
	if (ok) {
		ok = fn(&s);
		scene_close(&s);
	}
	ksft_test_result(ok, "%s: %s\n", format, name);
}

static __u64 offered;

static bool wanted(const char *name, const struct variant *v)
{
	return (!only || !strcmp(only, name)) && !(v->features & ~offered);
}

static void run_formats(const char *name, bool (*fn)(struct scene *s),
			const struct variant *v)
{
	if (!wanted(name, v))
		return;
	run(name, "split", fn, v, 0);
	if (packed)
		run(name, "packed", fn, v, VG_F_PACKED);
}

int main(int argc, char **argv)
{
	const char *path = vg_default_path();
	unsigned int i, n = 0;

	only = argc > 1 ? argv[1] : NULL;
	ksft_print_header();
	vg_require(path);
	offered = vg_features_of(path);
	if (!(offered & VG_F_LOG_ALL))
		ksft_exit_skip("%s keeps no dirty log\n", path);
	packed = offered & VG_F_PACKED;
	for (i = 0; i < ARRAY_SIZE(pulse_variants); i++)
		n += wanted(pulse_variants[i].name, &pulse_variants[i]) * (1 + packed);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		n += wanted(cases[i].name, cases[i].v) * (1 + packed);
	ksft_set_plan(n + wanted(legacy.name, &legacy));

	if (wanted(legacy.name, &legacy))
		run(legacy.name, "split", pulses, &legacy, 0);
	for (i = 0; i < ARRAY_SIZE(pulse_variants); i++)
		run_formats(pulse_variants[i].name, pulses, &pulse_variants[i]);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		run_formats(cases[i].name, cases[i].fn, cases[i].v);
	ksft_finished();
}
