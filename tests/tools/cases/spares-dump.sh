# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# dump and restore of a set with two spares: places that run on from one to the next, the identity, and other
# numbers, orders and sizes of spares.
SECOND_BLOCKS=8192
SECOND_MIDDLE=$(((SECOND_BLOCKS - 2) / 2))
SECOND_DATA=$(((SECOND_BLOCKS - 2 * END - 2) * 8))
message() { "$MESSAGE" main.img spare.img,second.img "$@" >/dev/null; }
new_images
truncate -s 32M second.img
"$DMREMAP" format main.img spare.img second.img --max-extents "$MAX_EXTENTS" --yes >/dev/null
SET=$("$DMREMAP" probe spare.img | sed -n 's/^DMREMAP_SET=//p')

# From the end of the first spare into the second, and across the site in the middle of that.
middle=$((DATA_SECTORS + (SECOND_MIDDLE - END) * 8))
message 'add_remap 1000 5000 100' "add_remap 20000 $((DATA_SECTORS - 8)) 16" "add_remap 30000 $((middle - 8)) 16" \
    'add_remap 40000 9000 8 nocopy'
expect 0 '^extents 6$' "$DMREMAP" dump spare.img second.img
for line in "1000 5000 100 active added 0:5656" \
    "20000 $((DATA_SECTORS - 8)) 8 active added 0:$(((BLOCKS - END) * 8 - 8))" \
    "20008 $DATA_SECTORS 8 active more 1:$((END * 8))" \
    "30000 $((middle - 8)) 8 active added 1:$((SECOND_MIDDLE * 8 - 8))" \
    "30008 $middle 8 active more 1:$((SECOND_MIDDLE * 8 + 16))" \
    '40000 9000 8 lost added 0:9656'; do
    expect 0 "^extent $line\$" "$DMREMAP" dump spare.img second.img
done
expect 0 "^spare_sectors $SECTORS.spare_sectors $((SECOND_BLOCKS * 8)).max_extents" bash -c \
    "'$DMREMAP' dump spare.img second.img | tr '\n' . | sed 's/.*\(spare_sectors.*spare_sectors\)/\1/'"
cat >look.py <<'PY'
import json, sys
dump = json.load(sys.stdin)
print([list(member.values()) for member in dump['members']], 'spare_sectors' in dump)
print([[e[k] for k in ('spare', 'member', 'physical')] for e in dump['extents']][:3])
PY
"$DMREMAP" dump --json spare.img second.img | python3 look.py >told
expect 0 "^\[\[0, 'spare.img', $SECTORS, 0\], \[1, 'second.img', $((SECOND_BLOCKS * 8)), $DATA_SECTORS\]\] False\$" cat told
expect 0 "^\[\[5000, 0, 5656\], .*, \[$DATA_SECTORS, 1, $((END * 8))\]\]\$" cat told
unchanged "$DMREMAP" dump spare.img second.img
"$DMREMAP" dump spare.img second.img >first
"$DMREMAP" dump second.img spare.img >second
same 'in the other order it is the same dump' first second

# The identity, and the set serves.
blank() { rm -f a.img b.img; truncate -s "$1" a.img; truncate -s "$2" b.img; }
restore() { "$DMREMAP" restore "$@" --main main.img --yes; }
blank "${MIB}M" 32M
expect 0 "^a.img b.img become the spares of main.img with the 6 extents of set $SET\$" restore first a.img b.img --data as-is
"$DMREMAP" dump b.img a.img >second
same 'dump | restore' first second
expect 0 'nothing is damaged' "$DMREMAP" check a.img b.img --main main.img
expect 4 'of set .* is missing' "$DMREMAP" dump a.img
expect 0 '' "$MESSAGE" main.img b.img,a.img "add_remap 50000 $((DATA_SECTORS - 16)) 8"
expect 0 'extents +5 ' "$DMREMAP" check a.img b.img
first_seed=${DMREMAP_SEED:-1}
for ((seed = first_seed; seed < first_seed + ${DMREMAP_TABLES:-20} / 2; ++seed)); do
    blank "${MIB}M" 32M
    "$HERE/random-dump.pl" "$seed" "$SECTORS" "$SECTORS,$((SECOND_BLOCKS * 8))" $((DATA_SECTORS + SECOND_DATA)) >random
    expect 0 'restored' restore random a.img b.img --data as-is
    "$DMREMAP" dump a.img b.img >second
    blank "${MIB}M" 32M
    expect 0 'restored' bash -c "'$DMREMAP' restore - a.img b.img --main main.img --data as-is --yes <second"
    "$DMREMAP" dump a.img b.img >third
    same "seed $seed" second third
done

# As many spares as it had; on those that it has, by name only.
blank "${MIB}M" 32M
expect 1 "spares of the dump's set: 2, named: 1; all of a set" restore first a.img --data as-is
expect 1 "spares of the dump's set: 2, named: 3; all of a set" restore first a.img b.img c.img --data as-is
expect 1 'two of the spares are the same device' restore first a.img ./a.img --data as-is
expect 5 "holds set $SET" restore first spare.img second.img --data as-is
message 'add_remap 60000 100 8'
expect 5 'holds set|traces of a set' restore first spare.img b.img --data as-is --wipe-set 6ba7b810-9dad-41d1-80b4-00c04fd430c8
expect 0 'restored' restore first spare.img second.img --data as-is --wipe-set "$SET"
"$DMREMAP" dump spare.img second.img >second
same 'an older dump, on the same spares' first second

# Other sizes: what is said to be there must not have moved.
moved="place $((DATA_SECTORS - 8)) was at sector 0:$(((BLOCKS - END) * 8 - 8)) and is at sector"
unmoved='whose sizes are not the dump.s'
expect 1 "$moved 1:[0-9]+ of these spares, $unmoved" restore first b.img a.img --data as-is
expect 0 'become the spares .*; their content is lost' restore first b.img a.img --data lost
blank 128M 32M
expect 1 "$moved 0:[0-9]+ of these spares, $unmoved" restore first a.img b.img --data as-is
blank "${MIB}M" 64M
expect 1 "place $middle was at sector 1:[0-9]+ and is at sector 1:[0-9]+ of these spares" restore first a.img b.img --data as-is
sed '/^extent 30008/d; s/^extents .*/extents 5/' first >shorter
expect 0 'restored' restore shorter a.img b.img --data as-is
expect 0 '^spare_sectors 131072$' "$DMREMAP" dump a.img b.img
blank 24M 24M
expect 1 'reaches beyond main, which has .* sectors, or beyond the data area of [0-9]+ sectors' restore first a.img b.img --data lost
sed "s/^extents/extent 60000 $((DATA_SECTORS + SECOND_DATA)) 8 lost added -\nextents/" first | sed 's/^extents 6/extents 7/' >longer
blank 128M 128M
expect 1 "place $((DATA_SECTORS + SECOND_DATA)) with length 8 reaches beyond the dump's own spares, which have a data area of" restore longer a.img b.img --data lost
{ sed '/^end/d' first; printf 'bad %d 8\nbad_places 1\nend\n' "$middle"; } >bad
expect 1 "place $((DATA_SECTORS - 8)) was" restore bad a.img b.img --data as-is
expect 1 "the bad place $((middle + SECOND_DATA)) with length 8 reaches beyond the dump's own" \
    restore <(sed "s/^bad $middle/bad $((middle + SECOND_DATA))/" bad) a.img b.img --data lost
expect 0 'restored' restore <(sed "s/^bad $middle/bad $((middle + 100))/" bad) a.img b.img --data lost
# With one spare it is the same.
truncate -s "${MIB}M" one.img
cat >one <<END
dm-remap-dump 1
set 6ba7b810-9dad-41d1-80b4-00c04fd430c8
main_sectors $SECTORS
block_bytes 512
spare_sectors $SECTORS
max_extents 1024
extent 1000 5000 100 active added 5656
extents 1
bad 70000 8
bad_places 1
end
END
truncate -s 128M one.img
expect 1 "place 70000 was at sector 70672 and is at sector 70656 of these spares, $unmoved" restore one one.img --data as-is
expect 0 'restored' restore <(sed 's/^bad 70000/bad 60000/' one) one.img --data as-is
rm one.img
truncate -s 128M one.img
expect 0 'restored' restore one one.img --data lost

# broken PATTERN SED-SCRIPT - a dump that was changed: refused, and nothing is written.
blank "${MIB}M" 32M
broken() {
    sed "$2" first >changed
    expect 1 "$1" restore changed a.img b.img --data as-is
    expect 4 'holds no set' "$DMREMAP" probe a.img
    expect 4 'holds no set' "$DMREMAP" probe b.img
}
broken 'a set has at most 4 spares' 's/^spare_sectors 65536/&\n&\n&\n&/'
broken 'spare_sectors must be from 1 to' 's/^spare_sectors 65536/spare_sectors 0/'
broken 'spare_sectors 800: with max_extents 1024 the metadata alone takes' 's/^spare_sectors 65536/spare_sectors 800/'
broken "spares of the dump's set: 1, named: 2|PHYSICAL" '/^spare_sectors 65536/d'
broken "PHYSICAL '5656' is not MEMBER:SECTOR" 's/ 0:5656/ 5656/'
broken 'MEMBER must be from 0 to 1' 's/ 0:5656/ 2:5656/'
broken "MEMBER '' is" 's/ 0:5656/ :5656/'
broken "PHYSICAL '0:5656' is|PHYSICAL 'x' is not a number" 's/ 0:5656/ 0:x/'
broken "PHYSICAL of the extent at sector 1000 is 1:5656, on the dump's own spares it is 0:5656" 's/ 0:5656/ 1:5656/'
broken 'reaches beyond main' "s/^extent 30008 $middle/extent 30008 $((DATA_SECTORS + SECOND_DATA - 4))/"
broken 'belongs to another extent too' "s/^extent 20008 .*/extent 20008 $((middle - 8)) 8 active more -/"
