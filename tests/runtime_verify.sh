#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a user relies on first: 10 checks on the real module.
# Runs tests/module/runtime_verify.sh on this kernel where it takes the module, else in a
# virtual machine; DMREMAP_WHERE=here or vm decides instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/where.sh

run_with_module tests/module/runtime_verify.sh runtime-verify
