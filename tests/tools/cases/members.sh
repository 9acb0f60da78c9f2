# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Spares that come and go: prepared, removed (which leaves a gap), missing, given up, back again.
message() { "$MESSAGE" main.img "$@"; }
SECOND_BLOCKS=8192
SECOND_DATA=$(((SECOND_BLOCKS - 2 * END - 2) * 8))
new_set
truncate -s 32M second.img

# Prepared: for a spare of the set, where nothing is that somebody needs.
prepare() { "$DMREMAP" spare prepare "$@"; }
refuses 1 '--for is required; --help shows the options' prepare second.img
truncate -s 32M blank.img
expect '[245]' '' prepare second.img --for blank.img
expect 4 'none.img: No such file' prepare none.img --for spare.img
truncate -s 64K small.img
expect 4 "the spare is smaller than its own metadata" prepare small.img --for spare.img --yes
expect 5 "spare.img holds set $SET, epoch" prepare spare.img --for spare.img --yes
dd if=/dev/urandom of=blank.img bs=4096 count=1 seek=10 conv=notrunc status=none
expect 5 'blank.img: the spare is not blank: there is data at sector 80;.*--overwrite' prepare blank.img --for spare.img --yes
expect 0 'WHAT IS THERE IS DESTROYED' prepare blank.img --for spare.img --overwrite --dry-run
expect 0 "second.img becomes one that joins set $SET" prepare second.img --for spare.img --dry-run
unchanged prepare second.img --for spare.img --dry-run
unchanged prepare second.img --for spare.img
answer no 1 'not YES' prepare second.img --for spare.img
answer YES 0 'prepared: it joins' prepare second.img --for spare.img
expect 0 "^second.img is prepared for set $SET already" prepare second.img --for spare.img
for line in USABLE=1 "SET=$SET" STATE=prepared SITES=3; do
    expect 0 "^DMREMAP_$line$" "$DMREMAP" probe second.img
done
expect 1 '' bash -c "'$DMREMAP' probe second.img | grep MEMBER_NUMBER"
expect 4 'second.img is itself prepared only, for set' prepare blank.img --for second.img --overwrite --yes
# Not yet a member: the set starts without it, and no other set takes it.
expect 0 '^spares=0:in_use$' message spare.img status
truncate -s 64M other.img
"$DMREMAP" format main.img other.img --yes >/dev/null
expect 1 'belongs to set .*, another one to set .*; all spares that are named must be of one set' message other.img,second.img status

# What `add` does to a table line.
expect 0 'PASSED' "$(dirname "$DMREMAP")/table-words-test" --gtest_brief=1

# It joins when it is named.
expect 0 '^spares=0:in_use,1:in_use$' message spare.img,second.img status
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img --main main.img
expect 0 '^DMREMAP_MEMBER_NUMBER=1$' "$DMREMAP" probe second.img
expect 0 '^DMREMAP_MEMBERS=2$' "$DMREMAP" probe spare.img
expect 5 'traces of a set|holds set' prepare second.img --for spare.img --yes
expect 0 '' message spare.img,second.img 'add_remap 1000 5000 100' "add_remap 2000 $((DATA_SECTORS + 100)) 8"

# Removed: what was on the first one is on the second, whose places stay where they were.
expect 0 '^removed spare 0; 100 sectors were moved$' message spare.img,second.img 'remove_spare 0'
expect 1 "spare 1 was a spare of set $SET, which goes on without it" message spare.img,second.img status
expect 0 '^spares=1:in_use$' message second.img status
expect 0 'copy head +good' "$DMREMAP" check second.img
expect 0 'nothing is damaged' "$DMREMAP" check second.img
expect 0 "^spare_sectors $((SECOND_BLOCKS * 8)) 1 $DATA_SECTORS in_use$" "$DMREMAP" dump second.img
expect 0 "^extent 2000 $((DATA_SECTORS + 100)) 8 active added $(((END * 8) + 100))$" "$DMREMAP" dump second.img
expect 0 "^\[1, 'second.img', $((SECOND_BLOCKS * 8)), $DATA_SECTORS\]$" bash -c \
    "'$DMREMAP' dump --json second.img | python3 -c 'import json, sys; print(list(json.load(sys.stdin)[\"members\"][0].values()))'"
# identity FILE... - what is dumped of these is restored on blank ones of the same sizes, and dumped the same.
identity() {
    local file copies=()
    for file in "$@"; do
        rm -f "copy-$file"
        truncate -s "$(stat -c %s "$file")" "copy-$file"
        copies+=("copy-$file")
    done
    "$DMREMAP" dump "$@" >first
    expect 0 '^restored$' "$DMREMAP" restore first "${copies[@]}" --main main.img --data as-is --yes
    "$DMREMAP" dump "${copies[@]}" >second
    same "dump and restore of $*" first second
}
identity second.img

# What was removed comes back as a new one, with the number that is free and places behind all others.
expect 5 "traces of a set are never overwritten unless it is given up by name: --wipe-set $SET" prepare spare.img --for second.img --yes
expect 0 '^prepared' prepare spare.img --for second.img --wipe-set "$SET" --yes
expect 0 '^spares=0:in_use,1:in_use$' message second.img,spare.img status
expect 0 "^spare_sectors $SECTORS 0 $((DATA_SECTORS + SECOND_DATA)) in_use$" "$DMREMAP" dump spare.img second.img
message spare.img,second.img "add_remap 3000 $((DATA_SECTORS + SECOND_DATA)) 16" >/dev/null
identity spare.img second.img
expect 0 'nothing is damaged' "$DMREMAP" check copy-spare.img copy-second.img
expect 0 '^spares=0:in_use,1:in_use$' "$MESSAGE" main.img copy-second.img,copy-spare.img status
rm copy-*.img
truncate -s 64M copy-spare.img copy-second.img
expect 1 'the places of two spares overlap' "$DMREMAP" restore first copy-spare.img copy-second.img --main main.img --data lost --yes
for change in "s/ 1 $DATA_SECTORS in_use/ 0 $DATA_SECTORS in_use/=MEMBER must be from 1 to 3" \
    "s/ 1 $DATA_SECTORS in_use/ 4 $DATA_SECTORS in_use/=MEMBER must be from 1 to 3" \
    "s/ 1 $DATA_SECTORS in_use/ 1 $DATA_SECTORS here/='here' is neither 'in_use' nor 'gone'" \
    "s/ 1 $DATA_SECTORS in_use/ 1 $((DATA_SECTORS + 40000)) in_use/=the places of two (members|spares) overlap" \
    "s/ 1 $DATA_SECTORS in_use//=either all lines spare_sectors say MEMBER FIRST" \
    "s/ 1 $DATA_SECTORS in_use/ 1 0 in_use/=PHYSICAL|is on no spare of the set"; do
    sed "${change%=*}" first >changed
    expect 1 "${change#*=}" "$DMREMAP" restore changed copy-spare.img copy-second.img --main main.img --data as-is --yes
done

# Missing: refused, and given up by name only.
cp --sparse=always second.img away.img
mv second.img kept.img
missing="member 1, [0-9a-f-]{36}, of set $SET is missing"
expect 8 "$missing" "$DMREMAP" check spare.img
repair() { "$DMREMAP" repair "$@"; }
expect 4 "$missing" repair spare.img --yes
expect 4 "member 0 of set $SET is here; only one that is missing can be given up" repair spare.img --without 0 --yes
expect 4 "member 1 of set $SET is here; only one that is missing can be given up" repair spare.img kept.img --without 1 --yes
expect 4 "member 3 of set $SET is not in use" repair spare.img kept.img --without 3 --yes
expect 1 '--without' repair spare.img --without 4
unchanged repair spare.img --without 0 --yes
unchanged repair spare.img --without 1 --dry-run
expect 0 'member 1, which is not here: 2 extents with 108 sectors lie on it; reads of them fail' repair spare.img --without 1 --dry-run
answer no 1 'not YES' repair spare.img --without 1
answer YES 0 'repaired$' repair spare.img --without 1
expect 4 'member 1 +gone, and not here: what is on it gives errors; 2 extents with 108 sectors' "$DMREMAP" check spare.img
expect 4 'a spare is gone, nothing else is damaged' "$DMREMAP" check spare.img
expect 4 "member 1 of set $SET is not in use" repair spare.img --without 1 --yes
expect 0 'nothing was written' repair spare.img
unchanged repair spare.img
expect 0 '^DMREMAP_MEMBERS_GONE=1$' "$DMREMAP" probe spare.img
expect 0 '^DMREMAP_USABLE=1$' "$DMREMAP" probe spare.img
expect 1 "set $SET goes on without its member 1, .*; with allow_degraded it starts" message spare.img status
expect 0 '^spares=0:in_use,1:missing$' "$MESSAGE" main.img spare.img --allow-degraded status
expect 0 "^spare_sectors $((SECOND_BLOCKS * 8)) 1 $DATA_SECTORS gone$" "$DMREMAP" dump spare.img
# Restored, another one takes its place, which does not have what was on it.
"$DMREMAP" dump spare.img >degraded
rm copy-second.img
truncate -s 32M copy-second.img
expect 1 "spares of the dump's set: 2, named: 1" "$DMREMAP" restore degraded copy-spare.img --main main.img --data as-is --yes
expect 0 '^restored$' "$DMREMAP" restore degraded copy-spare.img copy-second.img --main main.img --data as-is --yes
expect 0 '^extent 2000 [0-9]+ 8 lost added 1:' "$DMREMAP" dump copy-spare.img copy-second.img
expect 0 '^extent 3000 [0-9]+ 16 active added 0:' "$DMREMAP" dump copy-spare.img copy-second.img

# Here again: what it holds is not believed.
mv kept.img second.img
expect 4 'member 1 +gone, here again, and out of date: what was on it is lost; 2 extents' "$DMREMAP" check spare.img second.img
expect 4 'would lose +what member 1 holds is out of date: 2 extents with 108 sectors' "$DMREMAP" check spare.img second.img
unchanged "$DMREMAP" check spare.img second.img --repair
unchanged repair spare.img second.img --dry-run
expect 0 '^repaired$' repair spare.img second.img --yes
expect 0 '^spares=0:in_use,1:in_use$' message spare.img,second.img status
expect 0 '^extent 2000 [0-9]+ 8 lost added 1:' "$DMREMAP" dump spare.img second.img
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img
# A copy of it from before is out of date, and a copy of what is in use is one too many.
expect 1 'out of date|lost|gone' message spare.img,away.img status
