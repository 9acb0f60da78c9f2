#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the module and runs every case of tests/vm, on both kernel series and both flavours, then
# the module in two parts, its installation on a bare machine, and whether what an I/O costs is within
# its bounds with few extents (all of them: make bench-vm); one after the other, whatever the ones before
# said. The last line is the sum; the exit status is 1 when anything failed.
#
# usage: check-vm.sh [SERIES...]        (6.12 and 6.1 when none is given)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/steps.sh

build() { make --no-print-directory module KVER="$(scripts/kernel-release.sh "$1" "$2")"; }

main() {
    local series flavour
    [ $# -gt 0 ] || set -- 6.12 6.1
    mkdir -p build/log
    for flavour in cloud plain; do
        for series in "$@"; do
            run_step "module-$series-$flavour" 600 build "$series" "$flavour"
            run_step "check-vm-$series-$flavour" 5400 tests/vm/run "$series" --all --flavour "$flavour"
        done
    done
    for series in "$@"; do
        run_step "modular-$series" 1200 tests/modular "$series"
        run_step "fresh-install-$series" 1800 tests/fresh-install "$series"
        run_step "cost-$series" 1800 env DMREMAP_COST_EXTENTS=1000 bench/vm-cost "$series"
    done
    finish_steps
}

main "$@"
