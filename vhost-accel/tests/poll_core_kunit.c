// SPDX-License-Identifier: GPL-2.0
/* The polling policy once more, for the test module. */
#include "../poll_core.c"
