// SPDX-License-Identifier: GPL-2.0
/*
 * Differential test of the vhost ABI: the same calls, good and bad, in every state
 * of a device, to the reference ($VHOST_REF, default /dev/vhost-net) and to ours
 * ($VHOST_DEV, default /dev/vhost-accel). Whatever differs is a failure unless
 * abi_deviations.h says that it is meant to.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi_deviations.h"
#include "abi_play.h"
#include "kstest.h"

#define MAX_CALLS	64
#define NUM		256
#define RAM		0x100000

static const char * const state_names[STATES] = {
	[ST_FRESH] = "fresh",
	[ST_OWNER] = "owner",
	[ST_HALF] = "half set up",
	[ST_READY] = "ready",
	[ST_LIVE] = "live",
	[ST_STOPPED] = "stopped",
	[ST_RESET] = "reset",
	[ST_FOREIGN] = "foreign",
};

/* The two devices under comparison, with a pair of taps each. */
static struct side {
	const char *path;
	struct fix f;
} side[2];

static bool deviation_used[ARRAY_SIZE(abi_deviations)];

/* ---- words -------------------------------------------------------------- */

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	t->n += n;
	if (t->n >= sizeof(t->s))
		t->n = sizeof(t->s) - 1;
}

const char *text_err(long err)
{
	const char *name = err ? strerrorname_np(-err) : "0";

	return name ? name : "?";
}

/* ---- devices in a state ------------------------------------------------- */

static int set_num(struct vg_dev *d, unsigned int index)
{
	struct vhost_vring_state s = { .index = index, .num = NUM };

	return vg_ioctl(d->fd, VHOST_SET_VRING_NUM, &s);
}

static int half_setup(struct vg_dev *d)
{
	int err = vg_ioctl(d->fd, VHOST_SET_OWNER, NULL);

	if (!err)
		err = vg_ioctl(d->fd, VHOST_SET_FEATURES, &d->features);
	if (!err)
		err = vg_dev_set_mem(d, &d->mem);
	if (!err)
		err = set_num(d, 0);
	if (!err)
		err = vg_set_base(d, 0, 0);
	return err ? err : vg_ring_set_addr(d, 0);
}

static int fix_build(struct side *s, enum state state)
{
	struct vg_config cfg = {
		.path = s->path,
		.features = FIX_FEATURES,
		.num = NUM,
		.mem_size = RAM,
	};
	struct vg_dev *d = &s->f.d;
	int err;

	s->f.state = state;
	err = vg_dev_open(d, &cfg);
	if (err || state == ST_FRESH)
		return err;
	if (state == ST_OWNER)
		return vg_ioctl(d->fd, VHOST_SET_OWNER, NULL);
	if (state == ST_HALF)
		return half_setup(d);

	err = vg_dev_setup(d);
	if (err || state == ST_READY || state == ST_FOREIGN)
		return err;
	err = vg_dev_start(d, s->f.tap);
	if (err || state == ST_LIVE)
		return err;
	if (state == ST_STOPPED)
		return vg_dev_stop(d);
	return vg_ioctl(d->fd, VHOST_RESET_OWNER, NULL);
}

/* What the device says of itself. */
static void probe(struct vg_dev *d, struct text *t)
{
	struct vhost_vring_state s;
	unsigned int i;
	__s64 base;
	int err;

	for (i = 0; i < VG_RINGS; i++) {
		base = vg_get_base(d, i);
		if (base < 0)
			text_add(t, " base%u=%s", i, text_err(base));
		else
			text_add(t, " base%u=%lld", i, base);
		s.index = i;
		s.num = 0;
		err = vg_ioctl(d->fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &s);
		text_add(t, " busy%u=%s,%u", i, text_err(err), s.num);
	}
}

/* ---- calls -------------------------------------------------------------- */

static void make_call(struct fix *f, const struct call *c, struct text *t)
{
	struct text out = { .n = 0 };
	long err = c->fn(f, c, &out);

	text_add(t, "%s%s", text_err(err), out.s);
	if (f->state != ST_FOREIGN) {
		text_add(t, " |");
		probe(&f->d, t);
	}
}

static void run_group(struct side *s, const struct call_group *g, enum state state,
		      struct text *t)
{
	unsigned int i;
	pid_t pid = 0;
	int err;

	memset(t, 0, g->n * sizeof(*t));
	s->f.req = g->req;
	err = fix_build(s, state);
	if (err) {
		for (i = 0; i < g->n; i++)
			text_add(&t[i], "cannot be brought into this state: %s",
				 text_err(err));
		vg_dev_close(&s->f.d);
		return;
	}

	if (state == ST_FOREIGN)
		pid = fork();
	for (i = 0; !pid && i < g->n; i++)
		make_call(&s->f, &g->call[i], &t[i]);
	if (state == ST_FOREIGN) {
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		probe(&s->f.d, &t[g->n - 1]);
	}
	vg_dev_close(&s->f.d);
}

static bool is_of_this_kernel(const struct abi_deviation *dev)
{
	struct utsname name;

	return !dev->kernels ||
	       (!uname(&name) && !fnmatch(dev->kernels, name.release, 0));
}

static bool is_deviation(const char *name, const struct text *ref,
			 const struct text *our)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(abi_deviations); i++) {
		const struct abi_deviation *dev = &abi_deviations[i];

		if (!is_of_this_kernel(dev) || fnmatch(dev->name, name, 0) ||
		    fnmatch(dev->ref, ref->s, 0) || fnmatch(dev->our, our->s, 0))
			continue;
		deviation_used[i] = true;
		return true;
	}
	return false;
}

static bool same(const char *name, const char *where, const struct text *ref,
		 const struct text *our)
{
	if (!strcmp(ref->s, our->s) || is_deviation(name, ref, our))
		return true;

	ksft_print_msg("%s, %s:\n", name, where);
	ksft_print_msg("  %s: %s\n", side[0].path, ref->s);
	ksft_print_msg("  %s: %s\n", side[1].path, our->s);
	return false;
}

static void test_group(const struct call_group *g)
{
	static struct text *shared;
	bool ok[MAX_CALLS];
	unsigned int i, st;

	if (!shared)
		shared = mmap(NULL, 2 * MAX_CALLS * sizeof(*shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->n > MAX_CALLS || shared == MAP_FAILED)
		ksft_exit_fail_msg("group %s is too large\n", g->name);

	memset(ok, true, sizeof(ok));
	for (st = 0; st < STATES; st++) {
		run_group(&side[0], g, st, shared);
		run_group(&side[1], g, st, shared + MAX_CALLS);
		for (i = 0; i < g->n; i++)
			ok[i] &= same(g->call[i].name, state_names[st], &shared[i],
				      &shared[MAX_CALLS + i]);
	}
	for (i = 0; i < g->n; i++)
		ksft_test_result(ok[i], "%s/%u: %s\n", g->name, i, g->call[i].name);
}

/* ---- effects ------------------------------------------------------------ */

static void test_effect(const struct effect *e)
{
	struct text t[2] = { 0 };
	unsigned int i;
	int err;

	for (i = 0; i < 2; i++) {
		err = fix_build(&side[i], ST_READY);
		if (err)
			text_add(&t[i], "cannot be set up: %s", text_err(err));
		else
			e->fn(&side[i].f, &t[i]);
		vg_dev_close(&side[i].f.d);
	}
	ksft_test_result(same(e->name, "effect", &t[0], &t[1]), "effect: %s\n", e->name);
	ksft_print_msg("  %s\n", t[0].s);
}

/* ---- features ----------------------------------------------------------- */

static void test_features(void)
{
	__u64 ref = vg_features_of(side[0].path);
	__u64 our = vg_features_of(side[1].path);
	__u64 extra = our & ~(ref | ABI_FEATURES_EXTRA);
	__u64 missing = ABI_FEATURES_REQUIRED & ~our;

	ksft_print_msg("features: reference %#llx, ours %#llx\n", ref, our);
	ksft_test_result(!extra, "features: none that is not meant to be offered (%#llx)\n",
			 extra);
	ksft_test_result(!missing, "features: all that are needed (missing %#llx)\n",
			 missing);
}

static void test_packed(void)
{
	bool ok[ABI_PACKED_RESULTS];
	unsigned int i;

	abi_packed(&side[1].f, side[1].path, ok);
	for (i = 0; i < ABI_PACKED_RESULTS; i++)
		ksft_test_result(ok[i], "packed: %s\n", abi_packed_names[i]);
}

static void test_deviations(void)
{
	unsigned int i, stale = 0;

	for (i = 0; i < ARRAY_SIZE(abi_deviations); i++) {
		if (deviation_used[i] || !is_of_this_kernel(&abi_deviations[i]) ||
		    !strcmp(side[0].path, side[1].path))
			continue;
		ksft_print_msg("never seen: %s: %s\n", abi_deviations[i].name,
			       abi_deviations[i].why);
		stale++;
	}
	ksft_test_result(!stale, "every listed deviation exists\n");
}

static void open_taps(struct side *s, unsigned int i)
{
	int hlen = sizeof(struct virtio_net_hdr_v1);

	snprintf(s->f.name, sizeof(s->f.name), "vgabi%u", 2 * i);
	snprintf(s->f.name2, sizeof(s->f.name2), "vgabi%u", 2 * i + 1);
	s->f.tap = vg_tap_open(s->f.name, 0, hlen);
	s->f.tap2 = vg_tap_open(s->f.name2, 0, hlen);
	if (s->f.tap < 0 || s->f.tap2 < 0 || vg_if_up(s->f.name, 0) ||
	    vg_if_up(s->f.name2, 0))
		ksft_exit_fail_msg("cannot make the taps\n");
}

/* An argument names the one group or effect to run. */
int main(int argc, char **argv)
{
	const char *ref = getenv("VHOST_REF");
	const char *only = argc > 1 ? argv[1] : NULL;
	unsigned int i, plan = 0;
	bool packed;

	ksft_print_header();
	side[0].path = ref ? ref : "/dev/vhost-net";
	side[1].path = vg_default_path();
	for (i = 0; i < 2; i++) {
		vg_require(side[i].path);
		open_taps(&side[i], i);
	}
	for (i = 0; i < abi_ngroups; i++)
		if (!only || !strcmp(only, abi_groups[i].name))
			plan += abi_groups[i].n;
	for (i = 0; i < abi_neffects; i++)
		if (!only || !strcmp(only, abi_effects[i].name))
			plan++;
	packed = !only && vg_features_of(side[1].path) & VG_F_PACKED;
	ksft_set_plan(plan + (only ? 0 : 3) + (packed ? ABI_PACKED_RESULTS : 0));

	if (!only)
		test_features();
	for (i = 0; i < abi_ngroups; i++)
		if (!only || !strcmp(only, abi_groups[i].name))
			test_group(&abi_groups[i]);
	for (i = 0; i < abi_neffects; i++)
		if (!only || !strcmp(only, abi_effects[i].name))
			test_effect(&abi_effects[i]);
	if (packed)
		test_packed();
	if (!only)
		test_deviations();
	ksft_finished();
}
