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

# What knows sets of one spare refuses, and writes nothing.
for command in dump repair "restore nothing.dump --main main.img --data lost --yes"; do
    # shellcheck disable=SC2086 # words
    unchanged "$DMREMAP" $command spare.img
done
expect 4 'is missing' "$DMREMAP" dump spare.img
expect 4 'is missing' "$DMREMAP" repair spare.img --yes

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

# Given up by name, on all of them.
expect 0 '' "$DMREMAP" format main.img spare.img second.img --yes --wipe-set "$SET" --max-extents "$MAX_EXTENTS"
expect 0 'nothing is damaged' "$DMREMAP" check spare.img second.img
