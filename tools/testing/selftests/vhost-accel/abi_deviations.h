/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where /dev/vhost-accel differs from /dev/vhost-net on purpose. The differential
 * test accepts these differences, no others, and fails when one no longer exists.
 */
#ifndef _ABI_DEVIATIONS_H
#define _ABI_DEVIATIONS_H

#include "vhost_guest.h"

/* Offered on every kernel, also where the stock module does not. */
#define ABI_FEATURES_EXTRA	(VG_BIT(VIRTIO_F_RING_RESET) | VG_F_PACKED |	\
				 VG_BIT(VIRTIO_F_IN_ORDER))

/* Offered always. */
#define ABI_FEATURES_REQUIRED						\
	(VG_F_NOTIFY_ON_EMPTY | VG_F_INDIRECT | VG_F_EVENT_IDX |	\
	 VG_F_VERSION_1 | VG_F_MRG_RXBUF | VG_F_NET_HDR |		\
	 VG_F_LOG_ALL | VG_F_PLATFORM | VG_F_PACKED |			\
	 VG_BIT(VIRTIO_F_IN_ORDER) | VG_BIT(VIRTIO_F_RING_RESET))

/**
 * struct abi_deviation - One difference; the strings are fnmatch() patterns.
 * @name: Call.
 * @ref: What the reference does.
 * @our: What ours does.
 * @why: Reason.
 * @kernels: Releases where stock does so; NULL: all.
 */
static const struct abi_deviation {
	const char *name;
	const char *ref;
	const char *our;
	const char *why;
	const char *kernels;
} abi_deviations[] = {
	{ "VHOST_SET_MEM_TABLE TOO_MANY", "E2BIG*", "0*",
	  "more regions than stock takes by default" },
	{ "VHOST_SET_MEM_TABLE OVERLAP", "0*", "EFAULT*",
	  "what lies at an address in two regions is not defined" },
	{ "VHOST_SET_MEM_TABLE SAME", "0*", "EFAULT*",
	  "what lies at an address in two regions is not defined" },
	{ "VHOST_SET_MEM_TABLE ZERO_AT_ZERO", "0*", "EFAULT*",
	  "a region of no bytes is not the whole address space" },
	{ "VHOST_SET_MEM_TABLE HVA_*", "0*", "EFAULT*",
	  "addresses are checked at once, not only when a ring runs" },
	{ "VHOST_NET_SET_BACKEND [01],NONE", "EFAULT*", "0*",
	  "stopping always succeeds: QEMU asserts that it does" },
	{ "IOTLB gone: *", "*", "E*",
	  "an IOTLB that no feature asks for is freed", "6.1.*" },
	{ "iotlb_drop", "* start:EFAULT", "* start:0 *",
	  "an IOTLB that no feature asks for is freed", "6.1.*" },
};

#endif /* _ABI_DEVIATIONS_H */
