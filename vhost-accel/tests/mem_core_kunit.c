// SPDX-License-Identifier: GPL-2.0
/* The guest memory table once more, for the test module. */
#include "../mem_core.c"
