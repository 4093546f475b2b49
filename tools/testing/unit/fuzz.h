/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every fuzzer has.
 */
#ifndef UNIT_FUZZ_H
#define UNIT_FUZZ_H

#include <linux/types.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* The input is kept when this does not hold. */
#define CHECK(cond) do {		\
	if (!(cond))			\
		abort();		\
} while (0)

#endif /* UNIT_FUZZ_H */
