/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Settings and what they say, for KUnit and for user space.
 */
#ifndef CGIO_KNOB_CASES_H
#define CGIO_KNOB_CASES_H

#include <linux/errno.h>

#include "../knob_core.h"

/**
 * struct shares_case - what is written to io.vm.shares
 * @text: that
 * @r: what the parser returns
 * @shares: what it says, on success
 */
struct shares_case {
	const char *text;
	int r;
	u32 shares;
};

static const struct shares_case shares_cases[] = {
	{ "1", 0, 1 },
	{ "10000\n", 0, 10000 },
	{ "\t0042 ", 0, 42 },
	{ "low", 0, 50 },
	{ "normal\n", 0, 100 },
	{ "high", 0, 200 },
	{ "default", 0, 0 },
	{ "", -EINVAL, 0 },
	{ "\n", -EINVAL, 0 },
	{ "lower", -EINVAL, 0 },
	{ "low high", -EINVAL, 0 },
	{ "1 2", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "1k", -EINVAL, 0 },
	{ "x", -EINVAL, 0 },
	{ "/", -EINVAL, 0 },
	{ ":", -EINVAL, 0 },
	{ "0", -ERANGE, 0 },
	{ "10001", -ERANGE, 0 },
	{ "18446744073709551617", -ERANGE, 0 },
	{ "99999999999999999999999999999999", -ERANGE, 0 },
};

/**
 * struct weight_case - what io.weight says
 * @text: that
 * @weight: and what it means
 */
struct weight_case {
	const char *text;
	u32 weight;
};

static const struct weight_case weight_cases[] = {
	{ "default 333\n", 333 },
	{ "default 1\n8:0 200\n", 1 },
	{ "10000\n", 10000 },
	{ "  42", 42 },
	{ "default 10001\n", 100 },
	{ "default 0\n", 100 },
	{ "default default\n", 100 },
	{ "default\n", 100 },
	{ "default333\n", 100 },
	{ "8:0 200\n", 100 },
	{ "max\n", 100 },
	{ "", 100 },
};

/**
 * struct latency_knob_case - what is written to io.vm.latency
 * @text: that
 * @r: what the parser returns
 * @us: what there is then, of 7 before
 */
struct latency_knob_case {
	const char *text;
	int r;
	u64 us;
};

static const struct latency_knob_case latency_knob_cases[] = {
	{ "1", 0, 1 },
	{ " 5000\n", 0, 5000 },
	{ "max", 0, 0 },
	{ "max\n", 0, 0 },
	{ "68719476", 0, 68719476 },
	{ "68719477", -ERANGE, 7 },
	{ "0", -ERANGE, 7 },
	{ "18446744073709551617", -ERANGE, 7 },
	{ "", -EINVAL, 7 },
	{ "maximum", -EINVAL, 7 },
	{ "max 1", -EINVAL, 7 },
	{ "5k", -EINVAL, 7 },
	{ "5us", -EINVAL, 7 },
	{ "5 6", -EINVAL, 7 },
	{ "-5", -EINVAL, 7 },
	{ "disk 5", -EINVAL, 7 },
};

/**
 * struct rates_case - what is written to io.vm.limit
 * @text: that
 * @r: what the parser returns
 * @rates: what there is then, of 7 and 8 before
 */
struct rates_case {
	const char *text;
	int r;
	u64 rates[VMSHARE_UNITS];
};

static const struct rates_case rates_cases[] = {
	{ "disk iops=1", 0, { 1, 8 } },
	{ "disk bps=1", 0, { 7, 1 } },
	{ "disk iops=1 bps=2\n", 0, { 1, 2 } },
	{ " disk\tbps=2  iops=1 ", 0, { 1, 2 } },
	{ "disk iops=max", 0, { 0, 8 } },
	{ "disk bps=max iops=3", 0, { 3, 0 } },
	{ "disk iops=1 iops=2", 0, { 2, 8 } },
	{ "disk bps=1k", 0, { 7, 1 << 10 } },
	{ "disk bps=1K", 0, { 7, 1 << 10 } },
	{ "disk bps=3M", 0, { 7, 3 << 20 } },
	{ "disk bps=1G iops=2k", 0, { 2048, 1 << 30 } },
	{ "disk bps=256G", 0, { 7, VMSHARE_RATE_MAX } },
	{ "disk bps=274877906944", 0, { 7, VMSHARE_RATE_MAX } },
	{ "", -EINVAL, { 7, 8 } },
	{ "disk", -EINVAL, { 7, 8 } },
	{ "disk ", -EINVAL, { 7, 8 } },
	{ "disks iops=1", -EINVAL, { 7, 8 } },
	{ "iops=1", -EINVAL, { 7, 8 } },
	{ "disk iops", -EINVAL, { 7, 8 } },
	{ "disk iops=", -EINVAL, { 7, 8 } },
	{ "disk iops=1bps=2", -EINVAL, { 7, 8 } },
	{ "disk iops=maxi", -EINVAL, { 7, 8 } },
	{ "disk iops=maxbps=1", -EINVAL, { 7, 8 } },
	{ "diskiops=1", -EINVAL, { 7, 8 } },
	{ "disk iops=1 cps=2", -EINVAL, { 7, 8 } },
	{ "disk iops=1kk", -EINVAL, { 7, 8 } },
	{ "disk iops=1x", -EINVAL, { 7, 8 } },
	{ "disk iops=-1", -EINVAL, { 7, 8 } },
	{ "disk iops=1 bps=0", -ERANGE, { 7, 8 } },
	{ "disk bps=1T", -ERANGE, { 7, 8 } },
	{ "disk bps=257G", -ERANGE, { 7, 8 } },
	{ "disk bps=274877906945", -ERANGE, { 7, 8 } },
	{ "disk bps=18446744073709551617", -ERANGE, { 7, 8 } },
	{ "disk bps=17179869184T", -ERANGE, { 7, 8 } },
};

#endif /* CGIO_KNOB_CASES_H */
