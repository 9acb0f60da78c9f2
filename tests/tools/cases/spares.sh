# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Several spares: what format makes of them, and which tools want all of them.
new_images
truncate -s 32M second.img
expect 1 'two of the spares are the same device: spare 1 and spare 2' "$DMREMAP" format main.img spare.img ./spare.img --yes
expect 4 'main and spare are the same device' "$DMREMAP" format main.img spare.img main.img --yes
expect 1 '' "$DMREMAP" format main.img spare.img a b c d --yes
expect 4 'holds no set' "$DMREMAP" probe spare.img
expect 0 '^set [0-9a-f-]{36}$' "$DMREMAP" format main.img spare.img second.img --max-extents "$MAX_EXTENTS" --yes
for number in 0 1; do
    file=$( ((number)) && echo second.img || echo spare.img)
    expect 0 '^DMREMAP_USABLE=1$' "$DMREMAP" probe "$file"
    expect 0 '^DMREMAP_MEMBERS=2$' "$DMREMAP" probe "$file"
    expect 0 "^DMREMAP_MEMBER_NUMBER=$number$" "$DMREMAP" probe "$file"
done
SET=$("$DMREMAP" probe spare.img | sed -n 's/^DMREMAP_SET=//p')
expect 0 'site head of spare 2 good' "$DMREMAP" check spare.img second.img --main main.img
expect 0 'nothing is damaged' "$DMREMAP" check second.img spare.img
expect 0 '^\["spare.img","second.img"\]$' bash -c "'$DMREMAP' check --json spare.img second.img | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)[\"spares\"], separators=(\",\", \":\")))'"
expect 8 "member 1, .*, of set $SET is missing; the set has more spares than were named" "$DMREMAP" check spare.img
expect 8 "member 0, .*, of set $SET is missing; the set has more spares than were named" "$DMREMAP" check second.img

for command in dump "repair --yes"; do
    for file in spare.img second.img; do
        # shellcheck disable=SC2086 # words
        expect 4 "of set $SET is missing; the set has more spares than were named" "$DMREMAP" $command "$file"
        # shellcheck disable=SC2086
        unchanged "$DMREMAP" $command "$file"
    done
    # shellcheck disable=SC2086
    expect 1 'two of the spares are the same device: spare 1 and spare 2' "$DMREMAP" $command spare.img ./spare.img
    # shellcheck disable=SC2086
    expect 1 'At Most 4 required but received 5' "$DMREMAP" $command a b c d e
done

# A member of a set is not free for another one.
expect 5 'traces of a set' "$DMREMAP" format main.img second.img --yes --overwrite
expect 5 "holds set $SET" "$DMREMAP" format main.img second.img spare.img --yes
unchanged "$DMREMAP" format main.img spare.img --yes --overwrite

# Damage is told by its place, and mended from the other spare.
damage second.img $((32 * 256 - 2)) 2
expect 4 'site tail of spare 2 overwritten' "$DMREMAP" check spare.img second.img
expect 1 'after the repair' "$DMREMAP" check spare.img second.img --repair
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img
damage second.img 0 2
damage second.img $((32 * 256 - 2)) 2
expect 4 'only 1 of 3 sites of spare 2 hold a superblock' "$DMREMAP" check spare.img second.img

# Too few sites of one of them: an operator decides, whatever their order.
unchanged "$DMREMAP" repair spare.img second.img
unchanged "$DMREMAP" repair spare.img second.img --dry-run
expect 0 'It was refused: second.img spare.img: only 1 of 3 sites of spare 1 hold' "$DMREMAP" repair second.img spare.img --dry-run
answer no 1 'not YES' "$DMREMAP" repair spare.img second.img
answer YES 0 '^repaired$' "$DMREMAP" repair second.img spare.img --main main.img
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img
expect 0 'nothing is damaged, nothing was written' "$DMREMAP" repair spare.img second.img
# Mended from the other spare, without a question.
damage spare.img "$HEAD" "$END"
damage spare.img "$TAIL_JOURNAL" "$JOURNAL"
damage second.img 0 2 zero
expect 0 'nothing is lost by mending' "$DMREMAP" repair spare.img second.img --dry-run
expect 0 '^repaired$' "$DMREMAP" repair spare.img second.img
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img
# The end of the log, in the only copy of four that can be read.
"$MESSAGE" main.img spare.img,second.img --leave-open 'add_remap 1000 5000 100' 'add_remap 3000 9000 8' 'add_remap 4000 9100 8' >/dev/null
first=$("$DMREMAP" check spare.img second.img | awk '$1 == "log" { print $5 - 3 }')
damage second.img 2 "$JOURNAL"
damage second.img $((32 * 256 - 2 - JOURNAL)) "$JOURNAL"
damage spare.img "$TAIL_JOURNAL" "$JOURNAL"
damage spare.img $((HEAD_JOURNAL + first + 1)) 1
expect 4 'only one copy of the log can be read' "$DMREMAP" check spare.img second.img
expect 4 'only one copy of the log can be read' "$DMREMAP" dump spare.img second.img
answer '' 1 '1 records behind' "$DMREMAP" repair spare.img second.img
expect 0 '^repaired$' "$DMREMAP" repair spare.img second.img --yes
expect 0 'extents +1 ' "$DMREMAP" check spare.img second.img
expect 0 '^extent 1000 5000 100 active added 0:' "$DMREMAP" dump spare.img second.img
# Nothing that could be given up would help.
"$MESSAGE" main.img spare.img,second.img sync >/dev/null
for file in spare.img second.img; do
    blocks=$(($(stat -c %s "$file") / 4096))
    damage "$file" $((2 + JOURNAL)) $((2 * AREA))
    damage "$file" $((blocks - 2 - JOURNAL - 2 * AREA)) $((2 * AREA))
done
expect 4 'cannot be read in any copy.*restore' "$DMREMAP" repair spare.img second.img --yes
unchanged "$DMREMAP" repair spare.img second.img --yes

# Given up by name, on all of them.
expect 0 '' "$DMREMAP" format main.img spare.img second.img --yes --wipe-set "$SET" --max-extents "$MAX_EXTENTS"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img
