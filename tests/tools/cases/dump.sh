# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# dump and restore: the identity, everything checked before anything is written, and no data invented.
new_set
"$MESSAGE" main.img spare.img 'add_remap 1000 5000 100' 'add_remap 3000 9000 8 nocopy' >/dev/null
expect 0 '^extent 1000 5000 100 active added [0-9]+$' "$DMREMAP" dump spare.img
expect 0 '^extent 3000 9000 8 lost added [0-9]+$' "$DMREMAP" dump spare.img
expect 0 '"physical": 5656' "$DMREMAP" dump --json spare.img
expect 0 '^0$' bash -c "'$DMREMAP' dump --json spare.img | perl -MJSON::PP -0777 -ne 'print decode_json(\$_)->{exit_status}'"
unchanged "$DMREMAP" dump spare.img

# Across the site in the middle: two lines, one extent.
border=$(((MIDDLE - END) * 8))
"$MESSAGE" main.img spare.img "add_remap 20000 $((border - 8)) 16" >/dev/null
expect 0 "^extent 20000 $((border - 8)) 8 active added $((MIDDLE * 8 - 8))\$" "$DMREMAP" dump spare.img
expect 0 "^extent 20008 $border 8 active more $((MIDDLE * 8 + 16))\$" "$DMREMAP" dump spare.img
expect 0 'extents +3 ' "$DMREMAP" check spare.img
"$DMREMAP" dump spare.img >first
truncate -s "${MIB}M" copy.img
expect 0 'restored' "$DMREMAP" restore first copy.img --main main.img --data as-is --yes
"$DMREMAP" dump copy.img >second
same 'dump | restore' first second
expect 0 'nothing is damaged' "$DMREMAP" check copy.img
# It serves: further changes, another dump.
expect 0 'remap|4' "$MESSAGE" main.img copy.img 'add_remap 30000 100 4' status
expect 0 'extents +4 ' "$DMREMAP" check copy.img

# Random tables.
first_seed=${DMREMAP_SEED:-1}
for ((seed = first_seed; seed < first_seed + ${DMREMAP_TABLES:-20}; ++seed)); do
    rm -f a.img b.img
    truncate -s "${MIB}M" a.img b.img
    "$HERE/random-dump.pl" "$seed" "$SECTORS" "$SECTORS" "$DATA_SECTORS" >random
    expect 0 'restored' "$DMREMAP" restore random a.img --main main.img --data as-is --yes
    "$DMREMAP" dump a.img >first
    expect 0 'restored' bash -c "'$DMREMAP' dump a.img | '$DMREMAP' restore - b.img --main main.img --data as-is --yes"
    "$DMREMAP" dump b.img >second
    same "seed $seed" first second
done

# Places that failed stay so, and nobody else may have them.
new_images
"$HERE/random-dump.pl" 1 "$SECTORS" "$SECTORS" "$DATA_SECTORS" >good
expect 0 'restored' "$DMREMAP" restore good spare.img --main main.img --data as-is --yes
expect 0 '^bad [0-9]+ [0-9]+$' "$DMREMAP" dump spare.img
bad=$("$DMREMAP" dump spare.img | awk '$1 == "bad" { print $2; exit }')
expect 0 "\"spare\": $bad" "$DMREMAP" dump --json spare.img
expect 1 'in use already' "$MESSAGE" main.img spare.img "add_remap $((SECTORS - 1)) $bad 1"

# The same set on the same spare, whose log was longer: nothing of it comes back.
new_set
"$DMREMAP" dump spare.img >empty
"$MESSAGE" main.img spare.img 'add_remap 1000 5000 100' 'add_remap 3000 9000 8' >/dev/null
expect 5 'holds set' "$DMREMAP" restore empty spare.img --main main.img --yes
expect 0 'restored' "$DMREMAP" restore empty spare.img --main main.img --yes --wipe-set "$SET"
"$DMREMAP" dump spare.img >second
same 'an older dump' empty second
"$MESSAGE" main.img spare.img 'add_remap 1 1 1' >/dev/null
expect 0 'extents +1 ' "$DMREMAP" check spare.img

# Whose data it is has to be said.
new_images
"$HERE/random-dump.pl" 1 "$SECTORS" "$SECTORS" "$DATA_SECTORS" >good
expect 1 "does not contain them; say '--data as-is'" "$DMREMAP" restore good spare.img --main main.img --yes
expect 0 'nothing was written' "$DMREMAP" restore good spare.img --main main.img --data as-is --dry-run
expect 4 'holds no set' "$DMREMAP" probe spare.img
expect 0 'content is lost' "$DMREMAP" restore good spare.img --main main.img --data lost --yes
expect 1 '' bash -c "'$DMREMAP' dump spare.img | grep active"
new_images
answer no 1 'not YES' "$DMREMAP" restore good spare.img --main main.img --data lost
expect 1 'give --yes, or name a file' "$DMREMAP" restore - spare.img --main main.img --data lost

# broken PATTERN SED-SCRIPT - a dump that was changed: refused, and nothing is written.
broken() {
    sed "$2" base >changed
    expect "${3:-1}" "$1" "$DMREMAP" restore changed spare.img --main main.img --data as-is --yes
    expect 4 'holds no set' "$DMREMAP" probe spare.img
}
cat >base <<END
# a comment
dm-remap-dump 1
set 6ba7b810-9dad-41d1-80b4-00c04fd430c8
main_sectors $SECTORS
main_id WD-1
block_bytes 4096
spare_sectors $SECTORS
max_extents 1024
extent 1000 5000 104 active added 5656
extent 2000 6000 8 lost more -
extent 3000 - 8 pending - -
extents 3
bad 7000 8
bad_places 1
end
END
cp base changed
expect 0 'checked|nothing was written' "$DMREMAP" restore changed spare.img --main main.img --data as-is --dry-run
broken "begins with 'dm-remap-dump 1'" 's/dump 1/dump 2/'
broken 'is a UUID' 's/^set .*/set 123/'
broken "'main_sectors ...' is expected" '/^main_sectors/d'
broken 'main_sectors must be from' 's/^main_sectors .*/main_sectors 0/'
broken 'is not a number' 's/^main_sectors .*/main_sectors 12x/'
broken 'main_id has one word' 's/^main_id .*/main_id a b/'
broken 'main_id has one word' 's/^main_id .*/main_id a%zz/'
broken 'block_bytes is 512' 's/^block_bytes .*/block_bytes 1536/'
broken 'max_extents must be' 's/^max_extents .*/max_extents 0/'
broken 'a line is: extent' 's/ added 5656/ added/'
broken "STATE 'dead' is none of" 's/active/dead/'
broken "neither 'added' nor 'more'" 's/added/plus/'
broken 'pending extent has no place' 's/^extent 3000 - 8 pending - -/extent 3000 7 8 pending - -/'
broken "there are 3 lines 'extent'" 's/^extents 3/extents 4/'
broken "there are 1 lines 'bad'" 's/^bad_places 1/bad_places 2/'
broken "'bad_places COUNT' or a line 'bad" '/^bad_places/d'
broken 'a line is: bad SPARE LENGTH' 's/^bad 7000 8/bad 7000/'
broken 'place 6000 of the spare is bad and belongs to an extent too' 's/^bad 7000/bad 6000/'
broken 'place 7001 of the spare is bad and not aligned' 's/^bad 7000/bad 7001/'
broken "the bad place $DATA_SECTORS with length 8 reaches beyond the data area of $DATA_SECTORS sectors" "s/^bad 7000/bad $DATA_SECTORS/"
broken "reaches beyond the data area" 's/^bad 7000 8/bad 7000 0/'
broken 'breaks off behind line' '/^end/d'
broken 'breaks off behind line' '/^extents/,$d'
broken "nothing may follow 'end'" '$a extent 1 2 3 active added -'
broken 'PHYSICAL of the extent at sector 1000 is 5657, on the dump.s own spares it is 5656' 's/5656/5657/'
broken 'not aligned to the logical block' 's/^extent 2000 6000 8/extent 2000 6001 8/'
broken 'not aligned to the logical block' 's/^extent 2000 6000 8/extent 2000 6000 7/'
broken 'belongs to two extents' 's/^extent 2000/extent 1096/'
broken 'belongs to another extent too' 's/^extent 2000 6000/extent 2000 5096/'
broken 'reaches beyond main' "s/^extent 3000 - 8/extent $((SECTORS - 8)) - 16/"
broken 'reaches beyond main.*or beyond the data area of [0-9]+ sectors' "s/^extent 2000 6000/extent 2000 $DATA_SECTORS/"
broken 'no extent can have|reaches beyond' 's/^extent 2000 6000 8/extent 2000 6000 0/'
broken 'dump is of a main device with sectors: 8' 's/^main_sectors .*/main_sectors 8/' 4
broken 'spare_sectors 8: with max_extents 1024 the metadata alone takes 1328' 's/^spare_sectors .*/spare_sectors 8/'
expect 1 'cannot be read' "$DMREMAP" restore none spare.img --main main.img --yes
refuses 1 '--main is required; --help shows the options' "$DMREMAP" restore base spare.img --yes
expect 1 'data' "$DMREMAP" restore base spare.img --main main.img --data maybe
mkfs.ext4 -q spare.img
expect 5 'not blank|signature' "$DMREMAP" restore base spare.img --main main.img --data as-is --yes
expect 0 'restored' "$DMREMAP" restore base spare.img --main main.img --data as-is --yes --overwrite
