# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A member in use is refused by all that read more than superblocks.
new_set
exec 9<spare.img
flock 9
for words in 'format main.img spare.img --yes' 'dump spare.img' 'repair spare.img'; do
    # shellcheck disable=SC2086 # words of a command
    expect 5 'in use by another program' "$DMREMAP" $words
done
expect 8 'in use by another program' "$DMREMAP" check spare.img
expect 0 "DMREMAP_SET=$SET" "$DMREMAP" probe spare.img
exec 9<&-

if ((EUID != 0)) || ! LOOP=$(losetup --find --show spare.img 2>/dev/null); then
    echo 'skip in-use (no loop device)'
    return 0
fi
trap 'losetup -d "$LOOP" 2>/dev/null || true' EXIT
expect 5 "attached to $LOOP" "$DMREMAP" dump spare.img
expect 8 "attached to $LOOP" "$DMREMAP" check spare.img
expect 0 'nothing is damaged' "$DMREMAP" check "$LOOP"
expect 0 '^end$' "$DMREMAP" dump "$LOOP"
expect 0 "DMREMAP_SET=$SET" "$DMREMAP" probe "$LOOP"
expect 5 'holds set' "$DMREMAP" format main.img "$LOOP" --yes
expect 0 "set [0-9a-f-]{36}" "$DMREMAP" format main.img "$LOOP" --yes --wipe-set "$SET"
damage "$LOOP" "$HEAD" 2
expect 1 'after the repair' "$DMREMAP" check --repair "$LOOP"
# Held as a mapped device holds it, with O_EXCL. It tries again, since udev may be looking at what was written.
perl -e 'use Fcntl; $| = 1; my $h; select undef, undef, undef, 0.05 until sysopen($h, $ARGV[0], O_RDWR | O_EXCL);
    print "held\n"; sleep 60' "$LOOP" >holder &
HOLDER=$!
for ((i = 0; i < 300; i++)); do
    [[ ! -s holder ]] || break
    sleep 0.1
done
expect 5 'is in use' "$DMREMAP" dump "$LOOP"
expect 5 'is in use' "$DMREMAP" format main.img "$LOOP" --yes
expect 5 'is in use' "$DMREMAP" repair "$LOOP"
expect 8 'is in use' "$DMREMAP" check "$LOOP"
expect 0 'DMREMAP_USABLE=1' "$DMREMAP" probe "$LOOP"
kill "$HOLDER"
wait "$HOLDER" 2>/dev/null || true
losetup -d "$LOOP"
