# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# timeout: 300
# set: full
#
# What people copy and test failing disks with: dd, ddrescue and badblocks see exactly the sectors that
# main cannot give, and badblocks -w none of those that it does not take.

# bad_blocks - of 4 KiB that have bad sectors. badblocks reads no less than a page at a time.
bad_blocks() { tr ';' '\n' <<<"$BAD" | awk '{ for (i = $1; i < $1 + $2; i++) print int(i / 8) }' | uniq; }

by_dd() {
    dd if=/dev/mapper/r of=copy bs=512 skip=28000 count=4000 conv=noerror,sync iflag=direct 2>dd.log || true
    eq "errors that dd sees" "$(grep -c 'error reading' dd.log)" 100
    check "what it copied" cmp -n $((4000 * 512)) copy expected 0 $((28000 * 512))
}

by_ddrescue() {
    check "ddrescue" ddrescue -q -d -r 1 /dev/mapper/r rescued map
    awk '!/^#/ && $3 == "-" { print $1, $2 }' map | while read -r at length; do
        echo "$((at / 512)) $((length / 512))"
    done >found
    eq "what its map calls bad" "$(paste -sd ';' found)" "$BAD"
    # It ends with the last sector that it has.
    truncate -s $((TOTAL * 512)) rescued
    check "what it copied" cmp rescued expected
}

by_badblocks() {
    check "badblocks" badblocks -b 4096 -o found /dev/mapper/r
    eq "what badblocks finds" "$(paste -sd ' ' found)" "$(bad_blocks | paste -sd ' ')"
    eq "pending" "$(field r pending)" 114
    msg r pending
    eq "exactly those" "$(tr '\n' ';' <<<"$REPLY_TEXT" | tr -s ';')" "$BAD;"
    eq "mapped" "$(field r mapped)" 0
}

# badblocks leaves 0x55 everywhere.
by_writing() {
    dmsetup remove --retry r
    check "badblocks -w of the disk" badblocks -w -b 4096 -t 0x55 -o found /dev/mapper/bad
    eq "finds them" "$(paste -sd ' ' found)" "$(bad_blocks | paste -sd ' ')"
    wipe "$SPARE"
    mkremap r /dev/mapper/bad "$SPARE"
    check "badblocks -w over remaps" badblocks -w -b 4096 -t 0xaa -t 0x55 -o found /dev/mapper/r
    eq "finds none" "$(<found)" ''
    eq "mapped" "$(field r mapped)" 114
    eq "pending, lost, write errors that went upward" \
        "$(field r pending) $(field r lost) $(field r write_errors)" '0 0 0'
    dmsetup remove --retry r
    mkremap r /dev/mapper/bad "$SPARE"
    rm rescued map
    check "ddrescue" ddrescue -q -d /dev/mapper/r rescued map
    check "gets all of it" cmp rescued <(head -c $((TOTAL * 512)) /dev/zero | tr '\0' '\125')
}

TOTAL=65536
BAD='5000 1;16384 8;30001 100;50000 3;65534 2'
mkloop MAIN 32M
mkloop SPARE 32M
check "stamps" vm-test-sectors stamp "$MAIN" 0 $TOTAL 1
dd if="$MAIN" of=expected bs=1M status=none
while read -r first count; do
    dd if=/dev/zero of=expected bs=512 seek="$first" count="$count" conv=notrunc status=none
done < <(tr ';' '\n' <<<"$BAD")
mapfile -t table < <(tr ';' '\n' <<<"$BAD" | awk -v main="$MAIN" -v end=$TOTAL '
    { print at + 0, $1 - at, "linear", main, at + 0; print $1, $2, "error"; at = $1 + $2 }
    END { if (at < end) print at, end - at, "linear", main, at }')
mkdm bad "${table[@]}"
mkremap r /dev/mapper/bad "$SPARE"
by_dd
by_ddrescue
by_badblocks
by_writing
