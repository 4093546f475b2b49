#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Ends with success before its plan is met.

echo "TAP version 13"
echo "1..2"
echo "ok 1 first"
