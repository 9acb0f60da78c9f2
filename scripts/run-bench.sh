#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs every benchmark program of a build: run-bench.sh BUILD-DIRECTORY
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    local build=$1 program ran=0
    for program in "$build"/bin/*bench*; do
        [[ -x $program ]] || continue
        step "${program##*/}" "$program"
        ran=$((ran + 1))
    done
    ((ran)) || die "there is no benchmark in $build/bin: run 'scripts/deps.sh build' and 'make'."
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
main "$@"
