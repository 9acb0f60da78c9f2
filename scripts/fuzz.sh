#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the fuzzers with clang and runs them: fuzz.sh short|long [FUZZER...]
#
#     short   FUZZ_RUNS (100000) executions of each, of nbd a tenth, since each is a connection; then
#             the planted bugs, which must be found
#     long    FUZZ_SECONDS (3600) of each, on a corpus that is kept in build/fuzz/corpus
#
# A line for each ends with its edge count: what it reached of the code.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BUILD=build/fuzz
FUZZERS=(superblock journal checkpoint dump message table nbd)
PLANTED=(journal dump)
RUNS=${FUZZ_RUNS:-100000}
SECONDS_EACH=${FUZZ_SECONDS:-3600}
# No input that reaches everything is longer.
LENGTH=512

build() {
    have clang++ || die "clang++ is missing: run 'scripts/deps.sh fuzz'."
    TARGETS="$(printf 'fuzz-%s ' "${FUZZERS[@]}")$(printf 'planted-%s ' "${PLANTED[@]}")" \
        scripts/build-programs.sh "$BUILD" "$(nproc)" -DCMAKE_CXX_COMPILER=clang++ -DDMREMAP_FUZZ=ON
}

# run_one PROGRAM NAME OPTION... - the corpus in build/fuzz/corpus first, the seeds of the tree second.
run_one() {
    local program=$1 name=$2 dictionary=()
    shift 2
    mkdir -p "$BUILD/corpus/$name" "$BUILD/found"
    # Allocations are many and small: what the sanitizer keeps of them costs more than they do.
    export ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=4:detect_stack_use_after_return=0
    [[ ! -e fuzz/$name.dict ]] || dictionary=("-dict=fuzz/$name.dict")
    "$BUILD/bin/$program" "$@" -seed=1 -max_len="$LENGTH" -artifact_prefix="$BUILD/found/$program-" \
        "${dictionary[@]}" "$BUILD/corpus/$name" "fuzz/seeds/$name" >"$BUILD/log/$program.log" 2>&1
}

# fuzz NAME OPTION... - one line, and the end of the log when something was found.
fuzz() {
    local name=$1 began=$SECONDS status=0 log=$BUILD/log/fuzz-$1.log sum
    run_one "fuzz-$name" "$name" "${@:2}" || status=$?
    sum=$(grep -E '^#[0-9]+' "$log" | tail -n 1) || true
    if ((status)); then
        tail -n 25 "$log"
        printf 'FAIL fuzz-%s: the input is in %s/found\n' "$name" "$BUILD"
        return 1
    fi
    printf 'fuzz-%-10s %s executions, %s edges (%d s)\n' "$name" "$(sed -E 's/^#([0-9]+).*/\1/' <<<"$sum")" \
        "$(sed -nE 's/.* cov: ([0-9]+).*/\1/p' <<<"$sum")" $((SECONDS - began))
}

# A fuzzer that would not notice is worth nothing.
planted() {
    local name=$1
    if run_one "planted-$name" "$name" -runs="$RUNS"; then
        printf 'FAIL planted-%s: the planted bug was not found\n' "$name"
        return 1
    fi
    if ! grep -qE 'broken promise|AddressSanitizer|UndefinedBehaviorSanitizer|runtime error' "$BUILD/log/planted-$name.log"; then
        printf 'FAIL planted-%s: it ended otherwise; see %s/log/planted-%s.log\n' "$name" "$BUILD" "$name"
        return 1
    fi
    printf 'planted-%-7s the planted bug was found\n' "$name"
    rm -f "$BUILD/found/planted-$name"-*
}

# in_parallel - the commands on standard input, a line each, two at a time; all of them are run.
in_parallel() {
    local words pids=() failed=0 pid
    while read -r words; do
        # shellcheck disable=SC2086 # words of a command
        $words &
        pids+=($!)
        ((${#pids[@]} < $(nproc))) || { wait "${pids[0]}" || failed=1; pids=("${pids[@]:1}"); }
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=1
    done
    return "$failed"
}

main() {
    local how=${1:-short} option name limit
    (($#)) && shift
    case $how in
        short) option=-runs=$RUNS ;;
        long) option=-max_total_time=$SECONDS_EACH ;;
        *) die "usage: fuzz.sh short|long [FUZZER...]; the fuzzers are ${FUZZERS[*]}." ;;
    esac
    build
    if (($#)); then
        FUZZERS=("$@")
        PLANTED=()
    fi
    [[ $how == long ]] || rm -rf "$BUILD/corpus"
    {
        for name in "${FUZZERS[@]}"; do
            [[ $name == nbd && $how == short ]] && limit=-runs=$((RUNS / 10)) || limit=$option
            printf 'fuzz %s %s\n' "$name" "$limit"
        done
        [[ $how == long ]] || ((${#PLANTED[@]} == 0)) || printf 'planted %s\n' "${PLANTED[@]}"
    } | in_parallel
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
main "$@"
