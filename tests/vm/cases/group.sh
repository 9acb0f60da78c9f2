# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# Messages that come at one time share blocks of the journal: fewer are written than there are
# messages, and all of what was answered is there when the device is made again.

MANY=20

# Copies take their time, so those who come meanwhile wait for the lock together.
slow_spare() {
    mkremap r "$MAIN" "$SPARE"
    dmsetup remove r
    mkdm slow "0 $(sectors "$SPARE") delay $SPARE 0 0 $SPARE 0 100"
    mkremap r "$MAIN" /dev/mapper/slow
}

# at_once DESCRIPTION COMMAND... - the command, with each of 0 to MANY-1 behind it, all at one time.
at_once() {
    local description=$1 i pids=() before after
    shift
    before=$(stat_value r commits stats)
    for ((i = 0; i < MANY; i++)); do
        "$@" "$i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i" || fail "$description: one of them failed"
    done
    after=$(stat_value r commits stats)
    echo "  $description: $MANY at once, $((after - before)) blocks"
    ((after > before)) || fail "$description: nothing was recorded"
    ((after - before < MANY)) || fail "$description: $((after - before)) blocks for $MANY steps"
}

# shellcheck disable=SC2329 # at_once calls these
{
    add() { dmsetup message r 0 add_remap $((1000 + 100 * $1)) $((50 * $1)) 8 >/dev/null; }
    lose() { dmsetup message r 0 add_remap $((9000 + 100 * $1)) $((5000 + 50 * $1)) 8 nocopy >/dev/null; }
    give_back() { dmsetup message r 0 remove_remap $((1000 + 100 * $1)) >/dev/null; }
    mixed() {
        case $(($1 % 3)) in
        0) dmsetup message r 0 relocate $((20000 + 100 * $1)) 8 >/dev/null ;;
        1) vm-test-sectors stamp /dev/mapper/r $((9000 + 100 * $1)) 8 7 ;;
        *) give_back "$1" ;;
        esac
    }
}

made_again() {
    local before
    before=$(list_all r)
    dmsetup remove r
    mkremap r "$MAIN" /dev/mapper/slow
    eq "remaps after the device was made again" "$(list_all r)" "$before"
}

mkloop MAIN 64M
mkloop SPARE 64M
slow_spare
check "stamps before" vm-test-sectors stamp "/dev/mapper/r" 1000 2000 5
at_once "add_remap" add
eq "mapped" "$(field r mapped)" $((MANY * 8))
made_again
check "data of the added" vm-test-sectors check /dev/mapper/r 1000 2000 5
at_once "add_remap nocopy" lose
eq "lost" "$(field r lost)" $((MANY * 8))
at_once "relocate, writes to lost sectors, remove_remap" mixed
made_again
check "data of all" vm-test-sectors check /dev/mapper/r 1000 2000 5
check "data of a lost range" vm-test-sectors check /dev/mapper/r 9100 8 7
eq "held_outside" "$(stat_value r held_outside stats)" 0
dmsetup remove r
dmsetup remove slow
