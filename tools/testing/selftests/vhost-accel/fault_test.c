// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy from or to user space that a set-up step makes fails in
 * turn. The step then fails with the right error, or does without; the next try succeeds,
 * the device works, and nothing is left when it is closed. Leaks are for kmemleak to find.
 *
 * Needs fault injection, which distribution kernels lack: tools/testing/debug/run.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kstest.h"
#include "test_bed.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MAX_NTH		3000

static struct vg_dev dev;
static struct vhost_memory *table;
static __u64 features;
static int tap;

/* ---- steps of the set-up ------------------------------------------------ */

static int s_open(void)
{
	dev.fd = open(vg_default_path(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return dev.fd < 0 ? -errno : 0;
}

static int s_owner(void)
{
	return vg_ioctl(dev.fd, VHOST_SET_OWNER, NULL);
}

static int s_iotlb(void)
{
	__u64 with = features | VG_BIT(VIRTIO_F_ACCESS_PLATFORM);

	return vg_ioctl(dev.fd, VHOST_SET_FEATURES, &with);
}

static int s_update(void)
{
	struct vhost_msg msg = {
		.type = VHOST_IOTLB_MSG,
		.iotlb = {
			.iova = VG_GPA_BASE,
			.size = dev.mem.region[0].size,
			.uaddr = (uintptr_t)dev.mem.region[0].hva,
			.perm = VHOST_ACCESS_RW,
			.type = VHOST_IOTLB_UPDATE,
		},
	};

	return write(dev.fd, &msg, sizeof(msg)) < 0 ? -errno : 0;
}

static int s_features(void)
{
	return vg_ioctl(dev.fd, VHOST_SET_FEATURES, &features);
}

static int s_mem(void)
{
	return vg_ioctl(dev.fd, VHOST_SET_MEM_TABLE, table);
}

static int s_log(void)
{
	__u64 base = (uintptr_t)dev.mem.region[0].hva;

	return vg_ioctl(dev.fd, VHOST_SET_LOG_BASE, &base);
}

static int s_rings(void)
{
	int err = vg_ring_setup(&dev, VG_RX);

	return err ? err : vg_ring_setup(&dev, VG_TX);
}

static int s_backend(void)
{
	return vg_dev_start(&dev, tap);
}

static int s_stop(void)
{
	return vg_dev_stop(&dev);
}

/*
 * What a step may fail with besides -ENOMEM and -EFAULT: a new thread may be refused with
 * -EAGAIN; a message that cannot be read is short; a file that cannot be is no backend.
 */
static const struct step {
	const char *name;
	int (*fn)(void);
	int also;
} steps[] = {
	{ "open", s_open },
	{ "SET_OWNER", s_owner, -EAGAIN },
	{ "SET_FEATURES with an IOTLB", s_iotlb },
	{ "IOTLB update", s_update, -EINVAL },
	{ "SET_FEATURES", s_features },
	{ "SET_MEM_TABLE", s_mem },
	{ "SET_LOG_BASE", s_log },
	{ "SET_VRING_*", s_rings },
	{ "SET_BACKEND", s_backend, -ENOTSOCK },
	{ "SET_BACKEND(-1)", s_stop },
};

#define NSTEPS	(ARRAY_SIZE(steps))

/* ---- failures ----------------------------------------------------------- */

static bool allowed(const struct step *s, int err)
{
	return !err || err == -ENOMEM || err == -EFAULT || (s->also && err == s->also);
}

/* Sets what is to fail; 0 for nothing. */
static void arm(int fd, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fd, text, n, 0) != n)
		abort();
}

/* Has it failed? Looking may be what fails: then it has not before. */
static bool fired(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
}

/* One failure in a step of a new device; false when the step has no more to fail. */
static bool one_failure(int fd, unsigned int which, unsigned int nth, bool *ok)
{
	const struct step *s = &steps[which];
	unsigned int i;
	bool hit;
	int err;

	for (i = 0; i < which; i++)
		*ok = *ok && expect(!steps[i].fn());
	arm(fd, nth);
	err = s->fn();
	hit = fired(fd);
	arm(fd, 0);
	*ok = *ok && expect(allowed(s, err)) && expect(hit || !err);
	if (err && *ok)
		*ok = expect(!s->fn());
	for (i = which + 1; *ok && i < NSTEPS; i++)
		*ok = expect(!steps[i].fn());
	if (!*ok)
		ksft_print_msg("%s, failure %u: %d\n", s->name, nth, err);
	if (dev.fd >= 0)
		close(dev.fd);
	dev.fd = -1;
	*ok = *ok && expect(!vg_workers_become(getpid(), NULL, 0));
	return hit;
}

static bool all_failures(int fd, unsigned int which)
{
	unsigned int nth;
	bool ok = true;

	for (nth = 1; ok && nth < MAX_NTH; nth++)
		if (!one_failure(fd, which, nth, &ok))
			break;
	ksft_print_msg("%s: %u failures\n", steps[which].name, nth - 1);
	return ok && expect(nth < MAX_NTH);
}

/* Small pages and sleeping allocations, too, and no word about each. */
static void configure(void)
{
	vg_run("cd /sys/kernel/debug && echo 0 | tee failslab/ignore-gfp-wait "
	       "failslab/verbose fail_page_alloc/ignore-gfp-wait fail_page_alloc/min-order "
	       "fail_page_alloc/verbose fail_usercopy/verbose >/dev/null");
}

static bool make_table(void)
{
	table = calloc(1, sizeof(*table) + sizeof(table->regions[0]));
	if (!table)
		return false;
	table->nregions = 1;
	table->regions[0].guest_phys_addr = dev.mem.region[0].gpa;
	table->regions[0].memory_size = dev.mem.region[0].size;
	table->regions[0].userspace_addr = (uintptr_t)dev.mem.region[0].hva;
	return true;
}

int main(void)
{
	struct vg_config cfg = { .features = VG_F_MODERN, .mem_size = 1 << 20 };
	unsigned int i;
	int fd;

	ksft_print_header();
	fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("no fault injection in this kernel\n");
	vg_require(vg_default_path());
	configure();
	tap = vg_tap_open("vgfault", VG_TAP_OFFLOAD, 12);
	if (tap < 0 || vg_dev_open(&dev, &cfg) || !make_table())
		ksft_exit_fail_msg("no device to test\n");
	features = VG_F_MODERN;
	close(dev.fd);
	dev.fd = -1;

	ksft_set_plan(NSTEPS);
	for (i = 0; i < NSTEPS; i++)
		ksft_test_result(all_failures(fd, i), "%s\n", steps[i].name);
	close(fd);
	ksft_finished();
}
