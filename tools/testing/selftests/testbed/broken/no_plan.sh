#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Exits with success without a word.

exit 0
