# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Named steps that are run one after the other, or in two lanes, timed, counted, and ended when they
# take too long. Source it after lib.sh in the root of the repository; build/log must be there.

STEP_NAMES=()
declare -A STEP_LIMIT STEP_COMMAND
PASSED=0
FAILED=0
STEP_PID=
LANES=()

# add_step NAME SECONDS COMMAND... - words without blanks.
add_step() {
    STEP_NAMES+=("$1")
    STEP_LIMIT[$1]=$2
    STEP_COMMAND[$1]=${*:3}
}

list_steps() { printf '%s\n' "${STEP_NAMES[@]}"; }

# A step has a process group of its own, so that all of it ends with this script.
end_step() {
    [[ -z $STEP_PID ]] || kill -TERM -- "-$STEP_PID" 2>/dev/null || true
}
end_steps() {
    end_step
    ((${#LANES[@]} == 0)) || kill -TERM "${LANES[@]}" 2>/dev/null || true
}
trap end_steps EXIT
trap 'exit 130' INT TERM

# wait_for_step SECONDS LOG - prints the log's lines that tell of progress; fails when time is up.
wait_for_step() {
    local until=$((SECONDS + $1)) shown=0 lines
    while kill -0 "$STEP_PID" 2>/dev/null; do
        lines=$(wc -l <"$2")
        sed -nE "$((shown + 1)),${lines}{/^((ok|FAIL) [^ ]+ \(|up after|== boot|skip )/s/^/   /p}" "$2"
        shown=$lines
        ((SECONDS < until)) || return 1
        sleep 0.5
    done
    sed -nE "$((shown + 1)),\${/^((ok|FAIL) [^ ]+ \(|up after|== boot|skip )/s/^/   /p}" "$2"
}

# count_step NAME STATUS LOG - a step with a sum of its own counts with that sum.
count_step() {
    local sum
    sum=$(tail -n 3 "$3" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' | tail -n 1)
    if [[ -z $sum || ($2 -ne 0 && ${sum#* } -eq 0) ]]; then
        sum="$(($2 == 0)) $(($2 != 0))"
    fi
    PASSED=$((PASSED + ${sum% *}))
    FAILED=$((FAILED + ${sum#* }))
}

# show_failure LOG - the first lines that look like a reason, and the last lines.
show_failure() {
    local reasons
    reasons=$(head -n -20 "$1" | grep -anE 'error:|FAILED|FAIL |: Failure|[Ww]arning:|ERROR:|wrong:' | head -n 12) || true
    [[ -z $reasons ]] || sed 's/^/   : /' <<<"$reasons"
    tail -n 20 "$1" | sed 's/^/   | /'
}

# run_step NAME SECONDS COMMAND...
run_step() {
    local name=$1 limit=$2 log=build/log/$1.log began=$SECONDS status=0
    shift 2
    printf -- '-- %s\n' "$name"
    : >"$log"
    set -m
    (set -euo pipefail; "$@") </dev/null >"$log" 2>&1 &
    STEP_PID=$!
    set +m
    wait_for_step "$limit" "$log" || {
        echo "ended after $limit s" >>"$log"
        end_step
    }
    wait "$STEP_PID" || status=$?
    STEP_PID=
    count_step "$name" "$status" "$log"
    if ((status == 0)); then
        printf 'passed: %s (%d s)\n' "$name" $((SECONDS - began))
    else
        show_failure "$log"
        printf 'FAILED: %s (%d s), log: %s\n' "$name" $((SECONDS - began)) "$log"
    fi
}

# run_steps [NAME...] - all, or those named in the order given.
run_steps() {
    local name
    (($#)) || set -- "${STEP_NAMES[@]}"
    for name in "$@"; do
        [[ -n ${STEP_COMMAND[$name]:-} ]] || die "there is no step '$name'; --list shows them."
    done
    for name in "$@"; do
        # shellcheck disable=SC2086 # words of a command
        run_step "$name" "${STEP_LIMIT[$name]}" ${STEP_COMMAND[$name]}
    done
}

# run_lane FILE [NAME...] - as run_steps, in a shell of its own; leaves its sums in the file.
run_lane() {
    local sums=$1
    shift
    PASSED=0 FAILED=0 LANES=()
    trap end_steps EXIT
    run_steps "$@"
    echo "$PASSED $FAILED" >"$sums"
}

# run_lanes NAMES NAMES - two lists of steps side by side, each in its order: the first is the longest and
# waits for virtual machines most of the time, so it goes first where both want the processor, and the
# other has what is left. Lines of both are mixed. A lane that does not come to its end has failed.
run_lanes() {
    local i=0 names sums passed failed
    for names; do
        rm -f "build/log/lane-$i"
        # shellcheck disable=SC2086 # words
        {
            ((i == 0)) || renice -n 5 -p "$BASHPID" >/dev/null || true
            run_lane "build/log/lane-$i" $names
        } &
        LANES+=($!)
        i=$((i + 1))
    done
    for ((i = 0; i < ${#LANES[@]}; i++)); do
        wait "${LANES[i]}" || true
        sums=$(cat "build/log/lane-$i" 2>/dev/null) || sums='0 1'
        read -r passed failed <<<"$sums"
        PASSED=$((PASSED + passed))
        FAILED=$((FAILED + failed))
    done
    LANES=()
}

# finish_steps - the last line, and the exit.
finish_steps() {
    printf '%s s\n' "$SECONDS"
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    exit $((FAILED != 0))
}
