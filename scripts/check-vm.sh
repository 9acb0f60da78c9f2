#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the module and runs every case of tests/vm, on both kernel series and both flavours, one
# after the other, whatever the ones before said. The last line is the sum; the exit status is 1 when
# anything failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/steps.sh

build() { make --no-print-directory module KVER="$(scripts/kernel-release.sh "$1" "$2")"; }

main() {
    local series flavour
    mkdir -p build/log
    for series in 6.12 6.1; do
        for flavour in cloud plain; do
            run_step "module-$series-$flavour" 600 build "$series" "$flavour"
            run_step "check-vm-$series-$flavour" 5400 tests/vm/run "$series" --all --flavour "$flavour"
        done
    done
    finish_steps
}

main
