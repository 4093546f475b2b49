/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is written to the files io.vm.*.
 */
#ifndef CGIO_KNOB_CORE_H
#define CGIO_KNOB_CORE_H

#include <linux/types.h>

#include "share_core.h"
#include "window_core.h"

/** CGIO_SHARES_DEFAULT - shares of a VM that was given none */
#define CGIO_SHARES_DEFAULT 0

/** CGIO_LATENCY_NONE - latency target of a VM that was given none */
#define CGIO_LATENCY_NONE 0

/** CGIO_LATENCY_MAX - largest latency target, in us */
#define CGIO_LATENCY_MAX (VMWINDOW_LATENCY_MAX / 1000)

int cgio_knob_shares(const char *text, u32 *shares);
u32 cgio_knob_weight(const char *text);
int cgio_knob_latency(const char *text, u64 *us);
int cgio_knob_rates(const char *text, u64 *rates);

#endif /* CGIO_KNOB_CORE_H */
