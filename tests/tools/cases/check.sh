# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# check and repair: every exit bit, what damage of which part means, and that nothing is written
# without being told.
filled_set() {
    new_set
    "$MESSAGE" main.img spare.img 'add_remap 1000 5000 100' 'add_remap 3000 9000 8' 'relocate 4000 16' >/dev/null
}

# mends DESCRIPTION - damage that check reports and --repair mends without losing anything.
mends() {
    expect 4 "$1" "$DMREMAP" check spare.img
    expect 4 'nothing is lost' "$DMREMAP" check spare.img
    expect 0 '"verdict": "damaged, and nothing is lost' bash -c "'$DMREMAP' check --json spare.img | grep verdict"
    unchanged "$DMREMAP" check spare.img
    expect 1 'nothing is damaged' "$DMREMAP" check --repair spare.img
    expect 0 'extents +3 ' "$DMREMAP" check spare.img
}

filled_set
expect 0 'extents +3 of 1024, 124 sectors' "$DMREMAP" check spare.img
expect 0 '"exit_status": 0' "$DMREMAP" check --json spare.img
expect 0 'nothing is damaged' "$DMREMAP" check --repair spare.img
unchanged "$DMREMAP" check --repair spare.img
expect 0 'nothing was written' "$DMREMAP" repair spare.img

for site in "$HEAD" "$MIDDLE" "$TAIL"; do
    filled_set
    damage spare.img "$site" 2
    mends 'site .* overwritten with something else'
    damage spare.img "$site" 2 zero
    mends 'site .* wiped'
done
for journal in "$HEAD_JOURNAL" "$TAIL_JOURNAL"; do
    filled_set
    damage spare.img "$journal" 8
    mends 'copy .* has damaged blocks'
    filled_set
    "$MESSAGE" main.img spare.img sync >/dev/null
    # Both areas of that end of the spare, whichever is in use.
    at=$((journal == HEAD_JOURNAL ? journal + JOURNAL : journal - 2 * AREA))
    damage spare.img "$at" $((2 * AREA))
    mends 'copy .* has damaged blocks'
done
# A whole end of the spare: a copy with its site.
filled_set
damage spare.img "$HEAD" $((END - 1))
mends 'copy head'
filled_set
damage spare.img "$TAIL_JOURNAL" $((JOURNAL + 2))
expect 0 'nothing is lost by mending' "$DMREMAP" repair spare.img --dry-run
expect 0 'repaired' "$DMREMAP" repair spare.img
expect 0 'extents +3 ' "$DMREMAP" check spare.img

# A power cut is no damage. The first block of a set is number 1: each start leaves a place free.
new_set
"$MESSAGE" main.img spare.img --leave-open 'add_remap 1000 5000 100' 'add_remap 3000 9000 8' >/dev/null
expect 0 'not closed' "$DMREMAP" check spare.img
damage spare.img $((TAIL_JOURNAL + 2)) 1 zero
expect 0 'lacks the last block, as an interruption' "$DMREMAP" check spare.img

# Not checked at all.
expect 8 'No such file' "$DMREMAP" check none.img
truncate -s 64M blank.img
expect 8 'holds no set' "$DMREMAP" check blank.img
expect 8 'holds no set' "$DMREMAP" check --repair blank.img
expect 4 'holds no set' "$DMREMAP" repair blank.img
expect 4 'holds no set' "$DMREMAP" dump blank.img
filled_set
truncate -s 32M other.img
expect 0 'nothing is damaged' "$DMREMAP" check spare.img --main main.img
expect 8 'main has 65536 sectors, set .* was made for one of 131072' "$DMREMAP" check spare.img --main other.img
cp spare.img longer.img
truncate -s 65M longer.img
expect 8 'the spare has 133120 sectors' "$DMREMAP" check longer.img
expect 16 'required' "$DMREMAP" check
expect 16 'not expected' "$DMREMAP" check spare.img --mend

# Too few sites: an operator decides.
filled_set
damage spare.img "$HEAD" 2 zero
damage spare.img "$TAIL" 2
expect 4 'only 1 of 3 sites' "$DMREMAP" check spare.img
expect 4 'would lose +fewer sites' "$DMREMAP" check spare.img
expect 4 "'dmremap repair' asks" "$DMREMAP" check --repair spare.img
expect 4 'only 1 of 3 sites' "$DMREMAP" dump spare.img
unchanged "$DMREMAP" check --repair spare.img
unchanged "$DMREMAP" repair spare.img
unchanged "$DMREMAP" repair spare.img --dry-run
expect 0 'fewer sites are left' "$DMREMAP" repair spare.img --dry-run
answer no 1 "not YES" "$DMREMAP" repair spare.img
answer YES 0 'repaired' "$DMREMAP" repair spare.img
expect 0 'extents +3 ' "$DMREMAP" check spare.img

# One copy of the log, which ends in damage.
new_set
"$MESSAGE" main.img spare.img --leave-open 'add_remap 1000 5000 100' 'add_remap 3000 9000 8' 'add_remap 4000 9100 8' >/dev/null
damage spare.img "$TAIL_JOURNAL" "$JOURNAL"
damage spare.img $((HEAD_JOURNAL + 2)) 1
expect 4 'only one copy of the log can be read' "$DMREMAP" check spare.img
expect 4 'believed up to block 2' "$DMREMAP" check spare.img
unchanged "$DMREMAP" check --repair spare.img
answer '' 1 '1 records behind' "$DMREMAP" repair spare.img
expect 0 'repaired' "$DMREMAP" repair spare.img --yes
expect 0 'extents +1 ' "$DMREMAP" check spare.img
"$MESSAGE" main.img spare.img 'add_remap 3000 9000 8' >/dev/null
expect 0 'extents +2 ' "$DMREMAP" check spare.img

# Shorter than it was when it was closed.
filled_set
damage spare.img "$HEAD_JOURNAL" "$JOURNAL" zero
damage spare.img "$TAIL_JOURNAL" "$JOURNAL" zero
expect 4 'but the set was closed at' "$DMREMAP" check spare.img
expect 0 'repaired' "$DMREMAP" repair spare.img --yes
expect 0 'extents +0 ' "$DMREMAP" check spare.img

# Nothing to decide: the checkpoint is gone, or no superblock is left.
filled_set
"$MESSAGE" main.img spare.img sync >/dev/null
damage spare.img $((HEAD_JOURNAL + JOURNAL)) $((2 * AREA))
damage spare.img $((TAIL_JOURNAL - 2 * AREA)) $((2 * AREA))
expect 4 'cannot be read in any copy' "$DMREMAP" check spare.img
expect 4 "'dmremap restore'" "$DMREMAP" repair spare.img --yes
unchanged "$DMREMAP" repair spare.img --yes
filled_set
for site in "$HEAD" "$MIDDLE" "$TAIL"; do
    printf 'garbage' | dd of=spare.img bs=1 seek=$((site * 4096 + 100)) conv=notrunc status=none
    printf 'garbage' | dd of=spare.img bs=1 seek=$((site * 4096 + 4196)) conv=notrunc status=none
done
expect 4 'damaged superblock of ours' "$DMREMAP" check spare.img
expect 4 'restore' "$DMREMAP" repair spare.img --yes
expect 0 'DMREMAP_USABLE=0' "$DMREMAP" probe spare.img
