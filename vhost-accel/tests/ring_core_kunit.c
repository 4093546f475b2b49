// SPDX-License-Identifier: GPL-2.0
/* The ring parser once more, for the test module. */
#include "../ring_core.c"
