/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _RING_TEST_H
#define _RING_TEST_H

#include "test_bed.h"

/**
 * struct ring_case - A corner of the ring protocol.
 * @name: What it shows.
 * @fn: True if it holds.
 */
struct ring_case {
	const char *name;
	bool (*fn)(void);
};

extern const struct ring_case ring_cases[];
extern const unsigned int ring_ncases;

#endif /* _RING_TEST_H */
