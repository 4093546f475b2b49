// SPDX-License-Identifier: GPL-2.0
/*
 * What the stock module has nothing to compare with: the index of a packed ring. It is
 * the place of the next available descriptor, and above it that of the next used one,
 * each with a wrap counter as its top bit. QEMU gives both; DPDK gives the first alone
 * and means that both are there.
 */
#include <string.h>

#include "abi_play.h"
#include "kstest.h"

#define QEMU_START	0x80008000
#define DPDK_START	0x8000

static bool base_is(struct vg_dev *d, __u32 set, __u32 get)
{
	__s64 now;
	int err = vg_set_base(d, VG_TX, set);

	now = err ? err : vg_get_base(d, VG_TX);
	if (now == get)
		return true;
	ksft_print_msg("base %#x: %#llx, not %#x\n", set, now, get);
	return false;
}

/* The device stops where the guest is. */
static bool stopped_at(struct vg_dev *d)
{
	unsigned int i;
	bool ok = !vg_dev_stop(d);

	for (i = 0; i < VG_RINGS; i++) {
		__u32 want = d->ring[i].ops->base(&d->ring[i]);
		__s64 now = vg_get_base(d, i);

		if (now == want)
			continue;
		ksft_print_msg("ring %u: stopped at %#llx, the guest is at %#x\n", i, now, want);
		ok = false;
	}
	return ok;
}

static bool all_good(const struct text *t)
{
	bool ok = !strstr(t->s, "bad") && !strstr(t->s, "nothing");

	if (!ok)
		ksft_print_msg("%s\n", t->s);
	return ok;
}

const char * const abi_packed_names[ABI_PACKED_RESULTS] = {
	"both indexes", "one index is both", "goes on where it stopped, on every lap",
};

void abi_packed(struct fix *f, const char *path, bool *ok)
{
	struct vg_config cfg = {
		.path = path,
		.features = FIX_FEATURES | VG_F_PACKED,
		.num = 8,
		.mem_size = 1 << 20,
	};
	struct text t = { .n = 0 };
	unsigned int i, round;
	struct play p;

	memset(ok, false, ABI_PACKED_RESULTS * sizeof(*ok));
	if (vg_dev_open(&f->d, &cfg))
		return;
	if (vg_dev_setup(&f->d)) {
		vg_dev_close(&f->d);
		return;
	}
	ok[0] = base_is(&f->d, QEMU_START, QEMU_START) &&
		base_is(&f->d, 0x00050005, 0x00050005) &&
		base_is(&f->d, 0x80078007, 0x80078007);
	ok[1] = base_is(&f->d, DPDK_START, QEMU_START) && base_is(&f->d, 0x8003, 0x80038003);

	play_start(&p, f, &t);
	ok[2] = true;
	for (round = 0; ok[2] && round < 4; round++) {
		/* First as DPDK, then as QEMU. */
		for (i = 0; i < VG_RINGS; i++) {
			__u32 base = p.d->ring[i].ops->base(&p.d->ring[i]);

			ok[2] &= !vg_set_base(p.d, i, round ? base : DPDK_START);
		}
		ok[2] &= !vg_dev_start(p.d, f->tap);
		for (i = 0; i < 5; i++) {
			play_tx(&p);
			play_rx(&p);
		}
		ok[2] &= all_good(&t);
		ok[2] &= stopped_at(p.d);
		t.n = 0;
	}
	play_end(&p);
	vg_dev_close(&f->d);
}
