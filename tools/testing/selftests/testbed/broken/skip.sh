#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Skips without need.

echo "TAP version 13"
echo "1..0 # SKIP no reason"
exit 4
