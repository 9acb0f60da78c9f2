# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# by-hand: yes
# timeout: 1800
#
# Everything that main and spare were written is in a log of dm-log-writes, in the order in which it
# became stable. What they held is brought back as of many moments: at marks, where all that was
# acknowledged must be there and nothing else, and between them with the last write torn. First both
# are halves of one logged disk: one order of all writes. Then each has a log of its own, so that a
# flush of the one does not stand in for a flush of the other that was forgotten.

STEPS=${DMREMAP_STEPS:-$(longer 40)}
HALF=262144 # sectors: 128 MiB

# live - a set, a file system in its lower half, and steps with a mark behind each, in every log.
live() {
    local log
    mkremap live "$MAIN" "$SPARE"
    mkfs.ext4 -qF -E lazy_itable_init=0 /dev/mapper/live $((HALF / 4))k
    mnt /dev/mapper/live data
    sync
    truncate -s 0 book
    vm-test-life note book mark 0
    for log in "$@"; do dmsetup message "$log" 0 mark step0; done
    check "$STEPS steps of seed $SEED" vm-test-life steps live book data "$SEED" "$STEPS" "$@"
    umount data
    dmsetup remove live
}

# index_of LOG MARK - which entry of a log that is.
index_of() { awk -v mark="$2" '$5 == mark { print $1; exit }' "$1.list"; }

# snapshot NAME DEVICE SECTORS COW - what is written to it is forgotten.
snapshot() {
    dd if=/dev/zero of="$4" bs=4096 count=1 oflag=direct status=none
    mkdm "$1" "0 $3 snapshot $2 $4 N 8"
}

# survey MAIN SPARE HOW MARK - creates the set on these and looks for all that the book says.
survey() {
    local main=$1 spare=$2 how=$3 mark=$4 status=0
    dmremap check "$spare" >checked || status=$?
    if [[ $status != [04] ]] || grep -q '^refused' checked; then
        cat checked
        fail "$how mark $mark: dmremap check ends with $status"
    fi
    mkremap again "$main" "$spare" || fail "$how mark $mark: the set is not served"
    mnt /dev/mapper/again data
    vm-test-survey "$how" "$mark" again book data >surveyed || {
        cat surveyed
        fail "$how mark $mark of seed $SEED: what was acknowledged is not there"
    }
    umount data
    e2fsck -fn /dev/mapper/again >fsck 2>&1 || { cat fsck; fail "$how mark $mark: fsck"; }
    dmsetup remove again
    dmremap check "$spare" >checked || { cat checked; fail "$how mark $mark: dmremap check afterwards"; }
    DONE=$((DONE + 1))
}

# survey_both HOW MARK - of the two halves of the replayed disk.
survey_both() {
    snapshot snap "$REPLAYED" $((2 * HALF)) "$COW"
    mkdm half0 "0 $HALF linear /dev/mapper/snap 0"
    mkdm half1 "0 $HALF linear /dev/mapper/snap $HALF"
    survey /dev/mapper/half0 /dev/mapper/half1 "$@"
    dmsetup remove half0
    dmsetup remove half1
    dmsetup remove snap
}

# torn INDEX - how much of this entry is to be written: a part of it, if it has more than a sector.
torn() {
    local size
    size=$(awk -v entry="$1" '$1 == entry { print $3 }' log.list)
    echo $((size > 1 ? RANDOM % (size - 1) + 1 : size))
}

one_log() {
    local mark at=0 to next here
    mkdm logged "0 $((2 * HALF)) log-writes $LOGGED $LOG"
    mkdm main "0 $HALF linear /dev/mapper/logged 0"
    mkdm spare "0 $HALF linear /dev/mapper/logged $HALF"
    MAIN=/dev/mapper/main SPARE=/dev/mapper/spare
    live logged
    for name in main spare logged; do dmsetup remove "$name"; done
    vm-test-replay list "$LOG" >log.list
    DONE=0
    for ((mark = 0; mark < STEPS; mark++)); do
        to=$(index_of log "step$mark")
        next=$(index_of log "step$((mark + 1))")
        vm-test-replay apply "$LOG" "$REPLAYED" "$at" "$to"
        at=$to
        ((mark % 4)) || survey_both at "$mark"
        ((next > to + 1)) || continue
        here=$((to + 1 + RANDOM % (next - to - 1)))
        vm-test-replay apply "$LOG" "$REPLAYED" "$at" "$here" "$(torn "$here")"
        at=$here
        ((mark % 2)) || survey_both behind "$mark"
    done
    pass "$DONE moments of $(wc -l <log.list) writes to main and spare together"
}

two_logs() {
    local mark at=0 at2=0 to to2
    mkdm main "0 $HALF log-writes $LOGGED $LOG"
    mkdm spare "0 $HALF log-writes $LOGGED2 $LOG2"
    MAIN=/dev/mapper/main SPARE=/dev/mapper/spare
    live main spare
    dmsetup remove main
    dmsetup remove spare
    vm-test-replay list "$LOG" >log.list
    vm-test-replay list "$LOG2" >log2.list
    DONE=0
    wipe "$REPLAYED"
    for ((mark = 0; mark <= STEPS; mark++)); do
        to=$(index_of log "step$mark")
        to2=$(index_of log2 "step$mark")
        vm-test-replay apply "$LOG" "$REPLAYED" "$at" "$to"
        vm-test-replay apply "$LOG2" "$REPLAYED2" "$at2" "$to2"
        at=$to at2=$to2
        snapshot snap "$REPLAYED" "$HALF" "$COW"
        snapshot snap2 "$REPLAYED2" "$HALF" "$COW2"
        survey /dev/mapper/snap /dev/mapper/snap2 at "$mark"
        dmsetup remove snap
        dmsetup remove snap2
    done
    pass "$DONE moments of $(wc -l <log.list) writes to main and $(wc -l <log2.list) to the spare"
}

scratch LOG 0
scratch LOG2 1
mkloop LOGGED 256M
mkloop LOGGED2 128M
mkloop REPLAYED 256M
mkloop REPLAYED2 128M
mkloop COW 300M
mkloop COW2 300M
mkdir -p data
echo "  seed $((SEED = ${DMREMAP_SEED:-RANDOM}))"
RANDOM=$SEED
one_log
wipe "$LOGGED"
wipe "$LOG"
two_logs
