#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds programs and module, and then on each kernel series cuts the power, replays logged writes,
# damages the metadata and makes 100,000 remaps, one after the other, whatever the ones before said.
# The last line is the sum; the exit status is 1 when anything failed.
#
#     scripts/check-crash.sh      CUTS (50) and SERIES ("6.12 6.1") are taken from the environment
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/steps.sh

CUTS=${CUTS:-50}
SERIES=${SERIES:-6.12 6.1}
CASES=(persist log-writes mutants many)

programs() { TARGETS="dmremap vm-programs" scripts/build-programs.sh build "$(nproc)"; }
module() { make --no-print-directory module KVER="$(scripts/kernel-release.sh "$1" cloud)"; }

main() {
    local series
    [[ $CUTS =~ ^[0-9]+$ ]] || die "CUTS is a number, not '$CUTS'."
    mkdir -p build/log
    run_step programs 1800 programs
    for series in $SERIES; do
        run_step "module-$series" 600 module "$series"
        run_step "power-cuts-$series" $((600 + CUTS * 60)) tests/crash "$series" "$CUTS"
        run_step "crash-cases-$series" 9000 tests/vm/run "$series" --flavour cloud "${CASES[@]}"
    done
    finish_steps
}

main
