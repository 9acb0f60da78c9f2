#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The table grows and shrinks as documented: 12 checks on the real module.
# Runs tests/module/validate_hash_resize.sh on this kernel where it takes the module, else in a
# virtual machine; DMREMAP_WHERE=here or vm decides instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/where.sh

run_with_module tests/module/validate_hash_resize.sh validate-hash-resize
