// SPDX-License-Identifier: GPL-2.0
/* The core once more, for the suite: see Kbuild. */
#include "../lease_core.c"
