// SPDX-License-Identifier: GPL-2.0
/* The packed ring's logic once more, for the test module. */
#include "../packed_core.c"
