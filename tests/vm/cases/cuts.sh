# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# smoke: yes
# timeout: 240
#
# Bios that begin before, in and behind remaps and cross several, by offset and length at random:
# reads, writes of several pieces, discards and write-zeroes. Afterwards every sector must be where
# the table says, main untouched below each remap, and the spare untouched beside each.

REGION=65536

# Remaps of 1 to 64 sectors at odd places: single ones, some that touch, some that follow each
# other on both sides, and one across the spare's middle site.
add_remaps() {
    local at=1001 place=3 length
    {
        while ((at < REGION - 200)); do
            length=$((RANDOM % 64 + 1))
            echo "add_remap $at $place $length"
            place=$((place + length + (RANDOM % 4 ? RANDOM % 30 + 1 : 0)))
            at=$((at + length + (RANDOM % 4 ? RANDOM % 1500 + 1 : 0)))
        done
        echo "add_remap 500 $(($(middle cut) - 21)) 64"
    } >adds
    vm-test-message -q cut <adds >added
    eq "remaps" "$(<added)" "$(wc -l <adds) accepted, 0 refused"
}

# These disks know write-zeroes, which a loop device in memory only seems to.
scratch MAIN 0
scratch SPARE 1
check "stamps on main" vm-test-sectors stamp "$MAIN" 0 $REGION 1
mkremap cut "$MAIN" "$SPARE"
add_remaps
map_of cut >map
# An extent across the middle site is one line of list and two places on the device.
BEHIND=$(physical cut "$(middle cut)")
awk -v behind="$BEHIND" '$1 == 500 && $3 == 64 { print 500, $2, 21; print 521, behind, 43; next } { print }' map >places
eq "sectors in the map" "$(awk '{ n += $3 } END { print n }' places)" "$(field cut mapped)"
check "copies are where the map says" vm-test-cuts /dev/mapper/cut "$MAIN" "$SPARE" $REGION 1 1 0 <places
echo "  seed $((SEED = RANDOM))"
check "random I/O" vm-test-cuts /dev/mapper/cut "$MAIN" "$SPARE" $REGION 1 "$SEED" 3000 <places
check "stamps again" vm-test-sectors stamp /dev/mapper/cut 0 $REGION 7
check "blkdiscard across a border" blkdiscard -o $((499 * 512)) -l $((3 * 512)) /dev/mapper/cut
check "blkdiscard -z across a border" blkdiscard -z -o $((519 * 512)) -l $((4 * 512)) /dev/mapper/cut
check "before the discard" vm-test-sectors check /dev/mapper/cut 0 499 7
check "between" vm-test-sectors check /dev/mapper/cut 502 17 7
check "zeros" vm-test-sectors check /dev/mapper/cut 519 4 0
check "behind" vm-test-sectors check /dev/mapper/cut 523 $((REGION - 523)) 7
