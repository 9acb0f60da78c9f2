#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the simulator prints of a run that breaks a promise is enough to repeat it: replay.sh PROGRAM
# Plants bugs, takes the printed run out of the output and replays it, with the bug and without.
# Then the runs in sim/test/runs, each of which broke a promise once, or the oracle's idea of one.
# The last line is "N passed, M failed".
set -euo pipefail

SIM=$1
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
PASSED=0
FAILED=0

# check NAME COMMAND... - whether it succeeds.
check() {
    local name=$1
    shift
    if "$@"; then
        PASSED=$((PASSED + 1))
        printf 'ok %s (%s)\n' "$name" "$BUG"
    else
        FAILED=$((FAILED + 1))
        printf 'FAIL %s (%s)\n' "$name" "$BUG"
    fi
}

# replay NAME [OPTION...] - replays WORK/NAME, its output in WORK/said and its status in STATUS.
replay() {
    STATUS=0
    "$SIM" --replay "$WORK/$1" "${@:2}" >"$WORK/said" || STATUS=$?
}

says() { [[ $STATUS == "$1" && $(tail -n 1 "$WORK/said") == "$2" ]]; }
first_line() { grep -qE "$1" "$WORK/found"; }
is_short() { (($(grep -cvE '^(#|seed=)' "$WORK/run") <= $1)); }
has_io() { grep -qE '^    core writes spare [0-9]+' "$WORK/said"; }

# repeat BUG LONGEST OPTION... - LONGEST: operations that the shortened run may have.
repeat() {
    local violation
    BUG=$1
    "$SIM" --bug "$1" "${@:3}" >"$WORK/found" && check a-violation-is-a-failure false
    check the-run-is-named first_line '^(seed|workload) [0-9]+ breaks a promise'
    check a-bug-counts first_line '[1-9][0-9]* (lost|stale|leaked)'
    violation=$(sed -n 's/^broken: //p' "$WORK/found")
    sed -n '/^seed=/,/^# the end/p' "$WORK/found" >"$WORK/run"
    check the-run-is-short is_short "$2"
    replay run
    check replay-breaks-the-same-promise says 1 "$violation"
    replay run --verbose
    check replay-prints-the-io has_io
    sed 's/ bug=[a-z_]*//' "$WORK/run" >"$WORK/sound"
    replay sound
    check without-the-bug-all-is-well says 0 'every promise was kept'
}

repeat no_commit_flush 30 --seeds 50
repeat checkpoint_same_area 30 --seeds 50 --jobs 2
repeat reuse_before_durable 6 --exhaustive --operations 2
for BUG in "${BASH_SOURCE[0]%/*}"/runs/*.run; do
    cp "$BUG" "$WORK/kept"
    BUG=${BUG##*/}
    replay kept
    check a-run-that-broke-a-promise says 0 'every promise was kept'
done
printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
((FAILED == 0))
