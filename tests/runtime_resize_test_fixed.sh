#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 3,850 non-contiguous remaps on a real device, and the resizes the kernel log shows.
# Runs tests/module/runtime_resize_test_fixed.sh on this kernel where it takes the module, else in a
# virtual machine; DMREMAP_WHERE=here or vm decides instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/where.sh

run_with_module tests/module/runtime_resize_test_fixed.sh runtime-resize
