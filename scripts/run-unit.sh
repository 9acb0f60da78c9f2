#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the unit test programs of a build, or those named: run-unit.sh BUILD-DIRECTORY [PROGRAM...]
# DMREMAP_OPS and DMREMAP_SEED in the environment are theirs (docs/development/TESTING.md).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PROGRAMS=(unit-tests table-readers-test group-test frontend-test)

main() {
    local build=$1 program ran=0
    shift
    (($#)) || set -- "${PROGRAMS[@]}"
    for program in "$@"; do
        [[ -x $build/bin/$program ]] || continue
        step "$program (${build##*/})" "$build/bin/$program" --gtest_brief=1
        ran=$((ran + 1))
    done
    ((ran)) || die "there is no test program in $build/bin: run 'scripts/deps.sh build' and 'make'."
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
main "$@"
