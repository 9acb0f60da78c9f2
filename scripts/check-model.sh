#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Searches every state of the metadata protocol: protocol.pml (one spare) and members.pml (a set of two)
# in docs/development:
#
#     check-model.sh [NAME...]     all, or those named; --list shows the names
#
# The protocol must hold in each configuration, and each wrong reading of it must yield a
# counter-example, as must what MODEL.md calls open (open-*). Works in build/model/NAME; a
# counter-example is told in counter-example.txt there.
# The last line is the sum; the exit status is 1 when anything failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh

MODELS=docs/development
WORK=build/model
MEMORY=7500 # MiB; a search that needs more fails
PASSED=0
FAILED=0
PAN=

stop() { [[ -z $PAN ]] || kill "$PAN" 2>/dev/null || true; }
trap stop EXIT
trap 'exit 130' INT TERM

# name, model, what is expected, the macros
configurations() {
    cat <<'LIST'
three-restarts protocol holds -DFAILURES=1 -DRESTARTS=3 -DBLOCKS=2 -DOTHER_RANGES=0
power-cuts protocol holds -DFAILURES=0 -DRESTARTS=3 -DBLOCKS=3 -DOTHER_RANGES=0
other-ranges protocol holds -DFAILURES=1 -DRESTARTS=2 -DBLOCKS=3
two-failures protocol holds -DFAILURES=2 -DRESTARTS=2 -DBLOCKS=3 -DOTHER_RANGES=0
WRONG_TWO_SITES protocol breaks -DFAILURES=1
WRONG_EPOCH_AT_FIRST_RECORD protocol breaks -DFAILURES=1
WRONG_REPAIR_AFTER_EPOCH protocol breaks -DFAILURES=1
WRONG_ACKNOWLEDGE_BEFORE_FENCE protocol breaks -DFAILURES=1
WRONG_READONLY_WRITES protocol breaks -DFAILURES=1
WRONG_NO_ANNOUNCEMENT protocol breaks -DFAILURES=1
WRONG_NEWEST_SLOT protocol breaks -DFAILURES=1
WRONG_ANY_COPY protocol breaks -DFAILURES=1
WRONG_FREE_BEFORE_ROOT protocol breaks -DFAILURES=1
WRONG_ROOT_BEFORE_AREA protocol breaks -DFAILURES=1
WRONG_SAME_PLACE protocol breaks -DFAILURES=1
WRONG_COUNT_FAILED_SITE protocol breaks -DFAILURES=2 -DOTHER_RANGES=0
WRONG_TRUST_SLOTS protocol breaks -DFAILURES=1 -DRESTARTS=3 -DBLOCKS=2 -DOTHER_RANGES=0
members members holds -DFAILURES=0 -DRESTARTS=3 -DRECORDS=1 -DCHANGES=2
members-failure members holds -DFAILURES=1 -DRESTARTS=2 -DRECORDS=1 -DCHANGES=2
member-dies members holds -DFAILURES=0 -DRESTARTS=3 -DRECORDS=1 -DCHANGES=2 -DDEATHS=1
member-dies-failure members holds -DFAILURES=1 -DRESTARTS=2 -DRECORDS=1 -DDEATHS=1 -DCHECKPOINTS=1
given-up members holds -DFAILURES=0 -DRESTARTS=3 -DRECORDS=1 -DCHANGES=2 -DFORKS=1
given-up-failure members holds -DFAILURES=1 -DRESTARTS=3 -DRECORDS=1 -DCHANGES=1 -DFORKS=1
given-up-dies members holds -DFAILURES=0 -DRESTARTS=3 -DRECORDS=1 -DCHANGES=2 -DFORKS=1 -DDEATHS=1
given-up-twice members holds -DFAILURES=0 -DRESTARTS=4 -DRECORDS=1 -DCHANGES=1 -DFORKS=2 -DIN_DOUBT_REFUSED
open-in-doubt members breaks -DFAILURES=0 -DRESTARTS=4 -DRECORDS=1 -DCHANGES=0
WRONG_QUORUM_OF_PRESENT members breaks -DFAILURES=0
WRONG_QUORUM_OF_ALL members breaks -DFAILURES=1
WRONG_OLD_SITES_FIRST members breaks -DFAILURES=0
WRONG_NEW_WITHOUT_QUORUM members breaks -DFAILURES=1
WRONG_LOAD_ANY_ORDER members breaks -DFAILURES=0
WRONG_ADD_BEFORE_COPY members breaks -DFAILURES=0
WRONG_ANNOUNCE_THE_SET members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=2 -DFORKS=1
WRONG_LOSE_IN_SILENCE members breaks -DFAILURES=1
WRONG_LOSE_AT_LOAD members breaks -DFAILURES=0
WRONG_LOSE_THE_OTHER members breaks -DFAILURES=1 -DDEATHS=1
WRONG_LOSE_INCOMPLETE members breaks -DFAILURES=1 -DDEATHS=1
WRONG_LOSE_FOR_THE_NEW members breaks -DFAILURES=0 -DDEATHS=1
WRONG_FORGET_FAILED_ADD members breaks -DFAILURES=0 -DDEATHS=1
WRONG_ANNOUNCE_THE_OLD members breaks -DFAILURES=0 -DCHANGES=1 -DDEATHS=1 -DCHECKPOINTS=1
WRONG_HIGHEST_WINS members breaks -DFAILURES=0 -DRESTARTS=4 -DCHANGES=1 -DFORKS=1 -DIN_DOUBT_REFUSED
WRONG_GIVE_UP_BY_ONE members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=2 -DFORKS=1
WRONG_CHOOSE_UNCLEAR members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=2 -DFORKS=1
WRONG_SERVE_UNDECIDED members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=1 -DFORKS=1
WRONG_REJOIN_ANY members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=1 -DFORKS=1
WRONG_REJOIN_EXACT members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=3
WRONG_LOST_AFTER_EPOCH members breaks -DFAILURES=0 -DRESTARTS=3 -DCHANGES=1 -DFORKS=1
LIST
}

# build NAME MODEL MACRO... - the searching program, in WORK/NAME.
build() {
    local name=$1 source=$PWD/$MODELS/$2.pml
    shift 2
    rm -rf "${WORK:?}/$name"
    mkdir -p "$WORK/$name"
    (
        cd "$WORK/$name"
        spin -a "$@" "$source" >spin.log 2>&1 || { cat spin.log >&2; die "spin refuses the model with $*."; }
        gcc -O2 -w -DSAFETY -DCOLLAPSE -DNOREDUCE -DVECTORSZ=1024 -DMEMLIM="$MEMORY" -o pan pan.c ||
            die "gcc refuses what spin wrote in $WORK/$name."
    )
}

# search NAME - runs the program; what it says is in pan.log.
search() {
    (cd "$WORK/$1" && exec ./pan -m100000 -w27) >"$WORK/$1/pan.log" 2>&1 &
    PAN=$!
    wait "$PAN" || true
    PAN=
}

# tell NAME MODEL MACRO... - the story of a counter-example, from the model's own words.
tell() {
    local name=$1 source=$PWD/$MODELS/$2.pml
    shift 2
    (cd "$WORK/$name" && spin -k ./*.trail -t -T "$@" "$source" 2>&1 | sed '/trail ends/q') \
        >"$WORK/$name/counter-example.txt" || true
}

states_of() { awk '/states, stored/ { printf "%.0f", $1 }' "$WORK/$1/pan.log"; }
memory_of() { awk '/total actual memory usage/ { printf "%.1f", $1 / 1024 }' "$WORK/$1/pan.log"; }

# A search that ran out of memory or depth has proved nothing.
finished() { ! grep -qE 'not completed|too small|out of memory|aborting' "$WORK/$1/pan.log"; }

# check NAME MODEL EXPECTED MACRO...
check() {
    local name=$1 model=$2 expected=$3 began=$SECONDS found=nothing wrong=()
    shift 3
    [[ $name != WRONG_* ]] || wrong=("-D$name")
    build "$name" "$model" "${wrong[@]}" "$@"
    search "$name"
    if grep -q 'errors: 0' "$WORK/$name/pan.log" && finished "$name"; then
        found=holds
    elif grep -q 'assertion violated' "$WORK/$name/pan.log"; then
        found=breaks
        tell "$name" "$model" "${wrong[@]}" "$@"
    fi
    local result
    result="$(states_of "$name") states, $(memory_of "$name") GiB, $((SECONDS - began)) s"
    case $found in
        holds) result="no violation in all $result" ;;
        breaks) result="counter-example after $result" ;;
        nothing) result="the search did not finish: $WORK/$name/pan.log" ;;
    esac
    if [[ $found == "$expected" ]]; then
        PASSED=$((PASSED + 1))
        say "ok $name ($*): $result"
    else
        FAILED=$((FAILED + 1))
        say "FAIL $name ($*): $result"
        [[ $found != breaks ]] || sed 's/^/   : /' "$WORK/$name/counter-example.txt"
    fi
}

main() {
    if [[ ${1:-} == --list ]]; then
        configurations | cut -d ' ' -f 1
        return
    fi
    have spin gcc || die "spin or gcc is missing: run 'scripts/deps.sh model'."
    local asked name known words
    for asked; do
        known=$(configurations | cut -d ' ' -f 1)
        grep -qxF -- "$asked" <<<"$known" || die "there is no configuration '$asked'; --list shows them."
    done
    while read -ra words; do
        name=${words[0]}
        [[ $# -eq 0 || " $* " == *" $name "* ]] || continue
        check "${words[@]}"
    done < <(configurations)
    say "$SECONDS s"
    say "$PASSED passed, $FAILED failed"
    ((FAILED == 0))
}

main "$@"
