#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the core on simulated disks that fail (docs/development/SIMULATOR.md):
#
#     check-sim.sh short|long [PART...]     all parts, or those named
#
#     disk        the simulated disk does what it says
#     bugs        each deliberate bug is caught
#     exhaustive  every workload of up to 2 operations, long: 3; a second power failure in the
#                 recovery of those of 1, long: 2
#     seeds       SEEDS random runs from FIRST_SEED (1) on: short 10000, long 1000000
#     replay      a run that breaks a promise can be repeated from what was printed
#
# JOBS processes, as many as there are processors unless told otherwise. Interrupted, the program
# tells how to go on. The last line is the sum; the exit status is 1 when anything failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh

BUILD=${BUILD:-build}
JOBS=${JOBS:-$(nproc)}
SIM=$BUILD/bin/dmremap-sim
PARTS=(disk bugs exhaustive seeds replay)
PASSED=0
FAILED=0
STOPPED=
# Later: the program wants to say how to go on.
trap 'STOPPED=1' INT TERM

# part NAME COMMAND... - one line more in the sum; a sum of its own is added.
part() {
    local name=$1 began=$SECONDS status=0 log=$BUILD/log/sim-$1.log sum
    shift
    say "== $name"
    "$@" | tee -i "$log" || status=${PIPESTATUS[0]}
    [[ -z $STOPPED ]] || exit 130
    sum=$(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$log")
    if [[ -z $sum || ($status -ne 0 && ${sum#* } -eq 0) ]]; then
        sum="$((status == 0)) $((status != 0))"
    fi
    PASSED=$((PASSED + ${sum% *}))
    FAILED=$((FAILED + ${sum#* }))
    ((status == 0)) || say "FAIL $name (status $status)"
    say "== $name: $((SECONDS - began)) s"
}

run_part() {
    case $1 in
        disk) part disk "$BUILD/bin/sim-tests" --gtest_brief=1 ;;
        bugs) part bugs "$SIM" --bugs --jobs "$JOBS" ;;
        exhaustive) part exhaustive "$SIM" --exhaustive --operations "$OPERATIONS" --again "$AGAIN" --jobs "$JOBS" ;;
        seeds) part seeds "$SIM" --seeds "$SEEDS" --first-seed "${FIRST_SEED:-1}" --jobs "$JOBS" --verbose ;;
        replay) part replay sim/test/replay.sh "$SIM" ;;
        *) die "there is no part '$1'; the parts are ${PARTS[*]}." ;;
    esac
}

main() {
    case ${1:-} in
        short) SEEDS=${SEEDS:-10000} OPERATIONS=2 AGAIN=1 ;;
        long) SEEDS=${SEEDS:-1000000} OPERATIONS=3 AGAIN=2 ;;
        *) die "usage: check-sim.sh short|long [PART...]; the parts are ${PARTS[*]}." ;;
    esac
    shift
    (($#)) || set -- "${PARTS[@]}"
    [[ -x $SIM && -x $BUILD/bin/sim-tests ]] || die "$SIM is missing: run 'scripts/deps.sh build' and 'make'."
    mkdir -p "$BUILD/log"
    local name
    for name; do
        run_part "$name"
    done
    say "$SECONDS s"
    say "$PASSED passed, $FAILED failed"
    ((FAILED == 0))
}

main "$@"
