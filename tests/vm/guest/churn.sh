# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Remaps that come, move and go at random under whatever else a case does, and data that must be
# right all the while.

CHURN_SLOTS=200

# churn_lines SEED FIRST SECTORS SPARE-SECTORS BLOCK - 20 messages. 200 places in the range, each of
# up to 256 sectors, mapped where the engine or where we say, and given back whole or in part.
churn_lines() {
    awk -v seed="$1" -v first="$2" -v sectors="$3" -v spare="$4" -v block="$5" -v slots=$CHURN_SLOTS '
        function pick(n) { return int(rand() * n) }
        function least(a, b) { return a < b ? a : b }
        BEGIN {
            srand(seed)
            room = int(sectors / slots / block)
            for (i = 0; i < 20; i++) {
                slot = pick(slots)
                size = slot * 71 % least(room - 1, int(256 / block)) + 1
                at = first + (slot * room + slot * 37 % (room - size)) * block
                kind = pick(6)
                if (kind < 2) print "relocate", at, size * block
                else if (kind < 3) print "add_remap", at, pick(int(spare / block) - size) * block, size * block
                # Of what a removed part left over, each piece must be hit by itself.
                else if (kind < 5) print "remove_remap", at + pick(size) * block
                else print "remove_remap", at + int(size / 4) * block, (int(size / 2) + 1) * block
            }
        }'
}

# churn_begin NAME [FIRST [SECTORS]] - until churn_end, in this range of main.
churn_begin() {
    local name=$1 first=${2:-0} sectors spare block seed=$RANDOM
    sectors=${3:-$(($(stat_value "$name" main_sectors) - first))}
    spare=$(stat_value "$name" spare_total)
    block=$(stat_value "$name" block_sectors)
    echo "  churn on $name: seed $seed"
    touch "churning.$name"
    while [[ -e churning.$name ]]; do
        churn_lines $((seed++)) "$first" "$sectors" "$spare" "$block"
    done | vm-test-message "$name" >"churned.$name" &
    declare -g "CHURN_$name=$!"
}

# churn_end NAME [ERRNO...] - about half of the messages meet a wrong moment and are refused; any
# other error than these refusals fails the case, and so does a churn that hardly was one.
churn_end() {
    local name=$1 pid=CHURN_$1 refusals='0 EEXIST ENOENT ENOSPC' wrong accepted
    shift
    rm "churning.$name"
    wait "${!pid}" || fail "the messages to $name could not be sent"
    echo "  messages to $name: $(cut -d' ' -f1 "churned.$name" | sort | uniq -c | awk '{ printf "%s x %s; ", $2, $1 }')"
    wrong=$(awk -v good="$refusals $*" 'BEGIN { n = split(good, w); for (i = 1; i <= n; i++) ok[w[i]] }
        !($1 in ok) { print; exit }' "churned.$name")
    [[ -z $wrong ]] || fail "a message to $name ended with: $wrong"
    accepted=$(grep -c '^0 ' "churned.$name" || true)
    ((accepted >= 20)) || fail "only $accepted messages to $name were accepted: too few to mean anything"
    eq "I/O of $name that waited outside of fences" "$(stat_value "$name" held_outside stats)" 0
}

# healthy NAME - after the load: nothing became lost, no error was counted, nothing is in flight.
healthy() {
    eq "mode of $1" "$(field "$1" mode)" ok
    eq "lost, pending, read and write errors of $1" \
        "$(field "$1" lost) $(field "$1" pending) $(field "$1" read_errors) $(field "$1" write_errors)" '0 0 0 0'
    eq "in flight on $1" "$(stat_value "$1" in_flight stats)" 0
}

# verified_under_churn DEVICE SECONDS NAME... - fio writes to DEVICE and verifies, then stamps are
# checked, all while the remaps of each NAME below come and go; and once more when all are gone.
verified_under_churn() {
    local device=$1 seconds=$2 name sectors=32768
    shift 2
    for name in "$@"; do churn_begin "$name"; done
    verify_begin under "$device" "$seconds" --size=12M --bssplit=4k/60:16k/20:64k/20
    verify_end under
    check "stamps on $device" vm-test-sectors stamp "$device" 0 $sectors 3
    check "read back from $device" vm-test-sectors check "$device" 0 $sectors 3
    for name in "$@"; do churn_end "$name"; done
    check "the same, with the remaps as they are" vm-test-sectors check "$device" 0 $sectors 3
    for name in "$@"; do
        healthy "$name"
        msg_ok "$name" clear_all
    done
    check "and with all of it back on main" vm-test-sectors check "$device" 0 $sectors 3
}
